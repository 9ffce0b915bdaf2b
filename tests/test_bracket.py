"""Both sides of a bracket as they come in: proofs and counterexamples never overlap in silence."""

import numpy as np
import pytest

from certify.errors import SelfCheckFailed
from certify.network import Affine, Network, ReLU
from certify.outcome import CertifiedRadius, Status, Trust, Witness
from certify.radius import Bracket, Certifier, Settings
from certify.region import Box, Norm
from certify.solvers.prover import CrownProver

PROVER = CrownProver(Network.chain([Affine(np.eye(2), np.zeros(2))]))
FIRST = np.array([0])


def lowered(trust: Trust) -> Bracket:
    """A bracket whose first radius is 2."""
    bracket = Bracket(np.full(2, np.inf))
    bracket.raise_lower(FIRST, np.array([2.0]), PROVER, [trust])
    return bracket


@pytest.mark.parametrize("distance", [0.5, 2.0])
def test_a_counterexample_within_a_proved_radius_is_a_failed_self_check(distance: float) -> None:
    with pytest.raises(SelfCheckFailed, match=r"crown certifies radius 2\.0 .* counterexample at"):
        lowered(Trust.ROUNDED).lower_upper(FIRST, [Witness(np.zeros(2), distance)])


def test_a_radius_proved_beyond_a_counterexample_is_a_failed_self_check() -> None:
    bracket = Bracket(np.full(1, np.inf))
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
    bracket = Bracket(np.full(1, np.inf))
    bracket.lower_upper(FIRST, [Witness(np.zeros(2), 0.0)])
    assert (bracket.lower[0], bracket.upper[0]) == (0.0, 0.0)


def test_an_endless_radius_contradicts_no_missing_counterexample() -> None:
    bracket = Bracket(np.full(1, np.inf))
    bracket.raise_lower(FIRST, np.array([np.inf]), PROVER)
    assert (bracket.lower[0], bracket.upper[0]) == (np.inf, np.inf)


CONSTANT = Network.chain([Affine(np.zeros((3, 4)), -np.ones(3)), ReLU(3), Affine(np.ones((1, 3)), np.ones(1))])
POSITIVE = Network.chain([Affine(np.ones((3, 4)), np.ones(3)), ReLU(3), Affine(np.ones((1, 3)), np.ones(1))])
POINT = np.array([[0.1, 0.5, 0.25, 0.75]])


def radius(network: Network, norm: Norm, method: str, domain: Box | None) -> CertifiedRadius:
    certifier = Certifier(network, Settings(norm=norm, method=method, domain=domain))
    ((_, found),) = certifier.certify(POINT, np.array([1]), lambda: 0.0)
    return found


@pytest.mark.parametrize("method", ["ibp", "crown", "alpha", "lp", "auto", "exact"])
@pytest.mark.parametrize(("norm", "farthest"), [(Norm.LINF, 0.9), (Norm.L2, 1.4782), (Norm.L1, 2.9)])
@pytest.mark.parametrize("network", [CONSTANT, POSITIVE])
def test_what_is_robust_in_the_whole_domain_is_so_to_its_farthest_point(
    network: Network, norm: Norm, farthest: float, method: str
) -> None:
    found = radius(network, norm, method, Box.uniform(0.0, 1.0, 4))
    assert found.lower == pytest.approx(farthest, rel=1e-4)
    assert found.lower >= np.linalg.norm([0.9, 0.5, 0.75, 0.75], ord=norm.value)
    assert (found.upper, found.status) == (np.inf, Status.BRACKETED)
    assert found.reason == "robust in the whole domain, to its farthest point"


@pytest.mark.parametrize("method", ["auto", "exact"])
@pytest.mark.parametrize("norm", Norm)
def test_the_search_for_the_radius_of_a_constant_network_ends(norm: Norm, method: str) -> None:
    found = radius(CONSTANT, norm, method, None)
    assert found.lower > 100
    assert (found.upper, found.status) == (np.inf, Status.BRACKETED)
