"""A stand-in for the engine: instant, made-up, reproducible answers, and failures on demand."""

import dataclasses as dc
import math
import time
from collections.abc import Callable, Iterator

import numpy as np

from certify.network import Affine, Network
from certify.outcome import CertifiedRadius, Status, Trust, Witness
from certify.query import predictions
from certify.radius import Settings


def tiny_network() -> Network:
    """Three classes of points in the plane: the output is (x, y, -x - y)."""
    return Network.chain([Affine(np.array([[1.0, 0.0], [0.0, 1.0], [-1.0, -1.0]]), np.zeros(3))])


def tiny_points(count: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Points of [0, 1]^2 and their labels, of which the first is wrong."""
    points = np.random.default_rng(seed).random((count, 2))
    labels = predictions(tiny_network(), points)
    labels[0] = 2
    return points, labels


@dc.dataclass
class FakeCertifier:
    """Answers in batches of ``batch`` in reverse order; a point in ``fail`` (by first coordinate) breaks its batch."""

    network: Network
    settings: Settings = dc.field(default_factory=Settings)
    replay: object = None
    batch: int = 4
    pause: float = 0.0
    fail: tuple[float, ...] = ()
    problem: BaseException = dc.field(default_factory=lambda: RuntimeError("boom"))
    calls: list[int] = dc.field(default_factory=list)

    def certify(
        self, points: np.ndarray, labels: np.ndarray, clock: Callable[[], float]
    ) -> Iterator[tuple[int, CertifiedRadius]]:
        """One answer per point."""
        self.calls.append(len(points))
        for start in range(0, len(points), self.batch):
            batch = range(start, min(start + self.batch, len(points)))
            if any(points[i, 0] in self.fail for i in batch):
                raise self.problem
            for i in reversed(batch):
                time.sleep(self.pause)
                yield i, self.answer(points[i], int(labels[i]), clock())

    def answer(self, point: np.ndarray, label: int, seconds: float) -> CertifiedRadius:
        """A made-up bracket that depends on the point alone."""
        predicted = int(predictions(self.network, point[None])[0])
        lower = 0.0 if predicted != label else float(abs(point).max()) / 3
        broken = predicted == label and lower < 0.25
        witness = Witness(point + 1 / 3, lower * 1.5) if broken else None
        wrong = predicted != label
        return CertifiedRadius(
            label=label,
            prediction=predicted,
            lower=lower,
            upper=0.0 if wrong else lower * 1.5 if broken else math.inf,
            status=Status.MISCLASSIFIED if wrong else Status.BRACKETED,
            norm=self.settings.norm,
            method="fake",
            trust=Trust.ROUNDED,
            seconds=seconds,
            witness=witness,
        )
