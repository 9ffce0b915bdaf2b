"""Figures of all benchmarks in one style, as SVG and PDF; equal content gives equal bytes."""

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from matplotlib import rc_context
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from certify.errors import InvalidInput

BLUE, ORANGE, GREEN, GREY, PURPLE, RED = "#0b4f8a", "#c8501e", "#3d7a3f", "#8a857c", "#6b4a9b", "#a3203a"
COLOURS = (BLUE, ORANGE, GREEN, PURPLE, RED, GREY)
_STYLE: Any = {
    "svg.hashsalt": "relucert",
    "pdf.fonttype": 42,
    "font.family": "DejaVu Sans",
    "font.size": 9.0,
    "axes.linewidth": 0.8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": "#00000018",
    "grid.linewidth": 0.6,
    "axes.axisbelow": True,
    "axes.titlesize": 9.0,
    "axes.titlelocation": "left",
    "legend.frameon": False,
    "legend.fontsize": 8.0,
    "lines.linewidth": 1.6,
    "mathtext.fontset": "dejavusans",
}
_METADATA: dict[str, dict[str, str | None]] = {
    "svg": {"Date": None, "Creator": None},
    "pdf": {"CreationDate": None, "Creator": None, "Producer": None},
}


@contextmanager
def figure(out: Path, stem: str, *, size: tuple[float, float] = (5.2, 3.3)) -> Generator[Figure]:
    """A figure of ``size`` inches to draw on; written as ``out/stem.svg`` and ``.pdf`` when the block ends.

    Raises:
        InvalidInput: the files cannot be written.
    """
    with rc_context(_STYLE):
        drawn = Figure(figsize=size, layout="constrained")
        FigureCanvasAgg(drawn)
        yield drawn
        for kind, metadata in _METADATA.items():
            path = out / f"{stem}.{kind}"
            try:
                out.mkdir(parents=True, exist_ok=True)
                drawn.savefig(path, format=kind, metadata=metadata, dpi=200)
            except OSError as error:
                raise InvalidInput(f"Cannot write {path}: {error.strerror}. Choose another folder with -o.") from error
