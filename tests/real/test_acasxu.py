"""Collision avoidance networks: five inputs, six layers, brackets in both norms around points of a published box."""

from pathlib import Path

import numpy as np
import pytest

from certify.io.models import load
from certify.outcome import CertifiedRadius, Status
from certify.query import predictions
from certify.radius import Certifier, Settings
from certify.region import Box, Norm
from tests.real.vnnlib_lite import read

COUNT = 20


@pytest.fixture(scope="module", params=["1_1", "3_3"])
def brackets(request: pytest.FixtureRequest, data_dir: Path) -> dict[Norm, list[CertifiedRadius]]:
    """The brackets of random points of property 1's box, within the box that all inputs are normalised to."""
    folder = data_dir / "vnncomp2022" / "benchmarks" / "acasxu"
    model = load(folder / "onnx" / f"ACASXU_run2a_{request.param}_batch_2000.onnx.gz")
    box = read(folder / "vnnlib" / "prop_1.vnnlib.gz")
    points = np.random.default_rng(1).uniform(box.lower, box.upper, size=(COUNT, 5))
    labels = predictions(model.network, points)
    domain = Box.uniform(-0.5, 0.7, 5)
    found = {}
    for norm in (Norm.LINF, Norm.L2):
        engine = Certifier(model.network, Settings(norm=norm, method="crown", domain=domain), replay=model.replay)
        answers = dict(engine.certify(points, labels, lambda: 0.0))
        found[norm] = [answers[i] for i in range(COUNT)]
    return found


@pytest.mark.parametrize("norm", [Norm.LINF, Norm.L2])
def test_every_bracket_is_ordered(brackets: dict[Norm, list[CertifiedRadius]], norm: Norm) -> None:
    for answer in brackets[norm]:
        assert 0 < answer.lower <= answer.upper
        assert answer.status in (Status.BRACKETED, Status.EXACT)
        assert (answer.witness is None) == np.isinf(answer.upper)
    assert np.isfinite([answer.upper for answer in brackets[norm]]).mean() >= 0.9


def test_brackets_in_both_norms_do_not_contradict_each_other(brackets: dict[Norm, list[CertifiedRadius]]) -> None:
    for box, ball in zip(brackets[Norm.LINF], brackets[Norm.L2], strict=True):
        assert box.lower <= ball.upper  # |z|_inf <= |z|_2
        assert ball.lower <= np.sqrt(5) * box.upper * (1 + 1e-12)  # |z|_2 <= sqrt(n) |z|_inf
