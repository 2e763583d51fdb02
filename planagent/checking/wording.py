"""PA301, PA302, PA801, PA802, PA803, PA901, PA903: what no line may hold, whatever its language."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator

from planagent.checking.code import check_code
from planagent.checking.repetition import words_of
from planagent.checking.units import Unit
from planagent.checking.view import Entry
from planagent.corpus.secrets import holds_secret
from planagent.model import Finding
from planagent.statements.orders import Orders

_FRONT_FILE = re.compile(r"\b[\w/-]+\.(?:tsx|jsx|vue|svelte|css|scss|less)\b")
_HIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff\U000e0000-\U000e007f]")
_PLACEHOLDER = re.compile(
    r"\bTODO:|\bTODO\b(?=\s*$)|\bTBD\b|\bFIXME\b|(?<![\w-])XXX\b|\?\?\?|\[(?:INSERT|YOUR|FILL|NEEDS CLARIFICATION|PLACEHOLDER|NAME)[^\]]*\]"
    r"|\[(?:FEATURE|DATE|PROJECT|ARGUMENTS|###)[\w #-]*\]|\[e\.g\.,? [^\]]*\]|<(?:your|insert|placeholder)[^>]*>"
)


_NO_ORDERS = Orders()


def check_wording(unit: Unit, verbatim: Collection[str] = (), orders: Orders = _NO_ORDERS, *, pages: bool = False) -> Iterator[Finding]:
    """All rules on the wording of one line.

    Args:
        verbatim: code that the specs give exactly.
        orders: what the specs tell whoever reads them.
        pages: the backend serves pages, and their style sheets are its own.
    """
    text = unit.text
    yield from check_code(unit, verbatim)
    front = _FRONT_FILE.search(text) if unit.kind == "task" and not pages else None
    if front:
        yield unit.finding(
            "PA301", f"work in a file of the user interface: {front[0]!r}", "Leave it to the frontend; say what the backend answers.", front[0],
        )  # fmt: skip
    if holds_secret(text):
        yield unit.finding("PA801", "a value that looks like a secret", "Name the setting that holds it.", "")
    hidden = _HIDDEN.search(text)
    if hidden:
        yield unit.finding("PA802", f"a character that nobody sees (U+{ord(hidden[0]):04X})", "Remove it.", hidden[0])
    if obeyed := orders.obeyed(text):
        yield unit.finding(
            "PA803", f"`{obeyed}` stands only in a line that is dismissed as an order to whoever reads the specs",
            "Leave it out; where that line does bind the backend, have it claimed: [[overrides]] in planagent.toml.", obeyed,
        )  # fmt: skip
    placeholder = _PLACEHOLDER.search(text) if unit.kind != "ruling" else None
    if placeholder:
        yield unit.finding("PA901", f"placeholder {placeholder[0]!r}", "Write the value, or make it a ruling.", placeholder[0])


def judge(place: str, text: str, verbatim: Collection[str] = (), orders: Orders = _NO_ORDERS) -> list[Finding]:
    """The findings on a text of an answer that stands outside of tasks and items."""
    return list(check_wording(Unit(place, "", "ruling", text), verbatim, orders))


def restates(title: str, proof: str) -> bool:
    """True when a done-when line has no word and no value that the title lacks."""
    return not set(words_of(proof)) - set(words_of(title)) and not re.search(r"`|\d", proof)


def check_proofs(entries: Iterable[Entry]) -> Iterator[Finding]:
    """PA903 for the tasks of a plan that say when they are done."""
    for entry in entries:
        if entry.proof and restates(entry.title, entry.proof):
            remedy = "Name what a test sees: input, status, value."
            yield Finding(
                "PA903", entry.id, "the done-when line only restates the title", remedy, entry.proof_line or entry.line, entry.key, entry.proof,
            )  # fmt: skip
