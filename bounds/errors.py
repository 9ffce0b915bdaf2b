"""What can go wrong when a bound is asked for; every message names the letter or the hypothesis, shows the value, and
says what to do.

The package rests on sympy and the standard library, so these are not children of ``certify.errors.CertifyError``; they
carry the same ``exit_code``.
"""

from typing import ClassVar


class BoundsError(Exception):
    """A mistake in what was asked; ``exit_code`` is what the command line returns for it."""

    exit_code: ClassVar[int] = 2


class InvalidInput(BoundsError):
    """A value, a file or a combination of options that has no meaning."""


class UnknownEntry(BoundsError):
    """A name that no entry of the catalogue has, or that several have."""


class UnknownLetter(BoundsError):
    """A letter that is not declared, or that the entry does not contain."""


class MissingLetter(BoundsError):
    """A letter of the entry that has no value."""


class OutOfDomain(BoundsError):
    """A value outside the set its letter stands for, such as half a sample."""


class HypothesisViolated(BoundsError):
    """The values break a hypothesis of the statement, which is named; the statement says nothing there."""


class Undecided(BoundsError):
    """A comparison whose sides agree to thousands of bits; exact equality of irrational numbers is not decided here."""


class NoOrder(BoundsError):
    """An expression whose order of growth sympy cannot give."""


class ModelNotRead(BoundsError):
    """``python -m certify inspect`` did not describe the model; its own message is repeated. Exit code 3."""

    exit_code: ClassVar[int] = 3


class DataNotRead(BoundsError):
    """``python -m constructions separation`` did not measure the data set; its own message is repeated."""
