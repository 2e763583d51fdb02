"""PA101 to PA106: code in a plan. A path, a call name, a variable, a status or an HTTP line is none."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass

from planagent.checking.units import Unit
from planagent.model import Finding

_MARKED = re.compile(r"(?<!`)(`{1,2})(?!`)(.+?)(?<!`)\1(?!`)")
_ALLOWED = re.compile(
    r"(?:GET|POST|PUT|PATCH|DELETE|HEAD|OPTIONS)\s+/\S*(?:\?[\w&={}…-]*)?"  # an HTTP line
    r"|[\w./{}:\[\]@*<>|?…~-]+(?:,\s[\w<>]+)*[/>]?"  # a path, a name, a type
    r"|/[\w./{}:-]*\?[\w&={}…-]*"  # a path with its query
    r"|(?:[\w.]+\.)?\w+\((?:[\w, .…*:=]*)\)"  # a call name, its parameters named, with defaults
    r"|\$\{[\w…]+\}|<!--.*-->|[\w-]+: [\w./{}<>:+-]+(?: [\w./{}<>+-]+)*"  # a reference, a header
    r"|https?://[\w.:/,{}?&=<>-]+(?:,https?://[\w.:/{}-]+)*"
    r"|[A-Z][A-Z0-9_]+=\S*"  # a variable with its value
)
_STATEMENT = re.compile(
    r"[;{}]\s*$|=>|(?<!-)->|==|!=|\+=|:=|(?<![<>=!?&\w-])=(?!=)\s*[\"'\w\[({]|\w\s?=\s[\"'\w\[({]|\breturn\b\s+\S|\bawait\b\s+\w|\bdef \w|\bclass \w+[(:]|\bfunc \w"
    r"|\bimport \w|\bfrom \w+ import|\w+\([^)]*[\"'=,][^)]*\)|\[\s*[\"'{]|^(?:const|let|var)\s+\w"
    r"|^(?:public|private|protected|static)\s+\w+\s+\w+|^\s*@\w+\(.*[\"'=]"
)
_SQL = re.compile(
    r"\b(?:SELECT\s+[\w*,.\s()\"]+?\s+FROM\s+\w+|INSERT\s+INTO\s+\w+|UPDATE\s+\w+\s+SET\s+\w+|DELETE\s+FROM\s+\w+|CREATE\s+(?:UNIQUE\s+)?(?:TABLE|INDEX)\s+\w+"
    r"|ALTER\s+TABLE\s+\w+|DROP\s+(?:TABLE|INDEX)\s+\w+)\b"
)
_JSON = re.compile(r"\{\s*[\"'][\w -]+[\"']\s*:|\[\s*\{\s*[\"']")
_MARKUP = re.compile(
    r"</?(?:div|button|form|span|input|p|ul|li|a|table|tr|td|h[1-6]|label|select|img|script|style|html|body|nav|header|section)\b[^>]*>"
    r"|<[A-Z]\w*(?:\s+[\w:-]+=[^>]*)?/>|<[A-Z]\w+\s+[\w:-]+=[^>]*>|</[A-Z]\w+>"
)
_TOOL = (
    r"(?:pip3?|npm|npx|yarn|pnpm|uv|poetry|cargo|go|docker|docker-compose|git|alembic|dotnet|mvn|\./mvnw|gradle|\./gradlew|python3?|node|curl|wget|psql|sqlx|php|composer|"
    r"make|kubectl|createdb|uvicorn|flask|django-admin|source|mkdir|chmod|cd|export|rm|cp|apt(?:-get)?|brew|bundle|rails|diesel)"
)
_SHELL = re.compile(rf"^\s*(?:\$|>|#)?\s*(?:sudo\s+)?{_TOOL}\s+\S")
_PROMPT = re.compile(rf"^\s*(?:\$|>>>)\s+(?:{_TOOL}|\w+)\b")
# Named inside a sentence without code marks, only these are surely commands.
_SPOKEN = re.compile(
    r"\b(?:pip3? install|npm install|yarn add|pnpm add|poetry add|uv add|cargo (?:add|install)|go get|docker (?:build|run)|git (?:commit|push|checkout|clone))"
    r"\s+(?!(?:or|and|the|a|all|to|in|for|it|as|everything below)\b)[\w.@/-]+"
)
_BARE = re.compile(
    r"^\s*(?:async def|def)\s+\w+\s*\(|^\s*class\s+\w+\s*[(:]|^\s*(?:from\s+[\w.]+\s+)?import\s+[\w.]+\s*$|^\s*(?:const|let|var)\s+\w+\s*="
    r"|\b[a-z_]\w*\s*=\s*[\w.]+\([^)]*\)|if __name__"
)
_FIX = "Say in words what it does; name functions, files and values."


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced or indented block. `language` is the fence's word, lower case, '' for none."""

    line: int
    language: str
    lines: tuple[str, ...]
    place: str = ""


_LONGEST_VERBATIM = 120
_REACHES = re.compile(r"[|;&`$]|://|\b(?:sudo|rm|curl|wget|eval|chmod)\b")
"""What does more than one thing, fetches or deletes is said in words, whoever wrote it."""


def verbatim_of(texts: Iterable[str]) -> frozenset[str]:
    """Commands and names that specs give exactly: what stands in code marks or on a line of its own. A plan may say them again."""
    found: set[str] = set()
    for text in texts:
        found.update(m[2].strip() for m in _MARKED.finditer(text))
        found.update(raw.strip().removeprefix("$ ") for raw in text.split("\n"))
    return frozenset(f for f in found if 2 < len(f) <= _LONGEST_VERBATIM and not _REACHES.search(f))


