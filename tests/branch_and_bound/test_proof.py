"""Nothing but a complete tree of proved leaves verifies: wrong multipliers and damaged trees are tried."""

from collections.abc import Callable

import hypothesis
import hypothesis.strategies as st
import numpy as np
import pytest
import torch

from certify.bounders.alpha import AlphaBounder
from certify.bounders.crown import CrownBounder
from certify.deadline import Deadline
from certify.outcome import Falsified
from certify.region import Norm
from certify.solvers.branch_and_bound import search as search_file
from certify.solvers.branch_and_bound.forest import Forest, Grown
from certify.solvers.branch_and_bound.nodes import Multipliers, Nodes
from certify.solvers.branch_and_bound.roots import Planter, Roots, proves
from certify.solvers.branch_and_bound.solver import BranchAndBound
from certify.solvers.branch_and_bound.units import Units
from certify.tensor_network import TensorNetwork
from tests.branch_and_bound.nets import convolutional, dense, questions, residual
from tests.branch_and_bound.truth import PHASES, contradiction, searched
from tests.strategies import Problem, problems

wild = st.one_of(st.floats(-4, 4), st.floats(width=64), st.just(float("nan")), st.just(1e300))
"""Numbers that no search would choose."""


def planted(queries) -> tuple[Roots, Units]:
    """The trees of some questions."""
    units = Units(queries.network)
    proof = CrownBounder(queries.network, dtype=torch.float64, rounded=True)
    roots, _ = Planter(units, AlphaBounder(queries.network), proof).plant(queries, Deadline.never())
    return roots, units


def pattern(units: Units, network, point: np.ndarray) -> torch.Tensor:
    """Phases (1, U) that hold at a point; 0 where a pre-activation is too near 0 to tell in float64."""
    tensors = TensorNetwork(network, dtype=torch.float64)
    values = [tensors.tensor(point[None, :])]
    for i, node in enumerate(network.nodes):
        reads = [values[k] for k in node.inputs]
        if i in tensors.linear:
            values.append(tensors.linear[i].apply(reads[0]) + tensors.linear[i].bias)
        else:
            values.append(reads[0] + reads[1] if len(reads) == 2 else reads[0].clamp_min(0.0))
    flat = torch.cat([values[k] for k in units.values], dim=1)
    return torch.where(flat.abs() < 1e-9, 0.0, torch.sign(flat)).to(torch.int8)


@hypothesis.given(problem=problems(), data=st.data())
def test_no_multipliers_prove_a_node_that_holds_a_counterexample(problem: Problem, data: st.DataObject) -> None:
    (answer,) = BranchAndBound(problem.network, limits=PHASES).decide(problem.queries(), Deadline.never())
    hypothesis.assume(isinstance(answer, Falsified))
    assert isinstance(answer, Falsified)
    roots, units = planted(problem.queries())
    whole = pattern(units, problem.network, answer.witness.point)
    kept = data.draw(st.lists(st.booleans(), min_size=units.count, max_size=units.count))
    phases = whole * torch.tensor(kept, dtype=torch.int8)
    numbers = data.draw(st.lists(wild, min_size=2 * units.count, max_size=2 * units.count))
    slopes, prices = torch.tensor(numbers, dtype=torch.float64).reshape(2, 1, -1)
    at_point = problem.network.evaluate(answer.witness.point[None, :])[0]
    for tree in range(len(roots.question)):
        row, offset = roots.row[tree, 0].numpy(), float(roots.offset[tree, 0])
        if row @ at_point + offset < -1e-9:
            node = roots.node(torch.tensor([tree]), phases, Deadline.never())
            assert not bool(proves(node, Multipliers(slopes, prices)))


