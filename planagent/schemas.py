"""JSON Schemas: of what commands print, and of `planagent.toml`."""

from __future__ import annotations

from typing import Any

from planagent.outputs import OUTPUTS
from planagent.settings import FIELDS

SETTINGS = "planagent.toml"


def schema_of(name: str) -> dict[str, Any]:
    """A JSON Schema (2020-12). Fields may be added in later versions: a schema forbids none.

    Raises:
        KeyError: there is none of that name.
    """
    found = _settings_schema() if name == SETTINGS else _open(OUTPUTS[name].model_json_schema())
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **found}


def _open(schema: Any) -> Any:
    if isinstance(schema, dict):
        return {k: _open(v) for k, v in schema.items() if k != "additionalProperties" or v is not False}
    return [_open(v) for v in schema] if isinstance(schema, list) else schema


_TYPES: dict[type, dict[str, Any]] = {
    str: {"type": "string"}, int: {"type": "integer", "minimum": 0}, float: {"type": "number", "minimum": 0}, bool: {"type": "boolean"},
    tuple: {"type": "array", "items": {"type": "string"}},
}  # fmt: skip


def _settings_schema() -> dict[str, Any]:
    """For editors: what may stand in the file, by the table that reads it."""
    told = {n: f for n, f in FIELDS.items() if n != "api_key" and not n.startswith("check_")}
    rules = {"type": "array", "items": {"type": "string"}}
    override = {"type": "object", "additionalProperties": {"type": "string"}}
    return {
        "title": SETTINGS, "type": "object", "additionalProperties": False,
        "properties": {
            **{n: {**_TYPES[kind], "default": list(default) if kind is tuple else default} for n, (default, _, kind) in told.items()},
            "decisions": {"type": "object", "additionalProperties": {"type": "string"}},
            "overrides": {"type": "array", "items": override},
            "check": {"type": "object", "additionalProperties": False, "properties": {"select": rules, "ignore": rules}},
        },
    }  # fmt: skip
