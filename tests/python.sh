# Sourced by the suites in Python, after server.sh: installs the suite's packages and runs its tests.
# The caller sets `here` to its folder and `venv` to its virtual environment.

# Installs what requirements.txt names, unless that is there.
install_packages() {
  local stamp="$venv/requirements.sha256" wanted
  wanted="$(sha256sum <"$here/requirements.txt")"
  if [ "$(cat "$stamp" 2>/dev/null)" != "$wanted" ]; then
    [ -x "$venv/bin/python" ] || python3 -m venv "$venv" || return 1
    "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --requirement "$here/requirements.txt" || return 1
    echo "$wanted" >"$stamp"
  fi
}

# Runs pytest with the arguments given and prints "N passed, N failed"; a panic of the server counts as a failure.
run_tests() {
  local report status panics
  report="$(mktemp)"
  "$venv/bin/python" -m pytest --junitxml="$report" "$@"
  status=$?
  panics="$(count_panics)"
  "$venv/bin/python" "$root/tests/python/summary.py" "$report" "$status" "$panics"
  if [ -n "${REPORTS:-}" ]; then cp "$report" "$REPORTS/$(basename "$here").xml"; fi
  rm -f "$report"
  [ "$panics" = 0 ] || status=1
  return "$status"
}
