"""Certified robust radii of saved ReLU networks. Public names load on first use, so that importing stays cheap."""

import importlib

_HOME = {
    "Affine": "certify.network",
    "Conv2d": "certify.network",
    "Add": "certify.network",
    "ReLU": "certify.network",
    "Node": "certify.network",
    "Network": "certify.network",
    "Box": "certify.region",
    "Norm": "certify.region",
    "CertifiedRadius": "certify.outcome",
    "Status": "certify.outcome",
    "Trust": "certify.outcome",
    "Witness": "certify.outcome",
    "CertifyError": "certify.errors",
    "InvalidInput": "certify.errors",
    "UnsupportedModel": "certify.errors",
    "Settings": "certify.radius",
    "radii": "certify.api",
    "load": "certify.io.models",
}

__all__ = list(_HOME)  # pyright: ignore[reportUnsupportedDunderAll]
__version__ = "0.1.0"


def __getattr__(name: str) -> object:
    if name not in _HOME:
        raise AttributeError(f"module 'certify' has no attribute {name!r}")
    return getattr(importlib.import_module(_HOME[name]), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOME])
