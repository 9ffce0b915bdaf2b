"""Networks into files, by extension."""

import gzip
import io
import os
from pathlib import Path

import numpy as np

from certify.errors import InvalidInput
from certify.io import files, onnx_writer, safetensors_format
from certify.network import Affine, Network, ReLU

EXTENSIONS = (".safetensors", ".onnx", ".onnx.gz", ".pt", ".pth")

_LARGEST = 4 * 10**9
"""Bytes of a state dict in which sparse layers are made dense."""


def save(network: Network, path: str | os.PathLike[str], *, metadata: dict[str, str] | None = None) -> None:
    """Write ``network`` to ``path`` in one step, in the format of its extension.

    ``.safetensors`` keeps everything (float64, sparse layers, the digest); ``.onnx`` and ``.onnx.gz`` hold dense
    layers, in float32 when that loses nothing; ``.pt`` is a state dict, dense, for layers with ReLU between.

    Raises:
        InvalidInput: an unknown extension, a network that the format cannot hold, or a path that cannot be written; the
            old file then stays.
    """
    check(path)
    name, notes = Path(path).name.lower(), dict(metadata or {})
    if name.endswith(".safetensors"):
        data = safetensors_format.encode(network, notes)
    elif name.endswith((".onnx", ".onnx.gz")):
        data = onnx_writer.encode(network, notes)
        data = gzip.compress(data, mtime=0) if name.endswith(".gz") else data
    else:
        data = _state_dict(network, notes, Path(path))
    files.write(path, data)


def check(path: str | os.PathLike[str]) -> None:
    """Refuses a path that ``save`` could not write, before anything is computed.

    Raises:
        InvalidInput: an unknown extension, or a folder that is missing or not writable.
    """
    files.check(path)
    if not Path(path).name.lower().endswith(EXTENSIONS):
        raise InvalidInput(f"Cannot tell the format of {path} by its name. Use one of: {', '.join(EXTENSIONS)}.")


def _state_dict(network: Network, notes: dict[str, str], path: Path) -> bytes:
    import torch

    alternate = all(
        isinstance(node.op, Affine if i % 2 == 0 else ReLU) and node.inputs == (i,)
        for i, node in enumerate(network.nodes)
    )
    if not alternate or len(network.nodes) % 2 == 0:
        kinds = ", ".join(sorted({type(n.op).__name__ for n in network.nodes}))
        raise InvalidInput(
            f"Cannot save {path}: a state dict describes only affine layers with ReLU between them, one after the "
            f"other, and this network is another graph (of {kinds}). Save it as .safetensors or .onnx."
        )
    size = 8 * network.count().dense
    if size > _LARGEST and any(
        isinstance(n.op, Affine) and not isinstance(n.op.weight, np.ndarray) for n in network.nodes
    ):
        raise InvalidInput(
            f"Cannot save {path}: a state dict holds sparse layers dense, which takes {size / 1e9:.1f} GB here "
            f"(at most {_LARGEST / 1e9:.0f}). Save it as .safetensors, which keeps layers sparse."
        )
    single = all(onnx_writer.is_single(numbers) for node in network.nodes for numbers in node.op.parameters)
    dtype = torch.float32 if single else torch.float64
    tensors = {
        f"{i}.{part}": torch.tensor(numbers, dtype=dtype)
        for i, node in enumerate(network.nodes)
        if isinstance(node.op, Affine)
        for part, numbers in (("weight", _dense(node.op)), ("bias", node.op.bias))
    }
    stream = io.BytesIO()
    torch.save({"state_dict": tensors, "metadata": notes} if notes else tensors, stream)
    return stream.getvalue()


def _dense(op: Affine) -> np.ndarray:
    return op.weight if isinstance(op.weight, np.ndarray) else op.weight.toarray()


def read_metadata(path: str | os.PathLike[str]) -> dict[str, str]:
    """What was given as ``metadata`` when the file was saved; empty for files of other origin.

    Raises:
        InvalidInput: missing or damaged, or no format of ours.
    """
    from certify.io.formats import Format, recognise

    contents = files.read(path)
    match recognise(contents):
        case Format.SAFETENSORS:
            return safetensors_format.user_metadata(contents.data, str(contents.path))
        case Format.ONNX:
            return onnx_writer.metadata(contents.data, str(contents.path))
        case Format.TORCH:
            from certify.io.state_dict import saved_metadata

            return saved_metadata(contents.data, str(contents.path))
        case Format.EXPORTED:
            return {}
