"""What a user can get wrong, and the exit code each kind leaves behind.

Every message says what is wrong, shows the value, and says what to do. Not deciding is not an error: see
``certify.outcome``.
"""

from typing import ClassVar


class CertifyError(Exception):
    """A mistake in what was asked; ``exit_code`` is what the command line returns for it."""

    exit_code: ClassVar[int] = 2


class InvalidInput(CertifyError):
    """A value, a file or a combination of options that has no meaning. Exit code 2."""


class UnsupportedModel(CertifyError):
    """A model that the closed op set cannot express, named by op and node. Exit code 3."""

    exit_code: ClassVar[int] = 3


class SelfCheckFailed(CertifyError):
    """Two computations of the same thing disagree, so no answer can be trusted. Exit code 4."""

    exit_code: ClassVar[int] = 4
