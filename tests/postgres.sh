#!/usr/bin/env bash
# Runs a command with a PostgreSQL server of its own, which ends with it:
#
#   tests/postgres.sh cargo test -p store
#
# The command finds the server's address in CLAPT_TEST_POSTGRES. If that is set already, or if
# PostgreSQL is not installed, the command is run as it is. The server keeps nothing (no fsync) and
# listens on a socket in a temporary directory only.
set -euo pipefail

if [ -n "${CLAPT_TEST_POSTGRES:-}" ]; then exec "$@"; fi

# Debian keeps servers out of the PATH.
initdb="$(command -v initdb || find /usr/lib/postgresql -name initdb 2>/dev/null | sort --version-sort | tail -n 1)"
bin="$(dirname "$(readlink -f "${initdb:-none}")")"
if [ ! -x "$bin/initdb" ]; then
  echo "PostgreSQL is not installed: these tests run on SQLite only" >&2
  exec "$@"
fi

folder="$(mktemp -d)"
# PostgreSQL refuses to run as root.
as_owner=()
if [ "$(id -u)" = 0 ]; then
  chown postgres "$folder"
  as_owner=(setpriv --reuid=postgres --regid=postgres --clear-groups --)
fi

"${as_owner[@]}" "$bin/initdb" --pgdata="$folder/data" --username=postgres --auth=trust --encoding=UTF8 --locale=C --no-sync >"$folder/initdb.log" 2>&1 || {
  cat "$folder/initdb.log" >&2
  exit 1
}
options="-c listen_addresses='' -c unix_socket_directories='$folder' -c fsync=off -c full_page_writes=off"
options+=" -c max_connections=400 -c shared_buffers=64MB -c log_min_messages=fatal"
"${as_owner[@]}" "$bin/pg_ctl" --pgdata="$folder/data" --log="$folder/data/log" --wait --silent --options="$options" start

stop() {
  "${as_owner[@]}" "$bin/pg_ctl" --pgdata="$folder/data" --mode=immediate --silent stop || true
  rm -rf "$folder"
}
trap stop EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

CLAPT_TEST_POSTGRES="postgres://postgres@localhost/postgres?host=${folder//\//%2F}" "$@"
