"""What a run's rows add up to."""

import dataclasses as dc
import math
import statistics
from collections import Counter
from collections.abc import Sequence

from certify.outcome import Status, Trust
from certify.record import Record
from certify.report.curve import Curve
from certify.rounding import print_ceil, print_floor


@dc.dataclass(frozen=True, slots=True, eq=False)
class Totals:
    """Counts and averages over ``rows``; radii in raw input units.

    A wrong or failed input counts with radius 0, so ``mean_lower`` is the average certified radius (cohen2019's ACR).
    ``mean_upper`` is ``inf`` as soon as one input has no known counterexample; ``unbroken`` is how many those are.
    ``trust`` says what the non-zero certified radii rest on.
    """

    curve: Curve
    statuses: dict[Status, int]
    trust: dict[Trust, int]
    mean_lower: float
    median_lower: float
    mean_upper: float
    median_upper: float
    unbroken: int
    seconds: float

    @classmethod
    def of(cls, rows: Sequence[Record]) -> "Totals":
        """The totals of at least one row."""
        answers = [row.answer for row in rows]
        lowers = [row.answer.lower if row.correct else 0.0 for row in rows]
        uppers = [answer.upper for answer in answers]
        statuses = Counter(answer.status for answer in answers)
        return cls(
            curve=Curve.of(rows),
            statuses={status: statuses[status] for status in Status},
            trust=dict(sorted(Counter(answer.trust for answer in answers if answer.lower > 0).items())),
            mean_lower=math.fsum(lower / len(rows) for lower in lowers),
            median_lower=statistics.median_low(lowers),
            mean_upper=math.fsum(upper / len(rows) for upper in uppers),
            median_upper=statistics.median_high(uppers),
            unbroken=sum(math.isinf(upper) for upper in uppers),
            seconds=math.fsum(answer.seconds for answer in answers),
        )

    @property
    def clean(self) -> float:
        """The fraction of inputs known to be classified correctly as they are."""
        return self.curve.certified(0.0)

    def accuracies(self) -> list[tuple[str, str, str]]:
        """(radius, certified accuracy floored, attacked accuracy rounded up) as text, at a few round radii."""
        curve = self.curve
        return [
            (f"{r:g}", _percent(curve.certified(r), curve.count), _percent(curve.attacked(r), curve.count, up=True))
            for r in curve.ticks()
        ]

    def averages(self) -> list[tuple[str, str, str]]:
        """(name, lower, upper) as text, rounded so that both sides hold."""
        mean = (print_floor(self.mean_lower), print_ceil(self.mean_upper))
        return [("mean", *mean), ("median", print_floor(self.median_lower), print_ceil(self.median_upper))]

    def support(self) -> str:
        """What the non-zero certified radii rest on, in one line."""
        return ", ".join(f"{count} {trust}" for trust, count in self.trust.items()) or "none is above 0"


def _percent(fraction: float, count: int, *, up: bool = False) -> str:
    """A fraction of ``count`` inputs as a percentage with one decimal, rounded down or up in integers."""
    hits = round(fraction * count)
    tenths = -(-1000 * hits // count) if up else 1000 * hits // count
    return f"{tenths // 10}.{tenths % 10}%"
