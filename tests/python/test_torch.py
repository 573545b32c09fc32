"""The PyTorch adapter against the plain loader: same batches bare, in a DataLoader, with workers, after a restart."""

from __future__ import annotations

import gc
import itertools
import os
import pickle
import subprocess
import sys
import warnings
from collections.abc import Iterator
from typing import Any

import millpond as mp
import numpy as np
import pytest
from millpond.dataset import Split

torch = pytest.importorskip("torch", reason="torch is in .venv-frameworks")
from millpond.torch import Ragged, TorchDataset, tensors_of  # noqa: E402
from torch.utils.data import DataLoader  # noqa: E402

pytestmark = pytest.mark.frameworks
COLUMNS = ["id", "x", "triple", "ragged", "text"]


@pytest.fixture(autouse=True)
def time_limit() -> Iterator[None]:
    """A worker that hangs must end this process with a traceback, not the patience of who waits."""
    import faulthandler

    faulthandler.dump_traceback_later(300, exit=True)
    yield
    faulthandler.cancel_dump_traceback_later()


def seen(batches: Any) -> list[tuple[Any, ...]]:
    """Batches as values that compare: every column, every sample."""
    found = []
    for batch in batches:
        ragged = batch["ragged"]
        found.append(
            (
                batch["id"].tolist(),
                batch["x"].tolist(),
                batch["triple"].tolist(),
                ragged.values.tolist(),
                ragged.offsets.tolist(),
                batch["text"],
            )
        )
    return found


def wanted(split: Split, epochs: int = 1, **options: Any) -> list[list[tuple[Any, ...]]]:
    """The same from the plain loader, epoch by epoch."""
    loader = split.loader(16, columns=COLUMNS, **options)
    return [seen(tensors_of(batch) for batch in loader) for _ in range(epochs)]


def dataset_of(split: Split, **options: Any) -> TorchDataset:
    return split.to_torch(16, columns=COLUMNS, **{"seed": 3, **options})


def test_tensors_lie_over_the_engine_s_buffers(train: Split) -> None:
    batch = next(iter(train.loader(16, columns=[*COLUMNS, "flag", "at", "day", "small", "image"], decode={"image": 1})))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        tensors = tensors_of(batch)
    for name in ("id", "x", "triple", "flag", "at", "small", "image"):
        assert tensors[name].data_ptr() == batch[name].ctypes.data, name
        assert tuple(tensors[name].shape) == batch[name].shape
    values = batch["ragged"].values
    assert tensors["ragged"].values.data_ptr() == values.buffers()[1].address
    assert tensors["x"].dtype == torch.float64
    assert tensors["small"].dtype == torch.float32
    assert tensors["flag"].dtype == torch.bool
    assert tensors["at"].dtype == torch.int64
    assert tensors["day"].dtype == torch.int64
    assert tensors["at"].tolist() == batch["at"].astype("datetime64[us]").astype(np.int64).tolist()
    assert tensors["image"].shape == (16, 3, 4, 1)
    assert tensors["text"] == batch["text"].to_pylist()


def test_tensors_outlive_batch_and_loader(train: Split) -> None:
    loader = train.loader(16, seed=1, columns=["id", "ragged"])
    kept = [tensors_of(batch) for batch in itertools.islice(loader, 4)]
    copies = [(one["id"].clone(), one["ragged"].values.clone()) for one in kept]
    for _ in loader:
        pass
    del loader
    gc.collect()
    for tensors, (ids, values) in zip(kept, copies, strict=True):
        assert torch.equal(tensors["id"], ids)
        assert torch.equal(tensors["ragged"].values, values)


def test_ragged_as_nested_and_padded() -> None:
    ragged = Ragged(torch.tensor([1, 2, 3, 4]), torch.tensor([0, 2, 2, 3, 4]))
    assert ragged.to_padded(-1).tolist() == [[1, 2], [-1, -1], [3, -1], [4, -1]]
    assert [one.tolist() for one in ragged.to_nested().unbind()] == [[1, 2], [], [3], [4]]
    assert Ragged(torch.tensor([]), torch.tensor([0])).to_padded().shape == (0, 0)


