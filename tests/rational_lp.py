"""Linear programs and projections in few dimensions over ``Fraction``; each answer is verified before it is returned.

A linear program comes with its dual solution, a projection with its multipliers, an empty polyhedron with the
combination of its inequalities that says so.
"""

import dataclasses as dc
import itertools
from collections.abc import Sequence
from fractions import Fraction

import numpy as np

Vector = list[Fraction]
ZERO, ONE = Fraction(0), Fraction(1)


def rational(numbers: "np.ndarray | Sequence[float | Fraction]") -> Vector:
    """The numbers as exact fractions."""
    return [Fraction(number) for number in (numbers.tolist() if isinstance(numbers, np.ndarray) else numbers)]


def dot(first: Sequence[Fraction], second: Sequence[Fraction]) -> Fraction:
    """The inner product."""
    return sum((a * b for a, b in zip(first, second, strict=True)), ZERO)


@dc.dataclass(frozen=True)
class Halfspaces:
    """The polyhedron ``{x : rows @ x <= limits}`` in ``width`` dimensions."""

    width: int
    rows: tuple[tuple[Fraction, ...], ...] = ()
    limits: tuple[Fraction, ...] = ()

    def with_row(self, row: Sequence[Fraction], limit: Fraction) -> "Halfspaces":
        """Its part where ``row @ x <= limit``."""
        return Halfspaces(self.width, (*self.rows, tuple(row)), (*self.limits, limit))

    def contains(self, point: Sequence[Fraction]) -> bool:
        """Whether the point satisfies every inequality."""
        return all(dot(row, point) <= limit for row, limit in zip(self.rows, self.limits, strict=True))


def minimise(objective: Sequence[Fraction], region: Halfspaces) -> tuple[Fraction, Vector] | None:
    """The least ``objective @ x`` over the region and a point that has it; None when the region is empty.

    Solves the dual, ``min limits @ y`` with ``rows.T @ y = -objective`` and ``y >= 0``, by the simplex method with
    Bland's rule, and reads x from its multipliers. Both answers are verified exactly: equal values of a feasible x and
    a feasible y, or a ray y that proves the region empty.

    Raises:
        ValueError: the objective is unbounded below on the region.
    """
    count = len(region.rows)
    tableau = _Tableau(objective, region)
    tableau.descend([ZERO] * count + [ONE] * region.width)
    if any(value for value, column in zip(tableau.values, tableau.basis, strict=True) if column >= count):
        raise ValueError("the objective is unbounded below, or nothing is known about an empty region")
    tableau.drop_artificial()
    ray = tableau.descend([*region.limits, *[ZERO] * region.width])
    if ray is not None:
        assert min(ray) >= 0 > dot(region.limits, ray)
        assert all(dot(column, ray) == 0 for column in zip(*region.rows, strict=True))
        return None
    point, multipliers = tableau.prices(region.limits), tableau.solution()
    value = dot(objective, point)
    assert region.contains(point)
    assert min(multipliers, default=ZERO) >= 0
    assert value == -dot(region.limits, multipliers)
    columns = zip(*region.rows, strict=True)
    assert all(dot(column, multipliers) == -c for column, c in zip(columns, objective, strict=False))
    return value, point


