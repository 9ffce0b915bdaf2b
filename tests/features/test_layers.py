"""The two ways to hold a layer that learns give the same net."""

import numpy as np
import pytest
import torch

from constructions.training.layers import ByActivity, ByWeights, Layer, layer_for

NEURONS, COUNT, WIDTH = 4, 32, 40


def made(kind: type[ByActivity] | type[ByWeights], *, biased: bool) -> Layer:
    chance = np.random.default_rng(0)
    points, weight, bias = (torch.as_tensor(chance.normal(size=s)) for s in ((COUNT, WIDTH), (NEURONS, WIDTH), NEURONS))
    return kind(points, weight, bias, biased=biased)


def drawn(share: float) -> list[torch.Tensor]:
    """Coefficients of five steps, of which about this share is not 0."""
    chance = np.random.default_rng(1)
    size = (NEURONS, COUNT)
    return [torch.as_tensor(chance.normal(size=size) * (chance.random(size) < share)) for _ in range(5)]


@pytest.mark.parametrize("biased", [False, True])
@pytest.mark.parametrize("share", [0.0, 0.04, 1.0])
def test_pre_activations_and_weights_agree_after_dense_and_sparse_steps(share: float, biased: bool) -> None:
    layers, alpha = (
        [made(kind, biased=biased) for kind in (ByWeights, ByActivity)],
        torch.zeros(NEURONS, COUNT).double(),
    )
    for coefficients in drawn(share):
        alpha += coefficients
        for layer in layers:
            layer.learn(coefficients)
    by_weights, by_activity = layers
    assert torch.allclose(by_weights.activity(), by_activity.activity(), rtol=0, atol=1e-11)
    for one, other in zip(by_weights.neurons(alpha), by_activity.neurons(alpha), strict=True):
        assert torch.allclose(one, other, rtol=0, atol=1e-12)
    before = made(ByWeights, biased=biased).neurons(alpha)
    assert torch.equal(before[1], by_activity.neurons(alpha)[1]) == (share == 0.0 or not biased)


def test_what_changes_is_enough_to_continue() -> None:
    layer, other = made(ByActivity, biased=True), made(ByActivity, biased=True)
    first, second, *_ = drawn(0.5)
    layer.learn(first)
    other.changing["activity"].copy_(layer.changing["activity"])
    for one in (layer, other):
        one.learn(second)
    assert torch.equal(layer.activity(), other.activity())


@pytest.mark.parametrize(
    ("count", "steps", "kind"), [(32, 100, ByActivity), (32, 2, ByWeights), (41, 10**6, ByWeights)]
)
def test_the_shorter_way_is_taken(count: int, steps: int, kind: type[Layer]) -> None:
    points, weight, bias = torch.ones(count, WIDTH), torch.ones(NEURONS, WIDTH), torch.zeros(NEURONS)
    assert type(layer_for(points, weight, bias, biased=False, steps=steps)) is kind
