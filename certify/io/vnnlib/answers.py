"""Answers as text: the competition's words, and assignments in the formats of versions 1.0 and 2.0."""

import enum
from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction

from certify.io.vnnlib.query import Query


class Verdict(enum.StrEnum):
    """The first line of an answer."""

    SAT = "sat"
    UNSAT = "unsat"
    UNKNOWN = "unknown"
    TIMED_OUT = "timed-out"


def assignment(query: Query, inputs: Sequence[Fraction], outputs: Sequence[Fraction]) -> str:
    """The values of all variables, in decimals without exponents, in the format of the query's version.

    Version 1.0: ``((X_0 0.5)`` and so on, a variable a line. Version 2.0: for each tensor, in the order of the
    declarations, a line ``NAME TYPE [SHAPE]`` and its numbers in row-major order, a line each. Inputs are written
    exactly where they have a finite decimal; outputs to 28 digits.
    """
    numbers = [*(_exact(x) for x in inputs), *(_rounded(y) for y in outputs)]
    if query.version.startswith("1."):
        return "(" + "\n".join(f"({query.variable(k)} {number})" for k, number in enumerate(numbers)) + ")"
    starts: dict[str, int] = {}
    first = 0
    for tensor in query.tensors:
        starts[tensor.name] = first
        first += tensor.size
    lines: list[str] = []
    for network in query.networks:
        for tensor in (network.input, network.output):
            start = starts[tensor.name]
            lines.append(f"{tensor.name} {tensor.type} [{','.join(map(str, tensor.shape))}]")
            lines += numbers[start : start + tensor.size]
    return "\n".join(lines)


def decimal_text(number: Fraction) -> str | None:
    """All digits of a number, without an exponent; None where they never end."""
    rest = number.denominator
    twos = (rest & -rest).bit_length() - 1
    rest >>= twos
    fives = 0
    while rest % 5 == 0:
        rest, fives = rest // 5, fives + 1
    if rest != 1:
        return None
    places = max(twos, fives)
    digits = str(abs(number.numerator) * 10**places // number.denominator).rjust(places + 1, "0")
    sign = "-" if number < 0 else ""
    return f"{sign}{digits[: len(digits) - places]}.{digits[len(digits) - places :] or '0'}"


def _exact(number: Fraction) -> str:
    return decimal_text(number) or _rounded(number)


def _rounded(number: Fraction) -> str:
    text = f"{Decimal(number.numerator) / Decimal(number.denominator):f}"
    return text if "." in text else text + ".0"
