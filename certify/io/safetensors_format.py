"""Networks in safetensors files: weights as float64 tensors, architecture (JSON) and digest in the header."""

import json
import math
from typing import Any

import numpy as np
import safetensors
import safetensors.numpy
import scipy.sparse as sp

from certify.errors import InvalidInput, SelfCheckFailed, UnsupportedModel
from certify.network import Add, Affine, Conv2d, Network, Node, Op, ReLU

FORMAT = "relucert-network-1"
_ARCHITECTURE, _DIGEST, _USER = "relucert.network", "relucert.digest", "user."


def encode(network: Network, metadata: dict[str, str]) -> bytes:
    """The file: every weight as it is, ``metadata`` under its own prefix."""
    tensors: dict[str, np.ndarray] = {}
    nodes = [_described(i, node, tensors) for i, node in enumerate(network.nodes)]
    architecture = {"format": FORMAT, "input_shape": list(network.input_shape), "nodes": nodes}
    header = {_ARCHITECTURE: json.dumps(architecture), _DIGEST: network.digest}
    header |= {_USER + key: value for key, value in metadata.items()}
    return safetensors.numpy.save(tensors, header)


def _described(i: int, node: Node, tensors: dict[str, np.ndarray]) -> dict[str, Any]:
    """The JSON of one node; its weights go into ``tensors``."""
    entry: dict[str, Any] = {"op": type(node.op).__name__, "inputs": list(node.inputs)}
    match node.op:
        case Affine(weight=weight, bias=bias) as op:
            tensors[f"{i}.bias"] = np.ascontiguousarray(bias)
            if isinstance(weight, sp.csr_array):
                entry["csr"] = [op.output_width, op.input_width]
                tensors[f"{i}.data"] = np.ascontiguousarray(weight.data)
                tensors[f"{i}.indices"] = weight.indices.astype(np.int64)
                tensors[f"{i}.indptr"] = weight.indptr.astype(np.int64)
            else:
                tensors[f"{i}.weight"] = np.ascontiguousarray(weight)
        case Conv2d(weight=weight, bias=bias) as op:
            tensors[f"{i}.weight"], tensors[f"{i}.bias"] = (np.ascontiguousarray(a) for a in (weight, bias))
            entry |= {"image": op.image, "stride": op.stride, "padding": op.padding}
            entry |= {"dilation": op.dilation, "groups": op.groups}
        case Add(width=width) | ReLU(width=width):
            entry["width"] = width
    return entry


def header(data: bytes, name: str) -> dict[str, str]:
    """The metadata of a safetensors file.

    Raises:
        InvalidInput: the header is damaged.
    """
    try:
        length = int.from_bytes(data[:8], "little")
        if not 0 < length <= len(data) - 8:
            raise ValueError(f"the header claims {length} bytes, the file has {len(data)}")
        found = json.loads(data[8 : 8 + length]).get("__metadata__", {})
        return {str(key): str(value) for key, value in found.items()}
    except (ValueError, AttributeError) as error:
        raise InvalidInput(f"{name} is not a readable safetensors file: {error}. Is it truncated?") from error


def is_network(data: bytes, name: str) -> bool:
    """Whether the file describes its own architecture, as ours do."""
    return _ARCHITECTURE in header(data, name)


def user_metadata(data: bytes, name: str) -> dict[str, str]:
    """What was given as ``metadata`` when the file was written."""
    return {key.removeprefix(_USER): value for key, value in header(data, name).items() if key.startswith(_USER)}


def decode(data: bytes, name: str) -> Network:
    """The network of a file that ``encode`` made.

    Raises:
        InvalidInput: damaged contents.
        SelfCheckFailed: the weights do not have the digest in the header.
        UnsupportedModel: an architecture written by a newer version.
    """
    stored = header(data, name)
    try:
        architecture = json.loads(stored[_ARCHITECTURE])
        if architecture["format"] != FORMAT:
            raise UnsupportedModel(f"{name} has format {architecture['format']!r}; this version reads {FORMAT!r}.")
        tensors = safetensors.numpy.load(data)
        nodes = tuple(
            Node(_op(i, entry, tensors), tuple(int(k) for k in entry["inputs"]))
            for i, entry in enumerate(architecture["nodes"])
        )
        shape = tuple(int(n) for n in architecture["input_shape"])
        if math.prod(shape) > 1 << 32:
            raise InvalidInput(f"{name} claims an input of shape {shape}.")
        network = Network(shape, nodes)
    except (safetensors.SafetensorError, KeyError, ValueError, TypeError) as error:
        raise InvalidInput(f"{name} is damaged: {type(error).__name__} {error}.") from error
    if network.digest != stored.get(_DIGEST):
        raise SelfCheckFailed(
            f"{name}: the weights have digest {network.digest[:16]}, the header promises "
            f"{str(stored.get(_DIGEST))[:16]}. The file was changed after it was written; save the network again."
        )
    return network


def _op(i: int, entry: dict[str, Any], tensors: dict[str, np.ndarray]) -> Op:
    def tensor(part: str, dtype: type = np.float64) -> np.ndarray:
        found = tensors[f"{i}.{part}"]
        if found.dtype != dtype:
            raise ValueError(f"tensor {i}.{part} is {found.dtype}")
        return found

    match entry["op"]:
        case "Affine" if "csr" in entry:
            parts = (tensor("data"), tensor("indices", np.int64), tensor("indptr", np.int64))
            rows, columns = entry["csr"]
            weight = sp.csr_array(parts, shape=(int(rows), int(columns)))
            weight.check_format(full_check=True)
            if not weight.has_canonical_format:
                raise ValueError(f"the columns of sparse layer {i} are not sorted, or one is stored twice")
            return Affine(weight, tensor("bias"))
        case "Affine":
            return Affine(tensor("weight"), tensor("bias"))
        case "Conv2d":
            channels, height, width = (int(n) for n in entry["image"])
            stride, padding, dilation = (
                (int(a), int(b)) for a, b in (entry[k] for k in ("stride", "padding", "dilation"))
            )
            image, groups = (channels, height, width), int(entry["groups"])
            return Conv2d(tensor("weight"), tensor("bias"), image, stride, padding, dilation, groups)
        case "Add":
            return Add(int(entry["width"]))
        case "ReLU":
            return ReLU(int(entry["width"]))
        case other:
            raise ValueError(f"unknown op {other!r}")
