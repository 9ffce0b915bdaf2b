"""The radius search, on relaxations given by formulas."""

import math
from collections.abc import Callable

import numpy as np
import pytest

from certify.deadline import Deadline
from certify.solvers.largest_radius import Evaluate, Found, Pass, largest_radius

Curve = Callable[[np.ndarray], np.ndarray]


def relaxation(wanted: Curve) -> Evaluate:
    """A relaxation whose margins reach 0 at ``wanted(R)``, valid up to R."""
    return lambda _, radii: Pass(np.minimum(wanted(radii), radii), wanted(radii))


def search(wanted: Curve, start: float, limit: float = math.inf, deadline: Deadline | None = None) -> Found:
    return largest_radius(
        relaxation(wanted), np.array([start]), np.array([limit]), tolerance=1e-3, deadline=deadline or Deadline.never()
    )


@pytest.mark.parametrize("start", [1e-3, 0.3, 1.0, 50.0])
def test_a_smooth_relaxation_is_solved_to_the_tolerance_in_few_passes(start: float) -> None:
    found = search(lambda r: 2 / (1 + r), start)  # fixed point 1
    assert 1 - 1e-3 <= found.radius[0] <= 1
    assert found.settled[0]
    assert found.passes[0] <= 8


def test_a_relaxation_that_says_only_yes_or_no_is_solved_too() -> None:
    found = search(lambda r: np.where(r <= 0.7, np.inf, 0.0), 0.01)
    assert 0.7 * (1 - 1e-3) <= found.radius[0] <= 0.7


def test_a_relaxation_that_never_fails_is_certified_up_to_the_limit() -> None:
    assert search(lambda r: np.full_like(r, np.inf), 1e-3, limit=5.0).radius[0] == 5.0


def test_a_relaxation_that_always_fails_certifies_nothing() -> None:
    assert search(np.zeros_like, 1.0).radius[0] == 0.0


def test_a_limit_of_zero_needs_no_pass() -> None:
    found = search(np.ones_like, 1.0, limit=0.0)
    assert found.radius[0] == 0.0
    assert found.passes[0] == 0


def test_after_the_deadline_what_is_certified_is_kept_and_the_search_is_not_called_settled() -> None:
    ticks = iter([0.0, 2.0, 2.0])
    found = search(lambda r: 2 / (1 + r), 0.1, deadline=Deadline(lambda: next(ticks), 1.0))
    assert found.radius[0] == pytest.approx(0.1)
    assert not found.settled[0]


def test_inputs_are_searched_independently() -> None:
    targets = np.array([0.01, 1.0, 100.0])
    found = largest_radius(
        lambda index, radii: Pass(np.minimum(targets[index] ** 2 / radii, radii), targets[index] ** 2 / radii),
        np.full(3, 0.5),
        np.full(3, np.inf),
        tolerance=1e-3,
        deadline=Deadline.never(),
    )
    assert found.radius == pytest.approx(targets, rel=2e-3)
