"""Every construction written out unit by unit, with generic weights, and counted by looking at each number: slow and
obviously right.
"""

import dataclasses as dc
from collections.abc import Sequence
from fractions import Fraction
from itertools import count, product

Affine = dict[object, Fraction]
"""Weights by source; the key ``"1"`` is the bias."""


@dc.dataclass(frozen=True)
class Layered:
    """Layers of units; a unit is its affine form in the layer before, sources named by position."""

    inputs: int
    layers: list[list[Affine]]

    @property
    def nnz(self) -> int:
        """Numbers that are not zero."""
        return sum(value != 0 for layer in self.layers for unit in layer for value in unit.values())

    @property
    def dense(self) -> int:
        """Numbers when every unit sees the whole layer before."""
        widths = [self.inputs, *(len(layer) for layer in self.layers)]
        return sum(widths[i + 1] * (widths[i] + 1) for i in range(len(self.layers)))

    @property
    def units(self) -> int:
        """Units that are not the output."""
        return sum(len(layer) for layer in self.layers[:-1])

    @property
    def depth(self) -> int:
        """Affine maps."""
        return len(self.layers)


_fresh = count(1)


def _some() -> Fraction:
    """A number that is not 0 and that no other unit has."""
    return Fraction(next(_fresh)) + Fraction(1, 7)


def _combination(sources: Sequence[object], *, bias: bool = False) -> Affine:
    return {source: _some() for source in [*sources, *(["1"] if bias else [])]}


def hinge_bumps(n: int, d: int, *, output_bias: bool = True) -> Layered:
    hinges = [_combination([j], bias=True) for _ in range(n) for j in range(d) for _sign in "+-"]
    bumps = [_combination(list(range(2 * d * i, 2 * d * (i + 1))), bias=True) for i in range(n)]
    return Layered(d, [hinges, bumps, [_combination(list(range(n)), bias=output_bias)]])


