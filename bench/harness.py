"""Measures ours beside a peer: interleaved pairs in one run, medians and ratios, machine line, Markdown and JSON out.

A case has two sides, each a callable that does the work once and returns a figure to check (rows, a sum), so that a
side that does less work is caught. Sides alternate, and which one goes first alternates too, so that a machine whose
speed drifts does not favour one.
"""

from __future__ import annotations

import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Side:
    """One contestant: its name and the work."""

    name: str
    run: Callable[[], Any]


@dataclass
class Outcome:
    """What one case gave."""

    case: str
    unit: str
    ours: str
    peer: str
    ours_median: float
    peer_median: float
    ratio: float
    ratio_low: float
    ratio_high: float
    runs: int
    aim: str
    note: str = ""
    ours_cpu: float = 0.0
    peer_cpu: float = 0.0
    cpu_ratio: float = 0.0
    extra: dict[str, Any] = field(default_factory=dict)


@dataclass
class Times:
    """What the runs of one side took: seconds, and processor seconds of all its threads."""

    wall: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)

    def add(self, wall: float, cpu: float) -> None:
        """One more run."""
        self.wall.append(wall)
        self.cpu.append(cpu)


def outcome(case: str, names: tuple[str, str], ours: Times, peer: Times, *, aim: str = "", note: str = "") -> Outcome:
    """Medians of both sides; the ratios are ours / peer pair by pair (lower is better)."""
    ratios = [mine / theirs for mine, theirs in zip(ours.wall, peer.wall, strict=True)]
    cpu_ratios = [mine / theirs if theirs > 0 else 1.0 for mine, theirs in zip(ours.cpu, peer.cpu, strict=True)]
    return Outcome(
        case=case,
        unit="s",
        ours=names[0],
        peer=names[1],
        ours_median=statistics.median(ours.wall),
        peer_median=statistics.median(peer.wall),
        ratio=statistics.median(ratios),
        ratio_low=min(ratios),
        ratio_high=max(ratios),
        runs=len(ratios),
        aim=aim,
        note=note,
        ours_cpu=statistics.median(ours.cpu),
        peer_cpu=statistics.median(peer.cpu),
        cpu_ratio=statistics.median(cpu_ratios),
    )


def compare(
    case: str, ours: Side, peer: Side, *, runs: int = 7, repeats: int = 1, aim: str = "", check: bool = True
) -> Outcome:
    """Time both sides in alternation, each run being ``repeats`` times the work."""
    first, second = ours.run(), peer.run()  # warm-up, and the check that both do the same work
    if check and first != second:
        raise AssertionError(f"{case}: {ours.name} gave {first!r}, {peer.name} gave {second!r}")
    times = {ours.name: Times(), peer.name: Times()}
    for number in range(runs):
        for side in (ours, peer) if number % 2 == 0 else (peer, ours):
            begin, cpu = time.perf_counter(), time.process_time()
            for _ in range(repeats):
                side.run()
            wall = (time.perf_counter() - begin) / repeats
            times[side.name].add(wall, (time.process_time() - cpu) / repeats)
    return outcome(case, (ours.name, peer.name), times[ours.name], times[peer.name], aim=aim)


@dataclass(frozen=True)
class Process:
    """What a finished command used."""

    seconds: float
    cpu_seconds: float
    peak_mb: float
    output: str


def run_process(command: Sequence[str], env: dict[str, str] | None = None) -> Process:
    """Run a command to its end and account for it alone; a failing command raises with its output."""
    begin = time.perf_counter()
    child = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env={**os.environ, **(env or {})}
    )
    assert child.stdout is not None
    output = child.stdout.read().decode(errors="replace")
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    seconds = time.perf_counter() - begin
    if child.returncode != 0:
        raise RuntimeError(f"{' '.join(command)} ended with {child.returncode}:\n{output}")
    return Process(seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, output)


def machine() -> str:
    """One line about where the figures come from."""
    model = next(
        (
            line.split(":", 1)[1].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if "model name" in line
        ),
        platform.processor(),
    )
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return (
        f"{os.cpu_count()} x {model}, {memory:.0f} GiB, Linux {platform.release()}, Python {platform.python_version()}"
    )


def peak_mb() -> float:
    """Peak resident memory of this process so far, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def publish(name: str, outcomes: Sequence[Outcome], out: Path) -> None:
    """Print a Markdown table and write ``out/name.{md,json}``."""
    lines = [
        f"### {name}",
        "",
        machine(),
        "",
        "| case | ours | peer | ours, median | peer, median | ratio (range) | processor time, ratio | runs | aim |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for one in outcomes:
        scale, unit = (1e3, "ms") if one.unit == "s" and one.peer_median < 1 and one.ours_median < 1 else (1, one.unit)
        lines.append(
            f"| {one.case} | {one.ours} | {one.peer} | {one.ours_median * scale:.4g} {unit} | "
            f"{one.peer_median * scale:.4g} {unit} | "
            f"{one.ratio:.2f} ({one.ratio_low:.2f}-{one.ratio_high:.2f}) | {one.cpu_ratio:.2f} | {one.runs} | "
            f"{one.aim} |"
        )
    lines += [f"\n{one.case}: {one.note}" for one in outcomes if one.note]
    text = "\n".join(lines) + "\n"
    sys.stdout.write(text)
    out.mkdir(parents=True, exist_ok=True)
    (out / f"{name}.md").write_text(text)
    document = {"machine": machine(), "outcomes": [asdict(one) for one in outcomes]}
    (out / f"{name}.json").write_text(json.dumps(document, indent=1))
