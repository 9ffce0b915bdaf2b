"""Points that every class of networks which memorises all N-point sets robustly must shatter, and data that shows it.

Data that carries a labelling covers each point by the ball of a sample with that label; a robust memorizer of the data
then answers the labelling on the points. Everything is in whole numbers, so distances are exact. The lower bounds on
sizes that follow are the entries ``robust-training.l2.lower`` and ``robust-training.inf.lower``.
"""

import dataclasses as dc
import math
from fractions import Fraction

import numpy as np
from jaxtyping import Float64, Int64

from certify.errors import InvalidInput
from constructions.hard.grid import MOST_NUMBERS
from constructions.theorem import Labelled

_LARGEST = 2**50


@dc.dataclass(frozen=True, slots=True, eq=False)
class Witness:
    """Data for one labelling: N samples, and for each shattered point the sample whose ball covers it.

    ``samples`` are in the units in which half the class distance is ``eps`` and the radius ``delta`` of the groups.
    """

    samples: Labelled
    covers: Int64[np.ndarray, " m"]


@dc.dataclass(frozen=True, slots=True)
class OrthantGroups:
    """``k floor(N/2)`` points that two samples a group cover in l2, whatever their labels (kim2025, lower bound).

    Group g holds e_1, .., e_k moved by ``g (2k + 2) e_1``. For labels with positive positions J and the rest R, the
    samples are ``x = sum_J e_j - sum_R e_j`` with label 1 and ``-x`` with label 0: ``2 sqrt(k)`` apart, and e_j is
    ``sqrt(k - 1)`` from the one of its label. So eps = sqrt(k), and closed balls of radius rho eps cover the points as
    soon as ``rho^2 >= 1 - 1/k``: k = min(d, floor(1 / (1 - rho^2))). Samples of different groups are at least 2k apart.

    ``count`` is N, ``inputs`` d; ``rho`` the attack radius divided by eps.

    Raises:
        InvalidInput: N < 2, d < 1, or rho outside [0, 1).
    """

    count: int
    inputs: int
    rho: Fraction

    def __post_init__(self) -> None:
        _check(self.count, self.inputs, self.rho, Fraction(0))

    @property
    def per_group(self) -> int:
        """k, the points of a group."""
        return min(self.inputs, int(1 / (1 - self.rho**2)))

    @property
    def groups(self) -> int:
        """How many groups of two samples there are."""
        return self.count // 2

    @property
    def shattered(self) -> int:
        """m = k floor(N / 2), the points that are shattered; computed without allocating."""
        return self.per_group * self.groups

    @property
    def squared_eps(self) -> int:
        """eps^2 = k: half the smallest distance between the classes, squared, for every labelling."""
        return self.per_group

    @property
    def squared_reach(self) -> int:
        """k - 1: the squared distance from every point to its sample; at most ``(rho eps)^2``."""
        return self.per_group - 1

    def points(self) -> Float64[np.ndarray, "m d"]:
        """The shattered points, group by group."""
        _allow(self.shattered, self.inputs)
        k = self.per_group
        found = np.zeros((self.groups, k, self.inputs))
        found[:, :, :k] = np.eye(k)
        found[:, :, 0] += self._moves()[: self.groups, None]
        return found.reshape(-1, self.inputs)

    def witness(self, labels: Int64[np.ndarray, " m"]) -> Witness:
        """N samples, 2 eps apart between classes, whose balls cover each point by a sample of its label."""
        marks = _table(labels, self.shattered).reshape(self.groups, self.per_group)
        _allow(self.count, self.inputs)
        signs, k = 2.0 * marks - 1.0, self.per_group
        samples = np.zeros((self.count, self.inputs))
        samples[0 : 2 * self.groups : 2, :k] = signs
        samples[1 : 2 * self.groups : 2, :k] = -signs
        samples[:, 0] += np.repeat(self._moves(), 2)[: self.count]
        own = 1 - np.arange(self.count, dtype=np.int64) % 2
        covers = 2 * np.arange(self.groups, dtype=np.int64)[:, None] + (1 - marks)
        return Witness(Labelled(samples, own), covers.ravel())

    def _moves(self) -> Float64[np.ndarray, " g"]:
        """The first coordinates of the groups; one more than there are, for a sample without a group."""
        return (2.0 * self.per_group + 2.0) * np.arange(self.groups + 1)


