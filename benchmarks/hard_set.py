"""The size that robustness costs on the hard set, from both sides: what no network is below, and networks that do it.

For each (eps, d): the number of points, the lower bound on non-zero parameters at robust error 1/10, the order of the
paper's bound (which hides its constant), and the solvers of the set. Solvers are built and counted, and the small ones
proved robust on every ball; beyond, their exact formulas are evaluated.
"""

import dataclasses as dc
import math
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

from matplotlib.lines import Line2D

import bounds
from benchmarks import figures, tables
from bounds.entry import Entry
from bounds.numerals import Way, numeral
from bounds.render.latex import latex
from bounds.symbols import letters
from bounds.table import Table, Text
from bounds.values import Exact
from certify.errors import InvalidInput, SelfCheckFailed
from constructions.hard import HardSetSolver
from constructions.lookup.tables import MOST_DIRECT, best_word, widest_word
from constructions.theorem import Proved

ALPHA = Fraction(1, 10)
_EPS = {"small": (Fraction(1, 4), Fraction(1, 10)), "full": (Fraction(1, 4), Fraction(1, 10), Fraction(1, 20))}
_DIMENSIONS = {"small": range(2, 9), "full": range(2, 21)}
_MOST_BUILT = {"small": 2**13, "full": 2**21}
_MOST_PROVED = {"small": 2**10, "full": 2**14}
"""Points up to which solvers are built, and up to which all their claims are proved."""

_TOP = 1e12
"""Where the figure ends; the table goes on."""

HEADER = (
    "eps",
    "d",
    "points",
    "lower bound",
    "(2 eps)^(-(d-1)/6), only an order",
    "packed, float64",
    "is",
    "packed, long integers (formula)",
    "direct",
    "is",
)
CAPTION = (
    "Non-zero parameters for robustness at radius eps/2 on the hard set. Lower bound: robust error at most 1/10 on "
    "every labelling. The paper's bound is an order of growth and no number; the bare expression is shown. Solvers "
    "have robust error 0: counted on networks that were built (proved: on every ball), or by formula, which for direct "
    "tables is an upper bound."
)


@dc.dataclass(frozen=True, slots=True)
class Size:
    """The non-zero parameters of a solver, and whether it was proved, built, or is a formula."""

    count: int
    how: str


@dc.dataclass(frozen=True, slots=True)
class Row:
    """One hard set."""

    eps: Fraction
    d: int
    points: int
    lower: int
    order: float
    packed: Size | None
    unlimited: int
    direct: Size

    def cells(self) -> tuple[object, ...]:
        """In the order of the header."""
        packed = ("", "") if self.packed is None else dc.astuple(self.packed)
        direct, order = dc.astuple(self.direct), f"{self.order:.1f}"
        return (self.eps, self.d, self.points, self.lower, order, *packed, self.unlimited, *direct)

    def shown(self) -> tuple[str, ...]:
        """The same for people: upper bounds rounded up, lower ones down."""
        ways = {3: Way.DOWN}
        cells = enumerate(self.cells())
        return tuple(_short(cell, ways.get(i, Way.UP)) if isinstance(cell, int) else str(cell) for i, cell in cells)


def run(out: Path, *, data: str | None, size: str) -> None:
    """Builds, counts and proves the solvers; writes ``hard-set`` as CSV, Markdown, LaTeX, SVG and PDF."""
    if data is not None:
        raise InvalidInput("The hard set is drawn and not read; leave --data out.")
    rows: list[Row] = []
    for eps in _EPS[size]:
        for d in _DIMENSIONS[size]:
            rows.append(_row(eps, d, size))
            print("  ".join(f"{cell:>9}" for cell in rows[-1].shown()), flush=True)
    shown = [row.shown() for row in rows]
    tables.write(out, "hard-set", HEADER, [row.cells() for row in rows])
    (out / "hard-set.md").write_text(tables.markdown(HEADER, shown), encoding="utf-8")
    table = Table("hard-set", CAPTION, HEADER, tuple(tuple(Text(cell) for cell in row) for row in shown))
    (out / "hard-set.tex").write_text(latex(table, digits=4), encoding="utf-8")
    draw(out, rows)
    print(f"written: {out / 'hard-set'}.csv, .md, .tex, .svg, .pdf")


def _row(eps: Fraction, d: int, size: str) -> Row:
    points = _exact("hard-set.points", eps=eps, d=d)
    order = bounds.catalogue["expressive-power.thm-4.3.lower"]
    return Row(
        eps,
        d,
        points,
        _exact("hard-set.lower", eps=eps, d=d, alpha=ALPHA),
        _bare(order, eps, d),
        _solver(eps, d, points, "packed", size) if widest_word(points) >= 2 else None,
        _unlimited(eps, d, points),
        _solver(eps, d, points, "direct", size),
    )


