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
    """Least majorants as functions of the curvature: ``parts`` (B, 6, H) are the constant A, the slope B, and their
    first and second derivatives, each of A before B.
    """

    parts: Tensor

    @property
    def constant(self) -> Tensor:
        """A, (B, H)."""
        return self.parts[:, 0]

    @property
    def slope(self) -> Tensor:
        """B, (B, H)."""
        return self.parts[:, 1]

    def derivatives(self) -> tuple[Tensor, ...]:
        """A', B', A'', B'', each (B, H)."""
        return self.parts[:, 2:].unbind(1)

    def take(self, index: Tensor) -> "Majorants":
        """The rows at ``index``."""
        return Majorants(self.parts[index])

    def where(self, chosen: Tensor, other: "Majorants") -> "Majorants":
        """These rows where ``chosen``, else the other's."""
        return Majorants(torch.where(chosen[:, None, None], self.parts, other.parts))


@dc.dataclass(frozen=True, slots=True, eq=False)
class Intervals:
    """The intervals ``[lower, upper]`` around 0 of many neurons (B, H), with what depends on them alone.

    ``ends`` and ``ends_rise`` (B, 6, H) make up the parts of majorants that touch both ends.
    """

    near: Tensor
    both_ends: Tensor
    side: Tensor
    tilted: Tensor
    ends: Tensor
    ends_rise: Tensor

    @classmethod
    def of(cls, lower: Tensor, upper: Tensor) -> "Intervals":
        """Needs ``lower < 0 < upper``."""
        near, span = torch.minimum(upper, -lower), upper - lower
        chord, product, total = upper / span, lower * upper, lower + upper
        side = torch.where(-lower < upper, 1.0, -1.0).to(near.dtype)
        none = torch.zeros_like(near)
        ends = torch.stack([-lower * chord, chord, product, -total, none, none], 1)
        ends_rise = torch.stack([product, -total, none, none, none, none], 1)
        return cls(near, near / span**2, side, (1 + side) / 2, ends, ends_rise)

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
        near, side = self.near, self.side
        root = (near * ratio).sqrt_().clamp_min_(1e-150)
        pinned, free = (ratio <= self.both_ends)[:, None], (root >= 0.5)[:, None]
        share, middle, none = near / root, 1 - root, torch.zeros_like(near)
        bend = share * share * share / 2
        mixed = (near * middle * middle, self.tilted - 2 * side * root * middle)
        mixed += (near * (near - share), side * (2 * near - share), bend, side * bend / near)
        inverse = share * share / (16 * near)  # 1 / (16 C)
        square = -16 * inverse * inverse
        graph = (inverse, none + 0.5, square, none, -32 * inverse * square, none)
        both = torch.addcmul(self.ends, self.ends_rise, ratio[:, None])
        return Majorants(torch.where(pinned, both, torch.where(free, torch.stack(graph, 1), torch.stack(mixed, 1))))
