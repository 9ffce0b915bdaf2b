"""Deep counterexamples in a box: gradient descent from many starts, in coordinates that make the box a cube.

A search for the nearest counterexample ends at the boundary, where two programs may round to different answers; this
one goes as far below zero as it can.
"""

import numpy as np
import scipy.sparse as sp
import torch
from jaxtyping import Float64

from certify.attacks.gradient import GradientAttack
from certify.attacks.problem import Problem
from certify.deadline import Deadline
from certify.network import Affine, Network, Node
from certify.query import Queries
from certify.region import Box, Norm
from certify.solvers.equalities import equations
from certify.solvers.unsafe import Question
from certify.tensor_network import TensorNetwork

_NOISE = 1e-9
_SAMPLES = 2048
_BESIDE = 4
_SAMPLED_NUMBERS = 1 << 24


def lowest_points(
    question: Question, *, attempts: int, steps: int, seed: int, deadline: Deadline, device: str = "cpu"
) -> Float64[np.ndarray, "k n"]:
    """Points of the box where a margin is not positive, or almost so, lowest first; none after the deadline.

    Where inputs must fulfil equations the lowest few are among them anyhow: they may lie just beside the solutions.

    ``attempts`` are the best of random samples and of descents of ``steps`` steps each. Nothing is proved by them.
    """
    if deadline.passed:
        return np.zeros((0, question.queries.network.input_width))
    box = question.case.outward()
    problem = _in_a_cube(question.queries, box, device)
    generator = torch.Generator(device=problem.network.device).manual_seed(seed)
    radii = torch.ones_like(problem.radii)
    found = [_sampled(problem, attempts, generator=generator)]
    attack = GradientAttack(device=device, steps=steps, restarts=attempts)
    found.append(attack.descend(problem, radii, generator=generator, deadline=deadline)[:, 0])
    cube = torch.cat(found).clamp(-1.0, 1.0)
    margins, order = problem.smallest(cube[:, None])[:, 0].sort()
    low = margins <= _NOISE * margins.abs().max()
    low[: _BESIDE if equations(question.case) else 0] = True
    moves = cube[order[low]].to("cpu", torch.float64).numpy()
    return np.clip(_middle(box) + moves * _half(box), box.lower, box.upper)


def _middle(box: Box) -> Float64[np.ndarray, " n"]:
    return box.lower / 2 + box.upper / 2


def _half(box: Box) -> Float64[np.ndarray, " n"]:
    return box.upper / 2 - box.lower / 2


def _in_a_cube(queries: Queries, box: Box, device: str) -> Problem:
    """The question with its box scaled to [-1, 1]^n (up to rounding)."""
    network = queries.network
    n = network.input_width
    half = sp.csr_array((_half(box), (np.arange(n), np.arange(n))), shape=(n, n))
    begin = Node(Affine(half if n > 64 else np.diag(_half(box)), _middle(box)), (0,))
    nodes = (begin, *(Node(node.op, tuple(i + 1 for i in node.inputs)) for node in network.nodes))
    scaled = Network(network.input_shape, nodes)
    cube = Box.uniform(-1.0, 1.0, n)
    asked = Queries(scaled, np.zeros((1, n)), np.ones(1), Norm.LINF, queries.rows, queries.offsets, cube)
    return Problem.of(TensorNetwork(scaled, dtype=torch.float64, device=device), asked)


def _sampled(problem: Problem, kept: int, *, generator: torch.Generator) -> torch.Tensor:
    """The lowest ``kept`` of many random points (kept, n) of the cube, its corners among them."""
    n = problem.centres.shape[1]
    count = max(kept, min(_SAMPLES, _SAMPLED_NUMBERS // sum(problem.network.network.widths)))
    points = 2 * torch.rand(count, n, generator=generator, device=problem.centres.device, dtype=torch.float64) - 1
    points[::2] = points[::2].sign()
    return points[problem.smallest(points[:, None])[:, 0].argsort()[:kept]]
