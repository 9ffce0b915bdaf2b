"""Covers as classifiers: a bump around each centre of a cover of one class, right within c eps of all of both."""

import dataclasses as dc
from fractions import Fraction
from typing import Any, ClassVar

import numpy as np

from bounds.entry import Source, Tag
from certify.errors import InvalidInput
from certify.network import Network
from certify.region import Norm
from constructions.counting import count_claims
from constructions.dyadic import rational
from constructions.enclosure import Inexact
from constructions.generalisation.ball_bumps import BallBumps, finest, half_width
from constructions.generalisation.box_bumps import BoxBumps, output_range
from constructions.generalisation.cells import Cells, coarsest
from constructions.generalisation.centres import Centres
from constructions.generalisation.classes import Classes, separated_classes
from constructions.generalisation.faults import misclassified, require_shape
from constructions.sameness import difference
from constructions.theorem import (
    Claim,
    Construction,
    Evidence,
    Family,
    Labelled,
    Proved,
    Refuted,
    Theorem,
    Undecided,
    parameter,
)

_WORK = 1 << 27
"""Up to this many boxes times weights every attacked box is enclosed."""
_BITS = 24
"""Binary places of centres that are points of the class."""
Bumps = BoxBumps | BallBumps

THEOREM = Theorem(
    "Theorem 3.3 by a cover: bumps around a class of any shape",
    "A bump around each of K centres of a cover of one class, of any radius below (1 - c) eps, makes a network of at "
    "most K (6d + 2) + 1 weights in linf, K (d + 3) + O(d log) in l2, with margin 1 and robust error 0 at radius "
    "c eps.",
    Source("li2022", "explicit form of Theorem 3.3"),
    Tag.DERIVED,
)


@dc.dataclass(frozen=True)
class Cover(Family):
    """``f = 2 sum of bumps - 1`` over centres of a cover of A (label 1): at least 1 around A, exactly -1 around B.

    With the centres within r of A, a bump is 1 up to ``c eps + r`` from its centre and 0 a ramp further out. An input
    within ``c eps`` of A is on a plateau, one within ``c eps`` of B at least ``2 eps - r - c eps`` from every centre:
    a ramp of ``2 ((1 - c) eps - r)`` fits, of ``2 (1 - c) eps`` with the points of A as centres. In linf bumps are made
    of hinges, which cells share along coordinates, in l2 of one sum of squares (li2022, explicit form of Theorem 3.3).
    """

    name: ClassVar[str] = "cover"
    theorem: ClassVar[Theorem] = THEOREM

    eps: Fraction = parameter("half the distance between the classes; 0 takes it from the data", default=Fraction(0))
    c: Fraction = parameter("attack radius divided by eps, between 0 and 1", default=Fraction(1, 2))
    norm: Norm = parameter("norm of distances and attacks: inf or 2", default=Norm.LINF)
    centres: str = parameter("where bumps are: cells of a grid that meet the class, or points of it", default="cells")

    def build(self, data: Labelled | None) -> Network:
        """The network; see ``Family.build``."""
        return self._bumps(self._classes(data)).network()

    def claims(self, network: Network, data: Labelled | None) -> tuple[Claim, ...]:
        """Zero robust error and margin 1, by intervals on every attacked box or by what the network is; counts."""
        classes = self._classes(data)
        require_shape(network, classes.dimension)
        bumps = self._bumps(classes)
        near = f"within {classes.attack.radius} in {self.norm} of a point"
        claims = (
            Claim(
                "robust-radius",
                f"The sign is right at every input {near}.",
                classes.attack.radius,
                Tag.DERIVED,
                "",
                lambda: _proof(network, bumps, classes, Fraction(0)),
            ),
            Claim(
                "margin",
                f"The output is at least 1 {near} of A and at most -1 {near} of B.",
                1,
                Tag.DERIVED,
                "",
                lambda: _proof(network, bumps, classes, Fraction(1)),
            ),
        )
        return (*claims, *size_claims(network, bumps, self._cells(classes)))

    def _classes(self, data: Labelled | None) -> Classes:
        assert data is not None
        if self.norm is Norm.L1:
            raise InvalidInput("A cover is made of boxes (inf) or balls (2); for l1 take kuhn.")
        if self.centres not in ("cells", "points"):
            raise InvalidInput(f"centres must be cells or points, got {self.centres!r}.")
        return separated_classes(data, self.norm, self.eps, self.c)

    def _cells(self, classes: Classes) -> Cells | None:
        if self.centres == "points":
            return None
        d, l2 = classes.dimension, self.norm is Norm.L2
        moved = Fraction(d) / Fraction(2) ** finest(d, half_width(classes.attack)) if l2 else Fraction(0)
        return coarsest(d, self.norm, classes.attack.slack - moved)

    def _bumps(self, classes: Classes) -> Bumps:
        points, cells = classes.margin.positive, self._cells(classes)
        if self.norm is Norm.LINF:
            if cells is None:
                return BoxBumps(Centres.at(points, classes, _BITS), classes.attack)
            return BoxBumps(Centres.of_cells(cells, cells.containing(points)), classes.attack)
        bits = finest(classes.dimension, half_width(classes.attack))
        if cells is not None:
            points = cells.centres(cells.containing(points))
        made = Centres.at(points, classes, bits)
        if cells is not None:
            made = dc.replace(made, radius=made.radius + cells.radius, offset=made.offset + cells.radius)
        return BallBumps(made, classes.attack)


