"""The laws of ``AbstractBounder`` for every bounder, against exact minima in rationals."""

import itertools
import math
from collections.abc import Callable
from fractions import Fraction

import numpy as np
import pytest
import torch
from hypothesis import given

from certify.bounders.alpha import AlphaBounder, Ascent
from certify.bounders.base import AbstractBounder
from certify.bounders.crown import CrownBounder
from certify.bounders.interval import IntervalBounder
from certify.bounders.lipschitz import LipschitzBounder
from certify.bounders.triangle import TriangleBounder
from certify.deadline import Deadline
from certify.network import Affine, Network, ReLU
from certify.outcome import Trust
from certify.query import Queries, robustness
from certify.region import Box, Norm
from tests.oracles import evaluate, min_margin, robust_radius_squared
from tests.strategies import Problem, problems

Factory = Callable[[Network], AbstractBounder]

BOUNDERS: dict[str, Factory] = {
    "ibp": IntervalBounder,
    "crown-float32": CrownBounder,
    "crown-float64": lambda net: CrownBounder(net, dtype=torch.float64),
    "crown-rounded": lambda net: CrownBounder(net, dtype=torch.float64, rounded=True),
    "crown-rounded-tiny-memory": lambda net: CrownBounder(net, dtype=torch.float64, rounded=True, budget=1),
    "alpha-float32": lambda net: AlphaBounder(net, ascent=Ascent(margin_steps=3, hidden_steps=2)),
    "alpha-float64": lambda net: AlphaBounder(net, dtype=torch.float64, ascent=Ascent(3, 2), budget=1),
    "lp": TriangleBounder,
    "lipschitz": LipschitzBounder,
}

SLACK = {Trust.ROUNDED: Fraction(0), Trust.FLOAT: Fraction(1, 1000)}
"""What a bound may lie above the exact minimum: nothing where rounding is accounted for."""

every_bounder = pytest.mark.parametrize("factory", BOUNDERS.values(), ids=BOUNDERS.keys())


def bound(factory: Factory, queries: Queries) -> tuple[AbstractBounder, np.ndarray, np.ndarray]:
    bounder = factory(queries.network)
    answer = bounder.bound(queries, Deadline.never())
    return bounder, answer.lower, answer.radius


@every_bounder
@given(problem=problems(norms=(Norm.LINF, Norm.L1)))
def test_no_point_of_the_region_has_a_margin_below_the_bound(factory: Factory, problem: Problem) -> None:
    queries = problem.queries()
    bounder, lower, _ = bound(factory, queries)
    for j, claimed in enumerate(lower[0]):
        exact = min_margin(
            problem.network, problem.point, problem.radius, problem.norm, queries.rows[0, j], 0.0, problem.domain
        )
        assert claimed == -math.inf or Fraction(float(claimed)) <= exact + SLACK[bounder.trust]


@every_bounder
@given(problem=problems(norms=(Norm.LINF, Norm.L1)))
def test_every_margin_is_positive_within_the_claimed_radius(factory: Factory, problem: Problem) -> None:
    queries = problem.queries()
    bounder, _, radius = bound(factory, queries)
    assert 0 <= radius[0] <= problem.radius
    if radius[0] > 0:
        for row in queries.rows[0]:
            exact = min_margin(problem.network, problem.point, radius[0], problem.norm, row, 0.0, problem.domain)
            assert exact > -SLACK[bounder.trust]


@every_bounder
@given(problem=problems(norms=(Norm.L2,)))
def test_no_l2_counterexample_lies_within_the_claimed_radius(factory: Factory, problem: Problem) -> None:
    queries = problem.queries()
    bounder, _, radius = bound(factory, queries)
    exact = robust_radius_squared(problem.network, problem.point, queries.rows[0], queries.offsets[0], problem.domain)
    if exact is not None and radius[0] > 0:
        claimed = Fraction(float(radius[0])) * (1 - SLACK[bounder.trust])
        assert claimed**2 < exact


@every_bounder
@given(problem=problems())
def test_on_one_point_the_bound_is_the_margin(factory: Factory, problem: Problem) -> None:
    queries = problem.queries().within(np.zeros(1))
    _, lower, radius = bound(factory, queries)
    outputs = np.array([float(v) for v in evaluate(problem.network, problem.point)])
    assert lower[0] == pytest.approx(queries.rows[0] @ outputs, abs=1e-4)
    assert radius[0] == 0


