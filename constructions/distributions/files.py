"""Labelled points into npz and csv files, as ``python -m certify --data FILE`` reads them."""

import io
import os
from pathlib import Path

import numpy as np
from jaxtyping import Float64, Int64

from certify.errors import InvalidInput
from certify.io import files


def check_points(path: str | os.PathLike[str]) -> None:
    """Refuses a path that ``write_points`` could not write, before points are made.

    Raises:
        InvalidInput: another extension than npz and csv, or a folder that is missing or not writable.
    """
    if not Path(path).name.lower().endswith((".npz", ".csv")):
        raise InvalidInput(f"Cannot tell the format of {path} by its name. Use .npz or .csv.")
    files.check(path)


def write_points(
    path: str | os.PathLike[str], points: Float64[np.ndarray, "n d"], labels: Int64[np.ndarray, " n"]
) -> None:
    """Points (n, d) and whole labels (n,) into ``path``, in one step: arrays x, y (npz), or label first (csv).

    No digit is lost in either. For a sample of clusters the labels are ``sample.label`` or ``sample.cluster``.

    Raises:
        InvalidInput: another extension, shapes that do not fit, numbers that a csv reader would take for pixels, or a
            path that cannot be written.
    """
    check_points(path)
    if points.ndim != 2 or labels.shape != points.shape[:1]:
        raise InvalidInput(f"Points {points.shape} and labels {labels.shape} do not fit: (n, d) and (n,) needed.")
    name, stream = Path(path).name.lower(), io.BytesIO()
    if name.endswith(".npz"):
        np.savez(stream, x=points, y=labels)
    else:
        if ((points >= 0) & (points <= 255) & (points == np.rint(points))).all() and (points > 1).any():
            raise InvalidInput(
                f"Cannot save {path}: all numbers are whole and between 0 and 255, which a csv file means for pixels. "
                f"Save an npz file."
            )
        rows = (",".join([str(y), *map(repr, x)]) for x, y in zip(points.tolist(), labels.tolist(), strict=True))
        stream.write(("\n".join(rows) + "\n").encode())
    files.write(path, stream.getvalue())
