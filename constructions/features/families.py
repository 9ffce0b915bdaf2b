"""The feature networks as constructions: parameters in, a network with claims out."""

import dataclasses as dc
from fractions import Fraction
from typing import ClassVar, final

from bounds.entry import Source, Tag
from certify.errors import InvalidInput
from certify.network import Network
from constructions.counting import count_claims
from constructions.distributions import Clusters
from constructions.distributions.means import require_orthogonal
from constructions.features.centre_claims import radius_claims, silence_claim
from constructions.features.centres import max_centre_radii, sum_centre_radii
from constructions.features.networks import f_robust, feature_averaged, feature_decoupled, frei
from constructions.readouts import Readout, read_out
from constructions.theorem import Claim, Family, Labelled, Theorem, parameter

_ALL = "nnz dense units depth"


@dc.dataclass(frozen=True, slots=True)
class ClusterFamily(Family):
    """A family built on orthogonal features of length sqrt(d): its own, or the points of a data set as cluster centres.

    With data, its points are the features and class 1 is positive; the parameters of the features are then not read.
    """

    needs_data: ClassVar[bool] = False

    k: int = parameter("number of clusters", default=10)
    d: int = parameter("input dimension", default=3072)
    positives: int = parameter("how many clusters are positive, 0 for half of them", default=0)
    features: str = parameter("orthogonal (random), hadamard (entries +-1) or axis", default="orthogonal")
    seed: int = parameter("of the features", default=0)

    @final
    def clusters(self, data: Labelled | None) -> Clusters:
        """The clusters.

        Raises:
            InvalidInput: an unknown kind of features, counts that do not fit, or data whose points are not orthogonal
                and of length sqrt(d).
        """
        if data is not None:
            if data.classes > 2:
                raise InvalidInput(f"{self.name} has two classes; the data has labels up to {data.classes - 1}.")
            require_orthogonal(data.points)
            return Clusters(data.points, data.labels == 1)
        count = self.positives or None
        match self.features:
            case "orthogonal":
                return Clusters.orthogonal(self.k, self.d, K_plus=count, seed=self.seed)
            case "hadamard":
                return Clusters.hadamard(self.k, self.d, K_plus=count, seed=self.seed)
            case "axis":
                return Clusters.axis(self.k, self.d, K_plus=count)
            case _:
                raise InvalidInput(f"There are no features {self.features!r}. Use orthogonal, hadamard or axis.")


def _sizes(network: Network, clusters: Clusters, family: str, counts: str, m: int = 1) -> tuple[Claim, ...]:
    K_plus, K_minus = clusters.balance
    letters = {"d": clusters.d, "k": clusters.k, "m": m, "K_plus": K_plus, "K_minus": K_minus}
    return count_claims(network, {count: f"{family}.{count}" for count in counts.split()}, letters)


@dc.dataclass(frozen=True, slots=True)
class FRobust(ClusterFamily):
    """``f_robust`` (li2025, Section 3): radius ``min(1 - beta, sqrt(1/2)) sqrt(d)`` from beta = 0.2247 on."""

    name: ClassVar[str] = "f-robust"
    theorem: ClassVar[Theorem] = Theorem(
        "A feature-decoupled network with biases is optimally robust",
        "One neuron relu(<mu_j, x> - beta d) per cluster, positive minus negative ones: with orthogonal features and "
        "beta between sqrt(3/2) - 1 and 1 - sqrt(1/2), the l2 radius at every centre is sqrt(d/2), as large as that of "
        "any classifier.",
        Source("li2025", "Section 3, robust solution, with constants"),
        Tag.DERIVED,
    )

    beta: Fraction = parameter("bias of a neuron over -d", default=Fraction(1, 4))
    sigma: Fraction = parameter("noise of the samples, for the claim about silent neurons", default=Fraction(1))

    def build(self, data: Labelled | None) -> Network:
        """The network of k neurons."""
        return f_robust(self.clusters(data), float(self.beta))

    def claims(self, network: Network, data: Labelled | None) -> tuple[Claim, ...]:
        """The radius at the centres, how it compares with the best one, that noise is filtered, and the sizes."""
        clusters = self.clusters(data)
        radii = radius_claims(
            lambda: sum_centre_radii(network, clusters), clusters, "f-robust.radius", {"beta": self.beta}
        )
        sizes = _sizes(network, clusters, "f-robust", _ALL)
        if self.beta == 0 or self.sigma <= 0:
            return (*radii, *sizes)
        return (*radii, silence_claim(network, clusters, self.beta, self.sigma), *sizes)


