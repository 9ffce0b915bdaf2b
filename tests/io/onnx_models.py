"""Small ONNX models, built here so that every op and opset under test is spelled out."""

import dataclasses as dc
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper


def node(op: str, inputs: Sequence[str], outputs: Sequence[str], **attributes: Any) -> onnx.NodeProto:
    """A node named after its first output."""
    return helper.make_node(op, list(inputs), list(outputs), name=f"n_{outputs[0]}", **attributes)


@dc.dataclass(frozen=True, slots=True)
class Form:
    """Less usual ways to write a model: ``listed`` names the initialisers among the inputs too."""

    outputs: Sequence[str] = ("y",)
    kind: int = TensorProto.FLOAT
    listed: bool = False


def save(
    path: Path,
    nodes: Sequence[onnx.NodeProto],
    tensors: dict[str, np.ndarray],
    *,
    shape: Sequence[int | str],
    opset: int = 13,
    form: Form = Form(),
) -> Path:
    """A model from input ``x`` of ``shape``."""
    source = helper.make_tensor_value_info("x", form.kind, list(shape))
    targets = [helper.make_tensor_value_info(name, form.kind, None) for name in form.outputs]
    stored = [numpy_helper.from_array(array, name) for name, array in tensors.items()]
    more = [helper.make_tensor_value_info(t.name, t.data_type, list(t.dims)) for t in stored] if form.listed else []
    graph = helper.make_graph(list(nodes), "g", [source, *more], targets, stored)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)])
    model.ir_version = 4 if opset < 13 else 10
    path.write_bytes(model.SerializeToString())
    return path


def weights(seed: int = 0, **shapes: tuple[int, ...]) -> dict[str, np.ndarray]:
    """Float32 normal numbers for each name."""
    random = np.random.default_rng(seed)
    return {name: random.normal(size=shape).astype(np.float32) for name, shape in shapes.items()}
