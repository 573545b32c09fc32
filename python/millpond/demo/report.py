"""The demo's HTML report: one file without outside references, light and dark."""

import base64
from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import Any

_STYLE = """
:root { color-scheme: light dark; --ink: #1d2b33; --soft: #5c6f7a; --line: #d5dee3; --ground: #fbfcfc; --water: #1f7a8c;
  --good: #2e7d4f; --bad: #b3382c; }
@media (prefers-color-scheme: dark) { :root { --ink: #e4ecef; --soft: #93a5af; --line: #33434b; --ground: #12191d;
  --water: #5cc2d6; --good: #6cc08b; --bad: #e8786b; } }
body { font: 16px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--ground); max-width: 62rem;
  margin: 2rem auto; padding: 0 1rem; }
h1 { font-weight: 600; letter-spacing: -.02em; } h2 { margin-top: 2.2rem; font-weight: 600; }
p.lead { color: var(--soft); max-width: 44rem; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th, td { text-align: left; padding: .35rem .7rem .35rem 0; border-bottom: 1px solid var(--line); vertical-align: top; }
th { color: var(--soft); font-weight: 500; } code { font: .85em ui-monospace, monospace; overflow-wrap: anywhere; }
.good { color: var(--good); } .bad { color: var(--bad); }
svg text { fill: var(--soft); font: 12px system-ui, sans-serif; } svg .axis { stroke: var(--line); }
svg .line { fill: none; stroke: var(--water); stroke-width: 2; } svg .bar { fill: var(--water); }
.plots { display: flex; flex-wrap: wrap; gap: 1.5rem; } figure { margin: 0; } figcaption { color: var(--soft); }
.samples img { width: 48px; height: 48px; image-rendering: pixelated; margin: 2px; }
"""


def write_report(path: Path, story: dict[str, Any]) -> None:
    """Write the report of a finished demo run to ``path``."""
    sections = [
        "<h1>Millpond demo</h1>",
        f"<p class=lead>{escape(story['summary'])}</p>",
        "<h2>What happened</h2>",
        _table(["step", "what", "seconds"], [(s["step"], s["what"], f"{s['seconds']:.2f}") for s in story["steps"]]),
        "<h2>Collected</h2>",
        _table(["table", "rows", "rejected", "from"], story["collected"]),
        "<h2>Checks, before and after cleaning</h2>",
        _table(
            ["expectation", "column", "before", "after"],
            [(c["type"], c["column"], _verdict(c["before"]), _verdict(c["after"])) for c in story["checks"]],
        ),
        "<h2>Labels and images</h2>",
        "<div class=plots>",
        *(_bars(title, counts) for title, counts in story["classes"].items()),
        "</div>",
        _samples(story["samples"]),
        "<h2>Training</h2>",
        "<div class=plots>",
        *(_curve(title, values) for title, values in story["curves"].items()),
        "</div>",
        "<h2>Reproduced</h2>",
        "<p>Derived state was deleted, then a new process opened the same frozen versions and trained again.</p>",
        _table(
            ["dataset", "model", "metrics", "batches", "hash of all batches", "second run"],
            [
                (
                    r["dataset"],
                    r["model"],
                    r["metrics"],
                    r["batches"],
                    Raw(f"<code>{r['hash']}</code>"),
                    _same(r["same"]),
                )
                for r in story["reproduced"]
            ],
        ),
        "<h2>History</h2>",
        _table(["commit", "verb", "message", "tables"], story["history"]),
    ]
    body = "\n".join(sections)
    path.write_text(
        "<!doctype html>\n<html lang=en><head><meta charset=utf-8>"
        "<meta name=viewport content='width=device-width, initial-scale=1'>"
        f"<title>Millpond demo</title><style>{_STYLE}</style></head>\n<body>\n{body}\n</body></html>\n",
        encoding="utf-8",
    )


class Raw(str):
    """Text that is markup already."""


def _cell(value: Any) -> str:
    return str(value) if isinstance(value, Raw) else escape(str(value))


def _table(headers: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    head = "".join(f"<th>{escape(name)}</th>" for name in headers)
    body = "".join("<tr>" + "".join(f"<td>{_cell(value)}</td>" for value in row) + "</tr>" for row in rows)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _verdict(result: dict[str, Any]) -> Raw:
    word, kind = ("holds", "good") if result["success"] else (f"fails: {result['unexpected']} values", "bad")
    return Raw(f"<span class={kind}>{escape(word)}</span>")


def _same(same: bool) -> Raw:
    return Raw("<span class=good>equal</span>" if same else "<span class=bad>differs</span>")


def _bars(title: str, counts: dict[str, int]) -> str:
    width, height, left = 420, 22, 110
    most = max(counts.values(), default=1)
    rows = []
    for number, (name, count) in enumerate(counts.items()):
        length = (width - left - 60) * count / most
        top = number * height
        rows.append(
            f"<text x=0 y={top + 15}>{escape(name)}</text>"
            f"<rect class=bar x={left} y={top + 4} width={length:.1f} height={height - 8} rx=2 />"
            f"<text x={left + length + 6:.1f} y={top + 15}>{count:,}</text>"
        )
    total = height * len(counts)
    return (
        f"<figure><figcaption>{escape(title)}</figcaption>"
        f"<svg width={width} height={total} role=img aria-label='{escape(title, quote=True)}'>"
        f"{''.join(rows)}</svg></figure>"
    )


def _curve(title: str, values: Sequence[float]) -> str:
    width, height, pad = 420, 180, 34
    top = max(values) or 1.0
    across, down = (width - pad - 8) / max(1, len(values) - 1), (height - pad - 8) / top
    points = " ".join(
        f"{pad + across * number:.1f},{height - pad - down * value:.1f}" for number, value in enumerate(values)
    )
    return (
        f"<figure><figcaption>{escape(title)}</figcaption>"
        f"<svg width={width} height={height} role=img aria-label='{escape(title, quote=True)}'>"
        f"<line class=axis x1={pad} y1={height - pad} x2={width - 8} y2={height - pad} />"
        f"<line class=axis x1={pad} y1=8 x2={pad} y2={height - pad} />"
        f"<text x=0 y=14>{top:.2g}</text><text x=0 y={height - pad}>0</text>"
        f"<text x={width - 90} y={height - 12}>{len(values):,} batches</text>"
        f"<polyline class=line points='{points}' /></svg></figure>"
    )


def _samples(images: Sequence[tuple[str, bytes]]) -> str:
    shown = "".join(
        f"<img alt='{escape(name, quote=True)}' title='{escape(name, quote=True)}' "
        f"src='data:image/png;base64,{base64.b64encode(image).decode()}'>"
        for name, image in images
    )
    return f"<p class=samples>{shown}</p>"
