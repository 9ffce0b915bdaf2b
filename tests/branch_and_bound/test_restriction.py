"""A network without the units that are off: the same function on its regions, and a smaller one."""

import hypothesis
import numpy as np
import pytest
import scipy.sparse as sp
import torch

from certify.bounders.crown import CrownBounder
from certify.deadline import Deadline
from certify.network import Add, Affine, Network, Node, ReLU
from certify.outcome import Verified
from certify.query import Queries
from certify.region import Norm
from certify.solvers.branch_and_bound.forest import Forest, Grown
from certify.solvers.branch_and_bound.restriction import Restriction
from certify.solvers.branch_and_bound.units import Units
from certify.tensor_network import TensorNetwork
from tests.branch_and_bound.nets import convolutional, dense, questions, residual
from tests.branch_and_bound.truth import PHASES, SHARP, searched
from tests.oracles import evaluate
from tests.strategies import Problem, problems


def restricted(queries: Queries) -> Restriction:
    """The network on the questions' regions."""
    bounder = CrownBounder(queries.network, dtype=torch.float64, rounded=True)
    return Restriction.of(queries.network, bounder.relax(queries, Deadline.never())[0])


@hypothesis.given(problem=problems(), seed=hypothesis.strategies.integers(0, 99))
def test_the_restricted_network_is_the_whole_one_on_the_region(problem: Problem, seed: int) -> None:
    small, rng = restricted(problem.queries()).network, np.random.default_rng(seed)
    for _ in range(5):
        move = rng.normal(size=len(problem.point))
        move *= 0.999 * problem.radius / max(float(np.linalg.norm(move, ord=problem.norm.value)), 1e-9)
        point = problem.point + move
        if problem.domain is not None:
            point = np.clip(point, problem.domain.lower, problem.domain.upper)
        assert evaluate(small, point) == evaluate(problem.network, point)


def sparse(network: Network) -> Network:
    """The same network with its matrices stored as CSR."""
    nodes = [
        Node(
            Affine(sp.csr_array(node.op.weight), node.op.bias) if isinstance(node.op, Affine) else node.op, node.inputs
        )
        for node in network.nodes
    ]
    return Network(network.input_shape, tuple(nodes))


@pytest.mark.parametrize("build", [dense, lambda w, s: sparse(dense(w, s))])
def test_units_that_are_off_on_every_region_are_left_out_and_no_other(build) -> None:
    asked = questions(build((3, 20, 20, 3), 4), 2, norm=Norm.LINF, radius=0.05)
    whole, _ = CrownBounder(asked.network, dtype=torch.float64, rounded=True).relax(asked, Deadline.never())
    found = Restriction.of(asked.network, whole)
    for value in Units(asked.network).values:
        on = (whole.upper[value] > 0).any(0).numpy()
        assert found.kept[value].tolist() == np.flatnonzero(on).tolist()
    assert found.network.widths[1] < 20
    image = found.image(whole, TensorNetwork(found.network, dtype=torch.float64))
    assert [len(part[0]) for part in image.lower] == list(found.network.widths)


def test_units_that_something_else_reads_stay() -> None:
    skipped = residual(3)  # value 1 is read by a residual sum, value 5 made by one
    asked = questions(skipped, 2, norm=Norm.LINF, radius=0.01)
    found = restricted(asked)
    assert found.network.widths[1] == skipped.widths[1]
    assert found.network.widths[5] == skipped.widths[5]
    images = questions(convolutional(3), 2, norm=Norm.LINF, radius=0.01)
    assert restricted(images).network.widths == images.network.widths


def test_a_value_read_by_two_relus_stays() -> None:
    first, half = Affine(-np.eye(2), -np.ones(2)), Affine(np.ones((1, 2)), np.zeros(1))
    nodes = (Node(first, (0,)), Node(ReLU(2), (1,)), Node(ReLU(2), (1,)), Node(half, (2,)), Node(half, (3,)))
    network = Network((2,), (*nodes, Node(Add(1), (4, 5))))
    asked = Queries(network, np.zeros((1, 2)), np.ones(1) / 2, Norm.LINF, np.ones((1, 1, 1)), np.ones((1, 1)))
    assert restricted(asked).network.widths == network.widths


def test_a_value_whose_units_are_all_off_keeps_one() -> None:
    network = Network.chain([Affine(-np.eye(2), -np.ones(2)), ReLU(2), Affine(np.ones((1, 2)), np.ones(1))])
    asked = Queries(network, np.zeros((1, 2)), np.ones(1) / 2, Norm.LINF, np.ones((1, 1, 1)), np.zeros((1, 1)))
    small = restricted(asked)
    assert small.network.widths == (2, 1, 1, 1)
    assert small.units(Units(network)).tolist() == [0]
    assert evaluate(small.network, [0, 0]) == [1]


def grown() -> Grown:
    """A tree over units named 2, 5 and 9: the root splits 5, both of its children split 9."""
    forest = Forest(1)
    first = forest.split(np.array([0]), np.array([1]))
    forest.split(first[0], np.array([2, 2]))
    return Grown(forest, 0, np.array([2, 5, 9]))


def test_a_tree_grows_again_under_other_numbers() -> None:
    again = Forest.regrown([grown()], np.array([5, 9, 11]))
    assert again.covering().tolist() == [True]
    paths = again.phases(again.leaves(), 3).tolist()
    assert sorted(paths) == [[-1, -1, 0], [-1, 1, 0], [1, -1, 0], [1, 1, 0]]


def test_splits_at_units_that_are_off_are_left_out_with_their_branch() -> None:
    without_root = Forest.regrown([grown()], np.array([2, 9]))
    assert sorted(without_root.phases(without_root.leaves(), 2).tolist()) == [[0, -1], [0, 1]]
    without_leaves = Forest.regrown([grown()], np.array([5]))
    assert sorted(without_leaves.phases(without_leaves.leaves(), 1).tolist()) == [[-1], [1]]
    bare = Forest.regrown([grown()], np.zeros(0, dtype=np.int64))
    assert bare.size == 1
    assert all(f.covering().all() for f in (without_root, without_leaves, bare))


@pytest.mark.parametrize("norm", [Norm.L1, Norm.L2])
@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_a_bound_that_overflows_switches_no_unit_off(norm: Norm, sign: float) -> None:
    big = sign * 1e308  # partial sums at the centre overflow, so a product there is no number
    first = Affine(np.array([[big, -big], [1.0, 1.0]]), np.zeros(2))
    network = Network.chain([first, ReLU(2), Affine(np.array([[-1e-308, 0.001]]), np.ones(1))])
    centre = np.array([[10.0, 10.0]])
    asked = Queries(network, centre, np.array([5.0]), norm, np.ones((1, 1, 1)), np.zeros((1, 1)))
    assert evaluate(network, [10 + 3 * int(sign), 10]) < [0]  # within the ball
    with np.errstate(all="ignore"):
        answers = [searched(asked, effort)[0] for effort in (PHASES, SHARP)]
        whole, _ = CrownBounder(network, dtype=torch.float64, rounded=True).relax(asked, Deadline.never())
    assert not any(isinstance(answer, Verified) for answer in answers)
    assert not any(bool(part.isnan().any()) for part in (*whole.lower, *whole.upper))
