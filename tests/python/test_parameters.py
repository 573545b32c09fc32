"""Parameters of ``Pond.sql`` keep the type that Python gives them; what a signal handler raises comes out."""

from __future__ import annotations

import datetime
import signal
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import millpond as mp
import pyarrow as pa
import pytest

UTC = datetime.UTC
INDIA = datetime.timezone(datetime.timedelta(hours=5, minutes=30))


@pytest.fixture(scope="module")
def pond(tmp_path_factory: pytest.TempPathFactory) -> Iterator[mp.Pond]:
    """An empty pond."""
    yield mp.init(tmp_path_factory.mktemp("parameters") / "pond")


@pytest.mark.parametrize(
    ("value", "type_name"),
    [
        (7, "BIGINT"),
        (-(2**63), "BIGINT"),
        (2**63, "UBIGINT"),
        (2**64 - 1, "UBIGINT"),
        (2**64, "HUGEINT"),
        (-(2**63) - 1, "HUGEINT"),
        (2**127 - 1, "HUGEINT"),
        (datetime.date(1969, 12, 31), "DATE"),
        (datetime.time(23, 59, 59, 999999), "TIME"),
        (datetime.datetime(1969, 7, 20, 20, 17, 40, 5), "TIMESTAMP"),
        (datetime.datetime(2026, 2, 3, 4, 5, 6, tzinfo=UTC), "TIMESTAMP WITH TIME ZONE"),
        (b"\x00\xffab", "BLOB"),
        (Decimal("-12.340"), "DECIMAL(38,3)"),
        (Decimal("1E+3"), "DECIMAL(38,0)"),
        (True, "BOOLEAN"),
    ],
)
def test_a_parameter_keeps_its_value_and_type(pond: mp.Pond, value: Any, type_name: str) -> None:
    """The engine sees the type, and the value comes back where it compares equal."""
    rows = pond.sql("SELECT typeof($1) AS type, CAST($1 AS VARCHAR) AS text", [value]).to_pylist()
    assert rows[0]["type"] == type_name
    if type_name == "HUGEINT":
        assert int(rows[0]["text"]) == value
        return
    assert pond.sql("SELECT ? AS value", [value]).to_pylist() == [{"value": value}]


def test_a_zone_is_heeded(pond: mp.Pond) -> None:
    """A datetime of any zone is the same instant in UTC."""
    asked = datetime.datetime(2026, 1, 1, 5, 30, tzinfo=INDIA)
    assert pond.sql("SELECT CAST(? AS VARCHAR) AS t", [asked]).to_pylist() == [{"t": "2026-01-01 00:00:00+00"}]


@pytest.mark.parametrize(
    ("value", "says"),
    [
        (2**127, "128 bits"),
        (-(2**200), "128 bits"),
        (2**5000, "128 bits"),
        (Decimal("NaN"), "cannot be a parameter"),
        (Decimal(10) ** 40, "38 digits"),
        (Decimal("1E-39"), "38 digits"),
        (datetime.time(1, tzinfo=UTC), "zone"),
    ],
)
def test_what_has_no_type_is_refused(pond: mp.Pond, value: Any, says: str) -> None:
    """Never a crash, never another number."""
    with pytest.raises(mp.errors.InvalidError, match=says):
        pond.sql("SELECT ?", [value])


def test_a_run_refuses_integers_beyond_64_bits(pond: mp.Pond) -> None:
    """What is recorded as JSON holds 64 bits."""
    with pond.run("numbers", params={"seed": 2**64 - 1}) as run, pytest.raises(mp.errors.InvalidError, match="2\\^64"):
        run.log_params({"large": 2**64})


def test_conditions_take_typed_parameters(pond: mp.Pond) -> None:
    """Typed values select and delete rows of a table."""
    query = "SELECT DATE '2026-01-01' + CAST(n AS INTEGER) AS day, n FROM range(9) AS r(n)"
    pond.commit("make it", queries={"typed": query})
    day = datetime.date(2026, 1, 4)
    assert pond.sql("SELECT n FROM typed WHERE day = ?", [day]).to_pylist() == [{"n": 3}]
    assert pond.sql("DELETE FROM typed WHERE day < ?", [day]).to_pylist()[0]["rows_deleted"] == 3


def test_what_a_signal_handler_raises_comes_out(pond: mp.Pond) -> None:
    """Not KeyboardInterrupt, but the handler's own exception, and soon."""

    class TooLongError(Exception):
        pass

    def raise_it(_signal: int, _frame: object) -> None:
        raise TooLongError("enough")

    large = "range(3000000)"
    before = signal.signal(signal.SIGALRM, raise_it)
    signal.setitimer(signal.ITIMER_REAL, 0.3)
    try:
        with pytest.raises(TooLongError, match="enough"):
            pond.commit("long", queries={"long": f"SELECT sum(a.n * b.n) AS s FROM {large} a(n), {large} b(n)"})
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def test_a_reader_that_failed_fails_again(pond: mp.Pond) -> None:
    """An error is not the end of the rows: who reads on gets it again."""
    rows = pond.sql("SELECT CAST(CASE WHEN n = 400000 THEN 'x' ELSE '1' END AS INTEGER) AS i FROM range(500000) r(n)")
    reader = pa.RecordBatchReader.from_stream(rows)
    with pytest.raises(Exception, match="'x'"):
        while True:
            reader.read_next_batch()
    with pytest.raises(Exception, match="'x'"):
        reader.read_next_batch()
