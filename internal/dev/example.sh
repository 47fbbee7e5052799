#!/bin/sh
# Brings up examples/nginx and shows its page. Run by `make example`, as root.
set -eu
cd "$(dirname "$0")/../.."
bin/stackup images load build/nginx-image.tar
bin/stackup -f examples/nginx/stack.yaml up -d --wait
url=http://localhost:8080/
echo
curl -fsS --max-time 10 "$url"
echo
echo "The page above comes from $url"
echo "Next: bin/stackup -f examples/nginx/stack.yaml ps | logs | down"
