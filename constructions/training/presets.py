"""The settings of the paper's experiment, of the slides, and of a quick run, as data.

Each is a full description (dimension, clusters, sample, both nets); change a part with ``dataclasses.replace``. Step
size and initialisation are powers of the dimension, so they follow when ``d`` changes.
"""

import dataclasses as dc
from collections.abc import Mapping
from types import MappingProxyType

from certify.errors import InvalidInput
from constructions.training.descent import Descent
from constructions.training.learner import KClassSettings, TwoClassSettings


@dc.dataclass(frozen=True, slots=True)
class Power:
    """``factor * d ** exponent``."""

    factor: float
    exponent: float = 0.0

    def at(self, d: int) -> float:
        """The value in dimension ``d``."""
        return float(self.factor * d**self.exponent)


@dc.dataclass(frozen=True, slots=True, kw_only=True)
class Preset:
    """An experiment: k clusters with noise sigma in dimension d, ``samples`` points, m and h neurons a class."""

    name: str
    d: int
    k: int
    samples: int
    m: int
    h: int
    step: Power
    steps: int
    weight_std: Power
    bias_std: Power
    sigma: float = 1.0
    seed: int = 0
    double: bool = False

    def two_class(self) -> TwoClassSettings:
        """The settings of the net that is trained on two classes."""
        return TwoClassSettings(self.m, self.weight_std.at(self.d), self.bias_std.at(self.d), self.descent())

    def k_class(self) -> KClassSettings:
        """The settings of the net that is trained on all clusters."""
        return KClassSettings(self.h, self.weight_std.at(self.d), self.descent())

    def descent(self) -> Descent:
        """Step size and number of steps."""
        return Descent(self.step.at(self.d), self.steps, self.seed, self.double)

    def kick(self) -> float:
        """First logit step over initial pre-activation: clean averaging needs it well above 1.

        The value of ``training.two-class.kick`` in ``bounds``.
        """
        spread = self.m * self.k * self.weight_std.at(self.d)
        return self.step.at(self.d) * self.d**0.5 / (8**0.5 * spread)


_PAPER = Preset(
    name="paper",
    d=3072,
    k=10,
    samples=1000,
    m=5,
    h=1,
    step=Power(1e-3),
    steps=100,
    weight_std=Power(1e-5),
    bias_std=Power(1e-5),
)
_SLIDES = Preset(
    name="slides",
    d=1000,
    k=10,
    samples=500,
    m=5,
    h=1,
    step=Power(1.0, -0.5),
    steps=10_000,
    weight_std=Power(1.0, -0.5),
    bias_std=Power(1.0, -1.0),
)
_FAST = Preset(
    name="fast",
    d=500,
    k=10,
    samples=500,
    m=3,
    h=1,
    step=Power(3.07, -1.0),
    steps=100,
    weight_std=Power(1e-5),
    bias_std=Power(1e-5),
)

PRESETS: Mapping[str, Preset] = MappingProxyType({preset.name: preset for preset in (_PAPER, _SLIDES, _FAST)})
"""``paper``: its synthetic experiment. ``slides``: their scaling N(0, 1/d), step 1/sqrt(d), at a dimension of our own,
for they state none. ``fast``: under a second, with the paper's clean averaging."""


def find_preset(name: str) -> Preset:
    """The preset of this name. Raises InvalidInput with the names there are."""
    if name not in PRESETS:
        raise InvalidInput(f"There is no preset {name!r}. Use one of: {', '.join(PRESETS)}.")
    return PRESETS[name]
