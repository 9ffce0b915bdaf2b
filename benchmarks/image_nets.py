"""Small perceptrons on images: trained on two merged classes, or on all ten and merged afterwards."""

from benchmarks.image_tasks import BOX, ImageTask
from certify.network import Network
from certify.region import Norm
from constructions.theorem import Labelled
from constructions.training import MlpSettings, Pgd, Watch, train_mlp

_UNATTACKED = Watch(Pgd(Norm.L2, 0.0, steps=1, box=BOX), every=10**9)
"""Measures at the end only, and clean."""


def two_class(task: ImageTask, hidden: int, epochs: int) -> Network:
    """One hidden layer, trained on the merged labels."""
    return _trained(task.binary(task.train), task.binary(task.test), hidden, epochs)


def ten_class(task: ImageTask, hidden: int, epochs: int) -> Network:
    """One hidden layer, trained on all ten labels: a score for each."""
    return _trained(task.train, task.test, hidden, epochs)


def _trained(train: Labelled, test: Labelled, hidden: int, epochs: int) -> Network:
    return train_mlp(MlpSettings((hidden,), epochs), train, test, watch=_UNATTACKED).network
