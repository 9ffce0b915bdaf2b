"""How near the found counterexamples are to the nearest ones, where these are known; never nearer."""

from itertools import combinations

import cvxpy as cp
import numpy as np
import pytest
from torch import Tensor

from certify.attacks.base import AbstractAttack
from certify.attacks.combined import StrongestAttack
from certify.attacks.gradient import GradientAttack
from certify.attacks.problem import Problem
from certify.deadline import Deadline
from certify.errors import InvalidInput
from certify.network import Affine, Network, ReLU
from certify.query import Queries, predictions, robustness
from certify.region import Norm
from tests.attacks.nets import chain, exponent

SOLVER = 1e-6
"""Relative accuracy that the reference solver is asked for, with room."""


def _found(attack: AbstractAttack, queries: Queries) -> np.ndarray:
    witnesses = attack.search(queries, seed=0, deadline=Deadline.never())
    return np.array([np.inf if witness is None else witness.distance for witness in witnesses])


@pytest.mark.parametrize("norm", Norm)
def test_on_a_linear_net_the_distance_is_the_margin_over_the_dual_norm(norm: Norm) -> None:
    rng = np.random.default_rng(0)
    weight, bias, points = rng.normal(size=(1, 20)), rng.normal(size=1), rng.normal(size=(8, 20))
    network = Network.chain([Affine(weight, bias)])
    queries = robustness(network, points, predictions(network, points), norm=norm, radius=np.inf)
    dual = {Norm.L1: np.inf, Norm.L2: 2, Norm.LINF: 1}[norm]
    expected = np.abs(points @ weight[0] + bias) / np.linalg.norm(weight[0], ord=dual)
    np.testing.assert_allclose(_found(StrongestAttack(effort=1), queries), expected, rtol=1e-6)


@pytest.mark.parametrize("norm", Norm)
def test_a_verdict_finds_what_a_search_for_the_nearest_finds_with_fewer_gradients(
    norm: Norm, monkeypatch: pytest.MonkeyPatch
) -> None:
    network = chain((6, 20, 3), 1)
    points = np.random.default_rng(1).normal(size=(12, 6))
    nearest = _found(
        GradientAttack(), robustness(network, points, predictions(network, points), norm=norm, radius=np.inf)
    )
    radius = 1.5 * np.median(nearest)
    queries = robustness(network, points, predictions(network, points), norm=norm, radius=radius)
    gradients = [0]
    honest = Problem.gradient

    def counted(problem: Problem, *arguments: Tensor, **options: float) -> tuple[Tensor, Tensor]:
        gradients[0] += len(problem)
        return honest(problem, *arguments, **options)

    monkeypatch.setattr(Problem, "gradient", counted)
    usual = [GradientAttack().search(queries.take(np.array([i])), seed=0, deadline=Deadline.never()) for i in range(12)]
    first, gradients[0] = gradients[0], 0
    quick = GradientAttack(verdict=True)
    hasty = [quick.search(queries.take(np.array([i])), seed=0, deadline=Deadline.never()) for i in range(12)]
    assert [w is None for (w,) in hasty] == [w is None for (w,) in usual]
    assert 0 < sum(w is None for (w,) in usual) < 12
    assert gradients[0] < first / 2


def _polar(count: int, norm: Norm) -> np.ndarray:
    """Directions of length 1 of the norm in the plane."""
    angles = np.linspace(0, 2 * np.pi, count, endpoint=False)
    rays = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    return rays / np.linalg.norm(rays, ord=norm.value, axis=1)[:, None]


@pytest.mark.parametrize("norm", Norm)
def test_in_the_plane_nine_of_ten_are_within_one_percent_of_a_dense_search(norm: Norm) -> None:
    rays, lengths = _polar(2000, norm), np.linspace(0, 4, 801)[1:]
    ratios = []
    for seed in range(10):
        network = chain((2, 6, 5, 2), seed)
        point = np.random.default_rng(seed).normal(size=(1, 2))
        queries = robustness(network, point, predictions(network, point), norm=norm, radius=np.inf)
        grid = point + (lengths[:, None, None] * rays).reshape(-1, 2)
        outputs = network.evaluate(grid)
        broken = (outputs @ queries.rows[0].T <= 0).any(axis=1).reshape(len(lengths), -1).any(axis=1)
        if broken.any():
            ratios.append(_found(StrongestAttack(effort=2), queries)[0] / lengths[broken.argmax()])
    assert len(ratios) >= 5
    assert np.quantile(ratios, 0.9) <= 1.01


