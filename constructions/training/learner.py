"""The learner of the feature-averaging theorems: two layers, the second one frozen, full-batch gradient descent.

Two classes: ``f = 1/m sum_r relu(<w_+r, x> + b_+r) - 1/m sum_r relu(<w_-r, x> + b_-r)``, logistic loss (li2025, Section
3.2). All k clusters: ``f_i = 1/h sum_r relu(<w_ir, x>)`` without biases, softmax cross-entropy (li2025, Theorem 4.7).
"""

import dataclasses as dc
import hashlib
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Float64

from certify.device import find_device
from certify.errors import InvalidInput
from certify.network import Affine, Network, ReLU
from constructions.distributions import Clusters, Sample
from constructions.training.checkpoint import Checkpoint
from constructions.training.decomposition import Decomposition, Neurons, shares
from constructions.training.descent import Descent, Problem, Progress, State, descend
from constructions.training.history import History
from constructions.training.layers import layer_for
from constructions.training.objective import CrossEntropy, Logistic, Objective


@dc.dataclass(frozen=True, slots=True)
class TwoClassSettings:
    """``m`` neurons a class, weights and biases drawn from N(0, std^2), and how to descend."""

    m: int
    weight_std: float
    bias_std: float
    descent: Descent

    def __post_init__(self) -> None:
        _check_start(self.m, self.weight_std, self.bias_std)


@dc.dataclass(frozen=True, slots=True)
class KClassSettings:
    """``h`` neurons a cluster, no biases, weights drawn from N(0, std^2), and how to descend."""

    h: int
    weight_std: float
    descent: Descent

    def __post_init__(self) -> None:
        _check_start(self.h, self.weight_std, 0.0)


@dc.dataclass(frozen=True, slots=True, eq=False)
class Trained:
    """A trained net, what its neurons learned, and how the run went."""

    network: Network
    decomposition: Decomposition
    history: History


@dc.dataclass(frozen=True, slots=True)
class Session:
    """Where a run computes and what it leaves behind: the torch device, a checkpoint, a callback before each step."""

    device: str = "cpu"
    checkpoint: Checkpoint | None = None
    on_progress: Callable[[Progress], Any] | None = None


def train_two_class(
    settings: TwoClassSettings, clusters: Clusters, sample: Sample, *, session: Session = Session()
) -> Trained:
    """The two-class net trained on ``sample.label``: one output, positive for class +1.

    Raises:
        TrainingDiverged: the loss blew up.
        InvalidInput: the sample does not fit the clusters, the checkpoint is another run's, or there is no such device.
    """
    signs = np.repeat([1.0, -1.0], settings.m)
    start = _drawn(signs.size, clusters.d, settings.weight_std, settings.bias_std, seed=settings.descent.seed)
    layout = _Layout(start, signs[None, :] / settings.m, signs[:, None] == clusters.signs[None, :], biased=True)
    labels = torch.as_tensor(sample.label, dtype=settings.descent.dtype, device=find_device(session.device))
    return _train(layout, Logistic(labels), settings, clusters, sample, session)


def train_k_class(
    settings: KClassSettings, clusters: Clusters, sample: Sample, *, session: Session = Session()
) -> Trained:
    """The k-class net trained on ``sample.cluster``: output i is the score of cluster i.

    Raises:
        TrainingDiverged: the loss blew up.
        InvalidInput: the sample does not fit the clusters, the checkpoint is another run's, or there is no such device.
    """
    cluster_of = np.repeat(np.arange(clusters.k), settings.h)
    start = _drawn(cluster_of.size, clusters.d, settings.weight_std, 0.0, seed=settings.descent.seed)
    own = cluster_of[:, None] == np.arange(clusters.k)[None, :]
    layout = _Layout(start, np.ascontiguousarray(own.T) / settings.h, own, biased=False)
    labels = torch.as_tensor(sample.cluster, device=find_device(session.device))
    return _train(layout, CrossEntropy(labels, clusters.k), settings, clusters, sample, session)


