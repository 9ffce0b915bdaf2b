"""Robustness questions out, as queries of VNN-LIB 1.0."""

from collections.abc import Iterator
from fractions import Fraction

import numpy as np

from certify.errors import InvalidInput
from certify.io.vnnlib.answers import decimal_text
from certify.query import Queries
from certify.region import Norm


def write(queries: Queries, *, comment: str = "") -> list[str]:
    """For each question of a batch a query that is ``sat`` exactly if some margin is not positive in its region.

    Numbers are written with all their digits, so that the query says exactly what the question does. ``comment`` is
    put in front.

    Raises:
        InvalidInput: the regions are no boxes: an l1 or l2 ball, or a ball of infinite radius that no domain bounds.
    """
    if queries.norm is not Norm.LINF:
        raise InvalidInput(f"VNN-LIB describes boxes; a ball of the norm {queries.norm} is none. Use the norm inf.")
    head = "".join(f"; {line}\n" for line in comment.splitlines())
    return [head + "\n".join(_lines(queries, i)) + "\n" for i in range(len(queries))]


def _lines(queries: Queries, i: int) -> Iterator[str]:
    n, m = queries.network.input_width, queries.network.output_width
    yield from (f"(declare-const X_{k} Real)" for k in range(n))
    yield from (f"(declare-const Y_{k} Real)" for k in range(m))
    for k in range(n):
        low, high = _range(queries, i, k)
        yield f"(assert (>= X_{k} {_digits(low)}))"
        yield f"(assert (<= X_{k} {_digits(high)}))"
    broken = [
        f"(<= {_sum(row)} {_digits(-float(offset))})"
        for row, offset in zip(queries.rows[i], queries.offsets[i], strict=True)
    ]
    yield "(assert (or\n" + "\n".join(f"  (and {part})" for part in broken) + "\n))"


def _range(queries: Queries, i: int, k: int) -> tuple[Fraction, Fraction]:
    """The exact ends of coordinate k of region i."""
    lower: list[Fraction] = []
    upper: list[Fraction] = []
    if np.isfinite(queries.radii[i]):
        centre, radius = Fraction(float(queries.centres[i, k])), Fraction(float(queries.radii[i]))
        lower, upper = [centre - radius], [centre + radius]
    if queries.domain is not None:
        ends = float(queries.domain.lower[k]), float(queries.domain.upper[k])
        lower += [Fraction(end) for end in ends[:1] if np.isfinite(end)]
        upper += [Fraction(end) for end in ends[1:] if np.isfinite(end)]
    if not (lower and upper):
        raise InvalidInput(f"Coordinate {k} of question {i} is unbounded; VNN-LIB needs a radius or a domain.")
    return max(lower), min(upper)


def _sum(row: np.ndarray) -> str:
    terms = [f"(* {_digits(float(c))} Y_{k})" for k, c in enumerate(row) if c]
    return f"(+ {' '.join(terms)})" if terms else "0.0"


def _digits(number: float | Fraction) -> str:
    text = decimal_text(Fraction(number))
    assert text is not None
    return text
