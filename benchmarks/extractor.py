"""A small convolutional feature extractor: trained on ten classes, frozen, its embedding the input of new heads."""

import dataclasses as dc

import numpy as np
import torch
from jaxtyping import Float64
from torch import Tensor, nn

from benchmarks.image_tasks import ImageTask
from constructions.distributions import Clusters, Sample
from constructions.theorem import Labelled

_WIDTHS = (32, 64, 128)
_BATCH, _RATE, _CHUNK = 64, 2e-3, 500


@dc.dataclass(frozen=True, slots=True, eq=False)
class Embedding:
    """Embedded images as samples around their class means, which are the clusters; scaled to a mean length sqrt(e).

    ``accuracy`` is the extractor's own on ten classes, on the test images.
    """

    clusters: Clusters
    train: Sample
    test: Sample
    accuracy: float


def embedded(task: ImageTask, *, epochs: int, seed: int = 0) -> Embedding:
    """The task seen through an extractor trained on its ten classes."""
    body, head = _trained(task, epochs, seed)
    train, test = (_outputs(body, _images(task, part)) for part in (task.train, task.test))
    guessed = _outputs(head, torch.as_tensor(test, dtype=torch.float32)).argmax(axis=1)
    means = np.stack([train[task.train.labels == label].mean(axis=0) for label in range(10)])
    scale = np.sqrt(means.shape[1]) / np.linalg.norm(means, axis=1).mean()
    return Embedding(
        Clusters(scale * means, task.positive),
        _sample(task, scale * train, task.train),
        _sample(task, scale * test, task.test),
        float((guessed == task.test.labels).mean()),
    )


def _trained(task: ImageTask, epochs: int, seed: int) -> tuple[nn.Module, nn.Module]:
    """The body up to the pooled last feature maps, and the linear head."""
    images, labels = _images(task, task.train), torch.as_tensor(task.train.labels)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        body, head = _body(images.shape[1]), nn.Linear(_WIDTHS[-1], 10)
        optimiser = torch.optim.Adam([*body.parameters(), *head.parameters()], lr=_RATE)
        for _ in range(epochs):
            for chosen in torch.randperm(len(images)).split(_BATCH):
                optimiser.zero_grad()
                nn.functional.cross_entropy(head(body(images[chosen])), labels[chosen]).backward()
                optimiser.step()
    return body.eval(), head


def _body(channels: int) -> nn.Sequential:
    layers: list[nn.Module] = []
    for before, after in zip((channels, *_WIDTHS), _WIDTHS, strict=False):
        layers += [nn.Conv2d(before, after, 3, stride=2, padding=1), nn.BatchNorm2d(after), nn.ReLU()]
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten())


def _images(task: ImageTask, part: Labelled) -> Tensor:
    """The images as (b, channels, height, width)."""
    shape = task.shape if len(task.shape) == 3 else (1, *task.shape)
    images = torch.as_tensor(part.points, dtype=torch.float32).reshape(-1, *shape)
    return images.permute(0, 3, 1, 2).contiguous() if shape[-1] == 3 else images


@torch.no_grad()
def _outputs(model: nn.Module, inputs: Tensor) -> Float64[np.ndarray, "b m"]:
    return torch.cat([model(chunk) for chunk in inputs.split(_CHUNK)]).double().numpy()


def _sample(task: ImageTask, points: Float64[np.ndarray, "b e"], part: Labelled) -> Sample:
    return Sample(points, part.labels, 2 * task.merged(part.labels) - 1)
