"""The nearest point where a small network with one hidden layer fails, found from the primal side.

Where ``f = offset + sum a relu(t)`` is nearest to the origin with f <= 0, some neurons are on, some off, and some at
their kink, and the point is the least one with those kinks where the linear piece is 0, or, on a plateau, the least one
with those kinks alone. So it is among ``3^m + 2^m`` least-norm solutions, whatever else is: the least that breaks
the network is the answer. No duality, no search.
"""

import dataclasses as dc
import itertools
from fractions import Fraction

import numpy as np

_BROKEN = 1e-9
"""f counts as broken up to this share of its terms; ``Failures.confirms`` decides exactly."""

_PUSHES = (0.0, 1e-13, 1e-11, 1e-9)


@dc.dataclass(frozen=True)
class Small:
    """``offset + readout @ relu(weight @ (x + z) + bias)`` as a function of z; positive at z = 0 or 0 there."""

    weight: np.ndarray
    bias: np.ndarray
    readout: np.ndarray
    offset: float
    x: np.ndarray

    def exactly(self, z: np.ndarray) -> Fraction:
        """The value at ``x + z`` rounded to floats, without any further rounding."""
        point = [Fraction(v) for v in (self.x + z).tolist()]
        total = Fraction(self.offset)
        for row, bias, a in zip(self.weight.tolist(), self.bias.tolist(), self.readout.tolist(), strict=True):
            t = sum((Fraction(w) * p for w, p in zip(row, point, strict=True)), Fraction(bias))
            total += Fraction(a) * max(t, Fraction(0))
        return total

    def squared(self, z: np.ndarray) -> Fraction:
        """The squared distance of the rounded ``x + z`` from x."""
        return sum(
            (Fraction(p) - Fraction(c)) ** 2 for p, c in zip((self.x + z).tolist(), self.x.tolist(), strict=True)
        )


@dc.dataclass(frozen=True)
class Failures:
    """Points that (up to rounding) break a network, nearest first; ``distance`` is infinite where there is none."""

    network: Small
    points: np.ndarray

    @property
    def distance(self) -> float:
        """How far the nearest is."""
        return float(np.linalg.norm(self.points[0])) if len(self.points) else np.inf

    def confirms(self, radius: float) -> bool:
        """Whether some point nearer than ``radius`` breaks the network exactly: then no radius so large is true."""
        for point in self.points[np.linalg.norm(self.points, axis=1) < radius * (1 + 1e-9)]:
            for push in _PUSHES:
                z = point * (1 + push)
                if self.network.squared(z) < Fraction(radius) ** 2 and self.network.exactly(z) <= 0:
                    return True
        return False


def failures(network: Small) -> Failures:
    """All candidates that break the network."""
    start = network.weight @ network.x + network.bias
    _, sizes, turn = np.linalg.svd(network.weight, full_matrices=False)
    turn = turn[sizes > 1e-12 * max(sizes.max(initial=0.0), 1e-300)]
    if not len(turn):
        turn = np.zeros((1, network.weight.shape[1]))
    rows = network.weight @ turn.T
    sides = np.array(list(itertools.product((-1, 0, 1), repeat=len(start))))
    kinks, on = (sides == 0), (sides > 0) * network.readout
    systems = np.concatenate([kinks[:, :, None] * rows, (on @ rows)[:, None, :]], axis=1)
    wanted = np.concatenate([kinks * -start, -(on @ start + network.offset)[:, None]], axis=1)
    flat = ~(sides > 0).any(axis=1)  # every set of kinks once, without the piece itself
    systems = np.concatenate([systems, systems[flat] * (np.arange(len(start) + 1) < len(start))[:, None]])
    wanted = np.concatenate([wanted, wanted[flat] * (np.arange(len(start) + 1) < len(start))])
    y = (np.linalg.pinv(systems, rcond=1e-11) @ wanted[:, :, None])[:, :, 0]
    t = start + y @ rows.T
    value = network.offset + np.maximum(t, 0) @ network.readout
    size = abs(network.offset) + (np.abs(t) + np.abs(start)) @ np.abs(network.readout)
    y = y[value <= _BROKEN * size]
    return Failures(network, y[np.argsort(np.linalg.norm(y, axis=1), kind="stable")] @ turn)
