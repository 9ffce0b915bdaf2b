"""``lower <= exact radius <= upper``, always, for every method, against exact radii in rationals."""

import itertools
import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings

from certify.network import Affine, Network, ReLU
from certify.outcome import CertifiedRadius, Status, Trust
from certify.radius import Certifier, Settings
from certify.region import Norm
from tests.oracles import evaluate, robust_radius, robust_radius_squared
from tests.strategies import Problem, problems

fewer = settings(max_examples=max(8, settings.default.max_examples // 3))
"""Attacks make these tests slow: a third of the profile's examples."""

METHODS = ("auto", "ibp", "crown", "alpha", "lp", "lipschitz")


def answer(problem: Problem, method: str, most: float = math.inf) -> CertifiedRadius:
    settings = Settings(norm=problem.norm, method=method, domain=problem.domain, max_radius=most)
    certifier = Certifier(problem.network, settings)
    ((_, found),) = certifier.certify(problem.point[None, :], np.array([problem.label]), lambda: 0.0)
    return found


def exact_power(problem: Problem) -> Fraction | None:
    """The exact radius, squared for l2; None when no counterexample exists."""
    queries = problem.queries()
    question = (problem.network, problem.point, queries.rows[0], queries.offsets[0])
    if problem.norm is Norm.L2:
        return robust_radius_squared(*question, problem.domain)
    return robust_radius(*question, problem.norm, problem.domain)


def power(radius: float, norm: Norm) -> Fraction:
    return Fraction(radius) ** (2 if norm is Norm.L2 else 1)


@pytest.mark.parametrize("method", METHODS)
@fewer
@given(problem=problems())
def test_the_exact_radius_lies_in_the_bracket(method: str, problem: Problem) -> None:
    found, exact = answer(problem, method), exact_power(problem)
    if exact is None:
        assert found.upper == math.inf
        assert found.witness is None
        return
    assert power(found.lower, problem.norm) <= exact
    assert found.upper == math.inf or exact <= power(found.upper, problem.norm)
    assert found.trust is Trust.ROUNDED


@fewer
@given(problem=problems())
def test_a_witness_is_a_counterexample_in_exact_arithmetic(problem: Problem) -> None:
    found = answer(problem, "crown")
    if found.witness is None:
        return
    point = found.witness.point
    outputs = evaluate(problem.network, point)
    rows = problem.queries().rows[0]
    assert min(sum(Fraction(float(c)) * y for c, y in zip(row, outputs, strict=True)) for row in rows) <= 0
    assert found.upper == found.witness.distance
    if problem.domain is not None:
        assert (problem.domain.lower <= point).all()
        assert (point <= problem.domain.upper).all()


@fewer
@given(problem=problems())
def test_an_input_is_misclassified_just_when_its_exact_margin_is_not_positive(problem: Problem) -> None:
    found = answer(problem, "ibp")
    outputs = evaluate(problem.network, problem.point)
    rows = problem.queries().rows[0]
    margin = min(sum(Fraction(float(c)) * y for c, y in zip(row, outputs, strict=True)) for row in rows)
    assert (found.status is Status.MISCLASSIFIED) == (margin <= 0)
    if margin <= 0:
        assert found.lower == found.upper == 0


@fewer
@given(problem=problems())
def test_nothing_is_claimed_beyond_the_largest_radius_asked_for(problem: Problem) -> None:
    found = answer(problem, "crown", most=0.25)
    assert found.lower <= 0.25
    assert found.upper == math.inf or found.upper <= 0.25


def test_a_time_limit_keeps_what_was_proved_and_says_so() -> None:
    rng = np.random.default_rng(0)
    shapes = ((40, 20), (40, 40), (40, 40), (3, 40))
    ops = [op for m, n in shapes for op in (Affine(rng.normal(size=(m, n)) / math.sqrt(n), np.zeros(m)), ReLU(m))]
    net = Network.chain(ops[:-1])
    points = rng.uniform(size=(4, 20))
    labels = net.evaluate(points).argmax(axis=1)
    ticks = itertools.count()

    def run(seconds: float) -> list[CertifiedRadius]:
        certifier = Certifier(net, Settings(norm=Norm.L2, seconds=seconds))
        return [found for _, found in certifier.certify(points, labels, lambda: float(next(ticks)))]

    free, tight, none = run(math.inf), run(150.0), run(0.5)
    for one, other, nothing in zip(free, tight, none, strict=True):
        assert 0 < other.lower <= one.lower * 1.01
        assert nothing.status is Status.TIMEOUT
        assert "--seconds" in nothing.reason
        assert one.status is not Status.TIMEOUT
