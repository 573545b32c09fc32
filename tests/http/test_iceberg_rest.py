"""The Iceberg REST catalog of `millpond serve`, by plain HTTP and by PyIceberg's client."""

from __future__ import annotations

import concurrent.futures
import http.client
import itertools
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlparse

import pyarrow as pa
import pytest
from pond_server import Served, serve
from pyiceberg.catalog.rest import RestCatalog
from pyiceberg.exceptions import (
    CommitFailedException,
    NamespaceAlreadyExistsError,
    NamespaceNotEmptyError,
    NoSuchNamespaceError,
    NoSuchTableError,
    TableAlreadyExistsError,
)

ROWS = pa.table({"id": pa.array([1, 2, 3], pa.int64()), "text": ["a", None, "ö"]})


@pytest.fixture(scope="module")
def served(program: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serve(program, tmp_path_factory.mktemp("rest") / "pond") as running:
        yield running


@pytest.fixture(scope="module")
def catalog(served: Served) -> RestCatalog:
    return RestCatalog("millpond", uri=served.url, token=served.token)


def test_a_table_goes_both_ways(served: Served, catalog: RestCatalog) -> None:
    catalog.create_namespace("shop", {"owner": "ana"})
    assert catalog.load_namespace_properties("shop") == {"owner": "ana"}
    table = catalog.create_table("shop.orders", ROWS.schema)
    table.append(ROWS)
    table.append(ROWS)
    assert served.cli("sql", "SELECT count(*) AS n FROM shop.orders") == [{"n": 6}]
    commit = served.cli("log")["commits"][0]
    assert commit["operation"] == "catalog"
    assert [change["table"] for change in commit["tables"]] == ["shop.orders"]
    assert served.cli("status")["unrecorded"] == []
    assert catalog.load_table("shop.orders").scan().to_arrow().num_rows == 6


def test_schema_changes_and_deletes_of_a_client_are_read(served: Served, catalog: RestCatalog) -> None:
    catalog.create_namespace_if_not_exists("shop")
    table = catalog.create_table("shop.changing", ROWS.schema)
    table.append(ROWS)
    with table.update_schema() as update:
        update.add_column("price", pa_double())
    table.delete("id = 2")
    rows = served.cli("sql", "SELECT id, price FROM shop.changing ORDER BY id")
    assert rows == [{"id": 1, "price": None}, {"id": 3, "price": None}]


def pa_double() -> Any:
    from pyiceberg.types import DoubleType

    return DoubleType()


def test_one_request_changes_several_tables_or_none(served: Served, catalog: RestCatalog) -> None:
    catalog.create_namespace_if_not_exists("both")
    for name in ("a", "b"):
        catalog.create_table(f"both.{name}", ROWS.schema)
    before = len(served.cli("log")["commits"])

    def change(name: str, uuid: str) -> dict[str, Any]:
        return {
            "identifier": {"namespace": ["both"], "name": name},
            "requirements": [{"type": "assert-table-uuid", "uuid": uuid}],
            "updates": [{"action": "set-properties", "updates": {"seen": name}}],
        }

    uuids = {name: str(catalog.load_table(f"both.{name}").metadata.table_uuid) for name in ("a", "b")}
    wrong = [change("a", uuids["a"]), change("b", uuids["a"])]
    status, body, _ = served.ask("POST", "/v1/transactions/commit", {"table-changes": wrong})
    assert (status, body["error"]["type"]) == (409, "CommitFailedException")
    assert "seen" not in catalog.load_table("both.a").properties
    right = [change(name, uuids[name]) for name in ("a", "b")]
    status, _, _ = served.ask("POST", "/v1/transactions/commit", {"table-changes": right})
    assert status == 204
    assert [catalog.load_table(f"both.{name}").properties["seen"] for name in ("a", "b")] == ["a", "b"]
    commits = served.cli("log")["commits"]
    assert len(commits) == before + 1
    assert {one["table"] for one in commits[0]["tables"]} == {"both.a", "both.b"}


def test_names_that_are_taken_absent_or_in_use(catalog: RestCatalog) -> None:
    catalog.create_namespace("names")
    with pytest.raises(NamespaceAlreadyExistsError):
        catalog.create_namespace("names")
    catalog.create_table("names.t", ROWS.schema)
    with pytest.raises(TableAlreadyExistsError):
        catalog.create_table("names.t", ROWS.schema)
    with pytest.raises(NoSuchTableError):
        catalog.load_table("names.absent")
    with pytest.raises(NoSuchNamespaceError):
        catalog.create_table("absent.t", ROWS.schema)
    with pytest.raises(NamespaceNotEmptyError):
        catalog.drop_namespace("names")
    catalog.rename_table("names.t", "names.u")
    assert catalog.list_tables("names") == [("names", "u")]
    catalog.drop_table("names.u")
    catalog.drop_namespace("names")
    with pytest.raises(NoSuchNamespaceError):
        catalog.load_namespace_properties("names")


def test_racing_clients_lose_no_commit(served: Served, catalog: RestCatalog) -> None:
    catalog.create_namespace_if_not_exists("race")
    catalog.create_table("race.t", ROWS.schema)

    def append(number: int) -> int:
        client = RestCatalog("millpond", uri=served.url, token=served.token)
        lost = 0
        while True:
            try:
                client.load_table("race.t").append(ROWS.slice(0, 1))
                return lost
            except CommitFailedException:
                lost += 1
                assert lost < 200, f"client {number} never gets through"

    with concurrent.futures.ThreadPoolExecutor(6) as pool:
        list(pool.map(append, range(12)))
    assert served.cli("sql", "SELECT count(*) AS n FROM race.t") == [{"n": 12}]
    history = served.cli("log", "race.t")["commits"]
    assert len(history) == 13
    for newer, older in itertools.pairwise(history):
        assert newer["tables"][0]["snapshot_before"] == older["tables"][0]["snapshot_after"]


def test_what_the_pond_wrote_is_served_and_not_sent_twice(served: Served, tmp_path: Path) -> None:
    rows = tmp_path / "rows.csv"
    rows.write_text("id,text\n1,x\n2,y\n")
    served.cli("sync", str(rows), "--table", "own.rows")
    path = "/v1/namespaces/own/tables/rows"
    status, body, headers = served.ask("GET", path)
    assert status == 200
    assert body["metadata"]["current-snapshot-id"] > 0
    status, again, _ = served.ask("GET", path, headers={"If-None-Match": headers["ETag"]})
    assert (status, again) == (304, None)
    served.cli("sync", str(rows), "--table", "own.rows", "--replace")
    served.cli("tag", "t1")
    status, refs, _ = served.ask("GET", path + "?snapshots=refs")
    assert status == 200
    named = {ref["snapshot-id"] for ref in refs["metadata"]["refs"].values()}
    assert {snapshot["snapshot-id"] for snapshot in refs["metadata"]["snapshots"]} == named


def test_lists_come_in_pages(served: Served) -> None:
    served.ask("POST", "/v1/namespaces", {"namespace": ["pages"]})
    for number in range(5):
        served.ask("POST", "/v1/namespaces", {"namespace": ["pages", f"n{number}"]})
    found: list[str] = []
    token = ""
    while True:
        _, page, _ = served.ask("GET", f"/v1/namespaces?parent=pages&pageSize=2&pageToken={token}")
        found += [levels[-1] for levels in page["namespaces"]]
        token = page["next-page-token"]
        if token is None:
            break
    assert found == [f"n{number}" for number in range(5)]


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("GET", "/v1/nothing", None, 404),
        ("PATCH", "/v1/namespaces", None, 405),
        ("POST", "/v1/namespaces", b"{", 400),
        ("POST", "/v1/namespaces", [], 400),
        ("POST", "/v1/namespaces", {"namespace": "x"}, 400),
        ("POST", "/v1/namespaces", {"namespace": ["a/b"]}, 400),
        ("POST", "/v1/namespaces", {"namespace": [""]}, 400),
        ("POST", "/v1/namespaces", {"namespace": [7]}, 400),
        ("POST", "/v1/namespaces/main/tables", {"name": "t"}, 404),
        ("POST", "/v1/transactions/commit", {"table-changes": []}, 400),
        ("POST", "/v1/transactions/commit", {"table-changes": [{"identifier": 3}]}, 400),
        ("GET", "/v1/namespaces?pageSize=x", None, 400),
        ("GET", "/v1/namespaces/%ff%fe", None, 404),
        ("GET", "/v1/namespaces/..%2f..%2fetc/tables/passwd", None, 404),
    ],
)
def test_bad_requests_are_told_so(served: Served, method: str, path: str, body: Any, status: int) -> None:
    code, answer, _ = served.ask(method, path, body)
    assert code == status, answer
    assert answer["error"]["code"] == status
    assert answer["error"]["message"]


