"""``python -m certify inspect MODEL``: what is in a model file, and what would be refused and why."""

import argparse
import dataclasses as dc
import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from certify.io.models import Inspection

REFUSED = 3


def parser() -> argparse.ArgumentParser:
    """The command's arguments."""
    made = argparse.ArgumentParser(
        prog="python -m certify inspect",
        description="What is in a model file: format, ops, shapes, sizes, digests; and what would be refused and why.",
        epilog="exit codes: 0 the model can be certified, 2 the file cannot be read, 3 something in it is refused",
        allow_abbrev=False,
    )
    made.add_argument("model", metavar="MODEL", help=".safetensors, .onnx, .onnx.gz, .pt, .pth or .pt2")
    made.add_argument("--arch", metavar="FILE.py:FUNCTION", help="function that builds the torch module; it is run")
    made.add_argument("--json", action="store_true", help="print one JSON object")
    return made


def main(arguments: Sequence[str]) -> int:
    """Reads the arguments, prints what the file holds, and returns the exit code."""
    given = parser().parse_args(arguments)
    from certify.io.models import inspect  # numpy and torch come in here, after --help and mistyped options

    found = inspect(given.model, arch=given.arch)
    print(json.dumps(as_json(found)) if given.json else as_text(found))
    return REFUSED if found.refused else 0


def as_json(found: "Inspection") -> dict[str, Any]:
    """The inspection in JSON's types."""
    fields = {field.name: getattr(found, field.name) for field in dc.fields(found)}
    counts = None if found.counts is None else dc.asdict(found.counts)
    return fields | {"path": str(found.path), "counts": counts}


def as_text(found: "Inspection") -> str:
    """The inspection as lines for people."""
    opset = f", opset {found.opset}" if found.opset is not None else ""
    stored = f", stored as {found.dtype}" if found.dtype != "unknown" else ""
    lines = [
        f"{found.path}: {found.format}{opset}{stored}",
        f"  file     sha256 {found.file_digest}",
        f"  input    {_shape(found.input_shape)}",
        f"  output   {_shape(found.output_shape)}",
        f"  ops      {', '.join(f'{count} {op}' for op, count in found.ops.items()) or 'unknown'}",
    ]
    if found.counts is not None:
        counts = found.counts
        lines += [
            f"  network  {counts.dense} parameters ({counts.nnz} not zero), {counts.units} ReLUs, depth {counts.depth}",
            f"  digest   {found.digest}",
        ]
    lines += [f"  note     {note}" for note in found.notes]
    lines += [f"  REFUSED  {reason}" for reason in found.refused]
    return "\n".join([*lines, "cannot be certified" if found.refused else "can be certified"])


def _shape(shape: tuple[int, ...] | None) -> str:
    return "unknown" if shape is None else " x ".join(str(size) for size in shape)
