"""The demo's inputs: real data that ships with scikit-learn, written out as the files that a user would have.

The clinical tables are the Wisconsin breast-cancer and the diabetes study; the images are 1,797 scanned digits
and two photographs. Some rows of the first table are broken on purpose, in ways that real exports are.
"""

import csv
import shutil
import struct
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Inputs:
    """Where the files are, and what was broken in them."""

    patients: Path
    diagnoses: Path
    diabetes: Path
    digits: Path
    photographs: Path
    broken: dict[str, int]


def write_inputs(folder: Path) -> Inputs:
    """Write all files below ``folder``."""
    from sklearn import datasets

    folder.mkdir(parents=True, exist_ok=True)
    patients, diagnoses, broken = _write_patients(folder, datasets.load_breast_cancer())
    return Inputs(
        patients=patients,
        diagnoses=diagnoses,
        diabetes=_write_diabetes(folder, datasets.load_diabetes(scaled=False)),
        digits=_write_digits(folder / "digits", datasets.load_digits()),
        photographs=_copy_photographs(folder / "photographs", Path(datasets.__file__).parent / "images"),
        broken=broken,
    )


def _write_patients(folder: Path, data: Any) -> tuple[Path, Path, dict[str, int]]:
    names = [str(name).replace(" ", "_") for name in data.feature_names]
    rows: list[list[str]] = [
        [f"P{number:04d}", *(f"{value:.6g}" for value in values)] for number, values in enumerate(data.data)
    ]
    broken = _break(rows, names.index("mean_area") + 1, names.index("mean_smoothness") + 1)
    patients = folder / "patients.csv"
    with patients.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["patient", *names])
        writer.writerows(rows)
    diagnoses = folder / "diagnoses.csv"
    with diagnoses.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["patient", "diagnosis"])
        writer.writerows(
            (f"P{number:04d}", str(data.target_names[target])) for number, target in enumerate(data.target)
        )
    return patients, diagnoses, broken


def _break(rows: list[list[str]], area: int, smoothness: int) -> dict[str, int]:
    """Break ``rows`` in place the way exports break; return how many of each kind."""
    for number in (17, 140, 333):
        rows[number][area] = "-" + rows[number][area]  # a sign that slipped in
    for number in (25, 88, 201, 402, 511):
        rows[number][smoothness] = ""  # not measured
    for number in (60, 450):
        rows[number][area] = "see notes"  # a remark in a number's place
    rows[300] = rows[300][:5]  # a line that was cut
    copies = [list(rows[number]) for number in (10, 11, 12, 13)]  # the same export pasted twice
    rows.extend(copies)
    return {"negative areas": 3, "missing values": 5, "text in a number column": 2, "cut lines": 1, "duplicates": 4}


def _write_diabetes(folder: Path, data: Any) -> Path:
    path = folder / "diabetes.csv"
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow([*data.feature_names, "progression"])
        for values, target in zip(data.data, data.target, strict=True):
            writer.writerow([*(f"{value:.6g}" for value in values), f"{target:.0f}"])
    return path


def _write_digits(folder: Path, data: Any) -> Path:
    for number, (image, target) in enumerate(zip(data.images, data.target, strict=True)):
        path = folder / str(target) / f"{number:04d}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(grey_png(8, 8, bytes(min(255, int(value) * 16) for value in image.flat)))
    return folder


def _copy_photographs(folder: Path, source: Path) -> Path:
    for name in ("china.jpg", "flower.jpg"):
        target = folder / name.removesuffix(".jpg") / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source / name, target)
    return folder


def grey_png(width: int, height: int, pixels: bytes) -> bytes:
    """An 8-bit grey PNG of ``width`` by ``height`` pixels in row order (PNG specification, 3rd edition)."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    lines = b"".join(b"\0" + pixels[row * width : (row + 1) * width] for row in range(height))
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(lines)) + chunk(b"IEND", b"")
