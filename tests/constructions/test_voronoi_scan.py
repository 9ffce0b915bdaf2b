"""Nearest-neighbour classification by running maxima: the same function as the trees, deep and narrow."""

from itertools import product

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings

from certify.errors import InvalidInput
from certify.exact import ExactNetwork
from constructions.memorizer.voronoi_scan import voronoi_scan
from constructions.theorem import Refuted, Undecided
from tests.constructions.euclidean_sets import broken, closest, generic, inputs, tampered, tasks, to_class, unproved


@given(st.data())
@settings(max_examples=40, deadline=None)
def test_the_output_is_the_difference_of_the_squared_distances_to_the_classes(data: st.DataObject) -> None:
    task = data.draw(tasks())
    made = voronoi_scan(task.points, task.labels, delta=task.delta)
    _, x = data.draw(inputs(task))
    (output,) = ExactNetwork(made.network).evaluate(x)
    assert output == to_class(x, task.points, task.labels, 0) - to_class(x, task.points, task.labels, 1)
    assert abs(float(output) - made.network.evaluate(x[None])[0, 0]) <= 1e-12


@given(st.data())
@settings(max_examples=20, deadline=None)
def test_differences_of_scores_are_differences_of_squared_distances(data: st.DataObject) -> None:
    task = data.draw(tasks(classes=3))
    made = voronoi_scan(task.points, task.labels, delta=task.delta)
    _, x = data.draw(inputs(task))
    scores = ExactNetwork(made.network).evaluate(x)
    powers = [-to_class(x, task.points, task.labels, c) for c in range(3)]
    assert {score - power for score, power in zip(scores, powers, strict=True)} == {scores[0] - powers[0]}
    assert not unproved(made)


@pytest.mark.parametrize(("smaller", "larger", "d"), list(product((1, 2, 3, 5), (2, 5, 6), (1, 4))))
def test_sizes_are_those_of_the_catalogue(smaller: int, larger: int, d: int) -> None:
    task = generic((max(smaller, larger), min(smaller, larger)), d)
    made = voronoi_scan(task.points, task.labels, delta=task.delta)
    counts = made.network.count()
    for claim in made.claims:
        if claim.name in ("nnz", "dense", "units", "depth"):
            assert claim.value == getattr(counts, claim.name), claim.name
    assert {claim.name for claim in made.claims} >= {"nnz", "units", "depth"}
    assert max(made.network.widths) <= d + 4
    assert not unproved(made)


def test_no_attack_succeeds_at_delta_and_one_does_above_epsilon() -> None:
    task = generic((6, 4), 3)
    eps = float(closest(task.points, task.labels)) ** 0.5 / 2
    made = voronoi_scan(task.points, task.labels, delta=str(0.999 * eps))
    assert broken(made.network, task, 0.999 * eps) == 0
    assert broken(made.network, task, 1.001 * eps) >= 2


def test_a_changed_network_is_not_proved_and_a_wrong_one_refuted() -> None:
    task = generic((4, 6), 3)
    made = voronoi_scan(task.points, task.labels, delta=task.delta)
    slightly = tampered(made.network, 4, lambda weight, _: weight.__imul__(1 + 2**-20))
    wrongly = tampered(made.network, len(made.network.nodes) - 1, lambda weight, _: weight.__imul__(-1))
    assert isinstance(made.family.claims(slightly, task.data)[0].check(), Undecided)
    assert isinstance(made.family.claims(wrongly, task.data)[0].check(), Refuted)


def test_a_scan_of_too_many_samples_says_what_to_use_instead() -> None:
    with pytest.raises(InvalidInput, match=r"A scan of 5,001 samples .* the limit is 5,000.* Use voronoi"):
        voronoi_scan(np.arange(5002.0)[:, None], np.minimum(np.arange(5002), 1), delta="1/4")
