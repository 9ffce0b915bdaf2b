"""`--method milp` and `--method scip`: brackets of radii, and what they say about what they rest on."""

import builtins
import math
import time
from typing import Any

import numpy as np
import pytest

from certify.deadline import Deadline
from certify.errors import InvalidInput
from certify.outcome import CertifiedRadius, Falsified, Outcome, Status, Trust, Verified, Witness
from certify.query import Queries, predictions
from certify.radius import Certifier, Settings
from certify.region import Box, Norm
from certify.solvers.branch_and_bound.radius import certify_radii
from certify.solvers.branch_and_bound.solver import Trees
from tests.branch_and_bound.nets import dense, questions, spike


def answers(method: str, norm: Norm) -> list[CertifiedRadius]:
    network = dense((3, 6, 5, 3), 1)
    points = np.random.default_rng(0).uniform(size=(1, 3))
    certifier = Certifier(network, Settings(norm=norm, method=method, domain=Box.uniform(0.0, 1.0, 3)))
    return [found for _, found in certifier.certify(points, predictions(network, points), time.monotonic)]


@pytest.mark.parametrize(("method", "norm"), [("milp", Norm.LINF), ("scip", Norm.L2)])
def test_brackets_close_around_those_of_branch_and_bound(method: str, norm: Norm) -> None:
    if method == "scip":
        pytest.importorskip("pyscipopt")
    for found, expected in zip(answers(method, norm), answers("exact", norm), strict=True):
        assert found.status is Status.EXACT
        assert found.trust is Trust.ROUNDED
        assert max(found.lower, expected.lower) <= min(found.upper, expected.upper)


@pytest.mark.parametrize("method", ["milp", "scip"])
@pytest.mark.parametrize("steepness", [1e9, 1e10])
def test_the_radius_at_a_spike_is_the_distance_to_it(method: str, steepness: float) -> None:
    if method == "scip":
        pytest.importorskip("pyscipopt")
    network = spike(steepness, 0.3, 2.0)
    certifier = Certifier(network, Settings(norm=Norm.LINF, method=method, domain=Box.uniform(0.0, 1.0, 1)))
    ((_, found),) = certifier.certify(np.array([[0.75]]), np.array([1]), time.monotonic)
    assert found.trust is Trust.ROUNDED
    assert found.lower <= 0.45 - 0.5 / steepness <= found.upper <= 0.45
    assert found.upper - found.lower <= 1e-3 * found.upper


class Claims:
    """Says that everything is positive within ``upto``, with trust ``float``, and from there on has a witness."""

    name, trust = "claims", Trust.FLOAT

    def __init__(self, upto: float, truth: float) -> None:
        self._upto, self._truth = upto, truth

    def resume(self, queries: Queries, deadline: Deadline, *, seed: int, trees: list[Trees]) -> list[Outcome]:
        """One answer for each question."""
        del deadline, seed, trees
        witness = Witness(np.full(queries.centres.shape[1], np.nan), self._truth)
        return [Verified(Trust.FLOAT) if r <= self._upto else Falsified(witness) for r in queries.radii.tolist()]


def test_a_radius_that_was_only_computed_says_so() -> None:
    asked = questions(dense((6, 20, 20, 4), 4), 1, norm=Norm.LINF, radius=1.0)
    bracket = (np.full(1, 0.1), np.full(1, np.inf))
    found = certify_radii(Claims(0.4, 0.4001), asked, bracket, tolerance=0.01, deadline=Deadline.never())
    assert 0.39 <= found.lower[0] <= 0.4
    assert found.trust == [Trust.FLOAT]


def test_a_computed_radius_beyond_a_later_witness_is_withdrawn() -> None:
    asked = questions(dense((6, 20, 20, 4), 4), 1, norm=Norm.LINF, radius=math.inf)
    bracket = (np.full(1, 0.1), np.full(1, np.inf))
    liar = Claims(upto=0.6, truth=0.15)  # 0.2 and 0.4 are claimed before 0.8 is refuted
    found = certify_radii(liar, asked, bracket, tolerance=0.01, deadline=Deadline.never())
    assert found.lower[0] < found.upper[0] == 0.15


def test_l2_is_refused_with_what_serves() -> None:
    with pytest.raises(InvalidInput, match="Use --method exact, or scip"):
        Settings(norm=Norm.L2, method="milp")


def test_without_pyscipopt_the_error_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without(name: str, *rest: Any, **named: Any) -> Any:
        if name.split(".")[0] == "pyscipopt":
            raise ImportError("No module named 'pyscipopt'")
        return real(name, *rest, **named)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(InvalidInput, match=r"pip install 'relucert\[scip\]'"):
        Certifier(dense((6, 20, 20, 4), 4), Settings(norm=Norm.LINF, method="scip"))
