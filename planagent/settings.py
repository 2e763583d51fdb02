"""Settings that remember where each value came from: default < file < .env < environment < flag."""

from __future__ import annotations

import os
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from dotenv import dotenv_values

from planagent.errors import UsageError
from planagent.features import find_feature

Origin = Literal["default", "planagent.toml", "pyproject.toml", ".env", "environment", "flag"]

OUTPUT = "plan/backend_implementation_plan.md"
STATE = ".planagent"

# name: (default, environment variable or '', type, the least value for numbers)
FIELDS: dict[str, tuple[Any, str, type]] = {
    "scope": ("", "PLANAGENT_SCOPE", str),
    "feature": ("", "PLANAGENT_FEATURE", str),
    "include": ((), "", tuple),
    "exclude": ((), "", tuple),
    "output": (OUTPUT, "PLANAGENT_OUTPUT", str),
    "record": ("", "PLANAGENT_RECORD", str),
    "model": ("", "PLANAGENT_MODEL", str),
    "read_model": ("", "PLANAGENT_READ_MODEL", str),
    "write_model": ("", "PLANAGENT_WRITE_MODEL", str),
    "review_model": ("", "PLANAGENT_REVIEW_MODEL", str),
    "review": ("once", "PLANAGENT_REVIEW", str),
    "batch": (False, "PLANAGENT_BATCH", bool),
    "base_url": ("", "OPENAI_BASE_URL", str),
    "api_key": ("", "OPENAI_API_KEY", str),
    "concurrency": (16, "PLANAGENT_CONCURRENCY", int),
    "timeout": (180, "PLANAGENT_TIMEOUT", int),
    "idle_timeout": (60, "PLANAGENT_IDLE_TIMEOUT", int),
    "retries": (5, "PLANAGENT_RETRIES", int),
    "repairs": (2, "PLANAGENT_REPAIRS", int),
    "patience": (300, "PLANAGENT_PATIENCE", int),
    "log": ("", "PLANAGENT_LOG", str),
    "max_calls": (1000, "PLANAGENT_MAX_CALLS", int),
    "max_tokens": (5_000_000, "PLANAGENT_MAX_TOKENS", int),
    "max_cost": (0.0, "PLANAGENT_MAX_COST", float),
    "price_input": (0.0, "PLANAGENT_PRICE_INPUT", float),
    "price_output": (0.0, "PLANAGENT_PRICE_OUTPUT", float),
    "temperature": (0.2, "PLANAGENT_TEMPERATURE", float),
    "check_select": ((), "", tuple),
    "check_ignore": ((), "", tuple),
}


_MODEL_OF = {"read": "read_model", "decide": "write_model", "write": "write_model", "review": "review_model"}


@dataclass(frozen=True, slots=True)
class Settings:
    """Every setting with its origin; `decisions` holds what a person ruled, topic to text, `overrides` what one corrected."""

    workspace: Path
    values: dict[str, Any]
    origins: dict[str, Origin]
    decisions: dict[str, str] = field(default_factory=dict)
    overrides: tuple[dict[str, str], ...] = ()

    def __getattr__(self, name: str) -> Any:
        try:
            return self.values[name]
        except KeyError:
            raise AttributeError(name) from None

    @property
    def output_path(self) -> Path:
        path = Path(self.values["output"])
        return path if path.is_absolute() else self.workspace / path

    def model_of(self, kind: str) -> str:
        """The model that answers a kind of brief; '' for none."""
        return str(self.values[_MODEL_OF[kind]] or self.values["model"])

    @property
    def record_path(self) -> Path | None:
        """Where the answers behind the plan are kept for version control; None for nowhere."""
        return self.workspace / self.values["record"] if self.values["record"] else None

    @property
    def state(self) -> Path:
        return self.workspace / STATE


