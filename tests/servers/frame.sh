#!/usr/bin/env bash
# What every server's file uses: folders, ports, processes, readiness, certificates. Sourced by `servers`.

declare -rx LOOPBACK=127.0.0.1
declare -rx PASSWORD=millpond-test

say() { echo "servers: $*" >&2; }
die() {
  say "$*"
  exit 1
}
# Ends with the code that the fixtures turn into a skipped test.
cannot() {
  say "$*"
  exit 77
}

home() { echo "${MILLPOND_SERVERS:-${TMPDIR:-/tmp}/millpond-servers-$UID}"; }
run_dir() { echo "$(home)/run/$1"; }
tls_dir() { echo "$(home)/tls"; }

# free_port: a random port that nobody listens on.
free_port() {
  python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

# started PID: the start time of a live process; nothing for one that is gone or a zombie.
started() { awk '{sub(/.*\) /, "")} $1 != "Z" {print $20}' "/proc/$1/stat" 2>/dev/null || true; }

alive() {
  local dir pid now
  dir=$(run_dir "$1")
  pid=$(cat "$dir/pid" 2>/dev/null) || return 1
  now=$(started "${pid:-none}")
  [ -n "$now" ] && [ "$now" = "$(cat "$dir/started" 2>/dev/null)" ]
}

# Whether a process that asked for the server is still there.
has_users() {
  local file
  for file in "$(run_dir "$1")/users"/*; do
    [ -e "$file" ] || continue
    [ -z "$(started "$(basename "$file")")" ] || return 0
    rm -f "$file"
  done
  return 1
}

forget() { rm -f "$(run_dir "$1")"/{pid,started,env}; }

# spawn NAME COMMAND...: a session of its own, its log in run/NAME/log.
spawn() {
  local dir
  dir=$(run_dir "$1")
  shift
  setsid "$@" >>"$dir/log" 2>&1 </dev/null 8>&- &
  echo $! >"$dir/pid"
  started $! >"$dir/started"
}

# wait_for NAME SECONDS COMMAND...: until the command succeeds; a server that ends or takes too long is an error.
wait_for() {
  local name=$1 until=$((SECONDS + $2))
  shift 2
  until "$@" >/dev/null 2>&1; do
    if ! alive "$name"; then
      tail -n 20 "$(run_dir "$name")/log" >&2
      forget "$name"
      die "$name ended while it started"
    fi
    if [ $SECONDS -ge $until ]; then
      tail -n 20 "$(run_dir "$name")/log" >&2
      stop "$name"
      die "$name was not ready in time"
    fi
    sleep 0.1
  done
}

answers() { python3 -c 'import socket, sys; socket.create_connection(("127.0.0.1", int(sys.argv[1])), 1)' "$1"; }

# put_env NAME KEY=VALUE...: what a test needs to know.
put_env() {
  local dir
  dir=$(run_dir "$1")
  shift
  printf '%s\n' "$@" "LOG=$dir/log" >"$dir/env.new"
  mv "$dir/env.new" "$dir/env"
}

# Process ids of the server's session: the server and what it started.
session_of() { ps -eo pid=,sid= | awk -v session="$1" '$2 == session {print $1}'; }

# stop NAME: by its own signal (INT for PostgreSQL: fast shutdown), then whatever is left of its session.
stop() {
  local name=$1 dir pid left signal=TERM waited=0
  dir=$(run_dir "$name")
  if alive "$name"; then
    pid=$(cat "$dir/pid")
    [ "$name" != postgres ] || signal=INT
    kill "-$signal" "$pid" 2>/dev/null || true
    while alive "$name" && [ $waited -lt 200 ]; do
      sleep 0.1
      waited=$((waited + 1))
    done
    for left in $(session_of "$pid"); do kill -KILL "$left" 2>/dev/null || true; done
  fi
  forget "$name"
}

# run_as USER COMMAND...: PostgreSQL refuses to run as root.
run_as() {
  local user=$1
  shift
  if [ "$UID" -eq 0 ]; then
    setpriv --reuid="$user" --regid="$(id -gn "$user")" --clear-groups -- "$@"
  else
    "$@"
  fi
}

# certificates: a test CA and a server's certificate for localhost and 127.0.0.1, made once.
certificates() {
  local tls
  tls=$(tls_dir)
  command -v openssl >/dev/null || cannot "openssl is not installed; run tools/setup servers"
  exec 7>"$(home)/tls.lock"
  flock 7
  if [ ! -e "$tls/.done" ]; then
    rm -rf "$tls"
    mkdir -p "$tls"
    (
      cd "$tls"
      openssl req -x509 -newkey rsa:2048 -nodes -days 3650 -subj /CN=millpond-test-ca -keyout ca.key -out ca.pem \
        -addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign,cRLSign
      openssl req -newkey rsa:2048 -nodes -subj /CN=localhost -keyout server.key -out server.csr
      printf 'subjectAltName=DNS:localhost,IP:127.0.0.1\nextendedKeyUsage=serverAuth\n' >extensions
      openssl x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 3650 -out server.pem \
        -extfile extensions
    ) >"$(home)/tls.log" 2>&1 || die "openssl failed: $(home)/tls.log"
    touch "$tls/.done"
  fi
  flock -u 7
}