def random_net(widths: tuple[int, ...], seed: int) -> Network:
    rng = np.random.default_rng(seed)
    ops: list[Affine | ReLU] = []
    for a, b in itertools.pairwise(widths):
        ops += [Affine(rng.normal(size=(b, a)) / math.sqrt(a), rng.normal(size=b) / 4), ReLU(b)]
    return Network.chain(ops[:-1])


def random_queries(norm: Norm, radius: float, domain: Box | None, count: int = 6) -> Queries:
    net = random_net((12, 20, 20, 4), 0)
    points = np.random.default_rng(1).uniform(size=(count, 12))
    return robustness(net, points, net.evaluate(points).argmax(1), norm=norm, radius=radius, domain=domain)


@every_bounder
@pytest.mark.parametrize("norm", list(Norm), ids=str)
def test_an_answer_does_not_depend_on_its_neighbours(factory: Factory, norm: Norm) -> None:
    queries = random_queries(norm, 0.05, Box.uniform(0.0, 1.0, 12))
    queries = queries.within(np.linspace(0.001, 0.3, len(queries)))
    bounder, lower, _ = bound(factory, queries)
    for i in range(len(queries)):
        alone = bounder.bound(queries.take(np.array([i])), Deadline.never()).lower[0]
        assert alone == pytest.approx(lower[i], rel=1e-3, abs=1e-4)


@every_bounder
def test_after_the_deadline_nothing_is_claimed(factory: Factory) -> None:
    queries = random_queries(Norm.L2, 0.05, None)
    answer = factory(queries.network).bound(queries, Deadline(lambda: 1.0, 0.0))
    assert (answer.radius == 0).all()
    assert (answer.lower == -np.inf).all()


@pytest.mark.parametrize("norm", list(Norm), ids=str)
@pytest.mark.parametrize("domain", [None, Box.uniform(0.0, 1.0, 12)], ids=["whole", "cut"])
def test_accounting_for_rounding_costs_less_than_a_billionth(norm: Norm, domain: Box | None) -> None:
    queries = random_queries(norm, 0.05, domain)
    _, plain, _ = bound(BOUNDERS["crown-float64"], queries)
    _, rounded, _ = bound(BOUNDERS["crown-rounded"], queries)
    assert (rounded < plain).all()
    assert rounded == pytest.approx(plain, rel=1e-9, abs=1e-9)


@pytest.mark.parametrize("norm", list(Norm), ids=str)
@pytest.mark.parametrize("domain", [None, Box.uniform(0.0, 1.0, 12)], ids=["whole", "cut"])
def test_slopes_chosen_by_ascent_are_no_worse_than_the_default(norm: Norm, domain: Box | None) -> None:
    queries = random_queries(norm, {1.0: 0.5, 2.0: 0.2}.get(norm.value, 0.08), domain)
    _, crown, _ = bound(BOUNDERS["crown-float64"], queries)
    _, alpha, _ = bound(lambda net: AlphaBounder(net, dtype=torch.float64), queries)
    assert (alpha >= crown - 1e-9).all()
    assert alpha.mean() > crown.mean() + 1e-3


@pytest.mark.parametrize("norm", list(Norm), ids=str)
def test_a_linear_network_is_bounded_exactly(norm: Norm) -> None:
    net = random_net((12, 4), 3)
    points = np.random.default_rng(1).uniform(size=(5, 12))
    queries = robustness(net, points, net.evaluate(points).argmax(1), norm=norm, radius=9.0)
    _, _, radius = bound(BOUNDERS["crown-rounded"], queries)
    weight = net.nodes[0].op.weight
    dual = {1.0: math.inf, 2.0: 2, math.inf: 1}[norm.value]
    margins = np.einsum("brm,bm->br", queries.rows, net.evaluate(points))
    sizes = np.linalg.norm(queries.rows @ weight, ord=dual, axis=2)
    assert radius == pytest.approx((margins / sizes).min(axis=1), rel=1e-5)
    assert (radius <= (margins / sizes).min(axis=1)).all()
