"""Intervals that hold every value of a network on each region of a batch, rounded outwards on demand."""

import dataclasses as dc

import numpy as np
import torch
from torch import Tensor

from certify.bounders.ball import BallBatch
from certify.bounders.relaxation import Relaxation
from certify.network import Add, ReLU
from certify.rounding import UNIT, gamma
from certify.tensor_network import LinearMap, TensorNetwork

_UNDERFLOW = 1e-290
"""More than the products that underflow in one sum can hide."""


@dc.dataclass(slots=True, eq=False)
class Enclosure:
    """Bounds ``lower[k] <= value k <= upper[k]``, each (B, n_k), for the values reached so far on ``ball``.

    It grows value by value (``extend``) and tightens (``tighten``); ``relaxations[i]`` belongs to the ReLU of node i.
    ``typical[k]`` is value k at the centre of each ball, rounded to nearest: it guides searches. For a first affine
    map it is also the centre of ``BallBatch.image``, which charges its rounding; so it has the dtype of the bounds.
    """

    network: TensorNetwork
    ball: BallBatch
    lower: list[Tensor]
    upper: list[Tensor]
    typical: list[Tensor]
    relaxations: dict[int, Relaxation]

    @classmethod
    def start(cls, network: TensorNetwork, ball: BallBatch) -> "Enclosure":
        """The enclosure that knows only the input."""
        return cls(network, ball, [ball.lower], [ball.upper], [ball.centre], {})

    @property
    def rounded(self) -> bool:
        """Whether every bound accounts for rounding."""
        return self.ball.rounded

    def take(self, index: Tensor) -> "Enclosure":
        """The enclosure of the regions at ``index``."""
        return Enclosure(
            self.network,
            self.ball.take(index),
            [x[index] for x in self.lower],
            [x[index] for x in self.upper],
            [x[index] for x in self.typical],
            {i: r.take(index) for i, r in self.relaxations.items()},
        )

    def upto(self, value: int) -> "Enclosure":
        """What it knows of the values up to ``value``; it can be extended anew."""
        relaxations = {i: r for i, r in self.relaxations.items() if i < value}
        ends = self.lower[: value + 1], self.upper[: value + 1], self.typical[: value + 1]
        return Enclosure(self.network, self.ball, *ends, relaxations)

    def on(self, network: TensorNetwork) -> "Enclosure":
        """The same bounds for a search: in ``network``'s dtype, on its device, rounding not accounted for."""
        like, old = network.tensor(np.zeros(0)), self.ball
        centre, radius, low, high = (x.to(like) for x in (old.centre, old.radius, old.lower, old.upper))
        ball = BallBatch(centre, radius, old.norm, low, high, old.cut, False)
        lower, upper, typical = ([x.to(like) for x in values] for values in (self.lower, self.upper, self.typical))
        read = {i: network.network.nodes[i].inputs[0] for i in self.relaxations}
        relaxations = {i: Relaxation.of(lower[value], upper[value]) for i, value in read.items()}
        return Enclosure(network, ball, lower, upper, typical, relaxations)

    def magnitude(self, value: int) -> Tensor:
        """The largest |x| of each number of a value, (B, n)."""
        return torch.maximum(self.lower[value].abs(), self.upper[value].abs())

    def extend(self) -> None:
        """Adds the interval bounds of the next value."""
        i = len(self.lower) - 1
        node = self.network.network.nodes[i]
        reads = [(self.lower[k], self.upper[k]) for k in node.inputs]
        centres = [self.typical[k] for k in node.inputs]
        match node.op:
            case ReLU():
                lower, upper = reads[0]
                self.relaxations[i] = Relaxation.of(lower, upper)
                bounds, typical = (lower.clamp_min(0.0), upper.clamp_min(0.0)), centres[0].clamp_min(0.0)
            case Add():
                bounds = self._outwards(reads[0][0] + reads[1][0], reads[0][1] + reads[1][1])
                typical = centres[0] + centres[1]
            case _:
                linear = self.network.linear[i]
                bounds, typical = self._through(linear, *reads[0]), linear.apply(centres[0]) + linear.bias
        self.lower.append(bounds[0].nan_to_num(nan=-torch.inf, posinf=torch.inf, neginf=-torch.inf))
        self.upper.append(bounds[1].nan_to_num(nan=torch.inf, posinf=torch.inf, neginf=-torch.inf))
        self.typical.append(typical)

    def tighten(self, value: int, lower: Tensor, upper: Tensor) -> None:
        """Intersects the last value's bounds with [lower, upper]; both are enclosures, so the intersection is one.

        Where a bound has overflown to NaN it says nothing, and what was known stays.
        """
        assert value == len(self.lower) - 1
        self.lower[value] = torch.fmax(self.lower[value], lower)
        self.upper[value] = torch.fmin(self.upper[value], upper)

    def _through(self, linear: LinearMap, lower: Tensor, upper: Tensor) -> tuple[Tensor, Tensor]:
        middle = (lower + upper) / 2
        half = torch.maximum(upper - middle, middle - lower)
        if self.rounded:
            half = half * (1 + 4 * UNIT)
        centre = linear.apply(middle) + linear.bias
        spread = linear.apply_abs(half)
        if self.rounded:
            size = linear.apply_abs(middle.abs() + half) + linear.bias.abs()
            spread = spread + 1.01 * gamma(linear.row_terms + 8) * 2 * size + _UNDERFLOW
        return self._outwards(centre - spread, centre + spread)

    def _outwards(self, lower: Tensor, upper: Tensor) -> tuple[Tensor, Tensor]:
        if not self.rounded:
            return lower, upper
        return (
            torch.nextafter(lower, torch.full_like(lower, -torch.inf)),
            torch.nextafter(upper, torch.full_like(upper, torch.inf)),
        )
