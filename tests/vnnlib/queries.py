"""Random VNN-LIB queries with their meaning by brute force: text, truth at a point, and whether a network meets them.

Nothing here shares code with ``certify.io.vnnlib``: a formula is a nested tuple that is printed and, independently,
evaluated over ``Fraction``.
"""

import dataclasses as dc
import itertools
from collections.abc import Sequence
from fractions import Fraction

import hypothesis.strategies as st

from certify.network import Network
from tests.oracles import combine, pieces
from tests.rational_lp import ONE, ZERO, Halfspaces, minimise

Term = tuple
"""``("var", k)``, ``("num", text)``, or ``(op, term, ...)``."""

Formula = tuple
"""``(comparison, term, term)``, or ``("and" | "or", formula, ...)``."""

Linear = tuple[list[Fraction], Fraction]


@dc.dataclass(frozen=True)
class Sample:
    """A formula over ``inputs`` X and ``outputs`` Y."""

    inputs: int
    outputs: int
    formula: Formula

    def version1(self) -> str:
        """The query as VNN-LIB 1.0; a conjunction at the top becomes several assertions."""
        names = [f"X_{k}" for k in range(self.inputs)] + [f"Y_{k}" for k in range(self.outputs)]
        return "\n".join([*(f"(declare-const {name} Real)" for name in names), *self._assertions(names)])

    def version2(self, shape: tuple[int, ...] | None = None) -> str:
        """The query as VNN-LIB 2.0, inputs of one axis or of the given shape."""
        shape = shape or (self.inputs,)
        places = itertools.product(*(range(n) for n in shape))
        names = [f"In[{','.join(map(str, place))}]" for place in places]
        names += [f"Out[{k}]" for k in range(self.outputs)]
        head = f"(declare-input In Real [{','.join(map(str, shape))}])\n(declare-output Out Real [{self.outputs}])"
        return "\n".join([f"(vnnlib-version <2.0>)\n(declare-network f\n{head})", *self._assertions(names)])

    def _assertions(self, names: Sequence[str]) -> list[str]:
        parts = self.formula[1:] if self.formula[0] == "and" else (self.formula,)
        return [f"(assert {printed(part, names)})" for part in parts]

    def holds(self, values: Sequence[Fraction]) -> bool:
        """Whether the formula is true."""
        return truth(self.formula, values)

    def can_hold(self, network: Network) -> tuple[bool, bool]:
        """Whether some input and the network's answer fulfil the formula, and whether they fulfil its closure."""
        found = [self._meets(network, literals) for literals in conjunctions(self.formula)]
        return any(literally for literally, _ in found), any(closed for _, closed in found)

    def depth(self, network: Network) -> Fraction:
        """The largest t in [-1, 1] such that some input fulfils a conjunction with t to spare in each comparison.

        Bounds on single inputs hold as they are. Meant for formulas without strict comparisons.
        """
        n, found = self.inputs, [-ONE]
        for literals in conjunctions(self.formula):
            region = Halfspaces(n + 1).with_row([*[ZERO] * n, ONE], ONE).with_row([*[ZERO] * n, -ONE], ONE)
            rows = [row for literal in literals for row in halfspaces(literal, n + self.outputs)]
            bounds = [row for row in rows if sum(map(bool, row[0])) == 1 and any(row[0][:n])]
            for a, d, _ in bounds:
                region = region.with_row([*a[:n], ZERO], -d)
            for piece in pieces(network, region):
                part = piece.region
                for a, d, _ in (row for row in rows if row not in bounds):
                    coefficients, constant = combine(a[n:], piece.values[-1], d)
                    full = [c + (a[j] if j < n else ZERO) for j, c in enumerate(coefficients)]
                    part = part.with_row([*full[:n], ONE], -constant)
                best = minimise([*[ZERO] * n, -ONE], part)
                found += [-best[0]] if best else []
        return max(found)

    def _meets(self, network: Network, literals: Sequence[Formula]) -> tuple[bool, bool]:
        n = self.inputs
        rows = [row for literal in literals for row in halfspaces(literal, n + self.outputs)]
        region = Halfspaces(n + 1).with_row([*[ZERO] * n, ONE], ONE).with_row([*[ZERO] * n, -ONE], ZERO)
        about_x = [(a, d, strict) for a, d, strict in rows if not any(a[n:])]
        for a, d, strict in about_x:  # a @ x + d + slack <= 0, the slack in the last coordinate
            region = region.with_row([*a[:n], ONE if strict else ZERO], -d)
        literally = closed = False
        for piece in pieces(network, region):
            part = piece.region
            for a, d, strict in rows:
                if any(a[n:]):
                    coefficients, constant = combine(a[n:], piece.values[-1], d)
                    full = [c + (a[j] if j < n else ZERO) for j, c in enumerate(coefficients)]
                    full[n] += ONE if strict else ZERO
                    part = part.with_row(full, -constant)
            best = minimise([*[ZERO] * n, -ONE], part)
            closed |= best is not None
            literally |= best is not None and best[0] < 0
        return literally, closed


def printed(tree: tuple, names: Sequence[str]) -> str:
    """The tree as an S-expression."""
    match tree:
        case ("var", k):
            return names[k]
        case ("num", text):
            return text
        case (operator, *parts):
            return f"({operator} {' '.join(printed(part, names) for part in parts)})"
    raise AssertionError(tree)


def value(term: Term, values: Sequence[Fraction]) -> Fraction:
    """The term's value."""
    match term:
        case ("var", k):
            return values[k]
        case ("num", text):
            return Fraction(text)
        case ("+", *parts):
            return sum((value(part, values) for part in parts), ZERO)
        case ("-", only):
            return -value(only, values)
        case ("-", first, *parts):
            return value(first, values) - sum((value(part, values) for part in parts), ZERO)
        case ("*", first, second):
            return value(first, values) * value(second, values)
    raise AssertionError(term)


