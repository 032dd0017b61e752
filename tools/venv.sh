#!/bin/sh
# Makes .venv when it is missing and installs exactly what a lock file says, checked by hash.
# Usage: tools/venv.sh LOCK STAMP. Installs a Debian package only as root, and only when the venv module is missing.
set -eu
lock=$1
stamp=$2
python=${PYTHON:-python3}

say() { printf '%s\n' "$*" >&2; }

if ! command -v "$python" >/dev/null 2>&1; then
    say "OnRecord needs Python 3.11 or newer, and '$python' is not there. On Debian: apt-get install python3 python3-venv"
    exit 1
fi
if ! "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then
    say "OnRecord needs Python 3.11 or newer; '$python' is $("$python" -V 2>&1). Name another one: make PYTHON=python3.13"
    exit 1
fi
if ! [ -x .venv/bin/python ]; then
    if ! "$python" -c 'import ensurepip, venv' >/dev/null 2>&1; then
        package=$("$python" -c 'import sys; print("python3.%d-venv" % sys.version_info[1])')
        if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null 2>&1; then
            say "Python's venv module is missing. On Debian, as root: apt-get install $package"
            exit 1
        fi
        say "Installing the Debian package $package, which brings Python's venv module."
        apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq "$package" >/dev/null
    fi
    "$python" -m venv .venv
fi
say "Installing $lock into .venv"
.venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r "$lock"
touch "$stamp"
