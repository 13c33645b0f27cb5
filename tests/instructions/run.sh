#!/usr/bin/env bash
# Counts the instructions that one forwarded packet takes, and compares them with the baseline.
#
#   tests/instructions/run.sh            check
#   tests/instructions/run.sh --update   write the counts into the baseline
#
# The count has no noise worth mentioning, unlike seconds on a shared machine. It fails if a scene takes
# over 3 % more than its baseline. Under valgrind, on x86-64; see docs/testing.md for what is counted.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

TOLERANCE_PERCENT=3
baseline=tests/instructions/baseline
target="${CARGO_TARGET_DIR:-target}"

# Prints the instructions per forward of scene $1.
count() {
  local scene="$1" log="$target/instructions-$1.log" forwards instructions
  valgrind --tool=callgrind --toggle-collect='*measured_turn*' \
    --callgrind-out-file="$target/instructions-$scene.callgrind" \
    "$target/release/examples/instructions" "$scene" >"$log" 2>&1 || { cat "$log" >&2 && return 1; }
  forwards="$(awk '$1 == "forwards" { print $2 }' "$log")"
  instructions="$(awk '/ Collected : / { print $NF }' "$log")"
  if [ -z "$forwards" ] || [ "${instructions:-0}" = 0 ]; then cat "$log" >&2 && return 1; fi
  echo "$((instructions / forwards))"
}

# With `clapt`, so that the dependencies are those of its build, and not built again.
cargo build --release --locked --quiet --package clapt --package engine --example instructions
passed=0 failed=0 counts=()
for scene in video audio; do
  counted="$(count "$scene")"
  counts+=("$scene $counted")
  expected="$(awk -v scene="$scene" '$1 == scene { print $2 }' "$baseline")"
  change=$((100 * (counted - expected)))
  limit=$((TOLERANCE_PERCENT * expected))
  verdict=ok
  if [ "$change" -gt "$limit" ]; then
    verdict="FAILED: more than $TOLERANCE_PERCENT % above the baseline"
  elif [ "$change" -lt "-$limit" ]; then
    verdict="ok, and so much lower that the baseline is due: tests/instructions/run.sh --update"
  fi
  if [ "${verdict#FAILED}" = "$verdict" ]; then passed=$((passed + 1)); else failed=$((failed + 1)); fi
  echo "$scene: $counted instructions per forward, baseline $expected: $verdict"
done
if [ "${1:-}" = --update ]; then
  {
    grep '^#' "$baseline"
    printf '%s\n' "${counts[@]}"
  } >"$baseline.new"
  mv "$baseline.new" "$baseline"
  echo "wrote $baseline"
  exit 0
fi
rustc --version
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
