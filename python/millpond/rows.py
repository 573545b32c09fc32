"""Rows of a query: an Arrow stream that any library takes, read once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    import pyarrow as pa

    from millpond import _millpond


class Rows:
    """Rows on their way out of the engine, as one stream of Arrow batches.

    Anything that takes ``__arrow_c_stream__`` takes this object: ``pyarrow.table(rows)``, ``polars.DataFrame(rows)``,
    ``duckdb.from_arrow(rows)``. A stream is read once.
    """

    def __init__(self, rows: _millpond.Rows) -> None:
        self._rows = rows

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        return self._rows.__arrow_c_stream__(requested_schema)

    @property
    def inputs(self) -> list[dict[str, Any]]:
        """Table versions that the query read: ``[{"table", "snapshot"}]``."""
        return self._rows.inputs

    def to_reader(self) -> pa.RecordBatchReader:
        """The stream as a pyarrow reader, batch by batch in bounded memory."""
        import pyarrow as pa

        return pa.RecordBatchReader.from_stream(self)

    def to_arrow(self) -> pa.Table:
        """All rows as a pyarrow table; no copy of the values."""
        return self.to_reader().read_all()

    def to_pandas(self) -> pd.DataFrame:
        """All rows as a pandas frame."""
        return self.to_arrow().to_pandas()

    def to_numpy(self) -> dict[str, np.ndarray[Any, Any]]:
        """All rows as one NumPy array of shape (rows,) per column; without a copy where Arrow's layout allows."""
        table = self.to_arrow().combine_chunks()
        return {name: table.column(name).to_numpy() for name in table.column_names}

    def to_pylist(self) -> list[dict[str, Any]]:
        """All rows as dicts."""
        return list(self.to_arrow().to_pylist())
