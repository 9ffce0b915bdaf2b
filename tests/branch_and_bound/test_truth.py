"""Verdicts against enumeration in exact arithmetic, on networks that invite wrong ones."""

import dataclasses as dc

import hypothesis
import hypothesis.strategies as st
import numpy as np
import pytest

from certify.deadline import Deadline
from certify.network import Affine, Network, Node, ReLU
from certify.outcome import Falsified, Trust, Unknown, Verified
from certify.query import Queries
from certify.region import Box, Norm
from certify.solvers.branch_and_bound.effort import Effort
from certify.solvers.branch_and_bound.solver import BranchAndBound
from tests.branch_and_bound.nets import convolutional, dense, positive, questions, residual, spike
from tests.branch_and_bound.truth import HALVES, PHASES, SHARP, contradiction, searched
from tests.strategies import Problem, problems

_DIRECT = {"phases": PHASES, "halves": HALVES}


@hypothesis.given(problem=problems())
def test_no_verdict_contradicts_enumeration(problem: Problem) -> None:
    (answer,) = BranchAndBound(problem.network, limits=PHASES).decide(problem.queries(), Deadline.never())
    assert not contradiction(problem, answer)


@hypothesis.given(problem=problems(), effort=st.sampled_from([PHASES, HALVES, SHARP]))
def test_the_search_alone_contradicts_no_enumeration(problem: Problem, effort: Effort) -> None:
    (answer,) = searched(problem.queries(), effort)
    assert not contradiction(problem, answer)


@pytest.mark.parametrize("norm", list(Norm))
@pytest.mark.parametrize("build", [lambda s: dense((3, 6, 5, 3), s), residual, convolutional])
def test_phases_decide_nearly_every_question_and_both_ways(build, norm: Norm) -> None:
    kinds: list[type] = []
    for seed in range(3):
        network = build(seed)
        reach = network.input_width ** (1 / norm.value)
        for radius in (0.04 * reach, 0.25 * reach):
            answers = searched(questions(network, 2, norm=norm, radius=radius, seed=seed), PHASES)
            kinds += [type(answer) for answer in answers]
    assert kinds.count(Verified) >= 2
    assert kinds.count(Falsified) >= 2
    assert kinds.count(Unknown) <= 1


def test_phases_and_halves_agree() -> None:
    asked = questions(dense((3, 10, 8, 3), 6), 12, norm=Norm.LINF, radius=0.2)
    many = Effort(halving=99, nodes=5000)
    phases, halves = searched(asked, PHASES), searched(asked, many)
    assert [type(a) for a in phases] == [type(a) for a in halves]
    assert {type(a) for a in phases} == {Verified, Falsified}


@pytest.mark.parametrize("steepness", [1e3, 1e8, 1e9, 1e10, 2.0**40])
@pytest.mark.parametrize("how", ["phases", "halves"])
def test_a_spike_that_an_integer_program_overlooks_is_found(steepness: float, how: str) -> None:
    network = spike(steepness, 0.3, 2.0)
    (answer,) = BranchAndBound(network, limits=_DIRECT[how]).decide(
        positive(network, Box.uniform(0.0, 1.0, 1)), Deadline.never()
    )
    assert isinstance(answer, Falsified)
    assert abs(answer.witness.point[0] - 0.3) <= 1 / steepness


@pytest.mark.parametrize("how", ["phases", "halves"])
def test_a_spike_that_stays_above_zero_is_verified(how: str) -> None:
    (answer,) = searched(positive(spike(1024.0, 0.25, 0.9), Box.uniform(0.0, 1.0, 1)), _DIRECT[how])
    assert answer == Verified(Trust.ROUNDED)


@pytest.mark.parametrize("how", ["phases", "halves"])
def test_a_margin_that_only_touches_zero_is_falsified(how: str) -> None:
    network = spike(4.0, 0.25, 1.0)  # 0 at x = 1/4 alone
    (answer,) = BranchAndBound(network, limits=_DIRECT[how]).decide(
        positive(network, Box.uniform(0.0, 1.0, 1)), Deadline.never()
    )
    assert not isinstance(answer, Verified)
    (tie,) = searched(positive(network, Box.uniform(0.0, 0.5, 1)), PHASES)
    assert isinstance(tie, Falsified)
    assert tie.witness.point[0] == 0.25


