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
class Coefficient:
    """``scale * phi(curvature / scale)`` for phi = A or B, with derivatives by scale and curvature.

    A network weighs ``scale`` times the majorant of curvature ``curvature / scale``; its quadratic coefficient is then
    ``curvature`` itself, and this is its constant or its slope.
    """

    value: Tensor
    by_scale: Tensor
    by_curvature: Tensor
    by_scale_twice: Tensor
    by_both: Tensor
    by_curvature_twice: Tensor

    @classmethod
    def of(cls, scale: Tensor, ratio: Tensor, phi: tuple[Tensor, Tensor, Tensor]) -> "Coefficient":
        """From phi and its first two derivatives at ``ratio``."""
        value, slope, bend = phi[0], phi[1], phi[2] / scale
        return cls(scale * value, value - ratio * slope, slope, ratio * ratio * bend, -ratio * bend, bend)


def majorant(lower: Tensor, upper: Tensor, scale: Tensor, curvature: Tensor) -> tuple[Coefficient, Coefficient]:
    """Constant and slope of ``scale`` times the least majorant on [lower, upper] of curvature ``curvature / scale``.

    All arguments share one shape; ``lower < 0 < upper``, ``scale > 0``, ``curvature >= 0``.
    """
    ratio = curvature / scale
    near, span = torch.minimum(upper, -lower), upper - lower
    root = (near * ratio).sqrt().clamp_min(1e-300)
    pinned, free = ratio <= near / span**2, root >= 0.5
    first, second = near / (2 * root), -near * near / (4 * root**3)
    side = torch.where(-lower < upper, 1.0, -1.0)
    zero, safe = torch.zeros_like(ratio), ratio.clamp_min(1e-300)

    def choose(ends: Tensor, mixed: Tensor, graph: Tensor) -> Tensor:
        return torch.where(pinned, ends, torch.where(free, graph, mixed))

    constant = (
        choose(lower * (ratio * upper - upper / span), near * (1 - root) ** 2, 1 / (16 * safe)),
        choose(lower * upper, -2 * near * (1 - root) * first, -1 / (16 * safe**2)),
        choose(zero, 2 * near * (first**2 - (1 - root) * second), 1 / (8 * safe**3)),
    )
    tilt = 2 * root * (1 - root)
    slope = (
        choose(upper / span - ratio * (lower + upper), torch.where(side > 0, 1 - tilt, tilt), zero + 0.5),
        choose(-(lower + upper), side * (4 * root - 2) * first, zero),
        choose(zero, side * (4 * first**2 + (4 * root - 2) * second), zero),
    )
    return Coefficient.of(scale, ratio, constant), Coefficient.of(scale, ratio, slope)
