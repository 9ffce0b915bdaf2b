"""What every sieve promises: a matrix product that is positive wherever a pair can be near."""

import abc
from fractions import Fraction

from jaxtyping import Float
from numpy import ndarray

from constructions.separation.metric import Points


class AbstractSieve(abc.ABC):
    """Two matrices for any two blocks of points, in whose product most pairs that are too far apart show.

    The law, which ``tests/separation/test_sieves.py`` checks: after ``within(exact)`` the entry of
    ``left(x) right(y)^T`` is positive, as computed in their own precision and in any order of summation, for every two
    rows whose exact key is at most ``exact``.
    """

    @abc.abstractmethod
    def within(self, exact: Fraction) -> "AbstractSieve":
        """The sieve for pairs whose exact key is at most ``exact``."""

    @abc.abstractmethod
    def left(self, points: Points) -> Float[ndarray, "b c"]:
        """The rows of the left factor."""

    @abc.abstractmethod
    def right(self, points: Points) -> Float[ndarray, "b c"]:
        """The rows of the right factor."""
