"""A case of a VNN-LIB query as margins: it is out of reach if every margin is positive on the case's box.

A polytope ``{(x, y) : A x + C y + d <= 0}`` is missed by the network f exactly if
``max_i (A x + C f(x) + d)_i > 0`` for every x of the box: a clause with a function for each row. One row about y alone
is a margin of the network itself; for methods that know only margins, other maxima are appended to the network. Every
number is rounded so that the unsafe set grows and never shrinks: the box outwards, and a coefficient c to the nearest
float64 c', with ``|c - c'| max |y|`` over the box taken off the constant, which is rounded down. Proving the closure of
the unsafe set out of reach proves the same of open half-spaces.
"""

import dataclasses as dc
from collections.abc import Sequence
from fractions import Fraction

import numpy as np
import scipy.sparse as sp
from jaxtyping import Float64

from certify.bounders.interval import IntervalBounder
from certify.deadline import Deadline
from certify.errors import InvalidInput
from certify.io.vnnlib.cases import Case, Conjunction
from certify.io.vnnlib.formula import Halfspace
from certify.network import Network
from certify.query import Queries
from certify.region import Box, Norm
from certify.rounding import float_down
from certify.solvers.clauses import Clauses
from certify.solvers.composition import Maxima

_TOGETHER = 256
"""So many polytopes at most are margins of one question."""


@dc.dataclass(frozen=True, slots=True, eq=False)
class Question:
    """One question about a box, with a margin for each polytope of ``case``: answered by yes if all are positive.

    ``queries`` is a batch of one about the box rounded outwards, ``case`` what was asked exactly. Margin r is positive
    where the r-th of ``functions`` of ``network``, from which the case came, is.
    """

    queries: Queries
    network: Network
    functions: Maxima
    case: Case

    @property
    def clauses(self) -> Clauses:
        """The same question about the network itself, without maxima: clause r fails where margin r is not positive."""
        functions = self.functions
        margins = np.asarray(functions.on_outputs.toarray()), functions.constants
        clause = np.repeat(np.arange(len(functions.groups)), functions.groups)
        on_inputs = np.asarray(functions.on_inputs.toarray())
        return Clauses(_on_box(self.case.outward(), self.network, *margins), on_inputs, clause)

    def only(self, rows: np.ndarray) -> "Question":
        """The same question about the margins at ``rows``."""
        part = dc.replace(self.queries, rows=self.queries.rows[:, rows], offsets=self.queries.offsets[:, rows])
        return dc.replace(self, queries=part, functions=self.functions.only(rows))


def questions(network: Network, case: Case) -> list[Question]:
    """Questions whose margins are all positive only if no polytope of the case can be reached.

    Raises:
        InvalidInput: a number far beyond the range of float64.
    """
    box = case.outward()
    parts = [case.polytopes[k : k + _TOGETHER] for k in range(0, len(case.polytopes), _TOGETHER)]
    asked: list[Question] = []
    for polytopes in parts:
        rows = _Rows.of(network, box, polytopes)
        if rows.about_outputs_alone:
            margins = (network, np.asarray(rows.functions.on_outputs.toarray()), rows.functions.constants)
        else:
            extended = rows.functions.after(network)
            margins = (extended, np.eye(len(polytopes)), np.zeros(len(polytopes)))
        asked.append(Question(_on_box(box, *margins), network, rows.functions, Case(case.intervals, polytopes)))
    return asked


def _on_box(
    box: Box, network: Network, rows: Float64[np.ndarray, "r m"], offsets: Float64[np.ndarray, " r"]
) -> Queries:
    """One question about a box: a linf ball that holds it, cut by it."""
    centre = np.clip(box.lower / 2 + box.upper / 2, box.lower, box.upper)
    reach = np.maximum(box.upper - centre, centre - box.lower).max()
    radius = np.nextafter(reach, np.inf) if reach > 0 else 0.0
    return Queries(network, centre[None], np.array([radius]), Norm.LINF, rows[None], offsets[None], box)


@dc.dataclass(frozen=True, slots=True, eq=False)
class _Rows:
    """The rows of some polytopes in float64, rounded so that each polytope grows."""

    functions: Maxima

    @property
    def about_outputs_alone(self) -> bool:
        """Whether each polytope is one row without inputs."""
        return max(self.functions.groups) == 1 and self.functions.on_inputs.nnz == 0

    @classmethod
    def of(cls, network: Network, box: Box, polytopes: Sequence[Conjunction]) -> "_Rows":
        rows = [_scaled(row) for polytope in polytopes for row in (polytope or (Halfspace((), Fraction(0)),))]
        n, m = network.input_width, network.output_width
        sizes = _Sizes(network, box)
        constants = np.zeros(len(rows))
        entries: list[tuple[int, int, float]] = []
        for i, row in enumerate(rows):
            constant = row.constant
            for k, exact in row.coefficients:
                rounded = float(exact)
                if Fraction(rounded) != exact:
                    constant -= abs(exact - Fraction(rounded)) * sizes.largest(k)
                entries.append((i, k, rounded))
            constants[i] = float_down(constant)
        if not np.isfinite(constants).all():
            raise InvalidInput("A constant of the query is too large, beside its coefficients, for float64 arithmetic.")
        weights = np.array(entries, dtype=np.float64).reshape(-1, 3)
        at, column = weights[:, 0].astype(np.int64), weights[:, 1].astype(np.int64)
        matrix = sp.csr_array((weights[:, 2], (at, column)), shape=(len(rows), n + m))
        matrix.eliminate_zeros()
        groups = tuple(max(len(polytope), 1) for polytope in polytopes)
        return cls(Maxima(sp.csr_array(matrix[:, n:]), sp.csr_array(matrix[:, :n]), constants, groups))


def _scaled(row: Halfspace) -> Halfspace:
    """The same half-space with its largest coefficient near 1, by a power of two."""
    largest = max((abs(a) for _, a in row.coefficients), default=Fraction(1))
    factor = Fraction(2) ** (largest.denominator.bit_length() - largest.numerator.bit_length())
    return Halfspace(tuple((k, a * factor) for k, a in row.coefficients), row.constant * factor, row.strict)


class _Sizes:
    """The largest absolute values of inputs and outputs over a box; the outputs' are computed when first needed."""

    def __init__(self, network: Network, box: Box) -> None:
        self._network, self._box = network, box
        self._inputs = np.maximum(np.abs(box.lower), np.abs(box.upper))
        self._outputs: Float64[np.ndarray, " m"] | None = None

    def largest(self, variable: int) -> Fraction:
        """A bound on the variable's absolute value."""
        n = self._network.input_width
        if variable < n:
            return Fraction(float(self._inputs[variable]))
        if self._outputs is None:
            self._outputs = self._output_sizes()
        size = float(self._outputs[variable - n])
        if not np.isfinite(size):
            raise InvalidInput(
                "A coefficient of the query is no float64; the outputs are too large to bound its error. "
                "Write coefficients with fewer digits."
            )
        return Fraction(size)

    def _output_sizes(self) -> Float64[np.ndarray, " m"]:
        m = self._network.output_width
        queries = _on_box(self._box, self._network, np.concatenate([np.eye(m), -np.eye(m)]), np.zeros(2 * m))
        lower = IntervalBounder(self._network).bound(queries, Deadline.never()).lower[0]
        return np.maximum(-lower[:m], -lower[m:])
