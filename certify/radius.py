"""From questions to certified radii: squeeze the bracket of each input from both sides, in batches."""

import dataclasses as dc
import math

from certify.errors import InvalidInput
from certify.region import Box, Norm

METHODS = ("auto", "ibp", "crown", "alpha", "auto-lirpa", "lipschitz")


@dc.dataclass(frozen=True, slots=True)
class Settings:
    """What to certify and how hard to try. Radii are in raw input units, times in seconds per input.

    ``max_radius``: larger radii are not looked at (``inf``: no limit). ``tolerance``: relative width at which a search
    for a radius stops and a bracket counts as exact. ``seconds``: time after which an input keeps what it has.

    Raises:
        InvalidInput: an unknown method, a NaN, negative or zero limit.
    """

    norm: Norm = Norm.L2
    method: str = "auto"
    domain: Box | None = None
    max_radius: float = math.inf
    tolerance: float = 1e-3
    seconds: float = math.inf
    seed: int = 0
    device: str = "cpu"

    def __post_init__(self) -> None:
        if self.method not in METHODS:
            raise InvalidInput(f"Unknown method {self.method!r}. Use one of: {', '.join(METHODS)}.")
        if not self.max_radius > 0:
            raise InvalidInput(f"The largest radius must be a number > 0, got {self.max_radius}.")
        if not 0 < self.tolerance < 1:
            raise InvalidInput(f"The tolerance is relative and must lie between 0 and 1, got {self.tolerance}.")
        if not self.seconds > 0:
            raise InvalidInput(f"The time limit per input must be a number of seconds > 0, got {self.seconds}.")
