"""What columns look like in NumPy: batches of the loader, whole matrices, and what spawned processes get."""

from __future__ import annotations

import pickle
from typing import Any

import millpond as mp
import numpy as np
import pyarrow as pa
import pytest
from millpond.dataset import Split

ALL = ["id", "x", "small", "flag", "triple", "ragged", "text", "maybe", "at", "day", "image", "tiny", "word"]


def test_specs_say_what_batches_hold(train: Split) -> None:
    loader = train.loader(16, seed=1, columns=ALL, decode={"image": 1})
    specs = {column["name"]: column for column in loader.columns}
    assert list(specs) == ALL
    for batch in loader:
        for name, value in batch.items():
            spec = specs[name]
            if isinstance(value, np.ndarray):
                assert value.dtype == spec["dtype"], name
                assert list(value.shape[1:]) == spec["shape"], name
                assert not spec["ragged"]
            elif spec["ragged"]:
                assert str(value.type.value_type) == spec["dtype"]
            else:
                assert spec["dtype"] == {"string": "str", "binary": "bytes"}[str(value.type)]
    assert specs["image"]["shape"] == [3, 4, 1]
    assert specs["tiny"]["dtype"] == specs["word"]["dtype"] == "int32"  # what tables hold
    assert specs["maybe"]["nulls"] > 0


def test_values_are_those_of_the_table(train: Split) -> None:
    wanted = {row["id"]: row for row in train.to_arrow(ALL).to_pylist()}
    for batch in train.loader(32, seed=2, columns=ALL, decode={"image": 1}):
        for place, key in enumerate(batch["id"].tolist()):
            row = wanted[key]
            assert batch["x"][place] == row["x"]
            assert batch["flag"][place] == row["flag"]
            assert batch["tiny"][place] == key % 100
            assert batch["word"][place] == key
            assert batch["triple"][place].tolist() == row["triple"]
            assert batch["ragged"][place].as_py() == row["ragged"]
            assert batch["text"][place].as_py() == row["text"]
            assert batch["maybe"][place].as_py() == row["maybe"]
            assert batch["at"][place] == np.datetime64(row["at"])
            assert batch["day"][place] == np.datetime64(row["day"])
            assert batch["image"][place].ravel().tolist() == [(key + pixel) % 256 for pixel in range(12)]
            small = batch["small"][place]
            assert np.isnan(small) if row["small"] is None else small == row["small"]


def test_arrays_borrow_the_engine_s_buffers(train: Split) -> None:
    batch = next(iter(train.loader(16, columns=["x", "triple", "ragged"])))
    for name in ("x", "triple"):
        assert not batch[name].flags.owndata
        assert batch[name].flags.writeable
        assert batch[name].ctypes.data % 64 == 0
    assert isinstance(batch["ragged"], pa.ListArray)


def test_matrix_of_features(train: Split) -> None:
    matrix = train.to_numpy()
    assert matrix.shape == (len(train), 6)  # x, small, flag, and three of triple
    assert matrix.dtype == np.float64
    table = train.to_arrow(["x", "small", "flag", "triple"])
    np.testing.assert_array_equal(matrix[:, 0], table.column("x").to_numpy())
    assert np.isnan(matrix[:, 1]).sum() == table.column("small").null_count > 0
    np.testing.assert_array_equal(matrix[:, 2], table.column("flag").to_numpy())
    assert matrix[:, 3:].tolist() == table.column("triple").to_pylist()
    assert train.to_numpy(["small"]).dtype == np.float32


@pytest.mark.parametrize(
    ("columns", "message"),
    [(["x", "text"], "column 'text' of type string"), (["ragged"], "different lengths"), (["at"], "column 'at'")],
)
def test_matrix_refuses_what_is_no_number(train: Split, columns: list[str], message: str) -> None:
    with pytest.raises(mp.errors.InvalidError, match=message):
        train.to_numpy(columns)


def test_what_is_sent_to_another_process_opens_there(samples: mp.Pond, train: Split) -> None:
    again: Any = pickle.loads(pickle.dumps(train))
    assert again.part == "train"
    assert again.dataset.hash == train.dataset.hash
    assert again.to_arrow().equals(train.to_arrow())
    assert pickle.loads(pickle.dumps(samples)).folder == samples.folder


def test_an_unfrozen_dataset_that_moved_on_is_not_sent_silently(tmp_path: Any) -> None:
    pond = mp.init(tmp_path / "pond")
    pond.append("t", pa.table({"id": [1, 2], "x": [0.5, 1.5]}))
    pond.define_dataset({"name": "d", "query": "SELECT * FROM t", "key": ["id"]})
    sent = pickle.dumps(pond.dataset("d"))
    assert pickle.loads(sent).hash == pond.dataset("d").hash
    pond.append("t", pa.table({"id": [3], "x": [2.5]}))
    with pytest.raises(mp.errors.ConflictError, match="freeze it"):
        pickle.loads(sent)
