"""The radius that fixed linear margins certify: affine in the radius for a whole ball, convex for one cut by a box."""

import dataclasses as dc

import torch
from torch import Tensor

from certify.bounders.ball import BallBatch
from certify.bounders.linear_form import LinearForm
from certify.region import Norm

_STEPS = 4
"""Secant steps; the first already hits the radius of an uncut ball."""

_INWARDS = 1 - 1e-6
"""Aim this much below an estimated zero, so that rounding does not put it on the wrong side."""


@dc.dataclass(frozen=True, slots=True, eq=False)
class FormRadius:
    """Two radii for each ball (B,).

    ``proved``: up to the ball's own, with all margins evaluated as positive there (0 if none was); ``wanted``: an
    estimate of where the smallest margin would reach 0 were the form valid further out.
    """

    proved: Tensor
    wanted: Tensor


def positive_radius(form: LinearForm, ball: BallBatch, at_radius: Tensor) -> FormRadius:
    """How far the linear margins stay positive; ``at_radius`` (B,) is their minimum on the whole ball.

    The minimum of a linear function over a growing convex set is convex and decreasing in the radius, so a step by the
    slope of an uncut ball, or by the secant through two radii already proved, never overshoots in real arithmetic;
    whatever is returned as proved was evaluated.
    """
    whole = at_radius > 0
    zero = torch.zeros_like(ball.radius)
    at_zero = form.lower(ball.shrunk(zero)).amin(1)
    good, value = zero, at_zero
    guess = torch.minimum(uncut_radius(form, ball), ball.radius) * _INWARDS
    for _ in range(_STEPS if ball.cut else 1):
        if bool(whole.all()):
            break
        here = form.lower(ball.shrunk(guess)).amin(1)
        forward = (here > 0) & (guess > good)
        slope = torch.where(forward, (value - here) / (guess - good).clamp_min(torch.finfo(here.dtype).tiny), 0.0)
        good, value = torch.where(forward, guess, good), torch.where(forward, here, value)
        guess = torch.where(slope > 0, torch.minimum(good + value / slope * _INWARDS, ball.radius), good * _INWARDS)
    chord = ball.radius * at_zero / (at_zero - at_radius)
    wanted = torch.where(whole, torch.where(at_zero > at_radius, chord, torch.inf), good)
    return FormRadius(torch.where(whole, ball.radius, good), wanted)


def uncut_radius(form: LinearForm, ball: BallBatch) -> Tensor:
    """The radius (B,) at which the first margin reaches 0 without a domain; 0 if one is not positive at the centre."""
    dual = {Norm.L1: torch.inf, Norm.L2: 2.0, Norm.LINF: 1.0}[ball.norm]
    size = torch.linalg.vector_norm(form.coefficients, ord=dual, dim=2)
    centre = torch.bmm(form.coefficients, ball.centre[:, :, None])[:, :, 0] + form.constant - 1.01 * form.error
    radius = torch.where(centre > 0, centre / size, 0.0)
    return radius.amin(1).nan_to_num(nan=0.0, posinf=torch.finfo(radius.dtype).max)
