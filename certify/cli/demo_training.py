"""A small digits classifier, trained in seconds, always the same: what the demonstration certifies."""

import itertools
from typing import cast

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float64, Int64
from torch import Tensor, nn

from certify.network import Affine, Network, ReLU

WIDTHS = (64, 48, 32, 10)
EPOCHS, BATCH, STEP, DECAY, NOISE = 40, 50, 5e-3, 1e-4, 0.06


def train(points: Float64[np.ndarray, "b 64"], labels: Int64[np.ndarray, " b"], *, seed: int) -> Network:
    """A 64-48-32-10 ReLU network trained with Adam, each step on inputs moved by one signed-gradient step.

    That mild adversarial noise (linf, 0.06 of the pixel range) makes radii worth looking at. float32,
    seeded, without touching torch's global generator.
    """
    chance = torch.Generator().manual_seed(seed)
    layers = [_layer(m, n, chance) for n, m in itertools.pairwise(WIDTHS)]
    parts = [part for layer in layers for part in (layer, nn.ReLU())]
    model = nn.Sequential(*parts[:-1])
    x, y = torch.as_tensor(points, dtype=torch.float32), torch.as_tensor(labels)
    adam = torch.optim.Adam(model.parameters(), lr=STEP, weight_decay=DECAY)
    for _ in range(EPOCHS):
        for chosen in torch.randperm(len(x), generator=chance).split(BATCH):
            moved = _moved(model, x[chosen], y[chosen])
            adam.zero_grad()
            F.cross_entropy(model(moved), y[chosen]).backward()
            adam.step()
    ops = [op for layer in layers for op in (_affine(layer), ReLU(layer.out_features))]
    return Network.chain(ops[:-1], (1, 8, 8))


def _layer(outputs: int, inputs: int, chance: torch.Generator) -> nn.Linear:
    layer = cast("nn.Linear", nn.utils.skip_init(nn.Linear, inputs, outputs))
    with torch.no_grad():
        nn.init.kaiming_uniform_(layer.weight, nonlinearity="relu", generator=chance)
        nn.init.zeros_(layer.bias)
    return layer


def _moved(model: nn.Module, x: Tensor, y: Tensor) -> Tensor:
    start = x.clone().requires_grad_()
    (slope,) = torch.autograd.grad(F.cross_entropy(model(start), y), start)
    return (x + NOISE * slope.sign()).clamp(0, 1)


def _affine(layer: nn.Linear) -> Affine:
    weight, bias = (p.detach().numpy().astype(np.float64) for p in (layer.weight, layer.bias))
    return Affine(weight, bias)
