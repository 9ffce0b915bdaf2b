"""Saved models in: one door for every format. The contents decide on the reader; what it reads is cross-checked."""

import dataclasses as dc
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from certify.errors import CertifyError, InvalidInput, UnsupportedModel
from certify.io import crosscheck, files, onnx_reader, safetensors_format
from certify.io.files import Contents
from certify.io.formats import Format, recognise
from certify.io.normalisation import Normalisation
from certify.io.onnx_reference import reference
from certify.io.onnxruntime_replay import Replay, replay
from certify.network import Counts, Linear, Network

if TYPE_CHECKING:
    import torch

FLOAT32_NOISE, FLOAT64_NOISE, FLOAT16_NOISE = 1e-4, 1e-9, 2e-2
"""How far, relative to the terms of a sum, two computations in that precision may differ."""


@dc.dataclass(frozen=True, slots=True, eq=False)
class LoadedModel:
    """A network with its origin.

    ``file_digest`` is the SHA-256 of the file's bytes. Each of ``notes`` is a sentence about something that was rounded
    or assumed. ``replay`` runs the original file (ONNX only) on flat float64 points (b, n), cast to its own input type;
    its float64 answers are (b, m).
    """

    network: Network
    path: Path
    format: str
    file_digest: str
    notes: tuple[str, ...]
    replay: Replay | None


@dc.dataclass(frozen=True, slots=True, eq=False)
class Inspection:
    """What a model file holds, read or not.

    ``ops`` counts op types as the file names them. ``refused`` has a sentence for every node that cannot be read,
    and is empty when ``load`` works; then ``counts``, ``digest`` (of the network) and ``widths`` are set: the lengths
    of its input and of what each affine or convolution op makes.
    """

    path: Path
    format: str
    file_digest: str
    ops: dict[str, int]
    input_shape: tuple[int, ...] | None
    output_shape: tuple[int, ...] | None
    opset: int | None
    dtype: str
    counts: Counts | None
    digest: str | None
    notes: tuple[str, ...]
    refused: tuple[str, ...]
    widths: tuple[int, ...] = ()


def load(
    path: str | os.PathLike[str],
    *,
    arch: str | None = None,
    mean: Sequence[float] | None = None,
    std: Sequence[float] | None = None,
    input_shape: tuple[int, ...] | None = None,
) -> LoadedModel:
    """The network in ``path`` (or ``path.gz``): safetensors, ONNX, a state dict, or a torch.export archive.

    ``arch`` is ``FILE.py:FUNCTION`` and builds the module whose state dict the file holds. ``mean`` and ``std``, one
    number or one per channel, are put in front: the network then reads raw inputs. ``input_shape`` is the shape of one
    input, for files that leave it open.

    Raises:
        InvalidInput: missing, damaged or hostile file, or options that do not fit it.
        UnsupportedModel: an op that cannot be expressed, named with its node.
        SelfCheckFailed: the network as read does not compute what the original does.
    """
    contents = files.read(path)
    kind = recognise(contents)
    if arch is not None and kind in (Format.ONNX, Format.EXPORTED):
        raise InvalidInput(f"{contents.path} is {kind} and describes its own architecture; leave out --arch {arch}.")
    try:
        model = _read(contents, kind, arch, input_shape)
    except CertifyError as error:
        if str(contents.path) in str(error):
            raise
        raise type(error)(f"{contents.path}: {error}") from error
    if mean is None and std is None:
        return model
    return _normalised(model, Normalisation.of(model.network.input_shape, mean=mean, std=std))


def _normalised(model: LoadedModel, change: Normalisation) -> LoadedModel:
    network, notes = change.before(model.network)
    original = model.replay
    wrapped = None if original is None else lambda points: original(change.apply(points))
    return dc.replace(model, network=network, notes=(*model.notes, *notes), replay=wrapped)


def _read(contents: Contents, kind: Format, arch: str | None, input_shape: tuple[int, ...] | None) -> LoadedModel:
    match kind:
        case Format.ONNX:
            return _onnx(contents, input_shape)
        case Format.EXPORTED:
            from certify.io import torch_export

            network, notes = torch_export.from_archive(contents.data, str(contents.path))
        case Format.SAFETENSORS if safetensors_format.is_network(contents.data, str(contents.path)):
            if arch is not None:
                raise InvalidInput(f"{contents.path} describes its own architecture; leave out --arch {arch}.")
            network, notes = safetensors_format.decode(contents.data, str(contents.path)), ()
        case Format.SAFETENSORS | Format.TORCH:
            network, notes = _weights(contents, kind, arch, input_shape)
    if input_shape is not None and tuple(input_shape) != network.input_shape:
        network = _reshaped(network, tuple(input_shape))
    return LoadedModel(network, contents.path, str(kind), contents.digest, notes, None)


def _reshaped(network: Network, shape: tuple[int, ...]) -> Network:
    if int(np.prod(shape)) != network.input_width:
        raise InvalidInput(f"An input of shape {shape} does not fit: the network reads {network.input_shape}.")
    return dc.replace(network, input_shape=shape)


