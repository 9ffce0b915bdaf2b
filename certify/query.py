"""What is asked: must the margin stay positive on a region? Asked of one network about many inputs at once.

A margin is positive where the network is right, everywhere in this code. A tie (margin 0) is an error for both labels.
"""

import dataclasses as dc
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float64, Int64

from certify.errors import InvalidInput
from certify.network import Network
from certify.region import Box, Norm

if TYPE_CHECKING:
    from collections.abc import Sequence


@dc.dataclass(frozen=True, slots=True, eq=False)
class Queries:
    """A batch of B robustness questions about one network.

    Question i asks whether ``rows[i] @ network(x) + offsets[i] > 0`` (all R rows) for every x in the domain with
    ``||x - centres[i]||_p <= radii[i]``.

    Shapes: ``centres`` (B, n) and ``radii`` (B,) in the units of the raw input, ``rows`` (B, R, m), ``offsets`` (B, R).

    Raises:
        InvalidInput: shapes that do not fit the network or each other, a negative or NaN radius, a non-finite centre.
    """

    network: Network
    centres: Float64[np.ndarray, "b n"]
    radii: Float64[np.ndarray, " b"]
    norm: Norm
    rows: Float64[np.ndarray, "b r m"]
    offsets: Float64[np.ndarray, "b r"]
    domain: Box | None = None

    def __post_init__(self) -> None:
        n, m, count = self.network.input_width, self.network.output_width, len(self.centres)
        shapes = (self.centres.shape, self.radii.shape, self.rows.shape[::2], self.offsets.shape)
        if shapes != ((count, n), (count,), (count, m), self.rows.shape[:2]):
            raise InvalidInput(
                f"Shapes do not fit a network from {n} to {m} values: centres {self.centres.shape}, radii "
                f"{self.radii.shape}, rows {self.rows.shape}, offsets {self.offsets.shape}."
            )
        if not (self.radii >= 0).all():
            raise InvalidInput(f"A radius must be a number >= 0, got {self.radii[~(self.radii >= 0)][0]}.")
        if not np.isfinite(self.centres).all():
            i, j = (int(k[0]) for k in np.nonzero(~np.isfinite(self.centres)))
            raise InvalidInput(f"Point {i} has {self.centres[i, j]} at coordinate {j}; points must be finite.")
        if self.domain is not None and self.domain.lower.shape != (n,):
            raise InvalidInput(f"The domain has {self.domain.lower.size} coordinates, the network takes {n}.")

    def __len__(self) -> int:
        return len(self.centres)

    def take(self, index: Int64[np.ndarray, " k"]) -> "Queries":
        """The questions at ``index``, in that order."""
        return dc.replace(
            self,
            centres=self.centres[index],
            radii=self.radii[index],
            rows=self.rows[index],
            offsets=self.offsets[index],
        )

    def within(self, radii: Float64[np.ndarray, " b"]) -> "Queries":
        """The same questions at other radii."""
        return dc.replace(self, radii=radii)


def robustness(
    network: Network,
    points: Float64[np.ndarray, "b n"],
    labels: "Int64[np.ndarray, ' b'] | Sequence[int]",
    *,
    norm: Norm,
    radius: float,
    domain: Box | None = None,
) -> Queries:
    """The question "does the prediction stay ``labels[i]`` within ``radius`` of ``points[i]``?" for every i.

    A network with k > 1 outputs predicts by argmax, labels 0..k-1, R = k - 1 rows ``y_label - y_other``. A network with
    one output predicts by sign: label 1 for positive, label 0 or -1 for negative, R = 1.

    Raises:
        InvalidInput: a label out of range, or what ``Queries`` refuses.
    """
    index = label_indices(network, np.asarray(labels, dtype=np.int64))
    count, m = len(index), network.output_width
    if m == 1:
        rows = np.where(index == 1, 1.0, -1.0)[:, None, None]
    else:
        others = np.arange(m - 1)[None, :] + (np.arange(m - 1)[None, :] >= index[:, None])
        rows = np.zeros((count, m - 1, m))
        rows[np.arange(count), :, index] = 1.0
        np.put_along_axis(rows, others[:, :, None], -1.0, axis=2)
    radii = np.full(count, float(radius))
    return Queries(network, points, radii, norm, rows, np.zeros(rows.shape[:2]), domain)


def label_indices(network: Network, labels: Int64[np.ndarray, " b"]) -> Int64[np.ndarray, " b"]:
    """Labels as class indices 0..k-1; -1 of a sign network becomes 0.

    Raises:
        InvalidInput: a label that the network cannot predict.
    """
    classes = max(2, network.output_width)
    binary = network.output_width == 1
    index = np.where(labels == -1, 0, labels) if binary else labels
    bad = np.flatnonzero((index < 0) | (index >= classes))
    if bad.size:
        i = int(bad[0])
        allowed = "0 or -1 (negative output) and 1 (positive)" if binary else f"0..{classes - 1}"
        raise InvalidInput(
            f"Label {labels[i]} of input {i} (and {bad.size - 1} more) is out of range: this network has "
            f"{network.output_width} output(s), so labels are {allowed}."
        )
    return index


def predictions(network: Network, points: Float64[np.ndarray, "b n"]) -> Int64[np.ndarray, " b"]:
    """The predicted class of each point in float64: argmax, or 1 for a positive single output and 0 otherwise."""
    values = network.evaluate(points)
    return (values[:, 0] > 0).astype(np.int64) if values.shape[1] == 1 else values.argmax(axis=1)