def size_claims(network: Network, bumps: Bumps, cells: Cells | None) -> tuple[Claim, ...]:
    """The counts of a cover's network; ``cells`` is None when its centres are points in general position."""
    count, width = bumps.centres.places.shape
    if isinstance(bumps, BallBumps):
        names = {name: f"robust-memorizer.paraboloid.{name}" for name in ("nnz", "units", "depth")}
        return count_claims(network, names, {"n": count, "d": width, "s": bumps.levels})
    names = {name: f"robust-memorizer.hinge-bumps.{name}" for name in ("nnz", "units", "depth")}
    if cells is None:
        return count_claims(network, names, {"n": count, "d": width})
    names |= {name: f"robust-classifier.cover.cells.{name}" for name in ("nnz", "dense", "units")}
    return count_claims(network, names, {"n": count, "K_A": count, "d": width, "g": cells.side})


def _proof(network: Network, bumps: Bumps, classes: Classes, value: Fraction) -> Evidence:
    """That the margin under attack is positive and at least ``value``."""
    points = len(classes.margin.positive) + len(classes.margin.negative)
    if isinstance(bumps, BoxBumps) and points * network.count().nnz <= _WORK:
        margin = _enclosed(network, bumps, classes)
        if margin is not None and margin > 0 and margin >= value:
            return Proved(
                "exact interval bounds on the box around every point", f"margin {margin} on {points:,} boxes, no slack"
            )
    where = difference(network, bumps.network())
    if where is None:
        return Proved(
            "the theorem's network, built again; the distance of the classes and the radius of the cover are exact",
            f"ramps of about {float(bumps.centres.room(classes.attack)):g} fit, so bumps are 1 around A and 0 around B",
        )
    wrong = misclassified(network, classes.margin.positive, classes.margin.negative)
    if wrong is not None:
        return Refuted("evaluated exactly", wrong)
    return Undecided(f"This is not the network of the cover: it differs at {where}. Build it again.")


def _enclosed(network: Network, bumps: BoxBumps, classes: Classes) -> Fraction | None:
    radius = classes.attack.radius
    try:
        lowest, _ = output_range(network, bumps.boxes(classes.margin.positive, radius))
        _, highest = output_range(network, bumps.boxes(classes.margin.negative, radius))
    except Inexact:
        return None
    return min(lowest, -highest)


def cover(
    points: Any, labels: Any, *, eps: Any = 0, c: Any = "1/2", norm: Any = "inf", centres: str = "cells"
) -> Construction:
    """The cover's classifier for labelled points, robust at ``c eps``, with its claims; see ``Cover``.

    Raises:
        InvalidInput: see ``separated_classes``; an unknown norm or kind of centres; sizes beyond memory.
    """
    family = Cover(rational(eps, "eps"), rational(c, "c"), Norm.parse(norm), centres)
    return family.construct(Labelled.of(np.asarray(points), labels))
