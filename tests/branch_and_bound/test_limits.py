"""Time, memory and bad input."""

import dataclasses as dc
import math
from typing import Any

import numpy as np
import pytest
import torch

import certify
from certify.bounders.enclosure import Enclosure
from certify.deadline import Deadline
from certify.errors import InvalidInput
from certify.network import Affine, Network, ReLU
from certify.outcome import Falsified, Unknown, Verified
from certify.query import Queries, robustness
from certify.radius import Settings
from certify.region import Box, Norm
from certify.rounding import distance_up
from certify.solvers.branch_and_bound import search as search_file
from certify.solvers.branch_and_bound import stages
from certify.solvers.branch_and_bound.effort import Effort, Stage
from certify.solvers.branch_and_bound.functions import Functions
from certify.solvers.branch_and_bound.regions import bounded
from certify.solvers.branch_and_bound.solver import BranchAndBound
from tests.branch_and_bound.nets import dense, questions, residual
from tests.branch_and_bound.truth import HALVES, PHASES, searched


class Ticks:
    """A clock that advances whenever it is read, and by what the work in between took."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        self.now += 1.0
        return self.now


def hard(count: int = 1) -> Queries:
    """Questions that take more nodes than any test waits for."""
    return questions(dense((12, 60, 60, 4), 4), count, norm=Norm.LINF, radius=0.25)


@pytest.mark.parametrize("ticks", [1.0, 30.0, 150.0])
@pytest.mark.parametrize("effort", [Effort(halving=0), Effort(halving=99)])
def test_work_stops_within_twice_its_time(ticks: float, effort: Effort) -> None:
    clock = Ticks()
    asked = hard()
    answers = BranchAndBound(asked.network, limits=effort).decide(asked, Deadline.after(ticks, clock))
    assert clock.now <= 2 * ticks + 40  # each piece of work looks at the clock a few times before it returns
    assert all(not isinstance(answer, Unknown) or "time limit" in answer.reason for answer in answers)


def test_no_time_at_all_leaves_every_question_open() -> None:
    asked = hard(2)
    answers = BranchAndBound(asked.network).decide(asked, Deadline.after(0.0, Ticks()))
    assert all(isinstance(answer, Unknown) and "time limit" in answer.reason for answer in answers)


@pytest.mark.parametrize("halving", [0, 99])
def test_a_limit_on_nodes_leaves_a_question_open_with_a_reason(halving: int) -> None:
    (answer,) = searched(hard(), Effort(halving=halving, nodes=40, batch=8))
    assert isinstance(answer, Unknown)
    assert "40 nodes" in answer.reason


@pytest.mark.parametrize("share", [0.0, 1e9])
def test_splitting_goes_on_while_it_costs_less_than_what_came_before(
    share: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    sharpened: list[int] = []
    honest = stages.sharpen

    def watched(enclosure: Enclosure, value: int, *rest: Any, **options: Any) -> Enclosure:
        sharpened.append(value)
        return honest(enclosure, value, *rest, **options)

    monkeypatch.setattr(stages, "sharpen", watched)
    monkeypatch.setattr(stages, "_BESIDE_SHARPENING", share)
    asked = questions(dense((6, 16, 12, 3), 4), 6, norm=Norm.LINF, radius=0.15)
    solver = BranchAndBound(asked.network, limits=Effort(halving=0, stages=(Stage(0, 2), Stage(4, 2))))
    answers = solver.decide(asked, Deadline.after(1e9, Ticks()))
    assert not any(isinstance(answer, Unknown) for answer in answers)
    assert bool(sharpened) == (share == 0.0)


@pytest.mark.parametrize("effort", [PHASES, HALVES])
def test_many_questions_at_once_get_the_answers_of_one_by_one(effort: Effort) -> None:
    effort = dc.replace(effort, nodes=3000)
    asked = questions(dense((3, 10, 8, 3), 6), 10, norm=Norm.LINF, radius=0.2)
    solver = BranchAndBound(asked.network, limits=effort)
    together = solver.decide(asked, Deadline.never())
    alone = [solver.decide(asked.take(np.array([i])), Deadline.never())[0] for i in range(len(asked))]
    assert [type(a) for a in together] == [type(a) for a in alone]
    assert {type(a) for a in alone} == {Verified, Falsified}


def test_more_questions_than_fit_at_once_are_all_answered() -> None:
    asked = questions(dense((3, 6, 5, 3), 5), 70, norm=Norm.L1, radius=0.05)
    answers = BranchAndBound(asked.network).decide(asked, Deadline.never())
    assert len(answers) == 70
    assert all(isinstance(answer, Verified | Falsified) for answer in answers)


@pytest.mark.parametrize("error", [MemoryError(), torch.OutOfMemoryError("no room")])
def test_a_batch_that_does_not_fit_is_halved_and_nothing_is_lost(
    error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = questions(residual(3), 8, norm=Norm.L2, radius=0.6)
    expected = searched(asked, PHASES)
    real, refused = search_file.ascend, []

    def greedy(nodes, *rest):
        if len(nodes) > 3:
            refused.append(len(nodes))
            raise error
        return real(nodes, *rest)

    monkeypatch.setattr(search_file, "ascend", greedy)
    assert [type(a) for a in searched(asked, PHASES)] == [type(a) for a in expected]
    assert refused


def test_boxes_that_did_not_fit_are_bounded_again(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = questions(dense((3, 10, 8, 3), 6), 10, norm=Norm.LINF, radius=0.2)
    effort = dc.replace(HALVES, nodes=3000)
    expected = searched(asked, effort)
    real, calls = Functions.values, []

    def greedy(functions: Functions, points: torch.Tensor, question: torch.Tensor) -> torch.Tensor:
        calls.append(len(points))
        if len(calls) % 2:
            raise MemoryError
        return real(functions, points, question)

    monkeypatch.setattr(Functions, "values", greedy)
    assert [type(a) for a in searched(asked, effort)] == [type(a) for a in expected]
    assert len(calls) >= 2


def test_a_crowded_pool_takes_the_latest_nodes_and_decides_the_same() -> None:
    asked = questions(residual(3), 8, norm=Norm.L2, radius=0.6)
    crowded = dc.replace(PHASES, pool_bytes=0, batch=4)
    assert [type(a) for a in searched(asked, crowded)] == [type(a) for a in searched(asked, PHASES)]


def test_an_empty_region_is_refused() -> None:
    asked = dc.replace(hard(), domain=Box.uniform(2.0, 3.0, 12))
    with pytest.raises(InvalidInput, match=r"region of question 0 .* is empty: its ball of radius 0\.25"):
        BranchAndBound(asked.network).decide(asked, Deadline.never())


def test_an_unbounded_region_is_refused() -> None:
    asked = dc.replace(hard(), domain=None, radii=np.array([math.inf]))
    with pytest.raises(InvalidInput, match="question 0 is unbounded: radius inf"):
        BranchAndBound(asked.network).decide(asked, Deadline.never())


@pytest.mark.parametrize("norm", list(Norm))
def test_an_infinite_radius_means_the_whole_domain(norm: Norm) -> None:
    asked = questions(dense((3, 6, 5, 3), 5), 4, norm=norm, radius=math.inf)
    wide = asked.within(np.full(4, 4.0))
    solver = BranchAndBound(asked.network, limits=PHASES)
    kinds = [type(a) for a in solver.decide(asked, Deadline.never())]
    assert kinds == [type(a) for a in solver.decide(wide, Deadline.never())]


@pytest.mark.parametrize("norm", list(Norm))
@pytest.mark.parametrize("size", [1e-310, 1e-200, 1e-163, 1e-150, 1.0, 1e200])
def test_a_region_is_never_cut_shorter_than_its_domain_reaches(norm: Norm, size: float) -> None:
    asked = questions(dense((3, 4, 2), 0), 1, norm=norm, radius=math.inf)
    domain = Box(np.full(3, -0.5 * size), np.full(3, size))
    asked = dc.replace(asked, centres=np.zeros((1, 3)), domain=domain)
    (radius,) = bounded(asked).radii
    assert radius >= distance_up([0.0] * 3, [size] * 3, norm.value)
    assert radius <= 4 * size + 1e-299


def test_a_counterexample_in_a_tiny_domain_is_not_lost() -> None:
    maps = [Affine(np.array([[w]]), np.array([b])) for w, b in ((1e100, 0.0), (1e63, -0.5), (-4.0, 1.0))]
    network = Network.chain([maps[0], ReLU(1), maps[1], ReLU(1), maps[2]])  # its output at 1e-163 is -1
    domain = Box.uniform(0.0, 1e-163, 1)
    asked = robustness(network, np.zeros((1, 1)), [1], norm=Norm.L2, radius=1.0, domain=domain)
    assert not isinstance(BranchAndBound(network).decide(asked, Deadline.never())[0], Verified)
    settings = Settings(norm=Norm.L2, method="exact", domain=domain, seconds=0.5)
    (answer,) = certify.radii(network, [[0.0]], [1], settings=settings)
    assert answer.lower <= 7.5e-164 <= answer.upper


def test_another_network_is_refused() -> None:
    with pytest.raises(InvalidInput, match="another network"):
        BranchAndBound(residual(1)).decide(hard(), Deadline.never())
