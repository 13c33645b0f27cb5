# Sourced by the suites' run.sh: gives LIVEKIT_URL, LIVEKIT_API_KEY and LIVEKIT_API_SECRET, with a server of its own if none is named.
# The caller sets `root` to the repository. `stop_server` ends only what was started here.

server_pid=""

free_port() {
  python3 - "$1" <<'PY'
import socket, sys
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM if sys.argv[1] == "udp" else socket.SOCK_STREAM) as s:
    s.bind(("127.0.0.1", 0))
    print(s.getsockname()[1])
PY
}

start_server() {
  [ -n "${LIVEKIT_URL:-}" ] && return 0
  local binary="${CLAPT_BINARY:-}" port tries
  if [ -z "$binary" ]; then
    for candidate in "$root/target/release/clapt" "$root/target/debug/clapt"; do
      if [ -x "$candidate" ] && { [ -z "$binary" ] || [ "$candidate" -nt "$binary" ]; }; then binary="$candidate"; fi
    done
  fi
  if [ -z "$binary" ]; then
    echo "no server: set LIVEKIT_URL, or build one with cargo build" >&2
    return 1
  fi
  port="$(free_port tcp)"
  server_data="$(mktemp -d)"
  server_log="${SERVER_LOG:-$server_data/server.log}"
  CLAPT_RTC__UDP_PORT="${CLAPT_RTC__UDP_PORT:-$(free_port udp)}" "$binary" serve --dev --port "$port" --data "$server_data" >"$server_log" 2>&1 &
  server_pid=$!
  # The port answers when the server is ready; a server that ended is not waited for.
  for tries in $(seq 100); do
    curl --silent --output /dev/null "http://127.0.0.1:$port/rtc/validate" && break
    if ! kill -0 "$server_pid" 2>/dev/null || [ "$tries" = 100 ]; then
      echo "the server did not come up:" >&2
      tail -n 20 "$server_log" >&2
      return 1
    fi
    sleep 0.1
  done
  export LIVEKIT_URL="ws://127.0.0.1:$port" LIVEKIT_API_KEY="${LIVEKIT_API_KEY:-devkey}" LIVEKIT_API_SECRET="${LIVEKIT_API_SECRET:-secret}"
}

stop_server() {
  if [ -n "$server_pid" ]; then
    kill "$server_pid" 2>/dev/null
    wait "$server_pid" 2>/dev/null
    if grep -a "panicked at" "$server_log" >&2; then echo "the server panicked" >&2; fi
    rm -rf "$server_data"
    server_pid=""
  fi
}
