"""Nearest-neighbour classification as a network: what it computes, its sizes, and what is proved of it."""

from fractions import Fraction
from itertools import product

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings

import bounds
from certify.errors import InvalidInput
from certify.exact import ExactNetwork
from constructions.memorizer.powers import Powers
from constructions.memorizer.voronoi import Voronoi, voronoi
from constructions.theorem import Labelled, Proved, Refuted, Undecided
from tests.constructions.euclidean_sets import (
    Task,
    broken,
    closest,
    generic,
    inputs,
    squared_distance,
    tampered,
    tasks,
    to_class,
    unproved,
)

SIZES = [(1, 1), (1, 2), (2, 2), (5, 3), (4, 4), (1, 8), (7, 6), (9, 2), (16, 16), (13, 3)]


@given(st.data())
@settings(max_examples=40, deadline=None)
def test_the_output_is_the_difference_of_the_squared_distances_to_the_classes(data: st.DataObject) -> None:
    task = data.draw(tasks())
    made = voronoi(task.points, task.labels, delta=task.delta)
    row, x = data.draw(inputs(task))
    (output,) = ExactNetwork(made.network).evaluate(x)
    assert output == to_class(x, task.points, task.labels, 0) - to_class(x, task.points, task.labels, 1)
    sign = 2 * int(task.labels[row]) - 1
    margin = next(claim.value for claim in made.claims if claim.name == "margin")
    assert sign * output >= margin
    assert abs(float(output) - made.network.evaluate(x[None])[0, 0]) <= 1e-12


@given(st.data())
@settings(max_examples=30, deadline=None)
def test_differences_of_scores_are_differences_of_squared_distances(data: st.DataObject) -> None:
    task = data.draw(tasks(classes=3))
    made = voronoi(task.points, task.labels, delta=task.delta)
    row, x = data.draw(inputs(task))
    scores = ExactNetwork(made.network).evaluate(x)
    powers = [-to_class(x, task.points, task.labels, c) for c in range(3)]
    assert {score - power for score, power in zip(scores, powers, strict=True)} == {scores[0] - powers[0]}
    own = int(task.labels[row])
    margin = next(claim.value for claim in made.claims if claim.name == "margin")
    assert min(scores[own] - scores[c] for c in range(3) if c != own) >= margin


@given(tasks(), st.integers(2, 3))
@settings(max_examples=30, deadline=None)
def test_every_claim_is_proved(task: Task, classes: int) -> None:
    labels = task.labels if classes == 2 else np.arange(len(task.labels)) % 3
    delta = task.delta if classes == 2 else Fraction(0)
    assert not unproved(voronoi(task.points, labels, delta=delta))


@given(tasks())
@settings(max_examples=30, deadline=None)
def test_dyadic_points_do_not_move_and_the_margin_is_four_eps_times_eps_less_delta(task: Task) -> None:
    found = Powers.of(task.data, task.delta, moved=False).found
    assert found.movement == 0
    np.testing.assert_array_equal(found.points, task.points)
    margin = next(c for c in voronoi(task.points, task.labels, delta=task.delta).claims if c.name == "margin")
    eps = float(closest(task.points, task.labels)) ** 0.5 / 2
    assert float(margin.value) == pytest.approx(4 * eps * (eps - float(task.delta)), rel=1e-4)


@given(tasks())
@settings(max_examples=20, deadline=None)
def test_the_margin_is_what_the_catalogue_predicts_for_the_points_on_the_grid(task: Task) -> None:
    found = Powers.of(task.data, task.delta, moved=False).found
    margin = next(c for c in voronoi(task.points, task.labels, delta=task.delta).claims if c.name == "margin")
    predicted = bounds.catalogue[margin.entry].evaluate(eps=found.distance / 2, delta=found.radius)
    assert isinstance(predicted, bounds.Exact)
    assert margin.value == predicted.value


def test_the_margin_is_attained_where_a_ball_is_nearest_to_the_other_class() -> None:
    made = voronoi([[0.0, 0.0], [0.0, 1.0]], [0, 1], delta="1/4")
    margin = next(claim.value for claim in made.claims if claim.name == "margin")
    assert margin == Fraction(1, 2)
    assert ExactNetwork(made.network).evaluate(np.array([0.0, 0.25])) == [-margin]


@pytest.mark.parametrize(("sizes", "d"), list(product(SIZES, (2, 5))))
def test_sizes_are_those_of_the_catalogue(sizes: tuple[int, int], d: int) -> None:
    task = generic(sizes, d)
    made = voronoi(task.points, task.labels, delta=task.delta)
    counts = made.network.count()
    for name in ("nnz", "dense", "units", "depth"):
        claim = next(claim for claim in made.claims if claim.name == name)
        assert claim.value == getattr(counts, name), name
    if sizes[0] == sizes[1] > 1 and (sizes[0] & (sizes[0] - 1)) == 0:
        assert counts.nnz == sum(sizes) * (d + 4) - 8
    assert counts.nnz <= bounds.catalogue["voronoi.nnz"].evaluate(N=sum(sizes), d=d).value


@pytest.mark.parametrize("sizes", [(1, 1, 1), (2, 3, 4), (7, 1, 4, 6), (16, 5, 9)])
def test_sizes_for_more_classes_are_the_sums_over_their_trees(sizes: tuple[int, ...]) -> None:
    task = generic(sizes, 3)
    made = voronoi(task.points, task.labels, delta=task.delta)
    counts = made.network.count()
    values = {claim.name: claim.value for claim in made.claims}
    assert counts.units == values["units"]
    assert counts.depth == values["depth"]
    assert counts.nnz == values["nnz"]


