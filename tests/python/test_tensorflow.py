"""The TensorFlow adapter against the plain loader: same batches, a static spec, exact states, Keras."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import millpond as mp
import numpy as np
import pytest
from millpond.dataset import Split

tf = pytest.importorskip("tensorflow", reason="tensorflow is in .venv-frameworks")

pytestmark = pytest.mark.frameworks
COLUMNS = ["id", "x", "small", "flag", "triple", "ragged", "text", "at", "day", "image", "tiny", "word"]
DECODE = {"image": 1}


@pytest.fixture(autouse=True)
def time_limit() -> Iterator[None]:
    """What hangs ends this process with a traceback."""
    import faulthandler

    faulthandler.dump_traceback_later(300, exit=True)
    yield
    faulthandler.cancel_dump_traceback_later()


def ids(batches: Any) -> list[list[int]]:
    return [np.asarray(batch["id"]).tolist() for batch in batches]


def test_the_spec_is_static_and_batches_keep_it(train: Split) -> None:
    data = train.to_tf(16, seed=3, columns=COLUMNS, decode=DECODE)
    spec = data.element_spec
    assert spec["x"] == tf.TensorSpec([None], tf.float64)
    assert spec["triple"] == tf.TensorSpec([None, 3], tf.float32)
    assert spec["image"] == tf.TensorSpec([None, 3, 4, 1], tf.uint8)
    assert spec["text"] == tf.TensorSpec([None], tf.string)
    assert spec["ragged"] == tf.RaggedTensorSpec([None, None], tf.int64, 1, tf.int64)
    assert spec["at"].dtype == spec["day"].dtype == tf.int64
    for batch in data:
        for name, value in batch.items():
            assert spec[name].is_compatible_with(value), name
    fixed = train.to_tf(16, last="drop", columns=["x"]).element_spec
    assert fixed["x"] == tf.TensorSpec([16], tf.float64)


def test_values_are_those_of_the_loader(train: Split) -> None:
    data = train.to_tf(16, seed=3, columns=COLUMNS, decode=DECODE)
    loader = train.loader(16, seed=3, columns=COLUMNS, decode=DECODE)
    for mine, theirs in zip(data, loader, strict=True):
        for name, value in theirs.items():
            if name == "ragged":
                assert mine[name].to_list() == value.to_pylist()
            elif name == "text":
                assert [one.decode() for one in mine[name].numpy()] == value.to_pylist()
            else:
                same = value.astype(np.int64) if value.dtype.kind == "M" else value
                np.testing.assert_array_equal(mine[name].numpy(), same)


def test_tensors_take_over_the_engine_s_buffers(train: Split) -> None:
    from millpond import tensorflow as adapter

    loader = train.loader(16, seed=3, columns=["x", "triple"])
    given: list[int] = []
    plain = adapter._column

    def watched(value: Any, spec: Any) -> Any:
        given.append(value.ctypes.data)
        return plain(value, spec)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(adapter, "_column", watched)
        batch = next(iter(loader.to_tf()))
    # numpy() copies; the buffer protocol shows where the tensor lies.
    got = [np.asarray(memoryview(batch[name])).ctypes.data for name in ("x", "triple")]
    assert set(got) <= set(given)


def test_each_iteration_is_the_next_epoch(train: Split) -> None:
    data = train.to_tf(16, seed=3, columns=["id"])
    loader = train.loader(16, seed=3, columns=["id"])
    assert [ids(data) for _ in range(3)] == [ids(loader) for _ in range(3)]


def test_looking_at_the_first_batch_costs_nothing(train: Split) -> None:
    data = train.to_tf(16, seed=3, columns=["id"])
    first = ids(data.take(1))
    assert ids(data)[:1] == first
    assert ids(data)[:1] != first


def test_the_loader_s_state_is_exact(train: Split) -> None:
    whole = ids(train.loader(16, seed=3, columns=["id"]))
    loader = train.loader(16, seed=3, columns=["id"])
    iterator = iter(loader.to_tf())
    assert ids([next(iterator) for _ in range(4)]) == whole[:4]
    again = train.loader(16, seed=3, columns=["id"])
    again.load_state_dict(loader.state_dict())
    assert ids(again.to_tf()) == whole[4:]
    assert again.state_dict()["epoch"] == 1


def test_text_with_nulls_is_refused_before_training(train: Split) -> None:
    with pytest.raises(mp.errors.InvalidError, match=r"column 'maybe' holds \d+ nulls"):
        train.to_tf(columns=["maybe"])
    with pytest.raises(mp.errors.InvalidError, match="no labels among the columns"):
        train.to_tf(columns=["x"], supervised=True)


def test_keras_fits_features_to_labels(samples: mp.Pond) -> None:
    split = samples.dataset("scores@v1").split("train")
    data = split.to_tf(16, seed=3, columns=["x", "score"], supervised=True)
    assert data.element_spec == ({"x": tf.TensorSpec([None], tf.float64)}, tf.TensorSpec([None], tf.float64))

    def fit() -> Any:
        tf.keras.utils.set_random_seed(0)
        inputs = tf.keras.Input(shape=(), name="x", dtype="float32")
        column = tf.keras.layers.Reshape((1,))(inputs)
        model = tf.keras.Model({"x": inputs}, tf.keras.layers.Dense(1)(column))
        model.compile(optimizer=tf.keras.optimizers.SGD(1e-4), loss="mse")
        fresh = split.to_tf(16, seed=3, columns=["x", "score"], supervised=True)
        return model.fit(fresh, epochs=3, verbose=0).history["loss"]

    first = fit()
    assert first[-1] < first[0]
    assert fit() == first
