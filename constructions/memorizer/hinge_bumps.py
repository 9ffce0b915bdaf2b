"""The linf memorizer: a bump of 2d hinges around each point, exact on every ball."""

import dataclasses as dc
from fractions import Fraction
from typing import Any, ClassVar

from bounds.entry import Source, Tag
from certify.errors import InvalidInput
from certify.network import Network
from certify.region import Norm
from constructions.compose import Chain, Forms
from constructions.counting import count_claims
from constructions.dyadic import exact_float, rational
from constructions.memorizer.bumps import Readout, hypothesis, letters, separated_for_bumps, slope
from constructions.memorizer.hinges import Hinges
from constructions.memorizer.margins import margin_claims
from constructions.memorizer.separated import Separated
from constructions.memorizer.steepness import steepness_claims
from constructions.theorem import Claim, Construction, Family, Labelled, Theorem, parameter

_THEOREM = Theorem(
    "Robust memorisation in linf by hinge bumps",
    "For N points in d dimensions whose classes are 2 eps apart in linf and any delta < eps, a ReLU network with "
    "n (6d + 2) + 1 weights and biases, n <= N/2 the size of the smaller class, has zero robust training error.",
    Source("li2022", "Theorem 2.2, explicit form"),
    Tag.DERIVED,
)
_COUNTS = ("nnz", "dense", "units", "depth")


@dc.dataclass(frozen=True, slots=True)
class HingeBumps(Family):
    """``b_i(x) = relu(1 - (1/tau) sum_j [relu(x_j - c_ij - r) + relu(c_ij - r - x_j)])`` around each carrier c_i.

    On the box of radius r around c_i all hinges vanish and ``b_i = 1``; on a box of another class one hinge is at
    least ``2 eps - 2 r >= tau`` and ``b_i = 0``. Hence ``f = 2 sum b_i - 1`` over the smaller class is at least 1 on
    its boxes and exactly -1 on the others (li2022, Theorem 2.2, explicit form; derived). Interval arithmetic is exact
    on the boxes. See ``Readout`` for signed bumps and for more than two classes.
    """

    name: ClassVar[str] = "hinge-bumps"
    theorem: ClassVar[Theorem] = _THEOREM

    delta: Fraction = parameter("radius in linf, below half the distance of the classes")
    two_sided: bool = parameter("bumps around both classes, signed, so that the output is 0 far away", default=False)

    def build(self, data: Labelled | None) -> Network:
        """The network of three affine maps."""
        found, readout = self._start(data)
        chain = Chain(found.width)
        (bumps,) = chain.relu(bump_forms(chain, found, readout))
        return chain.output(bumps.combined(readout.weight) + readout.bias)

    def claims(self, network: Network, data: Labelled | None) -> tuple[Claim, ...]:
        """Zero robust error, margin 1, the counts, the largest weight and the Lipschitz constants of a bump."""
        assert data is not None
        found, readout = self._start(data)
        return (
            *margin_claims(network, data, found, rebuild=lambda: self.build(data), needs=hypothesis(found)),
            *count_claims(network, self._entries(found), letters(found, len(readout.carriers))),
            *steepness_claims(network, found),
        )

    def _start(self, data: Labelled | None) -> tuple[Separated, Readout]:
        assert data is not None
        found = separated_for_bumps(data, Norm.LINF, self.delta)
        return found, Readout.of(found, self.two_sided)

    def _entries(self, found: Separated) -> dict[str, str]:
        stem = "hinge-bumps-two-sided" if self.two_sided else "hinge-bumps"
        stem = "hinge-bumps-multiclass" if found.classes > 2 else stem
        return {count: f"robust-memorizer.{stem}.{count}" for count in _COUNTS}


def bump_forms(chain: Chain, found: Separated, readout: Readout) -> Forms:
    """The arguments of the carriers' bumps, after a layer of their hinges."""
    hinges = Hinges.around(found.points[readout.carriers], found.radius)
    chain.relu(hinges.forms)
    return Forms.of(hinges.excess(-exact_float(slope(found))), 1.0)


def hinge_bumps(
    points: Any, labels: Any, *, delta: Any, norm: object = Norm.LINF, two_sided: bool = False
) -> Construction:
    """The linf memorizer of these points at radius ``delta`` with its claims; see ``HingeBumps``.

    Raises:
        InvalidInput: another norm, classes whose balls overlap or touch, one class only, or points that are no finite
            table.
    """
    if Norm.parse(norm) is not Norm.LINF:
        raise InvalidInput(
            f"Hinge bumps are robust in linf, and {Norm.parse(norm)} was asked for. Use voronoi or paraboloid for l2, "
            f"distance_bumps for l1."
        )
    return HingeBumps(rational(delta, "delta"), two_sided).construct(Labelled.of(points, labels))
