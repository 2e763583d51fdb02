"""Sentences that several sections need: fields, limits, statuses, joined names."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from planagent.model import Entity, Parameter
from planagent.planning.drafts import Item, TaskText
from planagent.planning.outline import Outline

STATUS_WORDS: dict[int, str] = {
    400: "the request breaks a rule of its specification",
    401: "the credential is missing, malformed, expired or wrong",
    403: "the caller is known and not allowed",
    404: "no such record is visible to the caller",
    405: "the method is not offered on this path",
    409: "the record collides with a stored one or its state forbids the change",
    410: "the record is gone for good",
    413: "the body is larger than allowed",
    415: "the body is not of an accepted type",
    422: "a field is missing or fails validation",
    423: "the record is locked",
    429: "the caller sends too many requests",
    500: "anything unexpected fails; no detail leaves the server",
    502: "an upstream service answers wrongly",
    503: "a service this request depends on is down",
    504: "an upstream service does not answer in time",
}


def code(name: str) -> str:
    return f"`{name}`"


def names(values: Iterable[str], most: int = 12) -> str:
    """`a`, `b` and `c`, in code marks."""
    listed = [code(v) for v in values]
    while most > 1 and sum(len(v) + 2 for v in listed[:most]) > 200:
        most -= 1
    if len(listed) > most:
        return ", ".join(listed[:most]) + f" and {len(listed) - most} more"
    return listed[0] if len(listed) == 1 else ", ".join(listed[:-1]) + " and " + listed[-1] if listed else ""


def limits(parameter: Parameter, entity: Entity | None = None, use: str = "", spoken: str = "") -> str:
    """What is known of a field's bounds, in words: 'required, at most 255, unique'.

    Args:
        use: 'create' when the field makes a record: then its default, uniqueness and need apply.
        spoken: a bound that a sentence of the specs gives for the field.
    """
    stored = next((f for f in entity.fields if f.name == parameter.name), None) if entity else None
    note = " ; ".join(
        n
        for n in (
            parameter.type,
            parameter.note,
            stored.type if stored else "",
            stored.note if stored else "",
        )
        if n
    )
    words: list[str] = []
    if parameter.required is True:
        words.append("required")
    elif parameter.required is False:
        words.append("optional")
    elif use == "sign-in" or (
        use == "create" and stored and stored.required and not re.search(r"(?i)default", stored.note)
    ):
        words.append("required")
    low, high = _bounds(note)
    if low and high:
        words.append(f"{low} to {high}")
    elif high:
        words.append(f"at most {high}")
    elif low:
        words.append(f"at least {low}")
    elif spoken:
        words.append(spoken)
    values = re.search(r"(?i)one of ([\w, -]+)|\b((?:\w+,\s*){2,5}\w+)\b(?=\)|$)|#\s*((?:\w+,\s*)+\w+)", note)
    if values:
        chosen = next(v for v in values.groups() if v)
        words.append("one of " + ", ".join(code(v.strip()) for v in chosen.split(",")[:8]))
    quoted = re.findall(r'"(\w+)"\s*\|', note)
    if quoted and not values:
        words.append("one of " + ", ".join(code(v) for v in dict.fromkeys(re.findall(r'"(\w+)"', note))))
    default = re.search(
        r"(?i)default[s:=_ ]*(?:to\s*)?[\"'`(]?([\w.-]+)", note.replace("default_factory", "")
    )
    if (
        default
        and (use == "create" or parameter.where == "query")
        and default[1].lower() not in ("none", "null", "value", "factory")
    ):
        words.append(f"default {code(default[1])}")
    if use == "create" and (scope := unique_within(note)) is not None:
        words.append(f"unique {scope}".strip())
    if re.search(r"(?i)\bemail", parameter.name):
        words.append("a valid address")
    return ", ".join(dict.fromkeys(words))


def unique_within(note: str) -> str | None:
    """What a value is unique within: '' for the whole table, 'for each owner', or None when it may repeat."""
    match = re.search(
        r"(?i)(?<!not )(?<!non-)\bunique\b"
        r"(?:\s+(?:(?:for|in|within)\s+(?:each|every|an?|one|the|its|their)|per)\s+([a-z]+))?|\buk\b",
        note,
    )
    if not match:
        return None
    whole = not match[1] or re.fullmatch(r"(?i)table|database|system|application|tables", match[1])
    return "" if whole else f"for each {match[1].lower()}"


def _bounds(note: str) -> tuple[str, str]:
    spread = re.search(r"(?i)(\d+)\s*(?:-|–|to|and)\s*(\d+)", note)
    low = re.search(r"(?i)min(?:imum|_length|Length)?\W{0,4}(\d+)", note)
    high = re.search(r"(?i)max(?:imum|_length|Length)?\W{0,4}(\d+)|(?:varchar|char)\s*\((\d+)\)", note)
    top = next((g for g in high.groups() if g), "") if high else ""
    if spread and not low and not top:
        return spread[1], spread[2]
    return (low[1] if low else ""), top


_SPOKEN = re.compile(
    r"(?i)(?:min(?:imum)?\w*|at least)\W{1,4}(\d+)\s*(?:char\w*)?|(?:max(?:imum)?\w*|at most|up to)\W{1,4}(\d+)\s*(?:char\w*)?|(\d+)\s*[-–]\s*(\d+)\s*char"
)


def spoken_limit(outline: Outline, name: str) -> str:
    """A length that a sentence of the backend specs gives for a field, beside its name or under a heading with it."""
    word = re.compile(rf"(?i)\b{re.escape(name)}\b")
    for document in outline.corpus.read:
        if document.role != "backend" or document.path.endswith((".yaml", ".yml", ".json")):
            continue
        for passage in document.passages:
            under = bool(word.search(passage.heading))
            if not under and name.lower() not in passage.text.lower():
                continue  # one look at the whole spares a look at each line
            for line in passage.text.split("\n"):
                if len(line) > 400 or not (under or word.search(line)) or "```" in line:
                    continue
                match = _SPOKEN.search(line)
                if match and re.search(r"(?i)char|length|min|max", line):
                    low, high, first, last = match.groups()
                    if first:
                        return f"{first} to {last} characters"
                    return f"at least {low} characters" if low else f"at most {high} characters"
    return ""


def constrained(
    outline: Outline, parameters: Sequence[Parameter], entity: Entity | None, use: str = ""
) -> list[str]:
    """One line per field that has a bound; fields without one are named together."""
    bounded: list[str] = []
    free: list[Parameter] = []
    for parameter in parameters:
        spoken = (
            spoken_limit(outline, parameter.name) if parameter.where == "body" and use != "sign-in" else ""
        )
        words = limits(parameter, entity, use, spoken)
        if words:
            bounded.append(f"{code(parameter.name)}: {words}.")
        elif parameter.name != "[]":
            free.append(parameter)
    kinds: dict[str, list[str]] = {}
    for parameter in free:
        kinds.setdefault(_kind_words(parameter, entity), []).append(parameter.name)
    return [*bounded, *(f"{names(found)}: {kind}." for kind, found in kinds.items())]


def _kind_words(parameter: Parameter, entity: Entity | None) -> str:
    """The type in words; of the stored field where the request shows none."""
    stored = next((f.type for f in entity.fields if f.name == parameter.name), "") if entity else ""
    for pattern, words in (
        (r"(?i)bool", "true or false"),
        (r"(?i)date(?!time)", "a date"),
        (r"(?i)time", "a time in UTC"),
        (r"(?i)uuid|guid", "a UUID"),
        (r"(?i)int|number|float|decimal", "a number"),
        (r"(?i)array|list|\[\]", "a list"),
        (r"(?i)object|dict", "an object"),
        (r"(?i)str|text|char", "text"),
    ):
        if re.search(pattern, stored) or (not stored and re.search(pattern, parameter.type)):
            return words
    return "as the specification shows it"


def task(key: str, steps: list[str], done: str) -> TaskText:
    return TaskText(key=key, steps=[s for s in steps if s][:6], done_when=done)


def item_base(outline: Outline, obligation_id: str, title: str, *, sources: int = 3) -> dict[str, object]:
    """The fields that every item has, from its obligation."""
    obligation = outline.obligations[obligation_id]
    advice = [a.text for a in outline.advice if f"topic:{a.item}" == obligation_id]
    return {
        "key": obligation_id,
        "title": title,
        "task": outline.covering(obligation_id),
        "covers": (obligation.label,),
        "sources": outline.anchors(obligation.evidence, sources),
        "rulings": outline.rulings(*outline.tags(obligation)),
        "advice": advice[:4],
    }


def keep(items: Iterable[Item | None]) -> list[Item]:
    return [item for item in items if item is not None]
