"""The demo's HTML report: one file without outside references, light and dark, from a phone's width up."""

import base64
from collections.abc import Iterable, Sequence
from html import escape
from pathlib import Path
from typing import Any

from millpond.demo.training import EPOCHS

_STYLE = """
:root { color-scheme: light dark; --ink: #1d2b33; --soft: #566872; --line: #d5dee3; --ground: #fbfcfc; --tile: #eef4f5;
  --water: #1f7a8c; --pale: #a9cfd6; --good: #22713f; --bad: #b3382c; }
@media (prefers-color-scheme: dark) { :root { --ink: #e4ecef; --soft: #9db0ba; --line: #33434b; --ground: #12191d;
  --tile: #1b262c; --water: #5cc2d6; --pale: #2f5f6b; --good: #6cc08b; --bad: #f08a7d; } }
* { box-sizing: border-box; }
body { font: 16px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--ground); max-width: 62rem;
  margin: 2rem auto 4rem; padding: 0 1rem; }
h1 { font-weight: 600; letter-spacing: -.02em; margin-bottom: .3rem; }
h2 { margin: 2.6rem 0 .2rem; font-weight: 600; } h3 { margin: 1.4rem 0 .2rem; font-size: 1rem; font-weight: 600; }
p { max-width: 46rem; } p.lead, h2 + p { color: var(--soft); margin-top: .2rem; }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(9.5rem, 1fr)); gap: .7rem; margin: 1.4rem 0; }
.tiles div { background: var(--tile); border-radius: 8px; padding: .7rem .9rem; color: var(--soft); font-size: .9rem;
  line-height: 1.35; }
.tiles b { display: block; font-size: 1.5rem; font-weight: 600; color: var(--ink); letter-spacing: -.01em; }
.tiles b.good { color: var(--good); } .tiles b.bad { color: var(--bad); }
.wide { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th, td { text-align: left; padding: .35rem 1rem .35rem 0; border-bottom: 1px solid var(--line); vertical-align: top; }
th { color: var(--soft); font-weight: 500; } td.number, th.number { text-align: right; width: 1%;
  padding-right: 1.8rem; white-space: nowrap; }
code { font: .85em ui-monospace, monospace; white-space: nowrap; }
pre { background: var(--tile); border-radius: 8px; padding: .8rem 1rem;
  overflow-x: auto; font: .85rem/1.6 ui-monospace, monospace; }
.good { color: var(--good); } .bad { color: var(--bad); }
svg { max-width: 100%; height: auto; display: block; }
svg text { fill: var(--soft); font: 12px system-ui, sans-serif; } svg .axis { stroke: var(--line); }
svg .line { fill: none; stroke: var(--water); stroke-width: 2.5; stroke-linejoin: round; }
svg .faint { fill: none; stroke: var(--pale); stroke-width: 1; } svg .bar, svg .dot { fill: var(--water); }
.plots { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 24rem), 1fr)); gap: 1.8rem;
  margin-top: 1rem; }
figure { margin: 0; } figcaption { color: var(--soft); margin-bottom: .3rem; }
.samples { display: grid; grid-template-columns: repeat(auto-fit, minmax(13rem, 1fr)); gap: .5rem 1.2rem; }
.samples div { display: flex; align-items: center; gap: 3px; } .samples b { width: 1.3rem; font-weight: 600; }
.samples img { width: 10.5%; min-width: 20px; aspect-ratio: 1; image-rendering: pixelated; border-radius: 2px; }
"""

_COMMANDS = """millpond demo --folder demo     # the same again, and the pond stays
cd demo/pond
millpond ls
millpond log
millpond sql "SELECT line, reason FROM clinic.patients_rejects"
millpond diff ~3 demo-v1
millpond dataset show digits@v1
millpond run ls"""


def write_report(path: Path, story: dict[str, Any]) -> None:
    """Write the report of a finished demo run to ``path``."""
    body = "\n".join(_sections(story))
    path.write_text(
        "<!doctype html>\n<html lang=en><head><meta charset=utf-8>"
        "<meta name=viewport content='width=device-width, initial-scale=1'>"
        f"<title>Millpond demo</title><style>{_STYLE}</style></head>\n<body>\n{body}\n</body></html>\n",
        encoding="utf-8",
    )


