# postgres: its user owns the folder for its data, which an entrypoint fills.
# Without LLVM, which is for compiling queries and most of the packages' size,
# and without Perl, which is for Debian's clusters.
user postgres 999 /var/lib/postgresql
mkdir -p "$root/var/lib/postgresql/data" "$root/run/postgresql" "$root/usr/local/bin"
chmod 0700 "$root/var/lib/postgresql/data"
chown -R 999:999 "$root/var/lib/postgresql" "$root/run/postgresql"
cp "$here/entrypoint.sh" "$root/usr/local/bin/docker-entrypoint.sh"
chmod 0755 "$root/usr/local/bin/docker-entrypoint.sh"
rm -rf "$root"/usr/lib/postgresql/15/lib/bitcode "$root"/usr/lib/postgresql/15/lib/llvmjit* "$root"/usr/lib/*/libLLVM* \
	"$root"/usr/lib/*/libz3* "$root"/usr/share/perl* "$root"/usr/lib/*/perl* "$root"/usr/lib/*/libperl* "$root"/usr/bin/perl*
