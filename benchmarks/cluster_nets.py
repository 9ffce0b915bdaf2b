"""Networks that gradient descent makes of clusters, on two labels and on all of them, with data to judge them by."""

import dataclasses as dc

import numpy as np

import bounds
from bounds.values import Enclosed, Exact
from certify.network import Network
from constructions.distributions import ClusterDistribution, Clusters, Sample
from constructions.readouts import Readout, read_out
from constructions.theorem import Labelled
from constructions.training import Preset, Session, Trained, train_k_class, train_two_class

TWO, SUM, MAX = "trained on 2 classes", "trained on k clusters, sum", "trained on k clusters, max"


@dc.dataclass(frozen=True, slots=True, eq=False)
class ClusterNets:
    """One draw of clusters, a training and a test sample, and the two nets that were trained on the former."""

    clusters: Clusters
    train: Sample
    test: Sample
    two_class: Trained
    k_class: Trained

    @classmethod
    def trained(cls, preset: Preset, *, test: int, seed: int = 0, device: str = "cpu") -> "ClusterNets":
        """Both nets of the preset, trained on ``device``; ``seed`` draws the features, and from it both samples."""
        clusters = Clusters.orthogonal(preset.k, preset.d, seed=seed)
        drawn = ClusterDistribution(clusters, preset.sigma)
        train, unseen = drawn.sample(preset.samples, 2 * seed), drawn.sample(test, 2 * seed + 1)
        session = Session(device)
        two = train_two_class(preset.two_class(), clusters, train, session=session)
        many = train_k_class(preset.k_class(), clusters, train, session=session)
        return cls(clusters, train, unseen, two, many)

    def networks(self) -> dict[str, Network]:
        """The binary networks: of two classes, and of k clusters with either read-out."""
        positive = self.clusters.positive
        return {
            TWO: self.two_class.network,
            SUM: read_out(self.k_class.network, positive, Readout.SUM),
            MAX: read_out(self.k_class.network, positive, Readout.MAX),
        }


def labelled(sample: Sample) -> Labelled:
    """The sample with its classes as labels 0 and 1."""
    return Labelled(sample.points, (sample.label > 0).astype(np.int64))


def scaled(preset: Preset, **parts: int) -> Preset:
    """The preset with other sizes and, unless it is given, 50 samples a cluster."""
    changed = dc.replace(preset, **parts)
    return changed if "samples" in parts else dc.replace(changed, samples=50 * changed.k)


def predicted(entry: str, **letters: object) -> float:
    """The value of an entry of the catalogue as a float."""
    value = bounds.catalogue[entry].evaluate(**letters)
    assert isinstance(value, Enclosed | Exact), f"{entry} has no value: {value}"
    return (float(value.lower) + float(value.upper)) / 2