def _sections(story: dict[str, Any]) -> Iterable[str]:
    yield "<h1>Millpond demo</h1>"
    yield f"<p class=lead>{escape(story['summary'])}</p>"
    yield _tiles(story)
    yield from _data(story)
    yield from _training(story)
    yield "<h2>Every commit</h2>"
    yield "<p>Each write says who, why and from what; any of these may be read, compared or tagged.</p>"
    yield _table(
        ["commit", "verb", "message", "tables"],
        [(Raw(f"<code>{escape(one[0])}</code>"), *one[1:]) for one in story["history"]],
    )
    yield "<h2>Every step</h2>"
    yield _table(["step", "what", "seconds"], [(s["step"], s["what"], f"{s['seconds']:.2f}") for s in story["steps"]])
    yield "<h2>Look around yourself</h2>"
    yield f"<pre>{escape(_COMMANDS)}</pre>"


def _data(story: dict[str, Any]) -> Iterable[str]:
    yield "<h2>Collected</h2>"
    yield "<p>Tables and folders of images became Iceberg tables, which other engines open as they are.</p>"
    yield _table(["table", "rows", "rejected", "from"], story["collected"])
    yield "<h3>Kept apart, not lost</h3>"
    yield "<p>Lines that did not fit stay beside the table with their place and reason.</p>"
    yield _table(["line", "reason"], [(one["line"], one["reason"]) for one in story["rejects"]])
    yield "<h2>Checked and cleaned</h2>"
    yield (
        "<p>Some rows were broken on purpose. The checks caught them; a recipe and three lines measured again "
        f"mended them: {escape(story['cleaned'])}.</p>"
    )
    yield _table(
        ["expectation", "column", "before", "after"],
        [(c["type"], c["column"], _verdict(c["before"]), _verdict(c["after"])) for c in story["checks"]],
    )
    yield "<h2>Labelled</h2>"
    yield "<p>Labels stand beside the tables, with who gave them and when; the tables were not rewritten.</p>"
    yield "<div class=plots>"
    yield from (_bars(title, counts) for title, counts in story["classes"].items())
    yield "</div><h3>Some of the digits, by label</h3>"
    yield _samples(story["samples"])


def _training(story: dict[str, Any]) -> Iterable[str]:
    yield "<h2>Trained</h2>"
    yield (
        "<p>Both models learnt from frozen datasets, batch by batch through the loader. Thin: each batch; "
        "thick: the mean of each epoch.</p>"
    )
    yield "<div class=plots>"
    yield from (_curve(title, values) for title, values in story["curves"].items())
    yield "</div>"
    yield "<h2>Reproduced</h2>"
    yield (
        "<p>All derived state was deleted; then a new process opened the same frozen versions and trained again. "
        "The hash covers every value of every batch in order.</p>"
    )
    yield _table(
        ["dataset", "model", "held-out metrics", "batches", "hash, first run", "hash, again", "all"],
        [
            (
                one["dataset"],
                one["model"],
                one["metrics"],
                one["batches"],
                _hash(one["hash"]),
                _hash(one["hash_again"]),
                _same(one["same"]),
            )
            for one in story["reproduced"]
        ],
    )


class Raw(str):
    """Text that is markup already."""


def _cell(value: Any) -> str:
    return str(value) if isinstance(value, Raw) else escape(str(value))


def _is_number(value: Any) -> bool:
    return not isinstance(value, Raw) and str(value).replace(",", "").replace(".", "", 1).isdigit()


