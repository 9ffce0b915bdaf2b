"""From a candidate in floating point to a witness in exact arithmetic, as near the centre as its segment allows."""

import dataclasses as dc
from collections.abc import Callable, Iterator
from fractions import Fraction

import numpy as np
from jaxtyping import Bool, Float64

from certify.errors import InvalidInput
from certify.exact import ExactNetwork
from certify.outcome import Witness
from certify.query import Queries
from certify.region import Box
from certify.rounding import distance_up

Replay = Callable[[Float64[np.ndarray, "b n"]], Float64[np.ndarray, "b m"]]
"""The original model on a batch of points, by another program and in its own arithmetic (onnxruntime in float32)."""

PUSHES = (0.0, 1e-13, 1e-12, 1e-10, 1e-8, 1e-7, 1e-6, 1e-5, 1e-4)
"""How far beyond its step, relatively, a point may be pushed until no exact check (nor the replay) disagrees."""

_SCAN, _HALVINGS = 8, 48
STRETCHES = (1e-6, 1e-4, 1e-2, 1.0)
"""How far beyond a candidate, relatively, to look where float32 stopped just short of the boundary."""

_NOISE = 1e-6
_MARGIN = 1e-12
_CHUNK_BYTES = 2**26


def confirm(
    queries: Queries,
    candidates: Float64[np.ndarray, "b n"],
    replay: Replay | None = None,
    exact: ExactNetwork | None = None,
    *,
    shorten: bool = True,
) -> list[Witness | None]:
    """For each question a witness on the segment from its centre to its candidate, or None (also for a row with NaN).

    A candidate is clipped into the domain, drawn back to the first step where the float64 margin is not positive (if
    ``shorten``), and then evaluated in rational arithmetic; where rounding left the exact margin above 0 it is pushed
    out again. With ``replay`` the point is rounded to float32 first, and the original model must agree that its margin
    is not positive, or not above its float32 noise. ``exact`` is the queries' network in rationals, for callers that
    have it already.

    Raises:
        InvalidInput: the candidates do not have the shape of the centres.
    """
    if candidates.shape != queries.centres.shape:
        raise InvalidInput(f"Candidates {candidates.shape} do not fit the {queries.centres.shape} centres.")
    answers: list[Witness | None] = [None] * len(queries)
    found = np.flatnonzero(np.isfinite(candidates).all(axis=1))
    if not found.size:
        return answers
    asked = queries.take(found)
    rays = _Rays.through(asked, candidates[found])
    rays = _long_enough(asked, rays)
    steps = _first_steps(asked, rays) if shorten else _last_steps(asked, rays)
    judge = _Judge(asked, exact or ExactNetwork(queries.network), replay)
    for i, row in enumerate(found):
        answers[row] = judge.witness(i, rays, float(steps[i]))
    return answers


