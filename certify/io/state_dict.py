"""State dicts: which tensors a checkpoint holds, and the networks that a plain chain of linear layers describes."""

import dataclasses as dc
import io
import itertools
import re
import warnings
from collections.abc import Mapping

import numpy as np
import safetensors
import safetensors.torch
import torch
from torch import Tensor

from certify.errors import InvalidInput, UnsupportedModel
from certify.network import Affine, Network, Op, ReLU

WRAPPERS = ("state_dict", "model_state_dict", "model", "net", "network", "weights")
"""Keys under which training scripts keep the weights, in the order they are tried."""

ASK = "Say how the module is built: --arch FILE.py:FUNCTION (a function that returns the torch.nn.Module)."


def unpickle(data: bytes, name: str) -> object:
    """What a ``torch.save`` file holds. Nothing in the file is executed.

    Raises:
        InvalidInput: damaged, or carries code.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises many kinds for damaged archives and forbidden pickles
        raise InvalidInput(
            f"{name} cannot be read as weights alone ({_reason(error)}). Files that carry code are never executed: "
            f"save model.state_dict(), or export with torch.export or to ONNX."
        ) from error


def _reason(error: Exception) -> str:
    """What torch found in the file, in few words and without its advice to trust it."""
    if found := re.search(r"Unsupported (global|class|operand): *(?:GLOBAL *)?([\w.]+)", str(error)):
        return f"it needs {found[2]}"
    lines = re.sub(r"\x1b\[\d*m", "", str(error)).strip().splitlines()
    return lines[0][:200] if lines else type(error).__name__


def tensors_by_name(loaded: object, name: str) -> dict[str, Tensor]:
    """The state dict in what a checkpoint holds: itself, or under one of the usual keys.

    Raises:
        InvalidInput: there is none.
    """
    if isinstance(loaded, Mapping):
        for key in WRAPPERS:
            if isinstance(loaded.get(key), Mapping):
                return tensors_by_name(loaded[key], name)
        found = {str(key).removeprefix("_orig_mod.").removeprefix("module."): value for key, value in loaded.items()}
        if found and all(isinstance(value, Tensor) for value in found.values()):
            return {key: value.detach() for key, value in found.items()}
    keys = ", ".join(map(str, list(loaded)[:8])) if isinstance(loaded, Mapping) else type(loaded).__name__
    raise InvalidInput(
        f"{name} holds no state dict (found: {keys or 'nothing'}). Tensors by name are needed, at the top "
        f"or under one of: {', '.join(WRAPPERS)}."
    )


@dc.dataclass(frozen=True, slots=True, eq=False)
class Chain:
    """Linear layers with ReLU between them; ``assumed`` says what the file does not state."""

    network: Network
    assumed: str


def chain(tensors: Mapping[str, Tensor], name: str, *, ordered: bool) -> Chain:
    """The network of a state dict that can only be linear layers in a row.

    ``ordered``: the file keeps the order in which the layers were defined (safetensors files do not).

    Raises:
        UnsupportedModel: other layers, or an order of layers that the file leaves open.
    """
    layers = _in_order(_layers(tensors, name), name, ordered=ordered)
    ops: list[Op] = []
    for prefix, parts in layers.items():
        weight = as_float64(parts["weight"], f"{name}: {prefix}.weight")
        bias = as_float64(parts["bias"], f"{name}: {prefix}.bias") if "bias" in parts else np.zeros(len(weight))
        if bias.shape != weight.shape[:1] or (ops and weight.shape[1] != ops[-1].output_width):
            raise UnsupportedModel(
                f"{name}: layer {prefix} with weight {weight.shape} and bias {bias.shape} does not follow the layer "
                f"before it. {ASK}"
            )
        ops += [ReLU(weight.shape[1])] if ops else []
        ops.append(Affine(weight, bias))
    assumed = f"Read as linear layers {', '.join(layers)} with ReLU between them (the file does not say)."
    return Chain(Network.chain(ops), assumed)


Layers = dict[str, dict[str, Tensor]]
"""``weight`` and ``bias`` of each layer by its name."""


def _layers(tensors: Mapping[str, Tensor], name: str) -> Layers:
    """The tensors grouped by layer, all of which must be linear."""
    layers: Layers = {}
    for key, value in tensors.items():
        prefix, _, part = key.rpartition(".")
        layers.setdefault(prefix, {})[part] = value
    for prefix, parts in layers.items():
        weight = parts.get("weight")
        if set(parts) - {"weight", "bias"} or weight is None or weight.ndim != 2:
            shown = ", ".join(f"{prefix}.{part} {tuple(value.shape)}" for part, value in parts.items())
            raise UnsupportedModel(
                f"{name}: {shown} is no linear layer, and a state dict alone does not say what it does. {ASK}"
            )
    return layers


def _in_order(layers: Layers, name: str, *, ordered: bool) -> Layers:
    """The layers first to last; refuses numberings that leave the order, or a ReLU between two of them, open."""
    found = {prefix: re.fullmatch(r"(.*?)(\d+)", prefix) for prefix in layers}
    number = {prefix: int(match[2]) for prefix, match in found.items() if match}
    one_series = len(number) == len(layers) and len({match[1] for match in found.values() if match}) == 1
    listed = ", ".join(layers)
    if not ordered:
        if not one_series and len(layers) > 1:
            raise UnsupportedModel(f"{name}: safetensors files do not keep the order of the layers {listed}. {ASK}")
        layers = dict(sorted(layers.items(), key=lambda item: number.get(item[0], 0)))
    numbers = [number[prefix] for prefix in layers] if one_series else []
    if numbers != sorted(numbers):
        raise UnsupportedModel(f"{name}: layers come in the order {listed}, which is not their numbering. {ASK}")
    sequential = one_series and all(prefix.rpartition(".")[2].isdigit() for prefix in layers)
    if sequential and any(b - a == 1 for a, b in itertools.pairwise(numbers)):
        raise UnsupportedModel(
            f"{name}: layers {listed} are numbered without a gap, so whether a ReLU lies between them is open. {ASK}"
        )
    return layers


def as_float64(tensor: Tensor, name: str) -> np.ndarray:
    """The numbers of a floating point tensor, exactly.

    Raises:
        UnsupportedModel: integers, complex numbers or a quantised tensor.
    """
    if not tensor.is_floating_point() or tensor.is_sparse or tensor.is_quantized:
        raise UnsupportedModel(
            f"{name} has type {tensor.dtype}, layout {tensor.layout}; dense floating point is needed."
        )
    return tensor.detach().to("cpu", torch.float64).numpy().copy()


def saved_metadata(data: bytes, name: str) -> dict[str, str]:
    """The text entries under ``metadata`` in a ``torch.save`` file, if any; see ``unpickle`` for errors."""
    loaded = unpickle(data, name)
    found = loaded.get("metadata", {}) if isinstance(loaded, Mapping) else {}
    return {str(key): str(value) for key, value in found.items()} if isinstance(found, Mapping) else {}


def read(data: bytes, name: str, *, safe: bool) -> dict[str, Tensor]:
    """The tensors by name in a safetensors file (``safe``) or a ``torch.save`` file; see ``unpickle`` for errors."""
    if not safe:
        return tensors_by_name(unpickle(data, name), name)
    try:
        return tensors_by_name(safetensors.torch.load(data), name)
    except safetensors.SafetensorError as error:
        raise InvalidInput(f"{name} is a damaged safetensors file: {error}. Is it truncated?") from error