class _Tableau:
    """``rows.T @ y = -objective`` with one artificial variable an equation, in the form solved for a basis."""

    def __init__(self, objective: Sequence[Fraction], region: Halfspaces) -> None:
        self.count, self.width = len(region.rows), region.width
        self.signs = [Fraction(-1) if c > 0 else ONE for c in objective]
        self.body: list[Vector] = []
        for i, sign in enumerate(self.signs):
            unit = [ONE if i == j else ZERO for j in range(self.width)]
            self.body.append([sign * row[i] for row in region.rows] + unit)
        self.values = [abs(c) for c in objective]
        self.basis = [self.count + i for i in range(self.width)]

    def reduced(self, costs: Sequence[Fraction]) -> Vector:
        """What a unit of each column adds to the cost."""
        basic = [costs[column] for column in self.basis]
        active = [(b, row) for b, row in zip(basic, self.body, strict=True) if b]
        return [costs[j] - sum((b * row[j] for b, row in active), ZERO) for j in range(self.count + self.width)]

    def descend(self, costs: Sequence[Fraction]) -> Vector | None:
        """Pivots to a basis of least cost; a ray of unbounded descent if there is none. Artificials never enter."""
        while True:
            reduced = self.reduced(costs)
            enter = next((j for j in range(self.count) if reduced[j] < 0), None)
            if enter is None:
                return None
            rising = (i for i in range(self.width) if self.body[i][enter] > 0)
            steps = [(self.values[i] / self.body[i][enter], self.basis[i], i) for i in rising]
            if not steps:
                return self._ray(enter)
            self.pivot(min(steps)[2], enter)

    def pivot(self, leave: int, enter: int) -> None:
        """Solves row ``leave`` for column ``enter``."""
        scale = self.body[leave][enter]
        self.body[leave] = [a / scale if a else a for a in self.body[leave]]
        self.values[leave] /= scale
        for i, row in enumerate(self.body):
            factor = row[enter]
            if i != leave and factor:
                self.body[i] = [a - factor * b if b else a for a, b in zip(row, self.body[leave], strict=True)]
                self.values[i] -= factor * self.values[leave]
        self.basis[leave] = enter

    def drop_artificial(self) -> None:
        """Replaces artificial variables, all zero by now, by real ones; those of redundant equations stay 0."""
        for i, column in enumerate(self.basis):
            real = next((j for j in range(self.count) if self.body[i][j]), None)
            if column >= self.count and real is not None:
                self.pivot(i, real)

    def _ray(self, enter: int) -> Vector:
        ray = [ZERO] * (self.count + self.width)
        ray[enter] = ONE
        for row, column in zip(self.body, self.basis, strict=True):
            ray[column] = -row[enter]
        return ray[: self.count]

    def solution(self) -> Vector:
        """The values of the real variables."""
        solution = [ZERO] * (self.count + self.width)
        for column, value in zip(self.basis, self.values, strict=True):
            solution[column] = value
        return solution[: self.count]

    def prices(self, costs: Sequence[Fraction]) -> Vector:
        """The multipliers of the equations."""
        reduced = self.reduced([*costs, *[ZERO] * self.width])
        return [-sign * r for sign, r in zip(self.signs, reduced[self.count :], strict=True)]


def project(centre: Sequence[Fraction], region: Halfspaces) -> tuple[Fraction, Vector] | None:
    """The least squared l2 distance from ``centre`` to the region and the point that has it; None when it is empty.

    Tries every set of at most ``width`` inequalities as the active one. The first that satisfies the conditions of
    Karush, Kuhn and Tucker is the answer, for the problem is convex.
    """
    if minimise([ZERO] * region.width, region) is None:
        return None
    pairs = list(zip(region.rows, region.limits, strict=True))
    excess = [dot(row, centre) - limit for row, limit in pairs]
    for size in range(region.width + 1):
        for active in itertools.combinations(range(len(pairs)), size):
            rows = [region.rows[i] for i in active]
            multipliers = solve([[dot(a, b) for b in rows] for a in rows], [excess[i] for i in active])
            if multipliers is None or min(multipliers, default=ZERO) < 0:
                continue
            pulls = [dot(multipliers, column) for column in zip(*rows, strict=True)] or [ZERO] * region.width
            point = [c - pull for c, pull in zip(centre, pulls, strict=True)]
            if region.contains(point):
                return sum(((p - c) ** 2 for p, c in zip(point, centre, strict=True)), ZERO), point
    raise AssertionError("a non-empty closed convex set has a nearest point")


def solve(matrix: list[Vector], right: Vector) -> Vector | None:
    """The solution of a square system by Gauss and Jordan; None when it is singular."""
    work = [[*row, value] for row, value in zip(matrix, right, strict=True)]
    for k in range(len(work)):
        pivot = next((i for i in range(k, len(work)) if work[i][k]), None)
        if pivot is None:
            return None
        work[k], work[pivot] = work[pivot], work[k]
        work[k] = [a / work[k][k] for a in work[k]]
        for i in range(len(work)):
            if i != k and work[i][k]:
                work[i] = [a - work[i][k] * b for a, b in zip(work[i], work[k], strict=True)]
    return [row[-1] for row in work]
