"""``--method exact`` and ``auto`` through the engine: what they answer, what they refuse, when they stop."""

import itertools
import math

import numpy as np
import pytest

from certify.deadline import Deadline
from certify.errors import UnsupportedModel
from certify.network import Affine, Network, ReLU
from certify.outcome import CertifiedRadius, Status, Trust
from certify.radius import Certifier, Settings
from certify.region import Box, Norm
from certify.solvers.two_layer.solver import TwoLayerSolver
from tests.two_layer.nets import asked

RNG = np.random.default_rng(2)
NET = Network.chain(
    [Affine(RNG.normal(size=(8, 5)), RNG.normal(size=8)), ReLU(8), Affine(RNG.normal(size=(3, 8)), np.zeros(3))]
)
POINTS = RNG.uniform(size=(2, 5))
LABELS = NET.evaluate(POINTS).argmax(axis=1)


def certified(network: Network = NET, clock: object = lambda: 0.0, **options: object) -> list[CertifiedRadius]:
    certifier = Certifier(network, Settings(**options))  # type: ignore[arg-type]
    return [found for _, found in certifier.certify(POINTS, LABELS, clock)]  # type: ignore[arg-type]


@pytest.mark.parametrize("method", ["exact", "auto"])
def test_brackets_close_to_the_tolerance(method: str) -> None:
    for found in certified(method=method, tolerance=1e-5):
        assert found.status is Status.EXACT
        assert found.trust is Trust.ROUNDED
        assert found.upper - found.lower <= 1e-5 * found.upper


def test_the_exact_radius_lies_in_the_brackets_of_other_methods() -> None:
    for exact, other in zip(certified(method="exact"), certified(method="alpha"), strict=True):
        assert other.lower <= exact.upper
        assert exact.lower <= other.upper
        assert exact.method == "exact"


def test_a_radius_limit_is_certified_up_to_the_limit() -> None:
    radii = [found.upper for found in certified(method="exact")]
    most = min(radii) / 2
    for found in certified(method="exact", max_radius=most):
        assert found.lower == most
        assert found.status is Status.BRACKETED


def test_with_a_domain_both_sides_hold_and_witnesses_stay_inside() -> None:
    box = Box.uniform(0.0, 1.0, 5)
    for free, cut in zip(certified(method="exact"), certified(method="exact", domain=box), strict=True):
        assert cut.lower >= free.lower * (1 - 1e-2)
        assert cut.witness is None or not box.outside(cut.witness.point[None]).any()
        assert cut.upper >= free.lower


def test_the_solver_of_one_hidden_layer_refuses_a_deeper_network_with_a_pointer() -> None:
    deep = Network.chain([*(node.op for node in NET.nodes), ReLU(3), Affine(np.eye(3), np.zeros(3))])
    with pytest.raises(UnsupportedModel, match=r"one hidden layer.*Affine, ReLU, Affine, ReLU, Affine.*--method auto"):
        TwoLayerSolver(deep)


@pytest.mark.parametrize("norm", [Norm.L1, Norm.LINF])
def test_exact_closes_brackets_in_other_norms_by_branch_and_bound(norm: Norm) -> None:
    for found in certified(method="exact", norm=norm):
        assert found.method != "exact"
        assert found.status in (Status.EXACT, Status.MISCLASSIFIED)
        assert found.trust is Trust.ROUNDED
    assert all(found.method != "exact" for found in certified(method="auto", norm=norm))


def test_exact_closes_brackets_of_a_deeper_network_by_branch_and_bound() -> None:
    rng = np.random.default_rng(4)
    ops = [Affine(rng.normal(size=(m, n)), rng.normal(size=m)) for n, m in ((3, 5), (5, 4), (4, 2))]
    deep = Network.chain([ops[0], ReLU(5), ops[1], ReLU(4), ops[2]])
    points = rng.normal(size=(4, 3))
    labels = deep.evaluate(points).argmax(axis=1)
    for norm in (Norm.LINF, Norm.L2):
        certifier = Certifier(deep, Settings(method="exact", norm=norm, max_radius=8.0))
        for _, found in certifier.certify(points, labels, clock=lambda: 0.0):
            assert found.status is Status.EXACT or found.lower == 8.0
            assert found.upper >= found.lower > 0


def test_a_time_limit_keeps_a_bracket_that_holds() -> None:
    full = certified(method="exact")
    for ticks in (1.0, 5.0, 30.0):
        count = itertools.count()
        for exact, found in zip(
            full, certified(clock=lambda c=count: float(next(c)), method="exact", seconds=ticks), strict=True
        ):
            assert found.lower <= exact.upper
            assert found.upper >= exact.lower


def test_after_the_deadline_nothing_is_claimed() -> None:
    queries = asked(NET, POINTS, LABELS)
    late = Deadline(lambda: 1.0, 0.0)
    found = TwoLayerSolver(NET).solve(queries, np.zeros(len(POINTS), dtype=bool), tolerance=1e-3, deadline=late)
    assert (found.radius == 0).all()
    assert not found.settled.any()


def test_few_nodes_give_a_bracket_that_holds() -> None:
    queries = asked(NET, POINTS, LABELS)
    none = np.zeros(len(POINTS), dtype=bool)
    best = TwoLayerSolver(NET).solve(queries, none, tolerance=1e-4, deadline=Deadline.never())
    for most in (1, 3):
        solver = TwoLayerSolver(NET, most_nodes=most)
        found = solver.solve(queries, none, tolerance=1e-4, deadline=Deadline.never())
        assert (found.radius <= best.radius * (1 + 2e-4)).all()


def test_a_question_does_not_depend_on_its_neighbours() -> None:
    together = certified(method="exact", tolerance=1e-5)
    for i, found in enumerate(together):
        alone = Certifier(NET, Settings(method="exact", tolerance=1e-5)).certify(
            POINTS[i : i + 1], LABELS[i : i + 1], lambda: 0.0
        )
        ((_, single),) = alone
        assert single.lower == pytest.approx(found.lower, rel=2e-5)
        assert math.isfinite(single.upper)
