"""Every letter of the catalogue, declared once: symbol, meaning, unit, and the set its values come from.

One letter has one meaning, except ``k``, which is the number of clusters in the feature-averaging entries and the
dimension of a manifold in the expressive-power ones, as in the papers.
"""

import dataclasses as dc
from fractions import Fraction
from types import MappingProxyType

import sympy as sp


@dc.dataclass(frozen=True, slots=True)
class Letter:
    """A symbol with its meaning. Sympy's assumptions are its domain; ``below`` is an open upper end, where there is
    one.
    """

    symbol: sp.Symbol
    latex: str
    meaning: str
    unit: str = ""
    below: Fraction | None = None

    @property
    def domain(self) -> str:
        """The set of values, in words."""
        sign = "positive " if self.symbol.is_positive else "non-negative " if self.symbol.is_nonnegative else ""
        kind = "integer" if self.symbol.is_integer else "real number"
        return f"a {sign}{kind}" + ("" if self.below is None else f" below {self.below}")


def _natural(name: str, latex: str, meaning: str, unit: str = "") -> Letter:
    return Letter(sp.Symbol(name, integer=True, positive=True), latex, meaning, unit)


def _count(name: str, latex: str, meaning: str, unit: str = "") -> Letter:
    return Letter(sp.Symbol(name, integer=True, nonnegative=True), latex, meaning, unit)


def _length(name: str, latex: str, meaning: str, unit: str = "") -> Letter:
    return Letter(sp.Symbol(name, positive=True), latex, meaning, unit)


def _level(name: str, latex: str, meaning: str, below: Fraction | None = None) -> Letter:
    return Letter(sp.Symbol(name, nonnegative=True), latex, meaning, "", below)


_HALF = Fraction(1, 2)
_ONE = Fraction(1)
_DATA = "data units"

_LETTERS = (
    _natural("N", "N", "number of samples"),
    _natural("n", "n", "number of samples in the smaller class", "samples"),
    _natural("d", "d", "input dimension"),
    _natural("C", "C", "number of classes"),
    _natural("k", "k", "number of clusters, or dimension of the manifold"),
    _length("eps", r"\varepsilon", "half the distance between the two classes, in the norm of the entry", _DATA),
    Letter(sp.Symbol("delta", nonnegative=True), r"\delta", "attack radius, in the norm of the entry", _DATA),
    _level("rho", r"\rho", "attack radius divided by half the class distance, delta/eps", _ONE),
    Letter(sp.Symbol("c", positive=True), "c", "attack radius divided by eps, for robust generalisation", "", _ONE),
    _level("alpha", r"\alpha", "robust error that is tolerated", _HALF),
    _length("mu", r"\mu_0", "balance of the distribution: mass at least mu times uniform"),
    _length("tau", r"\tau", "ramp: distance over which a bump falls from 1 to 0", _DATA),
    _length("b", "b", "half-width of the cube around 0 that contains all attacked points", _DATA),
    _length("r", "r", "cover radius", _DATA),
    _length("R", "R", "radius of a circle or a sphere", _DATA),
    _length("reach", r"\varsigma", "reach of the manifold (the paper's condition number)", _DATA),
    _length("V", "V", "volume of the manifold"),
    _length("theta", r"\theta", "uniform error that is tolerated"),
    _natural("s", "s", "number of squaring stages"),
    _natural("m_vc", r"m_{\mathrm{VC}}", "numbers that the shattering network of Bartlett et al. stores"),
    _natural("n_vc", r"n_{\mathrm{VC}}", "bits per number that the shattering network of Bartlett et al. extracts"),
    _count("q", "q", "depth of a binary tree over 2^q leaves"),
    _natural("S", "S", "number of stages of a scan"),
    _natural("g", "g", "cells per side of a mesh"),
    _natural("K_A", "K_A", "number of centres of a cover"),
    _natural("H", "H", "number of values that the centres of bumps take, counted in each coordinate"),
    _natural("k_proj", r"\tilde k", "dimension after projection"),
    _natural("M", "M", "number of points to label, or of grid nodes"),
    _natural("P", "P", "number of non-zero parameters of a network"),
    _natural("W", "W", "number of parameters of an architecture"),
    _count("U", "U", "number of ReLUs"),
    _natural("L", "L", "number of affine maps (layers)"),
    _natural("W_sum", r"\textstyle\sum_i W_i", "parameters up to layer i, summed over the layers i"),
    _natural("R_sum", r"\textstyle\sum_i i\,k_i", "layer number times units, summed over the layers"),
    Letter(sp.Symbol("w"), r"\vec w", "widths of a fully connected architecture, input first, as in 784-256-1"),
    _natural("B", "B", "bits packed into one weight", "bits"),
    _length("C_vc", r"C_{\mathrm{VC}}", "constant of a bound VC <= C P^a"),
    _length("a_vc", r"a_{\mathrm{VC}}", "exponent of a bound VC <= C P^a"),
    Letter(sp.Symbol("G", real=True), "G", "log2 of the number of labellings a class realises", "bits"),
    _natural("k_act", r"k_{\mathrm{act}}", "number of active neurons"),
    _natural("ell", r"\ell", "dimension of the orthogonal complement of the data's subspace"),
    _natural("m", "m", "neurons per class in the two-class network, or width"),
    _natural("h", "h", "neurons per cluster in the k-class network"),
    _length("eta", r"\eta", "learning rate"),
    _count("T", "T", "number of gradient steps"),
    _length("lam", r"\lambda", "logit contributed on a cluster: d times the coefficient of its feature"),
    Letter(sp.Symbol("sigma", positive=True), r"\sigma", "standard deviation of the noise", _DATA),
    _length("sigma_w", r"\sigma_w", "standard deviation of the initial weights"),
    _level("beta", r"\beta", "bias of the robust network divided by -d", _ONE),
    _natural("K_plus", "K_+", "number of positive clusters"),
    _natural("K_minus", "K_-", "number of negative clusters; in radii, of the other class"),
    _level("a", "a", "how much of its class every weight mixes in"),
    _length("C_ratio", r"C_\lambda", "largest ratio of two coefficients within a neuron's own class"),
    _level("acc", r"\mathrm{Acc}", "clean accuracy"),
    _level("p_max", r"p_{\max}", "largest absolute inner product of two different points or features"),
    Letter(sp.Symbol("p", positive=True), "p", "power of the ReLU"),
    _level("omega", r"\omega", "size of the negative off-diagonal coefficients, relative to the diagonal"),
    _length("gamma", r"\gamma", "failure probability"),
    _length("dist", r"\zeta", "distortion of a random projection"),
)  # fmt: skip

letters = MappingProxyType({letter.symbol.name: letter for letter in _LETTERS})
"""The declared letters by the ASCII name that ``--set`` uses."""

latex_names = MappingProxyType({letter.symbol: letter.latex for letter in _LETTERS})
"""How LaTeX writes each symbol."""


def symbol(name: str) -> sp.Symbol:
    """The symbol of a declared letter; a KeyError here is a mistake in the catalogue."""
    return letters[name].symbol


def symbols(names: str) -> tuple[sp.Symbol, ...]:
    """Several symbols at once, separated by spaces."""
    return tuple(symbol(name) for name in names.split())
