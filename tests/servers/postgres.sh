#!/usr/bin/env bash
# PostgreSQL of Debian: scram passwords, TLS with the test CA. Sourced by `servers`.
#
# Users: millpond (superuser); tls_only (no connection without TLS); reader (may log in, owns nothing).

postgres_programs() {
  local place
  for place in /usr/lib/postgresql/*/bin; do
    if [ -x "$place/initdb" ]; then
      echo "$place"
      return
    fi
  done
  cannot "PostgreSQL is not installed; run tools/setup servers"
}

install_postgres() { postgres_programs >/dev/null; }

make_postgres_cluster() {
  local data=$1 programs=$2 dir
  dir=$(dirname "$data")
  rm -rf "$data"
  mkdir "$data"
  echo "$PASSWORD" >"$dir/password"
  [ "$UID" -ne 0 ] || chown postgres: "$data" "$dir/password"
  run_as postgres "$programs/initdb" --pgdata="$data" --username=millpond --pwfile="$dir/password" \
    --auth=scram-sha-256 --encoding=UTF8 --locale=C.UTF-8 --no-sync >"$dir/log" 2>&1 || {
    tail -n 5 "$dir/log" >&2
    die "initdb failed; other users must be able to enter $(home)"
  }
  cp "$(tls_dir)"/{server.pem,server.key} "$data/"
  chmod 600 "$data/server.key"
  [ "$UID" -ne 0 ] || chown postgres: "$data"/server.{pem,key}
  # fsync stays on only where a test measures it: PGOPTIONS cannot set it.
  cat >>"$data/postgresql.conf" <<CONF
listen_addresses = '$LOOPBACK'
unix_socket_directories = ''
ssl = on
ssl_cert_file = 'server.pem'
ssl_key_file = 'server.key'
fsync = ${POSTGRES_FSYNC:-off}
max_connections = 100
shared_buffers = 64MB
CONF
  printf '%s\n' "hostnossl all tls_only $LOOPBACK/32 reject" "host all all $LOOPBACK/32 scram-sha-256" \
    >"$data/pg_hba.conf"
}

up_postgres() {
  local dir programs port data start=()
  dir=$(run_dir postgres)
  data=$dir/data
  programs=$(postgres_programs)
  certificates
  [ -e "$data/PG_VERSION" ] || make_postgres_cluster "$data" "$programs"
  port=$(free_port)
  [ "$UID" -ne 0 ] || start=(setpriv --reuid=postgres "--regid=$(id -gn postgres)" --clear-groups --)
  spawn postgres "${start[@]}" "$programs/postgres" -D "$data" -p "$port"
  wait_for postgres 60 "$programs/pg_isready" --quiet --host="$LOOPBACK" --port="$port"
  PGPASSWORD=$PASSWORD "$programs/psql" --quiet --no-psqlrc --host="$LOOPBACK" --port="$port" --username=millpond \
    --dbname=postgres --set=ON_ERROR_STOP=1 >>"$dir/log" 2>&1 <<SQL || die "psql failed: $dir/log"
DO \$\$ BEGIN IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'reader') THEN
  CREATE ROLE tls_only LOGIN SUPERUSER PASSWORD '$PASSWORD';
  CREATE ROLE reader LOGIN PASSWORD '$PASSWORD';
END IF; END \$\$;
SQL
  put_env postgres "HOST=$LOOPBACK" "PORT=$port" USER=millpond "PASSWORD=$PASSWORD" DATABASE=postgres \
    "CA=$(tls_dir)/ca.pem" "PROGRAMS=$programs" "URL=postgresql://millpond:$PASSWORD@$LOOPBACK:$port/postgres"
}
