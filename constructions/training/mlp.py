"""Small ReLU networks trained on labelled points, with or without an adversary (madry2018), and how it went.

Two classes give one output and the logistic loss, more classes one output each and the softmax cross-entropy.
"""

import dataclasses as dc
import itertools
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from certify.device import find_device
from certify.errors import InvalidInput
from certify.network import Affine, Network, ReLU
from constructions.theorem import Labelled
from constructions.training.accuracy import Accuracy, attacked
from constructions.training.descent import TrainingDiverged
from constructions.training.pgd import Pgd

_BLOW_UP = 1e4
"""Training has diverged when a batch's loss exceeds this many times that of chance."""


@dc.dataclass(frozen=True, slots=True)
class Sgd:
    """Stochastic gradient descent with momentum and weight decay."""

    rate: float
    momentum: float = 0.9
    decay: float = 0.0


@dc.dataclass(frozen=True, slots=True)
class Adam:
    """Adam with its usual averaging, and weight decay."""

    rate: float = 1e-3
    decay: float = 0.0


@dc.dataclass(frozen=True, slots=True)
class MlpSettings:
    """The widths of the hidden layers, how long and how to descend, and against whom (``attack`` None: nobody).

    Raises:
        InvalidInput: a width, a count or a rate of no meaning.
    """

    hidden: tuple[int, ...]
    epochs: int
    batch: int = 50
    optimiser: Sgd | Adam = Adam()
    attack: Pgd | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        if min((*self.hidden, self.batch, self.epochs)) < 1:
            raise InvalidInput(
                f"Hidden widths {self.hidden}, {self.epochs} epochs in batches of {self.batch}: all must be at least 1."
            )
        if not (math.isfinite(self.optimiser.rate) and self.optimiser.rate > 0):
            raise InvalidInput(f"The learning rate {self.optimiser.rate} must be a positive number.")


@dc.dataclass(frozen=True, slots=True)
class Epoch:
    """After ``epoch`` epochs: the mean loss of the last one (under attack, where there is one), and the accuracies."""

    epoch: int
    loss: float
    train: Accuracy
    test: Accuracy


@dc.dataclass(frozen=True, slots=True, eq=False)
class TrainedMlp:
    """A trained network and its measured epochs, the last one included."""

    network: Network
    epochs: tuple[Epoch, ...]


@dc.dataclass(frozen=True, slots=True)
class Watch:
    """How a run is measured: the attack behind ``robust``, after every how many epochs, and whom to tell.

    Measuring changes nothing about the training.
    """

    attack: Pgd
    every: int = 1
    on_epoch: Callable[[Epoch], Any] | None = None

    def __post_init__(self) -> None:
        if self.every < 1:
            raise InvalidInput(f"Measuring every {self.every} epochs has no meaning; give a number >= 1.")


def train_mlp(
    settings: MlpSettings, train: Labelled, test: Labelled, *, watch: Watch, device: str = "cpu"
) -> TrainedMlp:
    """The network that minibatch descent reaches, in float32, and its accuracies on the way.

    Raises:
        TrainingDiverged: a batch's loss is not finite, or ten thousand times that of chance.
        InvalidInput: train and test points of different widths, a test label that training does not have, no device.
    """
    _check_fit(train, test)
    place = find_device(device)
    chance = torch.Generator().manual_seed(settings.seed)
    outputs = 1 if train.classes == 2 else train.classes
    model = _Mlp((train.points.shape[1], *settings.hidden, outputs), chance, place)
    sets = [_tensors(data, place) for data in (train, test)]
    optimiser = _optimiser(settings.optimiser, model.parameters)
    epochs: list[Epoch] = []
    for epoch in range(1, settings.epochs + 1):
        loss = _run_epoch(model, optimiser, sets[0], settings, chance, before=(epoch - 1) * _batches(train, settings))
        if epoch % watch.every == 0 or epoch == settings.epochs:
            found = [attacked(model, *part, watch.attack, seed=settings.seed) for part in sets]
            epochs.append(Epoch(epoch, loss, *found))
            if watch.on_epoch is not None:
                watch.on_epoch(epochs[-1])
    return TrainedMlp(model.network(), tuple(epochs))


