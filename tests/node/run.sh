#!/usr/bin/env bash
# Runs LiveKit's SDKs for Node against a server. Usage: tests/node/run.sh [test files]
# LIVEKIT_URL, LIVEKIT_API_KEY and LIVEKIT_API_SECRET name the server; without them the built `clapt` is started in dev mode.
set -u
here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
root="$(cd "$here/../.." && pwd)"
. "$here/../server.sh"
. "$here/../node.sh"

cd "$here" || exit 1
install_packages || exit 1
trap stop_server EXIT
trap 'exit 130' INT TERM
start_server || { echo "0 passed, 1 failed"; exit 1; }

files=("$@")
if [ ${#files[@]} = 0 ]; then files=(*.test.mjs); fi
# In development the SDK prints each step.
NODE_ENV=production run_files "${files[@]}"