def decoupled(d: int, k: int) -> tuple[Network, np.ndarray]:
    """One neuron per orthogonal feature of length sqrt(d), no bias, summed with signs; and the features (k, d)."""
    features = np.sqrt(d) * np.linalg.qr(np.random.default_rng(0).normal(size=(d, k)))[0].T.copy()
    signs = np.repeat([1.0, -1.0], k // 2)[None]
    ops = [Affine(features, np.zeros(k)), ReLU(k), Affine(signs, np.zeros(1))]
    return Network.chain(ops), features


def test_dead_neurons_hide_the_nearest_point_from_plain_descent_but_not_from_the_strongest_attack() -> None:
    network, features = decoupled(200, 10)
    asleep = 0.02
    points = (1 + asleep) * features - asleep * features.sum(axis=0)  # every other neuron slightly below 0
    queries = robustness(network, points, [1] * 5 + [0] * 5, norm=Norm.L2, radius=np.inf)
    exact = np.sqrt(200) * (1 + 5 * asleep) / np.sqrt(1 + 5)
    reached = _found(StrongestAttack(effort=1), queries)
    assert (reached >= exact * (1 - 1e-12)).all()
    assert (reached <= 1.02 * exact).all()
    plain = _found(GradientAttack(restarts=1), queries.within(np.full(10, 1.5 * exact)))
    assert np.isinf(plain).all()


def _nearest_of_two_layers(network: Network, point: np.ndarray, norm: Norm) -> float:
    """The exact distance: {f <= 0} is a union of convex sets over the subsets of the neurons on the concave side."""
    first, _, last = (node.op for node in network.nodes)
    assert isinstance(first, Affine)
    assert isinstance(last, Affine)
    weight, out, shift = np.asarray(first.weight), np.asarray(last.weight)[0], float(last.bias[0])
    if network.evaluate(point[None])[0, 0] < 0:
        out, shift = -out, -shift
    best = np.inf
    concave = np.flatnonzero(out < 0)
    for size in range(len(concave) + 1):
        for chosen in map(list, combinations(concave, size)):
            move = cp.Variable(len(point))
            before = weight @ (point + move) + first.bias
            bound = shift + np.maximum(out, 0) @ cp.pos(before) + out[chosen] @ before[chosen]
            problem = cp.Problem(cp.Minimize(cp.norm(move, exponent(norm))), [bound <= 0])
            problem.solve(solver=cp.CLARABEL)
            if problem.status in (cp.OPTIMAL, cp.OPTIMAL_INACCURATE) and move.value is not None:
                best = min(best, float(np.linalg.norm(move.value, ord=norm.value)))
    return best


@pytest.mark.parametrize(("norm", "median"), [(Norm.L2, 1.001), (Norm.LINF, 1.02), (Norm.L1, 1.02)])
def test_on_two_layers_the_median_reaches_the_enumerated_optimum_and_nothing_beats_it(
    norm: Norm, median: float
) -> None:
    ratios = []
    for seed in range(7):
        network = chain((6, 6, 1), seed)
        point = np.random.default_rng(100 + seed).normal(size=6)
        exact = _nearest_of_two_layers(network, point, norm)
        if np.isfinite(exact):
            queries = robustness(network, point[None], predictions(network, point[None]), norm=norm, radius=np.inf)
            ratios.append(_found(StrongestAttack(effort=2), queries)[0] / exact)
    assert len(ratios) >= 5
    assert min(ratios) >= 1 - SOLVER
    assert np.median(ratios) <= median


@pytest.mark.parametrize("effort", [0, 4])
def test_an_unknown_effort_is_refused(effort: int) -> None:
    with pytest.raises(InvalidInput, match=rf"1 \(quick\), 2 or 3 \(thorough\), got {effort}"):
        StrongestAttack(effort=effort)
