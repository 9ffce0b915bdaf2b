"""Two classes in the unit cube, 2 eps apart, and an attack of radius c eps: what robust generalisation assumes."""

import dataclasses as dc
import functools
from fractions import Fraction

import numpy as np

from certify.errors import InvalidInput
from certify.region import Norm
from certify.rounding import print_floor
from constructions.dyadic import shorten_down
from constructions.generalisation.margin_function import MarginFunction
from constructions.origin import Contents
from constructions.separation import Plan, Separation, measure
from constructions.theorem import Labelled

_DIGITS = 20
"""Significant bits of an eps that is measured and not given."""


@dc.dataclass(frozen=True, slots=True)
class Attack:
    """Inputs move by at most ``c eps``, in classes at least ``2 eps`` apart.

    Raises:
        InvalidInput: eps is not positive, or c does not lie strictly between 0 and 1.
    """

    eps: Fraction
    c: Fraction

    def __post_init__(self) -> None:
        if not 0 < self.c < 1:
            raise InvalidInput(f"c must lie strictly between 0 and 1, got {self.c}: the attack radius is c eps.")
        if self.eps <= 0:
            raise InvalidInput(f"eps must be positive, got {self.eps}.")

    @property
    def radius(self) -> Fraction:
        """``c eps``."""
        return self.c * self.eps

    @property
    def slack(self) -> Fraction:
        """``(1 - c) eps``: what is left of eps after the attack."""
        return (1 - self.c) * self.eps


@dc.dataclass(frozen=True, slots=True, eq=False)
class Classes:
    """A (label 1) and B (label 0), finite sets in the unit cube, at least ``2 eps`` apart for the eps of ``attack``."""

    margin: MarginFunction
    attack: Attack

    @property
    def norm(self) -> Norm:
        """The norm of distances and attacks."""
        return self.margin.norm

    @property
    def dimension(self) -> int:
        """The number of coordinates d."""
        return self.margin.dimension


def separated_classes(data: Labelled, norm: Norm, eps: Fraction, c: Fraction) -> Classes:
    """The classes of ``data``; ``eps = 0`` takes half their distance, rounded down to a short dyadic number.

    Kept for the last set asked for, since building and every proof ask again.

    Raises:
        InvalidInput: c outside (0, 1), more or fewer than two classes, points outside the unit cube, classes that are
            not ``2 eps`` apart (the message names the closest pair and the largest eps), or eps < 0.
    """
    return _separated(Contents.of(data), norm, eps, c)


@functools.lru_cache(maxsize=1)
def _separated(contents: Contents, norm: Norm, eps: Fraction, c: Fraction) -> Classes:
    data = contents.data
    Attack(eps or Fraction(1), c)
    _require_two_classes(data)
    _require_unit_cube(data)
    found = measure(data.points, data.labels, norm, same_class=False, plan=Plan.fastest())
    eps = eps or shorten_down(Fraction(found.epsilon), _DIGITS)
    _require_separation(found, eps)
    margin = MarginFunction(data.points[data.of_class(1)], data.points[data.of_class(0)], norm)
    return Classes(margin, Attack(eps, c))


def _require_two_classes(data: Labelled) -> None:
    if data.classes > 2:
        raise InvalidInput(f"Robust generalisation is about two classes, labels 0 and 1; got {data.classes} classes.")
    for label in (0, 1):
        if not data.of_class(label).size:
            raise InvalidInput(f"All {len(data.labels)} labels are {1 - label}; two classes are needed, 0 and 1.")


def _require_unit_cube(data: Labelled) -> None:
    outside = np.argwhere((data.points < 0) | (data.points > 1))
    if outside.size:
        i, j = (int(k) for k in outside[0])
        raise InvalidInput(
            f"Point {i} has {data.points[i, j]:g} at coordinate {j}, outside the unit cube of the theorem. Scale "
            f"the data to [0, 1]."
        )


def _require_separation(found: Separation, eps: Fraction) -> None:
    power = eps**2 if found.norm is Norm.L2 else eps
    if power > found.exact_epsilon:
        i, j = found.cross.first, found.cross.second
        raise InvalidInput(
            f"Points {i} and {j} of different classes are {found.cross.lower:.6g} apart in {found.norm}, less than "
            f"2 eps = {float(2 * eps):g}. The largest eps is {print_floor(found.epsilon, 9)}; 0 takes it from the data."
        )