def load_settings(workspace: Path, flags: dict[str, Any] | None = None) -> Settings:
    """Reads all sources.

    Args:
        workspace: the project's root.
        flags: values given on the command line; None means not given.

    Raises:
        UsageError: a configuration file does not parse, or holds an unknown or ill-typed setting.
    """
    values: dict[str, Any] = {name: default for name, (default, _, _) in FIELDS.items()}
    origins: dict[str, Origin] = dict.fromkeys(FIELDS, "default")
    decisions: dict[str, str] = {}
    overrides: list[dict[str, str]] = []

    def put(name: str, value: Any, origin: Origin) -> None:
        values[name] = _typed(name, value, origin)
        origins[name] = origin

    for origin, table in _files(workspace):
        for name, value in table.items():
            if name == "decisions":
                decisions.update({str(k): str(v) for k, v in value.items()})
            elif name == "overrides":
                overrides += _overrides(value, origin)
            elif name == "check":
                for key, rules in _check_table(value, origin).items():
                    put(f"check_{key}", rules, origin)
            elif name == "api_key" or name not in FIELDS or name.startswith("check_"):
                why = "a key does not belong into a file" if name == "api_key" else "there is no such setting"
                raise UsageError(
                    f"{origin}: `{name}`: {why}.",
                    f"Known settings: {', '.join(n for n in FIELDS if n != 'api_key' and not n.startswith('check_'))}, [decisions], [[overrides]], [check].",
                )
            else:
                put(name, value, origin)
    dotenv = dotenv_values(workspace / ".env") if (workspace / ".env").is_file() else {}
    for env_origin, source in ((".env", dotenv), ("environment", os.environ)):
        for name, (_, variable, _) in FIELDS.items():
            if variable and source.get(variable):
                put(name, source[variable], env_origin)  # type: ignore[arg-type]
    for name, value in (flags or {}).items():
        if value is not None:
            put(name, value, "flag")
    _plan_feature(workspace, values)
    if values["review"] not in ("once", "off"):
        raise UsageError(f"{origins['review']}: `review` is {values['review']!r}.", 'Set it to "once" or "off".')
    return Settings(workspace, values, origins, decisions, tuple(overrides))


def _plan_feature(workspace: Path, values: dict[str, Any]) -> None:
    """One feature folder is planned; `{feature}` in the output stands for its path."""
    output = values["output"]
    if values["feature"]:
        found = find_feature(workspace, values["feature"])
        values["feature"] = found.name
        values["output"] = output.replace("{feature}", found.path)
    if "{feature}" in values["output"]:
        raise UsageError(f"The output {output!r} needs a feature.", "Name one with --feature.")


def _overrides(value: Any, origin: Origin) -> list[dict[str, str]]:
    """`[[overrides]]`: tables of texts."""
    if not isinstance(value, list) or not all(isinstance(e, dict) and all(isinstance(v, str) for v in e.values()) for e in value):
        raise UsageError(f"{origin}: `overrides` must be tables of texts.", "Write each as [[overrides]].")
    return value


def _check_table(value: Any, origin: Origin) -> dict[str, Any]:
    """`[check]` with `select` and `ignore`, lists of rule codes."""
    if not isinstance(value, dict) or set(value) - {"select", "ignore"}:
        raise UsageError(f"{origin}: `check` must be a table with `select` and `ignore`.", "Correct `check`.")
    return value


def _files(workspace: Path) -> list[tuple[Origin, dict[str, Any]]]:
    found: list[tuple[Origin, dict[str, Any]]] = []
    project = workspace / "pyproject.toml"
    own = workspace / "planagent.toml"
    if project.is_file():
        found.append(("pyproject.toml", _toml(project).get("tool", {}).get("planagent", {})))
    if own.is_file():
        found.append(("planagent.toml", _toml(own)))
    return found


def _toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError) as error:
        raise UsageError(f"{path.name}: cannot be read ({error}).", "Mend the file, or move it away.") from error


def _typed(name: str, value: Any, origin: Origin) -> Any:
    kind = FIELDS[name][2]
    try:
        if kind is tuple:
            if isinstance(value, str) or not all(isinstance(v, str) for v in value):
                raise TypeError
            return tuple(value)
        if kind is str:
            if not isinstance(value, str):
                raise TypeError
            return value
        if kind is bool:
            return value if isinstance(value, bool) else _SAID[str(value).strip().lower()]
        number = kind(value)
        if number < 0 or (name in ("concurrency", "timeout", "idle_timeout", "max_calls", "max_tokens") and number < 1):
            raise ValueError
        return number
    except (KeyError, TypeError, ValueError):
        raise UsageError(f"{origin}: `{name}` is {value!r}; expected {_EXPECTED[kind]}.", f"Correct `{name}`.") from None


_SAID = {"1": True, "true": True, "yes": True, "on": True, "0": False, "false": False, "no": False, "off": False}
_EXPECTED = {bool: "true or false", tuple: "a list of texts", str: "a text", int: "a whole number", float: "a number"}
