"""``python -m certify supports CAPABILITY``: what the verifier can do, in the words of VNN-LIB 2.0."""

import argparse
from collections.abc import Callable, Sequence

OLDEST_OPSET = 9

_THEORIES = {
    "hidden-node-theories": ("NH",),
    "multiple-input-output-theories": ("SIO",),
    "multiple-network-theories": ("SNET", "MENET", "MINET", "MNET"),
    "multiple-node-comparison-theories": ("SNC", "MNC"),
    "arithmetic-complexity-theories": ("BND", "OUTC", "LIN"),
    "vnnlib-versions": ("1.0", "2.0"),
    "onnx-element-types": ("real",),
    "optimised-disjunctive-reasoning": ("false",),
    "serialise-assignments": ("false",),
    "unsat-proofs": ("false",),
}
"""Answers that do not depend on what is installed. Proofs hold over the reals, so that is the only type."""


def _opsets() -> tuple[str, ...]:
    import onnx.defs

    return str(OLDEST_OPSET), str(onnx.defs.onnx_opset_version())


def _operators() -> tuple[str, ...]:
    from certify.io.onnx_reader import RULES

    return tuple(sorted(RULES))


_COMPUTED: dict[str, Callable[[], tuple[str, ...]]] = {"onnx-opset-versions": _opsets, "onnx-operators": _operators}


def parser() -> argparse.ArgumentParser:
    """The command's arguments."""
    made = argparse.ArgumentParser(
        prog="python -m certify supports",
        description="What the verifier can do, one line for each version, type, operator or theory of VNN-LIB 2.0.",
        allow_abbrev=False,
    )
    one = made.add_mutually_exclusive_group(required=True)
    for name in (*_THEORIES, *_COMPUTED):
        one.add_argument(f"--{name}", dest="capability", action="store_const", const=name)
    return made


def main(arguments: Sequence[str]) -> int:
    """Prints the lines of the capability that is asked for, and returns the exit code."""
    name = parser().parse_args(arguments).capability
    print("\n".join(_THEORIES[name] if name in _THEORIES else _COMPUTED[name]()))
    return 0
