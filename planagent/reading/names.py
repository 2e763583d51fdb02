"""Environment variables, requirement ids, technologies and the drawn project layout."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from planagent.model import Evidence, Side
from planagent.reading.text import Line, plain

_NAME = re.compile(r"(?<![\w\[$.{/-])([A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+)(?![\w\]-]|\()")
_ASSIGNED = re.compile(r"^\s*(?:export\s+|set\s+|-\s+)?([A-Z][A-Z0-9_]*)\s*(?:=|:\s)\s*(.*)$")
_ACCESS = re.compile(
    r"(?:process\.env\.|import\.meta\.env\.|process\.env\[[\"']|os\.environ(?:\.get)?[\[(][\"']|os\.getenv\([\"']|"
    r"getenv\([\"']|env::var\([\"']|env\([\"']|Getenv\([\"']|GetEnvironmentVariable\([\"']|ENV\[[\"']|"
    r"(?:settings|config|env)\.(?=[A-Z]+_))([A-Z][A-Z0-9_]+)|\$\{([A-Z][A-Z0-9]*_[A-Z0-9_]+)\}"
)
_TREE_NAME = re.compile(r"^[\s│|]*[├└+]\s*[─-]+\s*([A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+)\s*(?:[#:=-].*)?$")
_CONFIG_IMPORT = re.compile(r"^\s*from\s+[\w.]*(?:config|settings)\s+import\s+(.+)$")
_CONTEXT = re.compile(
    r"(?i)environment var|environment config|\benv\b|\.env|env var|\benvs?\b|via environment|from (?:the )?environment|"
    r"environment\b(?=.*`[A-Z])|variables? de entorno|variáve(?:l|is) de ambiente|variables? d'environnement|umgebungsvariable|環境變數|환경\s*변수"
)
_LOOSE_CONTEXT = re.compile(
    r"(?i)configur|comes? from|read from|taken from|secret|connection string|setting|credential|token|key"
)
_TYPICAL = re.compile(
    r"_(?:URL|URI|KEY|SECRET|TOKEN|PORT|HOST|ORIGINS?|DSN|PASSWORD|USER|USERNAME|ALGORITHM|EXPIRATION|EXPIRES?(?:_IN)?|TTL|ENV|"
    r"FROM|ADDR|ADDRESS|NAME|LEVEL|DATABASE|DB|BUCKET|REGION|ENDPOINT|HOURS|MINUTES|SECONDS|DAYS|CLIENT_ID|PREFIX|CONNECTION|DEBUG|MODE)$"
)
_ENV_HEADING = re.compile(
    r"(?i)environment|\benv\b|\.env|configur|secrets|settings|despliegue|entorno|umgebung|konfigur|ambiente|環境變數|환경\s*변수|variáveis"
)
_VARIABLE_BULLET = re.compile(r"^\s*[-*+]\s+(?:\*\*)?`([A-Z][A-Z0-9_]{2,})`(?:\*\*)?(?=\s*[:(–—-]|\s*$)(.*)$")
_NOT_CONTEXT = re.compile(
    r"(?i)error code|errorcode|error_code|permission|authorit|\bcode\b|enum|status code|event type|constant|錯誤碼|錯誤代碼|role"
)
_CODE_NAME = re.compile(
    r"^(?:ERR|ERROR|HTTP|SQL|CURRENT|PRIMARY|FOREIGN|NOT|ON|AUTO)_|_(?:ERROR|FAILED|NOT_FOUND|EXISTS|INVALID|EXPIRED|REQUIRED|"
    r"DENIED|FORBIDDEN|CONFLICT|EXCEEDED|TIMESTAMP|UNAVAILABLE|MISMATCH|DUPLICATE)$|^(?:INVALID|MISSING|DUPLICATE|UNKNOWN|VALIDATION|"
    r"IN_PROGRESS|NOT_FOUND|UNAUTHORIZED|FORBIDDEN|INTERNAL_SERVER|TOO_MANY|BAD_REQUEST|CURRENT_TIMESTAMP|CLAUDE_MD|AGENTS_MD)"
)
_PLACEHOLDER = re.compile(r"\[[A-Z0-9_ ]*$")
_FRONT_PREFIX = re.compile(
    r"^(?:NEXT_PUBLIC|VITE|REACT_APP|EXPO_PUBLIC|NUXT_PUBLIC|PUBLIC|GATSBY|VUE_APP|NG)_"
)
_FRONT_WORD = re.compile(r"(?i)\bfront-?end\b|next\.?js|client side|browser|\bui\b|vercel|前端")
_BACK_WORD = re.compile(r"(?i)\bback-?end\b|\bserver\b|fastapi|\bapi\b|railway|後端")

_REQUIREMENT = re.compile(
    r"^\s*(?:[-*+•]|\d+[.)]|\||#{2,6}|>)?\s*(?:\[[ xX]\]\s*)?(?:\*\*|__|`|\[)*((?!US-|T-)[A-Z]{1,6}(?:-[A-Z]{1,6}){0,2}-?\d{1,4}(?:-\d{1,4}|(?:\.\d{1,3})*)[A-Za-z]?)"
    r"(?:\]|\*\*|__|`)*\s*(?:\([^)]*\)\s*)?(?:\*\*|__)?\s*(?:[:：.|–—-]|\*\*|$)\s*(.*)$"
)
# An id in bold or at the very start of a line, with its sentence behind it and no mark between.
_REQUIREMENT_BARE = re.compile(
    r"^(?:\s*[-*+]\s+)?(?:\*\*((?:R?N?F|REQ|FR|NFR|UR|BR|SR|RF|RNF)-\d{1,4}[a-z]?)\*\*|((?:REQ|FR|NFR|UR|BR|SR|RF|RNF)-\d{1,4}[a-z]?))\s+([A-Z\u00c0-\uffff].*)$"
)
_DASHLESS = re.compile(r"^(?:FR|NFR|SC|REQ|AC|UR|BR|SR|TR)\d{1,4}[A-Za-z]?$")
_NOT_REQUIREMENT = re.compile(
    r"^(?:UTF|SHA|ISO|RFC|HTTP|AES|TLS|ADR|CHK|US|UC|TC|T|TASK|PHASE|DOC|API-DOC|MD|IPV|OAUTH|H|V|VER|P|STEP|RISK|R|A|Q|D|EPIC|STORY|"
    r"ASM|AS|ASSUMPTION|DEC|ISSUE|PR|BUG|OQ|Y|COVID|GPT|IEEE|CVE|CWE|OWASP|WCAG|JSR|PEP|ES|HS|RS|PKCS|MVP|AP|EU|US-[A-Z]+|UI-TEST)-?\d"
)
_NOT_REQUIREMENT_HEADING = re.compile(
    r"(?i)assumption|out of scope|open question|risk|dependenc|checklist|glossary|revision|change ?log|future"
)


@dataclass(frozen=True, slots=True)
class VariableFound:
    name: str
    side: Side
    place: Evidence
    default: str


@dataclass(frozen=True, slots=True)
class RequirementFound:
    id: str
    text: str
    place: Evidence


def find_variables(file: str, lines: list[Line], role_side: Side) -> Iterator[VariableFound]:
    """Environment variables by their context: an env fence, an access in code, a table, a sentence about them."""
    for index, line in enumerate(lines):
        text = line.text
        if len(text) > 100_000 or not re.search(r"[A-Z]{2}", text):
            continue
        names: dict[str, str] = {}
        for match in _ACCESS.finditer(text):
            names[match[1] or match[2]] = ""
        if line.fence is not None:
            drawn = _TREE_NAME.match(text)
            if drawn and _is_configuration_branch(lines, index):
                names[drawn[1]] = ""
            imported = _CONFIG_IMPORT.match(text)
            if imported:
                names.update(dict.fromkeys(_NAME.findall(imported[1]), ""))
        env_fence = line.fence is not None and (
            line.fence in ("env", "dotenv", "ini", "properties")
            or (
                line.fence in ("", "bash", "sh", "shell", "text", "yaml", "yml", "toml")
                and _is_env_place(lines, index)
            )
        )
        assigned = _ASSIGNED.match(text)
        if env_fence and assigned:
            names[assigned[1]] = assigned[2].split(" #")[0].strip().strip("\"'")
        elif line.fence is None and _is_prose_place(line):
            # In prose a name counts beside words about the environment, and not beside words about codes.
            names.update(dict.fromkeys(_context_names(text, line), ""))
        elif line.fence is None and _LOOSE_CONTEXT.search(text) and not _NOT_CONTEXT.search(text):
            names.update(
                {n: "" for n in _context_names(text, line) if _TYPICAL.search(n) and f"`{n}`" in text}
            )
        for name, default in names.items():
            if len(name) < 3 or _CODE_NAME.search(name) or name in _SQL or name.endswith("_"):
                continue
            if "[masked" in default:
                default = ""
            yield VariableFound(
                name,
                _side(name, line, file, role_side),
                Evidence(file, line.number),
                default or _stated_default(line),
            )


def _stated_default(line: Line) -> str:
    """The default that a row of a table of variables, or a bullet on one, gives."""
    bullet = _VARIABLE_BULLET.match(line.text)
    stated = bullet and re.search(
        r"(?i)\(default\W{1,3}`?([\w./:-]+)`?\)|\bdefaults? (?:is|to) `([^`]+)`", bullet[2]
    )
    if stated:
        return stated[1] or stated[2]
    for head, cell in zip(line.header, line.cells, strict=False):
        if re.search(r"(?i)default|預設|padr[aã]o", head):
            value = plain(cell)
            return "" if value in ("-", "–", "none", "None", "n/a") else value
    return ""


_SQL = frozenset(["CGO_ENABLED", "GOOS", "GOARCH", "PYTHONPATH", "NOT_NULL", "CURRENT_TIMESTAMP", "PRIMARY_KEY", "FOREIGN_KEY", "GET", "POST", "PUT", "PATCH", "DELETE", "TODO", "NOTE", "README", "API", "JWT", "URL", "SELECT", "INSERT", "UPDATE", "CREATE", "TABLE", "INDEX", "ALTER", "WHERE", "FROM", "HEAD", "OPTIONS", "IF", "ELSE", "AND", "OR"])  # fmt: skip


def _is_env_place(lines: list[Line], index: int) -> bool:
    line = lines[index]
    if _ENV_HEADING.search(line.heading) or ".env" in line.under:
        return True
    for before in reversed(lines[max(0, index - 40) : index]):
        if before.fence is None and before.text.strip():
            return bool(_CONTEXT.search(before.text))
        if re.match(r"\s*#.*(?:\.env\b|environment)", before.text, re.IGNORECASE):
            return True
    return False


def _is_configuration_branch(lines: list[Line], index: int) -> bool:
    """A name drawn below a settings file or `.env` in a layout."""
    for line in reversed(lines[max(0, index - 12) : index]):
        if line.fence is None:
            return False
        if re.search(r"(?i)config\.|settings\.|\.env|environment", line.text):
            return True
        if re.search(r"\.\w{2,4}\s|/\s*$", line.text):
            return False
    return False


def _is_prose_place(line: Line) -> bool:
    if _NOT_CONTEXT.search(" ".join(line.header)) or re.search(
        r"(?i)error codes?|permission|enum", line.heading
    ):
        return False
    return bool(
        _CONTEXT.search(line.text)
        or _ENV_HEADING.search(line.heading)
        or _ENV_HEADING.search(" ".join(line.header))
    )


def _context_names(text: str, line: Line) -> list[str]:
    names = []
    for match in _NAME.finditer(text):
        before = text[max(0, match.start() - 80) : match.start()]
        if _PLACEHOLDER.search(before) or before.endswith(("hasAuthority('", 'code": "')):
            continue
        if re.search(r"(?i)(?:error|code|status|permission|role|enum)\W{0,4}$", before):
            continue
        names.append(match[1])
    if (
        line.cells
        and line.header
        and re.search(r"(?i)varia|variá|name|nombre|nome|key|clave|變數", line.header[0])
    ):
        single = re.fullmatch(r"`?([A-Z][A-Z0-9_]{2,})`?", plain(line.cells[0]))
        if single and _ENV_HEADING.search(line.under):
            names.append(single[1])
    bullet = _VARIABLE_BULLET.match(text)
    if bullet and _ENV_HEADING.search(line.heading):
        names.append(bullet[1])
    return list(dict.fromkeys(names))


def _side(name: str, line: Line, file: str, role_side: Side) -> Side:
    if _FRONT_PREFIX.match(name):
        return "frontend"
    heading = " / ".join(line.trail)
    front, back = bool(_FRONT_WORD.search(heading)), bool(_BACK_WORD.search(heading))
    if front != back:
        return "frontend" if front else "backend"
    if line.fence in ("typescript", "ts", "tsx", "javascript", "js", "jsx") and role_side != "frontend":
        return "frontend"
    return role_side


def find_requirements(file: str, lines: list[Line]) -> Iterator[RequirementFound]:
    """Numbered requirements where they are defined: at the start of a line, row or heading.

    A numbered criterion below a heading `Requirement 2` is requirement 2.1, 2.2, …, as its task lists call it.
    """
    for line in lines:
        criterion = _criterion(line)
        if criterion:
            yield RequirementFound(*criterion, Evidence(file, line.number))
            continue
        if line.fence is not None or not re.search(r"[A-Z]-?\d", line.text[:60]):
            continue
        text = line.text
        if line.cells:
            text = "| " + " | ".join(line.cells)
        match = _REQUIREMENT.match(text)
        bare = None if match else _REQUIREMENT_BARE.match(text)
        if bare and not _NOT_REQUIREMENT_HEADING.search(line.heading):
            yield RequirementFound(bare[1] or bare[2], plain(bare[3]), Evidence(file, line.number))
            continue
        if not match and text.lstrip().startswith("#"):
            match = _REQUIREMENT.match(re.sub(r"^(\s*#+\s*\S+)\s", r"\1: ", text))
        if not match or _NOT_REQUIREMENT.match(match[1]) or _NOT_REQUIREMENT_HEADING.search(line.heading):
            continue
        if "-" not in match[1] and not _DASHLESS.match(match[1]):
            continue
        if re.match(r"(?i)\s*(?:to|through|[-–—~])\s*\W*[A-Z]+-?\d", match[2]):
            continue  # a range names requirements that are defined elsewhere
        yield RequirementFound(match[1], plain(match[2].replace(" | ", " ")), Evidence(file, line.number))


def _criterion(line: Line) -> tuple[str, str] | None:
    match = re.match(r"^\s{0,3}(\d{1,2})[.)]\s+(.+)$", line.text) if line.fence is None else None
    if not match or not re.search(r"(?i)acceptance criteria", line.heading):
        return None
    above = next((m for h in line.trail if (m := re.match(r"(?i)requirement\s+(\d{1,3})\b", plain(h)))), None)
    return (f"{above[1]}.{match[1]}", plain(match[2])) if above else None


_TREE_LINE = re.compile(r"^([\s│|]*)(?:[├└+`|]\s*[─-]{1,3}\s*)([^\s#←(]+)\s*(?:[#←(—-]+\s*(.*?)\)?)?$")
_TREE_ROOT = re.compile(r"^\s*([\w.@-]+/)\s*(?:#\s*(.*))?$")


def find_tree(lines: list[Line]) -> Iterator[tuple[str, str, int]]:
    """Paths of the drawn project layout with their comments, folders ending in '/'; (path, comment, line)."""
    root: str = ""
    stack: list[tuple[int, str]] = []
    previous_fence = False
    for line in lines:
        inside = line.fence is not None
        if not inside or not previous_fence:
            root, stack = "", []
        previous_fence = inside
        if not inside:
            continue
        match = _TREE_LINE.match(line.text)
        if match is None:
            start = _TREE_ROOT.match(line.text)
            if start and "/" not in start[1][:-1]:
                root, stack = start[1], []
                yield root, start[2] or "", line.number
            continue
        indent = len(match[1].replace("\t", "    "))
        stack = [entry for entry in stack if entry[0] < indent]
        name = match[2].strip("*`")
        path = "".join(part for _, part in stack)
        if name.endswith("/"):
            stack.append((indent, name))
        if re.fullmatch(r"[\w.@\[\]()/-]+", name):
            yield root + path + name, (match[3] or "").strip(), line.number