@dc.dataclass(frozen=True, slots=True)
class BoxGroups:
    """``r t floor(N / (r + t))`` points that r + t samples a group cover in linf, for rho >= 1/2. Derived.

    A coordinate for each pair (a, b), a < r, b < t, with r t <= d. With ``u = 2 (eps - delta)`` the point of (a, b) has
    +u in coordinates (a, b'), -u in (a', b), and 0 elsewhere. Sample P_a (label 1) has delta in coordinate (a, b) if
    that point is positive, else u + delta, and -u/2 in the coordinates of other rows; Q_b (label 0) has -delta if it is
    negative, else -u - delta, and u/2 in those of other columns. Then P_a and Q_b are 2 eps apart in coordinate (a, b),
    and the point of (a, b) is within delta of P_a or of Q_b by its label. r and t are those with the most points.

    Coordinates are whole numbers: eps is twice the denominator of rho.

    Raises:
        InvalidInput: N < 2, d < 1, or rho outside [1/2, 1).
    """

    count: int
    inputs: int
    rho: Fraction

    def __post_init__(self) -> None:
        _check(self.count, self.inputs, self.rho, Fraction(1, 2))
        if (self.groups + 1) * self._stride >= _LARGEST:
            raise InvalidInput(f"rho = {self.rho} has too large a denominator for exact coordinates; round it.")

    @property
    def shape(self) -> tuple[int, int]:
        """(r, t), r <= t, with the most points ``r t floor(N / (r + t))``; the smallest r among equals."""
        best, found = 0, (1, 1)
        for r in range(1, min(math.isqrt(self.inputs), self.count - 1) + 1):
            t = np.arange(r, min(self.inputs // r, self.count - r) + 1, dtype=np.int64)
            sizes = r * t * (self.count // (r + t))
            if sizes.size and sizes.max() > best:
                best, found = int(sizes.max()), (r, int(t[sizes.argmax()]))
        return found

    @property
    def groups(self) -> int:
        """How many groups of r + t samples there are."""
        return self.count // sum(self.shape)

    @property
    def shattered(self) -> int:
        """m = r t floor(N / (r + t)), the points that are shattered; computed without allocating."""
        r, t = self.shape
        return r * t * self.groups

    @property
    def eps(self) -> int:
        """Half the smallest distance between the classes, for every labelling."""
        return 2 * self.rho.denominator

    @property
    def delta(self) -> int:
        """The attack radius, rho eps: no point is further from its sample."""
        return 2 * self.rho.numerator

    def points(self) -> Float64[np.ndarray, "m d"]:
        """The shattered points, group by group, in a group by (a, b)."""
        _allow(self.shattered, self.inputs)
        r, t = self.shape
        row, column = np.divmod(np.arange(r * t), t)
        same_row, same_column = row[:, None] == row[None, :], column[:, None] == column[None, :]
        found = np.zeros((self.groups, r * t, self.inputs))
        found[:, :, : r * t] = self._wide * (same_row.astype(float) - same_column.astype(float))
        found[:, :, 0] += self._moves(self.groups)[:, None]
        return found.reshape(-1, self.inputs)

    def witness(self, labels: Int64[np.ndarray, " m"]) -> Witness:
        """N samples, 2 eps apart between classes, whose boxes cover each point by a sample of its label."""
        r, t = self.shape
        marks = _table(labels, self.shattered).reshape(self.groups, r, t)
        _allow(self.count, self.inputs)
        samples = np.zeros((self.count, self.inputs))
        used, per = self.groups * (r + t), r + t
        group = samples[:used].reshape(self.groups, per, self.inputs)  # a view
        group[:, :r, : r * t] = -self._wide / 2
        group[:, r:, : r * t] = self._wide / 2
        for a in range(r):
            group[:, a, a * t : (a + 1) * t] = self.delta + self._wide * (1 - marks[:, a, :])
        for b in range(t):
            group[:, r + b, b : r * t : t] = -self.delta - self._wide * marks[:, :, b]
        group[:, :, 0] += self._moves(self.groups)[:, None]
        samples[used:, 0] = self._stride * np.arange(self.groups, self.groups + self.count - used)
        own = np.tile(np.repeat(np.array([1, 0]), [r, t]), self.groups + 1)[: self.count]
        start = per * np.arange(self.groups, dtype=np.int64)[:, None, None]
        covers = np.where(marks == 1, np.arange(r)[:, None], r + np.arange(t)[None, :]) + start
        return Witness(Labelled(samples, own), covers.ravel())

    @property
    def _wide(self) -> int:
        """u = 2 (eps - delta), an even number."""
        return 2 * (self.eps - self.delta)

    @property
    def _stride(self) -> int:
        """From group to group along the first coordinate: coordinates reach u + delta, and 2 eps must remain."""
        return 2 * (self._wide + self.delta) + 2 * self.eps

    def _moves(self, groups: int) -> Float64[np.ndarray, " g"]:
        return float(self._stride) * np.arange(groups)


def _check(count: int, inputs: int, rho: Fraction, least: Fraction) -> None:
    if count < 2 or inputs < 1:
        raise InvalidInput(f"Shattering needs N >= 2 samples in d >= 1 dimensions, got N = {count} and d = {inputs}.")
    if not least <= rho < 1:
        raise InvalidInput(f"rho, the attack radius divided by eps, must be in [{least}, 1) here, got {rho}.")


def _allow(rows: int, inputs: int) -> None:
    if rows * inputs > MOST_NUMBERS:
        raise InvalidInput(f"{rows:,} points of {inputs:,} coordinates are too many; at most {MOST_NUMBERS:,} numbers.")


def _table(labels: Int64[np.ndarray, " m"], count: int) -> Int64[np.ndarray, " m"]:
    if labels.shape != (count,) or not np.isin(labels, (0, 1)).all():
        raise InvalidInput(f"A labelling of the {count} shattered points is {count} zeros and ones.")
    return labels