@dc.dataclass(frozen=True, slots=True, eq=False)
class _Layout:
    """The net before training: its first layer, the frozen readout (o, R), and whose clusters are whose."""

    start: Neurons
    readout: Float64[np.ndarray, "o r"]
    own: Bool[np.ndarray, "r k"]
    biased: bool


def _train(
    layout: _Layout,
    objective: Objective,
    settings: TwoClassSettings | KClassSettings,
    clusters: Clusters,
    sample: Sample,
    session: Session,
) -> Trained:
    rule, device = settings.descent, find_device(session.device)
    _check_fit(clusters, sample)

    def tensor(array: np.ndarray, dtype: torch.dtype = rule.dtype) -> torch.Tensor:
        return torch.as_tensor(array, dtype=dtype, device=device)

    weighting = tensor(shares(sample, clusters), torch.float64)
    problem = Problem(tensor(layout.readout), weighting, layout.own, objective)
    first = (tensor(layout.start.weight), tensor(layout.start.bias))
    layer = layer_for(tensor(sample.points), *first, biased=layout.biased, steps=rule.steps)
    state = State.start(layer)
    kept = session.checkpoint
    resumable = None if kept is None else (kept, _identity((settings, type(layer).__name__), clusters, sample))
    descend(problem, state, rule, checkpoint=resumable, on_progress=session.on_progress)
    initial, final = (Neurons(*(part.double().cpu().numpy() for part in pair)) for pair in (first, state.neurons))
    alpha = state.alpha.cpu().numpy()
    learned = Decomposition(initial, final, alpha, sample, clusters, layout.own, layout.biased)
    return Trained(_network(final, layout.readout), learned, state.history(layout.own))


def _network(layer: Neurons, readout: Float64[np.ndarray, "o r"]) -> Network:
    last = Affine(readout, np.zeros(len(readout)))
    return Network.chain([Affine(layer.weight, layer.bias), ReLU(len(layer.bias)), last])


def _drawn(neurons: int, d: int, weight_std: float, bias_std: float, *, seed: int) -> Neurons:
    chance = np.random.default_rng(seed)
    weight = weight_std * chance.standard_normal((neurons, d))
    return Neurons(weight, bias_std * chance.standard_normal(neurons))


def _identity(settings: object, clusters: Clusters, sample: Sample) -> bytes:
    """32 bytes that differ when the settings, the features or the sample do."""
    state = hashlib.sha256(repr(settings).encode())
    for array in (clusters.features, clusters.positive, sample.points, sample.cluster, sample.label):
        state.update(repr(array.shape).encode())
        state.update(np.ascontiguousarray(array).view(np.uint8).data)
    return state.digest()


def _check_fit(clusters: Clusters, sample: Sample) -> None:
    if sample.points.shape[1] != clusters.d or not len(sample):
        raise InvalidInput(
            f"{len(sample)} points of {sample.points.shape[1]} numbers do not fit features in {clusters.d}."
        )
    if not 0 <= sample.cluster.min() <= sample.cluster.max() < clusters.k:
        raise InvalidInput(f"Clusters are numbered 0..{clusters.k - 1}; the sample has {sample.cluster.max()}.")
    strange = np.flatnonzero(clusters.signs[sample.cluster] != sample.label)
    if strange.size:
        i = int(strange[0])
        raise InvalidInput(
            f"Point {i} of cluster {sample.cluster[i]} has the label {sample.label[i]}; that cluster's class is "
            f"{clusters.signs[sample.cluster[i]]:+.0f}."
        )


def _check_start(neurons: int, *stds: float) -> None:
    if neurons < 1:
        raise InvalidInput(f"{neurons} neurons a class: at least 1 is needed.")
    for std in stds:
        if not (math.isfinite(std) and std >= 0):
            raise InvalidInput(f"An initial standard deviation of {std} has no meaning; give a finite number >= 0.")
