"""The first layer while it learns: by its weights, or by its pre-activations at the training points.

Every step adds a combination of the training points to each weight vector. So the Gram matrix of n points, with 1 added
for the bias, is all that the pre-activations of later steps need, and the weights are put together at the end. That is
the shorter way where n < d, and where each neuron is active on few points.
"""

import abc

import torch
from torch import Tensor

_SPARSE = 1 / 10
"""A product with coefficients of which at most this share is not 0 is taken entry by entry (on the CPU)."""


class Layer(abc.ABC):
    """R neurons at n training points; what changes in a step is in ``changing``."""

    changing: dict[str, Tensor]

    @abc.abstractmethod
    def activity(self) -> Tensor:
        """The pre-activations (R, n) at the training points."""

    @abc.abstractmethod
    def learn(self, coefficients: Tensor) -> None:
        """One step: ``coefficients`` (R, n) say how much of each point each neuron learns."""

    @abc.abstractmethod
    def neurons(self, alpha: Tensor) -> tuple[Tensor, Tensor]:
        """Weights (R, d) and biases (R,), after all coefficients added up to ``alpha`` (R, n)."""


class ByWeights(Layer):
    """Two products with the points (n, d) a step."""

    def __init__(self, points: Tensor, weight: Tensor, bias: Tensor, *, biased: bool) -> None:
        self._points, self._biased = points, biased
        self.changing = {"weight": weight.clone(), "bias": bias.clone()}

    def activity(self) -> Tensor:
        """The pre-activations."""
        return torch.addmm(self.changing["bias"][:, None], self.changing["weight"], self._points.T)

    def learn(self, coefficients: Tensor) -> None:
        """One step."""
        self.changing["weight"] += coefficients @ self._points
        if self._biased:
            self.changing["bias"] += coefficients.sum(dim=1)

    def neurons(self, alpha: Tensor) -> tuple[Tensor, Tensor]:
        """Weights and biases, which are at hand."""
        del alpha
        return self.changing["weight"], self.changing["bias"]


class ByActivity(Layer):
    """One product with the Gram matrix (n, n) a step."""

    def __init__(self, points: Tensor, weight: Tensor, bias: Tensor, *, biased: bool) -> None:
        self._points, self._biased, self._start = points, biased, (weight, bias)
        self._gram = points @ points.T
        if biased:
            self._gram += 1
        self.changing = {"activity": torch.addmm(bias[:, None], weight, points.T)}

    def activity(self) -> Tensor:
        """The pre-activations."""
        return self.changing["activity"]

    def learn(self, coefficients: Tensor) -> None:
        """One step."""
        few = coefficients.device.type == "cpu" and int(coefficients.count_nonzero()) <= _SPARSE * coefficients.numel()
        factor = coefficients.to_sparse() if few else coefficients
        self.changing["activity"] += factor @ self._gram

    def neurons(self, alpha: Tensor) -> tuple[Tensor, Tensor]:
        """Weights and biases, from ``alpha``."""
        weight, bias = self._start
        learned = (alpha @ self._points.to(alpha.dtype)).to(weight.dtype)
        return weight + learned, bias + alpha.sum(dim=1).to(bias.dtype) * self._biased


def layer_for(points: Tensor, weight: Tensor, bias: Tensor, *, biased: bool, steps: int) -> Layer:
    """The layer that takes fewer operations for so many steps, and no more memory than the points do."""
    (count, width), neurons = points.shape, len(weight)
    shorter = count * (width + neurons * steps) < 2 * width * neurons * steps
    return (ByActivity if shorter and count <= width else ByWeights)(points, weight, bias, biased=biased)
