"""ONNX files: parsed, constants folded, every node turned into the four ops by a table of rules."""

import collections
import dataclasses as dc
import math
from pathlib import Path

import numpy as np
import onnx
from google.protobuf.message import DecodeError
from onnx import TensorProto
from onnx.reference import ReferenceEvaluator

from certify.errors import CertifyError, InvalidInput, UnsupportedModel
from certify.io.graph import Graph
from certify.io.onnx_arithmetic import ARITHMETIC
from certify.io.onnx_call import Call, Operand, Rule, node_name
from certify.io.onnx_shapes import SHAPES
from certify.io.onnx_windows import WINDOWS
from certify.io.views import View
from certify.network import Network

RULES: dict[str, Rule] = ARITHMETIC | SHAPES | WINDOWS
"""Every op type that may depend on the input."""

FOLDABLE = frozenset(
    (
        "Constant",
        "ConstantOfShape",
        "Range",
        "Where",
        "Equal",
        "Floor",
        "Ceil",
        "Sqrt",
        "Pow",
        "Reciprocal",
        "Exp",
        "Tile",
        "ReduceProd",
        "Size",
    )
)
"""Op types that are evaluated when all their inputs are constants, besides those with a rule."""

LARGEST_TENSOR, LARGEST_WEIGHT = 1 << 26, 1 << 30
"""Tensors and stored weights with more entries are refused: a damaged shape must not eat the memory."""

FLOATS: dict[int, str] = {
    TensorProto.FLOAT: "float32",
    TensorProto.DOUBLE: "float64",
    TensorProto.FLOAT16: "float16",
    TensorProto.BFLOAT16: "bfloat16",
}


@dc.dataclass(frozen=True, slots=True, eq=False)
class OnnxModel:
    """A parsed file: the graph, what it reads, and how its axes are laid out.

    ``shape`` is the input tensor's shape with the batch axis, if ``batched``, set to 1; ``batch`` is the fixed batch
    size that the file declares (1 when free).
    """

    proto: onnx.ModelProto
    path: Path
    input_name: str
    output_name: str
    dtype: str
    shape: tuple[int, ...]
    batched: bool
    batch: int

    @property
    def opset(self) -> int:
        """The version of the standard op set."""
        return max((o.version for o in self.proto.opset_import if o.domain in ("", "ai.onnx")), default=1)

    @property
    def input_shape(self) -> tuple[int, ...]:
        """The shape of one raw input."""
        return self.shape[1:] if self.batched else self.shape

    def reachable(self) -> list[onnx.NodeProto]:
        """The nodes that the output depends on, in order."""
        needed, kept = {self.output_name}, []
        for node in reversed(self.proto.graph.node):
            if needed.intersection(node.output):
                needed.update(name for name in node.input if name)
                kept.append(node)
        return kept[::-1]

    def ops(self) -> dict[str, int]:
        """Op types that the output depends on, with how often each occurs."""
        return dict(collections.Counter(node.op_type for node in self.reachable()))


def parse(data: bytes, path: Path, input_shape: tuple[int, ...] | None = None) -> OnnxModel:
    """The model that ``data`` holds.

    Raises:
        InvalidInput: not an ONNX model, or weights stored in files that are missing.
        UnsupportedModel: several inputs or outputs, a symbolic shape, or an input that is not floating point.
    """
    try:
        proto = onnx.load_model_from_string(data)
    except (DecodeError, ValueError) as error:
        raise InvalidInput(f"{path} is not a readable ONNX file ({error}). Is it damaged or truncated?") from error
    if not proto.graph.node or not proto.graph.output:
        raise InvalidInput(f"{path} holds no ONNX graph. Is it damaged, or another kind of file?")
    _load_external(proto, path)
    stored = {tensor.name for tensor in proto.graph.initializer}
    inputs = [i for i in proto.graph.input if i.name not in stored]
    outputs = list(proto.graph.output)
    for kind, found in (("input", inputs), ("output", outputs)):
        if len(found) != 1:
            names = ", ".join(repr(f.name) for f in found) or "none"
            raise UnsupportedModel(
                f"{path} has {len(found)} {kind}s ({names}); exactly one is needed. Export one of them alone."
            )
    element = int(inputs[0].type.tensor_type.elem_type)
    if element not in FLOATS:
        raise UnsupportedModel(
            f"{path}: input '{inputs[0].name}' has ONNX element type {element}; a floating point type is needed."
        )
    shape, batched, batch = _layout(inputs[0], outputs[0], input_shape, path)
    return OnnxModel(proto, path, inputs[0].name, outputs[0].name, FLOATS[element], shape, batched, batch)


