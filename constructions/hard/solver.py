"""The robust classifier of the hard set: exact steps give the grid index, a look-up table its label."""

import dataclasses as dc
import functools
from collections.abc import Callable
from fractions import Fraction
from typing import ClassVar

import numpy as np

from bounds.entry import Source, Tag
from certify.errors import InvalidInput
from certify.network import Network
from certify.region import Norm
from constructions.compose import Chain, Forms, columns
from constructions.counting import count_claims
from constructions.dyadic import ceil_to, exact_float, shorten_up
from constructions.enclosure import Inexact
from constructions.generalisation.faults import require_shape
from constructions.hard.grid import BITS
from constructions.hard.sets import HardSet
from constructions.hard.sweep import Attacked, margin_evidence, work
from constructions.lookup import tables
from constructions.memorizer.slopes import steepest
from constructions.sameness import difference
from constructions.theorem import Claim, Evidence, Family, Labelled, Proved, Theorem, Undecided, parameter

_SLOPE_DIGITS = 12
MOST_WORK = 2**31
"""Interval bounds that a proof computes, about two minutes; beyond, the network is compared with the theorem's."""

TABLES = ("direct", "packed")
"""How the labels are looked up: a unit per label, or B labels packed into a word."""


@dc.dataclass(frozen=True, slots=True)
class HardSetSolver(Family):
    """A network that is robust at radius c eps on the whole hard set, in every norm, with margin 1.

    In each of the first d - 1 coordinates K saturating steps between ``k/K + r`` and ``(k+1)/K - r`` count the grid
    index: exactly, as soon as the attack is at most ``r < 1/(2K)``. One unit holds ``t = sum_j (K+1)^j index_j``, and a
    look-up table answers the label. r is c eps rounded up by what the float64 points are off, so that the claims hold
    around the exact points and around the float64 points. Before the table every interval is a single number:
    interval arithmetic is exact. Derived; it matches the exponent of the lower bound (li2022, Theorem 4.3, sharpened).
    """

    name: ClassVar[str] = "hard-set-solver"
    needs_data: ClassVar[bool] = False
    theorem: ClassVar[Theorem] = Theorem(
        "Theorem 4.3, matched from above",
        "Exact steps and a look-up table are robust on the whole hard set; with labels packed into weights their size "
        "is of the order (K+1)^((d-1)/2), which is that of the lower bound.",
        Source("li2022", "matching Theorem 4.3"),
        Tag.DERIVED,
    )

    d: int = parameter("input dimension, at least 2")
    eps: Fraction = parameter("half the distance that the classes keep, at most 1/2")
    c: Fraction = parameter("attack radius divided by eps, below 1", default=Fraction(1, 2))
    table: str = parameter("direct (a unit per label) or packed (labels packed into words)", default="packed")
    word: int = parameter("labels in a word of the packed table; 0: as few numbers as possible", default=0)
    offset: Fraction = parameter("how far the labels push the last coordinate; 0: small", default=Fraction(0))
    seed: int = parameter("the draw of the labels", default=0)

    def __post_init__(self) -> None:
        if self.table not in TABLES:
            raise InvalidInput(f"The table is {' or '.join(TABLES)}, got {self.table!r}.")
        if self.word and self.table == "direct":
            raise InvalidInput("A direct table has no words; leave the word out, or take the packed table.")

    def hard_set(self) -> HardSet:
        """The data."""
        return HardSet(self.d, self.eps, self.c, self.offset, self.seed)

    def bits(self) -> int:
        """The labels in a word."""
        return self.word or tables.best_word(self.hard_set().count)

    def build(self, data: Labelled | None) -> Network:
        """The network for the labels of this draw."""
        del data
        hard = self.hard_set()
        labels, chain = hard.labels(), Chain(hard.inputs)
        if self.table == "direct":
            tables.check_direct(hard.count)
        else:
            tables.check_block(hard.count, self.bits())
        index = grid_index(chain, hard)
        if self.table == "direct":
            return chain.output(tables.direct_table(chain, index, labels))
        return chain.output(tables.block_table(chain, index, labels, self.bits()))

    def claims(self, network: Network, data: Labelled | None) -> tuple[Claim, ...]:
        """Zero robust error at c eps on all M points, margin 1, the slope of the steps, and the counts."""
        del data
        hard = self.hard_set()
        require_shape(network, hard.inputs)
        proof = functools.cache(lambda: self._robust(network, hard))
        every = (
            f"on the balls of radius c eps = {hard.radius} around all {hard.count:,} points, in every norm, "
            f"for the exact points as for their float64 roundings"
        )
        return (
            _claim("robust-radius", f"The label is right {every}.", hard.radius, proof),
            _claim("margin", f"The output is at least 1 on its label's side {every}.", Fraction(1), proof),
            _slope_claim(network, hard),
            *self._counts(network),
        )

    def _counts(self, network: Network) -> tuple[Claim, ...]:
        entries = {count: f"hard-set.solver.{self.table}.{count}" for count in ("nnz", "units", "depth")}
        if self.table == "direct" or self.bits() >= 3:
            entries["dense"] = f"hard-set.solver.{self.table}.dense"
        letters: dict[str, int | Fraction] = {"d": self.d, "eps": self.eps, "c": self.c}
        return count_claims(network, entries, letters if self.table == "direct" else letters | {"B": self.bits()})

    def _robust(self, network: Network, hard: HardSet) -> Evidence:
        """By interval arithmetic on all boxes, or, where that is too dear, by comparison with the theorem's network."""
        if work(network, hard.count) > MOST_WORK:
            return self._same(network, hard)
        reach = np.full(hard.inputs, float(attack_reach(hard)))
        return margin_evidence(network, Attacked(hard.points(), hard.labels(), reach), Fraction(1))

    def _same(self, network: Network, hard: HardSet) -> Evidence:
        place = difference(network, self.build(None))
        if place is not None:
            return Undecided(
                f"Too large for {hard.count:,} boxes, and not the theorem's network: it differs in {place}."
            )
        gap = step_gap(hard)
        return Proved(
            "compared with the theorem's network, whose hypotheses hold",
            f"all weights are equal; each step rises within {gap}, 1/slope is at most that, and all sums of the table "
            f"are integers that float64 holds",
        )