@dc.dataclass(frozen=True, slots=True)
class Frei(ClusterFamily):
    """The robust network of frei2023: ``f_robust`` at beta = 1/2, with weights ``4 mu_j / d`` and biases -2."""

    name: ClassVar[str] = "frei"
    theorem: ClassVar[Theorem] = Theorem(
        "A robust network of one neuron per cluster exists",
        "With weights 4 mu_j / d and biases -2 the l2 radius at every centre is exactly sqrt(d)/2.",
        Source("frei2023", "Theorem 4.1, with constants"),
        Tag.DERIVED,
    )

    def build(self, data: Labelled | None) -> Network:
        """The network of k neurons."""
        return frei(self.clusters(data))

    def claims(self, network: Network, data: Labelled | None) -> tuple[Claim, ...]:
        """The radius at the centres, how it compares with the best possible one, and the sizes."""
        clusters = self.clusters(data)
        return (
            *radius_claims(lambda: sum_centre_radii(network, clusters), clusters, "related.frei.robust.radius", {}),
            *_sizes(network, clusters, "f-robust", _ALL),
        )


@dc.dataclass(frozen=True, slots=True)
class FeatureAveraged(ClusterFamily):
    """``relu(<v_+, x>) - relu(<v_-, x>)`` with the sums of each class's features: radius sqrt(d/k), no more."""

    name: ClassVar[str] = "feature-averaged"
    theorem: ClassVar[Theorem] = Theorem(
        "Feature averaging is not robust",
        "The network whose two neurons add up the features of a class, which gradient descent on two labels tends to, "
        "has the l2 radius sqrt(d/k) at every centre.",
        Source("li2025", "Theorem 4.6, explicit form"),
        Tag.DERIVED,
    )

    copies: int = parameter("equal neurons per class", default=1)

    def build(self, data: Labelled | None) -> Network:
        """The network of two neurons, or 2 copies of them."""
        return feature_averaged(self.clusters(data), copies=self.copies)

    def claims(self, network: Network, data: Labelled | None) -> tuple[Claim, ...]:
        """The radius at the centres, how it compares with the best possible one, and the sizes."""
        clusters = self.clusters(data)
        return (
            *radius_claims(lambda: sum_centre_radii(network, clusters), clusters, "averaged.bias-free.radius", {}),
            *_sizes(network, clusters, "averaged.bias-free", _ALL, self.copies),
        )


@dc.dataclass(frozen=True, slots=True)
class FeatureDecoupled(ClusterFamily):
    """One neuron ``relu(<mu_j, x>)`` per cluster, read out by maximum or sum: the read-out decides the radius."""

    name: ClassVar[str] = "feature-decoupled"
    theorem: ClassVar[Theorem] = Theorem(
        "Decoupled features are robust when read out by their maximum",
        "One neuron per cluster, largest positive against largest negative: the l2 radius at every centre is "
        "sqrt(d/2). Read out by sums it is sqrt(d/(1 + K)), K clusters in the other class.",
        Source("li2025", "Theorem 4.7, explicit form"),
        Tag.DERIVED,
    )

    readout: str = parameter("max or sum", default="max")

    def build(self, data: Labelled | None) -> Network:
        """The k neurons and the read-out, as one network."""
        clusters = self.clusters(data)
        return read_out(feature_decoupled(clusters), clusters.positive, Readout.parse(self.readout))

    def claims(self, network: Network, data: Labelled | None) -> tuple[Claim, ...]:
        """The radius at the centres, how it compares with the best possible one, and the sizes."""
        clusters = self.clusters(data)
        match Readout.parse(self.readout):
            case Readout.MAX:
                measure, stem, counts = max_centre_radii, "decoupled.max", "nnz units depth"
            case Readout.SUM:
                measure, stem, counts = sum_centre_radii, "decoupled.sum", _ALL
        return (
            *radius_claims(lambda: measure(network, clusters), clusters, f"{stem}.radius", {}),
            *_sizes(network, clusters, stem, counts),
        )
