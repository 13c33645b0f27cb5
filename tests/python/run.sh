#!/usr/bin/env bash
# Runs the Python SDK against a server. Usage: tests/python/run.sh [pytest arguments]
# With --prepare it only makes the virtual environment.
# LIVEKIT_URL, LIVEKIT_API_KEY and LIVEKIT_API_SECRET name the server; without them the built `clapt` is started in dev mode.
set -u
here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
root="$(cd "$here/../.." && pwd)"
venv="$root/.venv"
. "$here/../server.sh"

stamp="$venv/requirements.sha256"
wanted="$(sha256sum <"$here/requirements.txt")"
if [ "$(cat "$stamp" 2>/dev/null)" != "$wanted" ]; then
  [ -x "$venv/bin/python" ] || python3 -m venv "$venv" || exit 1
  "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --requirement "$here/requirements.txt" || exit 1
  echo "$wanted" >"$stamp"
fi
[ "${1:-}" = "--prepare" ] && exit 0

trap stop_server EXIT
trap 'exit 130' INT TERM
start_server || { echo "0 passed, 1 failed"; exit 1; }

report="$(mktemp)"
cd "$here" || exit 1
# The tests wait more than they work, so two run at a time.
"$venv/bin/python" -m pytest --numprocesses 2 --dist worksteal --junitxml="$report" "$@"
status=$?
panics="$(count_panics)"
"$venv/bin/python" "$here/summary.py" "$report" "$status" "$panics"
if [ -n "${REPORTS:-}" ]; then cp "$report" "$REPORTS/sdk.xml"; fi
rm -f "$report"
[ "$panics" = 0 ] || status=1
exit "$status"
