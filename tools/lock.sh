#!/bin/sh
# Resolves pyproject.toml into requirements.lock and requirements-dev.lock: exact versions, hashes, no index address.
# The resolver (uv) lives in a throw-away environment: the product does not need it.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
.venv/bin/python -m venv "$folder/env"
"$folder/env/bin/pip" install --quiet --disable-pip-version-check uv

compile() {
    "$folder/env/bin/uv" pip compile pyproject.toml --quiet --universal --python-version 3.11 --generate-hashes \
        --no-emit-index-url --no-emit-find-links --no-annotate --custom-compile-command "make lock" "$@"
}
compile --output-file requirements.lock
compile --group dev --output-file requirements-dev.lock
