"""Points of a region where a linear function is least: where to look for a counterexample. They prove nothing."""

import torch
from torch import Tensor

from certify.bounders.ball import BallBatch
from certify.region import Norm


def minimiser(ball: BallBatch, coefficients: Tensor) -> Tensor:
    """A point (B, n) of each region, least for ``coefficients`` (B, n) up to what a domain cuts off an l2 ball."""
    if ball.norm is Norm.LINF:
        return torch.where(coefficients > 0, ball.lower, ball.upper)
    low, high = ball.lower - ball.centre, ball.upper - ball.centre
    if ball.norm is Norm.L2:
        size = torch.linalg.vector_norm(coefficients, dim=1, keepdim=True).clamp_min(1e-300)
        move = -coefficients * (ball.radius[:, None] / size)
        for _ in range(2):  # what the box stops leaves room for the rest
            move = torch.minimum(torch.maximum(move, low), high)
            free = (move > low) & (move < high)
            spent = torch.where(free, 0.0, move).square().sum(1, keepdim=True)
            length = torch.linalg.vector_norm(torch.where(free, move, 0.0), dim=1, keepdim=True).clamp_min(1e-300)
            room = (ball.radius[:, None].square() - spent).clamp_min(0.0).sqrt()
            move = torch.where(free, move * (room / length), move)
        return ball.centre + torch.minimum(torch.maximum(move, low), high)
    room = torch.where(coefficients > 0, -low, high).clamp_min(0.0)
    order = coefficients.abs().argsort(dim=1, descending=True)
    sorted_room = room.gather(1, order)
    before = sorted_room.cumsum(1) - sorted_room
    spend = torch.minimum(sorted_room, (ball.radius[:, None] - before).clamp_min(0.0))
    move = torch.zeros_like(room).scatter(1, order, spend)
    return ball.centre - torch.sign(coefficients) * move
