"""One VNN-LIB query answered from files: read the query and its networks, decide, and put the answer into words."""

import dataclasses as dc
import math
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from jaxtyping import Float64

from certify.deadline import Deadline
from certify.errors import InvalidInput
from certify.io.models import LoadedModel, load
from certify.io.vnnlib.answers import Verdict, assignment
from certify.io.vnnlib.query import Declaration, Query
from certify.io.vnnlib.reader import read
from certify.network import Network
from certify.solvers.composition import side_by_side
from certify.solvers.decision import Decision, Satisfied, Undecided, Unsatisfiable, decide
from certify.solvers.solutions import Replay


@dc.dataclass(frozen=True, slots=True)
class Answer:
    """``verdict``, the ``assignment`` that a ``sat`` comes with, and ``remarks`` for people."""

    verdict: Verdict
    assignment: str = ""
    remarks: tuple[str, ...] = ()


def answer(
    path: Path, networks: Mapping[str, Path], deadline: Deadline, *, seed: int = 0, device: str = "cpu"
) -> Answer:
    """The answer to the query in ``path`` about the networks in files, by name; ``""`` is a name for the only one.

    Raises:
        InvalidInput: a file that cannot be read, a missing or superfluous network, shapes that do not fit.
        UnsupportedModel: an op, or a part of the query language, that is not supported.
    """
    query = read(path)
    models = loaded(query, networks)
    network = side_by_side([model.network for model in models])
    decision = decide(query, network, deadline, replay=_replay(models), seed=seed, device=device)
    notes = tuple(dict.fromkeys(note for model in models for note in model.notes))
    found = in_words(query, decision)
    return dc.replace(found, remarks=(*notes, *found.remarks))


def in_words(query: Query, decision: Decision) -> Answer:
    """The decision as an answer."""
    match decision:
        case Satisfied(solution):
            text = assignment(query, solution.inputs, solution.outputs)
            missed = float(solution.replayed or 0)
            remark = f"the replay in the model's own precision misses the assertions by {missed:.1e}; exactly they hold"
            return Answer(Verdict.SAT, text, (remark,) if missed else ())
        case Unsatisfiable():
            return Answer(Verdict.UNSAT)
        case Undecided(reason, late):
            return Answer(Verdict.TIMED_OUT if late else Verdict.UNKNOWN, remarks=(reason,))


def loaded(query: Query, networks: Mapping[str, Path]) -> list[LoadedModel]:
    """The models of the query's networks, in its order, after checking that they fit its declarations.

    Raises:
        InvalidInput: a network is missing or superfluous, or its shapes or an equivalence are not as declared.
    """
    named = _by_name(query, networks)
    models: dict[str, LoadedModel] = {}
    for declared in query.networks:
        if declared.name in named:
            model = load(named[declared.name])
        elif declared.equal_to is not None:
            model = models[declared.equal_to]
        else:
            raise InvalidInput(f"The query needs the network {declared.name}: --network {declared.name}=PATH.")
        _check_fit(declared, model)
        _check_equivalence(declared, model, models)
        models[declared.name] = model
    return list(models.values())


def _by_name(query: Query, networks: Mapping[str, Path]) -> dict[str, Path]:
    names = [declared.name for declared in query.networks]
    given = dict(networks)
    alone = query.version.startswith("1.") or "" in given
    if alone and len(names) == 1 and len(given) == 1:
        return {names[0]: next(iter(given.values()))}
    superfluous = [name for name in given if name not in names]
    if superfluous:
        what = f"knows no network {superfluous[0]!r}" if superfluous[0] else "needs its networks by name"
        raise InvalidInput(f"{query.name} {what}; it is about {', '.join(names)}.")
    return given


def _check_fit(declared: Declaration, model: LoadedModel) -> None:
    network = model.network
    for kind, tensor, size in (
        ("input", declared.input, network.input_width),
        ("output", declared.output, network.output_width),
    ):
        if tensor.size != size:
            raise InvalidInput(
                f"{tensor.name} is declared with {tensor.size} numbers, the {kind} of {model.path} has {size}."
            )
    shape, own = ([n for n in s if n != 1] for s in (declared.input.shape, network.input_shape))
    if len(shape) > 1 and shape != own:
        raise InvalidInput(
            f"{declared.input.name} is declared with shape {declared.input.shape}, but {model.path} reads "
            f"{network.input_shape}."
        )


def _check_equivalence(declared: Declaration, model: LoadedModel, models: Mapping[str, LoadedModel]) -> None:
    if declared.equal_to is not None and models[declared.equal_to].network.digest != model.network.digest:
        raise InvalidInput(
            f"{declared.name} is declared equal to {declared.equal_to}, but its file holds another network."
        )
    if declared.isomorphic_to is not None:
        twin = models[declared.isomorphic_to].network
        if _structure(twin) != _structure(model.network):
            raise InvalidInput(f"{declared.name} is not isomorphic to {declared.isomorphic_to} as the query declares.")


def _structure(network: Network) -> list[tuple[object, ...]]:
    return [(type(node.op).__name__, node.inputs, node.op.input_width, node.op.output_width) for node in network.nodes]


def _replay(models: list[LoadedModel]) -> Replay | None:
    """All models run on their parts of a point; None if one of them cannot be."""
    runs = [model.replay for model in models if model.replay is not None]
    if len(runs) < len(models):
        return None
    ends = np.cumsum([model.network.input_width for model in models])[:-1]

    def run(points: Float64[np.ndarray, "b n"]) -> Float64[np.ndarray, "b m"]:
        parts = np.split(points, ends, axis=1)
        return np.concatenate([each(part) for each, part in zip(runs, parts, strict=True)], axis=1)

    return run


def allowed_seconds(text: str) -> float:
    """The time limit in a text; empty means none.

    Raises:
        InvalidInput: no number >= 0.
    """
    try:
        seconds = float(text) if text.strip() else math.inf
    except ValueError:
        seconds = math.nan
    if not seconds >= 0:
        raise InvalidInput(f"A time limit is a number of seconds >= 0, not {text!r}.")
    return seconds
