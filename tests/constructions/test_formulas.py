"""Formula = construction: what ``bounds`` predicts of sizes is what the built networks count, for random shapes.

Every derived entry about a size is met here, in generic data: exact formulas as equalities, upper bounds as bounds.
"""

import functools
from collections.abc import Iterator
from fractions import Fraction

import numpy as np
import pytest

import bounds
from bounds.entry import Side, Tag
from bounds.values import Exact
from certify.network import Network
from constructions import catalogue, gadgets, lookup, recipe
from constructions.theorem import Labelled
from tests.constructions.examples import EXAMPLES, construction

COUNTS = ("nnz", "dense", "units", "depth")
NO_NETWORK = {
    "hard-set.solver.lookup.nnz": "another form of the look-up table; the packed one is smaller",
    "robust-classifier.cover.whole-cube.l2.nnz": "the worst case over sets; its cells are those of cover",
}
Found = tuple[Network, dict[str, object]]


def generic(seed: int, sizes: tuple[int, ...], d: int) -> Labelled:
    """Points without coincidences: random floats, so many of each class."""
    rng = np.random.default_rng(seed)
    points = rng.uniform(0.05, 0.95, (sum(sizes), d))
    return Labelled.of(np.rint(points * 2**16) / 2**16, np.repeat(np.arange(len(sizes)), sizes))


def built(name: str, data: Labelled | None = None, **parameters: object) -> Network:
    texts = {key: str(value) for key, value in parameters.items()}
    return recipe.from_text(catalogue.family(name), texts).build(data)


def kind_of(identifier: str) -> str | None:
    """The count an entry speaks of, where it does."""
    last = identifier.rsplit(".", 1)[-1].split("-")[0]
    return last if last in COUNTS else None


def memorizers(seed: int) -> Iterator[tuple[str, Found]]:
    """(entry without its count, network and letters) for random shapes."""
    rng = np.random.default_rng(seed)
    n, more, d = (int(k) for k in (rng.integers(2, 9), rng.integers(0, 7), rng.integers(2, 8)))
    data, tiny = generic(seed, (n + more, n), d), "1/4096"
    letters: dict[str, object] = {"N": 2 * n + more, "n": n, "d": d, "eps": "1/2048", "delta": "1/4096"}
    yield "robust-memorizer.hinge-bumps", (built("hinge-bumps", data, delta=tiny), letters)
    yield "robust-memorizer.hinge-bumps-two-sided", (built("hinge-bumps", data, delta=tiny, two_sided=True), letters)
    yield "robust-memorizer.distance-bumps", (built("distance-bumps", data, delta=tiny), letters)
    scan = built("hinge-bumps-scan", data, delta=tiny, stages=n)
    yield "robust-memorizer.hinge-bumps-scan", (scan, letters | {"S": n})
    for stages in (2, 3):
        whole = generic(seed, (3 * stages + more, 3 * stages), d)
        even = letters | {"N": 6 * stages + more, "n": 3 * stages, "S": stages}
        yield "robust-memorizer.hinge-bumps-scan", (built("hinge-bumps-scan", whole, delta=tiny, stages=stages), even)
    three = generic(seed, (n, n + more, n), d)
    several = letters | {"N": 3 * n + more, "C": 3}
    yield "robust-memorizer.hinge-bumps-multiclass", (built("hinge-bumps", three, delta=tiny), several)
    yield "robust-memorizer.voronoi", (built("voronoi", data, delta=tiny), letters)
    for q in (1, 2, 3):
        even = {"N": 2 ** (q + 1), "n": 2**q, "d": d, "q": q, "eps": "1/2048", "delta": "1/4096"}
        equal = generic(seed, (2**q, 2**q), d)
        yield "robust-memorizer.voronoi", (built("voronoi", equal, delta=tiny), even)
        if q > 1:
            yield "robust-memorizer.voronoi-scan", (built("voronoi-scan", equal, delta=tiny), even)
    for q in (1, 2):
        wide = generic(seed, (n, n), 2**q)
        same = letters | {"N": 2 * n, "d": 2**q, "q": q}
        yield "robust-memorizer.trapezoids", (built("trapezoids", wide, delta=tiny), same)


