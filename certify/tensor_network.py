"""A network's weights as torch tensors: the linear maps forwards, backwards and in absolute value, batched.

Shared by bounders and attacks. Leading dimensions are free; the last one is the flat value.
"""

import abc
import warnings

import numpy as np
import scipy.sparse as sp
import torch
import torch.nn.functional as F
from torch import Tensor

from certify.network import Add, Affine, Conv2d, Network, ReLU


class LinearMap(abc.ABC):
    """The matrix W (m, n) and bias of one affine or convolution op, in one dtype on one device.

    ``bias`` is (m,). ``column_norms`` (n,) bound the l2 norms of the columns of the float64 matrix from above.
    ``row_terms`` and ``column_terms`` are the most products that one entry of ``apply`` and ``transpose`` adds up.
    """

    bias: Tensor
    column_norms: Tensor
    row_terms: int
    column_terms: int

    @abc.abstractmethod
    def apply(self, x: Tensor) -> Tensor:
        """``x @ W.T``: (..., n) to (..., m), without the bias."""

    @abc.abstractmethod
    def apply_abs(self, x: Tensor) -> Tensor:
        """``x @ |W|.T``: (..., n) to (..., m)."""

    @abc.abstractmethod
    def transpose(self, a: Tensor) -> Tensor:
        """``a @ W``: (..., m) to (..., n)."""

    @abc.abstractmethod
    def rows(self, index: Tensor) -> Tensor:
        """The rows of W at ``index`` (...,): (..., n)."""


class DenseMap(LinearMap):
    """A dense matrix."""

    def __init__(self, op: Affine, dtype: torch.dtype, device: torch.device) -> None:
        assert isinstance(op.weight, np.ndarray)
        self.weight = torch.as_tensor(op.weight, dtype=dtype, device=device)
        self.absolute = self.weight.abs()
        self.bias = torch.as_tensor(op.bias, dtype=dtype, device=device)
        self.column_norms = _norms_up(np.linalg.norm(op.weight, axis=0), dtype, device)
        self.column_terms, self.row_terms = op.weight.shape

    def apply(self, x: Tensor) -> Tensor:
        return x @ self.weight.T

    def apply_abs(self, x: Tensor) -> Tensor:
        return x @ self.absolute.T

    def transpose(self, a: Tensor) -> Tensor:
        return a @ self.weight

    def rows(self, index: Tensor) -> Tensor:
        return self.weight[index]


class SparseMap(LinearMap):
    """A CSR matrix. Products run as sparse times dense."""

    def __init__(self, op: Affine, dtype: torch.dtype, device: torch.device) -> None:
        matrix = sp.csr_array(op.weight)
        self._forward = _torch_csr(matrix, dtype, device)
        self._absolute = _torch_csr(abs(matrix), dtype, device)
        self._backward = _torch_csr(sp.csr_array(matrix.T), dtype, device)
        self.bias = torch.as_tensor(op.bias, dtype=dtype, device=device)
        norms = np.sqrt(np.asarray(matrix.multiply(matrix).sum(axis=0)).ravel())
        self.column_norms = _norms_up(norms, dtype, device)
        self.row_terms = int(np.diff(matrix.indptr).max(initial=1))
        self.column_terms = int(np.bincount(matrix.indices, minlength=1).max(initial=1))
        self._shape = matrix.shape

    def apply(self, x: Tensor) -> Tensor:
        return _sparse_product(self._forward, x)

    def apply_abs(self, x: Tensor) -> Tensor:
        return _sparse_product(self._absolute, x)

    def transpose(self, a: Tensor) -> Tensor:
        return _sparse_product(self._backward, a)

    def rows(self, index: Tensor) -> Tensor:
        return self.transpose(F.one_hot(index, self._shape[0]).to(self.bias.dtype))


