"""Chains and graphs compute the composition that they spell out, and counts add up."""

import itertools

import numpy as np
import pytest
import scipy.sparse as sp

from certify.errors import InvalidInput
from certify.network import Add, Affine, Conv2d, Network, Node, ReLU
from constructions.compose import Chain, Forms, columns
from constructions.sameness import difference
from constructions.wiring import ordered, parallel, series, skip

RNG = np.random.default_rng(5)


def net(*widths: int) -> Network:
    ops = []
    for a, b in itertools.pairwise(widths):
        ops += [Affine(RNG.integers(-3, 4, (b, a)).astype(float), RNG.integers(1, 4, b).astype(float)), ReLU(b)]
    return Network.chain(ops[:-1])


POINTS = RNG.integers(-4, 5, (20, 3)).astype(float)


def test_forms_are_the_affine_functions_that_their_operations_spell_out() -> None:
    weight, bias = RNG.integers(-3, 4, (4, 3)).astype(float), np.arange(4.0)
    forms, values = Forms.of(weight, bias), POINTS @ weight.T + bias
    mix = RNG.integers(-2, 3, (2, 4)).astype(float)

    def at(found: Forms) -> np.ndarray:
        return POINTS @ found.weight.toarray().T + found.bias

    assert (at(forms + forms) == 2 * values).all()
    assert (at(forms - forms) == 0).all()
    assert (forms - forms).weight.nnz == 0
    assert (at(-forms + 1.0) == 1 - values).all()
    assert (at(forms.scaled(np.arange(4.0))) == values * np.arange(4.0)).all()
    assert (at(forms.combined(mix)) == values @ mix.T).all()
    assert (at(forms.take([2, 0])) == values[:, [2, 0]]).all()
    assert (at(Forms.stack(forms, forms.take([1]))) == np.hstack([values, values[:, [1]]])).all()


def test_a_chain_splits_each_layer_into_the_groups_it_was_given() -> None:
    chain = Chain(3)
    inputs = chain.inputs()
    plus, minus = chain.relu(inputs, -inputs.take([0]))
    assert (len(plus), len(minus)) == (3, 1)
    network = chain.output(plus.take([0]) - minus)
    assert (network.evaluate(POINTS)[:, 0] == POINTS[:, 0]).all()
    assert network.count().nnz == 4 + 2


def test_a_mostly_empty_matrix_is_stored_sparse_and_a_full_one_dense() -> None:
    chain = Chain(50)
    (units,) = chain.relu(chain.inputs())
    network = chain.output(units.combined(np.ones((1, 50))))
    first, last = network.nodes[0].op, network.nodes[-1].op
    assert isinstance(first, Affine)
    assert isinstance(first.weight, sp.csr_array)
    assert isinstance(last, Affine)
    assert isinstance(last.weight, np.ndarray)


def test_series_parallel_and_skip_add_up_exactly() -> None:
    f, g, h = net(3, 5, 2), net(3, 4, 4, 3), net(2, 6, 3)
    a, b, c = f.count(), g.count(), h.count()
    after, beside, joined = series(f, h), parallel(f, g), skip(g, series(f, h))
    assert (after.evaluate(POINTS) == h.evaluate(f.evaluate(POINTS))).all()
    assert (beside.evaluate(POINTS) == np.hstack([f.evaluate(POINTS), g.evaluate(POINTS)])).all()
    assert (joined.evaluate(POINTS) == g.evaluate(POINTS) + after.evaluate(POINTS)).all()
    assert (after.count().nnz, after.count().units, after.count().depth) == (a.nnz + c.nnz, a.units + c.units, 4)
    assert (beside.count().nnz, beside.count().units, beside.count().depth) == (a.nnz + b.nnz, a.units + b.units, 3)
    assert after.count().dense == a.dense + c.dense
    assert joined.count().nnz == b.nnz + a.nnz + c.nnz


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: series(net(3, 2), net(3, 1)), "3 inputs after one of 2 outputs"),
        (lambda: parallel(net(3, 2), net(4, 2)), "cannot share an input"),
        (lambda: skip(net(3, 2), net(3, 1)), "Cannot add networks of 2 and 1 outputs"),
        (lambda: parallel(Network.chain([ReLU(3)]), net(3, 1)), "must end with an affine map"),
    ],
)
def test_networks_that_do_not_fit_are_refused(make: object, words: str) -> None:
    with pytest.raises(InvalidInput, match=words):
        make()  # type: ignore[operator]


def test_columns_select_coordinates() -> None:
    assert (columns([2, 0], 3, 0.5) @ np.array([1.0, 2.0, 3.0]) == [1.5, 0.5]).all()


def test_the_same_network_is_the_same_however_it_is_stored() -> None:
    dense = net(3, 4, 2)
    op = dense.nodes[0].op
    assert isinstance(op, Affine)
    stored = Network.chain([Affine(sp.csr_array(op.weight), op.bias), *(node.op for node in dense.nodes[1:])], (1, 3))
    assert difference(dense, stored) is None
    changed = op.weight.copy()
    changed[1, 2] += 2.0**-40
    other = Network.chain([Affine(changed, op.bias), *(node.op for node in dense.nodes[1:])])
    assert difference(dense, other) == "node 0 (Affine)"
    assert difference(stored, other) == "node 0 (Affine)"
    assert difference(dense, net(3, 2)) == "3 nodes on 3 inputs, not 1 on 3"


def test_convolutions_are_compared_with_their_frames() -> None:
    kernel, bias = np.ones((1, 1, 2, 2)), np.zeros(1)
    plain = Network.chain([Conv2d(kernel, bias, (1, 4, 4))])
    assert difference(plain, Network.chain([Conv2d(kernel, bias, (1, 4, 4))])) is None
    strided = Network.chain([Conv2d(kernel, bias, (1, 4, 4), stride=(3, 3), padding=(3, 3))])
    assert strided.output_width == 9 == plain.output_width
    assert difference(plain, strided) == "node 0 (Conv2d)"


def test_the_order_of_independent_nodes_does_not_matter() -> None:
    one, two, end = (
        Affine(np.eye(3), np.ones(3)),
        Affine(2 * np.eye(3), np.zeros(3)),
        Affine(np.ones((1, 3)), np.zeros(1)),
    )
    straight = (Node(one, (0,)), Node(ReLU(3), (1,)), Node(two, (0,)), Node(Add(3), (2, 3)), Node(end, (4,)))
    turned = (
        Node(two, (0,)),
        Node(one, (0,)),
        Node(end, (1,)),
        Node(ReLU(3), (2,)),
        Node(Add(3), (4, 1)),
        Node(end, (5,)),
    )
    first, second = Network((3,), straight), Network((3,), turned)  # the second has a node that nobody reads
    assert (first.evaluate(POINTS) == second.evaluate(POINTS)).all()
    assert difference(first, second) is None
    assert [type(node.op) for node in ordered(second).nodes] == [Affine, ReLU, Affine, Add, Affine]
    assert ordered(ordered(second)).digest == ordered(second).digest == first.digest
    swapped = Network((3,), (*straight[:3], Node(Add(3), (3, 2)), straight[4]))
    assert difference(first, swapped) is not None