def margins(queries: Queries, points: Float64[np.ndarray, "b n"]) -> Float64[np.ndarray, " b"]:
    """The smallest margin of question i at point i, in float64 rounded to nearest."""
    chunk = max(1, _CHUNK_BYTES // (8 * sum(queries.network.widths)))
    outputs = [queries.network.evaluate(points[k : k + chunk]) for k in range(0, len(points), chunk)]
    return _row_margins(queries.rows, queries.offsets, np.concatenate(outputs)).min(axis=1)


def _row_margins(rows: np.ndarray, offsets: np.ndarray, outputs: np.ndarray) -> np.ndarray:
    return np.einsum("brm,bm->br", rows, outputs) + offsets


def _inside(domain: Box | None, points: np.ndarray) -> np.ndarray:
    return points if domain is None else np.clip(points, domain.lower, domain.upper)


@dc.dataclass(frozen=True, slots=True, eq=False)
class _Rays:
    """Segments that stay in the domain: from each centre (clipped into it) along ``moves``, which step 1 completes."""

    starts: Float64[np.ndarray, "b n"]
    moves: Float64[np.ndarray, "b n"]
    domain: Box | None

    @classmethod
    def through(cls, queries: Queries, points: np.ndarray) -> "_Rays":
        starts = _inside(queries.domain, queries.centres)
        return cls(starts, _inside(queries.domain, points) - starts, queries.domain)

    def at(self, steps: np.ndarray) -> np.ndarray:
        """The points at one step each."""
        return _inside(self.domain, self.starts + steps[:, None] * self.moves)


def _long_enough(queries: Queries, rays: _Rays) -> _Rays:
    """The rays, each stretched by the least of ``STRETCHES`` that ends at a margin <= 0, if one does."""
    factor = np.zeros(len(queries))
    for stretch in (0.0, *STRETCHES):
        open_ = np.flatnonzero(factor == 0)
        if open_.size:
            ends = rays.at(np.full(len(queries), 1 + stretch))[open_]
            factor[open_] = np.where(margins(queries.take(open_), ends) <= 0, 1 + stretch, 0.0)
    return dc.replace(rays, moves=np.where(factor > 0, factor, 1.0)[:, None] * rays.moves)


def _first_steps(queries: Queries, rays: _Rays) -> Float64[np.ndarray, " b"]:
    """Per ray a step just outside the first sign change that a scan sees; 1 where it sees none."""

    def broken(steps: np.ndarray) -> Bool[np.ndarray, " b"]:
        return margins(queries, rays.at(steps)) <= 0

    high = np.ones(len(queries))
    low = high - 1 / _SCAN
    for step in np.arange(_SCAN - 1, -1, -1) / _SCAN:
        hit = broken(np.full(len(queries), step))
        high, low = np.where(hit, step, high), np.where(hit, max(step - 1 / _SCAN, 0.0), low)
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        hit = broken(middle)
        high, low = np.where(hit, middle, high), np.where(hit, low, middle)
    return high


def _last_steps(queries: Queries, rays: _Rays) -> Float64[np.ndarray, " b"]:
    """Per ray a step that does not leave the ball, up to 1: float32 may have put the candidate just outside."""
    sizes = np.linalg.norm(rays.starts + rays.moves - queries.centres, queries.norm.value, axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.fmin(1.0, (1 - _MARGIN) * queries.radii / sizes)


@dc.dataclass(frozen=True, slots=True, eq=False)
class _Judge:
    """Decides in exact arithmetic, and by the replay, whether a point is a witness."""

    queries: Queries
    exact: ExactNetwork
    replay: Replay | None

    def witness(self, i: int, rays: _Rays, step: float) -> Witness | None:
        """The first point of the ray, from ``step`` outwards, that every check accepts."""
        near_miss: Witness | None = None
        for point in self._points(i, rays, step):
            if not self._is_broken(i, point):
                continue
            distance = distance_up(point.tolist(), self.queries.centres[i].tolist(), self.queries.norm.value)
            if not distance <= self.queries.radii[i]:
                continue
            if self._replayed(i, point, noise=0.0):
                return Witness(point, distance)
            if near_miss is None and self._replayed(i, point, noise=_NOISE):
                near_miss = Witness(point, distance)
        return near_miss

    def _points(self, i: int, rays: _Rays, step: float) -> Iterator[Float64[np.ndarray, " n"]]:
        """Points to try, best first; with a replay those that float32 can hold come before the others."""
        pushes = PUSHES if step > 0 else PUSHES[:1]
        start, move = rays.starts[i], rays.moves[i]
        points = [_inside(rays.domain, start + step * (1 + push) * move) for push in pushes]
        if self.replay is not None and step > 0:
            yield from (_as_float32(rays.domain, point) for point in points)
        yield from points

    def _is_broken(self, i: int, point: np.ndarray) -> bool:
        """Whether some margin row is <= 0 over the rationals; away from the centre a clear float64 may say no."""
        rows, offsets = self.queries.rows[i], self.queries.offsets[i]
        outputs = self.queries.network.evaluate(point[None, :])[0]
        rough = rows @ outputs + offsets
        at_centre = self.queries.radii[i] == 0
        if not at_centre and not (rough <= _NOISE * (np.abs(rows) @ np.abs(outputs) + np.abs(offsets))).any():
            return False
        values = self.exact.evaluate(point)
        return any(exact_margin(rows[j], offsets[j], values) <= 0 for j in np.argsort(rough))

    def _replayed(self, i: int, point: np.ndarray, *, noise: float) -> bool:
        """Whether the original model, if there is one, sees a margin of at most ``noise`` times its terms."""
        if self.replay is None:
            return True
        rows, offsets = self.queries.rows[i], self.queries.offsets[i]
        outputs = np.asarray(self.replay(point[None, :]), dtype=np.float64)[0]
        allowed = noise * (np.abs(rows) @ np.abs(outputs) + np.abs(offsets))
        return bool((rows @ outputs + offsets <= allowed).any())


def exact_margin(row: Float64[np.ndarray, " m"], offset: float, values: list[Fraction]) -> Fraction:
    """``row . values + offset`` over the rationals."""
    used = np.flatnonzero(row)
    return sum((Fraction(float(row[k])) * values[k] for k in used), Fraction(float(offset)))


def _as_float32(domain: Box | None, point: np.ndarray) -> np.ndarray:
    """The point with every coordinate a float32, where the domain has one near it."""
    with np.errstate(over="ignore"):
        rounded = point.astype(np.float32)
    if domain is not None:
        rounded = np.where(rounded > domain.upper, np.nextafter(rounded, np.float32(-np.inf)), rounded)
        rounded = np.where(rounded < domain.lower, np.nextafter(rounded, np.float32(np.inf)), rounded)
    wide = rounded.astype(np.float64)
    kept = np.isfinite(wide)
    if domain is not None:
        kept &= (wide >= domain.lower) & (wide <= domain.upper)
    return np.where(kept, wide, point)