@pytest.mark.parametrize(
    "update",
    [
        {"action": "no-such"},
        {"action": "set-location", "location": "file:///etc"},
        {"action": "set-location"},
        {"action": "set-current-schema", "schema-id": 99},
        {"action": "set-current-schema", "schema-id": "x"},
        {"action": "add-snapshot", "snapshot": {"snapshot-id": "x"}},
        {"action": "set-snapshot-ref", "ref-name": "main", "type": "branch", "snapshot-id": 5},
        {"action": "add-spec", "spec": {"fields": [{"source-id": 99, "name": "x", "transform": "identity"}]}},
        {"action": "upgrade-format-version", "format-version": 9},
        {"action": "set-properties", "updates": {"a": 1}},
        "text",
    ],
)
def test_bad_updates_leave_the_table_as_it_was(served: Served, catalog: RestCatalog, update: Any) -> None:
    catalog.create_namespace_if_not_exists("bad")
    table = catalog.create_table_if_not_exists("bad.t", ROWS.schema)
    body = {"requirements": [], "updates": [{"action": "set-properties", "updates": {"half": "done"}}, update]}
    requirements = [{"type": "assert-table-uuid", "uuid": str(table.metadata.table_uuid)}]
    status, answer, _ = served.ask("POST", "/v1/namespaces/bad/tables/t", {**body, "requirements": requirements})
    assert status == 400, answer
    assert "half" not in catalog.load_table("bad.t").properties


