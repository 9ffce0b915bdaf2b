"""A network evaluated in exact rational arithmetic, with Python integers over a common power of two.

Slow and certain: a witness counts only after this file agrees.
"""

import dataclasses as dc
import math
from collections.abc import Sequence
from fractions import Fraction

import numpy as np
import scipy.sparse as sp
from jaxtyping import Float64

from certify.network import Add, Affine, Conv2d, Linear, Network, ReLU

Integers = np.ndarray
"""An object array of Python integers."""


@dc.dataclass(frozen=True, slots=True, eq=False)
class Dyadic:
    """The exact vector or matrix ``integers * 2**-shift``."""

    integers: Integers
    shift: int

    @classmethod
    def of(cls, numbers: Float64[np.ndarray, "..."]) -> "Dyadic":
        """The dyadic numbers that finite floats are."""
        mantissa, exponent = np.frexp(numbers)
        scaled = np.ldexp(mantissa, 53).astype(np.int64)
        power = exponent.astype(np.int64) - 53
        lowest = int(power[scaled != 0].min(initial=0))
        lift = np.where(scaled != 0, power - lowest, 0)
        return cls(scaled.astype(object) << lift.astype(object), -lowest)

    def at(self, shift: int) -> Integers:
        """The integers for a finer ``shift``."""
        return self.integers << (shift - self.shift) if shift > self.shift else self.integers

    def fractions(self) -> list[Fraction]:
        """The entries of a vector."""
        return [Fraction(int(i), 1) / Fraction(2) ** self.shift for i in self.integers.ravel()]


class ExactNetwork:
    """A network with its weights turned into integers once, to be evaluated at many points.

    A weight matrix costs one Python integer an entry (about 40 bytes); a point costs one integer multiplication per
    weight and use.
    """

    def __init__(self, network: Network) -> None:
        self._network = network
        self._weights = [_Integral.of(node.op) if isinstance(node.op, Linear) else node.op for node in network.nodes]

    def evaluate(self, point: Float64[np.ndarray, " n"]) -> list[Fraction]:
        """The outputs at one point, exactly."""
        return self._run(Dyadic.of(point), 1)

    def evaluate_rational(self, point: Sequence[Fraction]) -> list[Fraction]:
        """The outputs at a point whose coordinates need not be dyadic, exactly.

        With D a common odd denominator, ``D f(x / D)`` is the network with every bias times D: ReLU is homogeneous.
        """
        powers = [(x.denominator & -x.denominator).bit_length() - 1 for x in point]
        shift = max(powers, default=0)
        odd = math.lcm(*(x.denominator >> power for x, power in zip(point, powers, strict=True)))
        integers = np.array([int(x * odd * 2**shift) for x in point], dtype=object)
        return [value / odd for value in self._run(Dyadic(integers, shift), odd)]

    def _run(self, point: Dyadic, scale: int) -> list[Fraction]:
        """The outputs at ``point`` of the network with its biases times ``scale``."""
        values = [point]
        for node, op in zip(self._network.nodes, self._weights, strict=True):
            reads = [values[k] for k in node.inputs]
            match op:
                case _Integral() as linear:
                    values.append(linear.apply(reads[0], scale))
                case Add():
                    shift = max(read.shift for read in reads)
                    values.append(Dyadic(reads[0].at(shift) + reads[1].at(shift), shift))
                case ReLU():
                    values.append(Dyadic(np.maximum(reads[0].integers, 0), reads[0].shift))
        return values[-1].fractions()


@dc.dataclass(frozen=True, slots=True, eq=False)
class _Integral:
    """A linear op with its weights as integers times ``2**-shift``, and its exact bias, one number an output."""

    op: Affine | Conv2d
    weight: "Integers | _SparseIntegers"
    shift: int
    bias: Dyadic

    @classmethod
    def of(cls, op: Affine | Conv2d) -> "_Integral":
        bias = Dyadic.of(np.repeat(op.bias, op.output_width // len(op.bias)))
        weight = op.weight
        if isinstance(weight, sp.csr_array):
            dyadic = Dyadic.of(weight.data)
            return cls(op, _SparseIntegers(dyadic.integers, weight), dyadic.shift, bias)
        dyadic = Dyadic.of(weight)
        return cls(op, dyadic.integers, dyadic.shift, bias)

    def apply(self, read: Dyadic, scale: int) -> Dyadic:
        """The op, its bias times ``scale``, at one exact vector."""
        product = Dyadic(self._product(read.integers[None, :]), self.shift + read.shift)
        shift = max(product.shift, self.bias.shift)
        return Dyadic(product.at(shift) + scale * self.bias.at(shift), shift)

    def _product(self, x: Integers) -> Integers:
        """The integer weights times one row (1, n) of integers."""
        if isinstance(self.op, Affine):
            return (self.weight @ x.T)[:, 0]
        assert isinstance(self.weight, np.ndarray)
        patches = np.split(self.op.windows(x)[0], self.op.groups, axis=0)
        kernels = np.split(self.weight, self.op.groups, axis=0)
        parts = [np.tensordot(k, p, ((1, 2, 3), (0, 3, 4))) for k, p in zip(kernels, patches, strict=True)]
        return np.concatenate(parts).ravel()


class _SparseIntegers:
    """A CSR matrix of Python integers, which scipy cannot hold: just ``matrix @ dense`` and ``shape``."""

    def __init__(self, integers: Integers, pattern: sp.csr_array) -> None:
        self._integers, self._pattern = integers, pattern
        self.shape = pattern.shape

    def __matmul__(self, dense: Integers) -> Integers:
        rows = np.repeat(np.arange(self.shape[0]), np.diff(self._pattern.indptr))
        result = np.zeros((self.shape[0], dense.shape[1]), dtype=object)
        np.add.at(result, rows, self._integers[:, None] * dense[self._pattern.indices])
        return result
