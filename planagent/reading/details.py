"""What the description below an operation's heading says: status codes, fields, parameters, access."""

from __future__ import annotations

import json
import re
from http import HTTPStatus
from typing import Literal

from planagent.model import Parameter
from planagent.reading.endpoints import Details, Mention
from planagent.reading.text import Line, plain

_STATUS = re.compile(
    r"(?<![\d.:/-])(?:HTTP\s*)?([1-5]\d\d)(?![\d%]|\s*(?:ms|chars?|characters|tokens|rows|items|px|MB|KB|seconds|users))"
)
_STATUS_CONTEXT = re.compile(
    r"(?i)status|response|returns?|error|success|http|reject|code|created|ok\b|found|unauthori[sz]ed|forbidden|conflict|"
    r"bad request|content|unprocessable|answers?\b|responds?\b|responde|devuelve|retorna|antwort|liefert|renvoie|→|->|=>|"
    r"\((?:[1-5]\d\d(?:\s*[,/|]\s*)?)+\)|\s[—–:]\s*[1-5]\d\d\b|狀態|状态|錯誤|回應|resposta|respuesta|^\W*`?[1-5]\d\d\b"
)
_STATUS_HEAD = re.compile(
    r"(?i)^(?:answers?|success|errors?|status|status codes?|codes?|responses?|returns?|respuestas?|estado|códigos?|antwort\w*)$"
)
_PUBLIC_HEADING = re.compile(
    r"(?i)\b(?:public|unauthenticated|anonymous) (?:endpoints?|routes?|api|operations)\b"
)
_KNOWN_CODES = frozenset(int(s) for s in HTTPStatus if s >= 200)
_PUBLIC = re.compile(
    r"(?i)\bpublic\b|no auth|auth\w*\W+(?:is\W+)?(?:not|none|no)\b|not required|without auth|unauthenticated access"
    r"|無需認證|不需認證|不需要認證|無需登入|sem autentica|sin autentica|ohne authenti|sans authenti"
)
_PROTECTED = re.compile(
    r"(?i)authorization\W+bearer|bearer\s+(?:token|auth)|requires?\W+(?:auth|jwt|token|login|permission)|"
    r"auth\w*\W+(?:is\W+)?(?:required|yes|true|jwt|bearer)|authenticated user|jwt required|protected|需要認證|需認證|權限"
)
_ACCESS_HEAD = re.compile(
    r"(?i)^\W*(?:auth\w*(?: required\??)?|access|protected\??|roles?|permissions?|security)\W*$"
)
_OPEN_CELL = re.compile(
    r"(?i)^(?:no\b|none|not |public|open|anonymous|anyone|everyone|guest|optional|false|n/?a|[-–—✗✘❌]|x$)"
)
_REQUEST = re.compile(r"(?i)request|body|payload|input|parâmetro|請求")
_RESPONSE = re.compile(r"(?i)response|returns|output|result|回應|resposta")
_QUERY = re.compile(r"(?i)query|查詢")
_PATH_PARAMS = re.compile(r"(?i)path param|路徑參數")
_JSON_KEY = re.compile(r'^(\s*)"([A-Za-z_][\w-]*)"\s*:\s*(.*?),?\s*$')
_BULLET_FIELD = re.compile(
    r"^\s*[-*+]\s+(?:\*\*)?`?([A-Za-z_][\w\[\].]*)`?(?:\*\*)?\s*(?:\(([^)]*)\))?\s*[:：–-]\s*(.*)$"
)
_BULLET_TYPED = re.compile(r"^\s*[-*+]\s+`?([A-Za-z_]\w*)`?\s*\(([^)]*)\)\s*$")
_LABEL = re.compile(
    r"^\s*(?:\*\*|__)([^*_]{2,60})(?:\*\*|__)|^\s*#{2,6}\s+(.{2,60})$|^\s*([A-Z][A-Za-z ]{2,30}):\s*$"
)


