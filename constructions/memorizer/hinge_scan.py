"""The linf memorizer as a scan: hinge bumps stage by stage, deep and narrow, carrying the input and a running sum."""

import dataclasses as dc
from collections.abc import Iterator
from fractions import Fraction
from typing import Any, ClassVar

import numpy as np
from jaxtyping import Float64

from bounds.entry import Source, Tag
from certify.errors import InvalidInput
from certify.network import Network
from certify.region import Norm
from constructions.compose import Chain, Forms
from constructions.counting import count_claims
from constructions.dyadic import exact_float, rational, shorten_up
from constructions.memorizer.bumps import Readout, hypothesis, letters, separated_for_bumps, slope
from constructions.memorizer.hinges import Hinges
from constructions.memorizer.margins import margin_claims
from constructions.memorizer.separated import Separated
from constructions.theorem import Claim, Construction, Family, Labelled, Theorem, parameter

_THEOREM = Theorem(
    "Robust memorisation in linf, stage by stage",
    "Hinge bumps computed in S stages: n (6d + 2) + 2d (S - 1) + d + 2S - 1 weights and biases in 2S + 1 affine maps, "
    "with no layer wider than 2d ceil(n/S) + d + 1.",
    Source("li2022", "Theorem 2.2, explicit form"),
    Tag.DERIVED,
)


@dc.dataclass(frozen=True, slots=True)
class HingeScan(Family):
    """``HingeBumps`` of the smaller class, with the bumps of a stage added to a running sum that later layers carry.

    The input is carried as ``u = x + kappa``, where kappa is a power of two that makes u positive on every ball, so
    that ``relu(u) = u`` there. Interval arithmetic is exact on the boxes (li2022, Theorem 2.2, explicit form; derived).
    """

    name: ClassVar[str] = "hinge-bumps-scan"
    theorem: ClassVar[Theorem] = _THEOREM

    delta: Fraction = parameter("radius in linf, below half the distance of the classes")
    stages: int = parameter("number of stages, at most one a point of the smaller class", default=2)

    def build(self, data: Labelled | None) -> Network:
        """The network of ``2 stages + 1`` affine maps."""
        found, readout = self._start(data)
        chain = Chain(found.width)
        total = _scan(chain, found, np.array_split(readout.carriers, self.stages))
        sign = 2.0 * found.minority - 1.0
        return chain.output(total.scaled(2.0 * sign) - sign)

    def claims(self, network: Network, data: Labelled | None) -> tuple[Claim, ...]:
        """Zero robust error, margin 1, and the counts; that of all parameters with one point a stage only."""
        assert data is not None
        found, readout = self._start(data)
        n = len(readout.carriers)
        return (
            *margin_claims(network, data, found, rebuild=lambda: self.build(data), needs=hypothesis(found)),
            *count_claims(network, self._entries(n), letters(found, n) | {"S": self.stages}),
        )

    def _start(self, data: Labelled | None) -> tuple[Separated, Readout]:
        assert data is not None
        found = separated_for_bumps(data, Norm.LINF, self.delta)
        if found.classes > 2:
            raise InvalidInput(f"A scan keeps one running sum, for two classes; these points have {found.classes}.")
        readout = Readout.of(found)
        if not 1 <= self.stages <= len(readout.carriers):
            raise InvalidInput(
                f"A scan has between 1 and {len(readout.carriers)} stages here, the number of points of the smaller "
                f"class; got {self.stages}."
            )
        return found, readout

    def _entries(self, carriers: int) -> dict[str, str]:
        if self.stages == 1:
            return {count: f"robust-memorizer.hinge-bumps.{count}" for count in ("nnz", "dense", "units", "depth")}
        counts = ["nnz", "units", "depth"] + ["dense"] * (carriers % self.stages == 0)
        return {count: f"robust-memorizer.hinge-bumps-scan.{count}" for count in counts}


def _scan(chain: Chain, found: Separated, groups: list[np.ndarray]) -> Forms:
    """The sum of the bumps of all groups of points, two layers a group."""
    steep, shift = exact_float(slope(found)), _shift(found)
    coordinates, moved, total = chain.inputs(), 0.0, None
    for last, centres in _stages(found, groups):
        hinges = Hinges.around(centres + moved, found.radius)
        arguments = coordinates.combined(hinges.forms.weight) + hinges.forms.bias
        carried = [] if last else [coordinates + (shift - moved)]
        sums = [] if total is None else [total]
        units, *rest = chain.relu(arguments, *carried, *sums)
        bumps, *rest = chain.relu(units.combined(hinges.excess(-steep)) + 1.0, *rest)
        added = bumps.combined(np.ones((1, len(bumps))))
        total = added if total is None else rest.pop() + added
        coordinates, moved = rest[0] if rest else coordinates, shift
    assert total is not None
    return total


def _stages(found: Separated, groups: list[np.ndarray]) -> Iterator[tuple[bool, Float64[np.ndarray, "g d"]]]:
    """The centres of each stage, and whether it is the last one."""
    return ((i == len(groups) - 1, found.points[group]) for i, group in enumerate(groups))


def _shift(found: Separated) -> float:
    """kappa: a power of two, at least as large as every coordinate of every ball."""
    reach = Fraction(float(np.abs(found.points).max())) + found.radius
    return exact_float(shorten_up(reach, 1))


def hinge_bumps_scan(points: Any, labels: Any, *, delta: Any, stages: int = 2) -> Construction:
    """The linf memorizer of these points in ``stages`` stages, with its claims; see ``HingeScan``.

    Raises:
        InvalidInput: classes whose balls overlap or touch, one class only or more than two, or impossible stages.
    """
    return HingeScan(rational(delta, "delta"), int(stages)).construct(Labelled.of(points, labels))
