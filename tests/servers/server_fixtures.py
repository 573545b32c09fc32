"""Real servers for tests, started once per test run and stopped at its end; tests/conftest.py offers them.

A test that asks for a server which cannot be had here (a package is missing) is skipped, and says which.
"""

from __future__ import annotations

import itertools
import json
import os
import shutil
import subprocess
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

HERE = Path(__file__).resolve().parent
SERVERS = HERE / "servers"
CANNOT = 77  # the script's exit code where a package is missing


def home_of(run: str) -> Path:
    """Servers of one test run live in a folder of their own, which all of its workers share."""
    return Path(tempfile.gettempdir()) / f"millpond-servers-{run[:16]}"


def _environment() -> dict[str, str]:
    run = os.environ.get("PYTEST_XDIST_TESTRUNUID", f"{os.getpid()}")
    return {**os.environ, "MILLPOND_SERVERS": os.environ.get("MILLPOND_SERVERS", str(home_of(run)))}


def remove_home(config: pytest.Config) -> None:
    """Remove what the servers of this run left, at its end; called in the process that began it."""
    if "PYTEST_XDIST_WORKER" in os.environ:
        return
    workers = getattr(config.pluginmanager.get_plugin("dsession"), "nodemanager", None)
    shutil.rmtree(home_of(getattr(workers, "testrunuid", f"{os.getpid()}")), ignore_errors=True)


def _call(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(SERVERS), *arguments], env=_environment(), capture_output=True, text=True, check=False, timeout=900
    )


def start(name: str) -> Iterator[dict[str, str]]:
    """Start a server of the script and yield its settings; stop it when no worker uses it any more."""
    done = _call("up", name, "--for", str(os.getpid()))
    if done.returncode == CANNOT:
        pytest.skip(done.stderr.strip())
    if done.returncode != 0:
        pytest.fail(f"the server {name} did not start: {done.stderr}")
    try:
        lines = _call("env", name).stdout.splitlines()
        yield dict(line.split("=", 1) for line in lines)
    finally:
        _call("down", name, "--for", str(os.getpid()))


@dataclass(frozen=True)
class PostgresServer:
    """A running PostgreSQL; `env` is what tests/servers/servers tells of it."""

    env: dict[str, str]

    def psql(self, statement: str, database: str = "postgres") -> str:
        """Run SQL as the superuser; rows come back as lines, columns separated by |."""
        command = [f"{self.env['PROGRAMS']}/psql", "--no-psqlrc", "--quiet", "--tuples-only", "--no-align"]
        command += ["--set=ON_ERROR_STOP=1", self.url(database), "--command", statement]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def url(self, database: str, user: str = "", host: str = "", options: str = "", scheme: str = "postgresql") -> str:
        """A URL with the password in it; `options` go behind the question mark."""
        secret = quote(self.env["PASSWORD"])
        place = f"{host or self.env['HOST']}:{self.env['PORT']}"
        return f"{scheme}://{user or self.env['USER']}:{secret}@{place}/{database}" + (options and f"?{options}")

    def new_database(self) -> str:
        """Make an empty database and return its name."""
        name = f"pond_{uuid.uuid4().hex[:12]}"
        self.psql(f"CREATE DATABASE {name}")
        return name


@dataclass(frozen=True)
class S3Server:
    """A running S3 server with the bucket `warehouse`."""

    env: dict[str, str]

    @property
    def endpoint(self) -> str:
        return self.env["URL"]

    @property
    def variables(self) -> dict[str, str]:
        """The standard environment variables that lead a client to it."""
        return {
            "AWS_ACCESS_KEY_ID": self.env["KEY"],
            "AWS_SECRET_ACCESS_KEY": self.env["SECRET"],
            "AWS_REGION": self.env["REGION"],
            "AWS_ENDPOINT_URL": self.env["URL"],
        }


class SparkServer:
    """A running Spark Connect with Iceberg, and one client process that speaks JSON lines (spark_client.py)."""

    def __init__(self, env: dict[str, str]) -> None:
        self.env = env
        self._numbers = itertools.count(1)
        self._client = subprocess.Popen(
            [env["PYTHON"], str(HERE / "spark_client.py"), env["URL"]],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def _ask(self, request: dict[str, Any]) -> Any:
        assert self._client.stdin is not None and self._client.stdout is not None
        self._client.stdin.write(json.dumps(request) + "\n")
        self._client.stdin.flush()
        answer = json.loads(self._client.stdout.readline() or '{"error": "the Spark client ended"}')
        if "error" in answer:
            raise RuntimeError(answer["error"])
        return answer["ok"]

    def sql(self, statement: str) -> list[dict[str, Any]]:
        """Run one statement; rows come back as JSON has them (timestamps, decimals and bytes as text)."""
        rows: list[dict[str, Any]] = self._ask({"sql": statement})
        return rows

    def catalog(self, properties: dict[str, str]) -> str:
        """Register an Iceberg catalog for this session and return its name, which statements begin with."""
        name = f"c{next(self._numbers)}"
        conf = {f"spark.sql.catalog.{name}": "org.apache.iceberg.spark.SparkCatalog"}
        conf |= {f"spark.sql.catalog.{name}.{key}": value for key, value in properties.items()}
        self._ask({"conf": conf})
        return name

    def jdbc_catalog(self, uri: str, warehouse: str, **more: str) -> str:
        """Register a pond's ledger (`jdbc:sqlite:file:…` or `jdbc:postgresql://…`) as an Iceberg catalog.

        The name that Spark knows it by is the catalog's name in the tables, so it must be Millpond's; statements use
        ``millpond.namespace.table``. Each call replaces the one before, in a session of its own.
        """
        self._ask({"session": True})
        conf = {
            "spark.sql.catalog.millpond": "org.apache.iceberg.spark.SparkCatalog",
            "spark.sql.catalog.millpond.catalog-impl": "org.apache.iceberg.jdbc.JdbcCatalog",
            "spark.sql.catalog.millpond.jdbc.schema-version": "V1",
            "spark.sql.catalog.millpond.uri": uri,
            "spark.sql.catalog.millpond.warehouse": warehouse,
        }
        conf |= {f"spark.sql.catalog.millpond.{key.replace('_', '.')}": value for key, value in more.items()}
        self._ask({"conf": conf})
        return "millpond"

    def close(self) -> None:
        """End the client; the server goes with its fixture."""
        with suppress(BrokenPipeError):
            self._client.communicate("", timeout=30)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """A real PostgreSQL on 127.0.0.1 with TLS."""
    for env in start("postgres"):
        yield PostgresServer(env)


@pytest.fixture(scope="session")
def s3_server() -> Iterator[S3Server]:
    """A real S3 server on 127.0.0.1."""
    for env in start("s3"):
        yield S3Server(env)


@pytest.fixture(scope="session")
def spark_server() -> Iterator[SparkServer]:
    """A real Spark with Iceberg on 127.0.0.1."""
    for env in start("spark"):
        spark = SparkServer(env)
        yield spark
        spark.close()
