"""Columns side by side as one NumPy matrix: what scikit-learn and simple models take."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from millpond.errors import InvalidError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy as np
    import pyarrow as pa

    Array = np.ndarray[Any, Any]


def matrix_of_table(table: pa.Table, names: Sequence[str]) -> Array:
    """Columns of a table as a matrix of shape (rows, width); a list column of one length is as wide as its lists."""
    return _side_by_side({name: _array_of(table.column(name), name) for name in names}, names)


def matrix_of_batch(batch: Mapping[str, Any], names: Sequence[str]) -> Array:
    """Columns of a loader's batch as a matrix of shape (samples, width); pixels are laid out row by row."""
    return _side_by_side(batch, names)


def _side_by_side(columns: Mapping[str, Any], names: Sequence[str]) -> Array:
    import numpy as np

    if not names:
        raise InvalidError("there are no feature columns; name them, or give the dataset some")
    blocks = []
    for name in names:
        column = columns[name]
        if not isinstance(column, np.ndarray) or column.dtype.kind not in "biuf":
            kind = column.dtype if isinstance(column, np.ndarray) else column.type
            raise InvalidError(
                f"column '{name}' of type {kind} cannot be part of a matrix; leave it out (features=…), or turn it "
                "into numbers in the dataset's query"
            )
        blocks.append(column.reshape(len(column), -1) if len(column) else column.reshape(0, _width(column.shape)))
    return np.concatenate(blocks, axis=1)


def _width(shape: tuple[int, ...]) -> int:
    width = 1
    for size in shape[1:]:
        width *= size
    return width


def _array_of(column: pa.ChunkedArray, name: str) -> Any:
    """NumPy's array of a column: (rows,), or (rows, length) of lists; what has no such array is handed back."""
    import pyarrow as pa

    kind = column.type
    if pa.types.is_list(kind):
        lists = column.combine_chunks()
        lengths = set(lists.value_lengths().unique().to_pylist())
        if len(lengths) > 1 or None in lengths:
            raise InvalidError(f"column '{name}' holds lists of different lengths, which cannot be part of a matrix")
        return lists.flatten().to_numpy(zero_copy_only=False).reshape(len(lists), max(lengths, default=0))
    if pa.types.is_boolean(kind) and column.null_count:
        column = column.cast(pa.uint8()).cast(pa.float64())
    if pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_boolean(kind):
        return column.to_numpy()
    return column