def test_all_class_sizes_up_to_9_have_the_sizes_of_the_catalogue() -> None:
    for sizes in product(range(1, 10), repeat=2):
        task = generic(sizes, 2)
        made = voronoi(task.points, task.labels, delta=task.delta)
        values = {claim.name: claim.value for claim in made.claims}
        counts = made.network.count()
        assert (counts.nnz, counts.dense, counts.units) == (values["nnz"], values["dense"], values["units"]), sizes


@pytest.mark.parametrize("sizes", [(6, 9), (4, 5, 7)])
def test_no_attack_succeeds_at_delta_and_one_does_above_epsilon(sizes: tuple[int, ...]) -> None:
    task = generic(sizes, 3)
    eps = float(closest(task.points, task.labels)) ** 0.5 / 2
    made = voronoi(task.points, task.labels, delta=Fraction(repr(0.999 * eps)))
    assert broken(made.network, task, 0.999 * eps) == 0
    assert broken(made.network, task, 1.001 * eps) >= 2


def test_all_forms_are_non_negative_on_the_balls_and_the_shift_is_no_larger_than_needed() -> None:
    task = generic((20, 20), 4)
    powers = Powers.of(task.data, task.delta, moved=False)
    norms = np.linalg.norm(powers.found.points, axis=1)
    least = float(powers.shift) - powers.squares - 2 * norms * (norms.max() + float(powers.found.radius))
    assert least.min() >= 0
    assert float(powers.shift) <= 1.04 * (3 * norms.max() ** 2 + 2 * norms.max() * float(powers.found.radius))


@pytest.mark.parametrize("node", [0, 2, -1])
def test_a_network_with_another_weight_is_not_proved(node: int) -> None:
    task = generic((5, 6), 3)
    made = voronoi(task.points, task.labels, delta=task.delta)
    changed = tampered(made.network, node % len(made.network.nodes), lambda weight, _: weight.__imul__(1 + 2**-20))
    claims = {claim.name: claim.check() for claim in made.family.claims(changed, task.data)}
    assert isinstance(claims["robust-radius"], Undecided)
    assert not isinstance(claims["margin"], Proved)


def test_a_network_that_errs_is_refuted_with_an_input_where_it_does() -> None:
    task = generic((5, 6), 3)
    made = voronoi(task.points, task.labels, delta=task.delta)
    changed = tampered(made.network, len(made.network.nodes) - 1, lambda weight, _: weight.__imul__(-1))
    claims = {claim.name: claim.check() for claim in made.family.claims(changed, task.data)}
    assert isinstance(claims["robust-radius"], Refuted)
    assert "in the ball of point" in claims["robust-radius"].counterexample


def test_an_error_away_from_the_points_is_found_too() -> None:
    task = Task(np.array([[0.0, 0.0], [0.0, 1.0]]), np.array([0, 1]), Fraction(3, 8))
    made = voronoi(task.points, task.labels, delta=task.delta)

    def shifted(_: np.ndarray, bias: np.ndarray) -> None:
        bias += 0.5  # every point keeps its sign, not every ball

    changed = tampered(made.network, len(made.network.nodes) - 1, shifted)
    assert (changed.evaluate(task.points)[:, 0] * [-1, 1] > 0).all()
    claims = {claim.name: claim.check() for claim in made.family.claims(changed, task.data)}
    assert isinstance(claims["robust-radius"], Refuted)


def test_a_radius_that_the_points_do_not_admit_is_refused_for_a_given_network_too() -> None:
    task = generic((5, 6), 3)
    network = Voronoi(task.delta).build(task.data)
    with pytest.raises(InvalidInput, match="the largest admissible delta is"):
        Voronoi(task.delta * 2 + Fraction(1, 1000)).claims(network, task.data)


def test_the_largest_admissible_delta_is_within_the_grid_of_epsilon() -> None:
    points, labels = [[0.0], [1.0], [3.0]], [0, 1, 1]
    with pytest.raises(InvalidInput, match=r"Points 0 \(label 0\) and 1 \(label 1\) are 1 apart") as caught:
        voronoi(points, labels, delta="1/2")
    most = Fraction(str(caught.value).split("delta is ")[1].rstrip("."))
    assert Fraction(1, 2) - most < Fraction(1, 2**20)
    assert not unproved(voronoi(points, labels, delta=most))


def test_points_off_the_grid_move_and_the_radius_grows_by_as_much() -> None:
    points, labels = np.array([[0.1, 0.7], [0.3, 0.1], [0.9, 0.2]]), np.array([0, 1, 0])
    found = Powers.of(Labelled.of(points, labels), Fraction(1, 10), moved=False).found
    moves = [squared_distance(p, q) for p, q in zip(points, found.points, strict=True)]
    assert 0 < max(moves) <= found.movement**2
    assert found.radius >= Fraction(1, 10) + found.movement
    assert found.movement < Fraction(1, 10**6)


@pytest.mark.parametrize(
    ("points", "labels", "delta", "message"),
    [
        ([[0.0], [0.0]], [0, 1], 0, "are equal and have different labels"),
        ([[0.0], [1.0]], [1, 1], 0, "at least two classes"),
        ([[0.0], [1.0]], [0, 2], 0, "Class 1 has no points"),
        ([[0.0], [np.nan]], [0, 1], 0, "has nan at coordinate 0"),
        ([[], []], [0, 1], 0, "d >= 1"),
        ([[0.0], [1.0]], [0, 1], -1, "must be >= 0"),
        ([[0.0], [1.0]], [0, 1], "tenth", "must be a number"),
        ([[0.0], [1e200]], [0, 1], 0, "scale the data"),
    ],
)
def test_impossible_data_is_refused(points: object, labels: object, delta: object, message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        voronoi(points, labels, delta=delta)
