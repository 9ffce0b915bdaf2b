"""Bumps of the l1 distance: what the network computes, its sizes, and what is proved of it."""

from fractions import Fraction

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings

from certify.exact import ExactNetwork
from certify.network import Affine, Network, ReLU
from certify.region import Norm
from constructions.enclosure import Inexact
from constructions.memorizer import distance_bumps, margins
from constructions.memorizer.bumps import separated_for_bumps, slope
from constructions.memorizer.distance_bumps import DistanceBumps
from constructions.memorizer.slopes import enclose_balls, steepest
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

L1 = Norm.L1


def expected_bump(task: Task, x: np.ndarray, centre: np.ndarray) -> Fraction:
    found = separated_for_bumps(task.data, L1, task.delta)
    return bump(1 - slope(found) * max(Fraction(), length(gaps(x, centre), L1) - found.radius))


@given(st.data())
@settings(max_examples=40, deadline=None)
def test_the_output_is_read_from_bumps_of_the_distance(data: st.DataObject) -> None:
    task = data.draw(tasks(L1))
    made = distance_bumps(task.points, task.labels, delta=task.delta)
    x = data.draw(anywhere(task.points.shape[1]))
    centres, sign = minority(task)
    expected = one_sided([expected_bump(task, x, centre) for centre in centres], sign)
    assert ExactNetwork(made.network).evaluate(x) == [expected]
    assert made.network.evaluate(x[None])[0, 0] == expected


@given(tasks(L1), st.booleans())
@settings(max_examples=40, deadline=None)
def test_every_claim_is_proved_from_the_weights(task: Task, many: bool) -> None:
    labels = np.arange(len(task.labels)) % 3 if many else task.labels
    made = distance_bumps(task.points, labels, delta=Fraction(0) if many else task.delta)
    assert not unproved(made)
    evidence = claim(made, "margin").check()
    assert isinstance(evidence, Proved)
    assert evidence.method == "exact bounds on every l1 ball"


def test_counts_equal_the_formulas_for_data_in_general_position() -> None:
    rng = np.random.default_rng(8)
    for seed in range(12):
        n, d = (int(k) for k in rng.integers(1, 8, 2))
        task = generic((n + 2, n), d, L1, seed)
        made = distance_bumps(task.points, task.labels, delta=task.delta)
        for name in ("nnz", "dense", "units", "depth"):
            assert "exactly" in claim(made, name).statement, (n, d, name)
        assert made.network.count().nnz == n * (6 * d + 4) + 1


@pytest.mark.parametrize("cost", [margins.DIRECT_COST, 0], ids=["direct", "rebuilt"])
@pytest.mark.parametrize("node", [0, 2, 4, 6])
def test_a_changed_layer_breaks_the_claim(node: int, cost: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(margins, "DIRECT_COST", cost)
    made = distance_bumps([[0.0, 0.0], [0.25, 0.0], [1.0, 0.0], [1.0, 1.0]], [1, 1, 0, 0], delta="5/16")

    def weaker(weight: np.ndarray, bias: np.ndarray) -> None:
        weight *= 0.5
        bias *= 0.5

    network = tampered(made.network, node, weaker)
    for c in made.family.claims(network, made.data)[1:2]:
        assert not isinstance(c.check(), Proved)


def test_a_network_for_a_smaller_radius_is_refuted_at_a_larger_one() -> None:
    task = generic((4, 5), 3, L1, seed=3)
    most = epsilon(task.points, task.labels, L1)
    made = distance_bumps(task.points, task.labels, delta=most / 8)
    larger = DistanceBumps(most * Fraction(15, 16)).claims(made.network, made.data)
    evidence = larger[1].check()
    assert isinstance(evidence, Refuted)


def test_attacks_find_nothing_at_the_claimed_radius_and_something_above_epsilon() -> None:
    task = generic((4, 4), 4, L1, seed=1)
    most = epsilon(task.points, task.labels, L1)
    made = distance_bumps(task.points, task.labels, delta=most * Fraction(15, 16))
    assert broken(made.network, task, L1, float(made.family.delta)) == 0
    assert broken(made.network, task, L1, float(most) * 1.01) > 0


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_bounds_on_l1_balls_contain_the_outputs(data: st.DataObject) -> None:
    def draw(*shape: int) -> np.ndarray:
        size = int(np.prod(shape))
        whole = data.draw(st.lists(st.integers(-8, 8), min_size=size, max_size=size))
        return np.array(whole).reshape(shape) / 4

    ops = [Affine(draw(3, 2), draw(3)), ReLU(3), Affine(draw(2, 3), draw(2)), ReLU(2), Affine(draw(1, 2), draw(1))]
    network, centre, radius = Network.chain(ops), draw(1, 2), Fraction(data.draw(st.integers(0, 16)), 8)
    found = enclose_balls(network, centre, radius)
    share = Fraction(data.draw(st.integers(0, 8)), 8)
    step = [float(radius * share), float(radius * (1 - share))]
    for signs in ((1, 1), (1, -1), (-1, 1), (-1, -1)):
        (output,) = ExactNetwork(network).evaluate(centre[0] + np.array(signs) * step)
        assert found.lower[0, 0] <= output <= found.upper[0, 0]


def test_lipschitz_constants_of_two_layers_are_those_of_the_distance() -> None:
    up, both = np.array([[1.0], [-1.0]]), np.array([[1.0, 1.0]])
    network = Network.chain([Affine(up, np.zeros(2)), ReLU(2), Affine(both, np.zeros(1)), ReLU(1)])
    assert steepest(network, L1) == [1.0]  # |x|, though two units of slope 1 add up
    assert steepest(network, Norm.LINF) == [1.0]


def test_a_network_that_does_not_begin_with_two_layers_has_no_such_bounds() -> None:
    network = Network.chain([Affine(np.eye(2), np.zeros(2))])
    with pytest.raises(Inexact, match="does not begin with two layers"):
        steepest(network, L1)
