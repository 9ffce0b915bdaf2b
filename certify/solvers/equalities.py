"""Equations between inputs in a conjunction: points are brought onto them exactly, and empty regions are noticed."""

import dataclasses as dc
import functools
from collections.abc import Sequence
from fractions import Fraction

import numpy as np
from scipy.optimize import linprog

from certify.io.vnnlib.cases import Case, Conjunction, Interval
from certify.io.vnnlib.formula import Halfspace, Linear

_CLEARLY = 1e-6
"""A system is called empty when each point misses some row, scaled to coefficients of size 1, by more than this."""


@dc.dataclass(frozen=True, slots=True)
class Equations:
    """The solved form of equations between inputs: each pivot as a linear function of inputs that are no pivots."""

    solved: tuple[tuple[int, Linear], ...]

    @classmethod
    def of(cls, conjunction: Conjunction, intervals: Sequence[Interval]) -> "Equations":
        """Those that the conjunction contains as two opposite half-spaces; contradictory ones are left out.

        Of each equation the pivot is the input whose range lets it move most.
        """
        rows = set(_about_inputs(conjunction, len(intervals)))
        solved: dict[int, Linear] = {}
        for row in dict.fromkeys(_about_inputs(conjunction, len(intervals))):
            opposite = Halfspace(tuple((k, -a) for k, a in row.coefficients), -row.constant)
            if opposite not in rows or row.strict:
                continue
            rest = _substituted(Linear(dict(row.coefficients), row.constant), solved)
            moves = {k: abs(a) * _width(intervals[k]) for k, a in rest.coefficients.items() if a}
            if moves:
                pivot = max(moves, key=lambda k: moves[k])
                others = {k: a for k, a in rest.coefficients.items() if k != pivot}
                found = Linear(others, rest.constant).times(-1 / rest.coefficients[pivot])
                solved = {k: _substituted(term, {pivot: found}) for k, term in solved.items()} | {pivot: found}
        return cls(tuple(solved.items()))

    def onto(self, point: Sequence[Fraction]) -> tuple[Fraction, ...]:
        """The point with every pivot moved so that all equations hold exactly."""
        moved = list(point)
        for pivot, term in self.solved:
            moved[pivot] = sum((a * point[k] for k, a in term.coefficients.items()), term.constant)
        return tuple(moved)


@functools.lru_cache(maxsize=256)
def equations(case: Case) -> tuple[Equations, ...]:
    """The different systems of equations in the polytopes of a case; conjunctions without any have none."""
    systems = [Equations.of(polytope, case.intervals) for polytope in case.polytopes]
    return tuple(system for system in systems if system.solved)


def clearly_empty(conjunction: Conjunction, intervals: Sequence[Interval]) -> bool:
    """Whether no input at all fulfils the rows about inputs alone, by a good margin and in floating point.

    It is meant for a warning about a mistake, not for a verdict.
    """
    rows = _about_inputs(conjunction, len(intervals))
    if not rows:
        return False
    matrix, limits = np.zeros((len(rows), len(intervals) + 1)), np.zeros(len(rows))
    for i, row in enumerate(rows):
        size = max(abs(a) for _, a in row.coefficients)
        for k, a in row.coefficients:
            matrix[i, k] = float(a / size)
        limits[i] = -float(row.constant / size)
    matrix[:, -1] = -1.0
    bounds = [(float(i.lower or 0), float(i.upper or 0)) for i in intervals]
    found = linprog(np.eye(len(intervals) + 1)[-1], matrix, limits, bounds=[*bounds, (0.0, None)])
    scale = 1.0 + np.abs(limits).max()
    return bool(found.status == 0 and found.fun > _CLEARLY * scale)


def _about_inputs(conjunction: Conjunction, inputs: int) -> list[Halfspace]:
    return [row for row in conjunction if row.coefficients and row.coefficients[-1][0] < inputs]


def _substituted(term: Linear, solved: dict[int, Linear]) -> Linear:
    """The term with every pivot in it replaced."""
    kept = {k: a for k, a in term.coefficients.items() if k not in solved}
    parts = [solved[k].times(a) for k, a in term.coefficients.items() if k in solved]
    return Linear.sum([Linear(kept, term.constant), *parts])


def _width(interval: Interval) -> Fraction:
    return (interval.upper or Fraction(0)) - (interval.lower or Fraction(0))