@pytest.mark.parametrize("build", [lambda s: dense((3, 6, 5, 3), s), residual, convolutional])
@pytest.mark.parametrize("norm", list(Norm))
def test_bounds_of_nodes_hold_at_their_points(build, norm: Norm) -> None:
    queries = questions(build(3), 4, norm=norm, radius=0.3 * build(3).input_width ** (1 / norm.value))
    roots, units = planted(queries)
    rng = np.random.default_rng(0)
    for tree in range(len(roots.question)):
        q = int(roots.question[tree])
        ball = roots.enclosure.ball
        moves = rng.normal(size=(20, len(queries.centres[q])))
        scale = queries.radii[q] * rng.uniform(size=20) / np.linalg.norm(moves, ord=norm.value, axis=1)
        points = np.clip(queries.centres[q] + scale[:, None] * moves, ball.lower[q].numpy(), ball.upper[q].numpy())
        phases = torch.cat([pattern(units, queries.network, point) for point in points])
        phases = phases * torch.as_tensor(rng.integers(0, 2, size=phases.shape), dtype=torch.int8)
        node = roots.node(torch.full((20,), tree), phases, Deadline.never())
        chosen = Multipliers(*torch.as_tensor(rng.uniform(size=(2, *phases.shape))))
        margin = queries.network.evaluate(points) @ roots.row[tree, 0].numpy() + float(roots.offset[tree, 0])
        assert (node.bound(chosen).numpy() <= margin).all()
        assert not node.empty().any()


def broken_trees() -> dict[str, Callable[[Forest], object]]:
    """Ways to damage a tree with root 0, its children 1 and 2, and the children 3 and 4 of 1."""
    return {
        "a leaf without proof": lambda f: f.proved.__setitem__(4, False),
        "a root that lost its children": lambda f: f.child.__setitem__(0, -1),
        "an inner node that lost its children": lambda f: f.child.__setitem__(1, -1),
        "two children of one sign": lambda f: f.phase.__setitem__(4, 1),
        "children of two units": lambda f: f.unit.__setitem__(4, 2),
        "a child of nobody": lambda f: f.parent.__setitem__(4, 0),
        "a child taken for another": lambda f: f.child.__setitem__(0, 3),
        "a child of another tree": lambda f: f.tree.__setitem__(2, 7),
        "a node that is its own child": lambda f: f.child.__setitem__(1, 1),
        "a child beyond the end": lambda f: f.child.__setitem__(1, 4),
        "a missing last node": lambda f: setattr(f, "size", 4),
    }


def grown() -> Forest:
    """One tree: the root split at unit 0, its first child at unit 1, every leaf proved."""
    forest = Forest(1)
    first = forest.split(np.array([0]), np.array([0]))
    forest.split(first[:, 0], np.array([1]))
    forest.proved[forest.leaves()] = True
    return forest


def test_a_tree_of_proved_leaves_is_complete() -> None:
    assert grown().complete().tolist() == [True]
    assert grown().phases(np.array([3, 4, 2]), 3).tolist() == [[1, 1, 0], [1, -1, 0], [-1, 0, 0]]


@pytest.mark.parametrize("how", list(broken_trees()))
def test_a_damaged_tree_is_not_complete(how: str) -> None:
    forest = grown()
    broken_trees()[how](forest)
    assert forest.complete().tolist() == [False]
    still_covers = "without proof" in how or "lost its children" in how  # a node without children is a leaf itself
    assert forest.covering().tolist() == [still_covers]


def test_a_tree_grows_again_with_nothing_proved() -> None:
    again = Forest.regrown([None, Grown(grown(), 0, np.arange(2))], np.arange(2))
    assert again.size == 6
    assert not again.proved.any()
    assert again.phases(again.leaves(), 2).tolist() == [[0, 0], [-1, 0], [1, 1], [1, -1]]


def test_a_search_that_overrates_every_bound_verifies_nothing_false(monkeypatch: pytest.MonkeyPatch) -> None:
    def boastful(nodes: Nodes, start: Multipliers, *_: object) -> tuple[torch.Tensor, Multipliers]:
        return torch.full_like(nodes.offset[:, 0], 1e9), start

    asked = questions(dense((3, 10, 8, 3), 6), 12, norm=Norm.L2, radius=0.4)
    honest = searched(asked, PHASES)
    monkeypatch.setattr(search_file, "ascend", boastful)
    assert [type(a) for a in searched(asked, PHASES)] == [type(a) for a in honest]


@hypothesis.given(problem=problems(), number=wild)
def test_a_search_with_spoilt_multipliers_verifies_nothing_false(problem: Problem, number: float) -> None:
    def spoilt(nodes: Nodes, start: Multipliers, *_: object) -> tuple[torch.Tensor, Multipliers]:
        lower = torch.full_like(nodes.offset[:, 0], 1.0)
        return lower, Multipliers(torch.full_like(start.slopes, number), torch.full_like(start.prices, number))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(search_file, "ascend", spoilt)
        (answer,) = searched(problem.queries(), PHASES)
    assert not contradiction(problem, answer)
