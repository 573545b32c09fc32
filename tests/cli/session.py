"""Reads and runs the text sessions of this folder; the format is in README.md."""

import re
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

ANY_TEXT = "<*>"
ANY_LINES = "<...>"


@dataclass
class Step:
    """One command with what it is expected to do."""

    line: int
    command: str
    out: list[str] = field(default_factory=list)
    err: list[str] = field(default_factory=list)
    code: int = 0


@dataclass
class Session:
    """A whole file: files to write, and steps in order."""

    path: Path
    files: dict[str, str] = field(default_factory=dict)
    steps: list[Step] = field(default_factory=list)


def parse(path: Path) -> Session:
    """Read one ``.test`` file."""
    session = Session(path)
    lines = path.read_text().splitlines()
    number = 0
    while number < len(lines):
        line = lines[number]
        number += 1
        if line.startswith("<<FILE "):
            end = lines.index(">>FILE", number)
            session.files[line.removeprefix("<<FILE ")] = "".join(f"{text}\n" for text in lines[number:end])
            number = end + 1
        elif line.startswith("$ "):
            session.steps.append(Step(number, line[2:]))
        elif line.startswith("#") or (not session.steps and not line):
            continue
        elif not session.steps:
            raise ValueError(f"{path}:{number}: text before the first command")
        elif line.startswith("! "):
            session.steps[-1].err.append(line[2:])
        elif re.fullmatch(r"\[\d+\]", line):
            session.steps[-1].code = int(line[1:-1])
        elif line:
            session.steps[-1].out.append(line)
    return session


def matches(expected: list[str], actual: list[str]) -> bool:
    """Whether ``actual`` is what ``expected`` says, wildcards included; blank lines do not count."""
    actual = [line.rstrip() for line in actual if line.strip()]
    pattern = "".join(
        r"(?:.*\n)*?" if line == ANY_LINES else ".*".join(map(re.escape, line.rstrip().split(ANY_TEXT))) + r"\n"
        for line in expected
    )
    return re.fullmatch(pattern, "".join(f"{line}\n" for line in actual)) is not None


def run(session: Session, folder: Path, env: dict[str, str]) -> list[str]:
    """Run all steps in ``folder``; return one text per step that did something else."""
    for name, content in session.files.items():
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(content)
    failures = []
    for step in session.steps:
        done = subprocess.run(
            ["bash", "-c", step.command], cwd=folder, env=env, capture_output=True, text=True, timeout=120, check=False
        )
        out, err = done.stdout.splitlines(), done.stderr.splitlines()
        # A step that says nothing of standard error accepts notes there, but only where it succeeds.
        err_fits = matches(step.err, err) if step.err or step.code else True
        if done.returncode != step.code or not matches(step.out, out) or not err_fits:
            failures.append(
                f"{session.path.name}:{step.line}: $ {step.command}\n"
                f"  expected [{step.code}] out={step.out} err={step.err}\n"
                f"  got      [{done.returncode}] out={out} err={err}"
            )
    return failures