def truth(formula: Formula, values: Sequence[Fraction]) -> bool:
    """Whether the formula is true."""
    operator, *parts = formula
    if operator in ("and", "or"):
        found = [truth(part, values) for part in parts]
        return all(found) if operator == "and" else any(found)
    left, right = (value(part, values) for part in parts)
    return {
        "<=": left <= right,
        ">=": left >= right,
        "<": left < right,
        ">": left > right,
        "==": left == right,
        "!=": left != right,
    }[operator]


def conjunctions(formula: Formula) -> list[list[Formula]]:
    """Lists of comparisons without ``!=``; the formula is true where all of some list are."""
    operator, *parts = formula
    if operator == "and":
        choices = itertools.product(*(conjunctions(part) for part in parts))
        return [list(itertools.chain(*chosen)) for chosen in choices]
    if operator == "or":
        return [found for part in parts for found in conjunctions(part)]
    if operator == "!=":
        return [[("<", *parts)], [(">", *parts)]]
    return [[formula]]


def halfspaces(literal: Formula, width: int) -> list[tuple[list[Fraction], Fraction, bool]]:
    """The comparison as ``a @ values + d <= 0`` (or ``< 0``): its values at 0 and at the unit vectors tell a and d."""
    operator, left, right = literal
    difference = ("-", left, right)
    zero = [ZERO] * width
    d = value(difference, zero)
    a = [value(difference, [ONE if i == j else ZERO for j in range(width)]) - d for i in range(width)]
    below, above = (a, d, operator == "<"), ([-x for x in a], -d, operator == ">")
    return {"<": [below], "<=": [below], ">": [above], ">=": [above], "==": [below, above]}[operator]


def decimals() -> st.SearchStrategy[str]:
    """Numbers near 0 as texts: plain, negative, with exponents, with digits that no float64 has."""
    digits = st.integers(-40, 40)
    return st.one_of(
        digits.map(lambda k: f"{k / 8}"),
        digits.map(lambda k: f"{k / 10:.1f}"),
        digits.map(lambda k: f"{k}e-1"),
        st.integers(-3, 3).map(str),
        digits.map(lambda k: f"{k / 16:.6f}000000000000000000001"),
    )


def terms(variables: Sequence[int]) -> st.SearchStrategy[Term]:
    """Linear terms."""
    number = decimals().map(lambda text: ("num", text))
    leaf = st.one_of(st.sampled_from(variables).map(lambda k: ("var", k)), number)
    return st.recursive(
        leaf,
        lambda inner: st.one_of(
            st.tuples(st.just("+"), inner, inner),
            st.tuples(st.just("+"), inner, inner, inner),
            st.tuples(st.just("-"), inner),
            st.tuples(st.just("-"), inner, inner),
            st.tuples(st.just("*"), number, inner),
            st.tuples(st.just("*"), inner, number),
        ),
        max_leaves=4,
    )


def comparisons(variables: Sequence[int], strict: bool = True) -> st.SearchStrategy[Formula]:
    """Comparisons of linear terms; without ``strict`` only closed ones."""
    operators = ("<=", ">=", "<", ">", "==", "!=") if strict else ("<=", ">=")
    return st.tuples(st.sampled_from(operators), terms(variables), terms(variables))


def formulas(variables: Sequence[int], strict: bool = True) -> st.SearchStrategy[Formula]:
    """Formulas of up to about five comparisons."""

    def combined(inner: st.SearchStrategy[Formula]) -> st.SearchStrategy[Formula]:
        parts = st.lists(inner, min_size=1, max_size=3)
        return st.tuples(st.sampled_from(("and", "or")), parts).map(lambda pair: (pair[0], *pair[1]))

    return st.recursive(comparisons(variables, strict), combined, max_leaves=5)


@st.composite
def boxes(draw: st.DrawFn, inputs: int) -> list[Formula]:
    """Bounds of every input, each written one way or another; some open, some of width 0."""
    made: list[Formula] = []
    for k in range(inputs):
        low = draw(st.integers(-12, 10))
        high = low + draw(st.sampled_from([0, 1, 4, 9]))
        tenths = draw(st.booleans())
        ends: list[Term] = [("num", f"{x}e-1" if tenths else str(x / 8)) for x in (low, high)]
        variable: Term = ("var", k)
        made.append(draw(st.sampled_from([("<=", ends[0], variable), (">=", variable, ends[0])])))
        doubled = ("<=", ("*", ("num", "2"), variable), ("*", ends[1], ("num", "2")))
        upper = [("<=", variable, ends[1]), doubled, *([("<", variable, ends[1])] if low < high else [])]
        made.append(draw(st.sampled_from(upper)))
    return made


@st.composite
def samples(draw: st.DrawFn, inputs: int, outputs: int, strict: bool = True) -> Sample:
    """A bounded query: bounds, or a disjunction of two sets of bounds, and a formula about outputs (and inputs)."""
    everything, last = list(range(inputs + outputs)), list(range(inputs, inputs + outputs))
    about = draw(st.one_of(st.just(last), st.just(everything)))
    first = draw(boxes(inputs))
    if draw(st.booleans()):
        return Sample(inputs, outputs, ("and", *first, draw(formulas(about, strict))))
    second = draw(boxes(inputs))
    unsafe = [draw(formulas(about, strict)) for _ in range(2)]
    return Sample(inputs, outputs, ("or", ("and", *first, unsafe[0]), ("and", *second, unsafe[1])))
