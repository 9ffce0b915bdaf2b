"""Nodes whose phases are all fixed: there the margin is linear, so a linear program or a convex dual settles them.

What the solvers say is not believed. Their multipliers are handed on as prices, to be proved like any others; their
points are candidates, to be evaluated exactly.
"""

import dataclasses as dc

import numpy as np
import scipy.optimize
from jaxtyping import Float64

from certify.network import Add, Affine, Conv2d, Network, ReLU
from certify.region import Norm

_MOST_CUTS, _MOST_STEPS = 40, 200
"""Tangents with which an l2 ball is approached, and steps of the ascent after them."""


@dc.dataclass(frozen=True, slots=True, eq=False)
class Cell:
    """A polyhedral cell of a region, on which the network is affine.

    The margin is ``gradient @ x + constant``; the cell is ``sides @ x + heights >= 0`` within the box ``lower`` to
    ``upper`` and the ball of ``radius`` around ``centre``.
    """

    gradient: Float64[np.ndarray, " n"]
    constant: float
    sides: Float64[np.ndarray, "k n"]
    heights: Float64[np.ndarray, " k"]
    centre: Float64[np.ndarray, " n"]
    radius: float
    norm: Norm
    lower: Float64[np.ndarray, " n"]
    upper: Float64[np.ndarray, " n"]


@dc.dataclass(frozen=True, slots=True, eq=False)
class Finish:
    """What solvers propose for a cell: ``prices`` (p, k) >= 0 of its sides to try, and points (c, n) to look at."""

    prices: Float64[np.ndarray, "p k"]
    points: Float64[np.ndarray, "c n"]


def affine_values(network: Network, active: dict[int, np.ndarray]) -> list[tuple[np.ndarray, np.ndarray]]:
    """Every value of the network as (matrix (w, n), vector (w,)) with the units of ReLU node i on where ``active[i]``.

    In float64, rounded to nearest: these are for solvers, not for proofs.
    """
    n = network.input_width
    images = [np.vstack([np.zeros(n), np.eye(n)])]  # the vector, then the columns of the matrix
    for i, node in enumerate(network.nodes):
        reads = [images[k] for k in node.inputs]
        match node.op:
            case Affine() | Conv2d() as op:
                image = op.apply(reads[0])
                image[1:] -= op.apply(np.zeros((1, op.input_width)))
                images.append(image)
            case Add():
                images.append(reads[0] + reads[1])
            case ReLU():
                images.append(reads[0] * active[i])
    return [(image[1:].T, image[0]) for image in images]


@np.errstate(all="ignore")  # of an empty cell the dual has no end, and huge weights overflow: only proposals suffer
def finish(cell: Cell) -> Finish:
    """Prices that prove the cell and points that refute it, as far as floating point finds them.

    A linear program over the box and the sides; while its point leaves an l2 ball, again with the tangent that cuts the
    point off. Its dual values are prices for the ball too, since the ball lies within its tangents. Where they may be
    too crude for a thin margin, the ball's own dual is ascended from them.
    """
    program = _Program.of(cell)
    prices, points = np.zeros(len(cell.heights)), [cell.centre]
    for _ in range(_MOST_CUTS if cell.norm is Norm.L2 else 1):
        answer = program.solve()
        if answer is None:
            break
        value, prices, point = answer
        inside = _drawn_in(cell, point)
        points.append(inside)
        if value > 0 or np.allclose(inside, point, rtol=1e-9, atol=1e-12):
            break
        program = program.with_tangent(point)
    proposals = [prices] if cell.norm is not Norm.L2 else [prices, _ascended(cell, prices)]
    return Finish(np.stack(proposals), np.clip(np.stack(points), cell.lower, cell.upper))


def _ascended(cell: Cell, start: np.ndarray) -> np.ndarray:
    """Prices (k,) near the best for the l2 ball alone, the box left out."""
    at_centre = cell.heights + cell.sides @ cell.centre

    def descent(prices: np.ndarray) -> tuple[float, np.ndarray]:
        pull = cell.gradient - prices @ cell.sides
        size = float(np.linalg.norm(pull)) + 1e-300
        value = cell.gradient @ cell.centre + cell.constant - prices @ at_centre - cell.radius * size
        return float(-value), at_centre - cell.sides @ (pull * (cell.radius / size))

    if not len(start):
        return start
    settings = {"method": "L-BFGS-B", "bounds": [(0, None)] * len(start), "options": {"maxiter": _MOST_STEPS}}
    return scipy.optimize.minimize(descent, start, jac=True, **settings).x


