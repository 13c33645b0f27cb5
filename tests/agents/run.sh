#!/usr/bin/env bash
# Runs LiveKit's agents against a server. Usage: tests/agents/run.sh [pytest arguments]
# LIVEKIT_URL, LIVEKIT_API_KEY and LIVEKIT_API_SECRET name the server; without them the built `clapt` is started in dev mode.
# They have a virtual environment of their own, as they need another version of the SDK than tests/python.
set -u
here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
root="$(cd "$here/../.." && pwd)"
venv="$root/.venv/agents"
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
"$venv/bin/python" -m pytest --junitxml="$report" "$@"
status=$?
panics="$(count_panics)"
"$venv/bin/python" - "$report" "$status" "$panics" <<'PY'
import sys, xml.etree.ElementTree as tree

try:
    root = tree.parse(sys.argv[1]).getroot()
    count = lambda key: sum(int(s.get(key)) for s in root.iter("testsuite"))
    failed, skipped = count("failures") + count("errors"), count("skipped")
    passed = count("tests") - failed - skipped
except (tree.ParseError, TypeError):
    passed, failed = 0, 1
if sys.argv[2] != "0" and failed == 0:
    failed = 1
failed += int(sys.argv[3])
print(f"{passed} passed, {failed} failed")
PY
rm -f "$report"
[ "$panics" = 0 ] || status=1
exit "$status"
