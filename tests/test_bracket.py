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


def radius(network: Network, norm: Norm, method: str, domain: Box | None, point: np.ndarray = POINT) -> CertifiedRadius:
    certifier = Certifier(network, Settings(norm=norm, method=method, domain=domain))
    ((_, found),) = certifier.certify(point, np.array([1]), lambda: 0.0)
    return found


@pytest.mark.parametrize("method", ["ibp", "crown", "alpha", "lp", "auto", "exact"])
@pytest.mark.parametrize(("norm", "across"), [(Norm.LINF, 1.0), (Norm.L2, 2.0), (Norm.L1, 4.0)])
@pytest.mark.parametrize("network", [CONSTANT, POSITIVE])
def test_what_is_robust_in_the_whole_domain_is_so_from_end_to_end(
    network: Network, norm: Norm, across: float, method: str
) -> None:
    found = radius(network, norm, method, Box.uniform(0.0, 1.0, 4))
    assert across <= found.lower == pytest.approx(across, rel=1e-6)
    assert (found.upper, found.status) == (np.inf, Status.BRACKETED)
    assert found.reason == "robust in the whole domain"


@pytest.mark.parametrize(("most", "reason"), [(0.3, "robust up to"), (1.0, "robust up to"), (3.0, "robust in the")])
def test_the_largest_radius_asked_for_is_reached_in_a_domain_that_is_robust(most: float, reason: str) -> None:
    settings = Settings(norm=Norm.L2, method="crown", domain=Box.uniform(0.0, 1.0, 4), max_radius=most)
    ((_, found),) = Certifier(POSITIVE, settings).certify(POINT, np.array([1]), lambda: 0.0)
    assert found.lower == pytest.approx(min(most, 2.0), rel=1e-6)
    assert found.lower <= most
    assert found.reason.startswith(reason)


@pytest.mark.parametrize("method", ["crown", "auto", "exact"])
@pytest.mark.parametrize("size", [0.0, 1e-300, 1e-42])
def test_a_tiny_domain_is_robust_as_a_whole(size: float, method: str) -> None:
    found = radius(POSITIVE, Norm.L2, method, Box(POINT[0] * 0 - size, POINT[0] * 0 + size), POINT * 0)
    assert found.lower > 0
    assert found.reason == "robust in the whole domain"


@pytest.mark.parametrize(
    ("sides", "trust", "seconds", "status", "reason"),
    [
        ((2.0, np.inf), Trust.FLOAT, 9.0, Status.BRACKETED, "robust in the whole domain; the lower side is computed"),
        ((1.0, 1.0005), Trust.FLOAT, 9.0, Status.BRACKETED, "the lower side is computed, not proved"),
        ((1.0, 1.0005), Trust.ROUNDED, 9.0, Status.EXACT, ""),
        ((0.5, 1.0), Trust.ROUNDED, 9.0, Status.TIMEOUT, "the limit of 9 s per input came first"),
        ((0.5, 1.0), Trust.ROUNDED, np.inf, Status.BRACKETED, "the search left radii in between undecided"),
    ],
)
def test_a_reason_says_what_an_answer_lacks(
    sides: tuple[float, float], trust: Trust, seconds: float, status: Status, reason: str
) -> None:
    certifier = Certifier(POSITIVE, Settings(domain=Box.uniform(0.0, 1.0, 4), seconds=seconds))
    bracket = Bracket(np.array([1.5]))
    bracket.timed_out[:], bracket.trust = True, [trust]
    said, why = certifier._status(bracket, 0, sides, False)
    assert (said, why[: len(reason)], bool(why)) == (status, reason, bool(reason))


@pytest.mark.parametrize("method", ["auto", "exact"])
@pytest.mark.parametrize("norm", Norm)
def test_the_search_for_the_radius_of_a_constant_network_ends(norm: Norm, method: str) -> None:
    found = radius(CONSTANT, norm, method, None)
    assert found.lower > 100
    assert (found.upper, found.status) == (np.inf, Status.BRACKETED)
