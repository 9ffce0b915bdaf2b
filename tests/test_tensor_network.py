"""The maps of a tensor network are the layers' matrices: forwards, backwards, in absolute value, row by row."""

import numpy as np
import pytest
import scipy.sparse as sp
import torch
from hypothesis import given

from certify.network import Affine, Conv2d, Linear, Network, ReLU
from certify.tensor_network import TensorNetwork
from tests.oracles import dense
from tests.strategies import networks

RNG = np.random.default_rng(0)
SPARSE = RNG.normal(size=(5, 4)) * (RNG.random((5, 4)) < 0.5)
LAYERS: dict[str, Linear] = {
    "dense": Affine(RNG.normal(size=(5, 4)), RNG.normal(size=5)),
    "sparse": Affine(sp.csr_array(SPARSE), RNG.normal(size=5)),
    "empty sparse": Affine(sp.csr_array((2, 4)), np.ones(2)),
    "convolution": Conv2d(RNG.normal(size=(4, 2, 3, 2)), RNG.normal(size=4), (2, 5, 4), padding=(1, 0)),
    "grouped": Conv2d(RNG.normal(size=(4, 1, 2, 2)), RNG.normal(size=4), (2, 5, 4), (2, 2), (0, 1), (1, 2), groups=2),
    "strided past the edge": Conv2d(RNG.normal(size=(1, 1, 2, 2)), RNG.normal(size=1), (1, 6, 5), (3, 2)),
}


@pytest.fixture(params=LAYERS, ids=str)
def layer(request: pytest.FixtureRequest) -> Linear:
    return LAYERS[request.param]


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 1e-5), (torch.float64, 1e-12)], ids=["32", "64"])
def test_every_product_is_that_of_the_matrix(layer: Linear, dtype: torch.dtype, tolerance: float) -> None:
    shape = layer.image if isinstance(layer, Conv2d) else (layer.input_width,)
    tensors = TensorNetwork(Network.chain([layer], input_shape=shape), dtype=dtype)
    matrix, bias = (np.array(part, dtype=float) for part in dense(layer))
    linear = tensors.linear[0]
    x, a = RNG.normal(size=(2, 3, matrix.shape[1])), RNG.normal(size=(2, 3, matrix.shape[0]))
    index = torch.tensor([[0, matrix.shape[0] - 1]])
    results = [
        (linear.apply(tensors.tensor(x)), x @ matrix.T),
        (linear.apply_abs(tensors.tensor(x)), x @ np.abs(matrix).T),
        (linear.transpose(tensors.tensor(a)), a @ matrix),
        (linear.rows(index), matrix[[[0, -1]]]),
        (linear.bias, bias),
    ]
    for computed, expected in results:
        assert computed.dtype == dtype
        assert computed.shape == expected.shape
        assert computed.numpy() == pytest.approx(expected, abs=tolerance, rel=tolerance)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=["32", "64"])
def test_norms_and_term_counts_are_upper_bounds(layer: Linear, dtype: torch.dtype) -> None:
    shape = layer.image if isinstance(layer, Conv2d) else (layer.input_width,)
    linear = TensorNetwork(Network.chain([layer], input_shape=shape), dtype=dtype).linear[0]
    matrix = np.array(dense(layer)[0], dtype=float)
    assert (linear.column_norms.double().numpy() >= np.linalg.norm(matrix, axis=0)).all()
    assert linear.row_terms >= np.count_nonzero(matrix, axis=1).max()
    assert linear.column_terms >= np.count_nonzero(matrix, axis=0).max()


@given(networks())
def test_the_forward_pass_is_the_network(network: Network) -> None:
    x = np.random.default_rng(0).uniform(-2, 2, size=(4, network.input_width))
    tensors = TensorNetwork(network, dtype=torch.float64)
    assert tensors.forward(tensors.tensor(x)).numpy() == pytest.approx(network.evaluate(x), abs=1e-12)


def test_a_leaky_surrogate_lets_gradients_through_dead_units() -> None:
    network = Network.chain([Affine(np.eye(1), np.zeros(1)), ReLU(1)])
    tensors = TensorNetwork(network, dtype=torch.float64)
    x = torch.tensor([[-2.0]], dtype=torch.float64, requires_grad=True)
    tensors.forward(x, slope=0.25).sum().backward()
    assert x.grad is not None
    assert x.grad.item() == 0.25
    assert tensors.forward(x).item() == 0.0
