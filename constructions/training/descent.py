"""Full-batch gradient descent on the first layer of a two-layer ReLU net, with exact bookkeeping.

Each step adds a combination of the training points to each weight vector,
``w_r <- w_r + sum_i c_ri x_i``, so the sum of the c over time, ``alpha`` (R, n), says exactly what was learned
(li2025, weight decomposition). It is added up in float64 whatever the precision of the net.
"""

import dataclasses as dc
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Float64
from torch import Tensor

from certify.errors import CertifyError, InvalidInput
from constructions.training.checkpoint import Checkpoint
from constructions.training.history import History, logged_steps
from constructions.training.layers import Layer
from constructions.training.objective import Objective

_BLOW_UP = 10.0
"""Training has diverged when the loss exceeds this many times the larger of its first value and that of chance."""


class TrainingDiverged(CertifyError):
    """The loss blew up; ``step`` and ``loss`` say where."""

    def __init__(self, step: int, loss: float, advice: str) -> None:
        self.step, self.loss = step, loss
        super().__init__(f"Training diverged at step {step}: the loss is {loss:.6g}. {advice}")


@dc.dataclass(frozen=True, slots=True)
class Descent:
    """How to descend: ``steps`` steps of size ``step``, weights drawn by ``seed``, in float32 or (``double``) float64.

    About ``logged`` steps are written down in the history.

    Raises:
        InvalidInput: a step that is not positive and finite, a negative number of steps, or ``logged`` below 2.
    """

    step: float
    steps: int
    seed: int = 0
    double: bool = False
    logged: int = 50

    def __post_init__(self) -> None:
        if not (math.isfinite(self.step) and self.step > 0):
            raise InvalidInput(f"The step size {self.step} must be a positive number.")
        if self.steps < 0:
            raise InvalidInput(f"{self.steps} steps have no meaning; give a number >= 0.")
        if self.logged < 2:
            raise InvalidInput(f"A history of {self.logged} steps has no beginning and end; at least 2 are logged.")

    @property
    def dtype(self) -> torch.dtype:
        """The precision of weights and products."""
        return torch.float64 if self.double else torch.float32


@dc.dataclass(frozen=True, slots=True)
class Progress:
    """Where a run is: before step ``step`` of ``steps``, with this mean loss and train accuracy."""

    step: int
    steps: int
    loss: float
    accuracy: float


@dc.dataclass(frozen=True, slots=True, eq=False)
class Problem:
    """What is trained: the frozen ``readout`` (o, R), ``shares`` (n, k), ``own`` (R, k), and the loss.

    ``shares @`` turns coefficients of points into lambda: entry (i, j) is ``||mu_j||^2`` when point i is in cluster j.
    """

    readout: Tensor
    shares: Tensor
    own: Bool[np.ndarray, "r k"]
    objective: Objective


@dc.dataclass(slots=True, eq=False)
class State:
    """Everything that changes: the step to take next, the first layer, alpha (R, n), the history so far."""

    step: int
    layer: Layer
    alpha: Tensor
    log: list[tuple[int, float, float]]
    lam: list[Float64[np.ndarray, "r k"]]

    @classmethod
    def start(cls, layer: Layer) -> "State":
        """Before the first step."""
        return cls(0, layer, torch.zeros_like(layer.activity(), dtype=torch.float64), [], [])

    @property
    def neurons(self) -> tuple[Tensor, Tensor]:
        """Weights and biases as they are now."""
        return self.layer.neurons(self.alpha)

    def arrays(self) -> dict[str, np.ndarray]:
        """The state for a checkpoint."""
        arrays: dict[str, np.ndarray] = {name: tensor.cpu().numpy() for name, tensor in self._tensors().items()}
        return arrays | {"step": np.array([self.step]), "log": np.array(self.log), "lam": np.stack(self.lam)}

    def restore(self, arrays: dict[str, np.ndarray]) -> None:
        """Continues where ``arrays`` left off."""
        for name, tensor in self._tensors().items():
            tensor.copy_(torch.as_tensor(arrays[name]))
        self.step, self.lam = int(arrays["step"][0]), list(arrays["lam"])
        self.log = [(int(step), float(loss), float(accuracy)) for step, loss, accuracy in arrays["log"]]

    def history(self, own: Bool[np.ndarray, "r k"]) -> History:
        """What was written down so far."""
        steps, loss, accuracy = np.array(self.log).T
        return History(steps.astype(np.int64), loss, accuracy, np.stack(self.lam), own)

    def _tensors(self) -> dict[str, Tensor]:
        return {**self.layer.changing, "alpha": self.alpha}


def descend(
    problem: Problem,
    state: State,
    rule: Descent,
    *,
    checkpoint: tuple[Checkpoint, bytes] | None,
    on_progress: Callable[[Progress], Any] | None,
) -> None:
    """Moves ``state`` to the end of the run; with a checkpoint (and the run's identity) continues a killed one.

    Raises:
        TrainingDiverged: the loss is not finite, or ten times what it was at the start.
        InvalidInput: the checkpoint cannot be read or written, or is another run's.
    """
    if checkpoint is not None and (saved := checkpoint[0].load(checkpoint[1])) is not None:
        state.restore(saved)
    logged = logged_steps(rule.steps, rule.logged)
    while True:
        active = state.layer.activity()
        verdict = problem.objective.judge((problem.readout @ active.clamp(min=0)).T)
        loss, accuracy = float(verdict.loss), float(verdict.accuracy)
        _check(loss, state, problem.objective, rule)
        if state.step in logged:
            state.log.append((state.step, loss, accuracy))
            state.lam.append((state.alpha @ problem.shares).cpu().numpy())
        if on_progress is not None:
            on_progress(Progress(state.step, rule.steps, loss, accuracy))
        if state.step == rule.steps:
            return
        coefficients = (-rule.step * problem.readout.T @ verdict.slopes.T) * (active > 0)
        state.layer.learn(coefficients)
        state.alpha += coefficients
        state.step += 1
        if checkpoint is not None and state.step % checkpoint[0].every == 0:
            checkpoint[0].save(state.arrays(), checkpoint[1])


def _check(loss: float, state: State, objective: Objective, rule: Descent) -> None:
    first = state.log[0][1] if state.log else loss
    if not math.isfinite(loss) or loss > _BLOW_UP * max(first, objective.chance_loss):
        raise TrainingDiverged(state.step, loss, f"It began at {first:.6g}. Take a step size below {rule.step:g}.")
