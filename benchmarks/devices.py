"""The same questions on the CPU and on the GPU, if torch sees one: robust images at a fixed radius, all at once.

Verdicts are compared image by image. Proofs run on the CPU on either; it is the search that moves.
"""

import dataclasses as dc
import time
from collections import Counter
from pathlib import Path

import numpy as np

from benchmarks import tables
from benchmarks.image_tasks import BOX, ImageTask, image_tasks
from benchmarks.verifiers import word
from certify.deadline import Deadline
from certify.device import find_device
from certify.errors import SelfCheckFailed
from certify.outcome import Outcome
from certify.query import Queries, predictions, robustness
from certify.region import Box, Norm
from certify.solvers.branch_and_bound.solver import BranchAndBound
from constructions.training import MlpSettings, Pgd, Watch, train_mlp


@dc.dataclass(frozen=True, slots=True)
class Plan:
    """Images, hidden widths, epochs of adversarial training, the radius asked about, and seconds for all images."""

    images: int
    hidden: tuple[int, ...]
    epochs: int
    radius: float
    seconds: float


PLANS = {"small": Plan(40, (24, 24), 20, 0.05, 30.0), "full": Plan(1000, (100, 100), 10, 0.05, 600.0)}


@dc.dataclass(frozen=True, slots=True, eq=False)
class Row:
    """One device: its answers, and the seconds until they were there."""

    device: str
    answers: list[Outcome]
    seconds: float

    @property
    def counts(self) -> Counter[str]:
        """How many images are verified, falsified, and open."""
        return Counter(map(word, self.answers))


def run(out: Path, *, data: str | None, size: str) -> None:
    """Writes ``devices``; MNIST's (or CIFAR-10's) first test images, scikit-learn's digits without data."""
    report(out, data, PLANS[size])


def report(out: Path, data: str | None, plan: Plan) -> list[Row]:
    """Asks every device; writes and returns the rows.

    Raises:
        SelfCheckFailed: one device verifies what another one falsifies.
    """
    [task, *_] = image_tasks(data, train=20 * plan.images, test=plan.images)
    queries = _questions(task, plan)
    best = str(find_device("auto"))
    rows = [_answered(device, queries, plan) for device in dict.fromkeys(("cpu", best))]
    check(rows)
    words = ("verified", "falsified", "open")
    header = ("device", *words, "seconds", "times as fast as the CPU")
    lines = [(r.device, *(r.counts[w] for w in words), f"{r.seconds:.1f}", _ratio(rows, r)) for r in rows]
    note = "; torch sees no GPU here" if best == "cpu" else ""
    print(f"{task.name}, {len(queries)} images, eps {plan.radius:g}{note}")
    print(tables.write(out, "devices", header, lines))
    return rows


def _ratio(rows: list[Row], row: Row) -> str:
    return f"{rows[0].seconds / row.seconds:.1f}"


def _questions(task: ImageTask, plan: Plan) -> Queries:
    """The images that an adversarially trained net classifies right."""
    attack = Pgd(Norm.LINF, plan.radius, steps=7, box=BOX)
    settings = MlpSettings(plan.hidden, plan.epochs, attack=attack)
    network = train_mlp(settings, task.train, task.test, watch=Watch(attack, every=10**9)).network
    points, labels = task.test.points, task.test.labels
    right = predictions(network, points) == labels
    domain = Box.uniform(*BOX, network.input_width)
    return robustness(network, points[right], labels[right], norm=Norm.LINF, radius=plan.radius, domain=domain)


def _answered(device: str, queries: Queries, plan: Plan) -> Row:
    solver = BranchAndBound(queries.network, device=device)
    near = queries.take(np.arange(1))
    solver.decide(near.within(near.radii / 16), Deadline.never())  # the first call prepares
    begin = time.perf_counter()
    answers = solver.decide(queries, Deadline.after(plan.seconds, time.perf_counter))
    return Row(device, answers, time.perf_counter() - begin)


def check(rows: list[Row]) -> None:
    """Compares the devices image by image.

    Raises:
        SelfCheckFailed: one device verifies what another one falsifies.
    """
    for i, answers in enumerate(zip(*(row.answers for row in rows), strict=True)):
        if {"verified", "falsified"} <= {word(answer) for answer in answers}:
            raise SelfCheckFailed(f"Image {i}: one device verifies what another falsifies. One of them is wrong.")
