"""What a commit costs with the ledger in SQLite and in PostgreSQL on this machine: small appends, in alternation.

The server is the one of tests/servers with fsync on; without it the bench says so and ends.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import harness
import millpond
import pyarrow as pa

ROW = pa.table({"id": [1]})
SERVERS = Path(__file__).resolve().parent.parent / "tests" / "servers" / "servers"


def server(home: Path) -> dict[str, str]:
    """Start PostgreSQL for this process and return what it tells; ends the bench where there is none."""
    env = {**os.environ, "MILLPOND_SERVERS": str(home), "POSTGRES_FSYNC": "on"}
    for command in (["up", "postgres", "--for", str(os.getpid())], ["env", "postgres"]):
        done = subprocess.run([str(SERVERS), *command], env=env, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            sys.stderr.write(f"no PostgreSQL here, nothing to measure: {done.stderr}")
            sys.exit(0)
    return dict(line.split("=", 1) for line in done.stdout.splitlines())


def appends(pond: millpond.Pond, count: int) -> int:
    """Commit one row, so many times."""
    for _ in range(count):
        pond.append("t", ROW)
    return count


def main() -> None:
    """Measure and write the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=7)
    parser.add_argument("--commits", type=int, default=20)
    parser.add_argument("--out", type=Path, default=Path("bench/out"))
    options = parser.parse_args()
    work = Path(tempfile.mkdtemp(prefix="millpond-bench-"))
    work.chmod(0o755)
    try:
        env = server(work / "servers")
        os.environ["PGPASSWORD"] = env["PASSWORD"]
        url = f"postgresql://{env['USER']}@{env['HOST']}:{env['PORT']}/{env['DATABASE']}?schema=bench"
        ours, peer = millpond.init(work / "sqlite"), millpond.init(work / "postgresql", ledger=url)
        outcome = harness.compare(
            f"{options.commits} commits of one row",
            harness.Side("SQLite ledger", lambda: appends(ours, options.commits)),
            harness.Side("PostgreSQL ledger", lambda: appends(peer, options.commits)),
            runs=options.runs,
        )
        harness.publish("ledger", [outcome], options.out)
    finally:
        subprocess.run([str(SERVERS), "wipe", "all"], env={**os.environ, "MILLPOND_SERVERS": str(work / "servers")})
        shutil.rmtree(work, ignore_errors=True)


if __name__ == "__main__":
    main()
