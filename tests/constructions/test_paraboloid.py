"""Bumps on a paraboloid: how far they are from bumps of the exact distance, their sizes, and what is proved."""

from fractions import Fraction

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings

from certify.errors import InvalidInput
from certify.exact import ExactNetwork
from constructions.memorizer.bumps import Readout
from constructions.memorizer.paraboloid import Paraboloid, paraboloid
from constructions.memorizer.separated import Separated
from constructions.memorizer.squared import Fall, largest_coordinate, power_above, separated_for_squares
from constructions.theorem import Proved, Refuted, Undecided
from tests.constructions.euclidean_sets import (
    Task,
    broken,
    closest,
    generic,
    inputs,
    squared_distance,
    tampered,
    tasks,
    unproved,
)


def ideal(found: Separated, fall: Fall, x: np.ndarray) -> Fraction:
    """The output with exact squared distances in the place of sawtooth squares."""
    readout = Readout.of(found)
    sign = 2 * found.minority - 1
    heights = (fall.slope * (fall.outer - squared_distance(x, found.points[i])) for i in readout.carriers)
    return sign * (2 * sum((max(height, Fraction(0)) for height in heights), Fraction(0)) - 1)


def lift(found: Separated, levels: int) -> tuple[Fraction, Fraction]:
    """Half the cube's width and the error of the squared distances."""
    half = power_above(largest_coordinate(found))
    return half, half**2 * found.width / 4**levels


@given(st.data())
@settings(max_examples=40, deadline=None)
def test_bumps_are_below_those_of_exact_distances_by_at_most_the_slope_times_the_error(data: st.DataObject) -> None:
    task = data.draw(tasks())
    made = paraboloid(task.points, task.labels, delta=task.delta)
    found = separated_for_squares(task.data, task.delta)
    half, error = lift(found, made.network.count().depth - 3)
    fall = Fall.of(found, error)
    x = data.draw(st.one_of(inputs(task).map(lambda drawn: drawn[1]), _in_cube(found.width, float(half))))
    (output,) = ExactNetwork(made.network).evaluate(x)
    missing = (ideal(found, fall, x) - output) * (2 * found.minority - 1)
    assert 0 <= missing <= 2 * len(Readout.of(found).carriers) * fall.slope * error


def _in_cube(d: int, half: float) -> st.SearchStrategy[np.ndarray]:
    return st.lists(st.integers(-64, 64), min_size=d, max_size=d).map(lambda ks: half * np.array(ks) / 64)


@given(st.data())
@settings(max_examples=40, deadline=None)
def test_on_the_balls_of_the_larger_class_the_output_is_exactly_minus_one_on_the_others_at_least_one(
    data: st.DataObject,
) -> None:
    task = data.draw(tasks())
    made = paraboloid(task.points, task.labels, delta=task.delta)
    found = separated_for_squares(task.data, task.delta)
    row, x = data.draw(inputs(task))
    sign = 2 * found.minority - 1
    (output,) = ExactNetwork(made.network).evaluate(x)
    if task.labels[row] == found.minority:
        assert sign * output >= 1
        assert sign * made.network.evaluate(x[None])[0, 0] >= 1 - 1e-9
    else:
        assert output == -sign
        assert made.network.evaluate(x[None])[0, 0] == -sign


@given(st.data())
@settings(max_examples=25, deadline=None)
def test_of_three_classes_the_own_score_is_at_least_one_and_the_others_vanish(data: st.DataObject) -> None:
    task = data.draw(tasks(classes=3))
    made = paraboloid(task.points, task.labels, delta=task.delta)
    row, x = data.draw(inputs(task))
    scores = ExactNetwork(made.network).evaluate(x)
    own = int(task.labels[row])
    assert scores[own] >= 1
    assert {scores[c] for c in range(3) if c != own} == {Fraction(0)}
    assert not unproved(made)


@given(tasks())
@settings(max_examples=30, deadline=None)
def test_every_claim_is_proved(task: Task) -> None:
    assert not unproved(paraboloid(task.points, task.labels, delta=task.delta))


@pytest.mark.parametrize("sizes", [(1, 1), (2, 5), (6, 6), (9, 4)])
@pytest.mark.parametrize("d", [1, 3, 8])
@pytest.mark.parametrize("more", [0, 1, 5])
def test_sizes_are_those_of_the_catalogue(sizes: tuple[int, int], d: int, more: int) -> None:
    task = generic(sizes, d)
    fewest = paraboloid(task.points, task.labels, delta=task.delta).network.count().depth - 3
    made = paraboloid(task.points, task.labels, delta=task.delta, levels=fewest + more)
    counts, n, s = made.network.count(), min(sizes), fewest + more
    assert counts.nnz == n * (d + 3) + d * (8 * s - 2) + s
    for name in ("nnz", "dense", "units", "depth"):
        claim = next(claim for claim in made.claims if claim.name == name)
        assert claim.value == getattr(counts, name), name
    assert not unproved(made)


