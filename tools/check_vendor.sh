#!/bin/sh
# Builds the third-party JavaScript again in a folder of its own and fails when static/vendor/ or the icons differ.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
mkdir -p "$folder/static/icons" "$folder/static/js" "$folder/static/vendor"
cp -r tools package.json "$folder/"
cp static/icons/names.txt "$folder/static/icons/"
cp static/js/trusted.js "$folder/static/js/"
ln -s "$PWD/node_modules" "$folder/node_modules"
node "$folder/tools/vendor.mjs" >/dev/null
diff -r "$folder/static/vendor" static/vendor
diff "$folder/static/icons/sprite.svg" static/icons/sprite.svg
