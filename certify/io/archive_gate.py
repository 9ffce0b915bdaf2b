"""torch.export archives made safe to load.

``torch.export.load`` unpickles some entries and evaluates some strings. Only what plain weights and graphs of ATen ops
need passes here; everything else is refused or left out, and what passes is packed anew.
"""

import io
import json
import re
import zipfile
from typing import Any

from certify.errors import InvalidInput
from certify.io.state_dict import unpickle

_PLAIN = re.compile(r"\w+")

_EXPECTED = re.compile(
    r"([^/]+/)?(data/(weights|constants)/((weight|tensor)_\d+|\w+_config\.json|\w+\.pt)|models/\w+\.json"
    r"|data/sample_inputs/\w+\.pt|archive_(format|version)|\.data/(version|serialization_id)|byteorder|version"
    r"|serialized_exported_program\.json|serialized_(state_dict|constants|example_inputs)\.pt)"
)
"""The entries that archives have; loading treats some others as programs."""


def cleaned(data: bytes, name: str) -> bytes:
    """The archive without anything that loading could execute.

    Raises:
        InvalidInput: damaged, or it needs something that is not plain weights and ATen ops.
    """
    try:
        source = zipfile.ZipFile(io.BytesIO(data))
        entries = {entry: source.read(entry) for entry in source.namelist()}
    except (zipfile.BadZipFile, OSError, ValueError, RuntimeError) as error:
        raise InvalidInput(f"{name} is a damaged archive ({error}). Is it truncated?") from error
    if len(entries) != len(source.namelist()):
        raise InvalidInput(f"{name} holds two entries of one name and was not loaded.")
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_STORED) as target:
        for entry, content in entries.items():
            target.writestr(entry, _checked(entry, content, name))
    return packed.getvalue()


def _checked(entry: str, content: bytes, name: str) -> bytes:
    if not _EXPECTED.fullmatch(entry):
        raise InvalidInput(f"{name} holds {entry!r}, no plain weights or graph, and was not loaded. Export it again.")
    if entry.endswith(".pt"):
        unpickle(content, f"{name}: {entry}")  # as weights alone, or it raises
    if not entry.endswith(".json"):
        return content
    try:
        return json.dumps(_scrubbed(json.loads(content), f"{name}: {entry}")).encode()
    except (ValueError, RecursionError) as error:
        raise InvalidInput(f"{name}: {entry} is damaged ({error}). Is the file truncated?") from error


def _scrubbed(value: Any, name: str) -> Any:
    """The JSON value without source positions and guards; refuses pickles, expressions and foreign ops."""
    if isinstance(value, list):
        return [_scrubbed(item, name) for item in value]
    if not isinstance(value, dict):
        return value
    if value.get("use_pickle") or str(value.get("path_name", "weight_")).split("_")[0] not in ("weight", "tensor"):
        raise InvalidInput(
            f"{name} needs objects that are not plain tensors ({value.get('path_name')}) and was not loaded."
        )
    for key in ("expr_str", "expr"):
        if isinstance(value.get(key), str) and not _PLAIN.fullmatch(value[key]):
            raise InvalidInput(
                f"{name} holds the expression {value[key][:80]!r}, which is not evaluated. Export with fixed shapes."
            )
    if "inputs" in value and "outputs" in value and isinstance(value.get("target"), str):
        if not value["target"].startswith("torch.ops.aten."):
            raise InvalidInput(f"{name} calls {value['target'][:80]!r}; only torch.ops.aten operations are loaded.")
        value = value | {"metadata": {}}
    if any(not _PLAIN.fullmatch(symbol) for symbol in value.get("range_constraints") or {}):
        raise InvalidInput(f"{name} has constraints on expressions, which are not evaluated. Export with fixed shapes.")
    emptied = {"guards_code": []} if "guards_code" in value else {}
    return {key: _scrubbed(item, name) for key, item in (value | emptied).items()}
