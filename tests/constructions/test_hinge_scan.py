"""Hinge bumps stage by stage: the same function on the balls, other sizes, the same proofs."""

from fractions import Fraction

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings

from certify.errors import InvalidInput
from certify.exact import ExactNetwork
from certify.region import Norm
from constructions.memorizer import hinge_bumps, hinge_bumps_scan
from constructions.memorizer.hinge_scan import HingeScan
from constructions.theorem import Proved
from tests.constructions.bump_sets import Task, anywhere, broken, claim, epsilon, generic, minority, tasks
from tests.constructions.euclidean_sets import tampered, unproved

LINF = Norm.LINF


def stages(task: Task, share: int) -> int:
    """A number of stages from 1 to one a point."""
    return 1 + share % len(minority(task)[0])


@given(st.data(), st.integers(0, 6))
@settings(max_examples=40, deadline=None)
def test_on_the_carried_region_the_output_is_that_of_the_hinge_bumps(data: st.DataObject, share: int) -> None:
    task = data.draw(tasks(LINF))
    wide = hinge_bumps(task.points, task.labels, delta=task.delta)
    deep = hinge_bumps_scan(task.points, task.labels, delta=task.delta, stages=stages(task, share))
    reach = float(np.abs(task.points).max() + task.delta)
    x = np.maximum(data.draw(anywhere(task.points.shape[1])), -reach)
    assert ExactNetwork(deep.network).evaluate(x) == ExactNetwork(wide.network).evaluate(x)
    assert deep.network.evaluate(x[None]) == wide.network.evaluate(x[None])


@given(tasks(LINF), st.integers(0, 6), st.booleans())
@settings(max_examples=40, deadline=None)
def test_every_claim_is_proved_by_exact_intervals(task: Task, share: int, flip: bool) -> None:
    turned = Task(task.points, 1 - task.labels if flip else task.labels, task.delta)
    made = hinge_bumps_scan(turned.points, turned.labels, delta=turned.delta, stages=stages(turned, share))
    assert not unproved(made)
    evidence = claim(made, "margin").check()
    assert isinstance(evidence, Proved)
    assert evidence.method == "exact bounds on every linf ball"


def test_counts_equal_the_formulas_for_every_number_of_stages() -> None:
    for n, d in [(2, 1), (3, 4), (4, 2), (7, 3), (8, 5)]:
        task = generic((n + 1, n), d, LINF, seed=n)
        for number in range(1, n + 1):
            made = hinge_bumps_scan(task.points, task.labels, delta=task.delta, stages=number)
            counts = made.network.count()
            for name in ("nnz", "units", "depth", *["dense"] * (number == n >= 3 or number == 1)):
                assert "exactly" in claim(made, name).statement, (n, d, number, name)
                assert claim(made, name).value == getattr(counts, name)
            if number == n >= 2:
                assert counts.nnz == 8 * d * n + 4 * n - d - 1


def test_no_layer_is_wider_than_a_stage_and_what_it_carries() -> None:
    task = generic((9, 8), 3, LINF)
    made = hinge_bumps_scan(task.points, task.labels, delta=task.delta, stages=3)
    assert max(made.network.widths) == 2 * 3 * 3 + 3 + 1


def test_points_of_any_reals_are_carried_without_rounding() -> None:
    rng = np.random.default_rng(3)
    points, labels = rng.normal(size=(40, 6)) * 1000, rng.integers(0, 2, 40)
    made = hinge_bumps_scan(points, labels, delta=epsilon(points, labels, LINF) * Fraction(7, 8), stages=5)
    evidence = claim(made, "robust-radius").check()
    assert isinstance(evidence, Proved)
    assert evidence.method == "exact bounds on every linf ball"


@pytest.mark.parametrize("node", [0, 2, 4, 6, 8])
def test_a_changed_layer_breaks_the_claim(node: int) -> None:
    made = hinge_bumps_scan([[0.0, 0.0], [0.25, 0.0], [1.0, 0.0], [1.0, 1.0]], [1, 1, 0, 0], delta="5/16", stages=2)

    def weaker(weight: np.ndarray, bias: np.ndarray) -> None:
        weight *= 0.5
        bias *= 0.5

    network = tampered(made.network, node, weaker)
    margin = next(c for c in made.family.claims(network, made.data) if c.name == "margin")
    assert not isinstance(margin.check(), Proved)


def test_attacks_find_nothing_at_the_claimed_radius_and_something_above_epsilon() -> None:
    task = generic((4, 4), 3, LINF, seed=1)
    most = epsilon(task.points, task.labels, LINF)
    made = hinge_bumps_scan(task.points, task.labels, delta=most * Fraction(15, 16), stages=2)
    assert broken(made.network, task, LINF, float(made.family.delta)) == 0
    assert broken(made.network, task, LINF, float(most) * 1.01) > 0


@pytest.mark.parametrize("number", [0, 4])
def test_stages_without_points_are_refused(number: int) -> None:
    task = generic((4, 3), 2, LINF)
    with pytest.raises(InvalidInput, match=f"between 1 and 3 stages here, .*; got {number}"):
        HingeScan(task.delta, number).construct(task.data)


def test_more_than_two_classes_are_refused() -> None:
    task = generic((2, 2, 2), 2, LINF)
    with pytest.raises(InvalidInput, match="for two classes; these points have 3"):
        hinge_bumps_scan(task.points, task.labels, delta=task.delta)
