"""Networks as ONNX files that any tool reads: Flatten, Gemm, Reshape, Conv, Relu, Add."""

from typing import Any

import numpy as np
import onnx
import scipy.sparse as sp
from google.protobuf.message import DecodeError
from onnx import TensorProto, helper, numpy_helper

from certify.errors import InvalidInput
from certify.network import Add, Affine, Conv2d, Network, Node, ReLU

OPSET = 13
"""Old enough for every tool in the field."""

LARGEST = 2 * 10**9
"""Bytes that one ONNX file can hold."""


def encode(network: Network, metadata: dict[str, str]) -> bytes:
    """The file, batch axis free: float32 when every number is one, double otherwise.

    Raises:
        InvalidInput: the weights, written dense, do not fit in one ONNX file.
    """
    single = all(is_single(numbers) for node in network.nodes for numbers in node.op.parameters)
    dtype = np.float32 if single else np.float64
    _check_size(network, np.dtype(dtype).itemsize)
    nodes = [helper.make_node("Flatten", ["input"], ["value0"], axis=1)]
    tensors: list[TensorProto] = []
    for i, node in enumerate(network.nodes):
        _write(i, node, dtype, nodes, tensors)
    nodes[-1].output[0] = "output"
    kind = TensorProto.FLOAT if single else TensorProto.DOUBLE
    source = helper.make_tensor_value_info("input", kind, ["batch", *network.input_shape])
    target = helper.make_tensor_value_info("output", kind, ["batch", network.output_width])
    graph = helper.make_graph(nodes, "network", [source], [target], tensors)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], producer_name="relucert")
    model.ir_version = 8
    helper.set_model_props(model, metadata)
    return model.SerializeToString()


def metadata(data: bytes, name: str) -> dict[str, str]:
    """The metadata of an ONNX file.

    Raises:
        InvalidInput: it is damaged.
    """
    try:
        model = onnx.load_model_from_string(data)
    except DecodeError as error:
        raise InvalidInput(f"{name} is a damaged ONNX file: {error}. Was it copied completely?") from error
    return {entry.key: entry.value for entry in model.metadata_props}


def is_single(numbers: np.ndarray) -> bool:
    """Whether every number is exactly a float32."""
    with np.errstate(over="ignore", under="ignore"):
        return bool((numbers.astype(np.float32).astype(np.float64) == numbers).all())


def _check_size(network: Network, item: int) -> None:
    total = 0
    for i, node in enumerate(network.nodes):
        match node.op:
            case Affine(weight=weight) as op:
                size, sparse = op.output_width * op.input_width, isinstance(weight, sp.csr_array)
            case op:
                size, sparse = sum(int(numbers.size) for numbers in op.parameters), False
        total += size * item
        if total > LARGEST:
            what = "sparse layer, written dense," if sparse else "layer"
            raise InvalidInput(
                f"Node {i} ({type(node.op).__name__}), a {what} takes {size * item / 1e9:.1f} GB; "
                f"an ONNX file holds 2 GB. Save it as .safetensors, which keeps layers sparse."
            )


def _write(i: int, node: Node, dtype: type, nodes: list[onnx.NodeProto], tensors: list[TensorProto]) -> None:
    """The ONNX nodes of node i; its result is called ``value{i + 1}``."""
    reads, result = [f"value{k}" for k in node.inputs], f"value{i + 1}"

    def store(name: str, numbers: np.ndarray) -> str:
        tensors.append(numpy_helper.from_array(np.ascontiguousarray(numbers), f"{name}{i}"))
        return f"{name}{i}"

    match node.op:
        case Affine(weight=weight, bias=bias):
            dense = weight.toarray() if isinstance(weight, sp.csr_array) else weight
            inputs = [*reads, store("weight", dense.astype(dtype)), store("bias", bias.astype(dtype))]
            nodes.append(helper.make_node("Gemm", inputs, [result], transB=1))
        case Conv2d() as op:
            image = store("image", np.array([-1, *op.image], dtype=np.int64))
            nodes.append(helper.make_node("Reshape", [*reads, image], [f"image_of_{result}"]))
            inputs = [
                f"image_of_{result}",
                store("weight", op.weight.astype(dtype)),
                store("bias", op.bias.astype(dtype)),
            ]
            shape: dict[str, Any] = {
                "strides": op.stride,
                "pads": op.padding * 2,
                "dilations": op.dilation,
                "group": op.groups,
            }
            nodes.append(helper.make_node("Conv", inputs, [f"convolved{i}"], **shape))
            nodes.append(helper.make_node("Flatten", [f"convolved{i}"], [result], axis=1))
        case Add():
            nodes.append(helper.make_node("Add", reads, [result]))
        case ReLU():
            nodes.append(helper.make_node("Relu", reads, [result]))
