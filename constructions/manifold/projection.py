"""Linear maps to few coordinates with entries that are exact, and the layer that computes them."""

import dataclasses as dc
import math
from fractions import Fraction

import numpy as np
from jaxtyping import Float64

from certify.errors import InvalidInput
from constructions.compose import Chain, Forms
from constructions.dyadic import rational
from constructions.manifold.embedded import Embedded

_BITS = 12
_FINEST = 18
_SAMPLES = 2000


@dc.dataclass(frozen=True, slots=True, eq=False)
class Projection:
    """``x -> Phi x + shift`` from the unit cube of d into that of m coordinates; Phi is (m, d), entries dyadic.

    Rows have l1 norm at most 1, so that images of the cube fit the cube once ``shift`` has made them non-negative, and
    ``|Phi x - Phi y|_inf <= lipschitz |x - y|_inf``.
    """

    matrix: Float64[np.ndarray, "m d"]

    def __post_init__(self) -> None:
        bits = _bits(self.matrix.shape[1])
        if (np.rint(self.matrix * 2.0**bits) != self.matrix * 2.0**bits).any() or self.lipschitz > 1:
            raise InvalidInput(
                f"A projection's entries must be multiples of 2**-{bits}, and its rows have l1 norm at most 1 (here "
                f"{float(self.lipschitz):g}); use Projection.of, which scales and rounds."
            )
        if not self.matrix.any(axis=1).all():
            raise InvalidInput("A row of the projection is zero: that coordinate is the same for all points.")

    @classmethod
    def of(cls, matrix: Float64[np.ndarray, "m d"]) -> "Projection":
        """Any matrix, its rows scaled to l1 norm 1 and rounded towards zero."""
        if not np.isfinite(matrix).all() or not matrix.any(axis=1).all():
            raise InvalidInput("A projection needs finite rows that are not zero.")
        bits = _bits(matrix.shape[1])
        unit = matrix / np.abs(matrix).sum(axis=1, keepdims=True)
        return cls(np.trunc(unit * (1 + 2.0**-50) * 2.0**bits) * 2.0**-bits)

    @classmethod
    def random(cls, rows: int, width: int, seed: int) -> "Projection":
        """Gaussian rows."""
        return cls.of(np.random.default_rng(seed).standard_normal((rows, width)))

    @classmethod
    def principal(cls, embedded: Embedded, rows: int) -> "Projection":
        """The directions of largest variance of a sample of the manifold, each with its largest entry positive."""
        points = embedded.draw(_SAMPLES, np.random.default_rng(0)).rounded(30)
        directions = np.linalg.svd(points - points.mean(axis=0), full_matrices=False)[2][:rows]
        largest = np.take_along_axis(directions, np.abs(directions).argmax(axis=1)[:, None], axis=1)
        return cls.of(directions * np.sign(largest))

    @property
    def rows(self) -> int:
        """m, the number of coordinates after projection."""
        return int(self.matrix.shape[0])

    @property
    def lipschitz(self) -> Fraction:
        """The largest l1 norm of a row."""
        return max(sum((abs(Fraction(entry)) for entry in row), Fraction(0)) for row in self.matrix.tolist())

    @property
    def shift(self) -> Float64[np.ndarray, " m"]:
        """The least constants that make the image of the unit cube non-negative; exact."""
        return np.maximum(-self.matrix, 0.0).sum(axis=1)

    def image(self, points: Float64[np.ndarray, "K d"]) -> Float64[np.ndarray, "K m"]:
        """``Phi x + shift``; exact for points of the unit cube that are multiples of ``2**-20``."""
        return points @ self.matrix.T + self.shift

    def layer(self) -> Chain:
        """A chain whose last layer's units are ``Phi x + shift``, non-negative on the unit cube."""
        chain = Chain(self.matrix.shape[1])
        chain.relu(Forms.of(self.matrix, self.shift))
        return chain


def _bits(width: int) -> int:
    """Entries are multiples of this power of two: about 1/d of a unit row, with twelve bits, where that is exact."""
    return min(_FINEST, _BITS + math.ceil(math.log2(width)))


def projection_named(text: str, embedded: Embedded) -> Projection:
    """The projection of a text: ``pca:M``, ``random:M:SEED`` or ``rows:1,0,0;0,1,0``.

    Raises:
        InvalidInput: any other text, or one that does not fit the dimension.
    """
    kind, _, rest = text.partition(":")
    width = embedded.width
    if kind == "rows":
        rows = [
            [float(rational(part, "an entry of the projection")) for part in row.split(",")] for row in rest.split(";")
        ]
        if any(len(row) != width for row in rows):
            raise InvalidInput(f"Every row of the projection needs {width} entries, got {[len(row) for row in rows]}.")
        return Projection.of(np.array(rows))
    if kind in ("pca", "random"):
        count, _, seed = rest.partition(":")
        if not count.isdigit() or not 1 <= int(count) <= width or not (seed or "0").isdigit():
            raise InvalidInput(f"{text!r} must name between 1 and {width} coordinates, as in {kind}:2.")
        if kind == "pca":
            return Projection.principal(embedded, int(count))
        return Projection.random(int(count), width, int(seed or "0"))
    raise InvalidInput(f"There is no projection {text!r}. Use pca:M, random:M:SEED or rows:1,0,0;0,1,0.")
