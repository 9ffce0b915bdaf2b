"""Claims about sizes: each count of a network against the formula in ``bounds`` that predicts it."""

from collections.abc import Mapping, Sequence
from fractions import Fraction

import bounds
from bounds.entry import Entry, Side
from bounds.values import Exact
from certify.network import Network
from constructions.theorem import Claim, Evidence, Proved, Refuted

_WORDS = {
    "nnz": "non-zero weights and biases",
    "dense": "parameters, zeros included",
    "units": "ReLUs",
    "depth": "affine maps on the longest path",
}

Letters = Mapping[str, int | Fraction]


def count_claims(network: Network, entries: Mapping[str, str], *letters: Letters) -> tuple[Claim, ...]:
    """One claim a count: ``entries`` maps ``nnz``, ``dense``, ``units``, ``depth`` to ids in ``bounds.catalogue``.

    ``letters`` are the values of the formulas' letters; each entry takes those it contains. Of several, each speaks of
    one part of the network and the claim is their sum. An exact formula is that of generic data: the claim is an
    equality where the network has that count, and else that the count is not larger (some weight or bias happened
    to be 0, or units coincide).
    """
    return tuple(_claim(network, count, identifier, letters) for count, identifier in entries.items())


def _claim(network: Network, count: str, identifier: str, parts: Sequence[Letters]) -> Claim:
    entry = bounds.catalogue[identifier]
    predicted = sum((_predicted(entry, letters) for letters in parts), Fraction(0))
    equal = entry.side is Side.EXACT and getattr(network.count(), count) == predicted
    relation = "exactly" if equal else "at most"

    def proof() -> Evidence:
        found = getattr(network.count(), count)
        holds = found == predicted if equal else found <= predicted
        words = f"{found:,} {_WORDS[count]}"
        return Proved("counted", words) if holds else Refuted("counted", words)

    summed = f", summed over {len(parts)} parts" if len(parts) > 1 else ""
    statement = f"The network has {relation} {int(predicted):,} {_WORDS[count]}: {entry.formula()}{summed}."
    return Claim(count, statement, predicted, entry.tag, identifier, proof)


def _predicted(entry: Entry, letters: Letters) -> Fraction:
    known = {str(letter) for letter in entry.letters}
    value = entry.evaluate(**{name: value for name, value in letters.items() if name in known})
    assert isinstance(value, Exact), f"{entry.id} has no exact value at {dict(letters)}"
    return value.value
