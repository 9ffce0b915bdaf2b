"""A data set as its file holds it, and how image axes are brought into a network's order."""

import dataclasses as dc
import enum
import math

import numpy as np
from jaxtyping import Int64


class Layout(enum.Enum):
    """The order of an image's axes in a file."""

    CHW = "channels, height, width"
    HWC = "height, width, channels"
    PLANE = "height, width"
    FLAT = "flat"


@dc.dataclass(frozen=True, slots=True, eq=False)
class Raw:
    """Points (b, ...) of any number type, with labels (b,); ``bytes`` says that pixels still run from 0 to 255."""

    points: np.ndarray
    labels: Int64[np.ndarray, " b"]
    layout: Layout
    bytes: bool = False
    notes: tuple[str, ...] = ()

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of one point."""
        return self.points.shape[1:]

    @property
    def width(self) -> int:
        """How many numbers one point has."""
        return math.prod(self.shape)

    def fitted(self, wanted: tuple[int, ...]) -> "Raw":
        """The points with image axes in the order of ``wanted``, a network's input shape, where both are clear."""
        if self.layout not in (Layout.CHW, Layout.HWC):
            return self
        target = wanted[-3:]
        moved = tuple(self.shape[k] for k in ((1, 2, 0) if self.layout is Layout.CHW else (2, 0, 1)))
        if target == self.shape or target != moved:
            if len(target) < 3 and self.layout is Layout.HWC and self.shape[2] > 1:
                note = "The model reads flat points, so pixels keep the file's order: height, width, channels."
                return dc.replace(self, notes=(*self.notes, note))
            return self
        order, layout = ((0, 2, 3, 1), Layout.HWC) if self.layout is Layout.CHW else ((0, 3, 1, 2), Layout.CHW)
        note = f"Images were reordered from ({self.layout.value}) to ({layout.value}), which the model reads."
        return Raw(self.points.transpose(order), self.labels, layout, self.bytes, (*self.notes, note))
