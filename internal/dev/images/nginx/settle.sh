# nginx: the user that the official image has, this configuration, and logs that
# go to the container's output.
user nginx 101 /nonexistent
cp "$here/conf/nginx.conf" "$root/etc/nginx/nginx.conf"
mkdir -p "$root/etc/nginx/conf.d" "$root/var/lib/nginx" "$root/var/log/nginx"
cp "$here/conf/default.conf" "$root/etc/nginx/conf.d/default.conf"
chmod 0644 "$root/etc/nginx/nginx.conf" "$root/etc/nginx/conf.d/default.conf"
chown -R 101:101 "$root/var/lib/nginx"
ln -sf /dev/stdout "$root/var/log/nginx/access.log"
ln -sf /dev/stderr "$root/var/log/nginx/error.log"
