"""What starting costs: `millpond --version`, a first SQL statement, and `import millpond`, beside their neighbours.

Whole processes, in alternation. Aims: `millpond --version` under 15 ms; `import millpond` under 150 ms without
pyarrow's own import.
"""

from __future__ import annotations

import argparse
import shutil
import sys
from pathlib import Path

import harness


def time_in_turn(commands: dict[str, list[str]], runs: int) -> dict[str, harness.Times]:
    """What each command took, run in turn; the first round is not counted."""
    times = {name: harness.Times() for name in commands}
    for number in range(runs + 1):
        for name, command in commands.items():
            process = harness.run_process(command)
            if number > 0:
                times[name].add(process.seconds, process.cpu_seconds)
    return times


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=15)
    parser.add_argument("--out", type=Path, default=Path("bench/out"))
    options = parser.parse_args()
    program = shutil.which("millpond")
    assert program is not None, "millpond is not on the PATH: run `make dev` first"
    python = [sys.executable, "-c"]
    pairs = [
        ("millpond --version", [program, "--version"], "python3 -c pass", [*python, "pass"], "< 15 ms"),
        ("millpond errors (engine loaded)", [program, "errors"], "import duckdb", [*python, "import duckdb"], ""),
        (
            "import millpond",
            [*python, "import millpond"],
            "python3 -c pass",
            [*python, "pass"],
            "< 150 ms over the peer",
        ),
        (
            "import millpond, pyarrow",
            [*python, "import millpond, pyarrow"],
            "import pyarrow",
            [*python, "import pyarrow"],
            "",
        ),
    ]
    outcomes = []
    for case, ours, peer_name, peer, aim in pairs:
        times = time_in_turn({"ours": ours, "peer": peer}, options.runs)
        outcomes.append(harness.outcome(case, (case, peer_name), times["ours"], times["peer"], aim=aim))
    harness.publish("startup", outcomes, options.out)


if __name__ == "__main__":
    main()
