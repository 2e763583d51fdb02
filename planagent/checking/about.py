"""Whether a text speaks of something: an endpoint, an entity, a variable, a requirement."""

from __future__ import annotations

import itertools
import math
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from functools import cache

from planagent.model import normalize_path
from planagent.reading.naming import singular

_WORD = re.compile(r"[^\W_]{3,}", re.UNICODE)
_UNSPACED = re.compile(r"[぀-ヿ㐀-鿿가-힯฀-๿]+")
_EXPLICIT = re.compile(r"\b(GET|POST|PUT|PATCH|DELETE)\b[`*\s]{1,4}(/[^\s`,;)\]\"'|]*)")
_STEM = 6
"""Letters of a word that tell it apart; inflections of most languages come after them."""

_ACTIONS: dict[str, str] = {
    "GET": r"get|list|read|fetch|retriev|view|show|search|find|query|detail|load|return|download|export|check",
    "POST": r"post|creat|add|register|regist|sign|log|submit|upload|send|insert|start|assign|issue|new|toggle|refresh|validat|import|generat|invit|cancel|complet|approv",
    "PUT": r"put|updat|edit|replac|modif|chang|set|sav",
    "PATCH": r"patch|updat|edit|modif|chang|set|toggle|complet|mark|cancel|approv",
    "DELETE": r"delet|remov|clear|cancel|unassign|revok|destroy",
}


def subjects(label: str) -> list[str]:
    """Patterns of which one must stand in a passage about the label; empty for topics.

    Args:
        label: `POST /auth/login`, `entity Task`, `DATABASE_URL`, `002-tasks:FR-001`, `create_task()` or a topic.
    """
    http = re.fullmatch(r"(?:GET|POST|PUT|PATCH|DELETE|HEAD|OPTIONS) (/\S*)", label)
    if http:
        parts = [
            re.escape(p.replace("{}", "")) for p in normalize_path(http[1]).split("/") if p.replace("{}", "")
        ]
        return parts[-1:] or [r"/"]
    if label.startswith("entity "):
        return [entity_pattern(label.removeprefix("entity "))]
    if re.fullmatch(r"[A-Z][A-Z0-9_]+", label):
        return [re.escape(label)]
    if label.endswith("()"):
        return [re.escape(label.removesuffix("()"))]
    number = re.search(r"(?:^|:)([A-Z]+(?:-[A-Z]+)*-?\d+(?:\.\d+)*[A-Za-z]?)$", label)
    return [re.escape(number[1])] if number else []


def entity_pattern(name: str) -> str:
    """`UserRole` as it is spelled in code, tables and sentences."""
    spaced = re.sub(r"(?<=[a-z\d])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", " ", name)
    return r"[ _-]?".join(re.escape(part) for part in re.split(r"[ _-]+", spaced))


def names_endpoint(text: str, method: str, path: str) -> bool:
    """True when the text names the path (with or without its prefix), or the action on the resource."""
    parts = [p for p in normalize_path(path).split("/") if p and p != "{}"]
    if not parts:
        return bool(re.search(rf"(?i)\b{method}\s+`?/(?![\w{{])|root (?:endpoint|route|path)|health", text))
    explicit = _EXPLICIT.findall(text)
    if explicit:  # a method with its path names that operation and no other
        wanted = normalize_path(path)
        return any(
            m == method
            and (wanted == given or (given.count("/") and wanted.endswith(given)) or given.endswith(wanted))
            for m, p in explicit
            for given in (normalize_path(re.sub(r"/\d+(?=/|$)", "/{}", p.rstrip(".,;:)`*"))),)
            if len(given) > 1
        )
    written = normalize_path(re.sub(r"/\d+(?=/|\b)", "/{}", text))
    tail = normalize_path(path)
    while tail.count("/") >= 1 and len(tail) > 1:
        if tail in written and re.search(re.escape(tail) + r"(?![\w/]*\{\}|[\w-])", written):
            return True
        head, _, rest = tail[1:].partition("/")
        if not rest or head == "{}":
            break
        tail = "/" + rest
    verb = re.search(r":(\w+)$", path)
    if verb:  # an operation with a verb of its own, like `/models/{id}:stream`
        words = [w for w in _split_names(verb[1]).split() if len(w) > 3]
        return any(re.search(rf"(?i){re.escape(w[:_STEM])}", text) for w in words)
    return _acts_on(text, method, parts)


