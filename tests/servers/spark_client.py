"""Runs in the Spark environment, for server_fixtures.SparkServer: a JSON line in, a JSON line out.

{"session": true} begins a session, {"conf": {name: value}} sets options of it, {"sql": text} runs a statement.
"""

import base64
import datetime
import decimal
import json
import os
import sys
from typing import Any

from pyspark.sql import SparkSession


def plain(value: Any) -> Any:
    """What JSON does not know, as text."""
    if isinstance(value, datetime.datetime | datetime.date):
        return value.isoformat()
    if isinstance(value, decimal.Decimal):
        return str(value)
    if isinstance(value, bytes | bytearray):
        return base64.b64encode(value).decode()
    return str(value)


def answer(spark: SparkSession | None, request: dict[str, Any]) -> tuple[SparkSession, Any]:
    """Do what a request asks; returns the session to go on with, and the result."""
    if spark is None or "session" in request:
        spark = SparkSession.builder.remote(sys.argv[1]).create()
    for name, value in request.get("conf", {}).items():
        spark.conf.set(name, value)
    if "sql" not in request:
        return spark, None
    return spark, [row.asDict(recursive=True) for row in spark.sql(request["sql"]).collect()]


def main() -> None:
    """Answer until the input ends."""
    out = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # What libraries print must not be taken for an answer.
    spark: SparkSession | None = None
    for line in sys.stdin:
        try:
            spark, result = answer(spark, json.loads(line))
            text = json.dumps({"ok": result}, default=plain)
        except Exception as error:
            text = json.dumps({"error": f"{type(error).__name__}: {error}"})
        print(text, file=out, flush=True)


main()
