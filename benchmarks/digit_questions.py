"""Small digit networks and the linf questions about them on which complete verifiers are compared."""

import dataclasses as dc
from collections.abc import Iterator, Sequence

from benchmarks.image_tasks import BOX, ImageTask, image_tasks
from certify.errors import InvalidInput
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


def questions(plan: Plan, numbers: Sequence[int] | None = None) -> Iterator[Row]:
    """The questions of a plan, net by net, or those of the rows of these numbers, from 1; equal on every run.

    Raises:
        InvalidInput: there is no row of such a number.
    """
    asked = [(net, radius) for net in plan.nets for radius in net.radii]
    for number in numbers or ():
        if not 1 <= number <= len(asked):
            raise InvalidInput(f"There is no row {number}; rows are 1 to {len(asked)}.")
    chosen = range(1, len(asked) + 1) if numbers is None else sorted(set(numbers))
    [task] = image_tasks(None, train=1000, test=797)
    networks = {net.name: _trained(net, task) for net in dict.fromkeys(asked[i - 1][0] for i in chosen)}
    for net, radius in (asked[i - 1] for i in chosen):
        yield _row(plan, net, networks[net.name], task, radius)


def _row(plan: Plan, net: Net, network: Network, task: ImageTask, radius: float) -> Row:
    part = slice(_FIRST, _FIRST + plan.images)
    points, labels = task.test.points[part], task.test.labels[part]
    right = predictions(network, points) == labels
    samples = tuple(1000 + _FIRST + i for i in right.nonzero()[0].tolist())
    domain = Box.uniform(*BOX, network.input_width)
    asked = robustness(network, points[right], labels[right], norm=Norm.LINF, radius=radius, domain=domain)
    return Row(f"{net.name}, eps {radius:g}", samples, asked)


def _trained(net: Net, task: ImageTask) -> Network:
    settings = MlpSettings(net.hidden, net.epochs, attack=_ATTACK if net.attacked else None)
    return train_mlp(settings, task.train, task.test, watch=Watch(_ATTACK, every=10**9)).network
