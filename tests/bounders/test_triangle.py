"""With the same intermediate bounds the triangle LP is the best of all slopes: LP >= alpha-CROWN >= CROWN."""

import itertools
import math

import cvxpy as cp
import numpy as np
import pytest
import torch

from certify.bounders.alpha import AlphaBounder, Ascent
from certify.bounders.crown import CrownBounder
from certify.bounders.enclosure import Enclosure
from certify.deadline import Deadline
from certify.network import Affine, Network, ReLU
from certify.query import Queries, robustness
from certify.region import Norm


def net_and_queries(norm: Norm, radius: float, seed: int) -> Queries:
    rng = np.random.default_rng(seed)
    ops: list[Affine | ReLU] = []
    for a, b in itertools.pairwise((6, 12, 12, 3)):
        ops += [Affine(rng.normal(size=(b, a)) / math.sqrt(a), rng.normal(size=b) / 4), ReLU(b)]
    net = Network.chain(ops[:-1])
    points = rng.uniform(size=(1, 6))
    return robustness(net, points, net.evaluate(points).argmax(1), norm=norm, radius=radius)


def triangle(queries: Queries, enclosure: Enclosure, row: int) -> float:
    """The least margin over the ball with every ReLU replaced by its triangle, by an independent solver."""
    x = cp.Variable(queries.network.input_width)
    order = {1.0: 1, 2.0: 2, math.inf: "inf"}[queries.norm.value]
    constraints: list[cp.Constraint] = [cp.norm(x - queries.centres[0], order) <= queries.radii[0]]
    value: cp.Expression = x
    for i, node in enumerate(queries.network.nodes):
        if isinstance(node.op, Affine):
            value = node.op.weight @ value + node.op.bias
            continue
        low, high = (side[i][0].numpy() for side in (enclosure.lower, enclosure.upper))
        after = cp.Variable(node.op.output_width)
        for j, (a, b) in enumerate(zip(low, high, strict=True)):
            if a >= 0:
                constraints.append(after[j] == value[j])
            elif b <= 0:
                constraints.append(after[j] == 0)
            else:
                constraints += [after[j] >= 0, after[j] >= value[j], after[j] <= b / (b - a) * (value[j] - a)]
        value = after
    problem = cp.Problem(cp.Minimize(queries.rows[0, row] @ value), constraints)
    problem.solve(solver=cp.HIGHS if queries.norm is not Norm.L2 else cp.CLARABEL)
    return float(problem.value)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize(("norm", "radius"), [(Norm.LINF, 0.15), (Norm.L2, 0.4), (Norm.L1, 0.7)], ids=["inf", "2", "1"])
def test_the_triangle_lp_is_no_lower_than_alpha_and_alpha_no_lower_than_crown(
    norm: Norm, radius: float, seed: int
) -> None:
    queries = net_and_queries(norm, radius, seed)
    crown = CrownBounder(queries.network, dtype=torch.float64)
    enclosure, _ = crown.relax(queries, Deadline.never())
    first = crown.bound(queries, Deadline.never()).lower[0]
    same_intermediate = Ascent(margin_steps=200, hidden_steps=0, rate=0.1, decay=0.98)
    second = AlphaBounder(queries.network, dtype=torch.float64, ascent=same_intermediate)
    best = second.bound(queries, Deadline.never()).lower[0]
    limit = np.array([triangle(queries, enclosure, row) for row in range(len(first))])
    assert (best >= first - 1e-9).all()
    assert (limit >= best - 1e-6).all()
    assert best == pytest.approx(limit, abs=0.02)  # dual ascent comes near the LP's optimum