def find_code(text: str, verbatim: Collection[str] = ()) -> tuple[str, str]:
    """Rule and words of the first piece of code in a line, ('', '') when there is none.

    Args:
        verbatim: what the specs give exactly, as `verbatim_of` finds it.
    """
    if "```" in text or text.startswith("~~~"):
        return "PA101", "```"
    for match in _MARKED.finditer(text):
        inside = match[2].strip()
        rule = _marked(inside)
        if rule and not (rule in ("PA102", "PA105") and inside in verbatim):
            return rule, inside
    bare = _MARKED.sub(" ", text)
    for rule, pattern in (("PA103", _SQL), ("PA106", _MARKUP), ("PA105", _SPOKEN), ("PA104", _JSON)):
        found = pattern.search(bare)
        if found:
            return rule, found[0].strip()
    found = _PROMPT.match(bare) or _BARE.search(bare)
    return (("PA105" if _PROMPT.match(bare) else "PA102"), found[0].strip()) if found else ("", "")


def _marked(inside: str) -> str:
    """The rule that a text in code marks breaks, '' for a name, path, value or call."""
    if _SQL.search(inside):
        return "PA103"
    if _JSON.search(inside):
        return "PA104"
    if _SHELL.match(inside):
        return "PA105" if _has_arguments(inside) else ""
    if _MARKUP.search(inside):
        return "PA106" if re.search(r"</|/>|=|<[a-z]+>", inside) else ""
    if not _ALLOWED.fullmatch(inside) and (_STATEMENT.search(inside) or _BARE.search(inside)):
        return "PA102"
    return ""


def _has_arguments(command: str) -> bool:
    """`cargo test` and `go mod init` are names of commands; flags, packages, pipes and addresses make a shell line."""
    words = command.split()
    if len(words) > 3 or any(w.startswith("-") and len(w) > 1 for w in words):
        return True
    if re.search(r"[|&;<>$=\"']|://", command):
        return True
    return len(words) > 2 and bool(re.search(r"\b(?:install|add|mkdir|curl|rm|chmod|clone|get)\b", command))


def check_code(unit: Unit, verbatim: Collection[str] = ()) -> Iterator[Finding]:
    rule, found = find_code(unit.text, verbatim)
    if rule:
        yield unit.finding(rule, f"{_NAMES[rule]}: {_short(found)}", _FIX, found)


_NAMES = {"PA101": "a code block", "PA102": "code", "PA103": "SQL", "PA104": "a JSON body", "PA105": "a shell line", "PA106": "markup"}
_LANGUAGES = {
    **dict.fromkeys(("bash", "sh", "shell", "zsh", "powershell", "ps1", "console", "cmd", "shell-session"), "PA105"),
    **dict.fromkeys(("json", "jsonc", "json5"), "PA104"),
    **dict.fromkeys(("sql", "postgresql", "psql", "mysql"), "PA103"),
    **dict.fromkeys(("html", "xml", "jsx", "tsx", "vue", "svelte"), "PA106"),
}
_PLAIN = frozenset(["text", "txt", "plaintext", "plain", "tree", "none", "mermaid", "plantuml", "dot", "http", "gherkin", "csv"])
_DRAWN = re.compile(r"[├└│─┌┐┘┬┴┼▼►→←↓↑▲]|^\s*[|+][-|+\s]*--|^\s*\|--")


def block_rule(block: Block) -> str:
    """The rule that a block breaks, '' for a drawing, a tree of files or plain text."""
    known = _LANGUAGES.get(block.language)
    body = [line for line in block.lines if line.strip() and not re.match(r"\s*(?:```|~~~)", line)]
    if known == "PA105":
        # Templates put lists of tasks and remarks into shell fences.
        return known if any(_SHELL.match(x) or re.match(r"\s*[\w./-]+ -{1,2}\w", x) for x in body) else ""
    if known:
        return known
    if block.language in _PLAIN:
        return ""
    if block.language and block.language not in ("md", "markdown"):
        return "PA101"
    if not body or sum(bool(_DRAWN.search(line)) for line in body) * 3 >= len(body):
        return ""
    return _by_content(body)


def _by_content(body: Sequence[str]) -> str:
    """What an unnamed block is, by its lines: code only when a good part of them is."""
    first = body[0].strip()
    if first[:1] in "{[" and any(re.match(r"\s*[\"']\w+[\"']\s*:", line) for line in body):
        return "PA104"
    text = "\n".join(body)
    if _SQL.search(text):
        return "PA103"
    shell = sum(bool(_SHELL.match(line)) for line in body)
    if shell * 2 >= len(body):
        return "PA105"
    code = sum(bool(_BARE.search(line) or (_STATEMENT.search(line) and not _ALLOWED.fullmatch(line.strip()))) for line in body)
    return "PA101" if code * 3 >= len(body) else ""


def check_block(block: Block) -> Iterator[Finding]:
    rule = block_rule(block)
    if rule:
        what = f"a block of {block.language}" if block.language else f"{_NAMES[rule]} of {len(block.lines)} lines"
        excerpt = block.lines[0].strip() if block.lines else ""
        yield Finding(rule, block.place or f"line {block.line}", what, _FIX, block.line, excerpt=excerpt)


def _short(text: str) -> str:
    return repr(text if len(text) <= 60 else text[:57] + "…")
