#!/usr/bin/env bash
# Compares Clapt with LiveKit's server in the scenes of docs/benchmarks.md and puts the tables there.
#
#   LIVEKIT_SERVER=path/to/livekit-server loadtest/benchmarks.sh [SCENE…]
#
# A SCENE is the beginning of a name below. CLAPT is the program (target/release/clapt), ROUNDS (5) and
# DURATION (20s) are those of each comparison; as they are, all five scenes take 27 minutes. PAGE is a copy of the
# page to try it on. Pages and JSON are kept in target/benchmarks.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

page="${PAGE:-docs/benchmarks.md}"
clapt="${CLAPT:-target/release/clapt}"
livekit="${LIVEKIT_SERVER:?the path of the server that go build ./cmd/server made}"
rounds="${ROUNDS:-5}"
duration="${DURATION:-20s}"
results=target/benchmarks
secret=secretsecretsecretsecretsecretsecret

scenes=(
  "livestream-50 livestream --size 50"
  "livestream-150 livestream --size 150"
  "meeting-10 meeting --size 10"
  "meeting-30 meeting --size 30"
  "rooms-20x3 rooms --rooms 20 --size 3"
)

mkdir -p "$results"
data="$(mktemp -d)"
trap 'rm -rf "$data"' EXIT

cat >"$data/livekit.yaml" <<YAML
port: 17990
bind_addresses: [127.0.0.1]
rtc:
  udp_port: 17992
  tcp_port: 17991
  use_external_ip: false
  node_ip: 127.0.0.1
  enable_loopback_candidate: true
  interfaces:
    includes: [lo]
  batch_io:
    batch_size: 128
    max_flush_interval: 2ms
keys:
  devkey: $secret
logging:
  level: warn
YAML

# Puts standard input between the marks of $1 in the page.
insert() {
  local text
  text="$(cat)"
  TEXT="$text" awk -v name="$1" '
    $0 == "<!-- end " name " -->" { print ENVIRON["TEXT"]; inside = 0 }
    !inside { print }
    $0 == "<!-- begin " name " -->" { inside = 1 }
  ' "$page" >"$data/page.md"
  cat "$data/page.md" >"$page"
}

wanted() {
  [ "$#" = 1 ] && return 0
  local name="$1" prefix
  shift
  for prefix in "$@"; do
    case "$name" in "$prefix"*) return 0 ;; esac
  done
  return 1
}

for line in "${scenes[@]}"; do
  read -r name arguments <<<"$line"
  wanted "$name" "$@" || continue
  echo "==> $name" >&2
  # The arguments are words.
  # shellcheck disable=SC2086
  "$clapt" loadtest compare $arguments --rounds "$rounds" --duration "$duration" \
    --a-name Clapt --a-url ws://127.0.0.1:17980 \
    --a-command "env CLAPT_RTC__UDP_PORT=0 CLAPT_LOG__LEVEL=warn $clapt serve --dev --port 17980 --data $data/clapt" \
    --b-name "LiveKit 1.13.5" --b-url ws://127.0.0.1:17990 --b-secret "$secret" \
    --b-command "$livekit --config $data/livekit.yaml" \
    --json "$results/$name.json" --html "$results/$name.html" >"$results/$name.md"
  cat "$results/$name.md"
  insert "$name" <"$results/$name.md"
done

insert machine <<TEXT
Taken on $(date -u +%Y-%m-%d) with $("$clapt" --version) ($(git rev-parse --short HEAD)) on $(nproc) cores of
$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1), Linux $(uname -r), $rounds rounds of $duration.
TEXT
