"""Frames: matrices with nearly orthonormal columns that carry a manifold into the unit cube of any dimension.

The embedded manifold is *defined* as ``1/2 + Q psi`` with the dyadic matrix Q that is stored, so that nothing about it
is approximate; how far Q is from an isometry is computed exactly and charged where distances are compared.
"""

import dataclasses as dc
from fractions import Fraction

import numpy as np
from jaxtyping import Float64

from certify.errors import InvalidInput
from certify.region import Norm
from certify.rounding import sqrt_up
from constructions.manifold.fixed import ONE, Fixed

_BITS = 30
"""Entries of frames are multiples of ``2**-30``."""


@dc.dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """``psi -> 1/2 + Q psi``: ``matrix`` Q is (d, m), its entries multiples of ``2**-30`` in [-1, 1].

    ``defect`` bounds ``||Q^T Q - I||`` in the spectral norm, hence
    ``(1 - defect) |v|**2 <= |Q v|**2 <= (1 + defect) |v|**2``.
    """

    matrix: Float64[np.ndarray, "d m"]
    defect: Fraction = dc.field(init=False)

    def __post_init__(self) -> None:
        whole = self._integers
        if (np.abs(self.matrix) > 1).any() or (whole.astype(np.float64) != self.matrix * 2.0**_BITS).any():
            raise InvalidInput(f"A frame's entries must be multiples of 2**-{_BITS} in [-1, 1]; round them first.")
        gram = whole.T @ whole - (np.eye(whole.shape[1], dtype=np.int64).astype(object) << (2 * _BITS))
        squares = Fraction(int((gram * gram).sum()), 1 << (4 * _BITS))
        object.__setattr__(self, "defect", Fraction(sqrt_up(squares)))
        if self.defect >= Fraction(1, 2):
            raise InvalidInput(
                f"The columns of this frame are not orthonormal: |Q^T Q - I| is up to {float(self.defect):.3g}; "
                f"orthonormalise them (at most 1/2 is accepted)."
            )

    @classmethod
    def identity(cls, manifold_width: int, width: int) -> "Frame":
        """The first coordinates, and 1/2 in the others."""
        return cls(np.eye(width, manifold_width))

    @classmethod
    def random(cls, manifold_width: int, width: int, seed: int) -> "Frame":
        """A random isometry, up to rounding."""
        gaussian = np.random.default_rng(seed).standard_normal((width, manifold_width))
        orthogonal, triangle = np.linalg.qr(gaussian)
        signed = orthogonal * np.sign(np.diag(triangle))
        return cls(np.rint(signed * 2.0**_BITS) * 2.0**-_BITS)

    @property
    def _integers(self) -> Fixed:
        return np.rint(self.matrix * 2.0**_BITS).astype(np.int64).astype(object)

    @property
    def width(self) -> int:
        """d, the dimension of the space."""
        return int(self.matrix.shape[0])

    @property
    def selects(self) -> bool:
        """Whether every coordinate in space is one of the manifold's, up to sign, or constant."""
        return bool((np.count_nonzero(self.matrix, axis=1) <= 1).all() and np.isin(self.matrix, (-1, 0, 1)).all())

    @property
    def row_norm(self) -> Fraction:
        """The largest l2 norm of a row, rounded up: ``|Q v|_inf <= row_norm |v|_2``."""
        squares = (self._integers**2).sum(axis=1).max()
        return Fraction(sqrt_up(Fraction(int(squares), 1 << (2 * _BITS))))

    def stretch(self, norm: Norm) -> Fraction:
        """A bound of ``|Q v|`` in ``norm`` (l2 or linf) over ``|v|_2``."""
        isometric = Fraction(sqrt_up(1 + self.defect))
        return min(isometric, self.row_norm) if norm is Norm.LINF else isometric

    def contraction(self, norm: Norm) -> Fraction:
        """A bound of ``|v|_2`` over ``|Q v|`` in ``norm`` (l2 or linf)."""
        entries = self.width if norm is Norm.LINF else 1
        return Fraction(sqrt_up(entries / (1 - self.defect)))

    def place(self, coordinates: Fixed) -> Fixed:
        """``1/2 + Q psi`` for each row, rounded down by less than a unit."""
        if self.selects:
            return coordinates @ np.rint(self.matrix.T).astype(np.int64).astype(object) + ONE // 2
        return ((coordinates @ self._integers.T) >> _BITS) + ONE // 2