class ConvMap(LinearMap):
    """A convolution over flattened images."""

    def __init__(self, op: Conv2d, dtype: torch.dtype, device: torch.device) -> None:
        self._op = op
        self.weight = torch.as_tensor(op.weight, dtype=dtype, device=device)
        self.absolute = self.weight.abs()
        _, height, width = op.output_image
        self.bias = torch.as_tensor(op.bias, dtype=dtype, device=device).repeat_interleave(height * width)
        per_channel = [
            np.sqrt(np.square(part).sum(axis=(0, 2, 3))) for part in np.split(op.weight, op.groups, axis=0)
        ]  # a column holds each tap of its channel at most once
        norms = np.repeat(np.concatenate(per_channel), op.image[1] * op.image[2])
        self.column_norms = _norms_up(norms, dtype, device)
        self.row_terms = int(np.prod(op.weight.shape[1:]))
        self.column_terms = int(op.weight.shape[0] // op.groups * np.prod(op.weight.shape[2:]))

    def apply(self, x: Tensor) -> Tensor:
        return self._convolve(x, self.weight)

    def apply_abs(self, x: Tensor) -> Tensor:
        return self._convolve(x, self.absolute)

    def _convolve(self, x: Tensor, weight: Tensor) -> Tensor:
        op = self._op
        images = x.reshape(-1, *op.image)
        y = F.conv2d(images, weight, None, op.stride, op.padding, op.dilation, op.groups)
        return y.reshape(*x.shape[:-1], op.output_width)

    def transpose(self, a: Tensor) -> Tensor:
        op = self._op
        images = a.reshape(-1, *op.output_image)
        left = [
            size - ((out - 1) * stride - 2 * pad + step * (taps - 1) + 1)
            for size, out, stride, pad, step, taps in zip(
                op.image[1:], op.output_image[1:], op.stride, op.padding, op.dilation, op.weight.shape[2:], strict=True
            )
        ]
        y = F.conv_transpose2d(images, self.weight, None, op.stride, op.padding, left, op.groups, op.dilation)
        return y.reshape(*a.shape[:-1], op.input_width)

    def rows(self, index: Tensor) -> Tensor:
        return self.transpose(F.one_hot(index, self._op.output_width).to(self.bias.dtype))


class TensorNetwork:
    """``network`` with its weights as tensors: ``linear[i]`` is the map of node i where that node is linear."""

    def __init__(self, network: Network, *, dtype: torch.dtype, device: torch.device | str = "cpu") -> None:
        self.network = network
        self.dtype = dtype
        self.device = torch.device(device)
        self.linear: dict[int, LinearMap] = {}
        for i, node in enumerate(network.nodes):
            if isinstance(node.op, Affine):
                kind = SparseMap if isinstance(node.op.weight, sp.csr_array) else DenseMap
                self.linear[i] = kind(node.op, dtype, self.device)
            elif isinstance(node.op, Conv2d):
                self.linear[i] = ConvMap(node.op, dtype, self.device)

    def tensor(self, numbers: np.ndarray) -> Tensor:
        """A numpy array in this network's dtype and on its device."""
        return torch.as_tensor(np.ascontiguousarray(numbers), dtype=self.dtype, device=self.device)

    def forward(self, x: Tensor, *, slope: float = 0.0) -> Tensor:
        """The outputs (..., m) at ``x`` (..., n), differentiable; ``slope`` > 0 makes every ReLU leaky, a surrogate."""
        values = [x]
        for i, node in enumerate(self.network.nodes):
            reads = [values[k] for k in node.inputs]
            if i in self.linear:
                values.append(self.linear[i].apply(reads[0]) + self.linear[i].bias)
            elif isinstance(node.op, Add):
                values.append(reads[0] + reads[1])
            else:
                assert isinstance(node.op, ReLU)
                values.append(F.leaky_relu(reads[0], slope) if slope else F.relu(reads[0]))
        return values[-1]


def _norms_up(norms: np.ndarray, dtype: torch.dtype, device: torch.device) -> Tensor:
    """Norms computed in float64, padded for their own rounding and that of the cast."""
    pad = 1.0 + (1e-9 if dtype == torch.float64 else 1e-6)
    return torch.as_tensor(norms * pad + 1e-300, dtype=dtype, device=device)


def _torch_csr(matrix: sp.csr_array, dtype: torch.dtype, device: torch.device) -> Tensor:
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Sparse CSR tensor support is in beta")
        return torch.sparse_csr_tensor(
            torch.as_tensor(matrix.indptr, dtype=torch.int64),
            torch.as_tensor(matrix.indices, dtype=torch.int64),
            torch.as_tensor(matrix.data, dtype=dtype),
            size=matrix.shape,
            check_invariants=True,
        ).to(device)


def _sparse_product(matrix: Tensor, x: Tensor) -> Tensor:
    """``x @ matrix.T`` for a CSR ``matrix``."""
    flat = x.reshape(-1, x.shape[-1])
    return (matrix @ flat.T).T.reshape(*x.shape[:-1], matrix.shape[0])
