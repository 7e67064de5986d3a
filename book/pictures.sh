#!/bin/sh
# Draws the pictures of the book again: book/pictures.sh path/to/vickrey
set -eu
[ $# -eq 1 ] || { echo "usage: book/pictures.sh path/to/vickrey" >&2; exit 2; }
vickrey=$(CDPATH='' cd -- "$(dirname -- "$1")" && pwd)/$(basename -- "$1")
root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
for name in ieee30 balancing day-ahead-plan storage brewers lying-bidders; do
    "$vickrey" plot "$root/examples/$name.toml" --out "$work/$name" --format svg >/dev/null
done
# Scenarios that the book itself holds.
block() { awk -v name="$1" '/^```/ { on = 0 } on; $0 == "# file: " name { on = 1 }' "$root/book/src/$2"; }
for name in farms robots; do
    block $name.toml distributed.md >"$work/$name.toml"
    "$vickrey" plot "$work/$name.toml" --out "$work/$name" --format svg >/dev/null
done
for key in 000 001 002 003; do "$vickrey" reproduce $key --out "$work/$key" >/dev/null; done
pictures=$root/book/src/pictures
for file in "$work"/ieee30/*.svg; do cp "$file" "$pictures/ieee30-$(basename "$file")"; done
for kind in prices trades; do cp "$work/balancing/$kind.svg" "$pictures/balancing-$kind.svg"; done
cp "$work/day-ahead-plan/trades.svg" "$pictures/day-ahead-plan-trades.svg"
cp "$work/storage/modes.svg" "$pictures/storage-modes.svg"
cp "$work/brewers/run.svg" "$pictures/brewers-run.svg"
for file in "$work"/lying-bidders/*.svg; do cp "$file" "$pictures/lying-bidders-$(basename "$file")"; done
for kind in rounds tax-areas; do cp "$work/farms/$kind.svg" "$pictures/farms-$kind.svg"; done
cp "$work/robots/rounds.svg" "$pictures/robots-rounds.svg"
rm "$work/003/4b-bytes-by-method.svg" # the book has a table
for key in 000 001 002 003; do
    for file in "$work/$key"/*.svg; do cp "$file" "$pictures/$key-$(basename "$file")"; done
done