def meshes() -> Iterator[tuple[str, Found]]:
    for d, q in ((2, 1), (4, 2)):
        for eps in ("1/4", "2/5") if d == 2 else ("2/5",):
            made = {"eps": eps, "c": "1/2", "clip": "no"}
            letters: dict[str, object] = {"d": d, "q": q, "eps": eps, "c": "1/2"}
            for kind, name in (("", "kuhn"), ("tree.", "kuhn-tree")):
                yield f"robust-classifier.kuhn.{kind}"[:-1], (built(name, _apart(d), **made), letters)
        for cells in (2, 3):
            for kind, name in (("", "kuhn"), ("tree.", "kuhn-tree")):
                plain = built(name, _apart(d), eps="2/5", c="1/64", cells=cells, clip="no")
                yield f"robust-classifier.kuhn.given-mesh.{kind}"[:-1], (plain, {"d": d, "q": q, "g": cells})
    for d in (3, 5):
        for kind, name in (("", "kuhn"), ("tree.", "kuhn-tree")):
            for clip, part in (("no", ""), ("yes", "clipped.")):
                net = built(name, _apart(d), eps="2/5", c="1/64", cells=2, clip=clip)
                yield f"robust-classifier.kuhn.given-mesh.{kind}{part}any-d", (net, {"d": d, "g": 2})


def _corners(d: int) -> Labelled:
    """Two opposite corners of the cube: as far apart as classes can be in linf."""
    return Labelled.of(np.array([[0.0] * d, [1.0] * d]), np.array([0, 1]))


def _apart(d: int) -> Labelled:
    """Two points near opposite corners, equally far from no node of a small mesh: no node value is 0."""
    shift = np.arange(1.0, d + 1) / 256
    return Labelled.of(np.array([shift, 1 - shift[::-1] / 5]), np.array([0, 1]))


def covers() -> Iterator[tuple[str, Found]]:
    for d in (2, 3):
        data = _corners(d)
        for centres in ("cells", "points"):
            net = built("cover", data, eps="1/2", c="1/2", centres=centres)
            yield "robust-classifier.cover.whole-cube.inf", (net, {"d": d, "eps": "1/2", "c": "1/2"})
        net = built("cover", data, eps="1/2", c="1/2", centres="points")
        yield "robust-classifier.cover", (net, {"d": d, "eps": "1/2", "c": "1/2", "K_A": 1, "r": "1/1000"})


def tables(seed: int) -> Iterator[tuple[str, Found]]:
    rng = np.random.default_rng(seed)
    for count in (7, 40, 150):
        labels = rng.integers(0, 2, count)
        yield "lookup.direct", (lookup.direct(labels), {"M": count})
    for d, eps in ((3, "1/8"), (3, "1/10")):
        letters: dict[str, object] = {"d": d, "eps": eps, "c": "1/2"}
        yield "hard-set.solver.direct", (built("hard-set-solver", d=d, eps=eps, table="direct"), letters)
    alternating = np.arange(40) % 2  # words of three bits differ from their neighbours
    for word in (3, 5):
        yield "lookup.packed", (lookup.block(alternating, word), {"M": 40, "B": word})


def features() -> Iterator[tuple[str, Found]]:
    for k, d in ((4, 16), (6, 24)):
        letters: dict[str, object] = {"k": k, "d": d}
        yield "decoupled.sum", (built("feature-decoupled", k=k, d=d, readout="sum"), letters)


@functools.cache
def met() -> dict[str, list[Found]]:
    """Entries by id, each with the networks that it speaks about."""
    found: dict[str, list[Found]] = {}
    sources = [*(memorizers(seed) for seed in range(3)), meshes(), covers(), tables(3), features()]
    for source in sources:
        for stem, case in source:
            for identifier in bounds.catalogue:
                if identifier.rpartition(".")[0] == stem and kind_of(identifier):
                    found.setdefault(identifier, []).append(case)
    return found


