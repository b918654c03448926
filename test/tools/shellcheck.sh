#!/bin/sh
# Runs shellcheck on every shell script of the project. Where there is no shellcheck it says so and lets `npm test` go
# on, but for CI.
set -eu

if command -v shellcheck >/dev/null; then
  find . -name node_modules -prune -o \( -name '*.sh' -o -path ./.ci/run \) -exec shellcheck {} +
else
  echo 'shellcheck is not installed (apt-get install shellcheck): the shell scripts are NOT checked' >&2
  [ -z "${CI:-}" ]
fi
