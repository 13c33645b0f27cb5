#!/usr/bin/env bash
# Runs the public test-suite of LiveKit's Python SDK, the parts that need a server. Usage: tests/python/public-suite.sh DIR [pytest arguments]
# DIR is a clone of github.com/livekit/python-sdks; the wheels are those of requirements.txt.
set -u
here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
root="$(cd "$here/../.." && pwd)"
. "$here/../server.sh"

suite="$(cd "$1" && pwd)" || exit 1
"$here/run.sh" --prepare || exit 1
trap stop_server EXIT
trap 'exit 130' INT TERM
start_server || { echo "0 passed, 1 failed"; exit 1; }

report="${REPORTS:-$(mktemp -d)}/public.xml"
# From their folder, so that our pytest.ini doesn't apply.
cd "$suite" || exit 1
RUN_DATA_TRACK_TESTS=1 "$root/.venv/bin/python" -m pytest -c /dev/null --rootdir "$suite" --import-mode=importlib -p no:cacheprovider \
  --asyncio-mode=auto --timeout 120 --junitxml="$report" tests/rtc/test_e2e.py livekit-rtc/tests "${@:2}"
status=$?
panics="$(count_panics)"
"$root/.venv/bin/python" "$here/summary.py" "$report" "$status" "$panics"
[ "$panics" = 0 ] || status=1
exit "$status"
