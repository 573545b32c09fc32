"""The command line of the demo: ``python -m millpond.demo``, or ``millpond demo``."""

import argparse
import errno
import importlib.util
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import textwrap
from pathlib import Path
from typing import Any

from millpond.demo.report import write_report
from millpond.demo.story import PromiseBrokenError, Story
from millpond.errors import AlreadyExistsError, CancelledError, ExhaustedError, InvalidError, MillpondError

# As docs/guide/exit-codes.md has them; a promise that does not hold is an answer, not an error.
_CODES = {"invalid": 2, "already_exists": 4, "exhausted": 9, "internal": 70, "cancelled": 130}
_NO = 1


def main() -> int:
    """Run the demo; 0 where everything that it promises held."""
    parser = argparse.ArgumentParser(prog="millpond demo", description=__doc__)
    parser.add_argument("--folder", type=Path, help="keep the pond and the inputs here (default: a temporary folder)")
    parser.add_argument("--report", type=Path, default=Path("millpond-demo.html"), help="where the HTML report goes")
    parser.add_argument("--json", action="store_true", help="print the facts as JSON")
    options = parser.parse_args()
    signal.signal(signal.SIGINT, signal.default_int_handler)
    if importlib.util.find_spec("sklearn") is None:
        return _fail(
            "invalid", "the demo needs scikit-learn, for its data and a model: pip install 'millpond[sklearn]'"
        )
    report = options.report.resolve()
    if not os.access(report.parent, os.W_OK) or report.is_dir():
        return _fail("invalid", f"cannot write {report}: give a file in a folder that is there with --report")
    try:
        if options.folder is not None:
            return _run(options.folder, options)
        with tempfile.TemporaryDirectory(prefix="millpond-demo-") as folder:
            return _run(Path(folder), options)
    except KeyboardInterrupt:
        kept = f"; what there is so far is in {options.folder}" if options.folder else ""
        return _fail("cancelled", f"the demo was stopped{kept}")
    except PromiseBrokenError as error:
        sys.stderr.write(f"{error}\n")
        return _NO
    except subprocess.CalledProcessError as error:
        return _fail("internal", f"the second training failed:\n{error.stderr.strip()}")
    except (MillpondError, OSError) as error:
        return _fail(*_explained(error))


def _fail(kind: str, message: str) -> int:
    """Say it as every verb does."""
    sys.stderr.write(f"error ({kind}): {message}\n")
    return _CODES[kind]


def _explained(error: Exception) -> tuple[str, str]:
    """The kind of an error, and what to do about it."""
    if isinstance(error, ExhaustedError) or getattr(error, "errno", 0) in (errno.ENOSPC, errno.EDQUOT):
        return "exhausted", f"{error}; the demo needs about 50 MB, --folder and TMPDIR say where"
    if isinstance(error, AlreadyExistsError):
        return "already_exists", f"{error}; name another folder with --folder, or leave it out"
    if isinstance(error, CancelledError):
        return "cancelled", str(error)
    return "invalid" if isinstance(error, InvalidError | OSError) else "internal", str(error)


def _run(folder: Path, options: argparse.Namespace) -> int:
    facts = Story(folder, _Teller(quiet=options.json)).tell()
    facts["summary"] = summary(facts)
    write_report(options.report, facts)
    if options.json:
        shown = {key: value for key, value in facts.items() if key != "samples"}
        sys.stdout.write(json.dumps(shown, indent=1, default=str) + "\n")
    else:
        sys.stdout.write(table(facts) + f"\n\nreport: {options.report.resolve()}\n")
    return 0


class _Teller:
    """Says each step: its name while it runs, on a terminal, and what it did when it is done."""

    def __init__(self, *, quiet: bool) -> None:
        self._quiet = quiet
        self._live = sys.stdout.isatty()

    def begin(self, name: str) -> None:
        if self._live and not self._quiet:
            sys.stdout.write(f"{name:<24} …")
            sys.stdout.flush()

    def end(self, name: str, what: str, seconds: float) -> None:
        if self._quiet:
            return
        lines = _wrapped(name, f"{what}  ({seconds:.2f} s)", 24)
        sys.stdout.write(("\r\033[K" if self._live else "") + lines + "\n")
        sys.stdout.flush()


def _wrapped(name: str, text: str, indent: int) -> str:
    """A name and a text beside it that fits the terminal."""
    width = max(60, min(120, shutil.get_terminal_size((100, 24)).columns))
    lines = textwrap.wrap(text, width - indent - 1, break_long_words=False, break_on_hyphens=False) or [""]
    return "\n".join(f"{name if number == 0 else '':<{indent}} {line}" for number, line in enumerate(lines))


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
    failed = [one for one in facts["checks"] if not one["before"]["success"]]
    caught = [f"{one['type']}{' of ' + one['column'] if one['column'] else ''} ({one['found']})" for one in failed]
    lines = [
        ("collected", ", ".join(f"{one[0]} {one[1]} rows" for one in facts["collected"])),
        ("kept as rejects", "; ".join(f"line {one['line']}: {one['reason']}" for one in facts["rejects"])),
        *(("caught by checks" if number == 0 else "", text) for number, text in enumerate(caught)),
        ("cleaned", f"{facts['cleaned']}; {facts['restored']}; all {len(facts['checks'])} expectations hold"),
        ("versioned", f"tag demo-v1 over {len(facts['history'])} commits; frozen as patients@v1 and digits@v1"),
    ]
    for one in facts["reproduced"]:
        equal = "equal" if one["same"] else "DIFFERENT"
        lines.append((one["dataset"], f"{one['model']}: {one['metrics']}"))
        lines.append(("  trained again", f"{one['batches']:,} batches, hash {one['hash'][:16]}…, metrics: {equal}"))
    width = max(len(name) for name, _ in lines)
    return "\n".join(["", *(_wrapped(name, text, width + 1) for name, text in lines)])


if __name__ == "__main__":
    sys.exit(main())
