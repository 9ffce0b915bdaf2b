"""Version 2.0 of VNN-LIB: named networks with typed tensors, indexed as ``X[0,1]``."""

import dataclasses as dc
import math
import re

from certify.errors import UnsupportedModel
from certify.io.vnnlib.expressions import Expressions
from certify.io.vnnlib.query import Declaration, Query, Tensor
from certify.io.vnnlib.source import Group, Source, Tree, Word, shown

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*", re.ASCII)
_INDICES = re.compile(r"\[\s*(?:\d{1,9}\s*(?:,\s*\d{1,9}\s*)*)?\]", re.ASCII)


def read(source: Source, forms: tuple[Group, ...], version: str) -> Query:
    """The query that the forms after ``(vnnlib-version <2.0>)`` spell.

    Raises:
        InvalidInput: a form that has no meaning or stands in the wrong place, a name that is not declared or declared
            twice, indices outside of a shape.
        UnsupportedModel: hidden nodes, initialized inputs, several inputs or outputs of one network, or an element type
            other than real: what is proved here is about real arithmetic.
    """
    split = next((i for i, form in enumerate(forms) if form.head == "assert"), len(forms))
    names: set[str] = set()
    networks = tuple(_network(source, form, names) for form in forms[:split])
    if not networks:
        raise source.wrong(0, "no network is declared; (declare-network ...) is expected.")
    _check_equivalences(source, forms[:split], networks)
    scope = _Scope.of(source, Query(version, networks, ()))
    expressions = Expressions(source, scope.variable)
    assertions = []
    for form in forms[split:]:
        if form.head != "assert" or len(form.items) != 2:
            raise source.wrong(form, "after the networks only assertions (assert CONSTRAINT) are expected.")
        assertions.append(expressions.formula(form.items[1]))
    return Query(version, networks, tuple(assertions), source.name)


@dc.dataclass(frozen=True, slots=True, eq=False)
class _Scope:
    """What the names of tensors mean: the tensor and the number of its first variable."""

    source: Source
    tensors: dict[str, tuple[Tensor, int]]

    @classmethod
    def of(cls, source: Source, query: Query) -> "_Scope":
        first, found = 0, {}
        for tensor in query.tensors:
            found[tensor.name] = (tensor, first)
            first += tensor.size
        return cls(source, found)

    def variable(self, word: Word, index: Word | None) -> int:
        """The number of the variable ``word[index]``."""
        if word.text not in self.tensors:
            raise self.source.wrong(word, f"the variable {shown(word.text)} is not declared.")
        tensor, first = self.tensors[word.text]
        place = () if index is None else _integers(self.source, index)
        if len(place) != len(tensor.shape):
            raise self.source.wrong(word, f"{tensor.name} has {len(tensor.shape)} indices, here are {len(place)}.")
        number = 0
        for i, length in zip(place, tensor.shape, strict=True):
            if i >= length:
                raise self.source.wrong(word, f"the index {i} is not below {length}: {tensor.name} has {tensor.shape}.")
            number = number * length + i
        return first + number


def _network(source: Source, form: Group, names: set[str]) -> Declaration:
    if form.head != "declare-network" or len(form.items) < 2:
        raise source.wrong(form, f"(declare-network NAME ...) is expected, not ({shown(form.head)} ...).")
    name = _new_name(source, form.items[1], names)
    tensors: dict[str, list[Tensor]] = {"declare-input": [], "declare-output": []}
    same: dict[str, str] = {}
    for part in form.items[2:]:
        kind = part.head if isinstance(part, Group) else ""
        if not isinstance(part, Group) or kind not in (*tensors, "declare-hidden", "equal-to", "isomorphic-to"):
            raise source.wrong(part, "a network has (declare-input ...), (declare-output ...) and equivalences.")
        if kind == "declare-hidden":
            raise UnsupportedModel(str(source.wrong(part, "hidden nodes are not supported (theory NH).")))
        if kind in tensors:
            tensors[kind].append(_tensor(source, part, names))
        elif len(part.items) != 2 or not isinstance(part.items[1], Word) or same:
            raise source.wrong(part, f"one ({kind} NAME) is expected.")
        else:
            same[kind] = part.items[1].text
    for kind, found in tensors.items():
        if not found:
            raise source.wrong(form, f"the network {name} has no ({kind} ...).")
        if len(found) > 1:
            what = f"the network {name} has {len(found)} ({kind} ...); one is supported (theory SIO)."
            raise UnsupportedModel(str(source.wrong(form, what)))
    (given,), (made,) = tensors.values()
    return Declaration(name, given, made, same.get("equal-to"), same.get("isomorphic-to"))


def _tensor(source: Source, form: Group, names: set[str]) -> Tensor:
    if len(form.items) < 4 or not all(isinstance(item, Word) for item in form.items):
        raise source.wrong(form, f"a tensor reads ({form.head} NAME Real [2,3]).")
    _, given, kind, shape, *options = (item for item in form.items if isinstance(item, Word))
    name = _new_name(source, given, names)
    if options:
        if [word.text for word in options] == ["initialized"]:
            raise UnsupportedModel(str(source.wrong(options[0], "initialized inputs are not supported.")))
        raise source.wrong(options[0], f"{shown(options[0].text)} has no meaning here.")
    if kind.text.lower() != "real":
        what = f"type {shown(kind.text)}: what is proved here is about real numbers, so declare {name} as Real."
        raise UnsupportedModel(str(source.wrong(kind, what)))
    sizes = _integers(source, shape)
    if 0 in sizes or math.prod(sizes) >= 10**9:
        raise source.wrong(shape, f"the shape {shape.text} has no number in it, or far too many.")
    return Tensor(name, kind.text, sizes)


def _new_name(source: Source, tree: Tree, names: set[str]) -> str:
    if not isinstance(tree, Word) or not _NAME.fullmatch(tree.text):
        raise source.wrong(tree, "a name is expected: a letter, then letters, digits and _.")
    if tree.text in names:
        raise source.wrong(tree, f"the name {tree.text} is declared twice.")
    names.add(tree.text)
    return tree.text


def _integers(source: Source, word: Word) -> tuple[int, ...]:
    if not _INDICES.fullmatch(word.text):
        raise source.wrong(word, f"whole numbers in brackets such as [0,1] are expected, not {shown(word.text)}.")
    return tuple(int(part) for part in word.text[1:-1].split(",") if part.strip())


def _check_equivalences(source: Source, forms: tuple[Group, ...], networks: tuple[Declaration, ...]) -> None:
    earlier: dict[str, Declaration] = {}
    for form, network in zip(forms, networks, strict=True):
        other = network.equal_to or network.isomorphic_to
        if other is not None:
            if other not in earlier:
                raise source.wrong(form, f"the network {network.name} refers to {shown(other)}, not declared before.")
            twin = earlier[other]
            if (twin.input.shape, twin.output.shape) != (network.input.shape, network.output.shape):
                raise source.wrong(form, f"{network.name} and {other} have tensors of different shapes.")
        earlier[network.name] = network
