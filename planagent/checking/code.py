"""PA101: code in a plan. A path, a call name, a variable, a status or an HTTP line is none."""

from __future__ import annotations

import re
from collections.abc import Iterator

from planagent.checking.units import Unit
from planagent.model import Finding

_MARKED = re.compile(r"`([^`]+)`")
_ALLOWED = re.compile(
    r"(?:GET|POST|PUT|PATCH|DELETE|HEAD|OPTIONS)\s+/\S*"  # an HTTP line
    r"|[\w./{}:\[\]@*-]+/?"  # a path, a name, a type
    r"|[\w.]+\(\)"  # a call name
    r"|\$\{[\w…]+\}|<!--.*-->|[\w-]+: [\w-]+"  # a reference, a header
    r"|https?://[\w.:/,{}-]+(?:,https?://[\w.:/{}-]+)*"
)
_STATEMENT = re.compile(
    r"[;{}]\s*$|=>|->|==|!=|\+=|:=|(?<![<>=!])=(?!=)\s*[\"'\w\[({]|\breturn\b|\bawait\b|\bdef \w|\bclass \w+[(:]|\bfunc \w|\bimport \w|\bfrom \w+ import"
    r"|^\s*@\w+|</?\w+[^>]*>|\w+\([^)]*[\"'=,][^)]*\)|\[\s*[\"'{]|\{\s*[\"']"
)
_BARE = re.compile(
    r"\b(?:SELECT\s+.+\s+FROM|INSERT\s+INTO\s+\w+|UPDATE\s+\w+\s+SET|DELETE\s+FROM\s+\w+|CREATE\s+(?:TABLE|INDEX)\s+\w+|ALTER\s+TABLE\s+\w+|DROP\s+TABLE)\b"
    r"|^\s*(?:def|class|async def)\s+\w+\s*[(:]|^\s*(?:from\s+[\w.]+\s+)?import\s+[\w.]+\s*$|^\s*(?:const|let|var)\s+\w+\s*="
    r"|^\s*(?:\$|>>>)\s+\w+|\b(?:pip|npm|yarn|uv|poetry|cargo|go|docker|git|alembic)\s+(?:install|add|run|init|get|build|upgrade|revision|compose up|commit)\b"
    r"|</?(?:div|button|form|span|input|p|ul|li)\b[^>]*>|^\s*\{\s*\"\w+\"\s*:|\w+\s*=\s*\w+\([^)]*\)|if __name__"
)


def find_code(text: str) -> str:
    """The first piece of code in a line, '' when there is none."""
    if "```" in text or text.startswith("~~~"):
        return "```"
    for match in _MARKED.finditer(text):
        inside = match[1].strip()
        if not _ALLOWED.fullmatch(inside) and _STATEMENT.search(inside):
            return inside
    bare = _BARE.search(
        _MARKED.sub(lambda m: m[1] if " " in m[1] and not _ALLOWED.fullmatch(m[1].strip()) else " ", text)
    )
    return bare[0].strip() if bare else ""


def check_code(unit: Unit) -> Iterator[Finding]:
    found = find_code(unit.text)
    if found:
        yield Finding(
            "PA101",
            unit.place,
            f"code: {found[:60]!r}",
            "Say in words what it does; name functions, files and values.",
            unit.line,
            unit.key,
        )
