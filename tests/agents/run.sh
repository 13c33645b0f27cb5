#!/usr/bin/env bash
# Runs LiveKit's agents against a server. Usage: tests/agents/run.sh [pytest arguments]
# LIVEKIT_URL, LIVEKIT_API_KEY and LIVEKIT_API_SECRET name the server; without them the built `clapt` is started in dev mode.
# They have a virtual environment of their own, as they need another version of the SDK than tests/python.
set -u
here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
root="$(cd "$here/../.." && pwd)"
venv="$root/.venv/agents"
. "$here/../server.sh"
. "$here/../python.sh"

install_packages || exit 1
trap stop_server EXIT
trap 'exit 130' INT TERM
start_server || { echo "0 passed, 1 failed"; exit 1; }

cd "$here" || exit 1
run_tests "$@"