class _Mlp:
    """Dense layers with ReLU between them."""

    def __init__(self, widths: tuple[int, ...], chance: torch.Generator, device: torch.device) -> None:
        """Weights uniform with variance 2 / inputs, biases zero."""
        self.layers: list[tuple[Tensor, Tensor]] = []
        for inputs, outputs in itertools.pairwise(widths):
            weight = (2 * torch.rand(outputs, inputs, generator=chance) - 1) * math.sqrt(6 / inputs)
            layer = (weight.to(device), torch.zeros(outputs, device=device))
            self.layers.append((layer[0].requires_grad_(), layer[1].requires_grad_()))

    @property
    def parameters(self) -> list[Tensor]:
        return [part for layer in self.layers for part in layer]

    def __call__(self, x: Tensor) -> Tensor:
        for i, (weight, bias) in enumerate(self.layers):
            x = F.linear(F.relu(x) if i else x, weight, bias)
        return x

    def network(self) -> Network:
        arrays = [tuple(part.detach().double().cpu().numpy() for part in layer) for layer in self.layers]
        ops = [op for weight, bias in arrays for op in (Affine(weight, bias), ReLU(len(bias)))]
        return Network.chain(ops[:-1])


def _run_epoch(
    model: _Mlp,
    optimiser: torch.optim.Optimizer,
    data: tuple[Tensor, Tensor],
    settings: MlpSettings,
    chance: torch.Generator,
    *,
    before: int,
) -> float:
    """One pass over the data; the mean loss. ``before`` is the number of batches of earlier epochs."""
    points, labels = data
    total = 0.0
    for step, chosen in enumerate(torch.randperm(len(points), generator=chance).split(settings.batch), before):
        x, y = points[chosen.to(points.device)], labels[chosen.to(points.device)]
        if settings.attack is not None:
            *_, x = settings.attack.walk(lambda at, y=y: _losses(model(at), y), x, chance)
        optimiser.zero_grad()
        loss = _losses(model(x), y).mean()
        value = loss.item()
        if not math.isfinite(value) or value > _BLOW_UP * math.log(max(2, model.layers[-1][1].numel())):
            raise TrainingDiverged(step, value, f"Take a learning rate below {settings.optimiser.rate:g}.")
        loss.backward()
        optimiser.step()
        total += value * len(chosen)
    return total / len(points)


def _losses(outputs: Tensor, labels: Tensor) -> Tensor:
    if outputs.shape[1] == 1:
        return F.softplus(-outputs[:, 0] * (2 * labels - 1))
    return F.cross_entropy(outputs, labels, reduction="none")


def _optimiser(rule: Sgd | Adam, parameters: list[Tensor]) -> torch.optim.Optimizer:
    match rule:
        case Sgd():
            return torch.optim.SGD(parameters, lr=rule.rate, momentum=rule.momentum, weight_decay=rule.decay)
        case Adam():
            return torch.optim.Adam(parameters, lr=rule.rate, weight_decay=rule.decay)


def _batches(data: Labelled, settings: MlpSettings) -> int:
    return math.ceil(len(data.points) / settings.batch)


def _tensors(data: Labelled, device: torch.device) -> tuple[Tensor, Tensor]:
    points = torch.as_tensor(data.points, dtype=torch.float32, device=device)
    return points, torch.as_tensor(data.labels, device=device)


def _check_fit(train: Labelled, test: Labelled) -> None:
    if train.points.shape[1] != test.points.shape[1]:
        raise InvalidInput(f"Train points have {train.points.shape[1]} numbers, test points {test.points.shape[1]}.")
    if (unseen := np.setdiff1d(test.labels, train.labels)).size:
        raise InvalidInput(f"The test set has the label {unseen[0]}, which no training point has.")
