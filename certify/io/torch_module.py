"""A network as a plain torch module that computes the same thing."""

from collections.abc import Callable
from typing import TypeVar, cast

import numpy as np
import scipy.sparse as sp
import torch
from torch import Tensor, nn

from certify.network import Add, Affine, Conv2d, Network, Node

Layer = TypeVar("Layer", nn.Linear, nn.Conv2d)

LARGEST_DENSE = 1 << 24
"""Sparse maps with at most so many entries, zeros included, become dense layers, which every tool can read."""


class SparseLinear(nn.Module):
    """``x -> x @ W.T + bias`` for a sparse W (m, n)."""

    def __init__(self, op: Affine) -> None:
        super().__init__()
        matrix = sp.coo_array(op.weight)
        places = torch.as_tensor(np.stack([matrix.row, matrix.col]), dtype=torch.int64)
        weight = torch.sparse_coo_tensor(places, torch.as_tensor(matrix.data), matrix.shape, check_invariants=True)
        self.register_buffer("weight", weight.coalesce())
        self.bias = nn.Parameter(torch.as_tensor(op.bias))

    def forward(self, x: Tensor) -> Tensor:
        """(b, n) to (b, m)."""
        return torch.sparse.mm(cast(Tensor, self.weight), x.T).T + self.bias


class FlatConv(nn.Module):
    """A convolution between flattened images."""

    def __init__(self, op: Conv2d) -> None:
        super().__init__()
        self.image = op.image
        out, inner = op.output_image[0], op.image[0]
        kernel = (int(op.weight.shape[2]), int(op.weight.shape[3]))
        conv = nn.Conv2d(inner, out, kernel, op.stride, op.padding, op.dilation, op.groups, dtype=torch.float64)
        self.conv = _filled(conv, op.weight, op.bias)

    def forward(self, x: Tensor) -> Tensor:
        """(b, n) to (b, m)."""
        return self.conv(x.reshape(-1, *self.image)).flatten(1)


class NetworkModule(nn.Module):
    """The network's graph: (b, *input shape) or (b, n) to (b, m)."""

    def __init__(self, network: Network) -> None:
        super().__init__()
        self.reads = [node.inputs for node in network.nodes]
        self.ops = nn.ModuleList(_layer(node) for node in network.nodes)

    def forward(self, x: Tensor) -> Tensor:
        """The outputs of a batch of inputs."""
        values = [x.flatten(1)]
        for op, reads in zip(self.ops, self.reads, strict=True):
            values.append(values[reads[0]] + values[reads[1]] if len(reads) == 2 else op(values[reads[0]]))
        return values[-1]


def _layer(node: Node) -> nn.Module:
    op = node.op
    if isinstance(op, Conv2d):
        return FlatConv(op)
    if isinstance(op, Affine):
        sparse = isinstance(op.weight, sp.csr_array)
        if sparse and op.input_width * op.output_width > LARGEST_DENSE:
            return SparseLinear(op)
        weight = op.weight.toarray() if isinstance(op.weight, sp.csr_array) else op.weight
        return _filled(nn.Linear(op.input_width, op.output_width, dtype=torch.float64), weight, op.bias)
    return nn.Identity() if isinstance(op, Add) else nn.ReLU()


def _filled(layer: Layer, weight: np.ndarray, bias: np.ndarray) -> Layer:
    with torch.no_grad():
        layer.weight.copy_(torch.as_tensor(np.ascontiguousarray(weight)))
        assert layer.bias is not None
        layer.bias.copy_(torch.as_tensor(np.ascontiguousarray(bias)))
    return layer


def build(network: Network) -> NetworkModule:
    """A module in float64 and evaluation mode with the network's weights."""
    return NetworkModule(network).eval()


def runner(module: nn.Module, shape: tuple[int, ...]) -> Callable[[np.ndarray], np.ndarray]:
    """The module as a function from flat points to flat float64 outputs, one input of ``shape`` at a time."""

    def run(points: np.ndarray) -> np.ndarray:
        with torch.no_grad():
            rows = [module(torch.as_tensor(p.reshape(1, *shape), dtype=torch.float64)).reshape(-1) for p in points]
        return torch.stack(rows).to(torch.float64).numpy()

    return run
