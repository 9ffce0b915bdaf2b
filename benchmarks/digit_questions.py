"""Small digit networks and the linf questions about them on which complete verifiers are compared."""

import dataclasses as dc
from collections.abc import Iterator

from benchmarks.image_tasks import BOX, ImageTask, image_tasks
from certify.network import Network
from certify.query import Queries, predictions, robustness
from certify.region import Box, Norm
from constructions.training import MlpSettings, Pgd, Watch, train_mlp

_ATTACK = Pgd(Norm.LINF, 0.1, steps=10, box=BOX)
_FIRST = 400
"""The first test image: number 1400 of the whole set."""


@dc.dataclass(frozen=True, slots=True)
class Net:
    """Hidden widths, whether trained against linf attacks of radius 0.1, epochs, and the radii that are asked about."""

    hidden: tuple[int, ...]
    attacked: bool
    epochs: int
    radii: tuple[float, ...]

    @property
    def name(self) -> str:
        """Widths and training."""
        return f"64-{'-'.join(map(str, self.hidden))}-10 {'adv .1' if self.attacked else 'std'}"


@dc.dataclass(frozen=True, slots=True)
class Plan:
    """The nets, how many test images, and the seconds for one of them."""

    nets: tuple[Net, ...]
    images: int
    seconds: float


PLANS = {
    "small": Plan((Net((16, 16), True, 20, (0.1,)),), 6, 5.0),
    "full": Plan(
        (
            Net((32, 32), True, 200, (0.1, 0.15)),
            Net((100, 100), True, 100, (0.1, 0.15)),
            Net((100, 100), False, 30, (0.1, 0.15)),
        ),
        20,
        60.0,
    ),
}


@dc.dataclass(frozen=True, slots=True, eq=False)
class Row:
    """Questions about one net at one radius: the rightly classified among the images, numbered in the whole set."""

    name: str
    samples: tuple[int, ...]
    queries: Queries


def rows(plan: Plan) -> Iterator[Row]:
    """The questions of a plan, net by net; equal on every run."""
    [task] = image_tasks(None, train=1000, test=797)
    for net in plan.nets:
        network = _trained(net, task)
        part = slice(_FIRST, _FIRST + plan.images)
        points, labels = task.test.points[part], task.test.labels[part]
        right = predictions(network, points) == labels
        samples = tuple(1000 + _FIRST + i for i in right.nonzero()[0].tolist())
        for radius in net.radii:
            domain = Box.uniform(*BOX, network.input_width)
            asked = robustness(network, points[right], labels[right], norm=Norm.LINF, radius=radius, domain=domain)
            yield Row(f"{net.name}, eps {radius:g}", samples, asked)


def _trained(net: Net, task: ImageTask) -> Network:
    settings = MlpSettings(net.hidden, net.epochs, attack=_ATTACK if net.attacked else None)
    return train_mlp(settings, task.train, task.test, watch=Watch(_ATTACK, every=10**9)).network
