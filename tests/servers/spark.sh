#!/usr/bin/env bash
# Spark Connect with Iceberg, and JDBC drivers for both kinds of ledger. Sourced by `servers`.
# 4.1 is the newest Spark that an Iceberg runtime fits. Catalogs are set by the client, per session: see spark_client.py.

install_spark() {
  java17 >/dev/null
  python_environment spark-4.1.4 "$(dirname "${BASH_SOURCE[0]}")/../../requirements/spark.txt"
  jars spark-jars-iceberg-1.12.0 org.apache.iceberg:iceberg-spark-runtime-4.1_2.13:1.12.0 \
    org.apache.iceberg:iceberg-aws-bundle:1.12.0 org.xerial:sqlite-jdbc:3.54.1.0 org.postgresql:postgresql:42.7.7
}

up_spark() {
  local dir port python spark_home
  dir=$(run_dir spark)
  port=$(free_port)
  mkdir -p "$dir/tmp"
  python=$(cache)/spark-4.1.4/bin/python
  spark_home=$("$python" -c 'import os, pyspark; print(os.path.dirname(pyspark.__file__))')
  JAVA_HOME=$(java17) SPARK_HOME=$spark_home SPARK_LOCAL_IP="$LOOPBACK" PYSPARK_PYTHON=$python \
    spawn spark "$spark_home/bin/spark-submit" --class org.apache.spark.sql.connect.service.SparkConnectServer \
    --name millpond-test --master 'local[2]' --driver-memory 1g \
    --driver-java-options '-XX:+UseSerialGC -XX:TieredStopAtLevel=1 -Djava.net.preferIPv4Stack=true' \
    --jars "$(printf '%s,' "$(cache)"/spark-jars-iceberg-1.12.0/*.jar)" \
    --conf spark.sql.extensions=org.apache.iceberg.spark.extensions.IcebergSparkSessionExtensions \
    --conf spark.connect.grpc.binding.address="$LOOPBACK" --conf spark.connect.grpc.binding.port="$port" \
    --conf spark.driver.bindAddress="$LOOPBACK" --conf spark.driver.host="$LOOPBACK" --conf spark.ui.enabled=false \
    --conf spark.sql.shuffle.partitions=2 --conf spark.local.dir="$dir/tmp" \
    --conf spark.sql.warehouse.dir="$dir/hive" --conf spark.sql.artifact.isolation.enabled=false spark-internal
  wait_for spark 180 answers "$port"
  put_env spark "HOST=$LOOPBACK" "PORT=$port" "URL=sc://$LOOPBACK:$port" "PYTHON=$python"
}
