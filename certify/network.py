"""A ReLU network as an immutable graph over four ops: ``Affine``, ``Conv2d``, ``Add``, ``ReLU``.

Every value in the graph is a flat vector; an image is its row-major (channel, height, width) flattening and the
convolution that reads it knows the shape, so reshapes cost nothing and appear nowhere. Readers fold everything else
(normalisation, batch norm, pooling, transposes, concatenation) into these four.

A network is read over the reals: a stored float is the dyadic number it is, and every proof is about that real
function.
"""

import dataclasses as dc
import hashlib
from collections.abc import Iterator, Sequence

import numpy as np
import scipy.sparse as sp
from jaxtyping import Float64

from certify.errors import InvalidInput


@dc.dataclass(frozen=True, slots=True, eq=False)
class Affine:
    """``x -> weight @ x + bias``; ``weight`` is (m, n), dense or scipy CSR, ``bias`` is (m,)."""

    weight: Float64[np.ndarray, "m n"] | sp.csr_array
    bias: Float64[np.ndarray, " m"]

    @property
    def arity(self) -> int:
        """How many values it reads."""
        return 1

    @property
    def input_width(self) -> int:
        """Length n of the vector it reads."""
        return int(self.weight.shape[1])

    @property
    def output_width(self) -> int:
        """Length m of the vector it makes."""
        return int(self.weight.shape[0])

    @property
    def parameters(self) -> Iterator[Float64[np.ndarray, "..."]]:
        """The stored numbers: weights (of a CSR matrix its entries), then biases."""
        yield self.weight.data if isinstance(self.weight, sp.csr_array) else self.weight
        yield self.bias

    def apply(self, x: np.ndarray) -> np.ndarray:
        """The op on a batch (b, n), in the arithmetic of ``x``'s dtype (float64, or exact on object arrays)."""
        return np.asarray((self.weight @ x.T).T + self.bias)


@dc.dataclass(frozen=True, slots=True, eq=False)
class Conv2d:
    """A 2-d cross-correlation with zero padding, over flattened images.

    ``weight`` is (out, in / groups, kh, kw), ``bias`` (out,), ``image`` the (channels, height, width) that it reads;
    ``stride``, ``padding`` (the same on both sides of an axis) and ``dilation`` are (vertical, horizontal).
    """

    weight: Float64[np.ndarray, "o i kh kw"]
    bias: Float64[np.ndarray, " o"]
    image: tuple[int, int, int]
    stride: tuple[int, int] = (1, 1)
    padding: tuple[int, int] = (0, 0)
    dilation: tuple[int, int] = (1, 1)
    groups: int = 1

    def __post_init__(self) -> None:
        if self.image[0] != self.weight.shape[1] * self.groups or self.weight.shape[0] % self.groups:
            raise InvalidInput(
                f"Conv2d: weight {self.weight.shape} with {self.groups} group(s) does not read {self.image[0]} "
                f"channels."
            )
        if min(self.output_image) < 1:
            raise InvalidInput(f"Conv2d: a {self.weight.shape[2:]} kernel does not fit the padded image {self.image}.")

    @property
    def arity(self) -> int:
        """How many values it reads."""
        return 1

    @property
    def output_image(self) -> tuple[int, int, int]:
        """The (channels, height, width) it makes."""
        height, width = (
            (size + 2 * pad - step * (taps - 1) - 1) // stride + 1
            for size, pad, step, taps, stride in zip(
                self.image[1:], self.padding, self.dilation, self.weight.shape[2:], self.stride, strict=True
            )
        )
        return self.weight.shape[0], height, width

    @property
    def input_width(self) -> int:
        """Length n of the flattened image it reads."""
        return int(np.prod(self.image))

    @property
    def output_width(self) -> int:
        """Length m of the flattened image it makes."""
        return int(np.prod(self.output_image))

    @property
    def parameters(self) -> Iterator[Float64[np.ndarray, "..."]]:
        """The stored numbers; a shared kernel counts once."""
        yield self.weight
        yield self.bias

    def windows(self, x: np.ndarray) -> np.ndarray:
        """The patches of a batch (b, n) that the kernel reads: (b, channels, height', width', kh, kw), a view."""
        (ph, pw), (dh, dw), (_, _, kh, kw) = self.padding, self.dilation, self.weight.shape
        channels, height, width = self.image
        padded = np.zeros((len(x), channels, height + 2 * ph, width + 2 * pw), dtype=x.dtype)  # np.pad spoils objects
        padded[:, :, ph : ph + height, pw : pw + width] = x.reshape(-1, *self.image)
        span = ((kh - 1) * dh + 1, (kw - 1) * dw + 1)
        view = np.lib.stride_tricks.sliding_window_view(padded, span, axis=(2, 3))
        return view[:, :, :: self.stride[0], :: self.stride[1], ::dh, ::dw]

    def apply(self, x: np.ndarray) -> np.ndarray:
        """The op on a batch (b, n), in the arithmetic of ``x``'s dtype (float64, or exact on object arrays)."""
        patches = np.split(self.windows(x), self.groups, axis=1)
        kernels = np.split(self.weight, self.groups, axis=0)
        parts = [np.tensordot(p, k, ((1, 4, 5), (1, 2, 3))) for p, k in zip(patches, kernels, strict=True)]
        image = np.concatenate(parts, axis=3) + self.bias
        return np.ascontiguousarray(np.moveaxis(image, 3, 1)).reshape(len(x), -1)


