"""Margins of a two-layer network as questions about one function each, with what rounding may have done to them."""

import dataclasses as dc

import numpy as np
import torch
from torch import Tensor

from certify.query import Queries
from certify.rounding import gamma
from certify.solvers.two_layer.model import LARGEST, TwoLayer, norms_up

_LEAST = 1e-200
"""More than products that underflow can hide in one sum, up to two factors of ``LARGEST``."""


@dc.dataclass(frozen=True, slots=True, eq=False)
class Questions:
    """Q functions ``f(z) = constant + sum_i weight_i relu(start_i + w_i . z)``, one for each input and margin row.

    ``start``, ``weight`` (Q, G), ``constant`` (Q,) are rounded; the exact numbers differ by at most ``start_error``,
    ``weight_error`` and ``constant_error + reach_error * radius`` on a ball. ``owner`` (Q,) is the input of each. About
    a point or a row beyond ``LARGEST`` nothing is known.
    """

    start: Tensor
    weight: Tensor
    constant: Tensor
    start_error: Tensor
    weight_error: Tensor
    constant_error: Tensor
    reach_error: Tensor
    owner: Tensor

    @classmethod
    @np.errstate(over="ignore", invalid="ignore")
    def of(cls, model: TwoLayer, queries: Queries) -> "Questions":
        """One question for each row of each query, row by row of one input after the other."""
        points, rows = queries.centres, queries.rows
        size, bias = norms_up(points), np.abs(model.bias)
        start = points @ model.weight.T + model.bias
        start_error = 2 * gamma(model.terms + 8) * (np.outer(size, model.length.numpy()) + bias) + _LEAST
        heavy = np.abs(rows)
        outputs, neurons = model.readout.shape
        weight_error = heavy @ (2 * gamma(outputs + 8) * np.abs(model.readout) + 1.01 * model.blur) + _LEAST
        constant = rows @ model.offset + queries.offsets
        constant_error = 2 * gamma(outputs + 8) * (heavy @ np.abs(model.offset) + np.abs(queries.offsets)) + _LEAST
        constant_error += 1.01 * heavy @ model.shift + 1.01 * (heavy @ model.drift) * size[:, None]
        constant_error[(heavy > LARGEST).any(axis=2) | (size > LARGEST)[:, None]] = np.inf
        count = rows.shape[1]
        owner = torch.arange(len(points)).repeat_interleave(count)
        return cls(
            start=torch.as_tensor(start)[owner],
            weight=torch.as_tensor((rows @ model.readout).reshape(-1, neurons)),
            constant=torch.as_tensor(constant.ravel()),
            start_error=torch.as_tensor(start_error)[owner],
            weight_error=torch.as_tensor(weight_error.reshape(-1, neurons)),
            constant_error=torch.as_tensor(constant_error.ravel()),
            reach_error=torch.as_tensor(1.01 * (heavy @ model.drift).ravel()),
            owner=owner,
        )

    def take(self, index: Tensor) -> "Questions":
        """The questions at ``index``."""
        return Questions(*(getattr(self, f.name)[index] for f in dc.fields(self)))