@functools.cache
def claimed() -> frozenset[str]:
    """Entries that claims of the example networks rest on."""
    return frozenset(claim.entry for name in EXAMPLES for claim in construction(name).claims)


def sizes() -> list[str]:
    return [
        i for i, entry in bounds.catalogue.items() if kind_of(i) and entry.tag is not Tag.PAPER and not entry.asymptotic
    ]


@pytest.mark.parametrize("identifier", sizes())
def test_the_formula_is_the_count_of_the_networks_it_speaks_of(identifier: str) -> None:
    if identifier in NO_NETWORK:
        assert identifier not in met()
        return
    cases = met().get(identifier, [])
    compared = sum(agrees(identifier, *case) for case in cases)
    assert compared or identifier in claimed() or identifier in ELSEWHERE, "no network was compared with this formula"


ELSEWHERE = {
    "robust-classifier.kuhn.clip.nnz": "a difference of two counts, below",
    "hard-set.solver.steps.nnz": "a part of a network, below",
    "robust-memorizer.voronoi.nnz-class": "the share of a class, below",
    "robust-memorizer.voronoi.units-class": "the share of a class, below",
    "robust-memorizer.voronoi.depth-classes": "of more than two classes, below",
}


def agrees(identifier: str, network: Network, letters: dict[str, object]) -> bool:
    """Whether the entry speaks of this network, which then counts what it says."""
    entry = bounds.catalogue[identifier]
    known = {str(letter) for letter in entry.letters}
    try:
        value = entry.evaluate(**{name: number for name, number in letters.items() if name in known})
    except (bounds.errors.HypothesisViolated, bounds.errors.MissingLetter):
        return False
    assert isinstance(value, Exact)
    count = getattr(network.count(), kind_of(identifier) or "")
    if entry.side is Side.EXACT:
        assert Fraction(count) == value.value, (identifier, letters)
    else:
        assert Fraction(count) <= value.value, (identifier, letters)
    return True


@pytest.mark.parametrize("d", [1, 2, 4])
def test_a_clip_layer_adds_what_its_formula_says(d: int) -> None:
    plain, clipped = (built("kuhn", _apart(d), eps="2/5", c="1/64", cells=2, clip=clip) for clip in ("no", "yes"))
    value = bounds.catalogue["robust-classifier.kuhn.clip.nnz"].evaluate(d=d)
    assert isinstance(value, Exact)
    assert clipped.count().nnz - plain.count().nnz == value.value


@pytest.mark.parametrize(("d", "eps"), [(3, "1/8"), (4, "1/6")])
def test_the_index_of_the_hard_set_takes_what_its_formula_says(d: int, eps: str) -> None:
    network = built("hard-set-solver", d=d, eps=eps, table="direct")
    layers = [int(np.count_nonzero(part)) for node in network.nodes[:6] for part in node.op.parameters]
    value = bounds.catalogue["hard-set.solver.steps.nnz"].evaluate(d=d, eps=eps, c="1/2")
    assert isinstance(value, Exact)
    assert sum(layers) == value.value


@pytest.mark.parametrize("sizes_of_classes", [(3, 5, 2), (4, 4, 4, 4), (1, 6, 3)])
def test_the_trees_of_several_classes_add_up_to_the_network(sizes_of_classes: tuple[int, ...]) -> None:
    d, q = 5, max(1, gadgets.tree_depth(max(sizes_of_classes)))
    counts = built("voronoi", generic(2, sizes_of_classes, d), delta="1/4096").count()
    letters = [{"M": size, "d": d, "q": q, "eps": "1/2048", "delta": "1/4096"} for size in sizes_of_classes]
    for count in ("nnz", "units"):
        entry = bounds.catalogue[f"robust-memorizer.voronoi.{count}-class"]
        known = {str(letter) for letter in entry.letters}
        shares = [entry.evaluate(**{k: v for k, v in given.items() if k in known}) for given in letters]
        assert sum(share.value for share in shares if isinstance(share, Exact)) == getattr(counts, count)
    assert counts.depth == q + 1