def _load_external(proto: onnx.ModelProto, path: Path) -> None:
    outside = [t for t in proto.graph.initializer if t.data_location == TensorProto.EXTERNAL]
    if not outside:
        return
    try:
        onnx.load_external_data_for_model(proto, str(path.parent))
    except (OSError, ValueError, onnx.checker.ValidationError) as error:
        places = sorted({e.value for t in outside for e in t.external_data if e.key == "location"})
        raise InvalidInput(
            f"{path} keeps weights in other files ({', '.join(places)}) that cannot be read from its folder: {error}"
        ) from error


def _layout(
    source: onnx.ValueInfoProto, target: onnx.ValueInfoProto, given: tuple[int, ...] | None, path: Path
) -> tuple[tuple[int, ...], bool, int]:
    """The input's shape with batch 1, whether it has a batch axis, and its fixed batch size."""
    dims, out = ([_size(d) for d in v.type.tensor_type.shape.dim] for v in (source, target))
    free = not dims and not source.type.tensor_type.HasField("shape")
    if given is not None and (free or len(dims) == len(given) + 1):
        return (1, *given), True, dims[0] or 1 if dims else 1
    if given is not None and len(dims) == len(given):
        return tuple(given), False, 1
    batched = len(dims) >= 2 and (dims[0] in (None, 1) or bool(out and dims[0] == out[0]))
    batch = dims[0] or 1 if batched else 1
    shape = [1, *dims[1:]] if batched else dims
    if free or None in shape or given is not None:
        text = ", ".join("?" if d is None else str(d) for d in dims) or "none"
        raise UnsupportedModel(
            f"{path}: the shape of input '{source.name}' is not fixed or does not fit (declared: {text}; "
            f"given: {given}). Give the shape of one input without the batch axis (input_shape)."
        )
    sizes = tuple(int(d or 0) for d in shape)
    if not 0 < math.prod(sizes) <= LARGEST_TENSOR:
        raise InvalidInput(
            f"{path}: input '{source.name}' has shape {sizes}, {math.prod(sizes)} numbers; is the file damaged?"
        )
    return sizes, batched, batch


def _size(dimension: onnx.TensorShapeProto.Dimension) -> int | None:
    return dimension.dim_value if dimension.HasField("dim_value") and dimension.dim_value > 0 else None


def refusals(model: OnnxModel) -> tuple[str, ...]:
    """One sentence for each node that has no rule."""
    known = set(RULES) | FOLDABLE
    return tuple(
        _refusal(node) for node in model.reachable() if node.op_type not in known or node.domain not in ("", "ai.onnx")
    )


def _refusal(node: onnx.NodeProto) -> str:
    domain = f" (domain '{node.domain}')" if node.domain not in ("", "ai.onnx") else ""
    return (
        f"{node_name(node)}{domain} is not supported: networks are made of affine maps, convolutions, pooling and "
        f"ReLU. Remove the op before exporting. From Python, AutoLirpaBounder of certify.bounders.auto_lirpa bounds "
        f"PyTorch modules with sigmoid or tanh."
    )


