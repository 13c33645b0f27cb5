# Sourced by the suites in JavaScript, after server.sh: installs the suite's packages and runs its files.

# Installs what the lock file names, unless that is there.
install_packages() {
  local stamp="node_modules/.package-lock.sha256" wanted
  wanted="$(sha256sum <package-lock.json)"
  if [ "$(cat "$stamp" 2>/dev/null)" != "$wanted" ]; then
    npm ci --no-audit --no-fund --loglevel=error || return 1
    echo "$wanted" >"$stamp"
  fi
}

# Runs the files named and prints "N passed, N failed"; a panic of the server counts as a failure.
run_files() {
  local report status failed panics
  local reporters=(--test-reporter=spec --test-reporter-destination=stdout)
  report="$(mktemp)"
  reporters+=(--test-reporter=tap --test-reporter-destination="$report")
  if [ -n "${REPORTS:-}" ]; then reporters+=(--test-reporter=junit --test-reporter-destination="$REPORTS/$(basename "$PWD").xml"); fi
  node --test --test-concurrency=1 "${reporters[@]}" "$@"
  status=$?
  count() { sed -n "s/^# $1 //p" "$report" | tail -n 1; }
  failed=$(($(count fail) + $(count cancelled)))
  [ "$status" != 0 ] && [ "$failed" = 0 ] && failed=1
  panics="$(count_panics)"
  [ "$panics" = 0 ] || status=1
  failed=$((failed + panics))
  echo "$(count pass) passed, $failed failed"
  rm -f "$report"
  return "$status"
}
