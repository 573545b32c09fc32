"""A pond whose ledger is in PostgreSQL: made, used, shared with other programs, and silent about its password."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from server_fixtures import PostgresServer, SparkServer


def make(millpond: Any, tmp_path: Path, url: str, name: str = "pond") -> None:
    (tmp_path / "a.csv").write_text("id,city\n1,Oslo\n2,Roma\n")
    millpond("init", name, "--ledger", url)
    millpond("--pond", name, "sync", "a.csv", "--table", "shop.orders")


def test_a_pond_works_as_with_sqlite(millpond: Any, tmp_path: Path, database: str) -> None:
    make(millpond, tmp_path, f"{database}?schema=one")
    assert not (tmp_path / "pond" / "ledger.db").exists()
    assert f'url = "{database}?schema=one"' in (tmp_path / "pond" / "millpond.toml").read_text()
    rows = millpond("--pond", "pond", "sql", "SELECT city FROM shop.orders ORDER BY id")
    assert rows == [{"city": "Oslo"}, {"city": "Roma"}]
    assert millpond("--pond", "pond", "doctor")["healthy"]
    assert len(millpond("--pond", "pond", "log")["commits"]) == 1
    shown = millpond("--pond", "pond", "ledger", "show")
    assert shown["kind"] == "postgresql" and shown["ledger"].endswith("?schema=one")


def test_ponds_share_a_database_by_schema(millpond: Any, tmp_path: Path, database: str) -> None:
    make(millpond, tmp_path, f"{database}?schema=one", "one")
    make(millpond, tmp_path, f"{database}?schema=two", "two")
    millpond("--pond", "two", "sync", "a.csv", "--table", "only.two")
    assert [t["table"] for t in millpond("--pond", "one", "ls")["tables"]] == ["shop.orders"]
    message = millpond("init", "three", "--ledger", f"{database}?schema=two", fails="already_exists")
    assert "schema" in message
    assert not (tmp_path / "three").exists()


def test_pyiceberg_reads_and_writes_beside_us(millpond: Any, tmp_path: Path, database: str) -> None:
    pytest.importorskip("psycopg2")
    from pyiceberg.catalog.sql import SqlCatalog

    make(millpond, tmp_path, f"{database}?schema=one")
    uri = database.replace("postgresql://", "postgresql+psycopg2://") + "?options=-csearch_path%3Done"
    catalog = SqlCatalog("millpond", uri=uri, warehouse=f"file://{tmp_path}/pond/truth", init_catalog_tables="false")
    table = catalog.load_table("shop.orders")
    assert sorted(table.scan().to_arrow()["city"].to_pylist()) == ["Oslo", "Roma"]
    schema = table.schema().as_arrow()
    row = dict.fromkeys(schema.names) | {"id": 3, "city": "Riga"}
    if "sample_id" in schema.names:
        row["sample_id"] = 99
    table.append(pa.Table.from_pylist([row], schema=schema))
    assert millpond("--pond", "pond", "sql", "SELECT count(*) AS n FROM shop.orders") == [{"n": 3}]
    assert millpond("--pond", "pond", "status")["unrecorded"] == ["shop.orders"]
    millpond("--pond", "pond", "commit", "-m", "take it in")
    assert millpond("--pond", "pond", "doctor")["healthy"]


@pytest.mark.slow
def test_spark_reads_and_writes_beside_us(
    millpond: Any, tmp_path: Path, database: str, postgres_server: PostgresServer, spark_server: SparkServer
) -> None:
    make(millpond, tmp_path, f"{database}?schema=one")
    env = postgres_server.env
    jdbc = f"jdbc:postgresql://{env['HOST']}:{env['PORT']}/{database.rsplit('/', 1)[1]}?currentSchema=one"
    catalog = spark_server.jdbc_catalog(
        jdbc, f"file://{tmp_path}/pond/truth", jdbc_user=env["USER"], jdbc_password=env["PASSWORD"]
    )
    count = f"SELECT count(*) AS n FROM {catalog}.shop.orders"
    assert spark_server.sql(count) == [{"n": 2}]
    spark_server.sql(f"DELETE FROM {catalog}.shop.orders WHERE id = 1")
    assert millpond("--pond", "pond", "sql", "SELECT city FROM shop.orders") == [{"city": "Roma"}]


def test_passwords_are_refused_where_others_see_them(
    millpond: Any, tmp_path: Path, database: str, postgres_server: PostgresServer
) -> None:
    secret = postgres_server.env["PASSWORD"]
    with_secret = database.replace("@", f":{secret}@", 1)
    message = millpond("init", "pond", "--ledger", with_secret, fails="invalid")
    assert secret not in message and "password_env" in message
    # In the environment it is allowed, and masked in what is shown.
    env = {"MILLPOND_LEDGER_URL": with_secret + "?schema=one", "PGPASSWORD": ""}
    millpond("init", "pond", **env)
    settings = millpond("--pond", "pond", "config", **env)["settings"]
    shown = next(entry["value"] for entry in settings if entry["name"] == "ledger.url")
    assert secret not in shown and "***" in shown
    assert secret not in str(millpond("--pond", "pond", "ledger", "show", **env))
    assert secret not in (tmp_path / "pond" / "millpond.toml").read_text()


def test_the_password_comes_from_where_the_url_says(
    millpond: Any, tmp_path: Path, database: str, postgres_server: PostgresServer
) -> None:
    env = postgres_server.env
    message = millpond("init", "pond", "--ledger", database, fails="denied", PGPASSWORD="")
    assert "PGPASSWORD" in message
    message = millpond("init", "pond", "--ledger", database, fails="denied", PGPASSWORD="wrong-one")
    assert "wrong-one" not in message
    passfile = tmp_path / "passfile"
    passfile.write_text(f"*:*:*:{env['USER']}:{env['PASSWORD']}\n")
    passfile.chmod(0o600)
    millpond("init", "by-file", "--ledger", f"{database}?schema=a&passfile={passfile}", PGPASSWORD="")
    by_variable = f"{database}?schema=b&password_env=POND_PASSWORD"
    millpond("init", "by-variable", "--ledger", by_variable, PGPASSWORD="", POND_PASSWORD=env["PASSWORD"])


def test_tls_is_verified_where_the_host_is_another(
    millpond: Any, tmp_path: Path, database: str, postgres_server: PostgresServer
) -> None:
    env = postgres_server.env
    # An alias of this machine that does not look like it: libpq connects to hostaddr and verifies host.
    far = database.replace(env["HOST"], "db.example.com") + f"?hostaddr={env['HOST']}&schema=far"
    message = millpond("init", "far", "--ledger", far, fails="denied")
    assert "sslrootcert" in message
    message = millpond("init", "far", "--ledger", f"{far}&sslrootcert={env['CA']}", fails="denied")
    assert "db.example.com" in message  # The certificate is for localhost.
    near = database.replace(env["HOST"], "localhost") + f"?sslmode=verify-full&sslrootcert={env['CA']}&schema=near"
    millpond("init", "near", "--ledger", near)


def test_a_server_that_is_away_is_unavailable(millpond: Any, tmp_path: Path) -> None:
    url = "postgresql://nobody@127.0.0.1:1/nothing"
    message = millpond("--set", "ledger.busy_ms=100", "init", "pond", "--ledger", url, fails="unavailable")
    assert "127.0.0.1" in message
    assert not (tmp_path / "pond").exists()
    millpond("init", "pond", "--ledger", "mysql://localhost/x", fails="invalid")


def test_a_missing_libpq_names_the_package(program: Path, tmp_path: Path) -> None:
    shadow = tmp_path / "shadow"
    shadow.mkdir()
    (shadow / "libpq.so.5").write_text("not a library")
    done = subprocess.run(
        [str(program), "init", "pond", "--ledger", "postgresql://h/d"],
        cwd=tmp_path,
        env={**os.environ, "LD_LIBRARY_PATH": str(shadow)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode != 0
    assert re.search(r"error \(unavailable\): .*libpq5", done.stderr), done.stderr