def read_details(lines: list[Line], mention: Mention, *, alone: bool = False) -> Details:
    """Reads from the operation's own line to the next operation or heading of the same level.

    Args:
        lines: the whole document.
        mention: the operation's place.
        alone: the document describes this operation only, so all that follows belongs to it.

    Returns:
        What the block states; empty for a mention in running text or a table, whose row is all there is.
    """
    details = Details()
    start = mention.line.number - 1
    own = lines[start].text
    _read_statuses(own, details, force=False)
    for head, cell in zip(lines[start].header, lines[start].cells, strict=False):
        if _STATUS_HEAD.search(head):
            _read_statuses(cell, details, force=True)
    _read_access_cell(lines[start], details)
    if details.auth == "unknown" and _PUBLIC_HEADING.search(" / ".join(lines[start].trail[-2:])):
        details.auth = "public"
    if not alone and (not mention.defines or lines[start].cells):
        return details
    block = lines[start + 1 :] if alone else _block(lines, start)
    mode = ""
    example: list[str] = []
    for line in block:
        text = line.text
        if line.fence is None and example:
            _read_json(example, mode, details)
            example = []
        label = _LABEL.match(text) if line.fence is None else None
        if label:
            mode = _mode(next(g for g in label.groups() if g)) or mode
        elif line.fence is None and text.strip():
            mode = _mode(text) if len(text) < 40 and text.rstrip().endswith(":") else mode
        if line.fence is None:
            if _PUBLIC.search(text) and details.auth == "unknown":
                details.auth = "public"
            elif _PROTECTED.search(text) and details.auth == "unknown":
                details.auth = "required"
            _read_statuses(text, details, force="status" in mode)
            _read_parameter(line, mode, details)
        else:
            if re.search(r"(?i)authorization\s*:\s*bearer", text) and details.auth == "unknown":
                details.auth = "required"
            if not text.lstrip().startswith(("```", "~~~")):
                example.append(text)
        if not details.summary and line.fence is None:
            details.summary = _first_sentence(text)
    _read_json(example, mode, details)
    return details


def _read_access_cell(row: Line, details: Details) -> None:
    """Who may call the operation of a table's row, from a column like `Auth`, `Access` or `Role`."""
    for head, cell in zip(row.header, row.cells, strict=False):
        if _ACCESS_HEAD.search(head) and plain(cell).strip():
            details.auth = "public" if _OPEN_CELL.match(plain(cell).strip()) else "required"


_OWN_LABEL = re.compile(r"^\*\*[^*\n]{2,60}\*\*\s*(?:[—–:-].*)?$")


def _block(lines: list[Line], start: int) -> list[Line]:
    """Lines that belong to the operation at index `start`."""
    own_level = len(lines[start].trail)
    is_heading = lines[start].text.lstrip().startswith("#")
    labelled = bool(_OWN_LABEL.match(lines[start].text))
    block: list[Line] = []
    for line in lines[start + 1 : start + 400]:
        heading = line.fence is None and re.match(r"#{1,6}\s", line.text)
        if heading:
            if len(line.trail) <= own_level and is_heading:
                break
            if not is_heading and len(line.trail) < own_level:
                break
            if re.search(r"\b(?:GET|POST|PUT|PATCH|DELETE)\s+`?/", line.text):
                break
            if not is_heading and len(line.trail) == own_level and not _mode(line.text):
                break
        elif line.fence is None and re.match(
            r"^(?:\*\*)?`?(?:GET|POST|PUT|PATCH|DELETE)\s+/", line.text.strip()
        ):
            break
        elif labelled and line.fence is None and _OWN_LABEL.match(line.text):
            break  # the next operation under a bold name of its own
        block.append(line)
    return block


def _mode(label: str) -> str:
    label = plain(label)
    if re.search(r"(?i)status|錯誤|error", label) and not _REQUEST.search(label):
        return "status"
    if _QUERY.search(label):
        return "query"
    if _PATH_PARAMS.search(label):
        return "path"
    if re.search(r"(?i)header", label):
        return "header"
    if _RESPONSE.search(label):
        code = re.search(r"\b([1-5]\d\d)\b", label)
        return "status" if code and int(code[1]) >= 400 else "response"
    if _REQUEST.search(label):
        return "body"
    if re.search(r"(?i)validation|rules|驗證", label):
        return "rules"
    return ""


def _read_statuses(text: str, details: Details, *, force: bool) -> None:
    if force or _STATUS_CONTEXT.search(text):
        codes = (int(match[1]) for match in _STATUS.finditer(text))
        details.statuses.update(code for code in codes if code in _KNOWN_CODES)


