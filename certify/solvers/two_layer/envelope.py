"""Least quadratic majorants of ReLU on an interval that contains 0, one for each curvature.

For ``l < 0 < u`` and a curvature ``C >= 0`` there is one quadratic ``A + B t + C t^2 >= relu(t)`` on [l, u] that lies
below all others of that curvature. With ``s = min(u, -l)`` it touches

* both ends (``C <= s / (u - l)^2``; the chord at C = 0),
* the nearer end and one side of the graph (in between),
* both sides of the graph, ``(t + tau)^2 / (4 tau)`` with ``tau = 1 / (4 C)`` (``C >= 1 / (4 s)``).
"""

import dataclasses as dc

import torch
from torch import Tensor


@dc.dataclass(frozen=True, slots=True, eq=False)
class Majorants:
    """Constant A and slope B of least majorants as functions of the curvature, with two derivatives each."""

    constant: Tensor
    slope: Tensor
    constant_rise: Tensor
    slope_rise: Tensor
    constant_bend: Tensor
    slope_bend: Tensor

    def take(self, index: Tensor) -> "Majorants":
        """The rows at ``index``."""
        return Majorants(*(getattr(self, f.name)[index] for f in dc.fields(self)))

    def where(self, chosen: Tensor, other: "Majorants") -> "Majorants":
        """These rows where ``chosen``, else the other's."""
        names = [f.name for f in dc.fields(self)]
        return Majorants(*(torch.where(chosen[:, None], getattr(self, n), getattr(other, n)) for n in names))


@dc.dataclass(frozen=True, slots=True, eq=False)
class Intervals:
    """The intervals ``[lower, upper]`` around 0 of many neurons, all of one shape, with what depends on them alone."""

    near: Tensor
    both_ends: Tensor
    product: Tensor
    total: Tensor
    chord: Tensor
    chord_constant: Tensor
    side: Tensor
    tilted: Tensor

    @classmethod
    def of(cls, lower: Tensor, upper: Tensor) -> "Intervals":
        """Needs ``lower < 0 < upper``."""
        near, span = torch.minimum(upper, -lower), upper - lower
        chord = upper / span
        side = torch.where(-lower < upper, 1.0, -1.0).to(near.dtype)
        return cls(near, near / span**2, lower * upper, lower + upper, chord, -lower * chord, side, (1 + side) / 2)

    def take(self, index: Tensor) -> "Intervals":
        """The rows at ``index``."""
        return Intervals(*(getattr(self, f.name)[index] for f in dc.fields(self)))

    def lines(self, ratio: Tensor) -> tuple[Tensor, Tensor]:
        """Constant and slope of the least majorants of curvature ``ratio >= 0``."""
        found = self.majorants(ratio)
        return found.constant, found.slope

    def majorants(self, ratio: Tensor) -> Majorants:
        """The least majorants of curvature ``ratio >= 0``.

        With ``r = sqrt(s C)`` those that touch the nearer end have the constant ``s (1 - r)^2`` and the slope
        ``2 r (1 - r)``, or 1 minus it where u is further out than l.
        """
        near = self.near
        root = (near * ratio).sqrt_().clamp_min_(1e-150)
        share = near / root
        pinned, free = ratio <= self.both_ends, root >= 0.5
        middle, tilt = 1 - root, share - 2 * near
        inverse = share * share / (16 * near)  # 1 / (16 C)
        bend = share * share * share / 2

        def choose(ends: Tensor | float, mixed: Tensor, graph: Tensor | float) -> Tensor:
            return torch.where(pinned, ends, torch.where(free, graph, mixed))

        return Majorants(
            constant=choose(self.chord_constant + ratio * self.product, near * middle * middle, inverse),
            slope=choose(self.chord - ratio * self.total, self.tilted - 2 * self.side * root * middle, 0.5),
            constant_rise=choose(self.product, near * (near - share), -16 * inverse * inverse),
            slope_rise=choose(-self.total, -self.side * tilt, 0.0),
            constant_bend=choose(0.0, bend * 1.0, 512 * inverse * inverse * inverse),
            slope_bend=choose(0.0, self.side * bend / near, 0.0),
        )
