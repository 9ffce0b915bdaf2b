"""A network with one hidden layer as the two-layer solver sees it: neurons merged, products of weights known."""

import dataclasses as dc

import numpy as np
import scipy.sparse as sp
import torch
from jaxtyping import Float64, Int64
from torch import Tensor

from certify.errors import UnsupportedModel
from certify.network import Affine, Network, ReLU
from certify.rounding import UNIT, gamma

_PARALLEL = 1e-12
"""Neurons whose (w, b) are multiples of each other up to this are one; what they differ by is charged."""

LARGEST = 1e50
"""Nothing is proved with larger numbers: up to this, floors pay for what underflow hides in a product of a few."""

_FLOOR = 1e-140
"""More than the squares that underflow inside a norm can hide."""


@dc.dataclass(frozen=True, slots=True, eq=False)
class TwoLayer:
    """``readout @ relu(weight @ x + bias) + offset`` over G neurons, no two of them positive multiples.

    The original network differs from it, at x and in output k, by at most ``drift[k] * ||x|| + shift[k]``, and the
    exact read-out from the stored one by at most ``blur`` (entrywise). ``gram`` (G, G) is ``weight @ weight.T`` in
    float64, off by at most ``gamma(d) length_i length_j``; ``length`` (G,) bounds the row norms from above.
    """

    weight: Float64[np.ndarray, "g d"]
    bias: Float64[np.ndarray, " g"]
    readout: Float64[np.ndarray, "k g"]
    offset: Float64[np.ndarray, " k"]
    blur: Float64[np.ndarray, "k g"]
    drift: Float64[np.ndarray, " k"]
    shift: Float64[np.ndarray, " k"]
    gram: Tensor
    length: Tensor

    @classmethod
    @np.errstate(over="ignore", invalid="ignore")
    def of(cls, network: Network) -> "TwoLayer":
        """The merged form of a network.

        Raises:
            UnsupportedModel: it is not affine, ReLU, affine.
        """
        first, second = _layers(network)
        weight, bias, readout = _dense(first), first.bias, _dense(second)
        if not len(bias):  # one dead neuron in place of none
            weight, bias, readout = np.zeros((1, weight.shape[1])), np.zeros(1), np.zeros((len(readout), 1))
        owner, scale = _parallel(weight, bias)
        kept, position = np.unique(owner, return_inverse=True)
        alone = np.bincount(position) == 1
        merged = np.zeros((len(readout), len(kept)))
        size = np.zeros_like(merged)
        np.add.at(merged.T, position, (readout * scale).T)
        np.add.at(size.T, position, np.abs(readout * scale).T)
        apart, away = _defects(weight, bias, owner, scale)
        count = len(bias)
        return cls(
            weight=weight[kept],
            bias=bias[kept],
            readout=np.where(alone, readout[:, kept], merged),
            offset=second.bias,
            blur=np.where(alone, 0.0, 2 * gamma(count + 4) * size),
            drift=(1 + 2 * gamma(count + 4)) * (np.abs(readout) @ apart),
            shift=(1 + 2 * gamma(count + 4)) * (np.abs(readout) @ away),
            gram=torch.as_tensor(weight[kept] @ weight[kept].T),
            length=torch.as_tensor(norms_up(weight[kept])),
        )

    @property
    def terms(self) -> int:
        """The longest sum in a pre-activation."""
        return self.weight.shape[1]


def is_two_layer(network: Network) -> bool:
    """Whether the solver reads this network."""
    ops = [node.op for node in network.nodes]
    shape = len(ops) == 3 and isinstance(ops[0], Affine) and isinstance(ops[1], ReLU) and isinstance(ops[2], Affine)
    return shape and [node.inputs for node in network.nodes] == [(0,), (1,), (2,)]


def _layers(network: Network) -> tuple[Affine, Affine]:
    if is_two_layer(network):
        first, _, second = (node.op for node in network.nodes)
        if isinstance(first, Affine) and isinstance(second, Affine):
            return first, second
    names = ", ".join(type(node.op).__name__ for node in network.nodes[:6])
    more = ", ..." if len(network.nodes) > 6 else ""
    raise UnsupportedModel(
        f"The exact method reads networks with one hidden layer (Affine, ReLU, Affine); this one is {names}{more}. "
        f"Use --method auto or --method alpha, which give a proved bracket for any depth."
    )


def _dense(op: Affine) -> Float64[np.ndarray, "m n"]:
    return op.weight.toarray() if isinstance(op.weight, sp.csr_array) else op.weight


def norms_up(rows: Float64[np.ndarray, "m n"]) -> Float64[np.ndarray, " m"]:
    """The lengths of the rows, rounded up, with what squares that underflow can hide."""
    return np.linalg.norm(rows, axis=1) * (1 + 2 * gamma(rows.shape[1] + 4)) + _FLOOR


def _parallel(
    weight: Float64[np.ndarray, "m n"], bias: Float64[np.ndarray, " m"]
) -> tuple[Int64[np.ndarray, " m"], Float64[np.ndarray, " m"]]:
    """For each neuron the one that stands for it, and its multiple of that one (1 for itself)."""
    rows = np.concatenate([weight, bias[:, None]], axis=1)
    size = np.linalg.norm(rows, axis=1)
    unit = rows / np.maximum(size, _FLOOR)[:, None]
    close = (unit @ unit.T > 1 - 1e-10) | np.eye(len(rows), dtype=bool)
    first = close.argmax(axis=1)
    first = np.where(first[first] == first, first, np.arange(len(rows)))
    with np.errstate(divide="ignore", invalid="ignore"):
        scale = (rows * rows[first]).sum(axis=1) / (rows[first] ** 2).sum(axis=1)
        rest = np.linalg.norm(rows - scale[:, None] * rows[first], axis=1)
        same = (rest <= _PARALLEL * size) & (scale > 0) & np.isfinite(scale)
    own = np.arange(len(rows))
    return np.where(same, first, own), np.where(same & (first != own), scale, 1.0)


def _defects(
    weight: Float64[np.ndarray, "m n"],
    bias: Float64[np.ndarray, " m"],
    owner: Int64[np.ndarray, " m"],
    scale: Float64[np.ndarray, " m"],
) -> tuple[Float64[np.ndarray, " m"], Float64[np.ndarray, " m"]]:
    """Bounds on ``||w_j - scale_j w_owner||`` and ``|b_j - scale_j b_owner|``; 0 where a neuron stands for itself."""
    merged = owner != np.arange(len(bias))
    image, image_bias = scale[:, None] * weight[owner], scale * bias[owner]
    apart = norms_up(weight - image) + 4 * UNIT * (norms_up(weight) + norms_up(image))
    away = np.abs(bias - image_bias) + 4 * UNIT * (np.abs(bias) + np.abs(image_bias)) + _FLOOR
    return np.where(merged, apart, 0.0), np.where(merged, away, 0.0)
