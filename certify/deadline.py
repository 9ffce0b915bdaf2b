"""Time as an argument: the only object below the command line that reads a clock, and it is handed in."""

import dataclasses as dc
import math
from collections.abc import Callable

from certify.errors import InvalidInput


@dc.dataclass(frozen=True, slots=True)
class Deadline:
    """A moment on ``clock`` (seconds) after which work should stop and report what it has proved so far."""

    clock: Callable[[], float]
    end: float

    @classmethod
    def never(cls) -> "Deadline":
        """A deadline that does not come."""
        return cls(lambda: 0.0, math.inf)

    @classmethod
    def after(cls, seconds: float, clock: Callable[[], float]) -> "Deadline":
        """The moment ``seconds`` from now; ``inf`` never comes.

        Raises:
            InvalidInput: ``seconds`` is negative or NaN.
        """
        if not seconds >= 0:
            raise InvalidInput(f"A time limit must be a number of seconds >= 0, got {seconds}.")
        return cls(clock, clock() + seconds)

    @property
    def remaining(self) -> float:
        """Seconds left, negative once it has passed."""
        return self.end - self.clock()

    @property
    def passed(self) -> bool:
        """Whether the moment has come."""
        return self.remaining <= 0

    def part(self, share: float) -> "Deadline":
        """The moment when ``share`` of the time that is left now will be over."""
        left = self.remaining
        return self if math.isinf(left) else Deadline(self.clock, self.end - (1 - share) * max(left, 0.0))