def convert(model: OnnxModel) -> tuple[Network, tuple[str, ...]]:
    """The network that the file describes, and notes on what was rounded.

    Raises:
        UnsupportedModel: an op without a rule, by type and node name.
        InvalidInput: damaged contents.
    """
    refused = refusals(model)
    if refused:
        first, *others = refused
        more = f" ({len(others)} more such node(s))" if others else ""
        raise UnsupportedModel(f"{model.path}: {first}{more}")
    graph = Graph(model.input_shape)
    values: dict[str, Operand] = {"": None, model.input_name: View.whole(0, model.shape)}
    for tensor in model.proto.graph.initializer:
        values[tensor.name] = _stored(tensor, model.path)
    for node in model.reachable():
        values.update(_results(node, values, graph, model))
    output = values.get(model.output_name)
    if not isinstance(output, View):
        raise InvalidInput(f"{model.path}: output '{model.output_name}' does not depend on the input.")
    return graph.network(output, "the output"), graph.notes


def _stored(tensor: TensorProto, path: Path) -> np.ndarray:
    if math.prod(tensor.dims) > LARGEST_WEIGHT:
        raise InvalidInput(f"{path}: tensor '{tensor.name}' claims shape {tuple(tensor.dims)}; is the file damaged?")
    try:
        return _widened(onnx.numpy_helper.to_array(tensor))
    except (ValueError, TypeError) as error:
        raise InvalidInput(f"{path}: tensor '{tensor.name}' is damaged: {error}.") from error


def _widened(array: np.ndarray) -> np.ndarray:
    """Float16, bfloat16 and float32 numbers as the float64 that they are; integers and booleans as they are."""
    return array if array.dtype.kind in "iub" else array.astype(np.float64)


def _results(
    node: onnx.NodeProto, values: dict[str, Operand], graph: Graph, model: OnnxModel
) -> dict[str, View | np.ndarray]:
    """The node's outputs by name."""
    missing = [name for name in node.input if name not in values]
    if missing:
        raise InvalidInput(f"{model.path}: {node_name(node)} reads '{missing[0]}', which nothing defines.")
    call = Call(node, tuple(values[name] for name in node.input), graph, model.opset, model.batch)
    where = f"{model.path}: {call.name}"
    try:
        if not any(isinstance(operand, View) for operand in call.inputs):
            made = _folded(call)
        elif node.op_type in RULES:
            made = RULES[node.op_type](call)
        else:
            raise UnsupportedModel(f"{call.name} depends on the input. Export the model with fixed shapes.")
    except CertifyError as error:
        raise type(error)(f"{model.path}: {error}") from error
    except (ValueError, IndexError, TypeError, RuntimeError, MemoryError) as error:
        raise InvalidInput(f"{where} cannot be applied to its inputs: {error}.") from error
    results = made if isinstance(made, list) else [made]
    for result in results:
        if np.prod(result.shape, dtype=float) > LARGEST_TENSOR:
            raise UnsupportedModel(f"{where} makes a tensor of shape {result.shape}: too large.")
    return {name: result for name, result in zip(node.output, results, strict=False) if name}


def _folded(call: Call) -> np.ndarray | list[np.ndarray]:
    """The value of a node whose inputs are all constants, in float64 or integers."""
    operands = {n: v for n, v in zip(call.node.input, call.inputs, strict=True) if isinstance(v, np.ndarray)}
    values, node = list(operands.values()), call.node
    if node.op_type in ("ConstantOfShape", "Expand") and not 0 <= math.prod(values[-1].tolist()) <= LARGEST_TENSOR:
        raise UnsupportedModel(f"{call.name} makes a constant of shape {tuple(values[-1].tolist())}: too large.")
    if node.op_type == "Cast" and int(call.attribute("to", 1)) in FLOATS:
        return values[0].astype(np.float64)
    if node.op_type == "Dropout":
        return values[0]
    opset = onnx.helper.make_opsetid("", call.opset)
    info = [onnx.helper.make_tensor_value_info(name, 0, None) for name in operands]
    outs = [onnx.helper.make_tensor_value_info(name, 0, None) for name in node.output if name]
    proto = onnx.helper.make_graph([node], "constant", info, outs)
    session = ReferenceEvaluator(onnx.helper.make_model(proto, opset_imports=[opset]))
    results = [_widened(np.asarray(r)) for r in [*session.run(None, operands)]]
    return results if len(results) > 1 else results[0]
