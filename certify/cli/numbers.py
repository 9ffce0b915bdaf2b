"""Numbers as people type them: ``0.1``, ``1e-3``, ``8/255``, ``inf``, and lists of them."""

import argparse
import math
from fractions import Fraction


def number(text: str) -> float:
    """The float64 nearest to a decimal or a fraction such as ``8/255`` (``inf`` and ``-inf`` are numbers too).

    Raises:
        argparse.ArgumentTypeError: anything else, NaN included.
    """
    top, slash, bottom = text.strip().partition("/")
    try:
        value = float(Fraction(_plain(top)) / Fraction(_plain(bottom))) if slash else float(text)
    except (ValueError, ZeroDivisionError, OverflowError):
        value = math.nan
    if math.isnan(value) or (math.isinf(value) and "inf" not in text.lower()):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number. Write 0.1, 1e-3 or 8/255.")
    return value


def _plain(text: str) -> str:
    """A decimal without an exponent, which could stand for a number of any length."""
    if "e" in text.lower() or "/" in text:
        raise ValueError(text)
    return text


def numbers(text: str) -> tuple[float, ...]:
    """The numbers in a comma-separated list; also one alone.

    Raises:
        argparse.ArgumentTypeError: a part that is no number.
    """
    return tuple(number(part) for part in text.split(","))


def whole(text: str) -> int:
    """A whole number >= 0.

    Raises:
        argparse.ArgumentTypeError: anything else.
    """
    if not text.strip().isascii() or not text.strip().isdigit():
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number >= 0.")
    return int(text)


def shape(text: str) -> tuple[int, ...]:
    """The shape of one input, such as ``1,28,28`` or ``784``.

    Raises:
        argparse.ArgumentTypeError: a part that is not a whole number above 0.
    """
    sizes = tuple(whole(part) for part in text.split(","))
    if not all(sizes):
        raise argparse.ArgumentTypeError(f"{text!r} is not a shape: each size must be at least 1.")
    return sizes


def interval(text: str) -> tuple[float, float] | None:
    """The two ends of ``LOW,HIGH``, or None for ``none``.

    Raises:
        argparse.ArgumentTypeError: not two numbers in order.
    """
    if text.strip().lower() == "none":
        return None
    ends = numbers(text)
    if len(ends) != 2 or not ends[0] < ends[1]:
        raise argparse.ArgumentTypeError(f"{text!r} is not a domain. Write two numbers in order, as 0,1, or none.")
    return ends[0], ends[1]