def test_bare_passes_are_epochs(train: Split) -> None:
    dataset = dataset_of(train)
    assert isinstance(dataset, torch.utils.data.IterableDataset)
    assert len(dataset) == len(train.loader(16))
    assert [seen(dataset) for _ in range(3)] == wanted(train, 3, seed=3)
    dataset.set_epoch(1)
    assert seen(dataset) == wanted(train, 2, seed=3)[1]


@pytest.mark.parametrize("workers", [0, 1, 2, 3])
def test_a_plain_dataloader_gives_the_same_order(train: Split, workers: int) -> None:
    dataset = dataset_of(train)
    loader = DataLoader(dataset, batch_size=None, num_workers=workers)
    for epoch, batches in enumerate(wanted(train, 2, seed=3)):
        dataset.set_epoch(epoch)
        assert seen(loader) == batches


def test_workers_do_not_repeat_an_epoch_silently(train: Split) -> None:
    loader = DataLoader(dataset_of(train), batch_size=None, num_workers=2)
    assert len(seen(loader)) == len(loader)
    with pytest.raises(mp.errors.InvalidError, match="set_epoch"):
        seen(loader)
    ordered = DataLoader(dataset_of(train, shuffle=False), batch_size=None, num_workers=2)
    assert seen(ordered) == seen(ordered)  # an evaluation is the same in every epoch


@pytest.mark.parametrize(
    ("workers", "options"),
    [(0, {}), (1, {}), (2, {}), (3, {"persistent_workers": True}), (2, {"prefetch_factor": 5})],
)
def test_its_own_dataloader_goes_from_epoch_to_epoch(train: Split, workers: int, options: dict[str, Any]) -> None:
    loader = dataset_of(train).dataloader(workers, **options)
    assert [seen(loader) for _ in range(3)] == wanted(train, 3, seed=3)


@pytest.mark.parametrize(("workers", "done"), [(0, 5), (2, 1), (2, 4), (3, 7), (2, 0)])
def test_a_state_with_workers_resumes_at_the_exact_batch(train: Split, workers: int, done: int) -> None:
    every = [batch for epoch in wanted(train, 3, seed=3) for batch in epoch]
    first = dataset_of(train).dataloader(workers)
    begun = iter(first)
    assert seen(itertools.islice(begun, done)) == every[:done]
    state = pickle.loads(pickle.dumps(first.state_dict()))
    for other in (0, 1, 3):
        second = dataset_of(train).dataloader(other)
        second.load_state_dict(state)
        assert seen(second) + seen(second) == every[done : 2 * len(second)], other
    plain = dataset_of(train)
    plain.load_state_dict(state)
    assert seen(plain) + seen(plain) == every[done : 2 * len(plain)]


def test_a_pass_that_was_given_up_begins_anew(train: Split) -> None:
    for workers in (0, 2):
        loader = dataset_of(train).dataloader(workers)
        next(iter(loader))
        assert loader.state_dict()["step"] == 1
        assert seen(loader) == wanted(train, seed=3)[0]


def test_a_dataset_that_was_iterated_here_goes_on_in_workers(train: Split) -> None:
    dataset = dataset_of(train)
    running = iter(dataset)
    next(running)  # the engine's threads are running when the workers are forked
    assert seen(DataLoader(dataset, batch_size=None, num_workers=2)) == wanted(train, seed=3)[0]


@pytest.mark.parametrize("method", ["spawn", "forkserver"])
@pytest.mark.slow
def test_workers_may_be_started_afresh(train: Split, method: str) -> None:
    loader = dataset_of(train).dataloader(2, multiprocessing_context=method, persistent_workers=True)
    assert [seen(loader) for _ in range(2)] == wanted(train, 2, seed=3)


