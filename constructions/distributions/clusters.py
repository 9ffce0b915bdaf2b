"""Clusters of Gaussian noise around features, each cluster in one of two classes (li2025, Definition 3.1)."""

import dataclasses as dc
import math

import numpy as np
from jaxtyping import Bool, Float64, Int64

from certify.errors import InvalidInput
from constructions.distributions import means


@dc.dataclass(frozen=True, slots=True, eq=False)
class Clusters:
    """Where the clusters are and which class each belongs to: ``features`` mu_j (k, d), ``positive`` (k,).

    Raises:
        InvalidInput: shapes that do not fit, a feature that is not finite or zero, or a class without clusters.
    """

    features: Float64[np.ndarray, "k d"]
    positive: Bool[np.ndarray, " k"]

    def __post_init__(self) -> None:
        if self.features.ndim != 2 or self.positive.shape != self.features.shape[:1]:
            raise InvalidInput(
                f"Features of shape {self.features.shape} and {self.positive.shape} marks of the positive clusters; "
                f"(k, d) and (k,) needed."
            )
        bad = np.argwhere(~np.isfinite(self.features))
        if bad.size:
            j, i = (int(index) for index in bad[0])
            raise InvalidInput(f"Feature {j} has {self.features[j, i]} at coordinate {i}; features must be finite.")
        zero = np.flatnonzero(~self.features.any(axis=1))
        if zero.size:
            raise InvalidInput(f"Feature {int(zero[0])} is zero; a cluster around the origin has no direction.")
        if 0 in self.balance:
            raise InvalidInput(
                f"{self.balance[0]} of {self.k} clusters are positive; both classes need at least one cluster."
            )

    @property
    def k(self) -> int:
        """How many clusters there are."""
        return len(self.features)

    @property
    def d(self) -> int:
        """The dimension of the inputs."""
        return int(self.features.shape[1])

    @property
    def balance(self) -> tuple[int, int]:
        """K_+ and K_-: how many clusters are positive, and how many negative."""
        count = int(self.positive.sum())
        return count, self.k - count

    @property
    def signs(self) -> Float64[np.ndarray, " k"]:
        """+1 for a positive cluster, -1 for a negative one."""
        return np.where(self.positive, 1.0, -1.0)

    @property
    def class_sums(self) -> Float64[np.ndarray, "2 d"]:
        """v_+ and v_-: the sums of the features of each class."""
        return np.stack([self.features[self.positive].sum(axis=0), self.features[~self.positive].sum(axis=0)])

    def coordinates(self, points: Float64[np.ndarray, "b d"]) -> Float64[np.ndarray, "b k"]:
        """``u_j = <mu_j, x> / sqrt(d)``: all that the networks built from the features see of an input."""
        return points @ self.features.T / math.sqrt(self.d)

    @classmethod
    def orthogonal(cls, k: int, d: int, *, K_plus: int | None = None, seed: int) -> "Clusters":
        """Random orthogonal features of length sqrt(d), the first ``K_plus`` (default: half) of them positive.

        Raises:
            InvalidInput: k > d, or k does not split as asked.
        """
        return cls(means.orthogonal(k, d, seed=seed), split(k, K_plus))

    @classmethod
    def hadamard(cls, k: int, d: int, *, K_plus: int | None = None, seed: int) -> "Clusters":
        """Orthogonal features with entries +-1; see ``orthogonal``. Raises InvalidInput for an impossible order d."""
        return cls(means.hadamard(k, d, seed=seed), split(k, K_plus))

    @classmethod
    def axis(cls, k: int, d: int, *, K_plus: int | None = None) -> "Clusters":
        """Features sqrt(d) e_j; see ``orthogonal``."""
        return cls(means.axis(k, d), split(k, K_plus))

    @classmethod
    def gaussian(cls, k: int, d: int, *, K_plus: int | None = None, seed: int) -> "Clusters":
        """Features drawn from N(0, I), only nearly orthogonal; see ``orthogonal``."""
        return cls(means.gaussian(k, d, seed=seed), split(k, K_plus))


def split(k: int, K_plus: int | None) -> Bool[np.ndarray, " k"]:
    """Marks of the first ``K_plus`` of k clusters; half of them when it is None.

    Raises:
        InvalidInput: k is odd and no split was given, or a class would be empty.
    """
    if K_plus is None and k % 2:
        raise InvalidInput(
            f"k = {k} clusters do not split into two equal classes. Take an even k, or say how many are positive "
            f"(K_plus = 1 .. {k - 1})."
        )
    count = k // 2 if K_plus is None else K_plus
    if not 0 < count < k:
        raise InvalidInput(f"k = {k} clusters do not split into K_plus = {count} positive and {k - count} negative.")
    return np.arange(k) < count


@dc.dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """Labelled points: ``points`` (n, d), the number of each point's cluster, and its class +1 or -1.

    Raises:
        InvalidInput: shapes that do not fit, a point that is not finite, or a label other than +1 and -1.
    """

    points: Float64[np.ndarray, "n d"]
    cluster: Int64[np.ndarray, " n"]
    label: Int64[np.ndarray, " n"]

    def __post_init__(self) -> None:
        if self.points.ndim != 2 or not self.cluster.shape == self.label.shape == self.points.shape[:1]:
            raise InvalidInput(
                f"Points {self.points.shape}, clusters {self.cluster.shape} and labels {self.label.shape} do not fit."
            )
        if not np.isfinite(self.points).all():
            i, j = (int(index) for index in np.argwhere(~np.isfinite(self.points))[0])
            raise InvalidInput(f"Point {i} has {self.points[i, j]} at coordinate {j}; points must be finite.")
        strange = np.flatnonzero(np.abs(self.label) != 1)
        if strange.size:
            raise InvalidInput(f"Point {strange[0]} has the label {self.label[strange[0]]}; +1 or -1 is needed.")

    def __len__(self) -> int:
        return len(self.points)


@dc.dataclass(frozen=True, slots=True, eq=False)
class ClusterDistribution:
    """``x = mu_j + sigma xi`` with a uniformly random cluster j and xi from N(0, I); the label is the cluster's class.

    Raises:
        InvalidInput: sigma is negative or not finite.
    """

    clusters: Clusters
    sigma: float

    def __post_init__(self) -> None:
        if not (math.isfinite(self.sigma) and self.sigma >= 0):
            raise InvalidInput(f"The noise sigma = {self.sigma} must be a finite number >= 0.")

    def sample(self, n: int, seed: int) -> Sample:
        """``n`` independent points; the same for the same seed.

        Raises:
            InvalidInput: n < 1.
        """
        if n < 1:
            raise InvalidInput(f"A sample of {n} points was asked for; at least 1 is needed.")
        chance = np.random.default_rng(seed)
        cluster = chance.integers(self.clusters.k, size=n)
        points = self.clusters.features[cluster]
        if self.sigma > 0:
            points += self.sigma * chance.standard_normal(points.shape)
        return Sample(points, cluster, self.clusters.signs[cluster].astype(np.int64))

    def centres(self) -> Sample:
        """The k features themselves, in order."""
        return Sample(self.clusters.features, np.arange(self.clusters.k), self.clusters.signs.astype(np.int64))