def attack_reach(hard: HardSet) -> Fraction:
    """How far an attacked point can be from the float64 point in a coordinate: c eps and the movement, rounded up."""
    return ceil_to(hard.radius + hard.movement, BITS)


def step_gap(hard: HardSet) -> Fraction:
    """What is left for a step between the attacked points of neighbouring levels.

    Raises:
        InvalidInput: nothing is left once coordinates are rounded; the message gives the largest c.
    """
    levels = hard.grid.levels()
    narrowest = Fraction(float(np.diff(levels).min()))
    gap = narrowest - 2 * attack_reach(hard)
    if gap <= 0:
        largest = (narrowest / 2 - hard.movement - Fraction(2, 1 << BITS)) / hard.eps
        raise InvalidInput(
            f"c = {float(hard.c):.12g} leaves no room between attacked points of neighbouring grid levels once "
            f"coordinates are rounded to 2^-{BITS}; take c at most {float(largest) - 1e-15:.12f}."
        )
    return gap


def step_slope(hard: HardSet) -> Fraction:
    """The slope of the steps: enough for the gap, in 12 significant bits."""
    return shorten_up(1 / step_gap(hard), _SLOPE_DIGITS)


def grid_index(chain: Chain, hard: HardSet) -> Forms:
    """One unit that holds the index of the grid node next to the input: three layers, ``5 (d-1) K + 1`` numbers."""
    axes, steps = hard.grid.axes, hard.grid.steps
    slope = exact_float(step_slope(hard))
    feet = np.tile(hard.grid.levels()[:-1] + float(attack_reach(hard)), axes)
    reads = columns(np.repeat(np.arange(axes), steps), hard.inputs, slope)
    (risen,) = chain.relu(Forms.of(reads, -slope * feet))
    (rest,) = chain.relu(-risen + 1.0)
    places = np.repeat((steps + 1.0) ** np.arange(axes), steps)
    (index,) = chain.relu(rest.combined(-places[None, :]) + float(hard.count - 1))
    return index


def _claim(name: str, statement: str, value: Fraction, proof: Callable[[], Evidence]) -> Claim:
    return Claim(name, statement, value, Tag.DERIVED, "", proof)


def _slope_claim(network: Network, hard: HardSet) -> Claim:
    """The steepest step; the exact set alone would allow the slope that ``bounds`` gives, before any rounding."""
    slope = step_slope(hard)
    ideal = 1 / (hard.separation - 2 * hard.radius)

    def proof() -> Evidence:
        try:
            found = float(steepest(network, Norm.LINF).max())
        except Inexact as error:
            return Undecided(str(error))
        if found <= slope:
            return Proved("read off the weights of the first two layers", f"the steepest step rises by {found!r}")
        return Undecided(f"The weights of the first two layers allow {found!r}; whether that is attained is not known.")

    statement = f"No step is steeper than {slope}; 1/(1/K - 2 c eps) = {ideal}, rounded up to {_SLOPE_DIGITS} bits."
    return Claim("slope", statement, slope, Tag.DERIVED, "hard-set.solver.slope", proof)
