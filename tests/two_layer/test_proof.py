"""The proof replays a tree and trusts nothing in it: wrong trees and wrong numbers prove nothing wrong."""

import dataclasses as dc

import hypothesis.strategies as st
import numpy as np
import pytest
import torch
from hypothesis import given

from certify.deadline import Deadline
from certify.query import Queries
from certify.solvers.two_layer import solver as module
from certify.solvers.two_layer.forest import Forest
from certify.solvers.two_layer.model import TwoLayer
from certify.solvers.two_layer.questions import Questions
from tests.two_layer.nets import asked, net


@dc.dataclass(frozen=True)
class Case:
    """A solved question with its tree, its radius from both sides, and what replays the tree."""

    model: TwoLayer
    questions: Questions
    forest: Forest
    lower: float
    upper: float

    def proves(self, forest: Forest, radius: float) -> bool:
        return bool(forest.proves(self.model, self.questions, torch.tensor([radius], dtype=torch.float64)).all())


def tree_of(queries: Queries, monkeypatch: pytest.MonkeyPatch) -> tuple[Forest, float, float]:
    seen: list[Forest] = []
    honest = Forest.proves

    def spy(self: Forest, *arguments: object) -> torch.Tensor:
        seen.append(self)
        return honest(self, *arguments)

    monkeypatch.setattr(Forest, "proves", spy)
    found = module.TwoLayerSolver(queries.network).solve(
        queries, np.zeros(1, dtype=bool), tolerance=1e-6, deadline=Deadline.never()
    )
    monkeypatch.undo()
    return seen[-1], float(found.radius[0]), float(np.linalg.norm(found.candidates[0] - queries.centres[0]))


@pytest.fixture(scope="module")
def case() -> Case:
    """A network of nearly parallel pairs, whose tree has splits and ellipsoids."""
    rng = np.random.default_rng(3)
    means = np.linalg.qr(rng.normal(size=(24, 16)))[0].T
    weight = np.repeat(means + 0.5 * rng.normal(size=(16, 24)) / np.sqrt(24), 2, axis=0)
    weight += 0.35 * rng.normal(size=(32, 24)) / np.sqrt(24)
    network = net(weight, np.zeros(32), np.where(np.arange(32) < 16, 1.0, -1.0) * rng.uniform(0.5, 1.5, 32))
    queries = asked(network, 6 * means[0] + 0.5 * rng.normal(size=24), [1])
    forest, lower, upper = tree_of(queries, pytest.MonkeyPatch())
    assert int((forest.neuron >= 0).sum()) >= 6
    model = TwoLayer.of(network)
    return Case(model, Questions.of(model, queries), forest, lower, upper)


def test_an_honest_tree_is_accepted_at_its_radius_and_at_none_beyond_the_witness(case: Case) -> None:
    assert case.lower == pytest.approx(case.upper, rel=1e-5)
    assert case.proves(case.forest, case.lower)
    assert not case.proves(case.forest, 1.0001 * case.upper)


def with_numbers(forest: Forest, **fields: torch.Tensor) -> Forest:
    return dc.replace(forest, multipliers=dc.replace(forest.multipliers, **fields))


@given(seed=st.integers(0, 10**9), kind=st.sampled_from(["slope", "curvature", "price"]))
def test_no_corrupted_multiplier_proves_a_radius_beyond_a_witness(case: Case, seed: int, kind: str) -> None:
    rng = np.random.default_rng(seed)
    numbers = getattr(case.forest.multipliers, kind).clone()
    hit = torch.as_tensor(rng.random(tuple(numbers.shape)) < rng.choice([0.02, 0.3, 1.0]))
    size = torch.as_tensor(rng.normal(size=tuple(numbers.shape)) * 10.0 ** rng.integers(-3, 4))
    wild = torch.as_tensor(rng.choice([np.nan, np.inf, -np.inf, -1.0, 0.0, 1e300], size=tuple(numbers.shape)))
    changed = torch.where(hit, wild if rng.random() < 0.3 else numbers + size * numbers.abs().mean(), numbers)
    forest = with_numbers(case.forest, **{kind: changed})
    assert not case.proves(forest, case.upper * (1 + 10.0 ** rng.integers(-7, 0)))


@given(seed=st.integers(0, 10**9))
def test_a_tree_that_lacks_a_side_proves_nothing(case: Case, seed: int) -> None:
    rng = np.random.default_rng(seed)
    forest = case.forest
    split = (forest.neuron >= 0).nonzero()[:, 0].numpy()
    chosen = int(rng.choice(split))
    other = (int(forest.neuron[chosen]) + 1) % len(case.model.gram)
    changes = {
        "side": (forest.side, 1 - int(forest.side[chosen])),
        "neuron": (forest.neuron, other),
        "question": (forest.question, -1),
    }
    field = str(rng.choice(list(changes)))
    numbers, value = changes[field]
    changed = numbers.clone()
    changed[chosen] = value
    assert not case.proves(dc.replace(forest, **{field: changed}), 1.000001 * case.upper)
    if field != "question":
        assert not case.proves(dc.replace(forest, **{field: changed}), case.lower)


def test_an_empty_tree_and_two_roots_prove_nothing(case: Case) -> None:
    forest, width = case.forest, len(case.model.gram)
    assert not case.proves(Forest.empty(width), 1e-9)
    twice = torch.tensor([0, 0])
    pair = Forest(
        forest.question[twice],
        forest.parent[twice],
        forest.neuron[twice],
        forest.side[twice],
        forest.multipliers.take(twice),
    )
    assert not case.proves(pair, 1e-9 * case.lower)
