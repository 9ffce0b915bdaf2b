"""Brackets that close around the exact radius."""

import math
from fractions import Fraction

import hypothesis
import numpy as np
import pytest

from certify.deadline import Deadline
from certify.errors import InvalidInput
from certify.outcome import Verified
from certify.region import Norm
from certify.solvers.branch_and_bound.radius import Radii, certify_radii
from certify.solvers.branch_and_bound.solver import BranchAndBound
from tests.branch_and_bound.nets import dense, questions
from tests.branch_and_bound.truth import PHASES
from tests.oracles import robust_radius, robust_radius_squared
from tests.strategies import Problem, problems

_TOLERANCE = 0.01
fewer = hypothesis.settings(
    max_examples=max(
        8, hypothesis.settings.default.max_examples // 10 * (hypothesis.settings.default.max_examples > 1000)
    )
)


def closed(problem: Problem) -> Radii:
    """The bracket of one question, starting from nothing but its largest radius."""
    queries = problem.queries()
    solver = BranchAndBound(problem.network, limits=PHASES)
    bracket = (np.zeros(1), np.full(1, math.inf))
    return certify_radii(solver, queries, bracket, tolerance=_TOLERANCE, deadline=Deadline.never())


@fewer
@hypothesis.given(problem=problems())
def test_the_exact_radius_lies_in_a_bracket_that_is_closed(problem: Problem) -> None:
    queries = problem.queries()
    rows, offsets, found = queries.rows[0], queries.offsets[0], closed(problem)
    if problem.norm is Norm.L2:
        square = robust_radius_squared(problem.network, problem.point, rows, offsets, problem.domain)
    else:
        exact = robust_radius(problem.network, problem.point, rows, offsets, problem.norm, problem.domain)
        square = None if exact is None else exact * exact
    if square is None or square > Fraction(problem.radius) ** 2:
        assert math.isinf(found.upper[0])
        assert found.lower[0] <= problem.radius
        return
    assert Fraction(float(found.lower[0])) ** 2 < square or square == 0
    if math.isfinite(found.upper[0]):  # f may touch 0 at a point that is no float
        assert square <= Fraction(float(found.upper[0])) ** 2
        assert found.settled[0] or found.upper[0] == 0


def test_brackets_of_a_batch_close_from_a_wide_start() -> None:
    asked = questions(dense((6, 20, 20, 4), 4), 8, norm=Norm.L2, radius=10.0)
    solver = BranchAndBound(asked.network)
    bracket = (np.full(8, 1e-6), np.full(8, math.inf))
    found = certify_radii(solver, asked, bracket, tolerance=_TOLERANCE, deadline=Deadline.never())
    broken = np.isfinite(found.upper)
    assert broken.sum() >= 4
    assert found.settled.all()
    assert (found.upper[broken] <= found.lower[broken] * (1 + _TOLERANCE)).all()
    again = solver.decide(asked.within(found.lower), Deadline.never())
    assert all(isinstance(answer, Verified) for answer in again)


def test_no_time_leaves_the_bracket_as_it_was() -> None:
    asked = questions(dense((6, 20, 20, 4), 4), 2, norm=Norm.LINF, radius=1.0)
    bracket = (np.full(2, 0.01), np.full(2, 0.5))
    late = Deadline.after(0.0, lambda: 0.0)
    found = certify_radii(BranchAndBound(asked.network), asked, bracket, tolerance=_TOLERANCE, deadline=late)
    assert found.lower.tolist() == [0.01, 0.01]
    assert found.upper.tolist() == [0.5, 0.5]
    assert not found.settled.any()


def test_a_search_without_a_scale_is_refused() -> None:
    asked = questions(dense((6, 20, 20, 4), 4), 1, norm=Norm.LINF, radius=math.inf)
    bracket = (np.zeros(1), np.full(1, math.inf))
    with pytest.raises(InvalidInput, match="no scale to begin at"):
        certify_radii(BranchAndBound(asked.network), asked, bracket, tolerance=0.1, deadline=Deadline.never())


@pytest.mark.parametrize("tolerance", [0.0, 1.0, math.nan])
def test_a_tolerance_that_means_nothing_is_refused(tolerance: float) -> None:
    asked = questions(dense((6, 20, 20, 4), 4), 1, norm=Norm.LINF, radius=1.0)
    bracket = (np.zeros(1), np.full(1, math.inf))
    with pytest.raises(InvalidInput, match="between 0 and 1"):
        certify_radii(BranchAndBound(asked.network), asked, bracket, tolerance=tolerance, deadline=Deadline.never())
