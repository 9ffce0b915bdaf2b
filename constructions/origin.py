"""Where the data of a construction comes from, so that a saved file can find it again and tell it from other data."""

import base64
import dataclasses as dc
import hashlib
import os
from typing import Any

import numpy as np

from certify.errors import InvalidInput
from certify.io.datasets import load_points
from constructions.theorem import Labelled

_INLINE = 1 << 20
"""Bytes of points that are stored in the file itself when no data set was named."""


@dc.dataclass(frozen=True, slots=True)
class Origin:
    """Where labelled points come from: a data set's short name or file and, as ``--index`` gives it, the part taken."""

    spec: str
    index: str | None = None

    def read(self) -> Labelled:
        """The points, in the data set's own order.

        Raises:
            InvalidInput: what ``load_points`` refuses.
        """
        found = load_points(self.spec, None, index=self.index)
        return Labelled.of(found.points, found.labels)


def digest(data: Labelled) -> str:
    """SHA-256 of points and labels."""
    state = hashlib.sha256(repr(data.points.shape).encode())
    state.update(np.ascontiguousarray(data.points, dtype="<f8").tobytes())
    state.update(np.ascontiguousarray(data.labels, dtype="<i8").tobytes())
    return state.hexdigest()


@dc.dataclass(frozen=True, slots=True)
class Contents:
    """Data as the key of a cache: equal when its numbers are, so that an array changed in place is other data."""

    digest: str
    data: Labelled = dc.field(compare=False)

    @classmethod
    def of(cls, data: Labelled) -> "Contents":
        """The data as it is now."""
        return cls(digest(data), data)


def describe(data: Labelled, origin: Origin | None) -> dict[str, Any]:
    """The data as a file stores it: digest, shape, and its name or, when it has none and is small, the data itself."""
    shape = list(data.points.shape)
    described: dict[str, Any] = {"digest": digest(data), "shape": shape}
    if origin is not None:
        return described | {"spec": origin.spec, "index": origin.index}
    if data.points.nbytes > _INLINE:
        return described
    parts = {"points": data.points.astype("<f8"), "labels": data.labels.astype("<i8")}
    return described | {name: base64.b64encode(part.tobytes()).decode() for name, part in parts.items()}


def recover(described: Any, path: str | os.PathLike[str], origin: Origin | None) -> Labelled | None:
    """The data that ``describe`` described, or what ``origin`` names, if that is the same.

    Raises:
        InvalidInput: a damaged description, or data that cannot be found or has changed; ``path`` is named.
    """
    if described is None:
        return None
    try:
        wanted, shape = str(described["digest"]), tuple(int(k) for k in described["shape"])
        data = _found(described, origin, shape)
    except (KeyError, TypeError, ValueError) as error:
        raise InvalidInput(f"{path}: the description of its data is damaged. Build it again.") from error
    if data is None:
        raise InvalidInput(f"{path} does not hold its {shape[0]} points; say where they are with --data SPEC.")
    if digest(data) != wanted:
        raise InvalidInput(
            f"The data is not that of {path}, which was built from {shape[0]} points of {shape[1]} numbers: these "
            f"{len(data.points)} of {data.points.shape[1]} have another digest. Give the same --data and --index."
        )
    return data


def _found(described: dict[str, Any], origin: Origin | None, shape: tuple[int, ...]) -> Labelled | None:
    if origin is not None:
        return origin.read()
    if "spec" in described:
        index = described.get("index")
        return Origin(str(described["spec"]), None if index is None else str(index)).read()
    if "points" in described:
        points = np.frombuffer(base64.b64decode(described["points"]), dtype="<f8").reshape(shape)
        labels = np.frombuffer(base64.b64decode(described["labels"]), dtype="<i8")
        return Labelled.of(points.astype(np.float64), labels.astype(np.int64))
    return None