def _read_json(example: list[str], mode: str, details: Details) -> None:
    """The keys of the outermost object of a JSON example; a sketch that is no JSON is read line by line."""
    if not example or mode not in ("body", "response", ""):
        return
    where: Literal["response", "body"] = "response" if mode == "response" else "body"
    try:
        value = json.loads("\n".join(example))
    except (ValueError, RecursionError):
        value = None
    examples: dict[str, str] = {}
    if isinstance(value, list):
        found = [("[]", "array")]
    elif isinstance(value, dict):
        found = [(str(k), _json_type(json.dumps(v))) for k, v in value.items()]
        examples = {str(k): v for k, v in value.items() if isinstance(v, str) and 0 < len(v) <= 60}
    else:
        matches = (_JSON_KEY.match(line) for line in example)
        found = [(m[2], _json_type(m[3])) for m in matches if m and len(m[1]) <= 4]
    known = {p.name for p in details.parameters if p.where == where}
    for name, kind in found:
        if name not in known:
            known.add(name)
            details.parameters.append(Parameter(name, kind, where=where, example=examples.get(name, "")))


def _json_type(value: str) -> str:
    value = value.strip()
    if value.startswith('"'):
        return "string"
    if value.startswith("["):
        return "array"
    if value.startswith("{"):
        return "object"
    if value in ("true", "false"):
        return "boolean"
    return "number" if re.fullmatch(r"-?\d+(\.\d+)?", value) else ""


def _read_parameter(line: Line, mode: str, details: Details) -> None:
    where = {"query": "query", "path": "path", "body": "body", "response": "response", "rules": "body"}.get(
        mode
    )
    if where is None:
        return
    if line.cells and line.header:
        parameter = _from_cells(line)
    else:
        match = _BULLET_FIELD.match(line.text) or _BULLET_TYPED.match(line.text)
        if not match:
            return
        groups = (*match.groups(), "", "")
        note = plain(" ".join(g for g in (groups[1], groups[2]) if g))
        parameter = Parameter(match[1], _type_word(note), _required(note), note)
    if parameter is None or not re.fullmatch(r"[A-Za-z_][\w\[\].-]*", parameter.name):
        return
    if parameter.name.isupper():
        return  # upper-case names are the values of an enumeration
    for index, known in enumerate(details.parameters):
        if known.where == where and known.name == parameter.name:
            note = " ".join(n for n in (known.note, parameter.note) if n)
            required = parameter.required if parameter.required is not None else known.required
            details.parameters[index] = Parameter(
                known.name, known.type or parameter.type, required, note, known.where
            )
            return
    if mode != "rules":
        details.parameters.append(
            Parameter(parameter.name, parameter.type, parameter.required, parameter.note, where)  # type: ignore[arg-type]
        )


def _from_cells(line: Line) -> Parameter | None:
    cells = [plain(c) for c in line.cells]
    if not cells or not cells[0]:
        return None
    row = dict(zip(line.header, cells, strict=False))
    note = " ".join(
        v for k, v in row.items() if v and k not in (line.header[0],) and "type" not in k and "型" not in k
    )
    kind = next((v for k, v in row.items() if "type" in k or "類型" in k or "型別" in k), "")
    required = next((v for k, v in row.items() if "required" in k or "必填" in k or "必要" in k), "")
    return Parameter(
        cells[0], kind, (required.lower()[:1] in "y✓✅是t" if required else _required(note)), note
    )


def _required(note: str) -> bool | None:
    if re.search(r"(?i)optional|nullable|opcional", note):
        return False
    return True if re.search(r"(?i)\brequired\b|mandatory|obrigat", note) else None


def _type_word(note: str) -> str:
    match = re.search(
        r"(?i)\b(string|str|int|integer|number|bool|boolean|uuid|date(?:time)?|timestamp|array|enum|float)\b",
        note,
    )
    return match[1].lower() if match else ""


def _first_sentence(text: str) -> str:
    text = plain(text).strip()
    if not re.match(r"[A-Z一-鿿À-Ú]", text) or text.endswith(":") or ":" in text[:24] or "：" in text[:12]:
        return ""
    return re.split(r"(?<=[.。])\s", text)[0][:160]
