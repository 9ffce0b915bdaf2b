"""Where a run's numbers come from: files, settings, versions, and the units they are in."""

import datetime
import importlib.metadata
import json
import math
import platform
from pathlib import Path
from typing import Any

import certify
from certify.cli.request import Request
from certify.io.datasets import PointSet
from certify.io.models import LoadedModel
from certify.radius import Settings
from certify.report.summary import Heading
from certify.run import describe_domain

_PACKAGES = ("torch", "numpy", "onnxruntime")
UNITS = "radii are in the units of the raw input, before any normalisation; times in seconds"


def digests(model: LoadedModel, points: PointSet) -> dict[str, str]:
    """What identifies the things that a run is about, besides its settings."""
    return {
        "relucert": certify.__version__,
        "model file": model.file_digest,
        "network": model.network.digest,
        "data": points.digest,
        "inputs": f"{len(points)} from {points.indices[0]} to {points.indices[-1]}",
    }


def data_name(spec: str) -> str:
    """What a data set is called in titles: without the folder that it lies in."""
    kind, _, place = spec.partition(":")
    if kind in ("digits", "mnist", "mnist-train", "cifar10", "cifar10-train"):
        return spec if kind == "digits" and place else kind
    return Path(spec.split(",")[0]).name


def heading(request: Request, model: LoadedModel, points: PointSet, settings: Settings) -> Heading:
    """The run in names and settings, as its summaries print them."""
    counts = model.network.count()
    setup = {
        "model": f"{request.model} ({model.format}; {counts.dense} parameters, {counts.units} ReLUs, depth "
        f"{counts.depth})",
        "data": f"{request.data}, {len(points)} inputs of shape {_shape(points.shape)}",
        "norm": str(settings.norm),
        "method": settings.method,
        "domain": "none" if request.domain is None else ",".join(f"{end:g}" for end in request.domain),
        "max radius": _both_units(settings.max_radius, request.reading.std),
        "tolerance": f"{settings.tolerance:g}",
        "seconds per input": f"{settings.seconds:g}",
        "device": settings.device,
        "seed": str(settings.seed),
        "units": _units(request.reading.std),
    }
    notes = (*model.notes, *points.notes, *_hints(points, settings))
    return Heading(Path(request.model).name, data_name(request.data), settings.norm, len(points), setup, notes)


def opening(about: Heading, folder: Path, done: int) -> list[str]:
    """The lines that a run begins with."""
    setup = about.setup
    lines = [
        f"model: {setup['model']}",
        f"data: {setup['data']}",
        f"{about.norm} radii in {setup['units']}; domain {setup['domain']}; max radius {setup['max radius']}; "
        f"method {setup['method']}; {setup['device']}",
        *(f"note: {note}" for note in about.notes),
        f"run: {folder}/",
    ]
    return [*lines, f"{done} of {about.total} inputs are already done"] if done else lines


def run_facts(
    folder: Path, request: Request, model: LoadedModel, points: PointSet, settings: Settings
) -> dict[str, Any]:
    """The content of ``run.json``; when a run is resumed, its earlier sessions stay."""
    counts = model.network.count()
    return {
        "format": "relucert-run-1",
        "units": UNITS,
        "model": {
            "path": request.model,
            "format": model.format,
            "file_digest": model.file_digest,
            "network_digest": model.network.digest,
            "input_shape": list(model.network.input_shape),
            "outputs": model.network.output_width,
            "parameters": counts.dense,
            "units": counts.units,
            "depth": counts.depth,
            "mean": request.reading.mean,
            "std": request.reading.std,
            "notes": list(model.notes),
        },
        "data": {
            "spec": request.data,
            "name": points.name,
            "index": request.index or "all",
            "digest": points.digest,
            "inputs": len(points),
            "shape": list(points.shape),
            "notes": list(points.notes),
        },
        "settings": {
            "norm": settings.norm.short,
            "method": settings.method,
            "domain": describe_domain(settings.domain),
            "max_radius": _finite(settings.max_radius),
            "tolerance": settings.tolerance,
            "seconds": _finite(settings.seconds),
            "seed": settings.seed,
        },
        "sessions": [*_earlier_sessions(folder / "run.json"), _session(request, settings)],
    }


def _session(request: Request, settings: Settings) -> dict[str, Any]:
    versions = {name: _version(name) for name in _PACKAGES}
    return {
        "started": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "command": list(request.command),
        "device": settings.device,
        "versions": {"relucert": certify.__version__, "python": platform.python_version(), **versions},
        "platform": platform.platform(),
    }


def _version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return "not installed"


def _earlier_sessions(path: Path) -> list[Any]:
    """The sessions in an earlier ``run.json``; none if it is not there or was damaged (the rows stand elsewhere)."""
    try:
        content = json.loads(path.read_text())
    except (OSError, ValueError):
        return []
    return list(content.get("sessions", [])) if isinstance(content, dict) else []


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _shape(shape: tuple[int, ...]) -> str:
    return "x".join(str(size) for size in shape)


def _units(std: tuple[float, ...] | None) -> str:
    if std is None:
        return "raw input units"
    if len(set(std)) == 1:
        return f"raw input units (times {1 / std[0]:.6g} in normalised units: the model divides by {std[0]:g})"
    return "raw input units (the model divides each channel by its own std: no single factor to normalised units)"


def _both_units(radius: float, std: tuple[float, ...] | None) -> str:
    single = std is not None and len(set(std)) == 1 and math.isfinite(radius)
    return f"{radius:g} ({radius / std[0]:.6g} normalised)" if single and std else f"{radius:g}"


def _hints(points: PointSet, settings: Settings) -> tuple[str, ...]:
    values = points.points
    if settings.domain is not None or len(points.shape) < 2 or values.min() < 0 or values.max() > 1:
        return ()
    return (
        "the inputs look like pixels in 0..1 and no domain is set: counterexamples may leave that range. Radii over "
        "valid images only, which are at least as large, come with --domain 0,1",
    )