@dc.dataclass(frozen=True, slots=True, eq=False)
class Add:
    """``(x, y) -> x + y`` for two values of ``width`` numbers: where a residual branch rejoins."""

    width: int

    @property
    def arity(self) -> int:
        """How many values it reads."""
        return 2

    @property
    def input_width(self) -> int:
        """Length of each vector it reads."""
        return self.width

    @property
    def output_width(self) -> int:
        """Length of the vector it makes."""
        return self.width

    @property
    def parameters(self) -> Iterator[Float64[np.ndarray, "..."]]:
        """None."""
        return iter(())


@dc.dataclass(frozen=True, slots=True, eq=False)
class ReLU:
    """``x -> max(x, 0)`` on each of ``width`` numbers."""

    width: int

    @property
    def arity(self) -> int:
        """How many values it reads."""
        return 1

    @property
    def input_width(self) -> int:
        """Length of the vector it reads."""
        return self.width

    @property
    def output_width(self) -> int:
        """Length of the vector it makes."""
        return self.width

    @property
    def parameters(self) -> Iterator[Float64[np.ndarray, "..."]]:
        """None."""
        return iter(())


Linear = Affine | Conv2d
Op = Affine | Conv2d | Add | ReLU


@dc.dataclass(frozen=True, slots=True, eq=False)
class Node:
    """An op and the values it reads: value 0 is the network's input, value i + 1 the result of node i."""

    op: Op
    inputs: tuple[int, ...]


@dc.dataclass(frozen=True, slots=True)
class Counts:
    """Sizes of a network. A convolution's shared kernel counts once.

    ``nnz`` is the number of non-zero weights and biases (the size of li2022, Section 1.3), ``dense`` counts zeros too
    (``m (n + 1)`` for an affine map), ``units`` is the number of ReLUs, ``depth`` the largest number of affine or
    convolution ops on a path.
    """

    nnz: int
    dense: int
    units: int
    depth: int