def test_views_are_kept(served: Served) -> None:
    served.ask("POST", "/v1/namespaces", {"namespace": ["v"]})
    version = {
        "version-id": 1,
        "schema-id": 0,
        "timestamp-ms": 1,
        "summary": {},
        "default-namespace": ["v"],
        "representations": [{"type": "sql", "sql": "SELECT 1", "dialect": "spark"}],
    }
    schema = {"type": "struct", "fields": [{"id": 1, "name": "x", "required": False, "type": "int"}]}
    request = {"name": "one", "schema": schema, "view-version": version, "properties": {}}
    status, made, _ = served.ask("POST", "/v1/namespaces/v/views", request)
    assert status == 200, made
    assert served.ask("POST", "/v1/namespaces/v/views", request)[0] == 409
    assert served.ask("GET", "/v1/namespaces/v/tables/one")[0] == 404
    assert served.ask("GET", "/v1/namespaces/v/views")[1]["identifiers"] == [{"namespace": ["v"], "name": "one"}]
    served.cli("doctor", "--remove-orphans", "--grace-hours", "0")
    assert served.ask("GET", "/v1/namespaces/v/views/one")[1]["metadata"] == made["metadata"]
    assert served.ask("DELETE", "/v1/namespaces/v/views/one")[0] == 204
    assert served.ask("HEAD", "/v1/namespaces/v/views/one")[0] == 404


def test_tokens(program: Path, tmp_path: Path) -> None:
    pond = tmp_path / "pond"
    with serve(program, pond) as own:
        assert own.token
        assert own.ask("GET", "/v1/config", token="wrong")[0] == 401
        assert own.ask("GET", "/v1/config")[0] == 200
        made = own.cli("token", "create", "ci", "--as", "bot@lab", "--days", "1")
        assert [one["name"] for one in own.cli("token", "ls")["tokens"]] == ["ci"]
        assert made["token"] not in str(own.cli("token", "ls"))
        assert made["token"].encode() not in (pond / "ledger.db").read_bytes()
    with serve(program, pond) as stored:
        assert stored.token is None
        status, body, headers = stored.ask("GET", "/v1/config")
        assert (status, body["error"]["type"]) == (401, "NotAuthorizedException")
        assert headers["WWW-Authenticate"] == "Bearer"
        catalog = RestCatalog("millpond", uri=stored.url, token=made["token"])
        catalog.create_namespace("n")
        catalog.create_table("n.t", ROWS.schema).append(ROWS)
        assert stored.cli("log")["commits"][0]["author"] == "bot@lab"
        stored.cli("token", "revoke", "ci")
        assert stored.ask("GET", "/v1/config", token=made["token"])[0] == 401


