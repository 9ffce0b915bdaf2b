"""The figure of a run: certified and attacked accuracy against the radius, as SVG and PDF."""

import io
from typing import Any

from matplotlib import rc_context
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from certify.region import Norm
from certify.report.curve import Curve

_CERTIFIED, _ATTACKED, _GAP = "#0b4f8a", "#c8501e", "#d9d5cc"
_STYLE: Any = {
    "svg.hashsalt": "relucert",
    "pdf.fonttype": 42,
    "font.family": "DejaVu Sans",
    "font.size": 9.0,
    "axes.linewidth": 0.8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "mathtext.fontset": "dejavusans",
}
_NORMS = {Norm.L1: r"\ell_1", Norm.L2: r"\ell_2", Norm.LINF: r"\ell_\infty"}
_METADATA: dict[str, dict[str, str | None]] = {
    "svg": {"Date": None, "Creator": None},
    "pdf": {"CreationDate": None, "Creator": None, "Producer": None},
    "png": {"Software": None},
}


def draw_curve(curve: Curve, norm: Norm, *, title: str, kind: str = "svg") -> bytes:
    """The figure as the bytes of a ``svg``, ``pdf`` or ``png`` file; equal curves give equal bytes."""
    with rc_context(_STYLE):
        figure = Figure(figsize=(5.2, 3.3), layout="constrained")
        FigureCanvasAgg(figure)
        _fill(figure.add_subplot(), curve, norm, title)
        out = io.BytesIO()
        figure.savefig(out, format=kind, metadata=_METADATA[kind], dpi=200)
    return out.getvalue()


def _fill(axes: Any, curve: Curve, norm: Norm, title: str) -> None:
    end = curve.reach * 1.04 or 1.0
    edges, certified, attacked = curve.steps(end)
    axes.stairs(attacked, edges, baseline=certified, fill=True, color=_GAP, label="undecided", linewidth=0)
    axes.stairs(attacked, edges, baseline=None, color=_ATTACKED, linewidth=1.6, label="attacked (upper bound)")
    axes.stairs(certified, edges, baseline=None, color=_CERTIFIED, linewidth=1.6, label="certified (lower bound)")
    axes.set_xlim(0, end)
    axes.set_ylim(0, 1.02)
    axes.yaxis.set_major_formatter(PercentFormatter(1.0))
    axes.set_xlabel(f"${_NORMS[norm]}$ radius (raw input units)")
    axes.set_ylabel(f"robust accuracy on {curve.count} inputs")
    axes.set_title(title, loc="left", fontsize=9.0, parse_math=False)
    axes.grid(color="#00000018", linewidth=0.6)
    axes.set_axisbelow(True)
    handles, labels = axes.get_legend_handles_labels()
    order = [1, 2, 0]
    axes.legend([handles[i] for i in order], [labels[i] for i in order], frameon=False, loc="best")