def _onnx(contents: Contents, input_shape: tuple[int, ...] | None) -> LoadedModel:
    model = onnx_reader.parse(contents.data, contents.path, input_shape)
    network, notes = onnx_reader.convert(model)
    noise = {"float64": FLOAT64_NOISE, "float32": FLOAT32_NOISE}.get(model.dtype, FLOAT16_NOISE)
    loaded = LoadedModel(network, contents.path, str(Format.ONNX), contents.digest, notes, None)
    try:
        run = replay(model)
    except InvalidInput as error:
        crosscheck.compare(network, reference(model), tolerance=noise, name=str(contents.path))
        lack = (
            f"Checked against the reference implementation and not replayed, since onnxruntime cannot run it: {error}"
        )
        return dc.replace(loaded, notes=(*notes, lack))
    crosscheck.compare(network, run, tolerance=noise, name=str(contents.path))
    return dc.replace(loaded, replay=run)


def _weights(
    contents: Contents, kind: Format, arch: str | None, input_shape: tuple[int, ...] | None
) -> tuple[Network, tuple[str, ...]]:
    from certify.io import state_dict, torch_module

    name = str(contents.path)
    tensors = state_dict.read(contents.data, name, safe=kind is Format.SAFETENSORS)
    if arch is not None:
        from certify.io import architecture, torch_export

        built = architecture.build(arch, tensors)
        return torch_export.from_module(built.module, built.shape(input_shape), name)
    chain = state_dict.chain(tensors, name, ordered=kind is Format.TORCH)
    run = torch_module.runner(torch_module.build(chain.network), chain.network.input_shape)
    crosscheck.compare(chain.network, run, tolerance=FLOAT64_NOISE, name=name)
    return chain.network, (chain.assumed,)


def from_module(module: "torch.nn.Module", input_shape: tuple[int, ...]) -> Network:
    """The network that a torch module computes in evaluation mode on one input of ``input_shape`` (no batch axis).

    Raises:
        UnsupportedModel: an op that cannot be expressed.
        SelfCheckFailed: the network as read does not compute what the module does.
    """
    from certify.io import torch_export

    return torch_export.from_module(module, tuple(input_shape), type(module).__name__)[0]


def to_module(network: Network) -> "torch.nn.Module":
    """A plain torch module in float64 that computes the same: (b, *input shape) or (b, n) to (b, m)."""
    from certify.io import torch_module

    return torch_module.build(network)


def load_module(path: str | os.PathLike[str], *, arch: str | None = None) -> "torch.nn.Module":
    """The torch module that a file holds, whatever its ops: a state dict with ``arch``, or a torch.export archive.

    A file that ``load`` can read without ``arch`` becomes the module of its network.

    Raises:
        InvalidInput: missing, damaged or hostile file, or an architecture that does not fit.
    """
    from certify.io import architecture, state_dict, torch_export

    contents = files.read(path)
    kind = recognise(contents)
    if kind is Format.EXPORTED:
        return torch_export.archived_module(contents.data, str(contents.path))
    if arch is not None and kind in (Format.TORCH, Format.SAFETENSORS):
        tensors = state_dict.read(contents.data, str(contents.path), safe=kind is Format.SAFETENSORS)
        return architecture.build(arch, tensors).module
    return to_module(load(path, arch=arch).network)


def inspect(path: str | os.PathLike[str], *, arch: str | None = None) -> Inspection:
    """What ``path`` holds, and what would be refused and why. Refusing is not an error here; an unreadable file is.

    Raises:
        InvalidInput: missing, damaged or hostile file.
    """
    contents = files.read(path)
    kind = recognise(contents)
    known = Inspection(
        contents.path, str(kind), contents.digest, {}, None, None, None, "unknown", None, None, notes=(), refused=()
    )
    if kind is Format.ONNX:
        try:
            model = onnx_reader.parse(contents.data, contents.path)
        except UnsupportedModel as error:
            return dc.replace(known, refused=(str(error),))
        known = dc.replace(
            known,
            ops=model.ops(),
            input_shape=model.input_shape,
            opset=model.opset,
            dtype=model.dtype,
            refused=onnx_reader.refusals(model),
        )
        if known.refused:
            return known
    try:
        loaded = load(path, arch=arch)
    except UnsupportedModel as error:
        return dc.replace(known, refused=(str(error),))
    network = loaded.network
    return dc.replace(
        known,
        ops=known.ops or _op_counts(network),
        input_shape=network.input_shape,
        output_shape=(network.output_width,),
        counts=network.count(),
        digest=network.digest,
        notes=loaded.notes,
        widths=(
            network.input_width,
            *(node.op.output_width for node in network.nodes if isinstance(node.op, Linear)),
        ),
    )


def _op_counts(network: Network) -> dict[str, int]:
    names = [type(node.op).__name__ for node in network.nodes]
    return {name: names.count(name) for name in sorted(set(names))}
