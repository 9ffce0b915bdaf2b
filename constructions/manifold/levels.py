"""Functions on a manifold that are 1-Lipschitz in the norm of the attack: classes are their upper and lower ends."""

import abc
import dataclasses as dc
from fractions import Fraction

import numpy as np
from jaxtyping import Float64

from certify.errors import InvalidInput
from certify.region import Norm
from certify.rounding import sqrt_up
from constructions.dyadic import floor_to
from constructions.manifold.embedded import Embedded, Points
from constructions.manifold.fixed import ONE, TWO_PI_UP, Fixed, cosines, fixed, of_floats, product
from constructions.manifold.torus import FlatTorus

LEVEL_ERROR = Fraction(1, 1 << 70)
"""How far a computed value of a level function is from the true one, at most."""

_BITS = 30


class Level(abc.ABC):
    """A function g on an embedded manifold with ``|g(x) - g(y)| <= |x - y|`` in ``norm`` (l2 or linf).

    Laws, which ``tests/constructions/test_manifold_levels.py`` checks: that inequality, and that ``values`` are within
    ``LEVEL_ERROR`` of g at the true points.
    """

    @property
    @abc.abstractmethod
    def norm(self) -> Norm:
        """The norm in which g is 1-Lipschitz."""

    @abc.abstractmethod
    def values(self, points: Points) -> Fixed:
        """g at some points."""


def dual_length(weights: Float64[np.ndarray, " d"], norm: Norm) -> Fraction:
    """The norm of a linear functional on ``norm`` (l2 or linf): exact for linf, rounded up for l2."""
    entries = [Fraction(float(w)) for w in weights]
    if norm is Norm.LINF:
        return sum((abs(w) for w in entries), Fraction(0))
    return Fraction(sqrt_up(sum((w * w for w in entries), Fraction(0))))


def _gridded(numbers: Float64[np.ndarray, "..."]) -> Float64[np.ndarray, "..."]:
    """Rounded towards zero to multiples of ``2**-30``."""
    return np.trunc(numbers * 2.0**_BITS) * 2.0**-_BITS


def _require_grid(**arrays: Float64[np.ndarray, "..."]) -> None:
    """Refuses what is not on the grid, or so large that the error bound would not hold."""
    for name, numbers in arrays.items():
        if (_gridded(numbers) != numbers).any() or (np.abs(numbers) > 64).any():
            raise InvalidInput(f"The {name} of a level function must be multiples of 2**-{_BITS} of at most 64.")


