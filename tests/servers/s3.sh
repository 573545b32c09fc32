#!/usr/bin/env bash
# An S3 server: versitygw over a folder (S3_SERVER=minio: MinIO; S3_TLS=1: https). Sourced by `servers`.
# versitygw keeps objects as files, so it refuses the keys `p` and `p/q` together.

install_s3() {
  if [ "${S3_SERVER:-versitygw}" = minio ]; then
    go_program minio-20260212 github.com/minio/minio v0.0.0-20260212201848-7aac2a2c5b7c github.com/minio/minio
  else
    go_program versitygw-1.8.0 github.com/versity/versitygw v1.8.0 github.com/versity/versitygw/cmd/versitygw
  fi
}

up_s3() {
  local dir port scheme=http key=millpond-key secret=millpond-secret tls=()
  dir=$(run_dir s3)
  port=$(free_port)
  certificates
  rm -rf "$dir/certificates"
  mkdir -p "$dir/data/warehouse" "$dir/versions" "$dir/minio/warehouse" "$dir/certificates"
  [ -z "${S3_TLS:-}" ] || scheme=https
  if [ "${S3_SERVER:-versitygw}" = minio ]; then
    if [ "$scheme" = https ]; then
      cp "$(tls_dir)/server.pem" "$dir/certificates/public.crt"
      cp "$(tls_dir)/server.key" "$dir/certificates/private.key"
    fi
    MINIO_ROOT_USER=$key MINIO_ROOT_PASSWORD=$secret MINIO_BROWSER=off MINIO_UPDATE=off \
      spawn s3 "$(cache)/minio-20260212" server --address "$LOOPBACK:$port" --certs-dir "$dir/certificates" "$dir/minio"
  else
    [ "$scheme" = http ] || tls=(--cert "$(tls_dir)/server.pem" --key "$(tls_dir)/server.key")
    ROOT_ACCESS_KEY=$key ROOT_SECRET_KEY=$secret \
      spawn s3 "$(cache)/versitygw-1.8.0" --quiet --port "$LOOPBACK:$port" "${tls[@]}" \
      posix --versioning-dir "$dir/versions" "$dir/data"
  fi
  wait_for s3 30 answers "$port"
  put_env s3 "HOST=$LOOPBACK" "PORT=$port" "URL=$scheme://$LOOPBACK:$port" "KEY=$key" "SECRET=$secret" \
    REGION=us-east-1 BUCKET=warehouse "CA=$(tls_dir)/ca.pem"
}