def test_ranks_with_workers_share_the_global_order(train: Split) -> None:
    whole = [one for batch in wanted(train, seed=3)[0] for one in batch[0]]
    for world in (2, 4):
        ranks = [
            seen(train.to_torch(16 // world, seed=3, columns=COLUMNS, rank=rank, world_size=world).dataloader(rank % 3))
            for rank in range(world)
        ]
        assert [one for step in zip(*ranks, strict=True) for share in step for one in share[0]] == whole


def test_torch_distributed_gives_the_rank(samples: mp.Pond, tmp_path: Any) -> None:
    program = (
        "import sys, torch.distributed as dist, millpond as mp\n"
        "rank = int(sys.argv[2])\n"
        "dist.init_process_group('gloo', init_method='file://' + sys.argv[3], rank=rank, world_size=2)\n"
        "data = mp.open(sys.argv[1]).dataset('kinds@v1').split('train').to_torch(8, seed=3, columns=['id'])\n"
        "print([one for batch in data.dataloader(1) for one in batch['id'].tolist()])\n"
        "dist.destroy_process_group()\n"
    )
    env = {**os.environ, "GLOO_SOCKET_IFNAME": "lo", "OMP_NUM_THREADS": "1"}
    ranks = [
        subprocess.Popen(
            [sys.executable, "-c", program, str(samples.folder), str(rank), str(tmp_path / "meeting")],
            stdout=subprocess.PIPE,
            text=True,
            env=env,
        )
        for rank in range(2)
    ]
    shares = []
    for process in ranks:
        out, _ = process.communicate(timeout=100)
        assert process.returncode == 0
        shares.append(eval(out.strip().splitlines()[-1]))
    split = samples.dataset("kinds@v1").split("train")
    for rank, share in enumerate(shares):
        loader = split.loader(8, seed=3, columns=["id"], rank=rank, world_size=2)
        assert share == [one for batch in loader for one in batch["id"].tolist()]


def test_pinning_without_a_gpu_changes_nothing(train: Split) -> None:
    if torch.cuda.is_available():
        pytest.skip("there is a GPU")
    dataset = dataset_of(train, pin_memory=True)
    assert seen(dataset) == wanted(train, seed=3)[0]


def test_pinned_memory(train: Split) -> None:
    if not torch.cuda.is_available():
        pytest.skip("there is no GPU")
    batch = next(iter(dataset_of(train, pin_memory=True)))
    assert batch["x"].is_pinned()
    assert batch["ragged"].values.is_pinned()
    again = next(iter(dataset_of(train).dataloader(2, pin_memory=True)))
    assert again["x"].is_pinned()
    assert again["ragged"].offsets.is_pinned()


def test_wrong_use_is_refused_by_name(train: Split) -> None:
    with pytest.raises(mp.errors.InvalidError, match="worker and workers"):
        train.loader(16, worker=1, workers=2).to_torch()
    with pytest.raises(mp.errors.InvalidError, match="batch_size belongs to the dataset"):
        dataset_of(train).dataloader(batch_size=8)
    with pytest.raises(mp.errors.InvalidError, match="saved with seed"):
        dataset_of(train).load_state_dict(dataset_of(train, seed=4).state_dict())


def test_a_network_trains_and_stops_and_goes_on_alike(samples: mp.Pond) -> None:
    split = samples.dataset("scores@v1").split("train")

    def network() -> tuple[Any, Any]:
        torch.manual_seed(0)
        layer = torch.nn.Linear(1, 1)
        return layer, torch.optim.SGD(layer.parameters(), lr=1e-4)

    def learn(layer: Any, optimizer: Any, batches: Any) -> None:
        for batch in batches:
            loss = ((layer(batch["x"].float()[:, None])[:, 0] - batch["score"].float()) ** 2).mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()

    def data() -> TorchDataset:
        return split.to_torch(16, seed=1, columns=["x", "score"])

    straight = network()
    whole = data()
    for _ in range(2):
        learn(*straight, whole)
    stopped = network()
    first = data().dataloader(2)
    learn(*stopped, itertools.islice(iter(first), 3))
    second = data().dataloader(1)
    second.load_state_dict(first.state_dict())
    for _ in range(2):
        learn(*stopped, second)
    assert torch.equal(straight[0].weight, stopped[0].weight)
