"""CIFAR-10: the binary files, the python batches (read without running them), npz archives and zips of JPEG files."""

import io
import pickle
from pathlib import Path
from typing import Any

import numpy as np

from certify.errors import InvalidInput
from certify.io import files
from certify.io.jpegs import read_jpegs
from certify.io.rawdata import Layout, Raw
from certify.io.tables import read_arrays

_ROW = 3073


def read_cifar(folder: str, *, train: bool) -> Raw:
    """The images and labels in ``folder`` (or an npz file, or a zip of JPEG files): the test set, or the training set.

    Raises:
        InvalidInput: missing, truncated or hostile files.
    """
    place = Path(folder)
    if place.is_file():
        return read_jpegs(place, train=train) if place.suffix.lower() == ".zip" else _archive(place)
    if not place.is_dir():
        raise InvalidInput(
            f"There is no folder {folder}. Give the folder that holds the CIFAR-10 batches: cifar10:DIR."
        )
    stems = [f"data_batch_{i}" for i in range(1, 6)] if train else ["test_batch"]
    for inner in (place, place / "cifar-10-batches-bin", place / "cifar-10-batches-py"):
        for suffix, reader in ((".bin", _binary), ("", _pickled)):
            paths = [inner / (stem + suffix) for stem in stems]
            if all(path.is_file() for path in paths):
                parts = [reader(path) for path in paths]
                images, labels = (np.concatenate(column) for column in zip(*parts, strict=True))
                return Raw(images.reshape(-1, 3, 32, 32), labels, Layout.CHW, bytes=True)
    wanted = [path for path in sorted(place.glob("*.npz")) if ("train" in path.name) == train]
    if len(wanted) == 1:
        return _archive(wanted[0])
    raise InvalidInput(
        f"{folder} has no {stems[0]} (python version), no {stems[0]}.bin (binary version) and {len(wanted)} npz "
        f"files that fit. Give the unpacked folder, or one npz file or zip of JPEG files by its own name."
    )


def _archive(path: Path) -> Raw:
    raw = read_arrays(str(path))
    if raw.width != _ROW - 1:
        raise InvalidInput(
            f"{path} holds points of shape {raw.shape}, CIFAR-10's images have 3 x 32 x 32 numbers. If it is meant, "
            f"give it by its own name: --data {path}."
        )
    return raw


def _binary(path: Path) -> tuple[np.ndarray, np.ndarray]:
    data = np.frombuffer(files.read(path).data, np.uint8)
    if data.size % _ROW:
        raise InvalidInput(
            f"{path} has {data.size} bytes, which is no multiple of {_ROW} (a label and an image). Truncated?"
        )
    rows = data.reshape(-1, _ROW)
    return rows[:, 1:], rows[:, 0].astype(np.int64)


class _ArraysOnly(pickle.Unpickler):
    """Admits what arrays of bytes need and nothing else."""

    def find_class(self, module_name: str, global_name: str) -> Any:
        """The three names that a pickled array refers to."""
        rebuild = np.zeros(0).__reduce__()[0]
        allowed: dict[tuple[str, str], Any] = {
            ("numpy.core.multiarray", "_reconstruct"): rebuild,
            ("numpy._core.multiarray", "_reconstruct"): rebuild,
            ("numpy", "ndarray"): np.ndarray,
            ("numpy", "dtype"): np.dtype,
            ("_codecs", "encode"): _latin_bytes,
        }
        if (module_name, global_name) not in allowed:
            raise pickle.UnpicklingError(f"it refers to {module_name}.{global_name}, which no CIFAR batch needs")
        return allowed[module_name, global_name]


def _latin_bytes(text: str, encoding: str) -> bytes:
    """How Python 3 writes bytes into an old pickle; the encoding is always latin1."""
    if encoding != "latin1":
        raise pickle.UnpicklingError(f"it uses encoding {encoding!r}")
    return text.encode("latin1")


def _pickled(path: Path) -> tuple[np.ndarray, np.ndarray]:
    try:
        found = _ArraysOnly(io.BytesIO(files.read(path).data), encoding="bytes").load()
        batch = {(k.decode() if isinstance(k, bytes) else k): v for k, v in found.items()}
        images, labels = np.asarray(batch["data"]), np.asarray(batch["labels"], dtype=np.int64)
    except (pickle.UnpicklingError, EOFError, KeyError, AttributeError, ValueError, TypeError, IndexError) as error:
        raise InvalidInput(f"{path} is no readable CIFAR-10 batch: {error}. Nothing in it was executed.") from error
    if images.dtype != np.uint8 or images.shape != (len(labels), _ROW - 1):
        raise InvalidInput(f"{path}: images of type {images.dtype} and shape {images.shape} for {len(labels)} labels.")
    return images, labels
