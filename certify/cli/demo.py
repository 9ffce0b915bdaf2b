"""``python -m certify demo``: train a small classifier, save it, certify the saved files, show what comes out."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from certify.record import Record
    from certify.report.curve import Curve

INDEX = "0:797:20"
SHOWN = 10


def parser() -> argparse.ArgumentParser:
    """The command's arguments."""
    made = argparse.ArgumentParser(
        prog="python -m certify demo",
        description="Trains a 64-48-32-10 classifier on scikit-learn's digits (seconds, seeded), saves it, and "
        "certifies the saved files on test images in l2 and linf. Needs no internet and no files.",
        allow_abbrev=False,
    )
    made.add_argument("--out", type=Path, metavar="DIR", help="a new folder (runs/demo, numbered)")
    made.add_argument("--seed", type=int, default=0, metavar="S", help="seed of training and attacks (0)")
    return made


def main(arguments: Sequence[str]) -> int:
    """Reads the arguments, runs the demonstration, and returns the exit code."""
    given = parser().parse_args(arguments)
    from certify.cli.session import new_folder

    folder = new_folder(Path("runs/demo")) if given.out is None else _own_folder(given.out)
    models = save_models(folder, given.seed)
    codes = [certify_saved(folder, path, norm, given.seed) for path, norm in zip(models, ("2", "inf"), strict=True)]
    return max(codes)


def _own_folder(wanted: Path) -> Path:
    from certify.errors import InvalidInput

    try:
        wanted.mkdir(parents=True, exist_ok=True)
        empty = not any(wanted.iterdir())
    except OSError as problem:
        raise InvalidInput(f"Cannot write to {wanted}: {problem.strerror}. Choose another --out.") from None
    if not empty:
        raise InvalidInput(f"{wanted} exists and is not empty. Choose another --out.")
    return wanted


def save_models(folder: Path, seed: int) -> list[Path]:
    """Trains the classifier and saves it as ``digits-mlp.safetensors`` and ``digits-mlp.onnx``; the two paths."""
    from certify.cli.demo_training import train
    from certify.io.datasets import load_points
    from certify.io.writers import save
    from certify.query import predictions

    learned, test = load_points("digits:train", None), load_points("digits", None)
    network = train(learned.points, learned.labels, seed=seed)
    right = (predictions(network, test.points) == test.labels).mean()
    print(f"trained a 64-48-32-10 classifier on {len(learned)} digits: {100 * right:.1f}% of {len(test)} others right")
    paths = [folder / f"digits-mlp.{kind}" for kind in ("safetensors", "onnx")]
    for path in paths:
        save(network, path, metadata={"trained-on": "digits:train", "seed": str(seed)})
    return paths


def certify_saved(folder: Path, model: Path, norm: str, seed: int) -> int:
    """Certifies a saved file on the first test images as the main command does, then shows brackets and curve."""
    from certify.cli import session
    from certify.cli.request import Request
    from certify.report.curve import Curve
    from certify.store import read_rows

    out = folder / ("linf" if norm == "inf" else f"l{norm}")
    words = [
        str(model),
        "--data",
        "digits",
        "--index",
        INDEX,
        "--norm",
        norm,
        "--domain",
        "0,1",
        "--out",
        str(out),
    ]
    print(f"\n$ python -m certify {' '.join(words)}", flush=True)
    request = Request(
        model=str(model),
        data="digits",
        index=INDEX,
        norm=norm,
        domain=(0.0, 1.0),
        seed=seed,
        out=out,
        command=tuple(words),
    )
    code = session.certify_file(request, out=sys.stdout, log=sys.stdout)
    rows = read_rows(out)
    if rows:
        print("\n" + brackets(rows[:SHOWN]) + "\n\n" + ascii_curve(Curve.of(rows)) + f"\nfigure: {out / 'curve.svg'}")
    return code


def brackets(rows: Sequence["Record"]) -> str:
    """A table of brackets, radii rounded to their safe sides."""
    from certify.rounding import print_ceil, print_floor

    lines = [f"{'image':>5} {'label':>5} {'predicted':>9} {'certified':>10} {'attacked':>10}  status"]
    for row in sorted(rows, key=lambda row: row.index):
        answer = row.answer
        low, high = print_floor(answer.lower), print_ceil(answer.upper)
        lines.append(f"{row.index:>5} {answer.label:>5} {answer.prediction:>9} {low:>10} {high:>10}  {answer.status}")
    return "\n".join(lines)


def ascii_curve(curve: "Curve", width: int = 60, height: int = 10) -> str:
    """Certified (#) and attacked (.) accuracy against the radius, as text."""
    end = curve.reach or 1.0
    radii = [end * k / (width - 1) for k in range(width)]
    certified, attacked = ([side(r) for r in radii] for side in (curve.certified, curve.attacked))
    lines = [f"accuracy on {curve.count} inputs: # certified, . not broken by an attack (the truth lies between)"]
    for level in range(height, 0, -1):
        bar = (level - 0.5) / height
        cells = (
            "#" if low >= bar else "." if high >= bar else " " for low, high in zip(certified, attacked, strict=True)
        )
        lines.append(f"{100 * level / height:>4.0f}% |" + "".join(cells).rstrip())
    return "\n".join([*lines, "   0% +" + "-" * width, f"      0{'radius':^{width - 10}}{end:>9.4g}"])
