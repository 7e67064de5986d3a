#!/bin/sh
# Times Vickrey beside general solvers. Arguments go to the side-by-side program:
# --market static, lq, pivot, two-stage or dual runs one of the five.
#
#   VICKREY_PEERS_VENV    directory of the Python environment (default: .venv beside this file)
#   VICKREY_PEERS_PYTHON  the Python that makes it (default: python3)
set -eu

fail() {
    echo "run.sh: $1" >&2
    exit 1
}

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
root=$(CDPATH='' cd -- "$here/../.." && pwd)
venv=${VICKREY_PEERS_VENV:-$here/.venv}
python=${VICKREY_PEERS_PYTHON:-python3}
wanted=$here/requirements.txt
installed=$venv/installed-requirements.txt

command -v cargo >/dev/null 2>&1 || fail "cargo is not on the PATH"

# The copy is written last, so an interrupted or outdated installation is done again.
if ! cmp -s "$wanted" "$installed"; then
    command -v "$python" >/dev/null 2>&1 ||
        fail "$python is not on the PATH (set VICKREY_PEERS_PYTHON)"
    "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
        fail "$python is older than Python 3.11 (set VICKREY_PEERS_PYTHON)"
    # A directory with other things in it is not ours to install into.
    if [ -e "$venv" ] && [ ! -e "$venv/pyvenv.cfg" ]; then
        if [ ! -d "$venv" ] || [ -n "$(ls -A "$venv")" ]; then
            fail "$venv exists and is not a Python environment"
        fi
    fi
    echo "run.sh: installing the solvers into $venv" >&2
    "$python" -m venv "$venv" || fail "cannot make a Python environment in $venv"
    "$venv/bin/python" -m pip install --quiet --disable-pip-version-check -r "$wanted" >&2 ||
        fail "pip could not install $wanted"
    cp "$wanted" "$installed"
fi

# As the manifest is given by its path, relative paths among the arguments stay the caller's.
venv=$(CDPATH='' cd -- "$venv" && pwd)
exec cargo run --release --manifest-path "$root/Cargo.toml" -p vickrey-benches \
    --bin side-by-side -- --python "$venv/bin/python" --scripts "$here" "$@"