def test_a_plateau_at_zero_is_falsified() -> None:
    flat = Network.chain([Affine(np.ones((1, 1)), np.array([-0.5])), ReLU(1), Affine(np.ones((1, 1)), np.zeros(1))])
    (answer,) = searched(positive(flat, Box.uniform(0.0, 1.0, 1)), PHASES)
    assert isinstance(answer, Falsified)
    (above,) = searched(positive(flat, Box.uniform(0.0, 1.0, 1), offset=2.0**-40), PHASES)
    assert isinstance(above, Verified)


def test_a_margin_too_near_zero_for_float64_stays_unknown_with_a_reason() -> None:
    third = 1 / 3  # f = relu(x - 1/3) + relu(1/3 - x) + tiny: far below what rounding of the bias allows to prove
    first = Affine(np.array([[1.0], [-1.0]]), np.array([-third, third]))
    network = Network.chain([first, ReLU(2), Affine(np.ones((1, 2)), np.zeros(1))])
    (answer,) = searched(positive(network, Box.uniform(0.0, 1.0, 1), offset=1e-300), PHASES)
    assert isinstance(answer, Unknown)
    assert "too near 0" in answer.reason


def test_a_point_as_region_is_decided() -> None:
    network = dense((3, 6, 5, 3), 1)
    asked = questions(network, 3, norm=Norm.L2, radius=0.0)
    assert all(isinstance(a, Verified) for a in BranchAndBound(network).decide(asked, Deadline.never()))


def test_a_network_without_units_is_decided() -> None:
    line = Network.chain([Affine(np.array([[1.0, 2.0**-60]]), np.array([-0.5]))])
    asked = Queries(line, np.ones((1, 2)), np.array([0.5]), Norm.L2, np.ones((1, 1, 1)), np.zeros((1, 1)))
    (near,) = searched(asked, PHASES)  # the margin at the nearest point is 2^-60, far below what float64 can tell
    (inside,) = searched(asked.within(np.array([0.25])), PHASES)
    (beyond,) = searched(asked.within(np.array([0.75])), PHASES)
    assert isinstance(near, Unknown | Verified)
    assert isinstance(inside, Verified)
    assert isinstance(beyond, Falsified)


def test_units_that_read_the_input_itself_are_split_to_an_end() -> None:
    rng = np.random.default_rng(3)
    for seed in range(4):
        weights = Affine(rng.normal(size=(5, 4)), rng.normal(size=5) / 2)
        read_out = Affine(rng.normal(size=(1, 5)), np.zeros(1))
        nodes = (Node(ReLU(4), (0,)), Node(weights, (1,)), Node(ReLU(5), (2,)), Node(read_out, (3,)))
        network, start = Network((4,), nodes), rng.normal(size=(1, 4)) / 4
        margin = float(network.evaluate(start)[0, 0])
        row = np.sign(margin) * np.ones((1, 1, 1))
        asked = Queries(network, start, np.array([0.6]), Norm.LINF, row, np.full((1, 1), 0.05))
        (answer,) = searched(asked, dc.replace(PHASES, nodes=5000))
        assert isinstance(answer, Verified | Falsified), seed


@pytest.mark.parametrize("size", [1e150, 1e300])
def test_weights_that_no_linear_program_can_say_end_no_search(size: float) -> None:
    network = dense((3, 6, 5, 2), 4)
    first = network.nodes[0].op
    assert isinstance(first, Affine)
    huge = Network((3,), (Node(Affine(first.weight * size, first.bias * size), (0,)), *network.nodes[1:]))
    asked = questions(huge, 2, norm=Norm.L1, radius=0.4)
    with np.errstate(all="ignore"):
        answers = searched(asked, SHARP)
    assert all(isinstance(answer, Verified | Falsified | Unknown) for answer in answers)
