"""The job: every input of a data set goes through the engine once, and each answer is stored as soon as it is there.

One bad input must not cost the others theirs: when the engine fails on a group, the inputs without an answer are split
in two and tried again, down to single inputs, and only the one that fails alone is recorded as an error.
"""

import dataclasses as dc
from collections.abc import Callable, Iterator, Sequence
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float64, Int64

from certify.errors import InvalidInput, SelfCheckFailed, UnsupportedModel
from certify.network import Network
from certify.outcome import CertifiedRadius, Trust
from certify.query import label_indices
from certify.radius import Settings, batch_size
from certify.record import Record, failed
from certify.region import Box
from certify.store import Identity, Store


@runtime_checkable
class Engine(Protocol):
    """What finds radii: ``certify.radius.Certifier``."""

    def certify(
        self,
        points: Float64[np.ndarray, "b n"],
        labels: Int64[np.ndarray, " b"],
        clock: Callable[[], float],
    ) -> Iterator[tuple[int, CertifiedRadius]]:
        """(position, answer) of each point, in the order in which they are finished."""
        ...


@dc.dataclass(frozen=True, slots=True, eq=False)
class Job:
    """The inputs to certify: flat ``points`` (b, n) in raw input units, their labels, their numbers in the data set.

    Raises:
        InvalidInput: no inputs, an input that is not finite, not of the network's width or outside the domain, a label
            that the network cannot predict, or an index twice.
    """

    network: Network
    points: Float64[np.ndarray, "b n"]
    labels: Int64[np.ndarray, " l"]
    indices: Int64[np.ndarray, " i"]
    settings: Settings

    def __post_init__(self) -> None:
        count, width = self.points.shape
        if width != self.network.input_width:
            raise InvalidInput(
                f"Each input has {width} numbers, the network reads {self.network.input_width} "
                f"(input shape {self.network.input_shape}). Is this the data set it was trained on?"
            )
        if count == 0 or self.labels.shape != (count,) or self.indices.shape != (count,):
            raise InvalidInput(f"{count} input(s), {len(self.labels)} label(s): at least one, and as many of each.")
        if len(np.unique(self.indices)) != count:
            raise InvalidInput("An index occurs twice among the chosen inputs. Choose each input once.")
        bad = np.argwhere(~np.isfinite(self.points))
        if len(bad):
            i, j = (int(k) for k in bad[0])
            raise InvalidInput(f"Input {self.indices[i]} has {self.points[i, j]} at coordinate {j}; it must be finite.")
        label_indices(self.network, self.labels)
        self._check_domain()

    def _check_domain(self) -> None:
        domain = self.settings.domain
        if domain is None:
            return
        if domain.lower.shape != self.points.shape[1:]:
            raise InvalidInput(f"The domain has {domain.lower.size} coordinates, inputs {self.points.shape[1]}.")
        excess = domain.outside(self.points)
        worst = int(excess.argmax())
        if excess[worst] > 0:
            raise InvalidInput(
                f"Input {self.indices[worst]} lies outside the domain by {excess[worst]:.6g} "
                f"({int(np.count_nonzero(excess))} of {len(excess)} inputs do; values from {self.points.min():.6g} to "
                f"{self.points.max():.6g}). Give the domain in the units of the data, or none."
            )


def identity(digests: dict[str, str], settings: Settings) -> Identity:
    """What the rows of a run are about: ``digests`` of its files by name, and each setting but the device."""
    values = {
        "norm": settings.norm.short,
        "method": settings.method,
        "domain": describe_domain(settings.domain),
        "max-radius": repr(settings.max_radius),
        "tolerance": repr(settings.tolerance),
        "seconds": repr(settings.seconds),
        "seed": str(settings.seed),
    }
    return Identity(digests | values)


