# redis: its user owns the folder for its data.
user redis 999 /data
mkdir "$root/data"
chown 999:999 "$root/data"
