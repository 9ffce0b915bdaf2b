"""A squaring sub-network for every sample: how far its bumps are from those of exact distances, sizes, proofs."""

from fractions import Fraction

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings

from certify.errors import InvalidInput
from certify.exact import ExactNetwork
from constructions.memorizer import hinges
from constructions.memorizer.bumps import Readout
from constructions.memorizer.sample_squares import squares_per_sample
from constructions.memorizer.squared import Fall, power_above, separated_for_squares
from constructions.theorem import Proved, Refuted
from tests.constructions.euclidean_sets import (
    broken,
    closest,
    generic,
    inputs,
    squared_distance,
    tampered,
    tasks,
    unproved,
)


@given(st.data())
@settings(max_examples=30, deadline=None)
def test_bumps_are_right_on_the_balls_and_near_those_of_exact_distances(data: st.DataObject) -> None:
    task = data.draw(tasks())
    made = squares_per_sample(task.points, task.labels, delta=task.delta)
    found = separated_for_squares(task.data, task.delta)
    widest = Fraction(float((found.points.max(axis=0) - found.points.min(axis=0)).max()))
    levels = made.network.count().depth - 3
    error = power_above(widest + found.radius) ** 2 * found.width / 4 ** (levels + 1)
    fall, sign = Fall.of(found, error), 2 * found.minority - 1
    row, x = data.draw(inputs(task))
    (output,) = ExactNetwork(made.network).evaluate(x)
    carriers = Readout.of(found).carriers
    heights = [fall.slope * (fall.outer - squared_distance(x, found.points[i])) for i in carriers]
    bumps = sum((max(height, Fraction(0)) for height in heights), Fraction(0))
    assert 0 <= 2 * bumps - 1 - sign * output <= 2 * len(carriers) * fall.slope * error
    if task.labels[row] == found.minority:
        assert sign * output >= 1
    else:
        assert output == -sign
        assert made.network.evaluate(x[None])[0, 0] == -sign


@given(st.data(), st.sampled_from([2, 3]))
@settings(max_examples=15, deadline=None)
def test_every_claim_is_proved(data: st.DataObject, classes: int) -> None:
    task = data.draw(tasks(classes))
    assert not unproved(squares_per_sample(task.points, task.labels, delta=task.delta))


@pytest.mark.parametrize("sizes", [(1, 1), (2, 5), (6, 6), (9, 4)])
@pytest.mark.parametrize("d", [1, 3, 8])
@pytest.mark.parametrize("more", [0, 1, 4])
def test_sizes_are_those_of_the_catalogue(sizes: tuple[int, int], d: int, more: int) -> None:
    task = generic(sizes, d)
    fewest = squares_per_sample(task.points, task.labels, delta=task.delta).network.count().depth - 3
    made = squares_per_sample(task.points, task.labels, delta=task.delta, levels=fewest + more)
    counts, n, s = made.network.count(), min(sizes), fewest + more
    assert counts.nnz == n * (7 * d * s + 4 * d + s + 1) + 1
    for name in ("nnz", "dense", "units", "depth"):
        claim = next(claim for claim in made.claims if claim.name == name)
        assert claim.value == getattr(counts, name), name
    assert not unproved(made)


def test_three_classes_have_three_scores_and_every_claim_is_proved() -> None:
    task = generic((3, 4, 2), 3)
    made = squares_per_sample(task.points, task.labels, delta=task.delta)
    scores = made.network.evaluate(task.points)
    np.testing.assert_array_equal(scores.argmax(axis=1), task.labels)
    assert not unproved(made)


def test_no_attack_succeeds_at_delta_and_one_does_above_what_is_provable() -> None:
    task = generic((4, 5), 3)
    eps = float(closest(task.points, task.labels)) ** 0.5 / 2
    made = squares_per_sample(task.points, task.labels, delta=str(0.99 * eps))
    assert broken(made.network, task, 0.99 * eps) == 0
    assert broken(made.network, task, 1.01 * eps) >= 2


def test_a_changed_network_is_not_proved_and_a_wrong_one_refuted() -> None:
    task = generic((4, 5), 2)
    made = squares_per_sample(task.points, task.labels, delta=task.delta)
    slightly = tampered(made.network, 2, lambda weight, _: weight.__imul__(1 + 2**-20))
    wrongly = tampered(made.network, len(made.network.nodes) - 1, lambda weight, _: weight.__imul__(-1))
    assert not isinstance(made.family.claims(slightly, task.data)[0].check(), Proved)
    assert isinstance(made.family.claims(wrongly, task.data)[0].check(), Refuted)


def test_a_network_that_would_not_fit_is_refused_before_it_is_built(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hinges, "LARGEST_LAYER", 50)
    task = generic((4, 5), 2)
    with pytest.raises(InvalidInput, match=r"4 sub-networks in 2 dimensions make a layer of 56 weights"):
        squares_per_sample(task.points, task.labels, delta=task.delta)
