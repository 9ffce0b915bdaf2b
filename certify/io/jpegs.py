"""CIFAR-10 as a zip of JPEG files, a folder a class: ``train/airplane/0000.jpg``. Pixels are lossy, and it says so."""

import io
import zipfile
from pathlib import Path

import numpy as np
from PIL import Image, UnidentifiedImageError

from certify.errors import InvalidInput
from certify.io.rawdata import Layout, Raw

CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
_SIZE = (32, 32)
_MOST_BYTES = 2**16
"""No 32 x 32 JPEG is larger."""


def read_jpegs(path: Path, *, train: bool) -> Raw:
    """The images (32, 32, 3) and labels below ``train/`` or ``test/``, the first of each class before the second.

    Raises:
        InvalidInput: no zip, no such folder, or an entry that is no JPEG of 32 x 32 pixels.
    """
    part = "train" if train else "test"
    try:
        with zipfile.ZipFile(path) as archive:
            found = sorted(_entries(archive, part))
            if not found:
                raise InvalidInput(
                    f"{path} has no {part}/CLASS/NUMBER.jpg with a class of CIFAR-10 ({', '.join(CLASSES)}). "
                    f"Give the zip of JPEG files as it was downloaded."
                )
            images = np.stack([_decoded(archive, path, name) for _, _, name in found])
    except (zipfile.BadZipFile, OSError, EOFError) as error:
        raise InvalidInput(f"{path} is no readable zip file: {error}. Was it downloaded completely?") from error
    note = (
        f"The {len(images)} images of {path.name} come from JPEG files: their pixels are lossy, so that radii and "
        f"accuracies are not comparable with those on CIFAR-10's own pixels. Classes were interleaved."
    )
    return Raw(images, np.array([label for _, label, _ in found]), Layout.HWC, bytes=True, notes=(note,))


def _entries(archive: zipfile.ZipFile, part: str) -> list[tuple[int, int, str]]:
    """(number, label, name) of each image."""
    entries: list[tuple[int, int, str]] = []
    for name in archive.namelist():
        *_, folder, group, file = ("", "", *name.split("/"))
        stem, _, suffix = file.rpartition(".")
        if folder == part and group in CLASSES and suffix.lower() in ("jpg", "jpeg") and stem.isdecimal():
            entries.append((int(stem), CLASSES.index(group), name))
    return entries


def _decoded(archive: zipfile.ZipFile, path: Path, name: str) -> np.ndarray:
    try:
        if archive.getinfo(name).file_size > _MOST_BYTES:
            raise InvalidInput(f"{path}: {name} unpacks to more than {_MOST_BYTES} bytes; a 32 x 32 image does not.")
        with Image.open(io.BytesIO(archive.read(name)), formats=("JPEG",)) as image:
            if image.size != _SIZE:
                raise InvalidInput(f"{path}: {name} is {image.size[0]} x {image.size[1]}, not 32 x 32.")
            return np.asarray(image.convert("RGB"))
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError) as error:
        raise InvalidInput(f"{path}: {name} is no readable JPEG: {error}.") from error
