"""The scikit-learn adapter: whole matrices, and fitting batch by batch."""

from __future__ import annotations

from typing import Any

import millpond as mp
import numpy as np
import pytest
from millpond.dataset import Split
from millpond.sklearn import batches, partial_fit, to_xy

sklearn = pytest.importorskip("sklearn")


def test_x_and_y_are_in_key_order(train: Split) -> None:
    inputs, targets = train.to_xy()
    assert inputs.shape == (len(train), 6)
    assert targets.shape == (len(train),)
    assert targets.dtype.kind == "U"
    ids = train.to_arrow(["id"]).column("id").to_pylist()
    assert targets.tolist() == ["even" if one % 2 == 0 else "odd" for one in ids]
    np.testing.assert_array_equal(inputs[:, 0], [one * 0.5 for one in ids])


def test_columns_may_be_chosen(train: Split) -> None:
    inputs, targets = train.to_xy(["x", "tiny"], ["score", "flag"])
    assert inputs.shape == (len(train), 2)
    assert targets.shape == (len(train), 2)
    assert to_xy(train, ["x"], ["x"])[0].shape == (len(train), 1)


def test_a_model_fits(samples: mp.Pond) -> None:
    from sklearn.linear_model import LinearRegression

    dataset = samples.dataset("scores@v1")
    model = LinearRegression().fit(*dataset.split("train").to_xy(["x"]))
    assert model.score(*dataset.split("test").to_xy(["x"])) == pytest.approx(1)


def test_without_labels_it_says_what_to_do(samples: mp.Pond) -> None:
    with pytest.raises(mp.errors.InvalidError, match="bare has no labels"):
        samples.dataset("bare@v1").split("train").to_xy()


def test_batches_are_those_of_the_loader(train: Split) -> None:
    pairs = list(batches(train.loader(16, seed=3, columns=["x", "triple", "label"])))
    assert [len(inputs) for inputs, _ in pairs[:-1]] == [16] * (len(pairs) - 1)
    assert all(inputs.shape[1] == 4 for inputs, _ in pairs)
    assert sum(len(targets) for _, targets in pairs) == len(train)
    images = next(batches(train.loader(8, columns=["image", "label"], decode={"image": 1}), ["image"]))[0]
    assert images.shape == (8, 12)
    with pytest.raises(mp.errors.InvalidError, match="no column 'flag'"):
        next(batches(train.loader(16, columns=["x", "label"]), ["x", "flag"]))


def test_partial_fit_of_a_classifier_is_reproducible(train: Split) -> None:
    from sklearn.linear_model import SGDClassifier

    def fit() -> Any:
        loader = train.loader(32, seed=3, columns=["x", "flag", "label"])
        ended: list[int] = []
        model = partial_fit(
            SGDClassifier(random_state=0), loader, epochs=3, transform=lambda x: x / 100, after_epoch=ended.append
        )
        assert ended == [0, 1, 2]
        assert loader.state_dict()["epoch"] == 3
        return model

    first, second = fit(), fit()
    assert first.classes_.tolist() == ["even", "odd"]
    assert first.t_ == 1 + 3 * len(train)
    np.testing.assert_array_equal(first.coef_, second.coef_)


def test_partial_fit_without_classes_or_labels(samples: mp.Pond) -> None:
    from sklearn.linear_model import SGDRegressor
    from sklearn.preprocessing import StandardScaler

    split = samples.dataset("scores@v1").split("train")
    scaler = partial_fit(StandardScaler(), samples.dataset("bare@v1").split("train").loader(16, columns=["x"]))
    np.testing.assert_allclose(scaler.mean_, split.to_numpy(["x"]).mean(axis=0))
    model = partial_fit(
        SGDRegressor(random_state=0), split.loader(16, columns=["x", "score"]), epochs=40, transform=scaler.transform
    )
    assert model.score(scaler.transform(split.to_numpy(["x"])), split.to_xy(["x"])[1]) > 0.99


def test_a_rank_without_samples_learns_nothing_and_does_not_fail(train: Split) -> None:
    from sklearn.linear_model import SGDClassifier

    loader = train.loader(len(train) - 1, columns=["x", "label"], rank=1, world_size=2)
    partial_fit(SGDClassifier(), loader)
    many = train.loader(1, columns=["x", "label"], rank=len(train), world_size=len(train) + 1)
    with pytest.raises(AttributeError):
        _ = partial_fit(SGDClassifier(), many).coef_
