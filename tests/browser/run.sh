#!/usr/bin/env bash
# Runs Chromium against a server. Usage: tests/browser/run.sh [test files]
# LIVEKIT_URL, LIVEKIT_API_KEY and LIVEKIT_API_SECRET name the server; without them the built `clapt` is started in dev mode.
# The files for our own web client are left out where the server has none at `/`.
set -u
here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
root="$(cd "$here/../.." && pwd)"
. "$here/../server.sh"

cd "$here" || exit 1
stamp="node_modules/.package-lock.sha256"
wanted="$(sha256sum <package-lock.json)"
if [ "$(cat "$stamp" 2>/dev/null)" != "$wanted" ]; then
  npm ci --no-audit --no-fund --loglevel=error || exit 1
  echo "$wanted" >"$stamp"
fi
# The mixed room has a participant from the Python suite.
"$here/../python/run.sh" --prepare || exit 1

trap stop_server EXIT
trap 'exit 130' INT TERM
start_server || { echo "0 passed, 1 failed"; exit 1; }

files=("$@")
if [ ${#files[@]} = 0 ]; then
  files=(livekit-client.test.mjs mixed-room.test.mjs)
  if curl --silent "${LIVEKIT_URL/#ws/http}/" | grep -q '<div id="root"'; then files+=(web-client.test.mjs); fi
fi

report="$(mktemp)"
node --test --test-concurrency=1 --test-reporter=spec --test-reporter-destination=stdout \
  --test-reporter=tap --test-reporter-destination="$report" "${files[@]}"
status=$?
count() { sed -n "s/^# $1 //p" "$report" | tail -n 1; }
failed=$(($(count fail) + $(count cancelled)))
[ "$status" != 0 ] && [ "$failed" = 0 ] && failed=1
panics="$(count_panics)"
[ "$panics" = 0 ] || status=1
failed=$((failed + panics))
echo "$(count pass) passed, $failed failed"
rm -f "$report"
exit "$status"
