import math
from pathlib import Path

import numpy as np
import pytest
import torch

import certify
from certify import api
from certify.errors import InvalidInput
from certify.io.writers import save
from certify.network import Affine, Network, ReLU
from certify.outcome import Status
from certify.radius import Settings
from certify.region import Box, Norm

POINTS = [[3.0, 1.0], [1.0, 2.0], [0.0, 1.0]]
NETWORK = Network.chain([Affine(np.eye(2), np.zeros(2))])


@pytest.mark.parametrize(
    ("norm", "exact"), [("inf", [1.0, 0.5, 0]), (2, [math.sqrt(2), math.sqrt(0.5), 0]), (1, [2, 1, 0])]
)
def test_a_bracket_holds_the_exact_radius_of_a_linear_network(norm: str | int, exact: list[float]) -> None:
    answers = certify.radii(NETWORK, POINTS, [0, 1, 0], norm=norm)
    for answer, radius in zip(answers, exact, strict=True):
        assert answer.lower <= radius <= answer.upper
        assert answer.lower == pytest.approx(radius, rel=5e-3)
    assert [a.status is Status.MISCLASSIFIED for a in answers] == [False, False, True]


def test_the_norm_is_2_unless_said_otherwise() -> None:
    (answer,) = certify.radii(NETWORK, np.array(POINTS[:1]), np.array([0]))
    assert answer.norm is Norm.L2


def test_a_torch_module_and_its_network_get_the_same_radii() -> None:
    layer = torch.nn.Linear(4, 3)
    with torch.no_grad():
        layer.weight.copy_(torch.tensor([[1.0, 0, 0, 0.5], [0, 1, 0, 0], [0, 0, 1, 0]]))
        layer.bias.zero_()
    module = torch.nn.Sequential(torch.nn.Flatten(), layer, torch.nn.ReLU(), torch.nn.Linear(3, 2))
    points = torch.rand(3, 1, 2, 2, generator=torch.Generator().manual_seed(0))
    labels = module(points).argmax(1)
    ops = [
        op
        for part in (module[1], module[3])
        for op in (Affine(part.weight.detach().double().numpy(), part.bias.detach().double().numpy()), ReLU(3))
    ][:-1]
    network = Network.chain(ops, (1, 2, 2))
    first = certify.radii(module, points, labels)
    second = certify.radii(network, points.numpy(), labels.numpy())
    assert [(a.lower, a.upper) for a in first] == [(a.lower, a.upper) for a in second]


def test_settings_are_used_and_must_agree_with_what_is_said_by_name() -> None:
    settings = Settings(norm=Norm.LINF, max_radius=0.25)
    (answer,) = certify.radii(NETWORK, POINTS[:1], [0], settings=settings, norm="inf", domain=(0, 4))
    assert answer.norm is Norm.LINF
    assert answer.lower == 0.25
    with pytest.raises(InvalidInput, match=r"norm=2 and settings\.norm=inf contradict"):
        certify.radii(NETWORK, POINTS[:1], [0], settings=settings, norm=2)
    boxed = Settings(domain=Box.uniform(0.0, 1.0, 2))
    with pytest.raises(InvalidInput, match=r"domain and settings.domain contradict"):
        certify.radii(NETWORK, POINTS[:1], [0], settings=boxed, domain=(0.0, 4.0))


def test_a_network_may_come_from_a_file(tmp_path: Path) -> None:
    save(NETWORK, tmp_path / "net.onnx")
    [first], [second] = (certify.radii(net, POINTS[:1], [0]) for net in (NETWORK, certify.load(tmp_path / "net.onnx")))
    assert (first.lower, first.upper) == (second.lower, second.upper)
    with pytest.raises(InvalidInput, match=r"got str\. Read a file with certify\.load"):
        api._network("net.onnx", (2,))


@pytest.mark.parametrize(
    ("points", "labels", "message"),
    [
        ([[1.0, math.nan]], [0], "nan at coordinate 1"),
        ([[1.0, 2.0, 3.0]], [0], "Each input has 3 numbers"),
        ([[1.0, 2.0]], [2], "Label 2 of input 0"),
        ([[1.0, 2.0]], [0.0], "Labels must be whole numbers"),
        ([[1.0, 2.0]], [0, 1], r"1 input\(s\), 2 label"),
        ([], [], "Points must be numbers"),
        ([["a", "b"]], [0], "Points must be numbers"),
    ],
)
def test_points_or_labels_that_make_no_sense_are_refused(points: list, labels: list, message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        certify.radii(NETWORK, points, labels)
