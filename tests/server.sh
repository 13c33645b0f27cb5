# Sourced by the suites' run.sh: gives LIVEKIT_URL, LIVEKIT_API_KEY and LIVEKIT_API_SECRET, with a server of its own if none is named.
# The caller sets `root` to the repository. `stop_server` ends only what was started here.

server_pid=""

start_server() {
  [ -n "${LIVEKIT_URL:-}" ] && return 0
  local binary="${CLAPT_BINARY:-}" port="" tries
  if [ -z "$binary" ]; then
    for candidate in "$root/target/release/clapt" "$root/target/debug/clapt"; do
      if [ -x "$candidate" ] && { [ -z "$binary" ] || [ "$candidate" -nt "$binary" ]; }; then binary="$candidate"; fi
    done
  fi
  if [ -z "$binary" ]; then
    echo "no server: set LIVEKIT_URL, or build one with cargo build" >&2
    return 1
  fi
  server_data="$(mktemp -d)"
  server_log="${SERVER_LOG:-$server_data/server.log}"
  CLAPT_RTC__UDP_PORT="${CLAPT_RTC__UDP_PORT:-0}" "$binary" serve --dev --port 0 --data "$server_data" >"$server_log" 2>&1 &
  server_pid=$!
  # The server names its port when it is ready; one that ended is not waited for.
  for tries in $(seq 100); do
    port="$(sed -n 's/^Clapt is ready: .*:\([0-9]*\).*/\1/p' "$server_log")"
    [ -n "$port" ] && break
    if ! kill -0 "$server_pid" 2>/dev/null || [ "$tries" = 100 ]; then
      echo "the server did not come up:" >&2
      tail -n 20 "$server_log" >&2
      return 1
    fi
    sleep 0.1
  done
  export SERVER_LOG="$server_log"
  export LIVEKIT_URL="ws://127.0.0.1:$port" LIVEKIT_API_KEY="${LIVEKIT_API_KEY:-devkey}" LIVEKIT_API_SECRET="${LIVEKIT_API_SECRET:-secret}"
}

# How often the server that was started here panicked. Each counts as a failure.
count_panics() {
  if [ -n "$server_pid" ]; then grep -a -c "panicked at" "$server_log"; else echo 0; fi
}

stop_server() {
  if [ -n "$server_pid" ]; then
    kill "$server_pid" 2>/dev/null
    wait "$server_pid" 2>/dev/null
    grep -a -A 3 "panicked at" "$server_log" >&2
    rm -rf "$server_data"
    server_pid=""
  fi
}
