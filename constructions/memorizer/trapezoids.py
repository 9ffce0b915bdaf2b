"""The linf memorizer with trapezoids of the exact linf distance: steepness that does not grow with the dimension."""

import dataclasses as dc
from fractions import Fraction
from typing import Any, ClassVar

import numpy as np
import scipy.sparse as sp

from bounds.entry import Source, Tag
from certify.network import Network
from certify.region import Norm
from constructions.compose import Chain, Forms
from constructions.counting import count_claims
from constructions.dyadic import exact_float, rational
from constructions.gadgets import maxima
from constructions.memorizer.bumps import Readout, hypothesis, letters, separated_for_bumps, slope
from constructions.memorizer.hinges import Hinges, require_size
from constructions.memorizer.margins import margin_claims
from constructions.memorizer.separated import Separated
from constructions.theorem import Claim, Construction, Family, Labelled, Theorem, parameter

_THEOREM = Theorem(
    "Robust memorisation in linf by trapezoids",
    "A trapezoid of the linf distance to each of the n points of the smaller class: for d a power of two 10 d n + 1 "
    "weights and biases, and the Lipschitz constant in linf is that of one ramp, 1/tau.",
    Source("li2022", "Theorem 2.2, explicit form"),
    Tag.DERIVED,
)


@dc.dataclass(frozen=True, slots=True)
class Trapezoids(Family):
    """``b_i(x) = relu(1 - (1/tau) relu(max_j |x_j - c_ij| - r))`` around each carrier c_i, with ``tau <= 2 eps - 2 r``.

    The maximum is a balanced tree of ``max(a, b) = relu(a - b) + relu(b)``. On the ball of c_i the distance is at most
    r and ``b_i = 1``; on a ball of another class it is at least ``2 eps - r`` and ``b_i = 0`` (li2022, Theorem 2.2,
    explicit form; derived). Intervals are not tight on the tree, so the proof compares weights.
    """

    name: ClassVar[str] = "trapezoids"
    theorem: ClassVar[Theorem] = _THEOREM

    delta: Fraction = parameter("radius in linf, below half the distance of the classes")

    def build(self, data: Labelled | None) -> Network:
        """The network of ``ceil(log2 d) + 4`` affine maps."""
        found, readout = self._start(data)
        chain = Chain(found.width)
        distances = _distances(chain, found, readout)
        (beyond,) = chain.relu(distances - exact_float(found.radius))
        (bumps,) = chain.relu(beyond.scaled(-exact_float(slope(found))) + 1.0)
        return chain.output(bumps.combined(readout.weight) + readout.bias)

    def claims(self, network: Network, data: Labelled | None) -> tuple[Claim, ...]:
        """Zero robust error, margin 1 and, for d a power of two, the counts."""
        assert data is not None
        found, readout = self._start(data)
        rebuild, d = (lambda: self.build(data)), found.width
        counts = ("nnz", "units", "depth") if d & (d - 1) == 0 else ()
        counts += ("dense",) if counts and found.classes == 2 else ()
        entries = {count: f"robust-memorizer.trapezoids.{count}" for count in counts}
        return (
            *margin_claims(network, data, found, rebuild=rebuild, needs=hypothesis(found), bounding=None),
            *count_claims(network, entries, letters(found, len(readout.carriers))),
        )

    def _start(self, data: Labelled | None) -> tuple[Separated, Readout]:
        assert data is not None
        found = separated_for_bumps(data, Norm.LINF, self.delta)
        return found, Readout.of(found)


def _distances(chain: Chain, found: Separated, readout: Readout) -> Forms:
    """The linf distance to each carrier, as forms of the last layer."""
    n, d = len(readout.carriers), found.width
    require_size(3 * n * d, f"{n:,} trees of maxima over {d:,} coordinates")
    hinges = Hinges.around(found.points[readout.carriers], Fraction(0))
    chain.relu(hinges.forms)
    starts = np.arange(0, 2 * n * d + 1, 2, dtype=np.int32)
    pairs = sp.csr_array(
        (np.ones(2 * n * d), hinges.places.ravel(), starts), shape=(n * d, len(hinges.forms))
    )  # |x_j - c_ij| is the sum of its two hinges
    return maxima(chain, Forms.of(pairs, 0.0), n)


def trapezoids(points: Any, labels: Any, *, delta: Any) -> Construction:
    """The linf memorizer of these points by trapezoids, with its claims; see ``Trapezoids``.

    Raises:
        InvalidInput: classes whose balls overlap or touch, one class only, or points that are no finite table.
    """
    return Trapezoids(rational(delta, "delta")).construct(Labelled.of(points, labels))
