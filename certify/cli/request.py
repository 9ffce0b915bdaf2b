"""What the command line asks for, before any file is opened."""

import dataclasses as dc
import math
from pathlib import Path

from certify.device import find_device
from certify.io.models import LoadedModel, load
from certify.radius import Settings
from certify.region import Box, Norm


@dc.dataclass(frozen=True, slots=True)
class Reading:
    """How a model file is to be read: the options ``--arch``, ``--mean``, ``--std`` and ``--input-shape``."""

    arch: str | None = None
    mean: tuple[float, ...] | None = None
    std: tuple[float, ...] | None = None
    input_shape: tuple[int, ...] | None = None

    def load(self, path: str) -> LoadedModel:
        """The model in the file."""
        return load(path, arch=self.arch, mean=self.mean, std=self.std, input_shape=self.input_shape)


@dc.dataclass(frozen=True, slots=True)
class Request:
    """What the command line asks for; radii in raw input units, ``out`` None for a new folder under ``runs``."""

    model: str
    data: str
    index: str | None = None
    norm: str = "2"
    method: str = "auto"
    domain: tuple[float, float] | None = None
    max_radius: float = math.inf
    tolerance: float = 1e-3
    seconds: float = math.inf
    device: str = "auto"
    seed: int = 0
    reading: Reading = Reading()
    out: Path | None = None
    resume: bool = False
    json: bool = False
    command: tuple[str, ...] = ()

    def settings(self, width: int) -> Settings:
        """The engine's settings for inputs of ``width`` numbers.

        Raises:
            InvalidInput: a value that has no meaning, or a device that is not there.
        """
        return Settings(
            norm=Norm.parse(self.norm),
            method=self.method,
            domain=None if self.domain is None else Box.uniform(*self.domain, width),
            max_radius=self.max_radius,
            tolerance=self.tolerance,
            seconds=self.seconds,
            seed=self.seed,
            device=str(find_device(self.device)),
        )
