#!/bin/sh
# Makes a cluster with one database where there is none, and runs PostgreSQL on
# it. The variables are those of the official image that the example needs.
set -eu
user=${POSTGRES_USER:-postgres}
name=${POSTGRES_DB:-$user}
if [ "${1:-}" = postgres ] && [ ! -s "$PGDATA/PG_VERSION" ]; then
	new=$PGDATA/.new
	rm -rf "$new"
	initdb --pgdata="$new" --username="$user" --pwfile="$POSTGRES_PASSWORD_FILE" \
		--auth-local=trust --auth-host=scram-sha-256 --locale=C.UTF-8 --no-sync >/dev/null
	echo 'host all all all scram-sha-256' >>"$new/pg_hba.conf"
	[ "$name" = postgres ] || echo "CREATE DATABASE \"$name\"" | postgres --single -D "$new" postgres >/dev/null
	sync
	version=$(cat "$new/PG_VERSION")
	rm "$new/PG_VERSION"
	mv "$new"/* "$PGDATA"
	rmdir "$new"
	echo "$version" >"$PGDATA/PG_VERSION" # last: now it is whole
fi
exec "$@"