def hinge_bumps_scan(n: int, d: int, stages: int) -> Layered:
    """Stage by stage: hinges, carried inputs and the running sum; then bumps, carried inputs and the running sum."""
    groups = [n * t // stages for t in range(stages + 1)]
    layers: list[list[Affine]] = []
    carried, accumulated, bumps = list(range(d)), None, 0
    for t in range(stages):
        size, last = groups[t + 1] - groups[t], t == stages - 1
        first: list[Affine] = [
            _combination([carried[j]], bias=True) for _ in range(size) for j in range(d) for _ in "+-"
        ]
        passes = [] if last else [_combination([carried[j]], bias=t == 0) for j in range(d)]
        running = [] if t == 0 else [_combination([*([] if accumulated is None else [accumulated]), *range(bumps)])]
        layers.append(first + passes + running)
        second = [_combination(list(range(2 * d * i, 2 * d * (i + 1))), bias=True) for i in range(size)]
        passes_again = [] if last else [_combination([2 * d * size + j]) for j in range(d)]
        running_again = [_combination([len(first) + len(passes)])] if running else []
        layers.append(second + passes_again + running_again)
        carried = [size + j for j in range(d)]
        accumulated, bumps = (size + len(passes_again) if running_again else None), size
    layers.append([_combination([*([] if accumulated is None else [accumulated]), *range(bumps)], bias=True)])
    return Layered(d, layers)


def distance_bumps(n: int, d: int) -> Layered:
    hinges = [_combination([j], bias=True) for _ in range(n) for j in range(d) for _ in "+-"]
    distances = [_combination(list(range(2 * d * i, 2 * d * (i + 1))), bias=True) for i in range(n)]
    bumps = [_combination([i], bias=True) for i in range(n)]
    return Layered(d, [hinges, distances, bumps, [_combination(list(range(n)), bias=True)]])


def _merge(expressions: list[list[int]], layer: list[Affine]) -> list[list[int]]:
    """One level of a tree of maxima of sums of units: ``max(e, f)`` is the unit of e - f plus the unit of f."""
    merged: list[list[int]] = []
    for i in range(0, len(expressions) - 1, 2):
        layer += [_combination(expressions[i] + expressions[i + 1]), _combination(expressions[i + 1])]
        merged.append([len(layer) - 2, len(layer) - 1])
    if len(expressions) % 2:
        layer.append(_combination(expressions[-1]))
        merged.append([len(layer) - 1])
    return merged


def trapezoids(n: int, d: int) -> Layered:
    hinges = [_combination([j], bias=True) for _ in range(n) for j in range(d) for _ in "+-"]
    layers = [hinges]
    groups = [[[2 * (d * i + j), 2 * (d * i + j) + 1] for j in range(d)] for i in range(n)]
    while len(groups[0]) > 1:
        layer: list[Affine] = []
        groups = [_merge(expressions, layer) for expressions in groups]
        layers.append(layer)
    layers.append([_combination(expressions[0], bias=True) for expressions in groups])
    layers.append([_combination([i], bias=True) for i in range(n)])
    return Layered(d, [*layers, [_combination(list(range(n)), bias=True)]])


def voronoi(a: int, b: int, d: int) -> Layered:
    inputs: list[object] = list(range(d))
    first: list[Affine] = []
    trees: list[list[list[int]]] = []
    for size in (a, b):
        start = len(first)
        first += [_combination(inputs, bias=True) for _ in range(size)]
        pairs = [[start + i, start + i + 1] for i in range(0, size - 1, 2)]
        trees.append(pairs + ([[start + size - 1]] if size % 2 else []))
    layers = [first]
    while max(map(len, trees)) > 1:
        layer: list[Affine] = []
        trees = [_merge(tree, layer) for tree in trees]
        layers.append(layer)
    return Layered(d, [*layers, [_combination(trees[0][0] + trees[1][0])]])


def voronoi_scan(a: int, b: int, d: int) -> Layered:
    """A running maximum for each class, one sample a layer, beside the carried inputs."""
    inputs: list[object] = list(range(d))
    layers = [[_combination([j], bias=True) for j in range(d)] + [_combination(inputs, bias=True) for _ in "ab"]]
    running = [[d], [d + 1]]
    for step in range(1, max(a, b)):
        layer: list[Affine] = [_combination([j]) for j in range(d)] if step < max(a, b) - 1 else []
        for k, size in enumerate((a, b)):
            before = running[k]
            running[k] = [len(layer)]
            if step < size:
                layer.append(_combination([*inputs, *before], bias=True))
                running[k] = [len(layer) - 1, len(layer)]
            layer.append(_combination(before))
        layers.append(layer)
    return Layered(d, [*layers, [_combination(running[0] + running[1])]])


def paraboloid(n: int, d: int, s: int) -> Layered:
    layers = [[_combination([j], bias=True) for j in range(d)] + [_combination([j]) for j in range(d)]]
    square: list[object] = list(range(2 * d))
    carried = list(range(d))
    for _ in range(2, s + 1):
        alphas = [_combination([j, d + j]) for j in range(d)]
        betas = [_combination([j, d + j], bias=True) for j in range(d)]
        layers.append([*alphas, *betas, *(_combination([j]) for j in carried), _combination(square)])
        carried = list(range(2 * d, 3 * d))
        square = [3 * d, *range(2 * d)]
    layers.append([_combination(square), *(_combination([j]) for j in carried)])
    layers.append([_combination(list(range(d + 1)), bias=True) for _ in range(n)])
    return Layered(d, [*layers, [_combination(list(range(n)), bias=True)]])


def squares_per_sample(n: int, d: int, s: int) -> Layered:
    layers = [[_combination([j], bias=True) for _ in range(n) for j in range(d) for _ in "+-"]]
    first: list[Affine] = []
    for i in range(n):
        first += [_combination([2 * (d * i + j), 2 * (d * i + j) + 1]) for j in range(d)]
        first += [_combination([2 * (d * i + j), 2 * (d * i + j) + 1], bias=True) for j in range(d)]
    layers.append(first)
    width = 2 * d
    for stage in range(2, s + 1):
        layer: list[Affine] = []
        for i in range(n):
            at = width * i
            layer += [_combination([at + j, at + d + j]) for j in range(d)]
            layer += [_combination([at + j, at + d + j], bias=True) for j in range(d)]
            layer.append(_combination([*range(at, at + 2 * d), *([at + 2 * d] if stage > 2 else [])]))
        layers.append(layer)
        width = 2 * d + 1
    layers.append([_combination(list(range(width * i, width * (i + 1))), bias=True) for i in range(n)])
    return Layered(d, [*layers, [_combination(list(range(n)), bias=True)]])


def kuhn(d: int, mesh: int, *, shared: bool) -> Layered:
    """Hinges of every coordinate and mesh line; trees of maxima per node, or per block of coordinates when shared."""
    lines = mesh + 1
    first: list[Affine] = []
    where: dict[tuple[int, int, str], int] = {}
    for j, line, sign in product(range(d), range(lines), "+-"):
        where[j, line, sign] = len(first)
        first.append(_combination([j], bias=line != 0))
    layers = [first]
    nodes = list(product(range(lines), repeat=d))
    values: dict[object, list[int]] = {}
    for node, sign in product(nodes, "+-"):
        for j in range(d):
            key = (sign, j, 1, (node[j],)) if shared else (sign, j, 1, node)
            values[key] = [where[j, node[j], sign]]
    width = 1
    while width < d:
        layer: list[Affine] = []
        wider: dict[object, list[int]] = {}
        kept: dict[object, int] = {}
        for node, sign in product(nodes, "+-"):
            for j in range(0, d, 2 * width):
                key = (sign, j, 2 * width, node[j : j + 2 * width] if shared else node)
                if key in wider:
                    continue
                right_key = (sign, j + width, width, node[j + width : j + 2 * width] if shared else node)
                left = values[sign, j, width, node[j : j + width] if shared else node]
                right = values[right_key]
                layer.append(_combination(left + right))
                difference = len(layer) - 1
                if right_key not in kept:
                    layer.append(_combination(right))
                    kept[right_key] = len(layer) - 1
                wider[key] = [difference, kept[right_key]]
        values, width = wider, 2 * width
        layers.append(layer)
    hats = [_combination(values["+", 0, d, node] + values["-", 0, d, node], bias=True) for node in nodes]
    return Layered(d, [*layers, hats, [_combination(list(range(len(nodes))))]])


def cover_of_cube(d: int, cells: int) -> Layered:
    """Hinges shared along coordinates, a bump per cell."""
    first: list[Affine] = []
    where: dict[tuple[int, int, str], int] = {}
    for j, cell, sign in product(range(d), range(cells), "+-"):
        where[j, cell, sign] = len(first)
        first.append(_combination([j], bias=True))
    grid = list(product(range(cells), repeat=d))
    bumps = [_combination([where[j, cell[j], sign] for j in range(d) for sign in "+-"], bias=True) for cell in grid]
    return Layered(d, [first, bumps, [_combination(list(range(len(grid))), bias=True)]])


def hard_solver(d: int, steps: int) -> Layered:
    """Exact steps, the index of the grid point, one unit per change of label."""
    points = (steps + 1) ** (d - 1)
    first = [_combination([j], bias=True) for j in range(d - 1) for _ in range(steps)]
    second = [_combination([i], bias=True) for i in range(len(first))]
    index = [_combination(list(range(len(second))), bias=True)]
    table = [_combination([0], bias=i != 0) for i in range(points - 1)]
    return Layered(d, [first, second, index, table, [_combination(list(range(points - 1)), bias=True)]])


def block_lookup(points: int, bits: int) -> Layered:
    """Words of ``bits`` labels, selected by steps and unpacked by one round per bit."""
    words = -(-points // bits)
    steps = [_combination([0], bias=True) for _ in range(2 * (words - 1))]
    layers = [[*steps, _combination([0])]]
    chosen: list[object] = list(range(2 * (words - 1)))
    layers.append([_combination(chosen, bias=True), _combination([*chosen, len(chosen)])])
    word, position, total = [0], [1], []
    for k in range(bits):
        top = [_combination(word, bias=k != bits - 1), _combination(word, bias=True)]
        selector = [_combination(position, bias=offset != k) for offset in (1, 0, -1)]
        carry = [_combination(word), _combination(position)]
        running = [_combination(total)] if total else []
        layers.append([*top, *selector, *carry, *running])
        both = _combination([0, 1, 2, 3, 4], bias=True)
        kept = [_combination([7])] if running else []
        layers.append([_combination([5, 0, 1]), _combination([6]), both, *kept])
        word, position = [0], [1]
        total = [2, 3] if running else [2]
    return Layered(1, [*layers, [_combination(total, bias=True)]])
