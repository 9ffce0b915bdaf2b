"""The published MNIST networks on ERAN's table of images, in l2."""

from pathlib import Path

import numpy as np
import pytest

from certify.io.datasets import load_points
from certify.io.models import load
from certify.outcome import Status
from certify.query import robustness
from certify.radius import Certifier, Settings
from certify.region import Box, Norm
from tests.real.mnist_fc import NETS


@pytest.mark.parametrize("net", NETS)
def test_l2_brackets_of_published_nets_are_ordered_and_their_witnesses_hold(data_dir: Path, net: str) -> None:
    model = load(data_dir / "vnncomp2022" / "benchmarks" / "mnist_fc" / "onnx" / f"mnist-net_{net}.onnx")
    points = load_points(str(data_dir / "eran" / "data" / "mnist_test.csv"), model.network, index="0:10")
    assert model.replay is not None
    box = Box.uniform(0.0, 1.0, 784)
    engine = Certifier(model.network, Settings(norm=Norm.L2, method="crown", domain=box), replay=model.replay)
    clock = iter(range(10**9)).__next__
    answers = dict(engine.certify(points.points, points.labels, lambda: float(clock())))
    assert sorted(answers) == list(range(10))
    asked = robustness(model.network, points.points, points.labels, norm=Norm.L2, radius=1.0)
    for i, answer in answers.items():
        if answer.status is Status.MISCLASSIFIED:
            assert answer.upper == 0
            continue
        assert 0 < answer.lower <= answer.upper < np.inf
        assert answer.witness is not None
        assert (box.outside(answer.witness.point[None]) <= 0).all()
        distance = np.linalg.norm(answer.witness.point - points.points[i])
        assert distance <= answer.upper * (1 + 1e-12)
        for outputs, noise in ((model.network.evaluate, 1e-9), (model.replay, 1e-5)):
            values = outputs(answer.witness.point[None])[0]
            assert (asked.rows[i] @ values).min() <= noise * np.abs(values).max()
