"""The original ONNX file run by the reference implementation of the onnx package: slow, for what onnxruntime lacks."""

from collections.abc import Callable

import numpy as np
import onnx.reference
from jaxtyping import Float64

from certify.errors import InvalidInput
from certify.io.onnx_reader import OnnxModel

Run = Callable[[Float64[np.ndarray, "b n"]], Float64[np.ndarray, "b m"]]
"""Flat points in, flat outputs out."""


def reference(model: OnnxModel) -> Run:
    """A function that runs the file on flat points, one batch of its own size at a time.

    Raises:
        InvalidInput: the file cannot be run; also raised by the function itself.
    """
    shape = (model.batch, *model.shape[1:]) if model.batched else model.shape
    dtype = {"float32": np.float32, "float16": np.float16}.get(model.dtype, np.float64)

    def run(points: Float64[np.ndarray, "b n"]) -> Float64[np.ndarray, "b m"]:
        try:
            session = onnx.reference.ReferenceEvaluator(model.proto)
            batches = [np.broadcast_to(p.astype(dtype).reshape(model.shape), shape) for p in points]
            feeds = [{model.input_name: np.ascontiguousarray(batch)} for batch in batches]
            answers = [
                np.asarray(next(iter(session.run([model.output_name], feed))), dtype=np.float64) for feed in feeds
            ]
        except Exception as error:  # whatever numpy or the evaluator raise on a broken model
            raise InvalidInput(f"{model.path} cannot be run: {type(error).__name__}: {error}") from error
        return np.stack([answer.reshape(model.batch, -1)[0] for answer in answers])

    return run