def _drawn_in(cell: Cell, point: np.ndarray) -> np.ndarray:
    """The point of the segment to the centre that lies in an l2 ball; linear programs know the other balls."""
    length = np.linalg.norm(point - cell.centre)
    if cell.norm is not Norm.L2 or length <= cell.radius:
        return point
    return cell.centre + (point - cell.centre) * (cell.radius / length)


@dc.dataclass(frozen=True, slots=True, eq=False)
class _Program:
    """Minimise ``cost @ x`` where ``sides @ x + heights >= 0`` and ``rows @ x <= limits``, x in its box."""

    cell: Cell
    rows: np.ndarray
    limits: np.ndarray
    bounds: list[tuple[float, float]]

    @classmethod
    def of(cls, cell: Cell) -> "_Program":
        n = len(cell.centre)
        bounds = list(zip(cell.lower.tolist(), cell.upper.tolist(), strict=True))
        if cell.norm is not Norm.L1:
            return cls(cell, np.zeros((0, n)), np.zeros(0), bounds)
        eye = np.eye(n)  # more variables t >= |x - centre| with sum t <= radius
        rows = np.block([[eye, -eye], [-eye, -eye], [np.zeros((1, n)), np.ones((1, n))]])
        limits = np.concatenate([cell.centre, -cell.centre, [cell.radius]])
        return cls(cell, rows, limits, bounds + [(0.0, cell.radius)] * n)

    def with_tangent(self, point: np.ndarray) -> "_Program":
        """With the tangent of the ball that cuts ``point`` off."""
        normal = (point - self.cell.centre) / np.linalg.norm(point - self.cell.centre)
        limit = normal @ self.cell.centre + self.cell.radius
        return dc.replace(self, rows=np.vstack([self.rows, normal]), limits=np.append(self.limits, limit))

    def solve(self) -> tuple[float, np.ndarray, np.ndarray] | None:
        """(value, prices, point); for an empty cell prices that prove it so, and the least infeasible point."""
        cell, width = self.cell, self.rows.shape[1]
        norms = np.linalg.norm(cell.sides, axis=1) + 1e-300
        sides = np.hstack([cell.sides / norms[:, None], np.zeros((len(norms), width - len(cell.centre)))])
        heights, cost = cell.heights / norms, np.append(cell.gradient, np.zeros(width - len(cell.centre)))
        answer = _linprog(cost, np.vstack([-sides, self.rows]), np.concatenate([heights, self.limits]), self.bounds)
        count, n = len(norms), len(cell.centre)
        if answer is not None:
            return answer[0] + cell.constant, answer[1][:count] / norms, answer[2][:n]
        slack = np.concatenate([-np.ones(count), np.zeros(len(self.limits))])[:, None]
        matrix = np.hstack([np.vstack([-sides, self.rows]), slack])
        far = 1.0 + float(np.abs(heights).max(initial=0.0)) + float(np.abs(np.array(self.bounds)).max()) * n
        answer = _linprog(
            np.append(np.zeros(width), 1.0), matrix, np.concatenate([heights, self.limits]), [*self.bounds, (0.0, far)]
        )
        if answer is None:
            return None
        corner = np.where(cell.gradient > 0, cell.lower, cell.upper)
        needed = max(0.0, -(cell.gradient @ corner + cell.constant)) + 1.0
        return answer[0], answer[1][:count] / norms * (2 * needed / max(answer[0], 1e-12)), answer[2][:n]


def _linprog(
    cost: np.ndarray, matrix: np.ndarray, limits: np.ndarray, bounds: list[tuple[float, float]]
) -> tuple[float, np.ndarray, np.ndarray] | None:
    """(value, multipliers >= 0 of the inequalities, point) as HiGHS has them; None where it finds no optimum."""
    if not all(np.isfinite(numbers).all() for numbers in (cost, matrix, limits)):
        return None  # weights beyond what a linear program can say
    found = scipy.optimize.linprog(cost, A_ub=matrix, b_ub=limits, bounds=bounds, method="highs")
    if found.status != 0:
        return None
    return float(found.fun), np.maximum(-found.ineqlin.marginals, 0.0), np.asarray(found.x)
