"""From questions to certified radii: squeeze the bracket of each input from both sides, in batches."""

import dataclasses as dc
import math
from collections.abc import Callable, Iterator, Sequence

import numpy as np
from jaxtyping import Float64, Int64

from certify.attacks.base import AbstractAttack
from certify.attacks.combined import StrongestAttack
from certify.attacks.polish import Replay, confirm
from certify.bounders.interval import IntervalBounder
from certify.bounders.lipschitz import LipschitzBounder
from certify.deadline import Deadline
from certify.errors import InvalidInput, SelfCheckFailed
from certify.exact import ExactNetwork
from certify.network import Network
from certify.outcome import CertifiedRadius, Status, Trust, Witness
from certify.query import Queries, predictions, robustness
from certify.region import Box, Norm
from certify.solvers.branch_and_bound.effort import Effort
from certify.solvers.branch_and_bound.radius import Decides, certify_radii
from certify.solvers.branch_and_bound.solver import BranchAndBound
from certify.solvers.milp.program import AbstractBackend
from certify.solvers.milp.solver import IntegerSolver
from certify.solvers.prover import AbstractProver, AlphaProver, ClosedFormProver, CrownProver, PlainProver
from certify.solvers.two_layer.model import is_two_layer
from certify.solvers.two_layer.solver import TwoLayerSolver

METHODS = ("auto", "exact", "milp", "scip", "ibp", "crown", "alpha", "lp", "auto-lirpa", "lipschitz")

_AUTO_WORK = 10**9
"""How far ``auto`` lets the exact solver go: nodes an input, times the cube of the hidden layer's width."""

_SMALLEST = 1e-18
"""No domain is taken for smaller, for squares of its size vanish in float32."""

_SECOND = Effort(nodes=1 << 14)
"""How hard what an integer program proved is tried to be proved again, with rounding accounted for."""


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
        if self.method == "milp" and self.norm is Norm.L2:
            raise InvalidInput("The method milp cannot express l2 balls. Use --method exact, or scip if installed.")
        if not self.max_radius > 0:
            raise InvalidInput(f"The largest radius must be a number > 0, got {self.max_radius}.")
        if not 0 < self.tolerance < 1:
            raise InvalidInput(f"The tolerance is relative and must lie between 0 and 1, got {self.tolerance}.")
        if not self.seconds > 0:
            raise InvalidInput(f"The time limit per input must be a number of seconds > 0, got {self.seconds}.")


class Bracket:
    """The brackets of B inputs as they close: what is proved below, what is broken above, by which method.

    ``most`` (B,): larger radii are not looked at.
    """

    def __init__(self, most: Float64[np.ndarray, " b"]) -> None:
        count, self.most = len(most), most
        self.lower = np.zeros(count)
        self.upper = np.full(count, np.inf)
        self.witness: list[Witness | None] = [None] * count
        self.method = ["none"] * count
        self.trust = [Trust.ROUNDED] * count
        self.timed_out = np.zeros(count, dtype=bool)

    def raise_lower(
        self,
        index: Int64[np.ndarray, " k"],
        radius: Float64[np.ndarray, " k"],
        prover: AbstractProver | TwoLayerSolver | Decides,
        trust: Sequence[Trust] | None = None,
    ) -> None:
        """Takes in certified radii; ``trust`` is that of each, where it is not the prover's.

        Raises:
            SelfCheckFailed: one of them lies above a confirmed witness.
        """
        each = trust or [prover.trust] * len(index)
        for i, value, rests_on in zip(index.tolist(), radius.tolist(), each, strict=True):
            if math.inf > self.upper[i] <= value > 0 and rests_on > Trust.FLOAT:
                raise self._contradiction(prover.name, value, i, float(self.upper[i]))
            if value > self.lower[i]:
                self.lower[i] = min(value, self.upper[i])
                self.method[i], self.trust[i] = prover.name, rests_on

    def lower_upper(self, index: Int64[np.ndarray, " k"], witnesses: Sequence[Witness | None]) -> None:
        """Takes in witnesses; what was computed and not proved gives way to them.

        Raises:
            SelfCheckFailed: one of them lies within a radius that was proved.
        """
        for i, witness in zip(index.tolist(), witnesses, strict=True):
            if witness is not None and witness.distance < self.upper[i]:
                if 0 < self.lower[i] >= witness.distance and self.trust[i] > Trust.FLOAT:
                    raise self._contradiction(self.method[i], float(self.lower[i]), i, witness.distance)
                self.upper[i], self.witness[i] = witness.distance, witness
                self.lower[i] = min(self.lower[i], witness.distance)

    @staticmethod
    def _contradiction(method: str, radius: float, i: int, distance: float) -> SelfCheckFailed:
        return SelfCheckFailed(
            f"{method} certifies radius {radius!r} for position {i} of the batch, but a counterexample at "
            f"{distance!r} was confirmed exactly. One of them is wrong: please report the model."
        )

    def open(self, tolerance: float) -> Int64[np.ndarray, " k"]:
        """The inputs whose bracket is neither closed to the relative ``tolerance`` nor certified up to ``most``."""
        closed = self.upper - self.lower <= tolerance * np.where(np.isfinite(self.upper), self.upper, 0.0)
        return np.flatnonzero(~closed & (self.lower < self.most))


