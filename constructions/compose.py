"""Networks put together layer by layer: affine forms of one layer's units, and the chain that turns them into units.

A gadget reads forms and returns forms; what it needs as new units goes through ``Chain.relu``, all gadgets of one level
at once, so that gadgets in parallel share a layer and a value that is needed later is carried as a unit of its own.
Nothing here loops over units.
"""

import dataclasses as dc
from collections.abc import Sequence
from typing import Any

import numpy as np
import scipy.sparse as sp
from jaxtyping import Float64

from certify.network import Affine, Network, Op, ReLU

_DENSE = 0.4
"""A matrix with a larger share of non-zeros is stored dense."""


@dc.dataclass(frozen=True, slots=True, eq=False)
class Forms:
    """m affine functions of the n units of one layer: ``weight`` (m, n) in CSR, ``bias`` (m,)."""

    weight: sp.csr_array
    bias: Float64[np.ndarray, " m"]

    @classmethod
    def of(cls, weight: Any, bias: Any) -> "Forms":
        """From any matrix, dense or sparse, and the constants."""
        matrix = canonical(sp.csr_array(weight, dtype=np.float64))
        return cls(matrix, np.broadcast_to(np.asarray(bias, dtype=np.float64), (matrix.shape[0],)).copy())

    @classmethod
    def identity(cls, width: int) -> "Forms":
        """The units themselves."""
        return cls(sp.csr_array(sp.eye_array(width, format="csr")), np.zeros(width))

    @classmethod
    def stack(cls, *groups: "Forms") -> "Forms":
        """One group below the other."""
        if len(groups) == 1:
            return groups[0]
        weight = sp.vstack([group.weight for group in groups], format="csr")
        return cls(canonical(sp.csr_array(weight)), np.concatenate([group.bias for group in groups]))

    def __len__(self) -> int:
        return len(self.bias)

    def __add__(self, other: "Forms | Float64[np.ndarray, ' m'] | float") -> "Forms":
        if isinstance(other, Forms):
            return Forms(canonical(sp.csr_array(self.weight + other.weight)), self.bias + other.bias)
        return Forms(self.weight, self.bias + other)

    def __sub__(self, other: "Forms | Float64[np.ndarray, ' m'] | float") -> "Forms":
        return self + (-other)

    def __neg__(self) -> "Forms":
        return self.scaled(-1.0)

    def scaled(self, factor: "Float64[np.ndarray, ' m'] | float") -> "Forms":
        """Each form times a number, one for all or one each."""
        factors = np.broadcast_to(np.asarray(factor, dtype=np.float64), (len(self),))
        weight = self.weight.copy()
        weight.data = weight.data * np.repeat(factors, np.diff(weight.indptr))
        return Forms(canonical(weight), self.bias * factors)

    def combined(self, matrix: Any) -> "Forms":
        """``matrix @ forms``: linear combinations of these forms, with ``matrix`` (k, m) dense or sparse."""
        product = sp.csr_array(matrix, dtype=np.float64)
        return Forms(canonical(sp.csr_array(product @ self.weight)), product @ self.bias)

    def take(self, rows: Any) -> "Forms":
        """The forms at ``rows`` (an index array or a slice), in that order."""
        index = np.arange(len(self))[rows]
        return Forms(canonical(sp.csr_array(self.weight[index])), self.bias[index])


class Chain:
    """A network under construction, input to output: each layer's forms become the units of the next."""

    def __init__(self, width: int) -> None:
        self._ops: list[Op] = []
        self._width, self._units = width, width

    def inputs(self) -> Forms:
        """The input coordinates; of use only before the first ``relu``."""
        assert not self._ops, "the input is not a layer any more; carry what is needed as units"
        return Forms.identity(self._width)

    def relu(self, *groups: Forms) -> tuple[Forms, ...]:
        """The next layer, ``relu`` of each form of each group in turn; returns its units, group by group."""
        forms = Forms.stack(*groups)
        assert forms.weight.shape[1] == self._units, "these forms speak of another layer"
        self._ops += [affine(forms), ReLU(len(forms))]
        self._units = len(forms)
        units, ends = Forms.identity(len(forms)), np.cumsum([len(group) for group in groups])
        return tuple(units.take(slice(end - len(group), end)) for group, end in zip(groups, ends, strict=True))

    def output(self, *groups: Forms, input_shape: tuple[int, ...] | None = None) -> Network:
        """The network whose outputs are these forms of the last layer."""
        forms = Forms.stack(*groups)
        assert forms.weight.shape[1] == self._units, "these forms speak of another layer"
        return Network.chain([*self._ops, affine(forms)], input_shape or (self._width,))


def affine(forms: Forms) -> Affine:
    """The op that computes ``forms``: dense where it is mostly full, else sparse."""
    size = len(forms) * int(forms.weight.shape[1])
    if forms.weight.nnz > _DENSE * size:
        return Affine(np.ascontiguousarray(forms.weight.toarray()), forms.bias)
    return Affine(forms.weight, forms.bias)


def canonical(matrix: sp.csr_array) -> sp.csr_array:
    """The same matrix with sorted, unique, non-zero entries."""
    matrix.sum_duplicates()
    matrix.eliminate_zeros()
    return matrix


def columns(index: Sequence[int] | np.ndarray, width: int, value: float = 1.0) -> sp.csr_array:
    """The (len(index), width) matrix with ``value`` at column ``index[i]`` of row i: it selects coordinates."""
    count = len(index)
    parts = (np.full(count, value), (np.arange(count), np.asarray(index, dtype=np.int64)))
    return sp.csr_array(parts, shape=(count, width))
