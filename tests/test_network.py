"""Networks: what they compute, count and refuse."""

import hypothesis.strategies as st
import numpy as np
import pytest
import scipy.sparse as sp
import torch
from hypothesis import given

from certify.errors import InvalidInput
from certify.network import Add, Affine, Conv2d, Network, Node, ReLU
from tests.strategies import networks, points

IDENTITY = Affine(np.eye(2), np.zeros(2))


def test_a_residual_network_adds_its_branches() -> None:
    doubled = Affine(2 * np.eye(2), np.array([0.0, 1.0]))
    network = Network((2,), (Node(doubled, (0,)), Node(ReLU(2), (1,)), Node(Add(2), (0, 2))))
    assert network.evaluate(np.array([[1.0, -2.0]])).tolist() == [[3.0, -2.0]]
    assert network.widths == (2, 2, 2, 2)


@pytest.mark.parametrize("groups", [1, 2])
@pytest.mark.parametrize("dilation", [(1, 1), (2, 1)])
@pytest.mark.parametrize(("stride", "padding"), [((1, 1), (0, 0)), ((2, 1), (1, 2))])
def test_a_convolution_computes_what_torch_computes(
    stride: tuple[int, int], padding: tuple[int, int], dilation: tuple[int, int], groups: int
) -> None:
    rng = np.random.default_rng(0)
    weight, bias, images = (rng.normal(size=shape) for shape in ((4, 4 // groups, 3, 2), (4,), (3, 4, 7, 6)))
    op = Conv2d(weight, bias, (4, 7, 6), stride, padding, dilation, groups)
    x, w, b = (torch.as_tensor(numbers) for numbers in (images, weight, bias))
    expected = torch.conv2d(x, w, b, stride, padding, dilation, groups)
    assert op.output_image == tuple(expected.shape[1:])
    assert op.apply(images.reshape(3, -1)) == pytest.approx(expected.reshape(3, -1).numpy(), abs=1e-12)


@given(networks(), st.data())
def test_a_batch_is_evaluated_point_by_point(network: Network, data: st.DataObject) -> None:
    batch = np.array([data.draw(points(network.input_width)) for _ in range(3)])
    single = np.concatenate([network.evaluate(point[None, :]) for point in batch])
    assert network.evaluate(batch) == pytest.approx(single, abs=1e-12)


def test_a_sparse_layer_computes_what_the_dense_one_does() -> None:
    matrix = np.array([[0.0, 2.0, 0.0], [1.0, 0.0, -1.0]])
    x = np.array([[1.0, 2.0, 3.0], [0.0, -1.0, 0.5]])
    dense, sparse = (Network.chain([Affine(w, np.array([1.0, 0.0]))]) for w in (matrix, sp.csr_array(matrix)))
    assert np.array_equal(dense.evaluate(x), sparse.evaluate(x))


def test_counts_are_non_zeros_all_entries_units_and_depth() -> None:
    first = Affine(np.array([[1.0, 0.0], [0.0, 2.0]]), np.array([0.0, 3.0]))
    conv = Conv2d(np.ones((1, 1, 1, 2)), np.zeros(1), (1, 1, 2))
    network = Network.chain([first, ReLU(2), conv])
    counts = network.count()
    assert (counts.nnz, counts.dense, counts.units, counts.depth) == (5, 9, 2, 2)


def test_equal_networks_have_equal_digests_and_every_change_shows() -> None:
    def digest(weight: float = 1.0, bias: float = 0.0, shape: tuple[int, ...] = (2,)) -> str:
        return Network((*shape,), (Node(Affine(np.array([[weight, 0.0]]), np.array([bias])), (0,)),)).digest

    assert digest() == digest()
    assert len({digest(), digest(weight=np.nextafter(1.0, 2.0)), digest(bias=1e-300), digest(shape=(1, 2))}) == 4


def test_the_wiring_and_the_stride_are_part_of_the_digest() -> None:
    def wired(inputs: tuple[int, int]) -> str:
        return Network((2,), (Node(ReLU(2), (0,)), Node(Add(2), inputs))).digest

    def strided(stride: tuple[int, int]) -> str:
        return Network.chain([Conv2d(np.ones((1, 1, 1, 1)), np.zeros(1), (1, 1, 1), stride)]).digest

    assert len({wired((0, 1)), wired((1, 1)), wired((0, 0))}) == 3
    assert strided((1, 1)) != strided((2, 2))


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_a_weight_that_is_no_number_is_refused_with_its_node(bad: float) -> None:
    with pytest.raises(InvalidInput, match=r"Node 1 \(Affine\) has 1 weight\(s\) .* that are NaN or infinite"):
        Network.chain([IDENTITY, Affine(np.array([[bad, 0.0]]), np.zeros(1))])
    with pytest.raises(InvalidInput, match="NaN or infinite"):
        Network.chain([Affine(sp.csr_array(np.array([[1.0, bad]])), np.zeros(1))])


def test_widths_that_do_not_fit_are_refused_with_both_numbers() -> None:
    with pytest.raises(InvalidInput, match=r"Node 1 \(ReLU\) reads vectors of 3 numbers, but was given 2"):
        Network.chain([IDENTITY, ReLU(3)])


@pytest.mark.parametrize("inputs", [(2,), (-1,), (0, 1), ()])
def test_a_value_read_before_it_exists_is_refused(inputs: tuple[int, ...]) -> None:
    with pytest.raises(InvalidInput, match=r"Node 1 \(ReLU\) reads values"):
        Network((2,), (Node(IDENTITY, (0,)), Node(ReLU(2), inputs)))


@pytest.mark.usefixtures("unchecked_shapes")
def test_a_bias_of_the_wrong_length_is_refused() -> None:
    with pytest.raises(InvalidInput, match=r"weight \(2, 2\) and bias \(3,\) do not fit"):
        Network.chain([Affine(np.eye(2), np.zeros(3))])


def test_a_network_of_nothing_is_refused() -> None:
    with pytest.raises(InvalidInput, match="non-empty input and a node"):
        Network((2,), ())


def test_points_that_do_not_fit_are_refused_with_both_shapes() -> None:
    with pytest.raises(InvalidInput, match=r"shape \(1, 3\) do not fit this network, which reads 2 numbers"):
        Network.chain([IDENTITY]).evaluate(np.zeros((1, 3)))


def test_a_kernel_that_does_not_fit_its_image_is_refused() -> None:
    with pytest.raises(InvalidInput, match="does not read 3 channels"):
        Conv2d(np.ones((1, 2, 1, 1)), np.zeros(1), (3, 4, 4))
    with pytest.raises(InvalidInput, match="kernel does not fit the padded image"):
        Conv2d(np.ones((1, 1, 5, 5)), np.zeros(1), (1, 4, 4))
