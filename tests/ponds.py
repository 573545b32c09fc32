"""Ponds of earlier versions, unpacked anywhere.

Files of a pond name each other by absolute paths. A fixture was made at a path of a known length and is unpacked at one
of the same length, with the path replaced in every file, inside the compressed blocks of Avro files too.
"""

from __future__ import annotations

import io
import tarfile
import zlib
from pathlib import Path

FIXTURES = Path(__file__).parent / "fixtures"
MAGIC = b"Obj\x01"


def unpack(name: str, folder: Path) -> Path:
    """Unpack ``fixtures/<name>`` below ``folder``; return the pond's folder."""
    old = (FIXTURES / name / "root.txt").read_text().strip()
    padding = len(old) - len(f"{folder.resolve()}/")
    if padding < 1:
        raise ValueError(f"{folder} is too long a path for a pond that was made at {old}")
    pond = folder.resolve() / ("p" * padding)
    with tarfile.open(FIXTURES / name / "pond.tar.gz") as archive:
        archive.extraction_filter = getattr(tarfile, "data_filter", None)  # Python before 3.11.4 has none.
        archive.extractall(pond)
    for file in pond.rglob("*"):
        if file.is_file():
            file.write_bytes(relocate(file.read_bytes(), old.encode(), str(pond).encode()))
    return pond


def relocate(data: bytes, old: bytes, new: bytes) -> bytes:
    """Replace a path by one of the same length."""
    if len(old) != len(new):
        raise ValueError(f"{old!r} and {new!r} differ in length")
    if not data.startswith(MAGIC):
        return data.replace(old, new)
    source = io.BytesIO(data)
    source.seek(len(MAGIC))
    codec = _skip_header(source)
    sync = source.read(16)
    result = data[: source.tell()].replace(old, new)
    while count := _read_long(source, at_end=0):
        block = source.read(_read_long(source))
        if codec == b"deflate":
            packer = zlib.compressobj(wbits=-15)
            block = packer.compress(zlib.decompress(block, wbits=-15).replace(old, new)) + packer.flush()
        else:
            block = block.replace(old, new)
        result += _long(count) + _long(len(block)) + block + sync
        source.read(16)
    return result


def _skip_header(source: io.BytesIO) -> bytes:
    codec = b"null"
    while count := _read_long(source):
        for _ in range(count):
            key = source.read(_read_long(source))
            value = source.read(_read_long(source))
            if key == b"avro.codec":
                codec = value
    return codec


def _read_long(source: io.BytesIO, at_end: int | None = None) -> int:
    value = shift = 0
    while True:
        byte = source.read(1)
        if not byte:
            if at_end is None:
                raise EOFError("the Avro file ends in the middle")
            return at_end
        value |= (byte[0] & 0x7F) << shift
        if byte[0] < 0x80:
            return (value >> 1) ^ -(value & 1)
        shift += 7


def _long(value: int) -> bytes:
    value = (value << 1) ^ (value >> 63)
    encoded = bytearray()
    while value > 0x7F:
        encoded.append((value & 0x7F) | 0x80)
        value >>= 7
    return bytes(encoded) + bytes([value])
