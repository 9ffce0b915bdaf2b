"""The functions that the theorems use and sympy lacks, as undefined sympy functions that know how they are written and
what they mean.

They carry no numbers: ``bounds.enclose`` evaluates them rigorously, ``bounds.asymptotics`` knows their order of growth.
"""

from typing import TYPE_CHECKING, Any

import sympy as sp


class Written(sp.Function):
    """A function that prints as ``template`` for a terminal and ``latex_template`` for LaTeX, with its arguments filled
    in.
    """

    template = ""
    latex_template = ""

    if TYPE_CHECKING:

        def __new__(cls, *arguments: Any) -> Any: ...

    def _sympystr(self, printer: Any) -> str:
        return self.template.format(*[printer.doprint(argument) for argument in self.args])

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        body = self.latex_template.format(*[printer.doprint(argument) for argument in self.args])
        return body if exp is None else rf"\left({body}\right)^{{{exp}}}"


class Log2(Written):
    """The logarithm to base 2."""

    nargs = 1
    template = "log2({0})"
    latex_template = r"\log_2\left({0}\right)"


class Entropy(Written):
    """The binary entropy ``-x log2 x - (1-x) log2(1-x)`` in bits, for x in [0, 1]."""

    nargs = 1
    template = "H2({0})"
    latex_template = r"H_2\left({0}\right)"


class EntropyInverse(Written):
    """The x in [0, 1/2] whose binary entropy is the argument."""

    nargs = 1
    template = "H2inv({0})"
    latex_template = r"H_2^{{-1}}\left({0}\right)"


class Gauss(Written):
    """The standard normal distribution function."""

    nargs = 1
    template = "Phi({0})"
    latex_template = r"\Phi\left({0}\right)"


class SmallestSize(Written):
    """The smallest P with ``1 + P^2 + P log2(2eM) + P log2(P(P+d)) >= (1 - H2(alpha)) M``; arguments M, alpha, d.

    No network with fewer non-zero parameters on d inputs realises, up to a fraction alpha of errors, every labelling of
    M points.
    """

    nargs = 3
    template = "n_min({0}, {1}, {2})"
    latex_template = r"n_{{\min}}\left({0},\,{1},\,{2}\right)"


class PairGroups(Written):
    """The largest ``r t floor(N / (r + t))`` with ``r t <= d`` and ``r + t <= N``; arguments N, d. About N sqrt(d) /
    2.
    """

    nargs = 2
    template = "pair_groups({0}, {1})"
    latex_template = r"\max_{{rt\le {1},\,r+t\le {0}}} rt\left\lfloor\frac{{{0}}}{{r+t}}\right\rfloor"


class GStateSolved(Written):
    """The largest m with ``1 + W((U+1) + log2(2em(U+1)/W)) >= m``: at least the VC dimension; arguments W, U."""

    nargs = 2
    template = "VC_state({0}, {1})"
    latex_template = r"\mathrm{{VC}}_{{\mathrm{{state}}}}\left({0},\,{1}\right)"


class BhlmSolved(Written):
    """The largest m at which the growth bound of Bartlett, Harvey, Liaw and Mehrabian is 2^m; argument: widths."""

    nargs = 1
    template = "VC_BHLM({0})"
    latex_template = r"\mathrm{{VC}}_{{\mathrm{{BHLM}}}}\left({0}\right)"


class BhlmGrowth(Written):
    """The sum over layers of ``1 + W_i log2(2e M i k_i / W_i)``: log2 of the labellings of M points; arguments: widths,
    M.
    """

    nargs = 2
    template = "log2Pi_BHLM({0}, {1})"
    latex_template = r"\sum_{{i=1}}^{{L}}\left(1+W_i\log_2\frac{{2e\,{1}\,i\,k_i}}{{W_i}}\right)"


class Layers(Written):
    """The number of affine maps of an architecture; argument: widths."""

    nargs = 1
    template = "L({0})"
    latex_template = r"L\left({0}\right)"


class Parameters(Written):
    """The number of weights and biases of a fully connected architecture; argument: widths."""

    nargs = 1
    template = "W({0})"
    latex_template = r"W\left({0}\right)"


class Units(Written):
    """The number of hidden units of an architecture; argument: widths."""

    nargs = 1
    template = "U({0})"
    latex_template = r"U\left({0}\right)"


class ParameterSum(Written):
    """The parameters of layers 1 to i, summed over i; argument: widths."""

    nargs = 1
    template = "sum_W({0})"
    latex_template = r"\textstyle\sum_i W_i\left({0}\right)"


class WeightedUnits(Written):
    """Layer number times its units, summed over all layers, the output included; argument: widths."""

    nargs = 1
    template = "sum_ik({0})"
    latex_template = r"\textstyle\sum_i i\,k_i\left({0}\right)"


class Ones(Written):
    """The number of ones of a non-negative integer in binary."""

    nargs = 1
    template = "ones({0})"
    latex_template = r"\operatorname{{ones}}\left({0}\right)"


class Runs(Written):
    """The number of runs of ones of a non-negative integer in binary: 2 for 1101."""

    nargs = 1
    template = "runs({0})"
    latex_template = r"\operatorname{{runs}}\left({0}\right)"


class Least(Written):
    """The smallest value of an expression over the integers from a first to a last; arguments: expression, dummy,
    first, last.
    """

    nargs = 4
    template = "min({0} for {1} in {2}..{3})"
    latex_template = r"\min_{{{2}\le {1}\le {3}}}\,{0}"

    @property
    def free_symbols(self) -> set[sp.Basic]:
        """The letters that need a value; the dummy does not."""
        body, dummy, first, last = self.args
        return (body.free_symbols - {dummy}) | first.free_symbols | last.free_symbols
