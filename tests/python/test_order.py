"""Law 3 through the Python package: a batch is a pure function of (dataset version, seed, epoch, step)."""

from __future__ import annotations

import itertools
import json
import shutil
import subprocess
import sys
from typing import Any

import millpond as mp
import numpy as np
import pytest
from millpond.dataset import Split

COLUMNS = ["id", "x", "text", "ragged", "triple"]


def ids(split: Split, epoch: int = 0, **options: Any) -> list[int]:
    """The ids of one epoch of one process, in order."""
    loader = split.loader(columns=COLUMNS, **options)
    loader.set_epoch(epoch)
    return [int(one) for batch in loader for one in batch["id"]]


def world(split: Split, epoch: int, ranks: int, workers: int, batch_size: int, seed: int) -> list[list[int]]:
    """The global batches of an epoch, put together from the processes of every rank."""
    shares: dict[tuple[int, int], list[int]] = {}
    for rank, worker in itertools.product(range(ranks), range(max(1, workers))):
        loader = split.loader(
            batch_size,
            seed=seed,
            columns=["id"],
            rank=rank,
            world_size=ranks,
            worker=worker,
            workers=max(1, workers),
            threads=1 + worker % 2,
            prefetch=1 + rank,
        )
        loader.set_epoch(epoch)
        for number, batch in enumerate(loader):
            shares[number * max(1, workers) + worker, rank] = batch["id"].tolist()
    steps = 1 + max(step for step, _ in shares)
    return [[one for rank in range(ranks) for one in shares[step, rank]] for step in range(steps)]