class Certifier:
    """Finds certified radii of one network's predictions, in batches, by the method that ``settings`` names.

    ``replay`` is the original model in its own arithmetic; a witness counts only if it agrees. Every ``lower`` of trust
    ``rounded`` is proved in float64 with rounding bounded a priori, every ``upper`` belongs to a witness that was
    evaluated in exact arithmetic.
    """

    def __init__(self, network: Network, settings: Settings, *, replay: Replay | None = None) -> None:
        self._network, self._settings, self._replay = network, settings, replay
        self._crown = CrownProver(network, device=settings.device)
        self._provers = _provers(network, settings, self._crown)
        self._solver = _solver(network, settings)
        self._branching = _branching(network, settings, two_layer=self._solver is not None)
        self._exact = ExactNetwork(network)
        self._interval = IntervalBounder(network)
        self._attacks: tuple[AbstractAttack, ...] = tuple(
            StrongestAttack(device=settings.device, effort=effort) for effort in (1, 2)
        )

    def certify(
        self, points: Float64[np.ndarray, "b n"], labels: Int64[np.ndarray, " b"], clock: Callable[[], float]
    ) -> Iterator[tuple[int, CertifiedRadius]]:
        """(position, answer) of each point; labels as in ``query.robustness``; ``clock`` tells seconds.

        Raises:
            InvalidInput: points or labels that do not fit the network, or a point outside the domain.
            SelfCheckFailed: a proof and a witness contradict each other.
        """
        settings = self._settings
        queries = robustness(
            self._network, points, labels, norm=settings.norm, radius=settings.max_radius, domain=settings.domain
        )
        _check_inside(settings.domain, points)
        if settings.domain is not None:
            whole = np.maximum(settings.domain.reach(points, settings.norm), _SMALLEST)
            queries = queries.within(np.minimum(queries.radii, whole))
        size = batch_size(self._network)
        for start in range(0, len(points), size):
            index = np.arange(start, min(start + size, len(points)))
            began = clock()
            bracket, wrong = self._squeeze(queries.take(index), Deadline.after(settings.seconds * len(index), clock))
            seconds = (clock() - began) / len(index)
            predicted = predictions(self._network, points[index])
            for i, position in enumerate(index.tolist()):
                label = int(labels[position])
                yield position, self._answer(bracket, i, label, int(predicted[i]), bool(wrong[i]), seconds)

    def _squeeze(self, queries: Queries, deadline: Deadline) -> tuple[Bracket, np.ndarray]:
        """The brackets of one batch, and which of its inputs are misclassified (exactly)."""
        bracket = Bracket(queries.radii)
        at_centre = queries.within(np.zeros(len(queries)))
        proved_right = (self._interval.bound(at_centre, Deadline.never()).lower > 0).all(axis=1)
        doubtful = np.flatnonzero(~proved_right)
        asked = at_centre.take(doubtful)
        bracket.lower_upper(doubtful, confirm(asked, asked.centres, None, self._exact))
        wrong = bracket.upper == 0
        if self._settings.method == "exact":
            self._solve(bracket, queries, deadline)
        self._attack(bracket, queries, self._attacks[0], deadline.part(0.3))
        for prover in self._provers:
            self._prove(bracket, queries, prover, deadline)
        if self._settings.method == "auto":
            self._solve(bracket, queries, deadline)
        for attack in self._attacks[1:]:
            self._attack(bracket, queries, attack, deadline)
        self._branch(bracket, queries, deadline)
        return bracket, wrong

    def _attack(self, bracket: Bracket, queries: Queries, attack: AbstractAttack, deadline: Deadline) -> None:
        index = bracket.open(self._settings.tolerance)
        if index.size and not deadline.passed:
            asked = queries.take(index).within(np.minimum(self._settings.max_radius, bracket.upper[index]))
            found = attack.search(asked, seed=self._settings.seed, deadline=deadline, replay=self._replay)
            bracket.lower_upper(index, found)

    def _prove(self, bracket: Bracket, queries: Queries, prover: AbstractProver, deadline: Deadline) -> None:
        index = bracket.open(self._settings.tolerance)
        if not index.size:
            return
        if deadline.passed:
            bracket.timed_out[index] = True
            return
        asked = queries.take(index).within(np.minimum(queries.radii[index], bracket.upper[index]))
        start = np.where(bracket.lower[index] > 0, bracket.lower[index] * 1.1, self._guess(asked))
        found = prover.prove(asked, start=start, tolerance=self._settings.tolerance / 2, deadline=deadline)
        bracket.raise_lower(index, found.radius, prover)
        bracket.timed_out[index] |= ~found.settled

    def _solve(self, bracket: Bracket, queries: Queries, deadline: Deadline) -> None:
        """Both sides at once, where the exact solver reads the network."""
        index = bracket.open(self._settings.tolerance)
        if self._solver is None or not index.size:
            return
        if deadline.passed:
            bracket.timed_out[index] = True
            return
        asked = queries.take(index).within(np.minimum(queries.radii[index], bracket.upper[index]))
        broken = np.isfinite(bracket.upper[index]) & (bracket.upper[index] <= queries.radii[index])
        tolerance = self._settings.tolerance / 2
        found = self._solver.solve(asked, broken, tolerance=tolerance, deadline=deadline)
        bracket.lower_upper(index, confirm(asked, found.candidates, self._replay, self._exact))
        bracket.raise_lower(index, found.radius, self._solver)
        bracket.timed_out[index] |= ~found.settled

    def _branch(self, bracket: Bracket, queries: Queries, deadline: Deadline) -> None:
        """Both sides by complete verdicts, where the method asks for them and there is a scale to begin at."""
        index = bracket.open(self._settings.tolerance)
        if self._branching is None or not index.size:
            return
        index = index[np.isfinite(np.minimum(bracket.upper[index], queries.radii[index])) | (bracket.lower[index] > 0)]
        if deadline.passed or not index.size:
            bracket.timed_out[index] = True
            return
        sides, tolerance = (bracket.lower[index], bracket.upper[index]), self._settings.tolerance / 2
        asked, seed = queries.take(index), self._settings.seed
        found = certify_radii(self._branching, asked, sides, tolerance=tolerance, deadline=deadline, seed=seed)
        points = np.array([np.full(asked.centres.shape[1], np.nan) if w is None else w.point for w in found.witness])
        bracket.lower_upper(index, confirm(asked, points, self._replay, self._exact))
        bracket.raise_lower(index, found.lower, self._branching, found.trust)
        bracket.timed_out[index] |= ~found.settled

    def _guess(self, queries: Queries) -> Float64[np.ndarray, " b"]:
        """First radii to relax at: from the linearised network, where it says something."""
        linear = self._crown.guess(queries)
        n = queries.centres.shape[1]
        unit = 0.02 * n ** (1 / queries.norm.value) * max(1e-6, float(np.abs(queries.centres).max(initial=0.0)))
        sensible = (linear > 1e-6 * unit) & (linear < 1e3 * unit)
        return np.minimum(np.where(sensible, linear, unit), queries.radii)

    def _answer(
        self, bracket: Bracket, i: int, label: int, prediction: int, wrong: bool, seconds: float
    ) -> CertifiedRadius:
        lower, upper = self._lower(bracket, i), float(bracket.upper[i])
        status, reason = self._status(bracket, i, (lower, upper), wrong)
        return CertifiedRadius(
            label=label,
            prediction=prediction,
            lower=lower,
            upper=upper,
            status=status,
            norm=self._settings.norm,
            method="exact-evaluation" if wrong else bracket.method[i],
            trust=bracket.trust[i],
            seconds=seconds,
            witness=bracket.witness[i],
            reason=reason,
        )

    def _lower(self, bracket: Bracket, i: int) -> float:
        """The certified radius; where the whole domain is robust, one that reaches from any of its points to any other.

        So inputs that are robust everywhere are never outdone by others that are not.
        """
        lower, most = float(bracket.lower[i]), float(bracket.most[i])
        settings = self._settings
        if lower < most or settings.domain is None or most >= settings.max_radius:
            return min(lower, most)
        across = settings.domain.reach(settings.domain.lower[None], settings.norm)
        return min(max(most, float(across[0])), settings.max_radius)

    def _status(self, bracket: Bracket, i: int, sides: tuple[float, float], wrong: bool) -> tuple[Status, str]:
        (lower, upper), timed_out = sides, bool(bracket.timed_out[i])
        settings = self._settings
        if wrong:
            return Status.MISCLASSIFIED, "the network does not predict the label at the input itself"
        caveat = "" if bracket.trust[i] > Trust.FLOAT else "the lower side is computed, not proved"
        if upper - lower <= settings.tolerance * upper < math.inf:
            return Status.BRACKETED if caveat else Status.EXACT, caveat
        if lower >= min(bracket.most[i], settings.max_radius):
            most = "up to the largest radius asked for" if lower >= settings.max_radius else "in the whole domain"
            return Status.BRACKETED, "; ".join(filter(None, (f"robust {most}", caveat)))
        if timed_out and math.isinf(settings.seconds):
            return Status.BRACKETED, "the search left radii in between undecided, and more time would not help"
        if timed_out:
            return Status.TIMEOUT, f"the limit of {settings.seconds:g} s per input came first; raise --seconds"
        if math.isinf(upper):
            return Status.BRACKETED, "no counterexample found, and the relaxation proves no more"
        return Status.BRACKETED, "the gap is the relaxation's and the attack's; an exact method would close it"


