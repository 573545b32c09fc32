"""Training for the demo: one model per dataset, fed by the loader, as a program of its own.

``python -m millpond.demo.training POND VERSION…`` prints one JSON object: metrics, and one hash over all batches in
order, per dataset version. Run again in another process after the derived state is gone, it must print the same.
"""

import json
import sys
from typing import Any

import millpond as mp

EPOCHS = 12
SEED = 7


def train(pond: mp.Pond, version: str) -> dict[str, Any]:
    """Train the model that fits a dataset version; see the module's docstring."""
    return _train_digits(pond, version) if version.startswith("digits") else _train_patients(pond, version)


def _train_patients(pond: mp.Pond, version: str) -> dict[str, Any]:
    """A linear classifier by stochastic gradient descent over the loader's batches."""
    import numpy as np
    from sklearn.linear_model import SGDClassifier
    from sklearn.metrics import accuracy_score, roc_auc_score
    from sklearn.preprocessing import StandardScaler

    dataset = pond.dataset(version)
    features = dataset.features
    scaler = StandardScaler().fit(dataset.split("train").to_numpy(columns=features))
    model = SGDClassifier(loss="log_loss", alpha=1e-3, random_state=SEED)
    loader = dataset.split("train").loader(batch_size=64, seed=SEED).record_order()
    losses: list[float] = []
    for _ in range(EPOCHS):
        for batch in loader:
            inputs = scaler.transform(_matrix(batch, features))
            targets = (np.asarray(batch["diagnosis"]) == "malignant").astype(int)
            model.partial_fit(inputs, targets, classes=[0, 1])
            losses.append(float(np.logaddexp(0, (1 - 2 * targets) * model.decision_function(inputs)).mean()))
    test = dataset.split("test")
    held_out = scaler.transform(test.to_numpy(columns=features))
    truth = (np.asarray(test.to_arrow(["diagnosis"]).column("diagnosis")) == "malignant").astype(int)
    scores = model.decision_function(held_out)
    return {
        "model": "scikit-learn SGDClassifier",
        "metrics": {
            "accuracy": float(accuracy_score(truth, scores > 0)),
            "auc": float(roc_auc_score(truth, scores)),
        },
        "curve": losses,
        "curve_is": "loss of a training batch",
        "batches": len(losses),
        "batch_hash": loader.order_hash(),
    }


def _train_digits(pond: mp.Pond, version: str) -> dict[str, Any]:
    """A network with one hidden layer over decoded images: torch where it is present, else NumPy."""
    import numpy as np

    dataset = pond.dataset(version)
    loader = dataset.split("train").loader(batch_size=128, seed=SEED, columns=["image", "label"], decode={"image": 1})
    loader.record_order()
    network = _network(np)
    losses: list[float] = []
    for _ in range(EPOCHS):
        for batch in loader:
            losses.append(network.step(_pixels(batch), np.asarray(batch["label"], dtype=np.int64)))
    right = total = 0
    test = dataset.split("test").loader(
        batch_size=256, seed=SEED, shuffle=False, columns=["image", "label"], decode={"image": 1}
    )
    for batch in test:
        targets = np.asarray(batch["label"], dtype=np.int64)
        right += int((network.predict(_pixels(batch)) == targets).sum())
        total += len(targets)
    return {
        "model": network.name,
        "metrics": {"accuracy": right / total},
        "curve": losses,
        "curve_is": "loss of a training batch",
        "batches": len(losses),
        "batch_hash": loader.order_hash(),
    }


def _matrix(batch: dict[str, Any], columns: list[str]) -> Any:
    import numpy as np

    return np.column_stack([batch[name] for name in columns])


def _pixels(batch: dict[str, Any]) -> Any:
    """(samples, 64) floats in 0…1 from (samples, 8, 8, 1) bytes."""
    import numpy as np

    images = np.asarray(batch["image"])
    return images.reshape(len(images), -1).astype(np.float32) / 255


class _NumpyNetwork:
    """64 → 48 → 10, ReLU, softmax, plain gradient descent with momentum."""

    name = "NumPy network 64-48-10"

    def __init__(self, np: Any) -> None:
        random = np.random.default_rng(SEED)
        self.np = np
        self.weights = [random.normal(0, 0.15, (64, 48)), np.zeros(48), random.normal(0, 0.15, (48, 10)), np.zeros(10)]
        self.momentum = [np.zeros_like(weight) for weight in self.weights]

    def step(self, inputs: Any, targets: Any) -> float:
        np = self.np
        hidden, chances = self._forward(inputs)
        count = len(targets)
        slope = chances.copy()
        slope[np.arange(count), targets] -= 1
        slope /= count
        back = (slope @ self.weights[2].T) * (hidden > 0)
        slopes = [inputs.T @ back, back.sum(0), hidden.T @ slope, slope.sum(0)]
        for number, (weight, change) in enumerate(zip(self.weights, slopes, strict=True)):
            self.momentum[number] = 0.9 * self.momentum[number] - 0.3 * change
            weight += self.momentum[number]
        return float(-np.log(chances[np.arange(count), targets] + 1e-12).mean())

    def predict(self, inputs: Any) -> Any:
        return self._forward(inputs)[1].argmax(1)

    def _forward(self, inputs: Any) -> tuple[Any, Any]:
        np = self.np
        hidden = np.maximum(inputs @ self.weights[0] + self.weights[1], 0)
        scores = hidden @ self.weights[2] + self.weights[3]
        powers = np.exp(scores - scores.max(1, keepdims=True))
        return hidden, powers / powers.sum(1, keepdims=True)


class _TorchNetwork:
    """The same network in PyTorch, on the CPU in deterministic mode."""

    name = "PyTorch network 64-48-10"

    def __init__(self, torch: Any) -> None:
        torch.manual_seed(SEED)
        torch.use_deterministic_algorithms(True)
        torch.set_num_threads(1)
        self.torch = torch
        self.layers = torch.nn.Sequential(torch.nn.Linear(64, 48), torch.nn.ReLU(), torch.nn.Linear(48, 10))
        self.optimizer = torch.optim.SGD(self.layers.parameters(), lr=0.3, momentum=0.9)

    def step(self, inputs: Any, targets: Any) -> float:
        loss = self.torch.nn.functional.cross_entropy(
            self.layers(self.torch.from_numpy(inputs)), self.torch.from_numpy(targets)
        )
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        return float(loss)

    def predict(self, inputs: Any) -> Any:
        with self.torch.no_grad():
            return self.layers(self.torch.from_numpy(inputs)).argmax(1).numpy()


def _network(np: Any) -> Any:
    try:
        import torch
    except ImportError:
        return _NumpyNetwork(np)
    return _TorchNetwork(torch)


if __name__ == "__main__":
    pond = mp.open(sys.argv[1])
    sys.stdout.write(json.dumps({version: train(pond, version) for version in sys.argv[2:]}))
