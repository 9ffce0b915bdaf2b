"""A theorem made into a network: what it says, what is claimed of the network, and how each claim is proved."""

import abc
import dataclasses as dc
from collections.abc import Callable
from fractions import Fraction
from typing import Any, ClassVar, final

import numpy as np
from jaxtyping import Float64, Int64

from bounds.entry import Source, Tag
from certify.errors import InvalidInput
from certify.network import Network

Scalar = int | Fraction


@dc.dataclass(frozen=True, slots=True)
class Theorem:
    """The statement that a construction makes good: its name, what it says, where, and what that rests on."""

    name: str
    statement: str
    source: Source
    tag: Tag


@dc.dataclass(frozen=True, slots=True)
class Proved:
    """The claim holds on this instance. ``method`` says how that was proved, ``found`` what exactly was established."""

    method: str
    found: str


@dc.dataclass(frozen=True, slots=True)
class Refuted:
    """The claim is false on this instance; ``counterexample`` names where."""

    method: str
    counterexample: str


@dc.dataclass(frozen=True, slots=True)
class Undecided:
    """The proof could not be carried out; ``reason`` says why and what to do. Not a verdict on the claim."""

    reason: str


Evidence = Proved | Refuted | Undecided


@dc.dataclass(frozen=True, slots=True, eq=False)
class Claim:
    """One exact statement about a network.

    ``name`` is a short key (``robust-radius``, ``nnz``), ``value`` the number claimed, ``tag`` what the general
    statement rests on, ``entry`` the id in ``bounds.catalogue`` that predicts the value (empty where no entry speaks
    of it). ``proof`` carries the proof out on this instance.
    """

    name: str
    statement: str
    value: Scalar
    tag: Tag
    entry: str
    proof: Callable[[], Evidence] = dc.field(repr=False)

    def check(self) -> Evidence:
        """Proves the claim on this instance, from the network's own weights, and says how."""
        return self.proof()


@dc.dataclass(frozen=True, slots=True, eq=False)
class Labelled:
    """Labelled points: ``points`` (N, d), ``labels`` (N,) of 0 and 1 (two classes) or 0..k-1.

    Raises:
        InvalidInput: shapes that do not fit, no points, d = 0, NaN or infinite coordinates, or negative labels.
    """

    points: Float64[np.ndarray, "N d"]
    labels: Int64[np.ndarray, " N"]

    def __post_init__(self) -> None:
        if self.points.ndim != 2 or self.points.shape[0] != len(self.labels) or 0 in self.points.shape:
            raise InvalidInput(
                f"Points of shape {self.points.shape} and {len(self.labels)} labels are no labelled set; points must "
                f"be (N, d) with N, d >= 1 and one label each."
            )
        bad = np.argwhere(~np.isfinite(self.points))
        if bad.size:
            i, j = (int(k) for k in bad[0])
            raise InvalidInput(f"Point {i} has {self.points[i, j]} at coordinate {j}; points must be finite.")
        if (self.labels < 0).any():
            i = int(np.flatnonzero(self.labels < 0)[0])
            raise InvalidInput(f"Label {self.labels[i]} of point {i} is negative; labels are 0..k-1.")

    @classmethod
    def of(cls, points: Any, labels: Any) -> "Labelled":
        """From arrays or lists; labels -1 and 1 become 0 and 1."""
        marks = np.asarray(labels)
        if not np.issubdtype(marks.dtype, np.integer):
            if marks.size and not (np.isfinite(marks.astype(np.float64)).all() and (marks == np.rint(marks)).all()):
                raise InvalidInput(f"Labels must be whole numbers, got {marks.ravel()[:5].tolist()}.")
            marks = marks.astype(np.int64)
        if marks.size and set(np.unique(marks).tolist()) <= {-1, 1}:
            marks = (marks > 0).astype(np.int64)
        return cls(np.ascontiguousarray(points, dtype=np.float64), np.ascontiguousarray(marks, dtype=np.int64))

    @property
    def classes(self) -> int:
        """How many classes the labels span: the largest label and one, at least two."""
        return max(2, int(self.labels.max()) + 1)

    def of_class(self, label: int) -> Int64[np.ndarray, " k"]:
        """The positions of the points of one class."""
        return np.flatnonzero(self.labels == label)


def parameter(help: str, *, default: Any = dc.MISSING, stored: bool = True) -> Any:  # noqa: A002
    """A field of a family: a Fraction, int, str, bool or Norm that the command line offers and the file stores.

    With ``stored=False`` it is an ingredient (a clean classifier, say) that a saved file does not need again.
    """
    return dc.field(default=default, metadata={"help": help, "stored": stored})


class Family(abc.ABC):
    """A way to build networks: a frozen dataclass whose fields are the parameters of the theorem.

    Laws, which ``tests/constructions/test_families.py`` checks for every family:

    1. ``build`` is a function of the fields and the data: building twice gives equal digests.
    2. Every claim of a built network is proved by its own ``check``.
    3. ``claims`` speaks about the network it is given, not about the one that ``build`` would make: a changed weight
       that matters makes a claim fail.
    """

    name: ClassVar[str]
    theorem: ClassVar[Theorem]
    needs_data: ClassVar[bool] = True

    @abc.abstractmethod
    def build(self, data: Labelled | None) -> Network:
        """The network.

        Raises:
            InvalidInput: parameters or data outside the theorem's hypotheses; the message gives the admissible value.
        """

    @abc.abstractmethod
    def claims(self, network: Network, data: Labelled | None) -> tuple[Claim, ...]:
        """What is claimed of ``network`` as this family's network for ``data``."""

    @final
    def construct(self, data: Labelled | None = None) -> "Construction":
        """The network with its claims."""
        if self.needs_data and data is None:
            raise InvalidInput(f"{self.name} is built from labelled points; give them (--data on the command line).")
        network = self.build(data)
        return Construction(network, self.claims(network, data), self, data)


@dc.dataclass(frozen=True, slots=True, eq=False)
class Construction:
    """A network that a theorem promises, with everything claimed of it."""

    network: Network
    claims: tuple[Claim, ...]
    family: Family
    data: Labelled | None = None

    @property
    def theorem(self) -> Theorem:
        """The statement it makes good."""
        return self.family.theorem
