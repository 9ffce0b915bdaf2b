"""Brackets close at the exact radii of a network whose radii a formula gives: a bump of 2d hinges."""

from fractions import Fraction

import numpy as np
import pytest

from certify.outcome import Status, Trust
from certify.radius import Certifier, Settings
from certify.region import Norm
from constructions.memorizer.hinge_bumps import HingeBumps
from constructions.theorem import Labelled


@pytest.mark.parametrize("d", [2, 12])  # boxes are halved, phases are split
def test_brackets_close_at_the_radius_at_which_a_memorizer_breaks(d: int) -> None:
    """Around 0 the bump is 1/2 at ``1/4 + 1/(4d)`` and around (1, .., 1) at ``3/4 - 1/(4d)``: all hinges share 1/4."""
    points, labels = np.stack([np.zeros(d), np.ones(d)]), np.array([1, 0])
    network = HingeBumps(delta=Fraction(1, 4)).build(Labelled(points, labels))
    settings = Settings(norm=Norm.LINF, method="exact", max_radius=4.0, tolerance=1e-4)
    answers = dict(Certifier(network, settings).certify(points, labels, lambda: 0.0))
    own = network.evaluate(points)[:, 0] > 0
    for i, answer in answers.items():
        carrier = Fraction(1, 4) + Fraction(1, 4 * d)
        exact = carrier if own[i] else 1 - carrier
        assert answer.status is Status.EXACT
        assert answer.trust is Trust.ROUNDED
        assert Fraction(answer.lower) <= exact <= Fraction(answer.upper)
        assert answer.upper - answer.lower <= 1e-4 * answer.upper