def test_one_level_is_built_where_it_suffices() -> None:
    made = paraboloid([[-0.9], [0.9]], [0, 1], delta="1/20")
    assert made.network.count().depth == 4
    assert made.network.count().nnz == 4 + 6 + 1
    assert not unproved(made)


def test_as_few_levels_as_the_theory_says_suffice() -> None:
    for seed in range(5):
        task = generic((5, 5), 6, seed)
        found = separated_for_squares(task.data, task.delta)
        made = paraboloid(task.points, task.labels, delta=task.delta)
        half, _ = lift(found, 1)
        eps = float(found.distance) / 2
        theory = np.log(float(half) ** 2 * 6 / (2 * eps * (eps - float(found.radius)))) / np.log(4)
        assert made.network.count().depth - 3 <= max(1, np.ceil(theory + 0.03))


def test_no_attack_succeeds_at_delta_and_one_does_above_what_is_provable() -> None:
    task = generic((5, 6), 3)
    eps = float(closest(task.points, task.labels)) ** 0.5 / 2
    delta = 0.99 * eps
    made = paraboloid(task.points, task.labels, delta=str(delta))
    assert broken(made.network, task, delta) == 0
    assert broken(made.network, task, 1.01 * eps) >= 2


@pytest.mark.parametrize("node", [0, 2, -3, -1])
def test_a_network_with_another_weight_is_not_proved(node: int) -> None:
    task = generic((5, 6), 3)
    made = paraboloid(task.points, task.labels, delta=task.delta)
    changed = tampered(made.network, node % len(made.network.nodes), lambda weight, _: weight.__imul__(1 + 2**-20))
    assert not isinstance(made.family.claims(changed, task.data)[0].check(), Proved)


def test_a_network_whose_bumps_are_too_wide_is_refuted() -> None:
    task = generic((5, 6), 3)
    made = paraboloid(task.points, task.labels, delta=task.delta)

    def higher(_: np.ndarray, bias: np.ndarray) -> None:
        bias += 4 * abs(bias).max()

    changed = tampered(made.network, len(made.network.nodes) - 3, higher)
    assert isinstance(made.family.claims(changed, task.data)[0].check(), Refuted)


def test_a_network_for_a_smaller_radius_does_not_prove_a_larger_one() -> None:
    task = generic((5, 6), 3)
    small = Paraboloid(task.delta / 2).build(task.data)
    larger = Paraboloid(task.delta).claims(small, task.data)[0]
    assert isinstance(larger.check(), Undecided | Refuted)


def test_a_steeper_bump_refutes_the_claim_on_weights() -> None:
    task = generic((5, 6), 3)
    made = paraboloid(task.points, task.labels, delta=task.delta)
    changed = tampered(made.network, len(made.network.nodes) - 3, lambda weight, _: weight.__imul__(8))
    claim = next(claim for claim in made.family.claims(changed, task.data) if claim.name == "weight")
    assert isinstance(claim.check(), Refuted)


def test_too_few_levels_are_refused_with_the_number_that_suffices() -> None:
    task = generic((5, 6), 4)
    fewest = paraboloid(task.points, task.labels, delta=task.delta).network.count().depth - 3
    with pytest.raises(InvalidInput, match=f"give {fewest} to 200"):
        paraboloid(task.points, task.labels, delta=task.delta, levels=fewest - 1)
    with pytest.raises(InvalidInput, match="-1 sawtooth levels"):
        paraboloid(task.points, task.labels, delta=task.delta, levels=-1)


@pytest.mark.parametrize(
    ("points", "labels", "delta", "message"),
    [
        ([[0.0], [0.0]], [0, 1], 0, "are equal and have different labels"),
        ([[0.0], [1.0]], [1, 1], 0, "at least two classes"),
        ([[0.0], [1.0]], [0, 1], "1/2", "Points 0 .* and 1 .* overlap or touch; the largest admissible delta is 0.49"),
        ([[0.0], [1e200]], [0, 1], 0, "scale the data"),
    ],
)
def test_impossible_data_is_refused(points: object, labels: object, delta: object, message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        paraboloid(points, labels, delta=delta)
