"""Two classes of a manifold, cut out by a 1-Lipschitz function, hence with a certified distance."""

import dataclasses as dc
import os
from fractions import Fraction

import numpy as np
from jaxtyping import Float64, Int64

from certify.errors import InvalidInput
from certify.region import Norm
from constructions.distributions.files import write_points
from constructions.manifold.embedded import Embedded, Points
from constructions.manifold.fixed import ONE, Fixed, fixed
from constructions.manifold.levels import LEVEL_ERROR, Level
from constructions.theorem import Labelled

_ATTEMPTS = 40
_SAMPLE_BITS = 52


@dc.dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """Labelled float points, each within ``slack`` (in the norm of the classes) of a point of its class."""

    data: Labelled
    slack: Fraction

    def save(self, path: str | os.PathLike[str]) -> None:
        """Writes points and labels as npz or csv, as ``python -m certify --data FILE`` reads them."""
        write_points(path, self.data.points, self.data.labels)


@dc.dataclass(frozen=True, slots=True, eq=False)
class Net:
    """Float points (K, d) that stand for the part of a manifold where ``g >= bar``; multiples of ``2**-bits``.

    Every point of the part is within ``radius`` of one of them. Each of them is at least ``bar + other - radius`` away
    from every point of the manifold with ``g <= -other``, and ``bar + other - radius - radius'`` from the net of these.
    """

    points: Float64[np.ndarray, "K d"]
    radius: Fraction
    bits: int

    def __len__(self) -> int:
        return len(self.points)


@dc.dataclass(frozen=True, slots=True, eq=False)
class SeparatedClasses:
    """``A = {g >= eps}`` (label 1) and ``B = {g <= -eps}`` (label 0) on a manifold.

    g is 1-Lipschitz in its norm, so that A and B are at least ``2 eps`` apart there. Infinite sets: what is claimed of
    them is claimed of every one of their points.
    """

    embedded: Embedded
    level: Level
    epsilon: Fraction

    def __post_init__(self) -> None:
        if self.epsilon <= 0:
            raise InvalidInput(f"The separation needs epsilon > 0, got {self.epsilon}.")

    @property
    def norm(self) -> Norm:
        """The norm of the separation."""
        return self.level.norm

    def sample(self, count: int, seed: int) -> Sample:
        """``count`` labelled points, uniform by volume on the two classes.

        Raises:
            InvalidInput: the classes are too small to be met by chance, or one of them was not met.
        """
        rng = np.random.default_rng(seed)
        found: list[Points] = []
        labels: list[Int64[np.ndarray, " n"]] = []
        tried, kept, largest = 0, 0, 0.0
        while kept < count:
            if tried > _ATTEMPTS * (count + 50):
                raise InvalidInput(
                    f"Only {kept} of {tried} random points have |g| >= {float(self.epsilon):g}; the largest |g| met is "
                    f"{largest:.4g}. Take a smaller epsilon."
                )
            points = self.embedded.draw(count + 50, rng)
            values = self.level.values(points)
            rows, marks = self.labels(values)
            found.append(points.take(rows))
            labels.append(marks)
            tried, kept = tried + len(points), kept + len(rows)
            largest = max(largest, max(abs(int(value)) for value in values) / ONE)
        rounded = np.concatenate([points.rounded(_SAMPLE_BITS) for points in found])[:count]
        slack = self.embedded.rounding(_SAMPLE_BITS, self.norm)
        return Sample(Labelled.of(rounded, np.concatenate(labels)[:count]), slack)

    def labels(self, values: Fixed) -> tuple[Int64[np.ndarray, " n"], Int64[np.ndarray, " n"]]:
        """Which points with these computed levels certainly belong to a class, and to which."""
        bar = fixed(self.epsilon + LEVEL_ERROR) + 1
        rows = np.flatnonzero(np.asarray((values >= bar) | (values <= -bar), dtype=bool))
        return rows, np.asarray(values[rows] > 0, dtype=np.int64)

    def net(self, label: int, bar: Fraction, radius: Fraction, bits: int) -> Net:
        """A net of the part ``{g >= bar}`` (label 1) or ``{g <= -bar}`` (label 0), of the given radius.

        Of a cover of the manifold the nodes with ``g >= bar - radius`` are kept: a node within ``radius`` of a point of
        the part is among them, for g is 1-Lipschitz. The rounding of nodes and levels is paid for by a finer cover.

        Raises:
            InvalidInput: too many nodes, a radius below the rounding of ``bits``, or no node in the part.
        """
        slack = self.embedded.rounding(bits, self.norm) + 3 * LEVEL_ERROR
        if radius <= 2 * slack:
            raise InvalidInput(
                f"A net of radius {float(radius):g} is finer than its points' grid 2**-{bits}; take a larger radius."
            )
        points = self.embedded.cover(radius - slack, self.norm).points
        levels = self.level.values(points) if label == 1 else -self.level.values(points)
        if (highest := int(levels.max())) < fixed(bar):
            part = f"g {'>= ' if label == 1 else '<= -'}{float(bar):g}"
            raise InvalidInput(
                f"No node of a cover of radius {float(radius):g} lies in the class {part}: the level reaches "
                f"{highest / ONE:.4g} there. Take a smaller eps, or a finer cover."
            )
        kept = np.flatnonzero(np.asarray(levels >= fixed(bar - radius + slack - LEVEL_ERROR), dtype=bool))
        return Net(np.unique(points.take(kept).rounded(bits), axis=0), radius, bits)
