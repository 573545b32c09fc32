"""The servers that the other tests use: they start, answer, and stop only what they started."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from pathlib import Path

import pytest
from server_fixtures import SERVERS, PostgresServer, S3Server, SparkServer


def test_postgres_answers_with_tls(postgres_server: PostgresServer) -> None:
    database = postgres_server.new_database()
    postgres_server.psql("CREATE TABLE t (a int); INSERT INTO t VALUES (7)", database)
    assert postgres_server.psql("SELECT a FROM t", database) == "7"
    assert postgres_server.psql("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()") == "t"
    assert postgres_server.psql("SHOW listen_addresses") == "127.0.0.1"


@pytest.mark.slow
def test_s3_answers(s3_server: S3Server) -> None:
    from pyarrow import fs

    env = s3_server.env
    files = fs.S3FileSystem(
        access_key=env["KEY"], secret_key=env["SECRET"], endpoint_override=env["URL"], region=env["REGION"]
    )
    with files.open_output_stream("warehouse/a/b") as out:
        out.write(b"x" * (6 << 20))
    with files.open_input_file("warehouse/a/b") as file:
        assert file.size() == 6 << 20


@pytest.mark.slow
def test_spark_answers(spark_server: SparkServer, tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    name = spark_server.jdbc_catalog(f"jdbc:sqlite:file:{tmp_path}/catalog.db", f"file://{tmp_path}/warehouse")
    spark_server.sql(f"CREATE NAMESPACE {name}.n")
    spark_server.sql(f"CREATE TABLE {name}.n.t (id BIGINT, v STRING) USING iceberg")
    spark_server.sql(f"INSERT INTO {name}.n.t VALUES (1, 'a'), (2, NULL)")
    assert spark_server.sql(f"SELECT * FROM {name}.n.t ORDER BY id") == [{"id": 1, "v": "a"}, {"id": 2, "v": None}]
    with pytest.raises(RuntimeError, match="no_such_table"):
        spark_server.sql(f"SELECT * FROM {name}.n.no_such_table")


@pytest.fixture
def own_home(tmp_path: Path) -> dict[str, str]:
    """A place for servers that this test alone uses."""
    if shutil.which("initdb", path="/usr/lib/postgresql/15/bin") is None:
        pytest.skip("PostgreSQL is not installed; run tools/setup servers")
    home = Path(f"/tmp/millpond-servers-test-{os.getpid()}")
    shutil.rmtree(home, ignore_errors=True)
    yield {**os.environ, "MILLPOND_SERVERS": str(home)}
    subprocess.run([str(SERVERS), "wipe", "all"], env={**os.environ, "MILLPOND_SERVERS": str(home)}, check=True)
    shutil.rmtree(home)


def call(env: dict[str, str], *arguments: str) -> str:
    done = subprocess.run([str(SERVERS), *arguments], env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def settings(env: dict[str, str]) -> dict[str, str]:
    return dict(line.split("=", 1) for line in call(env, "env", "postgres").splitlines())


def test_a_server_stops_with_its_last_user(own_home: dict[str, str]) -> None:
    users = [subprocess.Popen(["sleep", "600"]) for _ in range(2)]
    try:
        for user in users:
            call(own_home, "up", "postgres", "--for", str(user.pid))
        port = int(settings(own_home)["PORT"])
        call(own_home, "down", "postgres", "--for", str(users[0].pid))
        socket.create_connection(("127.0.0.1", port), 5).close()
        users[1].kill()  # As a killed test run: nobody says down.
        users[1].wait()
        deadline = time.monotonic() + 60
        while "postgres up" in call(own_home, "status") and time.monotonic() < deadline:
            time.sleep(0.2)
        assert "postgres down" in call(own_home, "status")
        with pytest.raises(OSError):
            socket.create_connection(("127.0.0.1", port), 5)
    finally:
        for user in users:
            user.kill()
            user.wait()


def test_data_outlive_a_stop(own_home: dict[str, str]) -> None:
    call(own_home, "up", "postgres")
    env = settings(own_home)
    PostgresServer(env).psql("CREATE TABLE kept (a int)")
    call(own_home, "down", "postgres")
    call(own_home, "up", "postgres")
    assert PostgresServer(settings(own_home)).psql("SELECT count(*) FROM kept") == "0"


def test_what_is_unknown_is_refused(own_home: dict[str, str]) -> None:
    done = subprocess.run([str(SERVERS), "up", "oracle"], env=own_home, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "there are: postgres" in done.stderr
