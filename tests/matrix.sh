#!/usr/bin/env bash
# Runs every client against the program and prints which of them work. Usage: tests/matrix.sh [--write]
# With --write the table goes to docs/clients.md. PYTHON_SDKS=DIR adds the public test-suite of LiveKit's Python SDK
# (a clone of github.com/livekit/python-sdks). REPORTS=DIR keeps the suites' reports; those that are there already aren't run again.
set -u
here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
root="$(cd "$here/.." && pwd)"
export REPORTS="${REPORTS:-$root/target/client-reports}"
mkdir -p "$REPORTS"

run_suite() {
  [ -e "$REPORTS/$1.xml" ] || "${@:2}" >"$REPORTS/$1.log" 2>&1
  printf '%-8s %s\n' "$1" "$(grep -E '^[0-9]+ passed, [0-9]+ failed' "$REPORTS/$1.log" | tail -n 1)" >&2
}

run_suite python "$here/python/run.sh"
run_suite agents "$here/agents/run.sh"
run_suite node "$here/node/run.sh"
run_suite browser "$here/browser/run.sh"
if [ -n "${PYTHON_SDKS:-}" ]; then run_suite public "$here/python/public-suite.sh" "$PYTHON_SDKS"; fi

page=()
if [ "${1:-}" = --write ]; then page=("$root/docs/clients.md"); fi
"$root/.venv/bin/python" "$here/matrix.py" "$REPORTS" "${page[@]}"
