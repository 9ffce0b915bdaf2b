"""What is minimised: the mean loss of a two-layer net with a frozen second layer, and its slopes at the outputs."""

import abc
import dataclasses as dc
import math

import torch
import torch.nn.functional as F
from torch import Tensor


@dc.dataclass(frozen=True, slots=True, eq=False)
class Verdict:
    """A loss at some outputs (n, o): the mean loss, its derivative at each output (n, o), and the share correct.

    A tie counts as wrong.
    """

    loss: Tensor
    slopes: Tensor
    accuracy: Tensor


class Objective(abc.ABC):
    """The mean of a per-sample loss, with its derivative in closed form."""

    chance_loss: float
    """The loss of a net that answers zero everywhere."""

    @abc.abstractmethod
    def judge(self, outputs: Tensor) -> Verdict:
        """The loss of ``outputs`` (n, o)."""


class Logistic(Objective):
    """``log(1 + exp(-y f))`` for one output f and labels y of +1 and -1 (n,)."""

    def __init__(self, labels: Tensor) -> None:
        self._labels = labels[:, None]
        self.chance_loss = math.log(2.0)

    def judge(self, outputs: Tensor) -> Verdict:
        """The loss of ``outputs`` (n, 1)."""
        margins = self._labels * outputs
        slopes = -self._labels * torch.sigmoid(-margins) / len(outputs)
        return Verdict(F.softplus(-margins).mean(), slopes, (margins > 0).double().mean())


class CrossEntropy(Objective):
    """The softmax cross-entropy of k outputs, for labels 0..k-1 (n,)."""

    def __init__(self, labels: Tensor, classes: int) -> None:
        self._labels = labels
        self._target = F.one_hot(labels, classes)
        self.chance_loss = math.log(classes)

    def judge(self, outputs: Tensor) -> Verdict:
        """The loss of ``outputs`` (n, k)."""
        slopes = (torch.softmax(outputs, dim=1) - self._target) / len(outputs)
        own = outputs.gather(1, self._labels[:, None])
        alone = (outputs >= own).sum(dim=1) == 1
        return Verdict(F.cross_entropy(outputs, self._labels), slopes, alone.double().mean())
