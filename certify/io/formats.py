"""Which format a model file has, told by its contents."""

import enum
import io
import zipfile

from certify.errors import InvalidInput
from certify.io.files import Contents


class Format(enum.StrEnum):
    """What can be read."""

    SAFETENSORS = "safetensors"
    ONNX = "onnx"
    TORCH = "torch"
    """A ``torch.save`` file: weights by name."""
    EXPORTED = "torch.export"
    """A ``.pt2`` file: a traced program."""


_FOREIGN = {
    b"\x89HDF": "an HDF5 file (Keras?); convert it with tf2onnx",
    b"\x89PNG": "a PNG image",
    b"\x93NUM": "a numpy array; give it as data, not as the model",
    b"%PDF": "a PDF",
    b"<htm": "a web page; the download failed",
    b"<!DO": "a web page; the download failed",
    b"vers": "a Git LFS pointer or text; fetch the real file (git lfs pull)",
}


def recognise(contents: Contents) -> Format:
    """The format of a model file.

    Raises:
        InvalidInput: none that can be read; the message says what it looks like.
    """
    data, path = contents.data, contents.path
    if data[:4] == b"PK\x03\x04":
        return _archive(contents)
    if data[:2] in (b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05"):
        return Format.TORCH
    if len(data) > 9 and data[8:9] == b"{" and int.from_bytes(data[:8], "little") < 1 << 27:
        return Format.SAFETENSORS
    for magic, what in _FOREIGN.items():
        if data.startswith(magic):
            raise InvalidInput(f"{path} is not a model but {what}.")
    if data[:1] in (b"\x08", b"\x12", b"\x1a", b"\x22", b"\x3a", b"\x42"):
        return Format.ONNX
    raise InvalidInput(
        f"{path} is in no format that can be read (it starts with {data[:8]!r}). Readable: safetensors, ONNX, "
        f"torch.save files and torch.export archives, each also gzipped."
    )


def _archive(contents: Contents) -> Format:
    try:
        names = zipfile.ZipFile(io.BytesIO(contents.data)).namelist()
    except (zipfile.BadZipFile, OSError, ValueError) as error:
        raise InvalidInput(f"{contents.path} is a damaged archive ({error}). Is it truncated?") from error
    if any(name.endswith(("serialized_exported_program.json", "archive_format")) for name in names):
        return Format.EXPORTED
    if any("/code/" in name for name in names):
        raise InvalidInput(
            f"{contents.path} is TorchScript, which carries code. Export the module with torch.export "
            f"or to ONNX instead."
        )
    if any(name.endswith("data.pkl") for name in names):
        return Format.TORCH
    raise InvalidInput(f"{contents.path} is an archive but no model: {', '.join(names[:4])}.")
