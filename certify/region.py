"""Where an input may move: balls of the l1, l2 and linf norms, cut by a box.

All coordinates are in the units of the network's raw input, flattened in row-major order.
"""

import dataclasses as dc
import enum

import numpy as np
from jaxtyping import Float64

from certify.errors import InvalidInput


class Norm(enum.Enum):
    """The norm that measures a perturbation. The value is the exponent p."""

    L1 = 1.0
    L2 = 2.0
    LINF = float("inf")

    @classmethod
    def parse(cls, text: object) -> "Norm":
        """The norm called ``1``, ``2`` or ``inf`` (also ``l2``, ``linf``, a float, or a ``Norm``).

        Raises:
            InvalidInput: any other value.
        """
        if isinstance(text, Norm):
            return text
        name = str(text).strip().lower().removeprefix("l")
        known = {"1": cls.L1, "1.0": cls.L1, "2": cls.L2, "2.0": cls.L2, "inf": cls.LINF}
        if name not in known:
            raise InvalidInput(f"Unknown norm {text!r}. Use one of: inf, 2, 1.")
        return known[name]

    def __str__(self) -> str:
        return {1.0: "l1", 2.0: "l2"}.get(self.value, "linf")

    @property
    def short(self) -> str:
        """``1``, ``2`` or ``inf``, as on the command line."""
        return str(self)[1:]


@dc.dataclass(frozen=True, slots=True, eq=False)
class Box:
    """The axis-aligned box ``{x : lower <= x <= upper}``; both ends belong to it, infinite ends are allowed.

    Raises:
        InvalidInput: the ends differ in shape, are NaN, or cross.
    """

    lower: Float64[np.ndarray, " n"]
    upper: Float64[np.ndarray, " n"]

    def __post_init__(self) -> None:
        if self.lower.shape != self.upper.shape:
            raise InvalidInput(f"Box ends differ in shape: lower {self.lower.shape}, upper {self.upper.shape}.")
        bad = np.flatnonzero(~(self.lower <= self.upper))  # also catches NaN
        if bad.size:
            i = int(bad[0])
            raise InvalidInput(
                f"Box is empty at coordinate {i} (and {bad.size - 1} more): lower={self.lower[i]}, "
                f"upper={self.upper[i]}. For a ball around a point use Ball(centre, radius, norm)."
            )

    @classmethod
    def uniform(cls, lower: float, upper: float, width: int) -> "Box":
        """The cube ``[lower, upper]^width``."""
        return cls(np.full(width, float(lower)), np.full(width, float(upper)))

    def outside(self, points: Float64[np.ndarray, "b n"]) -> Float64[np.ndarray, " b"]:
        """How far, in the largest coordinate, each point lies outside the box; 0 inside."""
        excess = np.maximum(self.lower - points, points - self.upper)
        return np.maximum(excess, 0.0).max(axis=1, initial=0.0)

    def reach(self, points: Float64[np.ndarray, "b n"], norm: Norm) -> Float64[np.ndarray, " b"]:
        """Radii (B,) of balls around the points that hold the whole box, hardly larger than they must be.

        Lengths are scaled, for squares of tiny ones are 0. The radii are numbers of float32 where that has
        their like, so that no bound in float32 stops short of them.
        """
        with np.errstate(over="ignore"):
            far = np.maximum(np.abs(self.upper - points), np.abs(self.lower - points))
            size = far.max(axis=1, initial=0.0)
            unit = np.where(np.isfinite(size) & (size > 0), size, 1.0)
            radii = unit * np.linalg.norm(far / unit[:, None], ord=norm.value, axis=1) * (1 + 1e-9) + 1e-300
            single = np.nextafter(radii.astype(np.float32), np.float32(np.inf)).astype(np.float64)
            return np.where((radii > 1e-30) & np.isfinite(single), single, radii)


@dc.dataclass(frozen=True, slots=True, eq=False)
class Ball:
    """The closed ball ``{x : ||x - centre||_p <= radius}``.

    Raises:
        InvalidInput: the radius is negative or NaN, or the centre is not finite.
    """

    centre: Float64[np.ndarray, " n"]
    radius: float
    norm: Norm

    def __post_init__(self) -> None:
        if not self.radius >= 0:
            raise InvalidInput(f"A radius must be a number >= 0, got {self.radius}.")
        if not np.isfinite(self.centre).all():
            i = int(np.flatnonzero(~np.isfinite(self.centre))[0])
            raise InvalidInput(f"The ball's centre has {self.centre[i]} at coordinate {i}; it must be finite.")
