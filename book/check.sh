#!/bin/sh
# Runs what the book shows:
#
#   book/check.sh path/to/vickrey           fails if a command ends with another exit code than the book says
#   book/check.sh path/to/vickrey --output  compares the output as well
#
# A block of toml, csv or matlab whose first line is `# file: NAME` (matlab: `% file: NAME`) becomes that file;
# scenarios are checked. In a block `console,runnable` every line that begins with `$ vickrey` is run, and the lines
# behind it are its output, in which `…` stands for what was left out. A command or scenario that fails says so by
# `# exit N` behind it. Every chapter has a temporary folder of its own, in which `examples` is that of the project.
set -eu

usage() {
    echo "usage: book/check.sh path/to/vickrey [--output]" >&2
    exit 2
}

case $#-${2-} in 1-) compare=no ;; 2---output) compare=yes ;; *) usage ;; esac
[ -x "$1" ] || usage
vickrey=$(CDPATH='' cd -- "$(dirname -- "$1")" && pwd)/$(basename -- "$1")
root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/bin"
ln -s "$vickrey" "$work/bin/vickrey"
PATH=$work/bin:$PATH
export PATH
unset NO_COLOR CLICOLOR_FORCE 2>/dev/null || true

# Splits a chapter into its files, a list of the scenarios among them (FOLDER/.files) and its commands (FOLDER/.runN).
split() {
    awk -v folder="$2" '
        function end() { if (file != "") close(file); file = "" }
        /^```/ {
            end()
            if (inside) { inside = 0; kind = ""; next }
            inside = 1; first = 1
            kind = substr($0, 4); sub(/[ {].*/, "", kind)
            next
        }
        !inside { next }
        first && /^[#%] file: / && (kind == "toml" || kind == "csv" || kind == "matlab") {
            if ($3 !~ /^[A-Za-z0-9][A-Za-z0-9._-]*$/) { print "bad file name: " $3 > "/dev/stderr"; exit 1 }
            file = folder "/" $3
            if (kind == "toml") print $3, ($4 == "exit" ? $5 : 0) > (folder "/.files")
        }
        { first = 0 }
        kind == "console,runnable" && /^\$ vickrey/ {
            end()
            file = folder "/.run" (++runs) ".out"
            want = 0
            if (match($0, /# exit [0-9]+$/)) want = substr($0, RSTART + 7)
            print want > (folder "/.run" runs ".want"); close(folder "/.run" runs ".want")
            print substr($0, 3) > (folder "/.run" runs); close(folder "/.run" runs)
            printf "" > file
            next
        }
        file != "" { print > file }
    ' "$1"
}

# The lines of a block, in their order, must stand in the output; `…` is a gap.
same() {
    awk '
        NR == FNR { sub(/[ \t]+$/, ""); found[++n] = $0; next }
        { sub(/[ \t]+$/, "") }
        $0 == "" { next }
        $0 == "…" { gap = 1; next }
        {
            shown = $0
            cut = index(shown, "…")
            head = cut ? substr(shown, 1, cut - 1) : ""
            for (k = at + 1; k <= n; k++) if (found[k] == shown || (head != "" && index(found[k], head) == 1)) break
            if (k > n) { print "  not in the output: " shown; bad = 1; next }
            for (j = at + 1; !gap && j < k; j++) if (found[j] != "") { print "  left out without …: " found[j]; bad = 1 }
            at = k
            gap = 0
        }
        END { exit bad }
    ' "$1" "$2"
}

failed=0
complain() {
    echo "$1" >&2
    failed=1
}

for chapter in "$root"/book/src/*.md; do
    name=$(basename "$chapter" .md)
    folder=$work/$name
    mkdir "$folder"
    ln -s "$root/examples" "$folder/examples"
    split "$chapter" "$folder" || complain "$name.md: cannot be split"
    cd "$folder"
    if [ -e .files ]; then
        while read -r file want; do
            got=0
            vickrey check "$file" >.found 2>&1 || got=$?
            [ "$got" = "$want" ] || { complain "$name.md: $file: exit code $got, not $want"; cat .found >&2; }
        done <.files
    fi
    k=1
    while [ -e ".run$k" ]; do
        command=$(cat ".run$k")
        want=$(cat ".run$k.want")
        got=0
        sh -c "$command" >.found 2>&1 </dev/null || got=$?
        if [ "$got" != "$want" ]; then
            complain "$name.md: $command: exit code $got, not $want"
            cat .found >&2
        elif [ $compare = yes ] && [ -s ".run$k.out" ]; then
            same .found ".run$k.out" || complain "$name.md: $command: the output differs"
        fi
        k=$((k + 1))
    done
    cd "$root"
    echo "$name.md: $((k - 1)) commands"
done
exit $failed
