#!/bin/sh
# Draws the pictures of the book again: book/pictures.sh path/to/vickrey
set -eu
[ $# -eq 1 ] || { echo "usage: book/pictures.sh path/to/vickrey" >&2; exit 2; }
vickrey=$(CDPATH='' cd -- "$(dirname -- "$1")" && pwd)/$(basename -- "$1")
root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"$vickrey" plot "$root/examples/ieee30.toml" --out "$work/ieee30" --format svg >/dev/null
"$vickrey" reproduce 000 --out "$work/000" >/dev/null
for file in "$work"/ieee30/*.svg; do cp "$file" "$root/book/src/pictures/ieee30-$(basename "$file")"; done
for file in "$work"/000/*.svg; do cp "$file" "$root/book/src/pictures/000-$(basename "$file")"; done