def _solver(eps: Fraction, d: int, points: int, table: str, size: str) -> Size:
    """The solver's own count where it is built; a direct table's bound, or a packed one's exact count, where not."""
    if points <= min(_MOST_BUILT[size], MOST_DIRECT):
        family = HardSetSolver(d, eps, table=table, seed=_mixed_seed(eps, d))
        network = family.build(None)
        proved = points <= _MOST_PROVED[size]
        for claim in family.claims(network, None) if proved else ():
            if not isinstance(found := claim.check(), Proved):
                raise SelfCheckFailed(f"{claim.statement} Not proved: {found}")
        return Size(network.count().nnz, "proved" if proved else "built")
    extra = {"B": best_word(points)} if table == "packed" else {}
    return Size(_exact(f"hard-set.solver.{table}.nnz", eps=eps, d=d, **extra), "formula")


def _mixed_seed(eps: Fraction, d: int) -> int:
    """The first seed that draws both labels; 0 unless the set is tiny."""
    for seed in range(100):
        try:
            HardSetSolver(d, eps, seed=seed).hard_set().labels()
        except InvalidInput:
            continue
        return seed
    raise AssertionError("a hundred draws of one class")


def _unlimited(eps: Fraction, d: int, points: int) -> int:
    """The packed solver with integers of any size: words of about sqrt(2M/7) bits, no longer than the table."""
    word = max(2, min(math.isqrt(2 * points // 7), points))
    return min(_exact("hard-set.solver.packed.nnz", eps=eps, d=d, B=bits) for bits in range(max(2, word - 1), word + 2))


def _exact(entry: str, **values: object) -> int:
    """An entry's value as a whole number; a lower bound that is only enclosed is rounded down."""
    found = bounds.catalogue[entry].evaluate(**values)
    assert not isinstance(found, bounds.OrderOnly), f"{entry} is only an order"
    return int(found.value) if isinstance(found, Exact) else int(found.lower)


def _bare(entry: Entry, eps: Fraction, d: int) -> float:
    """The expression inside an order of growth, which is no bound by itself."""
    known: dict[Any, Any] = {letters["eps"].symbol: eps, letters["d"].symbol: d}
    return float(entry.expression.subs(known))


def _short(value: int, way: Way = Way.UP) -> str:
    """Up to seven digits in full, else three of them, rounded so that a bound stays one."""
    if value < 10**7:
        return f"{value:,}"
    exponent = len(str(value)) - 1
    leading = numeral(Fraction(value, 10**exponent), 3, way)
    return f"{leading}e{exponent}"


def draw(out: Path, rows: list[Row]) -> None:
    """A panel for each eps: sizes against d, with what is impossible shaded."""
    chosen = sorted({row.eps for row in rows}, reverse=True)
    with figures.figure(out, "hard-set", size=(2.6 * len(chosen) + 0.6, 3.6)) as drawn:
        panels = drawn.subplots(1, len(chosen), sharey=True, squeeze=False)[0]
        for axes, eps in zip(panels, chosen, strict=True):
            _panel(axes, [row for row in rows if row.eps == eps])
            axes.set_title(f"ε = {eps}:  M = {int(1 / (2 * eps)) + 1}$^{{d-1}}$ points")
            axes.set_xlabel("input dimension d")
        panels[0].set_ylabel("non-zero parameters")
        handles, names = panels[0].get_legend_handles_labels()
        handles.append(Line2D([], [], color="black", marker="o", linestyle="", markersize=3.6))
        drawn.legend(handles, [*names, "built and counted"], loc="outside lower center", ncols=min(3, len(chosen) + 1))


def _panel(axes: Any, rows: list[Row]) -> None:
    d, lower = [row.d for row in rows], [row.lower for row in rows]
    direct = [(row.d, row.direct) for row in rows]
    packed = [(row.d, row.packed) for row in rows if row.packed]
    axes.set_yscale("log")
    axes.fill_between(d, 1, lower, color=figures.BLUE, alpha=0.10, linewidth=0)
    for colour, sizes, line, name in (
        (figures.GREEN, direct, "-", "solver, a unit per label"),
        (figures.ORANGE, packed, "--", "solver, labels packed into float64"),
    ):
        axes.plot([at for at, _ in sizes], [size.count for _, size in sizes], line, color=colour, label=name)
        axes.plot(*zip(*_built(sizes), strict=True), "o", color=colour, markersize=3.6)
    axes.plot(d, [row.unlimited for row in rows], color=figures.ORANGE, label="solver, packed into long integers")
    axes.plot(d, lower, color=figures.BLUE, label="lower bound, at robust error ≤ 1/10")
    bare = [row.order for row in rows]
    axes.plot(d, bare, ":", color=figures.GREY, label="paper's order $(2ε)^{-(d-1)/6}$, constant unknown")
    axes.axhline(2, color="black", linewidth=0.9, label="2 suffice without attack")
    axes.set_xlim(d[0], d[-1])
    axes.set_ylim(1, _TOP)


def _built(sizes: list[tuple[int, Size]]) -> Iterator[tuple[int, int]]:
    return ((d, size.count) for d, size in sizes if size.how != "formula")
