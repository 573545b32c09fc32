"""The command line of the demo: ``python -m millpond.demo``, or ``millpond demo``."""

import argparse
import json
import signal
import sys
import tempfile
from pathlib import Path
from typing import Any

from millpond.demo.report import write_report
from millpond.demo.story import Story

CANCELLED = 130  # As every verb ends on ctrl-C.


def main() -> int:
    """Run the demo; 0 where everything that it promises held."""
    parser = argparse.ArgumentParser(prog="millpond demo", description=__doc__)
    parser.add_argument("--folder", type=Path, help="keep the pond and the inputs here (default: a temporary folder)")
    parser.add_argument("--report", type=Path, default=Path("millpond-demo.html"), help="where the HTML report goes")
    parser.add_argument("--json", action="store_true", help="print the facts as JSON")
    options = parser.parse_args()
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        return _main(options)
    except KeyboardInterrupt:
        kept = f"; what there is so far is in {options.folder}" if options.folder else ""
        sys.stderr.write(f"error (cancelled): the demo was stopped{kept}\n")
        return CANCELLED


def _main(options: argparse.Namespace) -> int:
    try:
        import sklearn  # noqa: F401
    except ImportError:
        sys.stderr.write("the demo needs scikit-learn, for its data and a model: pip install 'millpond[sklearn]'\n")
        return 2
    if options.folder is not None:
        return _run(options.folder, options)
    with tempfile.TemporaryDirectory(prefix="millpond-demo-") as folder:
        return _run(Path(folder), options)


def _run(folder: Path, options: argparse.Namespace) -> int:
    def say(line: str) -> None:
        if not options.json:
            sys.stdout.write(line + "\n")
            sys.stdout.flush()

    facts = Story(folder, say).tell()
    facts["summary"] = summary(facts)
    write_report(options.report, facts)
    if options.json:
        shown = {key: value for key, value in facts.items() if key != "samples"}
        sys.stdout.write(json.dumps(shown, indent=1, default=str) + "\n")
    else:
        sys.stdout.write(table(facts) + f"\nreport: {options.report.resolve()}\n")
    return 0


def summary(facts: dict[str, Any]) -> str:
    """The demo in two sentences."""
    rows = sum(int(one[1].replace(",", "")) for one in facts["collected"])
    caught = sum(not one["before"]["success"] for one in facts["checks"])
    return (
        f"{rows:,} rows and images were collected; {len(facts['rejects'])} lines that did not fit were kept apart; "
        f"{caught} of {len(facts['checks'])} expectations failed and hold after cleaning. Two models were trained "
        "from frozen datasets and trained again from nothing: every batch and every metric is equal. "
        f"It took {facts['seconds']:.1f} s."
    )


def table(facts: dict[str, Any]) -> str:
    """The table at the end: collected, caught, mended, versioned, learnt, reproduced."""
    failed = [f"{one['type']} {one['column']}".strip() for one in facts["checks"] if not one["before"]["success"]]
    lines = [
        ("collected", "; ".join(f"{one[0]} {one[1]}" for one in facts["collected"])),
        ("kept as rejects", "; ".join(f"line {one['line']}: {one['reason']}" for one in facts["rejects"])),
        ("caught by checks", "; ".join(failed)),
        ("after cleaning", "all expectations hold"),
        ("versioned", f"tag demo-v1, {len(facts['history'])} commits, patients@v1, digits@v1"),
    ]
    for one in facts["reproduced"]:
        lines.append((f"{one['dataset']}", f"{one['model']}: {one['metrics']}"))
        equal = "equal" if one["same"] else "DIFFERENT"
        lines.append(("  run twice", f"{one['batches']:,} batches, hash {one['hash'][:16]}…, {equal}"))
    width = max(len(name) for name, _ in lines)
    return "\n".join(["", *(f"{name:<{width}}  {text}" for name, text in lines)])


if __name__ == "__main__":
    sys.exit(main())
