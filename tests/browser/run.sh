#!/usr/bin/env bash
# Runs Chromium and Firefox against a server. Usage: tests/browser/run.sh [test files]
# LIVEKIT_URL, LIVEKIT_API_KEY and LIVEKIT_API_SECRET name the server; without them the built `clapt` is started in dev mode.
# The files for our own web client are left out where the server has none at `/`.
set -u
here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
root="$(cd "$here/../.." && pwd)"
. "$here/../server.sh"
. "$here/../node.sh"

cd "$here" || exit 1
install_packages || exit 1
# The mixed room has a participant from the Python suite.
"$here/../python/run.sh" --prepare || exit 1

trap stop_server EXIT
trap 'exit 130' INT TERM
start_server || { echo "0 passed, 1 failed"; exit 1; }

files=("$@")
if [ ${#files[@]} = 0 ]; then
  files=(livekit-client.test.mjs backup-codec.test.mjs old-clients.test.mjs firefox.test.mjs whip.test.mjs mixed-room.test.mjs)
  if curl --silent "${LIVEKIT_URL/#ws/http}/" | grep -q '<div id="root"'; then files+=(web-client.test.mjs shell.test.mjs); fi
fi

run_files "${files[@]}"