@dc.dataclass(frozen=True, slots=True, eq=False)
class Linear(Level):
    """``g(x) = <w, x - 1/2>`` with ``w`` of dual norm at most 1, entries multiples of ``2**-30``.

    Raises:
        InvalidInput: a functional that is too long, or not on that grid.
    """

    weights: Float64[np.ndarray, " d"]
    length: Norm

    def __post_init__(self) -> None:
        _require_grid(weights=self.weights)
        if (found := dual_length(self.weights, self.length)) > 1:
            raise InvalidInput(
                f"A linear level function must be 1-Lipschitz in {self.length}, this one is {float(found):g}-Lipschitz;"
                f" divide its weights by that."
            )

    @property
    def norm(self) -> Norm:
        return self.length

    def values(self, points: Points) -> Fixed:
        whole = np.rint(self.weights * 2.0**_BITS).astype(np.int64).astype(object)
        return ((points.coordinates - ONE // 2) @ whole) >> _BITS

    @classmethod
    def along(cls, embedded: Embedded, coordinates: Float64[np.ndarray, " m"], norm: Norm) -> "Linear":
        """The functional that reads the manifold's own coordinates with these weights, scaled to dual norm 1 in space.

        Raises:
            InvalidInput: another number of weights than coordinates, or all of them zero.
        """
        if len(coordinates) != embedded.manifold.ambient or not coordinates.any():
            raise InvalidInput(
                f"A linear level function on this {embedded.manifold.kind} takes {embedded.manifold.ambient} weights, "
                f"not all zero; got {coordinates.tolist()}."
            )
        direction = embedded.frame.matrix @ coordinates
        unit = direction / float(dual_length(direction, norm))
        exact = _gridded(unit)
        return cls(exact if dual_length(exact, norm) <= 1 else _gridded(unit * (1 - 2.0**-28)), norm)


@dc.dataclass(frozen=True, slots=True, eq=False)
class Waves(Level):
    """``g(x) = s sum_j a_j cos(2 pi (<w_j, x> + p_j))`` with s below the inverse of ``2 pi sum_j |a_j| |w_j|*``.

    ``frequencies`` (J, d) and ``amplitudes`` (J,) are multiples of ``2**-30`` of at most 64; ``phases`` (J,) are
    turns. The cosine is 1-Lipschitz, hence g is 1-Lipschitz in all of space.
    """

    frequencies: Float64[np.ndarray, "J d"]
    amplitudes: Float64[np.ndarray, " J"]
    phases: Float64[np.ndarray, " J"]
    length: Norm

    def __post_init__(self) -> None:
        _require_grid(frequencies=self.frequencies, amplitudes=self.amplitudes)
        if self.scale * dual_length(self.amplitudes, Norm.LINF) > 64:
            raise InvalidInput("Waves need frequencies and amplitudes that are not all zero, and not all tiny.")

    @property
    def norm(self) -> Norm:
        return self.length

    @property
    def scale(self) -> Fraction:
        """s, a multiple of ``2**-30``."""
        steepness = sum(
            abs(Fraction(float(a))) * dual_length(w, self.length)
            for a, w in zip(self.amplitudes, self.frequencies, strict=True)
        )
        return floor_to(1 / (TWO_PI_UP * steepness), _BITS) if steepness else Fraction(1 << 20)

    def values(self, points: Points) -> Fixed:
        whole = np.rint(self.frequencies.T * 2.0**_BITS).astype(np.int64).astype(object)
        turns = ((points.coordinates @ whole) >> _BITS) + of_floats(self.phases)
        return product(product(cosines(turns), of_floats(self.amplitudes)).sum(axis=1), fixed(self.scale))

    @classmethod
    def random(cls, width: int, count: int, norm: Norm, seed: int) -> "Waves":
        """``count`` waves of about one period across the unit cube, odd around its centre: both classes occur."""
        rng = np.random.default_rng(seed)
        frequencies = rng.standard_normal((count, width)) / np.sqrt(width)
        grid = _gridded(np.clip(frequencies, -8, 8))
        phases = rng.choice([0.25, 0.75], count) - grid.sum(axis=1) / 2
        return cls(grid, 0.5 ** np.arange(count), phases, norm)


@dc.dataclass(frozen=True, slots=True, eq=False)
class TorusPolynomial(Level):
    """``g = s sum_j a_j cos(2 pi (n_j . t + p_j))`` in the angles t (turns) of a flat torus, n_j whole numbers.

    ``|cos(2 pi n.t + q) - cos(2 pi n.t' + q)| <= 2 |sin(pi n.(t - t'))| <= sum_i |n_i| chord_i / R``, since
    ``|sin n x| <= |n| |sin x|``; the chords of the circles make up the l2 distance on the torus. In linf a chord of an
    unrotated torus is at most ``sqrt 2`` times the distance. Hence s: the inverse of the sum, rounded down.
    """

    torus: Embedded
    orders: Float64[np.ndarray, "J k"]
    amplitudes: Float64[np.ndarray, " J"]
    phases: Float64[np.ndarray, " J"]
    length: Norm

    def __post_init__(self) -> None:
        manifold = self.torus.manifold
        if not isinstance(manifold, FlatTorus) or self.orders.shape[1] != manifold.k:
            raise InvalidInput(
                f"A trigonometric polynomial of {self.orders.shape[1]} angles needs a flat torus of as many circles, "
                f"got a {manifold.kind} of dimension {manifold.dimension}."
            )
        _require_grid(orders=self.orders, amplitudes=self.amplitudes)
        if (
            (np.rint(self.orders) != self.orders).any()
            or not self.orders.any(axis=1).all()
            or not self.amplitudes.all()
        ):
            raise InvalidInput("Terms of a trigonometric polynomial have whole orders, not all zero, and an amplitude.")

    @property
    def norm(self) -> Norm:
        return self.length

    @property
    def scale(self) -> Fraction:
        """s, a multiple of ``2**-30``."""
        torus = self.torus.manifold
        assert isinstance(torus, FlatTorus)
        rates = np.abs(self.orders).T @ np.abs(self.amplitudes)
        if self.length is Norm.LINF and self.torus.frame.selects:
            steepness = dual_length(rates, Norm.LINF) * Fraction(sqrt_up(Fraction(2)))
        else:
            steepness = dual_length(rates, Norm.L2) * self.torus.frame.contraction(self.length)
        return floor_to(torus.radius / (steepness * (1 + Fraction(1, 1 << 40))), _BITS)

    def values(self, points: Points) -> Fixed:
        turns = np.column_stack([points.places.spread(i, ticks) for i, ticks in enumerate(points.places.ticks)])
        waves = turns @ self.orders.T.astype(np.int64).astype(object) + of_floats(self.phases)
        return product(product(cosines(waves), of_floats(self.amplitudes)).sum(axis=1), fixed(self.scale))

    @classmethod
    def random(cls, torus: Embedded, count: int, norm: Norm, seed: int) -> "TorusPolynomial":
        """``count`` terms with orders in {-2..2}, never all zero."""
        rng = np.random.default_rng(seed)
        orders = rng.integers(-2, 3, (count, torus.manifold.dimension)).astype(np.float64)
        orders[~orders.any(axis=1), 0] = 1.0
        return cls(torus, orders, 0.5 ** np.arange(count), rng.random(count), norm)
