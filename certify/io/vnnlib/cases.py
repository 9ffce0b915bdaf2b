"""A query as a union of cases: a box of inputs, and polytopes that the network must not reach from it.

The assertions become a disjunction of conjunctions. In each conjunction the constraints on a single input give a box;
the others, over inputs and outputs together, give a polytope. Conjunctions with the same box share a case.
"""

import dataclasses as dc
import math
from collections.abc import Iterable, Mapping
from fractions import Fraction

import numpy as np
from jaxtyping import Float64

from certify.errors import InvalidInput
from certify.io.vnnlib.formula import And, Formula, Halfspace, Or
from certify.io.vnnlib.query import Query
from certify.region import Box
from certify.rounding import float_down, float_up

MOST_CASES = 100_000
"""A query that multiplies out to more conjunctions than this is refused."""

Conjunction = tuple[Halfspace, ...]


@dc.dataclass(frozen=True, slots=True)
class Interval:
    """The numbers between two ends; ``None`` is no end; an open end does not belong to it."""

    lower: Fraction | None = None
    upper: Fraction | None = None
    lower_open: bool = False
    upper_open: bool = False

    def meet(self, constraint: Halfspace) -> "Interval":
        """What a constraint on this one variable leaves of it."""
        ((_, slope),) = constraint.coefficients
        end, open_ = -constraint.constant / slope, constraint.strict
        if slope > 0 and (self.upper is None or (end, not open_) < (self.upper, not self.upper_open)):
            return dc.replace(self, upper=end, upper_open=open_)
        if slope < 0 and (self.lower is None or (-end, not open_) < (-self.lower, not self.lower_open)):
            return dc.replace(self, lower=end, lower_open=open_)
        return self

    @property
    def middle(self) -> Fraction:
        """The number halfway between two ends."""
        assert self.lower is not None
        assert self.upper is not None
        return (self.lower + self.upper) / 2

    @property
    def is_empty(self) -> bool:
        """Whether no number lies in it."""
        if self.lower is None or self.upper is None:
            return False
        return self.lower > self.upper or (self.lower == self.upper and (self.lower_open or self.upper_open))


@dc.dataclass(frozen=True, slots=True, eq=False)
class Case:
    """A box of inputs and the union of ``polytopes`` over inputs and outputs that must not be reached from it.

    ``intervals`` are the exact ranges of the inputs, all bounded and not empty. Variables are numbered as in the query.
    """

    intervals: tuple[Interval, ...]
    polytopes: tuple[Conjunction, ...]

    def outward(self) -> Box:
        """The smallest box with float64 ends that holds the exact one: for proofs."""
        ends = [(i.lower, i.upper) for i in self.intervals]
        lower = np.array([float_down(low) for low, _ in ends if low is not None])
        return Box(lower, np.array([float_up(high) for _, high in ends if high is not None]))

    def inward(self) -> tuple[Float64[np.ndarray, " n"], Float64[np.ndarray, " n"]]:
        """The least and the largest float64 of each range, open ends left out; crossed where it holds no float64."""
        pairs = [_floats_within(interval) for interval in self.intervals]
        return np.array([low for low, _ in pairs]), np.array([high for _, high in pairs])


def _floats_within(interval: Interval) -> tuple[float, float]:
    assert interval.lower is not None
    assert interval.upper is not None
    low, high = float_up(interval.lower), float_down(interval.upper)
    if interval.lower_open and Fraction(low) == interval.lower:
        low = math.nextafter(low, math.inf)
    if interval.upper_open and Fraction(high) == interval.upper:
        high = math.nextafter(high, -math.inf)
    return low, high


def cases(query: Query) -> list[Case]:
    """The cases whose union is the query's set of counterexamples; those with an empty box are left out.

    Raises:
        InvalidInput: all of them are empty, an input without a lower or upper bound, or too many cases.
    """
    common, choices = _split(query)
    base = _Region(query.inputs, {}, ()).meet(common)
    union = _product(query, choices)
    boxes: dict[tuple[tuple[int, Interval], ...], list[Conjunction]] = {}
    for conjunction in union:
        region = None if base is None else base.meet(conjunction)
        if region is not None:
            boxes.setdefault(tuple(sorted(region.ranges.items(), key=lambda item: item[0])), []).append(region.rows)
    if not boxes:
        raise InvalidInput(
            f"{query.name}: the assertions leave no input: in each of the {len(union)} case(s) a range is empty or a "
            f"comparison of numbers is false. An empty region says nothing about the network; check the bounds."
        )
    return [Case(_bounded(query, dict(key)), tuple(dict.fromkeys(rows))) for key, rows in boxes.items()]


@dc.dataclass(frozen=True, slots=True)
class _Region:
    """A partial conjunction: ranges of single inputs, and the rows about anything else."""

    inputs: int
    ranges: Mapping[int, Interval]
    rows: Conjunction

    def meet(self, constraints: Iterable[Halfspace]) -> "_Region | None":
        """What further constraints leave of it; None when that is seen to be empty."""
        ranges, rows = dict(self.ranges), list(self.rows)
        for constraint in constraints:
            variables = [k for k, _ in constraint.coefficients]
            if not variables:
                if not constraint.holds(()):
                    return None
            elif len(variables) == 1 and variables[0] < self.inputs:
                met = ranges.get(variables[0], Interval()).meet(constraint)
                if met.is_empty:
                    return None
                ranges[variables[0]] = met
            else:
                rows.append(constraint)
        return _Region(self.inputs, ranges, tuple(rows))


def _bounded(query: Query, ranges: Mapping[int, Interval]) -> tuple[Interval, ...]:
    for k in range(query.inputs):
        found = ranges.get(k, Interval())
        for side, end in (("lower", found.lower), ("upper", found.upper)):
            if end is None or math.isinf(float_up(end)) or math.isinf(float_down(end)):
                raise InvalidInput(
                    f"{query.name}: the input {query.variable(k)} has no {side} bound (in one of the cases). Every "
                    f"input must be bounded on both sides by constraints on it alone."
                )
    return tuple(ranges[k] for k in range(query.inputs))


def _split(query: Query) -> tuple[Conjunction, list[Or]]:
    """The constraints that every case has, and the disjunctions that remain."""
    common: list[Halfspace] = []
    choices: list[Or] = []
    waiting: list[Formula] = list(reversed(query.assertions))
    while waiting:
        match waiting.pop():
            case Halfspace() as constraint:
                common.append(constraint)
            case And(parts):
                waiting.extend(reversed(parts))
            case Or((single,)):
                waiting.append(single)
            case Or() as choice:
                choices.append(choice)
    return tuple(common), choices


def _product(query: Query, formulas: Iterable[Formula]) -> list[Conjunction]:
    """The conjunctions whose union is where all formulas hold."""
    union: list[Conjunction] = [()]
    for formula in formulas:
        parts = _union(query, formula)
        if len(union) * len(parts) > MOST_CASES:
            raise InvalidInput(
                f"{query.name}: the assertions multiply out to more than {MOST_CASES} cases. Split the query."
            )
        union = [(*left, *right) for left in union for right in parts]
    return union


def _union(query: Query, formula: Formula) -> list[Conjunction]:
    match formula:
        case Halfspace():
            return [(formula,)]
        case And(parts):
            return _product(query, parts)
        case Or(parts):
            found = [conjunction for part in parts for conjunction in _union(query, part)]
            if len(found) > MOST_CASES:
                raise InvalidInput(f"{query.name}: a disjunction has more than {MOST_CASES} cases. Split the query.")
            return found