def batch_size(network: Network) -> int:
    """Inputs that are worked on at once: as many as keep the widest layer's share of memory moderate, at most 64."""
    return int(np.clip(2**22 // max(network.widths), 1, 64))


def _provers(network: Network, settings: Settings, crown: CrownProver) -> tuple[AbstractProver, ...]:
    match settings.method:
        case "ibp":
            return (PlainProver(IntervalBounder(network)),)
        case "crown":
            return (crown,)
        case "alpha":
            return (AlphaProver(network, device=settings.device),)
        case "lp":
            from certify.solvers.triangle import TriangleProver  # with HiGHS, which bears no ortools in its process

            return (AlphaProver(network, device=settings.device), TriangleProver(network, device=settings.device))
        case "exact" if settings.norm is Norm.L2 and is_two_layer(network):
            return ()
        case "lipschitz":
            return (ClosedFormProver(LipschitzBounder(network)),)
        case "auto-lirpa":
            from certify.bounders.auto_lirpa import AutoLirpaBounder  # an optional dependency

            return (
                PlainProver(AutoLirpaBounder(network, network.input_shape, method="CROWN", device=settings.device)),
            )
        case _:
            return (crown, AlphaProver(network, device=settings.device))


def _solver(network: Network, settings: Settings) -> TwoLayerSolver | None:
    """The exact solver of one hidden layer in l2, where the method wants it and the network is one."""
    if settings.norm is not Norm.L2 or not is_two_layer(network):
        return None
    if settings.method == "exact":
        return TwoLayerSolver(network, device=settings.device)
    if settings.method == "auto":
        width = network.widths[1]
        return TwoLayerSolver(network, device=settings.device, most_nodes=max(1, _AUTO_WORK // width**3))
    return None


def _branching(network: Network, settings: Settings, *, two_layer: bool) -> Decides | None:
    """The solver that decides at one radius, where the method wants one."""
    match settings.method:
        case "exact" if not two_layer or settings.domain is not None:  # the other solver does not know the domain
            return BranchAndBound(network, device=settings.device)
        case "milp" | "scip" as method:
            second = BranchAndBound(network, device=settings.device, limits=_SECOND)
            return IntegerSolver(network, _backend(method), second=second)
        case _:
            return None


def _backend(method: str) -> AbstractBackend:
    """HiGHS or SCIP; each library takes a while to load."""
    if method == "milp":
        from certify.solvers.milp.highs import Highs

        return Highs()
    from certify.solvers.scip import Scip  # an optional dependency

    return Scip()


def _check_inside(domain: Box | None, points: Float64[np.ndarray, "b n"]) -> None:
    if domain is None:
        return
    excess = domain.outside(points)
    if (excess > 0).any():
        i = int(excess.argmax())
        raise InvalidInput(
            f"Input {i} lies outside the domain by {excess[i]:.6g}. Give the domain in the units of the data, or none."
        )
