"""Our brackets against the published verdicts of ten verifiers: sound on both sides, on every instance."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnxruntime
import pytest

from certify.io import files
from certify.outcome import CertifiedRadius, Status, Trust
from tests.real.mnist_fc import NETS, Instance, brackets, images, instances

Brackets = Callable[[Instance], CertifiedRadius]
pytestmark = pytest.mark.parametrize("net", NETS)


@pytest.fixture
def mine(data_dir: Path, net: str) -> list[tuple[Instance, CertifiedRadius]]:
    """Each instance of the net with our bracket around its image, by CROWN."""
    found = brackets(data_dir, net, "crown").answers
    chosen = [instance for instance in instances(data_dir) if instance.net == net]
    assert len(chosen) == 30
    return [(instance, found[instance.image]) for instance in chosen]


def test_no_published_counterexample_lies_within_a_certified_radius(
    mine: list[tuple[Instance, CertifiedRadius]],
) -> None:
    broken = [(instance, answer) for instance, answer in mine if instance.verdict == "sat"]
    assert len(broken) >= 3
    for instance, answer in broken:
        assert answer.lower < instance.outer, instance
        assert answer.trust >= Trust.ROUNDED


def test_no_counterexample_of_ours_lies_where_robustness_was_proved(
    mine: list[tuple[Instance, CertifiedRadius]],
) -> None:
    proved = [(instance, answer) for instance, answer in mine if instance.verdict == "unsat"]
    assert len(proved) >= 19
    for instance, answer in proved:
        assert answer.upper > instance.inner, instance


def test_every_published_counterexample_is_matched_by_one_of_ours(
    mine: list[tuple[Instance, CertifiedRadius]],
) -> None:
    for instance, answer in mine:
        if instance.verdict == "sat":
            assert answer.upper <= instance.nominal, instance


def test_every_bracket_is_ordered_and_says_what_it_rests_on(mine: list[tuple[Instance, CertifiedRadius]]) -> None:
    for instance, answer in mine:
        assert 0 < answer.lower <= answer.upper < 0.5, instance
        assert answer.status in (Status.BRACKETED, Status.EXACT)
        assert (answer.label, answer.prediction, answer.method) == (instance.label, instance.label, "crown")


def test_witnesses_are_images_that_the_published_file_misclassifies(
    mine: list[tuple[Instance, CertifiedRadius]], data_dir: Path, net: str
) -> None:
    path = data_dir / "vnncomp2022" / "benchmarks" / "mnist_fc" / "onnx" / f"mnist-net_{net}.onnx.gz"
    session = onnxruntime.InferenceSession(files.read(path).data, providers=["CPUExecutionProvider"])
    (source,) = session.get_inputs()
    pixels, _ = images(data_dir)
    for instance, answer in mine:
        assert answer.witness is not None
        point = answer.witness.point
        assert np.abs(point - pixels[instance.image] / 255).max() <= answer.upper
        assert point.min() >= 0
        assert point.max() <= 1
        shape = [size if isinstance(size, int) else 1 for size in source.shape]
        outputs = np.asarray(session.run(None, {source.name: point.astype(np.float32).reshape(shape)})[0]).ravel()
        rival = np.delete(outputs, instance.label).max()
        assert rival >= outputs[instance.label] - 1e-6 * np.abs(outputs).max(), instance