def _acts_on(text: str, method: str, parts: Sequence[str]) -> bool:
    return bool(_noun(parts[-1]).search(text) and _action(method).search(text))


@cache
def _action(method: str) -> re.Pattern[str]:
    words = _ACTIONS.get(method, method)
    inside = "|".join(a.capitalize() for a in words.split("|"))  # `taskCreate`
    return re.compile(rf"(?i:(?<![a-z])(?:{words}))|(?<=[a-z])(?:{inside})")


@cache
def _noun(part: str) -> re.Pattern[str]:
    return re.compile("(?i)" + re.escape(singular(part.replace("-", " "))).replace(r"\ ", "[ _-]?"))


def terms(text: str) -> set[str]:
    """Stems of the words, and pairs of characters where a script has no spaces."""
    found = {w.lower()[:_STEM] for w in _WORD.findall(_split_names(text)) if not _UNSPACED.search(w)}
    for run in _UNSPACED.findall(text):
        found.update(run[i : i + 2] for i in range(len(run) - 1))
    return found


# What every requirement says, whatever it is about.
FORMULA = frozenset(
    w[:_STEM]
    for w in (
        "system", "must", "shall", "should", "allow", "allows", "user", "users", "able", "provide", "provides", "support", "supports", "all",
        "with", "that", "and", "for", "the", "can", "may", "will", "each", "any", "when", "who", "which", "from",
        "their", "its", "are", "not", "only", "also", "have", "has", "been", "this", "these",
    )
)  # fmt: skip


def _split_names(text: str) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])|_", " ", text)


class Weights:
    """How much a term says, by how few of the texts have it."""

    def __init__(self, texts: Iterable[str]) -> None:
        held = [terms(t) for t in texts]
        counts = Counter(t for text in held for t in text)
        self._most = math.log(len(held) + 1)
        self._weights = {t: math.log((len(held) + 1) / n) for t, n in counts.items()}

    def of(self, term: str) -> float:
        return self._weights.get(term, self._most)

    def share(self, wanted: set[str], given: set[str]) -> float:
        """How much of what is wanted is given: 0 to 1, weighted."""
        whole = sum(self.of(t) for t in wanted)
        return sum(self.of(t) for t in wanted & given) / whole if whole else 1.0


# Words that promise and say nothing: PA902 would find them.
_EMPTY = re.compile(
    r"(?i)appropriat|proper|graceful|robust|ensur|various|needed|necessar|required|relevant|etc"
)


def without_questions(text: str) -> str:
    """The text without what its author marked as unclear."""
    return re.sub(r"\[NEEDS CLARIFICATION[^\]]*\]?", " ", text)


def gist(text: str, weights: Weights, most: int = 5) -> str:
    """The few words of a text that tell it apart, in its order: a pointer to it, never its sentence."""
    text = without_questions(text)
    words = re.findall(r"[^\W_][\w-]*", text.replace("`", " "))
    spoken = [
        (i, w)
        for i, w in enumerate(words)
        if len(w) > 2 and w.lower()[:_STEM] not in FORMULA and not _UNSPACED.search(w) and not _EMPTY.match(w)
    ]
    chosen = sorted(sorted(spoken, key=lambda x: -weights.of(x[1].lower()[:_STEM]))[:most])
    if len(chosen) < 2:
        run = max(_UNSPACED.findall(text), key=len, default="")
        return run[:18] or " ".join(w for _, w in chosen)
    said = str(chosen[0][1])
    for (before, _), (index, word) in itertools.pairwise(chosen):
        said += f"{' ' if index == before + 1 else ', '}{word}"
    return said
