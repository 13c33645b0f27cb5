#!/usr/bin/env bash
# Runs the Python SDK against a server. Usage: tests/python/run.sh [pytest arguments]
# With --prepare it only makes the virtual environment.
# LIVEKIT_URL, LIVEKIT_API_KEY and LIVEKIT_API_SECRET name the server; without them the built `clapt` is started in dev mode.
set -u
here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
root="$(cd "$here/../.." && pwd)"
venv="$root/.venv"
. "$here/../server.sh"
. "$here/../python.sh"

install_packages || exit 1
[ "${1:-}" = "--prepare" ] && exit 0
trap stop_server EXIT
trap 'exit 130' INT TERM
start_server || { echo "0 passed, 1 failed"; exit 1; }

cd "$here" || exit 1
# The tests wait more than they work, so two run at a time.
run_tests --numprocesses 2 --dist worksteal "$@"