def _table(headers: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    numeric = [bool(rows) and all(_is_number(row[column]) for row in rows) for column in range(len(headers))]
    kinds = [" class=number" if number else "" for number in numeric]
    head = "".join(f"<th{kind}>{escape(name)}</th>" for name, kind in zip(headers, kinds, strict=True))
    body = "".join(
        "<tr>" + "".join(f"<td{kind}>{_cell(value)}</td>" for value, kind in zip(row, kinds, strict=True)) + "</tr>"
        for row in rows
    )
    return f"<div class=wide><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"


def _tiles(story: dict[str, Any]) -> str:
    rows = sum(int(one[1].replace(",", "")) for one in story["collected"])
    caught = sum(not one["before"]["success"] for one in story["checks"])
    same = all(one["same"] for one in story["reproduced"])
    tiles = [
        (f"{rows:,}", f"rows and images collected in {len(story['collected'])} tables", ""),
        (str(len(story["rejects"])), "lines kept apart with a reason", ""),
        (f"{caught} of {len(story['checks'])}", "expectations failed, and hold after cleaning", ""),
        (str(len(story["history"])), "commits, one tag, two frozen datasets", ""),
        *((one["accuracy"], f"accuracy on held-out {one['dataset'].split('@')[0]}", "") for one in story["reproduced"]),
        ("equal" if same else "differs", "every batch and metric, trained again", "good" if same else "bad"),
    ]
    return (
        "<div class=tiles>"
        + "".join(f"<div><b class='{kind}'>{escape(big)}</b>{escape(small)}</div>" for big, small, kind in tiles)
        + "</div>"
    )


def _verdict(result: dict[str, Any]) -> Raw:
    word, kind = ("holds", "good") if result["success"] else (f"fails: {result['found']}", "bad")
    return Raw(f"<span class={kind}>{escape(word)}</span>")


def _same(same: bool) -> Raw:
    return Raw("<span class=good>equal</span>" if same else "<span class=bad>differs</span>")


def _hash(value: str) -> Raw:
    return Raw(f"<code title={value}>{value[:12]}…</code>")


def _svg(title: str, width: int, height: int, parts: str) -> str:
    return (
        f"<figure><figcaption>{escape(title)}</figcaption>"
        f"<svg viewBox='0 0 {width} {height}' width={width} height={height} role=img "
        f"aria-label='{escape(title, quote=True)}'>{parts}</svg></figure>"
    )


def _bars(title: str, counts: dict[str, int]) -> str:
    width, height, left = 420, 22, 80
    most = max(counts.values(), default=1)
    rows = []
    for number, (name, count) in enumerate(counts.items()):
        length = (width - left - 60) * count / most
        top = number * height
        rows.append(
            f"<text x={left - 10} y={top + 15} text-anchor=end>{escape(name)}</text>"
            f"<rect class=bar x={left} y={top + 4} width={length:.1f} height={height - 8} rx=2 />"
            f"<text x={left + length + 6:.1f} y={top + 15}>{count:,}</text>"
        )
    return _svg(title, width, height * len(counts), "".join(rows))


def _curve(title: str, values: Sequence[float]) -> str:
    width, height, left, below, above = 420, 190, 44, 34, 10
    top = max(values) or 1.0
    across, down = (width - left - 10) / max(1, len(values) - 1), (height - below - above) / top
    floor = height - below

    def place(number: float, value: float) -> str:
        return f"{left + across * number:.1f},{floor - down * value:.1f}"

    per_epoch = max(1, len(values) // EPOCHS)
    means = [
        (begin + (per_epoch - 1) / 2, sum(values[begin : begin + per_epoch]) / len(values[begin : begin + per_epoch]))
        for begin in range(0, len(values), per_epoch)
    ]
    ticks = "".join(
        f"<text x={left - 8} y={floor - down * value + 4:.1f} text-anchor=end>{value:.2g}</text>"
        f"<line class=axis x1={left} y1={floor - down * value:.1f} x2={width - 10} y2={floor - down * value:.1f} />"
        for value in (0, top / 2, top)
    )
    dots = "".join(
        f"<circle class=dot r=3 cx={place(*mean).split(',')[0]} cy={place(*mean).split(',')[1]} />" for mean in means
    )
    return _svg(
        title,
        width,
        height,
        f"{ticks}<polyline class=faint points='{' '.join(place(*one) for one in enumerate(values))}' />"
        f"<polyline class=line points='{' '.join(place(*mean) for mean in means)}' />{dots}"
        f"<text x={width - 10} y={height - 10} text-anchor=end>{len(means)} epochs, {len(values):,} batches</text>",
    )


def _samples(images: Sequence[tuple[str, str, bytes]]) -> str:
    rows: dict[str, list[str]] = {}
    for label, name, image in images:
        data = base64.b64encode(image).decode()
        hint = escape(name.rsplit("/", 1)[-1], quote=True)
        rows.setdefault(label, []).append(f"<img alt='{hint}' title='{hint}' src='data:image/png;base64,{data}'>")
    shown = "".join(f"<div><b>{escape(label)}</b>{''.join(row)}</div>" for label, row in rows.items())
    return f"<div class=samples>{shown}</div>"