def test_everybody_is_let_in_on_loopback_only(program: Path, tmp_path: Path) -> None:
    pond = tmp_path / "pond"
    with serve(program, pond, "--no-auth") as open_server:
        assert open_server.token is None
        assert open_server.ask("GET", "/healthz")[0] == 200
        assert open_server.ask("GET", "/v1/config")[0] == 200
    for options in (["--host", "0.0.0.0", "--no-auth"], ["--host", "0.0.0.0"]):
        done = subprocess.run(
            [program, "--pond", pond, "serve", "--port", "0", *options], capture_output=True, text=True, timeout=30
        )
        assert done.returncode == 2, done.stderr


def test_a_server_without_tokens_answers_no_web_page(program: Path, tmp_path: Path) -> None:
    with serve(program, tmp_path / "pond", "--no-auth") as running:
        port = urlparse(running.url).port
        for host in (f"localhost:{port}", f"127.0.0.1:{port}", "localhost"):
            assert running.ask("GET", "/v1/config", headers={"Host": host})[0] == 200
        # A name of someone else's that was made to resolve to this machine, and a page's request.
        for headers in (
            {"Host": "evil.com"},
            {"Host": f"localhost.evil.com:{port}"},
            {"Host": "127.0.0.1.evil.com"},
            {"Origin": "http://evil.com"},
            {"Origin": "null"},
        ):
            code, answer, _ = running.ask("POST", "/v1/namespaces", {"namespace": ["n"]}, headers=headers)
            assert (code, answer["error"]["type"]) == (403, "ForbiddenException"), headers
        assert running.ask("GET", "/v1/namespaces")[1]["namespaces"] == []
    for host in ("localhost.evil.com", "127.evil.com"):
        command = [program, "--pond", tmp_path / "pond", "serve", "--port", "0", "--host", host, "--no-auth"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=30)
        assert done.returncode == 2
        assert "--no-auth" in done.stderr


def test_who_has_no_token_is_told_so_whatever_the_body(program: Path, tmp_path: Path) -> None:
    with serve(program, tmp_path / "pond") as running:
        for token, status in (("wrong", 401), (running.token, 413)):
            connection = http.client.HTTPConnection(running.url.removeprefix("http://"), timeout=60)
            headers = {"Authorization": f"Bearer {token}"}
            connection.request("POST", "/v1/namespaces", body=b" " * (65 << 20), headers=headers)
            assert connection.getresponse().status == status


def test_no_table_is_registered_over_anothers_files(served: Served, catalog: RestCatalog) -> None:
    catalog.create_namespace("shared")
    catalog.create_table("shared.t", ROWS.schema).append(ROWS)
    location = catalog.load_table("shared.t").metadata_location
    forms = [location, location.replace("file://", "file:"), location.removeprefix("file://")]
    for form in forms:
        body = {"name": "u", "metadata-location": form}
        code, answer, _ = served.ask("POST", "/v1/namespaces/shared/register", body)
        assert code == 400, answer
        assert "shared.t" in answer["error"]["message"]
    # Under another name it may go on, and after a drop it may come back.
    catalog.rename_table("shared.t", "shared.u")
    location = catalog.load_table("shared.u").metadata_location
    catalog.drop_table("shared.u")
    back = catalog.register_table("shared.v", location)
    assert back.scan().to_arrow().num_rows == 3


def test_a_taken_port_and_a_large_body(program: Path, tmp_path: Path) -> None:
    with serve(program, tmp_path / "pond", "--no-auth") as running:
        port = str(urlparse(running.url).port)
        done = subprocess.run(
            [program, "--pond", running.pond, "serve", "--port", port], capture_output=True, text=True, timeout=30
        )
        assert done.returncode == 7
        assert port in done.stderr
        connection = http.client.HTTPConnection(running.url.removeprefix("http://"), timeout=60)
        connection.request("POST", "/v1/namespaces", body=b" " * (65 << 20))
        assert connection.getresponse().status == 413


def test_tls(program: Path, tmp_path: Path) -> None:
    import ssl
    import urllib.request

    key, cert = tmp_path / "key.pem", tmp_path / "cert.pem"
    request = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"]
    names = ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(key), "-out", str(cert)]
    made = subprocess.run([*request, *names], capture_output=True, check=False)
    if made.returncode != 0:
        pytest.skip("no openssl program to make a certificate with")
    options = ["--no-auth", "--tls-cert", str(cert), "--tls-key", str(key)]
    with serve(program, tmp_path / "pond", *options) as running:
        assert running.url.startswith("https://")
        context = ssl.create_default_context(cafile=str(cert))
        with urllib.request.urlopen(running.url + "/healthz", context=context, timeout=30) as response:
            assert response.status == 200