@dc.dataclass(frozen=True, slots=True, eq=False)
class Network:
    """A ReLU network: ``nodes`` in an order where each reads earlier values only; the last one is the output.

    ``input_shape`` is the shape of one raw input (for messages and image axes); values are flat.

    Raises:
        InvalidInput: no nodes, a value read before it exists, widths that do not fit, or a weight that is NaN or
            infinite; the message names the node.
    """

    input_shape: tuple[int, ...]
    nodes: tuple[Node, ...]

    def __post_init__(self) -> None:
        if not self.nodes or self.input_width < 1:
            raise InvalidInput(f"A network needs a non-empty input and a node; input shape {self.input_shape}.")
        widths = [self.input_width]
        for i, node in enumerate(self.nodes):
            self._check(i, node, widths)
            widths.append(node.op.output_width)

    def _check(self, i: int, node: Node, widths: Sequence[int]) -> None:
        name = f"Node {i} ({type(node.op).__name__})"
        if len(node.inputs) != node.op.arity or not all(0 <= k < len(widths) for k in node.inputs):
            raise InvalidInput(f"{name} reads values {node.inputs}; {node.op.arity} of the first {len(widths)} needed.")
        if any(widths[k] != node.op.input_width for k in node.inputs):
            given = ", ".join(str(widths[k]) for k in node.inputs)
            raise InvalidInput(f"{name} reads vectors of {node.op.input_width} numbers, but was given {given}.")
        for numbers in node.op.parameters:
            bad = numbers[~np.isfinite(numbers)]
            if bad.size:
                raise InvalidInput(
                    f"{name} has {bad.size} weight(s) or bias(es) that are NaN or infinite, the first {bad[0]}; no "
                    f"statement about such a network makes sense. Was training stopped after it diverged?"
                )
        weight = node.op.weight if isinstance(node.op, Affine) else None
        if isinstance(weight, sp.csr_array) and not weight.has_canonical_format:
            raise InvalidInput(
                f"{name} has a CSR matrix with unsorted or repeated entries; what it computes would depend on the "
                f"order of summation. Call sum_duplicates() on it first."
            )
        if isinstance(node.op, Affine) and node.op.bias.shape != (node.op.output_width,):
            raise InvalidInput(f"{name}: weight {node.op.weight.shape} and bias {node.op.bias.shape} do not fit.")

    @classmethod
    def chain(cls, ops: Sequence[Op], input_shape: tuple[int, ...] | None = None) -> "Network":
        """The composition of ``ops``, first to last; ``input_shape`` defaults to the flat input of the first."""
        nodes = tuple(Node(op, (i,)) for i, op in enumerate(ops))
        return cls(input_shape or (ops[0].input_width,), nodes)

    @property
    def input_width(self) -> int:
        """How many numbers one input has."""
        return int(np.prod(self.input_shape))

    @property
    def output_width(self) -> int:
        """How many numbers the network answers with."""
        return self.nodes[-1].op.output_width

    @property
    def widths(self) -> tuple[int, ...]:
        """The length of every value, the input's first."""
        return (self.input_width, *(node.op.output_width for node in self.nodes))

    def evaluate(self, points: Float64[np.ndarray, "b n"]) -> Float64[np.ndarray, "b m"]:
        """The network on a batch of flat points, in float64 rounded to nearest.

        Raises:
            InvalidInput: the points are not (b, n) with this network's n.
        """
        if points.ndim != 2 or points.shape[1] != self.input_width:
            raise InvalidInput(
                f"Points of shape {points.shape} do not fit this network, which reads {self.input_width} numbers "
                f"an input (input shape {self.input_shape})."
            )
        values: list[np.ndarray] = [points.astype(np.float64, copy=False)]
        for node in self.nodes:
            reads = [values[k] for k in node.inputs]
            match node.op:
                case Affine() | Conv2d() as op:
                    values.append(op.apply(reads[0]))
                case Add():
                    values.append(reads[0] + reads[1])
                case ReLU():
                    values.append(np.maximum(reads[0], 0.0))
        return values[-1]

    def count(self) -> Counts:
        """Its sizes; see ``Counts``."""
        depths = [0]
        for node in self.nodes:
            depths.append(max(depths[k] for k in node.inputs) + isinstance(node.op, Linear))
        return Counts(
            nnz=sum(int(np.count_nonzero(p)) for node in self.nodes for p in node.op.parameters),
            dense=sum(_dense_size(node.op) for node in self.nodes),
            units=sum(node.op.width for node in self.nodes if isinstance(node.op, ReLU)),
            depth=depths[-1],
        )

    @property
    def digest(self) -> str:
        """SHA-256 of the function's description (shapes, wiring, every weight): equal digests, equal networks."""
        state = hashlib.sha256(repr(("relucert-network-1", self.input_shape)).encode())
        for node in self.nodes:
            op = node.op
            state.update(repr((type(op).__name__, node.inputs, op.input_width, op.output_width)).encode())
            if isinstance(op, Conv2d):
                state.update(repr((op.weight.shape, op.image, op.stride, op.padding, op.dilation, op.groups)).encode())
            if isinstance(op, Affine) and isinstance(op.weight, sp.csr_array):
                state.update(
                    b"csr" + op.weight.indptr.astype("<i8").tobytes() + op.weight.indices.astype("<i8").tobytes()
                )
            for numbers in op.parameters:
                state.update(np.ascontiguousarray(numbers, dtype="<f8").tobytes())
        return state.hexdigest()


def _dense_size(op: Op) -> int:
    if isinstance(op, Affine):
        return op.output_width * (op.input_width + 1)
    return sum(int(p.size) for p in op.parameters)
