"""The l1 memorizer: a bump of the l1 distance to each point."""

import dataclasses as dc
from fractions import Fraction
from typing import Any, ClassVar

from bounds.entry import Source, Tag
from certify.network import Network
from certify.region import Norm
from constructions.compose import Chain, Forms
from constructions.counting import count_claims
from constructions.dyadic import exact_float, rational
from constructions.memorizer.bumps import Readout, hypothesis, letters, separated_for_bumps, slope
from constructions.memorizer.hinges import Hinges
from constructions.memorizer.margins import diamonds, margin_claims
from constructions.memorizer.separated import Separated
from constructions.theorem import Claim, Construction, Family, Labelled, Theorem, parameter

_THEOREM = Theorem(
    "Robust memorisation in l1 by bumps of the distance",
    "For classes that are 2 eps apart in l1 and any delta < eps, a ReLU network with n (6d + 4) + 1 weights and "
    "biases, n the size of the smaller class, has zero robust training error.",
    Source("li2022", "Theorem 2.2, explicit form for l1"),
    Tag.DERIVED,
)


@dc.dataclass(frozen=True, slots=True)
class DistanceBumps(Family):
    """``b_i(x) = relu(1 - (1/tau) relu(sum_j [relu(x_j - c_ij) + relu(c_ij - x_j)] - r))``, ``tau <= 2 eps - 2 r``.

    The inner sum is the l1 distance: at most r on the ball of c_i, where ``b_i = 1``, and at least ``2 eps - r`` on a
    ball of another class, where ``b_i = 0`` (li2022, Theorem 2.2, explicit form for l1; derived).
    """

    name: ClassVar[str] = "distance-bumps"
    theorem: ClassVar[Theorem] = _THEOREM

    delta: Fraction = parameter("radius in l1, below half the distance of the classes")

    def build(self, data: Labelled | None) -> Network:
        """The network of four affine maps."""
        found, readout = self._start(data)
        chain = Chain(found.width)
        hinges = Hinges.around(found.points[readout.carriers], Fraction(0))
        chain.relu(hinges.forms)
        (beyond,) = chain.relu(Forms.of(hinges.excess(1.0), -exact_float(found.radius)))
        (bumps,) = chain.relu(beyond.scaled(-exact_float(slope(found))) + 1.0)
        return chain.output(bumps.combined(readout.weight) + readout.bias)

    def claims(self, network: Network, data: Labelled | None) -> tuple[Claim, ...]:
        """Zero robust error, margin 1, and the counts."""
        assert data is not None
        found, readout = self._start(data)
        rebuild = lambda: self.build(data)  # noqa: E731
        counts = ("nnz", "units", "depth") + (("dense",) if found.classes == 2 else ())
        entries = {count: f"robust-memorizer.distance-bumps.{count}" for count in counts}
        return (
            *margin_claims(network, data, found, rebuild=rebuild, needs=hypothesis(found), bounding=diamonds),
            *count_claims(network, entries, letters(found, len(readout.carriers))),
        )

    def _start(self, data: Labelled | None) -> tuple[Separated, Readout]:
        assert data is not None
        found = separated_for_bumps(data, Norm.L1, self.delta)
        return found, Readout.of(found)


def distance_bumps(points: Any, labels: Any, *, delta: Any) -> Construction:
    """The l1 memorizer of these points at radius ``delta`` with its claims; see ``DistanceBumps``.

    Raises:
        InvalidInput: classes whose balls overlap or touch, one class only, or points that are no finite table.
    """
    return DistanceBumps(rational(delta, "delta")).construct(Labelled.of(points, labels))
