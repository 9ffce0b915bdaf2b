"""Linear functions over an l2 ball cut by a box: bounded by duality, held against the point that minimises them."""

import numpy as np
import pytest
import torch

from certify.bounders.ball import BallBatch
from certify.network import Affine, Network
from certify.query import Queries
from certify.region import Box, Norm
from certify.tensor_network import TensorNetwork


def ball_and_rows(n: int, radius: float, seed: int) -> tuple[BallBatch, np.ndarray]:
    """Ten balls around points of the cube [0, 1]^n, most of them in faces, and seven rows of very different numbers."""
    rng = np.random.default_rng(seed)
    centres = rng.uniform(size=(10, n)) * (rng.uniform(size=(10, n)) > 0.3)
    rows = rng.normal(size=(10, 7, n)) * 10.0 ** rng.uniform(-3, 1, size=(10, 7, n))
    net = Network.chain([Affine(np.ones((1, n)), np.zeros(1))])
    blank = (np.full(10, radius), Norm.L2, np.ones((10, 1, 1)), np.zeros((10, 1)), Box.uniform(0.0, 1.0, n))
    ball = BallBatch.of(Queries(net, centres, *blank), TensorNetwork(net, dtype=torch.float64), rounded=True)
    return ball, rows


def minimum(ball: BallBatch, rows: np.ndarray) -> np.ndarray:
    """The least values: each coordinate moves by its share of one step, or to the box; bisection finds the step."""
    room = np.where(rows > 0, ball.centre.numpy()[:, None], 1 - ball.centre.numpy()[:, None])
    low, high = np.zeros((*rows.shape[:2], 1)), np.full((*rows.shape[:2], 1), 1e9)
    for _ in range(200):
        middle = (low + high) / 2
        far = np.linalg.norm(np.minimum(middle * abs(rows), room), axis=2, keepdims=True) > ball.radius.numpy()[0]
        low, high = np.where(far, low, middle), np.where(far, middle, high)
    moved = np.minimum(low * abs(rows), room)
    return (rows * ball.centre.numpy()[:, None]).sum(2) - (abs(rows) * moved).sum(2)


@pytest.mark.parametrize("n", [1, 2, 5, 16, 17, 64, 300])
@pytest.mark.parametrize("reach", [0.01, 0.3, 0.8, 3.0])
def test_no_bound_over_a_cut_ball_lies_above_the_minimum_and_of_few_coordinates_none_below(
    n: int, reach: float
) -> None:
    for seed in range(3):
        ball, rows = ball_and_rows(n, reach * np.sqrt(n), seed)
        exact, bound = minimum(ball, rows), ball.minimum(torch.as_tensor(rows)).numpy()
        size = np.linalg.norm(rows, axis=2) * np.sqrt(n) * (1 + reach)
        assert (bound <= exact + 1e-14 * size).all()
        assert (bound >= exact - (1e-9 if n <= 5 else 1e-4 if n <= 16 else 0.1) * size).all()