def describe_domain(domain: Box | None) -> str:
    """A domain in a few characters: ``none``, ``0.0,1.0`` when it is the same for each coordinate, else its ends."""
    if domain is None:
        return "none"
    ends = [np.unique(domain.lower), np.unique(domain.upper)]
    if all(len(end) == 1 for end in ends):
        return ",".join(repr(float(end[0])) for end in ends)
    return ",".join(repr(end.tolist()) for end in (domain.lower, domain.upper))


def execute(
    job: Job, engine: Engine, store: Store, *, clock: Callable[[], float], on_row: Callable[[Record], None]
) -> None:
    """Certifies the inputs of ``job`` that ``store`` has no row for; calls ``on_row`` after each new row.

    Raises:
        SelfCheckFailed: the engine caught itself in a contradiction; nothing more is computed.
        UnsupportedModel: the engine cannot work on this network at all.
        InvalidInput: the store cannot be written, or holds rows of inputs that the job does not have.
    """
    strange = {row.index for row in store.rows}.difference(job.indices.tolist())
    if strange:
        raise InvalidInput(f"{store.path} has a row of input {min(strange)}, which this run does not have.")
    groups = [_unfinished(job, store)]
    while groups:
        group = groups.pop()
        reason = "The engine gave no answer."
        answered: set[int] = set()
        for item in _answers(job, engine, group, clock):
            match item:
                case Record():
                    _keep(item, answered, store, on_row)
                case _Failure():
                    reason = item.reason
        rest = [i for i in group if int(job.indices[i]) not in store]
        if len(rest) == 1 and len(group) == 1:
            _keep(_failed(job, rest[0], reason), set(), store, on_row)
        elif rest:
            middle = (len(rest) + 1) // 2
            groups += [part for part in (rest[middle:], rest[:middle]) if part]


def _unfinished(job: Job, store: Store) -> list[int]:
    """The positions to compute: whole batches of the engine in which a row is missing.

    An answer may depend, within its bracket, on the batch that it was computed in; so a batch that was cut off is
    computed again as it was, and a resumed run ends with the rows of one that was never stopped.
    """
    size, count = batch_size(job.network), len(job.indices)
    batches = [range(start, min(start + size, count)) for start in range(0, count, size)]
    missing = [batch for batch in batches if any(int(job.indices[i]) not in store for i in batch)]
    return [i for batch in missing for i in batch]


@dc.dataclass(frozen=True, slots=True)
class _Failure:
    reason: str


def _answers(job: Job, engine: Engine, group: Sequence[int], clock: Callable[[], float]) -> Iterator[Record | _Failure]:
    """The records of a group, and last why there are no more, if the engine failed."""
    if not group:
        return
    chosen = np.array(group)
    try:
        for position, answer in engine.certify(job.points[chosen], job.labels[chosen], clock):
            yield Record(int(job.indices[chosen[position]]), answer)
    except (SelfCheckFailed, UnsupportedModel):
        raise
    except Exception as problem:  # whatever it is, it must not cost the other inputs their answers
        yield _Failure(f"{type(problem).__name__}: {problem}")


def _keep(record: Record, answered: set[int], store: Store, on_row: Callable[[Record], None]) -> None:
    if record.index in answered:
        raise SelfCheckFailed(f"The engine answered twice about input {record.index}; no answer can be trusted.")
    answered.add(record.index)
    if record.index in store:
        _agree(store[record.index].answer, record.answer, record.index)
        return
    store.append(record)
    on_row(record)


def _agree(first: CertifiedRadius, second: CertifiedRadius, index: int) -> None:
    for low, high in ((first, second), (second, first)):
        if low.lower > high.upper and low.trust > Trust.FLOAT:
            raise SelfCheckFailed(
                f"Input {index} was computed twice, and the answers contradict each other: certified to {low.lower!r}, "
                f"broken at {high.upper!r}. One of them is wrong: please report this model and input."
            )


def _failed(job: Job, position: int, reason: str) -> Record:
    return failed(
        int(job.indices[position]),
        int(job.labels[position]),
        norm=job.settings.norm,
        method=job.settings.method,
        reason=reason,
    )
