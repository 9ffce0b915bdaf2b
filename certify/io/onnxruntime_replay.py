"""The original ONNX file run by onnxruntime: the one file that imports it."""

from collections.abc import Callable

import numpy as np
import onnxruntime
from jaxtyping import Float64

from certify.errors import InvalidInput
from certify.io.onnx_reader import OnnxModel

Replay = Callable[[Float64[np.ndarray, "b n"]], Float64[np.ndarray, "b m"]]
"""Flat points in, flat outputs out, computed by the original program in its own precision."""


def replay(model: OnnxModel) -> Replay:
    """A function that runs the file on flat points, cast to its input type, one batch of its own size at a time.

    Raises:
        InvalidInput: onnxruntime cannot run the file.
    """
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.intra_op_num_threads = 1
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    try:
        session = onnxruntime.InferenceSession(model.proto.SerializeToString(), options, ["CPUExecutionProvider"])
    except Exception as error:  # its exceptions share no public base class
        raise InvalidInput(f"{model.path}: onnxruntime refuses the model: {error}") from error
    dtype = {"float32": np.float32, "float16": np.float16}.get(model.dtype, np.float64)
    shape = (model.batch, *model.shape[1:]) if model.batched else model.shape

    def run(points: Float64[np.ndarray, "b n"]) -> Float64[np.ndarray, "b m"]:
        rows = []
        for point in points:
            batch = np.broadcast_to(point.astype(dtype).reshape(model.shape), shape)
            answer = np.asarray(session.run([model.output_name], {model.input_name: np.ascontiguousarray(batch)})[0])
            rows.append(answer.reshape(model.batch, -1)[0].astype(np.float64))
        return np.stack(rows) if rows else np.zeros((0, 0))

    return run