def test_ranks_and_workers_never_change_the_global_order(train: Split) -> None:
    for seed, epoch in ((7, 0), (7, 3), (8, 0)):
        wanted = ids(train, epoch, batch_size=24, seed=seed)
        assert sorted(wanted) == sorted(train.to_arrow(["id"]).column("id").to_pylist())
        for ranks, workers in itertools.product((1, 2, 3, 4), (0, 1, 2, 3)):
            batches = world(train, epoch, ranks, workers, 24 // ranks, seed)
            assert all(len(batch) == 24 for batch in batches[:-1])
            assert [one for batch in batches for one in batch] == wanted, (seed, epoch, ranks, workers)


def test_seeds_and_epochs_are_different_orders_of_the_same_samples(train: Split) -> None:
    orders = [ids(train, epoch, batch_size=10, seed=seed) for seed, epoch in ((1, 0), (1, 1), (2, 0))]
    assert len({tuple(order) for order in orders}) == 3
    assert len({tuple(sorted(order)) for order in orders}) == 1
    assert ids(train, batch_size=10, shuffle=False) == sorted(orders[0])


def hashes(split: Split, epochs: int, **options: Any) -> list[str]:
    """One hash over the batches of each of the first epochs."""
    found = []
    for epoch in range(epochs):
        loader = split.loader(16, columns=COLUMNS, **options).record_order()
        loader.set_epoch(epoch)
        for _ in loader:
            pass
        found.append(loader.order_hash())
    return found


def test_the_cache_never_changes_a_batch(samples: mp.Pond) -> None:
    wanted = hashes(samples.dataset("kinds@v1").split("test"), 2, seed=5)
    warm = hashes(samples.dataset("kinds@v1").split("test"), 2, seed=5)
    shutil.rmtree(samples.folder / "derived")
    cold = hashes(mp.open(samples.folder).dataset("kinds@v1").split("test"), 2, seed=5)
    assert wanted == warm == cold
    assert len(set(wanted)) == 2


def test_another_process_sees_the_same_batches(samples: mp.Pond, train: Split) -> None:
    program = (
        "import sys, millpond as mp\n"
        f"split = mp.open(sys.argv[1]).dataset('kinds@v1').split('train')\n"
        f"loader = split.loader(16, seed=5, columns={COLUMNS!r}).record_order()\n"
        "for batch in loader: pass\n"
        "print(loader.order_hash())\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(samples.folder)], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.strip() == hashes(train, 1, seed=5)[0]


@pytest.mark.parametrize("done", [0, 1, 4, 10, 11, 15])
def test_a_state_resumes_at_the_exact_sample(train: Split, done: int) -> None:
    straight = train.loader(16, seed=3, columns=COLUMNS)
    first = train.loader(16, seed=3, columns=COLUMNS)
    wanted = list(itertools.islice(endless(straight), done + 14))
    list(itertools.islice(endless(first), done))
    state = json.loads(json.dumps(first.state_dict()))
    second = train.loader(16, seed=3, columns=COLUMNS)
    second.load_state_dict(state)
    resumed = list(itertools.islice(endless(second), 14))
    for mine, theirs in zip(resumed, wanted[done:], strict=True):
        assert_equal(mine, theirs)


def endless(loader: Any) -> Any:
    """Epoch after epoch."""
    while True:
        yield from loader


def assert_equal(mine: dict[str, Any], theirs: dict[str, Any]) -> None:
    assert mine.keys() == theirs.keys()
    for name, value in mine.items():
        if isinstance(value, np.ndarray):
            np.testing.assert_array_equal(value, theirs[name])
            assert value.dtype == theirs[name].dtype
        else:
            assert value.equals(theirs[name])


def test_a_resumed_world_may_have_another_size(train: Split) -> None:
    wanted = ids(train, batch_size=12, seed=9)
    two = [train.loader(6, seed=9, columns=["id"], rank=rank, world_size=2) for rank in range(2)]
    seen: list[int] = []
    streams = [iter(one) for one in two]
    for _ in range(4):
        for stream in streams:
            seen += next(stream)["id"].tolist()
    assert two[0].state_dict() == two[1].state_dict()
    three = [train.loader(4, seed=9, columns=["id"], rank=rank, world_size=3) for rank in range(3)]
    for loader in three:
        loader.load_state_dict(two[0].state_dict())
    for batches in zip(*three, strict=True):
        for batch in batches:
            seen += batch["id"].tolist()
    assert seen == wanted


def test_skip_is_the_same_as_iterating(train: Split) -> None:
    straight, skipping = (train.loader(16, seed=3, columns=["id"]) for _ in range(2))
    list(itertools.islice(straight, 5))
    skipping.skip(5)
    assert straight.state_dict() == skipping.state_dict()
    assert [batch["id"].tolist() for batch in straight] == [batch["id"].tolist() for batch in skipping]


def test_a_pass_that_was_given_up_begins_anew_where_frameworks_iterate(train: Split) -> None:
    loader = train.loader(16, seed=3, columns=["id"])
    wanted = [[batch["id"].tolist() for batch in train.loader(16, seed=3, columns=["id"])]]
    next(loader.restarted())
    assert loader.state_dict()["step"] == 1
    assert [batch["id"].tolist() for batch in loader.restarted()] == wanted[0]
    assert loader.state_dict()["epoch"] == 1
    assert [batch["id"].tolist() for batch in loader.restarted()] != wanted[0]
    assert loader.state_dict()["epoch"] == 2


def test_the_launcher_s_environment_gives_rank_and_world_size(train: Split, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RANK", "1")
    monkeypatch.setenv("WORLD_SIZE", "2")
    assert train.loader(8).options.rank == 1
    assert ids(train, batch_size=8) == ids(train, batch_size=8, rank=1, world_size=2)
    assert train.loader(8, rank=0, world_size=1).options.world_size == 1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"batch_size": 0}, "batch_size is 0"),
        ({"rank": 2, "world_size": 2}, "rank 2 of world size 2"),
        ({"worker": 3, "workers": 2}, "worker 3 of 2"),
        ({"last": "long"}, "'short', 'drop' or 'pad'"),
        ({"columns": ["nothing"]}, "has no column 'nothing'"),
        ({"columns": ["image"], "decode": {"image": 2}}, "2 channels"),
        ({"columns": ["x"], "decode": {"image": 1}}, "'image' is not among the columns"),
    ],
)
def test_what_cannot_be_is_refused_by_name(train: Split, options: dict[str, Any], message: str) -> None:
    with pytest.raises((ValueError, LookupError), match=message):
        train.loader(**options)
