"""A cover of an infinite class by cells of a grid, and its proof on all of both classes by finitely many boxes."""

import dataclasses as dc
from fractions import Fraction
from typing import ClassVar

import numpy as np
from jaxtyping import Float64, Int64

from bounds.entry import Tag
from certify.errors import InvalidInput
from certify.network import Network
from certify.region import Norm
from certify.rounding import float_down, float_up
from constructions.dyadic import rational
from constructions.enclosure import Inexact
from constructions.generalisation.box_bumps import BoxBumps, output_range
from constructions.generalisation.cells import Cells, coarsest
from constructions.generalisation.centres import Centres
from constructions.generalisation.classes import Attack
from constructions.generalisation.cover import THEOREM, size_claims
from constructions.generalisation.faults import misclassified, require_shape
from constructions.generalisation.level_sets import LevelSet
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

_TINY = Fraction(1, 2**48)
_WORK = 1 << 28
"""Up to this many boxes times weights every cell's box is enclosed."""


@dc.dataclass(frozen=True)
class LevelCover(Family):
    """The cover's classifier in linf for ``A = {g >= eps}`` and ``B = {g <= -eps}`` in the unit cube.

    A cell of radius r that meets A has ``g >= eps - r`` at its centre, and all such cells get a bump. Such a centre is
    at least ``2 eps - r`` from B because g is 1-Lipschitz, whether or not its cell meets A. With ``interval`` the cells
    are about half as wide, so that bumps vanish on the whole boxes of ``r + c eps`` around the cells that may meet B
    too: interval bounds on finitely many boxes then prove the claims, whatever network is given.
    """

    name: ClassVar[str] = "level-cover"
    theorem: ClassVar[Theorem] = THEOREM
    needs_data: ClassVar[bool] = False

    level: LevelSet = parameter("the function that tells the classes apart, 1-Lipschitz in linf", stored=False)
    eps: Fraction = parameter("half the distance between the classes")
    c: Fraction = parameter("attack radius divided by eps, between 0 and 1", default=Fraction(1, 2))
    interval: bool = parameter("finer cells, so that interval bounds prove everything", default=False)

    def build(self, data: Labelled | None) -> Network:  # noqa: ARG002
        """The network; see ``Family.build``."""
        return self._bumps().network()

    def claims(self, network: Network, data: Labelled | None) -> tuple[Claim, ...]:  # noqa: ARG002
        """Zero robust error and margin 1 on all of A and B, and counts."""
        require_shape(network, self.level.dimension)
        bumps, attack = self._bumps(), self._attack
        near = f"within {attack.radius} in linf of a point"
        claims = (
            Claim(
                "robust-radius",
                f"The sign is right at every input {near} of A = {{g >= {self.eps}}} or B = {{g <= -{self.eps}}} in "
                f"the unit cube.",
                attack.radius,
                Tag.DERIVED,
                "",
                lambda: self._proof(network, bumps, Fraction(0)),
            ),
            Claim(
                "margin",
                f"The output is at least 1 {near} of A and at most -1 {near} of B.",
                1,
                Tag.DERIVED,
                "",
                lambda: self._proof(network, bumps, Fraction(1)),
            ),
        )
        return (*claims, *size_claims(network, bumps, self._cells))

    @property
    def _attack(self) -> Attack:
        if self.level.norm is not Norm.LINF:
            raise InvalidInput(f"The cover of a level set is made of boxes: linf, not {self.level.norm}.")
        return Attack(self.eps, self.c)

    @property
    def _rounding(self) -> Fraction:
        """What the choice of cells may be wrong by: g at two centres, each compared with a rounded threshold."""
        return 4 * self.level.error + _TINY

    @property
    def _cells(self) -> Cells:
        slack = self._attack.slack - self._rounding
        if slack <= 0:
            raise InvalidInput(f"eps = {self.eps} and c = {self.c} leave less than the rounding of g.")
        return coarsest(self.level.dimension, Norm.LINF, slack / 2 if self.interval else slack)

    def _bumps(self) -> BoxBumps:
        which = self._near(1)
        if not len(which):
            raise InvalidInput(f"No cell meets the class {{g >= {self.eps}}}: g is smaller on all of the unit cube.")
        cells = self._cells
        rounding = self._rounding + (2 * cells.radius if self.interval else 0)
        return BoxBumps(Centres.of_cells(cells, which, rounding), self._attack)

    def _near(self, sign: int) -> Int64[np.ndarray, "K d"]:
        """All cells that may meet A (sign 1) or B (sign -1), and few others."""
        cells = self._cells
        least = float_down(self.eps - cells.radius - self.level.error)
        blocks = ((block, self.level.values(cells.centres(block))) for block in cells.everywhere())
        return np.concatenate([block[sign * values >= least] for block, values in blocks])

    def _proof(self, network: Network, bumps: BoxBumps, value: Fraction) -> Evidence:
        margin = self._enclosed(network, bumps) if self.interval else None
        if margin is not None and margin > 0 and margin >= value:
            return Proved(
                "exact interval bounds on boxes that contain all attacked inputs", f"margin {margin}, no slack"
            )
        where = difference(network, bumps.network())
        if where is None:
            many, room = len(bumps.centres.places), float(bumps.centres.room(bumps.attack))
            return Proved(
                "the theorem's network, built again from g at all centres of cells, with rounding bounded",
                f"{many:,} of {self._cells.count:,} cells have a bump, and ramps of about {room:g} fit",
            )
        wrong = misclassified(network, self._certain(1), self._certain(-1))
        if wrong is not None:
            return Refuted("evaluated exactly", wrong)
        return Undecided(f"This is not the network of the cover: it differs at {where}. Build it again.")

    def _enclosed(self, network: Network, bumps: BoxBumps) -> Fraction | None:
        """The margin that interval bounds leave on boxes around all cells that may meet a class; None if too dear."""
        cells, radius = self._cells, self._cells.radius + self._attack.radius
        positive, negative = self._near(1), self._near(-1)
        if (len(positive) + len(negative)) * network.count().nnz > _WORK:
            return None
        try:
            margin, _ = output_range(network, bumps.boxes(cells.centres(positive), radius))
            if len(negative):
                margin = min(margin, -output_range(network, bumps.boxes(cells.centres(negative), radius))[1])
        except Inexact:
            return None
        return margin

    def _certain(self, sign: int) -> Float64[np.ndarray, "K d"]:
        """Centres of cells that certainly belong to A (sign 1) or to B (sign -1)."""
        centres = self._cells.centres(self._near(sign))
        return centres[sign * self.level.values(centres) >= float_up(self.eps + self.level.error)]


def level_cover(level: LevelSet, *, eps: object, c: object = "1/2", interval: bool = False) -> Construction:
    """The cover's classifier for ``{g >= eps}`` against ``{g <= -eps}``, robust at ``c eps``; see ``LevelCover``.

    Raises:
        InvalidInput: no cell meets the first class, too many cells, or eps and c without meaning.
    """
    return LevelCover(level, rational(eps, "eps"), rational(c, "c"), interval).construct()
