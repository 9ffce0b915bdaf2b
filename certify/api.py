"""Certified radii from Python, in one call."""

import dataclasses as dc
import time
from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Float64, Int64

from certify.errors import InvalidInput
from certify.io.models import LoadedModel, from_module
from certify.network import Network
from certify.outcome import CertifiedRadius
from certify.radius import Certifier, Settings
from certify.region import Box, Norm
from certify.run import Job

Points = np.ndarray | torch.Tensor | Sequence[object]
"""Numbers of shape (b, ...), b inputs of any shape."""


def radii(
    network: Network | LoadedModel | torch.nn.Module,
    points: Points,
    labels: Points,
    *,
    norm: Norm | str | float | int | None = None,
    domain: Box | tuple[float | int, float | int] | None = None,
    settings: Settings | None = None,
) -> list[CertifiedRadius]:
    """The certified radius of each point, in order, with both sides and a witness where there is one.

    ``network`` may come from ``certify.load``. ``points`` are (b, ...) in the units that it reads, ``labels`` (b,) as
    in ``certify.query.robustness``. A torch module is read in evaluation mode, for inputs of ``points.shape[1:]``.
    ``norm`` is 2 (the default), ``"inf"`` or 1; ``domain`` a box, or the two ends of a cube, that perturbed inputs stay
    in. ``settings`` holds these and all else that can be chosen; what is given both there and by name must agree.

    >>> import numpy as np, certify
    >>> net = certify.Network.chain([certify.Affine(np.array([[1.0, 0.0], [0.0, 1.0]]), np.zeros(2))])
    >>> [answer] = certify.radii(net, [[3.0, 1.0]], [0], norm="inf")  # wrong as soon as both coordinates meet at 2
    >>> answer.lower <= 1.0 <= answer.upper
    True

    Raises:
        InvalidInput: points, labels or settings that do not fit the network or each other.
        UnsupportedModel: a module with an op that cannot be expressed.
        SelfCheckFailed: two computations of the same thing disagree.
    """
    array = _numbers(points)
    shape = array.shape[1:] or (1,)
    read = _network(network, shape)
    flat = array.reshape(len(array), -1)
    chosen = _chosen(settings, norm, domain, read.input_width)
    job = Job(read, flat, _whole(labels), np.arange(len(flat)), chosen)
    found = dict(Certifier(read, chosen).certify(job.points, job.labels, time.monotonic))
    return [found[i] for i in range(len(flat))]


def _network(given: object, shape: tuple[int, ...]) -> Network:
    match given:
        case Network():
            return given
        case LoadedModel():
            return given.network
        case torch.nn.Module():
            return from_module(given, shape)
        case _:
            raise InvalidInput(
                f"A network is needed, got {type(given).__name__}. Read a file with certify.load(path), or pass a "
                f"torch module."
            )


def _array(values: Points) -> np.ndarray:
    return values.detach().cpu().numpy() if isinstance(values, torch.Tensor) else np.asarray(values)


def _numbers(points: Points) -> Float64[np.ndarray, "b ..."]:
    array = _array(points)
    if array.ndim < 1 or array.size == 0 or array.dtype.kind not in "fiub":
        raise InvalidInput(f"Points must be numbers of shape (b, ...), got {array.dtype} of shape {array.shape}.")
    return array.astype(np.float64)


def _whole(labels: Points) -> Int64[np.ndarray, " b"]:
    array = _array(labels)
    if array.ndim != 1 or array.dtype.kind not in "iu":
        raise InvalidInput(f"Labels must be whole numbers of shape (b,), got {array.dtype} of shape {array.shape}.")
    return array.astype(np.int64)


def _chosen(
    settings: Settings | None,
    norm: Norm | str | float | int | None,
    domain: Box | tuple[float | int, float | int] | None,
    width: int,
) -> Settings:
    box = Box.uniform(float(domain[0]), float(domain[1]), width) if isinstance(domain, tuple) else domain
    if settings is None:
        return Settings(norm=Norm.L2 if norm is None else Norm.parse(norm), domain=box)
    if norm is not None and Norm.parse(norm) is not settings.norm:
        raise InvalidInput(
            f"norm={norm} and settings.norm={settings.norm.short} contradict each other. Give one of them."
        )
    if box is not None and settings.domain is not None and not _equal(box, settings.domain):
        raise InvalidInput("domain and settings.domain contradict each other. Give one of them.")
    return settings if box is None else dc.replace(settings, domain=box)


def _equal(first: Box, second: Box) -> bool:
    return np.array_equal(first.lower, second.lower) and np.array_equal(first.upper, second.upper)
