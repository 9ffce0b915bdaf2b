"""Networks and inputs to measure on: small perceptrons trained on MNIST, or on digits upsampled to its size."""

import dataclasses as dc
import itertools
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float64, Int64
from sklearn.datasets import load_digits

from certify.io.datasets import load_points
from certify.network import Affine, Network, Op, ReLU


@dc.dataclass(frozen=True, slots=True, eq=False)
class Images:
    """Training and test images (b, 784) with pixels in [0, 1], and their labels."""

    name: str
    train: Float64[np.ndarray, "b 784"]
    train_labels: Int64[np.ndarray, " b"]
    test: Float64[np.ndarray, "t 784"]
    test_labels: Int64[np.ndarray, " t"]


def images(data: str | None) -> Images:
    """MNIST from the folder ``data``, else scikit-learn's digits, blown up from 8 x 8 to 28 x 28."""
    if data is not None:
        train, test = load_points(f"mnist-train:{Path(data)}", None), load_points(f"mnist:{Path(data)}", None)
        return Images("MNIST", train.points, train.labels, test.points, test.labels)
    pixels, labels = load_digits(return_X_y=True)
    small = torch.as_tensor(pixels.reshape(-1, 1, 8, 8) / 16)
    big = torch.nn.functional.interpolate(small, size=(28, 28), mode="bilinear").reshape(-1, 784).numpy()
    labels = labels.astype(np.int64)
    return Images("digits at 28 x 28", big[:1000], labels[:1000], big[1000:], labels[1000:])


def perceptron(widths: tuple[int, ...], data: Images, *, epochs: int, seed: int = 0) -> Network:
    """A ReLU perceptron trained by Adam on cross-entropy."""
    torch.manual_seed(seed)
    layers: list[torch.nn.Module] = []
    for a, b in itertools.pairwise(widths):
        layers += [torch.nn.Linear(a, b), torch.nn.ReLU()]
    model = torch.nn.Sequential(*layers[:-1])
    optimiser = torch.optim.Adam(model.parameters(), lr=1e-3)
    x, y = torch.as_tensor(data.train, dtype=torch.float32), torch.as_tensor(data.train_labels)
    for _ in range(epochs):
        for batch in torch.randperm(len(x)).split(128):
            optimiser.zero_grad()
            torch.nn.functional.cross_entropy(model(x[batch]), y[batch]).backward()
            optimiser.step()
    ops: list[Op] = []
    for layer in model:
        if isinstance(layer, torch.nn.Linear):
            ops += [Affine(layer.weight.detach().double().numpy(), layer.bias.detach().double().numpy())]
            ops += [ReLU(layer.out_features)]
    return Network.chain(ops[:-1])


def classified(network: Network, data: Images, count: int) -> tuple[np.ndarray, np.ndarray]:
    """The first ``count`` correctly classified test images and their labels."""
    right = np.flatnonzero(network.evaluate(data.test).argmax(axis=1) == data.test_labels)[:count]
    return data.test[right], data.test_labels[right]
