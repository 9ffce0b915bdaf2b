"""Both sides of a bracket as they come in: proofs and counterexamples never overlap in silence."""

import numpy as np
import pytest

from certify.errors import SelfCheckFailed
from certify.network import Affine, Network
from certify.outcome import Trust, Witness
from certify.radius import Bracket
from certify.solvers.prover import CrownProver

PROVER = CrownProver(Network.chain([Affine(np.eye(2), np.zeros(2))]))
FIRST = np.array([0])


def lowered(trust: Trust) -> Bracket:
    """A bracket whose first radius is 2."""
    bracket = Bracket(2)
    bracket.raise_lower(FIRST, np.array([2.0]), PROVER, [trust])
    return bracket


@pytest.mark.parametrize("distance", [0.5, 2.0])
def test_a_counterexample_within_a_proved_radius_is_a_failed_self_check(distance: float) -> None:
    with pytest.raises(SelfCheckFailed, match=r"crown certifies radius 2\.0 .* counterexample at"):
        lowered(Trust.ROUNDED).lower_upper(FIRST, [Witness(np.zeros(2), distance)])


def test_a_radius_proved_beyond_a_counterexample_is_a_failed_self_check() -> None:
    bracket = Bracket(1)
    bracket.lower_upper(FIRST, [Witness(np.zeros(2), 1.0)])
    with pytest.raises(SelfCheckFailed, match=r"crown certifies radius 1\.0"):
        bracket.raise_lower(FIRST, np.array([1.0]), PROVER)


def test_a_computed_radius_gives_way_to_a_counterexample() -> None:
    bracket = lowered(Trust.FLOAT)
    bracket.lower_upper(FIRST, [Witness(np.zeros(2), 0.5)])
    bracket.lower_upper(FIRST, [Witness(np.zeros(2), 0.7)])
    assert (bracket.lower[0], bracket.upper[0]) == (0.5, 0.5)
    assert (bracket.lower[1], bracket.upper[1]) == (0.0, np.inf)


def test_an_input_that_is_wrong_itself_has_no_radius() -> None:
    bracket = Bracket(1)
    bracket.lower_upper(FIRST, [Witness(np.zeros(2), 0.0)])
    assert (bracket.lower[0], bracket.upper[0]) == (0.0, 0.0)
