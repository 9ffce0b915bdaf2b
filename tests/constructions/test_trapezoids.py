"""Trapezoids of the linf distance: what the network computes, its sizes, its steepness, and its proof."""

from fractions import Fraction

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings

from certify.errors import InvalidInput
from certify.exact import ExactNetwork
from certify.region import Norm
from constructions.memorizer import hinges, trapezoids
from constructions.memorizer.bumps import separated_for_bumps, slope
from constructions.memorizer.trapezoids import Trapezoids
from constructions.theorem import Proved, Refuted
from tests.constructions.bump_sets import (
    Task,
    anywhere,
    broken,
    bump,
    claim,
    epsilon,
    gaps,
    generic,
    length,
    minority,
    one_sided,
    tasks,
)
from tests.constructions.euclidean_sets import tampered, unproved

LINF = Norm.LINF


def expected_bump(task: Task, x: np.ndarray, centre: np.ndarray) -> Fraction:
    found = separated_for_bumps(task.data, LINF, task.delta)
    return bump(1 - slope(found) * max(Fraction(), length(gaps(x, centre), LINF) - found.radius))


@given(st.data())
@settings(max_examples=40, deadline=None)
def test_the_output_is_read_from_trapezoids_of_the_distance(data: st.DataObject) -> None:
    task = data.draw(tasks(LINF))
    made = trapezoids(task.points, task.labels, delta=task.delta)
    x = data.draw(anywhere(task.points.shape[1]))
    centres, sign = minority(task)
    expected = one_sided([expected_bump(task, x, centre) for centre in centres], sign)
    assert ExactNetwork(made.network).evaluate(x) == [expected]
    assert made.network.evaluate(x[None])[0, 0] == expected


@given(st.data())
@settings(max_examples=30, deadline=None)
def test_scores_of_three_classes_change_no_faster_than_one_ramp_for_each_bump(data: st.DataObject) -> None:
    task = data.draw(tasks(LINF, classes=3))
    made = trapezoids(task.points, task.labels, delta=task.delta)
    x, y = (data.draw(anywhere(task.points.shape[1])) for _ in range(2))
    scores = [ExactNetwork(made.network).evaluate(point) for point in (x, y)]
    assert scores[0] == [sum(expected_bump(task, x, c) for c in task.points[task.labels == k]) for k in range(3)]
    steep = slope(separated_for_bumps(task.data, LINF, task.delta))
    for k in range(3):
        assert abs(scores[0][k] - scores[1][k]) <= (task.labels == k).sum() * steep * length(gaps(x, y), LINF)


@given(tasks(LINF), st.booleans())
@settings(max_examples=30, deadline=None)
def test_every_claim_is_proved(task: Task, many: bool) -> None:
    labels = np.arange(len(task.labels)) % 3 if many else task.labels
    assert not unproved(trapezoids(task.points, labels, delta=Fraction(0) if many else task.delta))


def test_counts_equal_the_formulas_where_d_is_a_power_of_two() -> None:
    for seed, (n, d) in enumerate([(1, 1), (3, 1), (4, 2), (2, 4), (5, 8), (6, 16)]):
        task = generic((n, n + 1), d, LINF, seed)
        made = trapezoids(task.points, task.labels, delta=task.delta)
        for name in ("nnz", "units", "depth"):
            assert "exactly" in claim(made, name).statement, (n, d, name)
        assert made.network.count().nnz == 10 * d * n + 1


def test_other_dimensions_have_no_count_claimed_and_the_same_proof() -> None:
    task = generic((4, 3), 7, LINF)
    made = trapezoids(task.points, task.labels, delta=task.delta)
    assert [c.name for c in made.claims] == ["robust-radius", "margin"]
    assert not unproved(made)


@pytest.mark.parametrize("node", [0, 2, 4, 6, 8])
def test_a_changed_layer_breaks_the_claim(node: int) -> None:
    made = trapezoids([[0.0, 0.0], [0.25, 0.0], [1.0, 0.0], [1.0, 1.0]], [1, 1, 0, 0], delta="5/16")

    def weaker(weight: np.ndarray, bias: np.ndarray) -> None:
        weight *= 0.5
        bias *= 0.5

    network = tampered(made.network, node, weaker)
    for c in made.family.claims(network, made.data)[:2]:
        assert not isinstance(c.check(), Proved)


def test_a_network_for_a_smaller_radius_is_refuted_at_a_larger_one() -> None:
    task = generic((4, 5), 3, LINF, seed=3)
    most = epsilon(task.points, task.labels, LINF)
    made = trapezoids(task.points, task.labels, delta=most / 8)
    larger = Trapezoids(most * Fraction(15, 16)).claims(made.network, made.data)
    assert isinstance(larger[1].check(), Refuted)


def test_attacks_find_nothing_at_the_claimed_radius_and_something_above_epsilon() -> None:
    task = generic((4, 4), 4, LINF, seed=1)
    most = epsilon(task.points, task.labels, LINF)
    made = trapezoids(task.points, task.labels, delta=most * Fraction(15, 16))
    assert broken(made.network, task, LINF, float(made.family.delta)) == 0
    assert broken(made.network, task, LINF, float(most) * 1.01) > 0


def test_trees_that_do_not_fit_are_refused_before_they_are_made(monkeypatch: pytest.MonkeyPatch) -> None:
    task = generic((5, 5), 4, LINF)
    monkeypatch.setattr("constructions.memorizer.hinges.LARGEST_LAYER", 59)
    assert hinges.LARGEST_LAYER == 59
    with pytest.raises(InvalidInput, match="5 trees of maxima over 4 coordinates make a layer of 60 weights"):
        trapezoids(task.points, task.labels, delta=task.delta)
