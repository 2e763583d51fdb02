"""What is taken of a reader's answer: each claim and dismissal by itself, with what was wrong of the rest."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from difflib import SequenceMatcher
from functools import cached_property
from typing import Any, TypeVar

from planagent.answers import dicts, text, texts
from planagent.briefs.brief import Outcome, Part, Record
from planagent.corpus.markdown import content, plain, split_cells
from planagent.model import Corpus, Document, Finding, Passage, Unit
from planagent.statements.forms import binding, label_of
from planagent.statements.merge import identity
from planagent.statements.proof import added, coined, lost
from planagent.statements.statement import KINDS, MODALITIES, REASONS, Origin, Ref, Statement, slug
from planagent.statements.tokens import Said, exact_tokens

T = TypeVar("T")
_LAZY = ("context", "structure", "process", "frontend", "other-scope", "instruction")
"""Reasons that cost a reader nothing: units that look binding are asked for again before one of them counts."""
_LAZY_SHARE = 40
"""So many units dismissed in one range for such a reason are looked at again, too."""
_FACTS = (
    "transport", "status", "access", "parameter", "body", "answer", "field", "constraint", "schedule", "default", "limit", "value",
    "error", "version", "index", "relation", "header", "channel", "source", "note",
)  # fmt: skip


_QUOTED = re.compile(r"@\s*\d[\d\s,;–@-]*")
"""The value of a fact that names lines instead of saying them again."""


@dataclass(frozen=True)
class ReadPart:
    """One passage with the units that have to be accounted for, as references in their order."""

    document: Document
    passage: Passage
    units: tuple[Unit, ...]
    former: tuple[dict[str, Any], ...] = ()

    @cached_property
    def refs(self) -> tuple[Ref, ...]:
        return tuple((self.document.path, u.id) for u in self.units)


@dataclass(slots=True)
class _Turn:
    """What is known while one answer is taken: statements that were accepted before, and lines of statements that are refused."""

    held: list[dict[str, Any]]
    refused: set[Ref] = field(default_factory=set)


@dataclass(frozen=True)
class Taking:
    """One answer to one brief; `table` are the units that it was asked for, numbered from 1."""

    corpus: Corpus
    homes: Mapping[Ref, Part]
    table: Sequence[Ref]
    origin: Origin
    open: frozenset[Ref]
    """Those of them that have no account yet; the others are shown with them."""
    accounted: frozenset[Ref] = frozenset()
    """Open ones that have an account all the same: a statement that was refused rested on them, too."""
    formal: frozenset[str] = frozenset()
    """Identities of what contracts define: prose that speaks of such a thing need not have its name."""

    def records(self, parts: Sequence[Part], given: dict[str, Any], known: Mapping[str, Record]) -> Outcome:
        """The parts' new records: what was accepted before with what is right now."""
        outcome = Outcome()
        made: list[tuple[Statement, tuple[Ref, ...]]] = []
        turn = _Turn([s for p in parts for s in known.get(p.key, {}).get("statements", ())])
        entries = dicts(given.get("statements"))
        names = frozenset(n for e in entries if e.get("kind") == "record" and (n := text(e.get("name"))).isalpha())
        for number, entry in enumerate(entries, 1):
            statement = self._statement(entry, number, names, outcome, turn)
            if statement:
                made.append((statement, statement.units))
        made = self._unlost(made, outcome)
        dismissed = list(self._dismissals(given, made, outcome))
        claims = self._by_part(made, lambda m: m[1])
        dismissals = self._by_part(dismissed, lambda d: d[2])
        for part in parts:
            mine, left = claims.get(part.key, []), dismissals.get(part.key, [])
            outcome.records[part.key] = self._record(part, known.get(part.key), mine, left, outcome, turn.refused)
        return outcome

    def _by_part(self, entries: Iterable[T], units: Callable[[T], Sequence[Ref]]) -> dict[str, list[T]]:
        """Claims or dismissals by the passages that they touch."""
        found: dict[str, list[T]] = {}
        for entry in entries:
            for key in dict.fromkeys(self._home(ref).key for ref in units(entry)):
                found.setdefault(key, []).append(entry)
        return found

    def _home(self, ref: Ref) -> Part:
        return self.homes[ref]

    def _statement(self, entry: dict[str, Any], number: int, names: frozenset[str], outcome: Outcome, turn: _Turn) -> Statement | None:
        facts, quoted = self._facts(entry)
        numbers = dict.fromkeys((*_numbers(entry.get("at"), len(self.table)), *quoted))
        units = tuple(self.table[i - 1] for i in numbers)
        place = f"statement {number}"
        if not units:
            outcome.refuse("", place, "it names no line of this brief", "Give the numbers in brackets as `at`.")
            return None
        if self.open.isdisjoint(units):  # what it rests on has its account already: the same again, or nothing that was asked for
            if not any(_alike({"name": text(entry.get("name")), "says": text(entry.get("says"))}, s) >= _ALIKE for s in turn.held):
                told = (
                    f"{text(entry.get('name')) or text(entry.get('says'))[:60]!r} is not taken: lines {entry.get('at')} have their account"
                )
                outcome.left_out.append(Finding("PA907", place, told, "Where it says more, hand in the whole brief again with it."))
            return None
        home = self._home(units[0])
        kind, modality = text(entry.get("kind")), text(entry.get("modality")) or "must"
        says, name = text(entry.get("says")), text(entry.get("name")).strip("`")
        if kind not in KINDS or modality not in MODALITIES or not (says or name):
            outcome.refuse(
                home.key, place, f"kind {kind!r}, modality {modality!r} or its words are not of the schema", "Use the schema's values."
            )
            return None
        document = home.payload.document
        labels = tuple(dict.fromkeys(found for r in units if (u := self.corpus.unit(*r)) and (found := label_of(u.text))))
        statement = Statement(
            slug(text(entry.get("key")), 60) if text(entry.get("key")) in self._former_keys(home) else "",
            kind, modality, says, units, name, tuple(facts),  # type: ignore[arg-type]
            text(entry.get("component")) or document.component, document.feature, labels, (), self.origin,
        )  # fmt: skip
        statement = replace(statement, left_out=self._left_out(entry, statement))
        own = exact_tokens(statement.name) if identity(statement) in self.formal else ()
        wrong = [t for t in added(statement, self.corpus, names) if t not in own]
        if wrong:
            shown = ", ".join(f"`{t.text}`" for t in wrong[:6])
            outcome.refuse(
                home.key, f"{place} ({statement.title})", f"{shown} {'do' if len(wrong) > 1 else 'does'} not stand in lines {entry.get('at')}",
                "Write it as the lines do, or cite the line that says it. What the specs do not name has a name of plain words.", "PA408",
            )  # fmt: skip
            turn.refused.update(units)
            return None
        return statement

    def _facts(self, entry: dict[str, Any]) -> tuple[list[tuple[str, str]], list[int]]:
        """The facts of an entry, and the lines that it took for facts as they stand: `field=@3-9` is one fact for each."""
        facts: list[tuple[str, str]] = []
        quoted: list[int] = []
        for told in texts(entry.get("facts")):
            label, _, rest = told.partition("=")
            label, rest = label.strip().lower(), rest.strip()
            if _QUOTED.fullmatch(rest):
                name = label if label in _FACTS else "note"
                numbers = _numbers(rest, len(self.table))
                quoted += numbers
                facts += [(name, _as_it_stands(u)) for n in numbers if (u := self.corpus.unit(*self.table[n - 1]))]
            else:
                facts.append((label, rest) if rest and label in _FACTS else ("note", told))
        return facts, quoted

    def _left_out(self, entry: dict[str, Any], statement: Statement) -> tuple[str, ...]:
        """The tokens that an entry leaves out. `@3-9` names lines of code or data, of which only what is said elsewhere counts: an
        example's values; a sentence is never left out so."""
        said = Said(statement.texts())
        found: dict[str, None] = {}
        for told in texts(entry.get("left_out")):
            if not _QUOTED.fullmatch(told):
                found[told] = None
                continue
            units = (self.corpus.unit(*self.table[n - 1]) for n in _numbers(told, len(self.table)))
            for unit in (u for u in units if u and u.kind in ("code", "data")):
                found.update(dict.fromkeys(t.text for t in exact_tokens(unit.text) if not said.has(t)))
        return tuple(found)

    def _former_keys(self, part: Part) -> frozenset[str]:
        return frozenset(str(s.get("key")) for s in part.payload.former)

    def _unlost(self, made: Sequence[tuple[Statement, tuple[Ref, ...]]], outcome: Outcome) -> list[tuple[Statement, tuple[Ref, ...]]]:
        """The claims that carry every exact token of their units; the units of the others are open again.

        A statement that says what stands in a unit that is open again goes with it: it would rest on nothing.
        """
        kept, names, broken = list(made), coined(s for s, _ in made), set[Ref]()
        while True:
            lost_now = self._losses(kept)
            broken |= lost_now.keys()
            for ref, shown in lost_now.items():
                outcome.refuse(
                    self._home(ref).key, f"{ref[0]}:{ref[1]}", f"{shown} stands there, and no statement that claims it carries it",
                    "Say it in the statement or its facts, or name it in `left_out`.", "PA505",
                )  # fmt: skip
            left = [(s, tuple(r for r in units if r not in broken)) for s, units in kept]
            torn = {id(s) for s, units in left if units and units != s.units and added(replace(s, units=units), self.corpus, names)}
            for statement, units in left:
                if id(statement) in torn:
                    outcome.refuse(
                        self._home(units[0]).key, f"statement {statement.title}", "it says what stands in a line that is open again",
                        "Give it again together with that line.", "PA408",
                    )  # fmt: skip
            kept = [(s, units) for s, units in left if units and id(s) not in torn]
            if not lost_now and not torn:
                return kept

    def _losses(self, made: Sequence[tuple[Statement, tuple[Ref, ...]]]) -> dict[Ref, str]:
        """Claimed units with exact tokens that no claimant carries, and these tokens."""
        by_ref: dict[Ref, list[Statement]] = {}
        for statement, units in made:
            for ref in units:
                by_ref.setdefault(ref, []).append(statement)
        found: dict[Ref, str] = {}
        for ref, claimants in by_ref.items():
            unit = self.corpus.unit(*ref)
            missing = lost(unit, claimants) if unit and ref in self.open and ref not in self.accounted else []
            if missing:
                found[ref] = ", ".join(f"`{t.text}`" for t in missing[:6])
        return found

    def _dismissals(
        self, given: dict[str, Any], made: Sequence[tuple[Statement, tuple[Ref, ...]]], outcome: Outcome
    ) -> Iterator[tuple[str, str, tuple[Ref, ...]]]:
        taken = {ref for _, units in made for ref in units}
        for number, entry in enumerate(dicts(given.get("dismissed")), 1):
            numbers = _numbers(entry.get("at"), len(self.table))
            why = text(entry.get("why"))
            if why not in REASONS:
                key = self._home(self.table[numbers[0] - 1]).key if numbers else ""
                outcome.refuse(key, f"dismissal {number}", f"`{why}` is no reason of the list", f"One of {', '.join(REASONS)}.")
                continue
            refs = tuple(r for i in numbers if (r := self.table[i - 1]) in self.open and r not in taken)
            if refs:
                yield why, text(entry.get("of")), refs

    def _record(
        self,
        part: Part,
        before: Record | None,
        made: Sequence[tuple[Statement, tuple[Ref, ...]]],
        dismissed: Sequence[tuple[str, str, tuple[Ref, ...]]],
        outcome: Outcome,
        refused: Set[Ref],
    ) -> Record:
        """What is known of one passage now: what was accepted before, what is new, and what is open still."""
        one: ReadPart = part.payload
        place = {ref: i for i, ref in enumerate(one.refs)}
        statements = list(before["statements"]) if before else []
        left = list(before["dismissed"]) if before else []
        doubted = set(before["doubted"]) if before else set()
        before_refused = set(before.get("refused", ())) if before else set()
        accounted = set(range(len(one.units))) - set(before["open"]) | before_refused if before else set()
        for statement, units in made:
            mine = [place[r] for r in units if r in place]
            if mine and place.get(units[0]) is not None:
                others = [self._elsewhere(r) for r in units if r not in place]
                _put(statements, _as_record(statement, mine, others), len(before["statements"]) if before else 0)
            accounted |= set(mine)
        for why, of, refs in dismissed:
            mine = [place[r] for r in refs if r in place]
            # Whoever says in words why such a line binds nobody has looked at it; a person sees it all the same.
            again = self._doubts(one, mine, why, doubted) if mine and not (of and len(mine) <= _LAZY_SHARE) else set()
            for position in sorted(again):
                shown = one.units[position]
                outcome.refuse(
                    part.key, f"{one.document.path}:{shown.id}", f"it looks binding ({binding(shown) or 'a long range'}) and is dismissed as {why}",
                    "Claim it, or dismiss it again if that is right: a person will see it.", "PA506",
                )  # fmt: skip
            doubted |= again
            kept = [p for p in mine if p not in again]
            accounted |= set(kept)
            if kept:
                left.append({"why": why, "of": of, "at": kept})
        # A line with a statement that was refused is asked for once more, whatever else it says: what it said would be lost without a word.
        reasked = {place[r] for r in refused if r in place} - before_refused
        open_positions = [i for i in range(len(one.units)) if i not in accounted or i in reasked]
        keep_keys(statements, one.former)
        asked = (before_refused | reasked) & accounted
        record = {"statements": statements, "dismissed": left, "doubted": sorted(doubted), "open": open_positions}
        return record | ({"refused": sorted(asked)} if asked else {})

    def _doubts(self, one: ReadPart, positions: Sequence[int], why: str, doubted: set[int]) -> set[int]:
        if why not in _LAZY:
            return set()
        fresh = {p for p in positions if p not in doubted}
        return fresh if len(positions) > _LAZY_SHARE else {p for p in fresh if binding(one.units[p])}

    def _elsewhere(self, ref: Ref) -> list[str]:
        """A unit of another passage: its anchor and words, by which it is found again."""
        unit = self.corpus.unit(*ref)
        document = self.corpus.document(ref[0])
        assert unit is not None  # noqa: S101  (it is of this brief)
        assert document is not None  # noqa: S101
        return [document.passages[unit.passage].anchor, content(unit.text)]


def _as_record(statement: Statement, mine: Sequence[int], others: Sequence[list[str]]) -> dict[str, Any]:
    return {
        "key": statement.key, "kind": statement.kind, "modality": statement.modality, "says": statement.says, "name": statement.name,
        "facts": [list(f) for f in statement.facts], "component": statement.component, "labels": list(statement.labels),
        "left_out": list(statement.left_out), "at": list(mine), "others": [list(o) for o in others], "origin": statement.origin,
    }  # fmt: skip


def _put(statements: list[dict[str, Any]], new: dict[str, Any], before: int) -> None:
    """Adds a statement. Given again with what was open of it, it takes the place of what stands of it on some of the same lines.

    Args:
        before: so many of them were known before; two of one answer are two, however alike (`PUT /boats`, `DELETE /boats`).
    """
    for number, held in enumerate(statements[:before]):
        if held["kind"] == new["kind"] and not set(held["at"]).isdisjoint(new["at"]) and _alike(held, new) >= _ALIKE:
            joined = {n: [*held[n], *(v for v in new[n] if v not in held[n])] for n in ("facts", "labels", "left_out", "others")}
            statements[number] = {**new, **joined, "key": held["key"] or new["key"], "at": sorted({*held["at"], *new["at"]})}
            return
    statements.append(new)


def _as_it_stands(unit: Unit) -> str:
    """A row or line as the value of a fact, without its marks where nothing exact is lost with them."""
    told = plain(unit.text) if unit.kind not in ("code", "data") else unit.text.strip()
    if unit.kind == "row":
        first, *rest = (plain(c) for c in split_cells(unit.text))
        told = f"{first}: {', '.join(c for c in rest if c)}" if any(rest) else first
    said, stood = Said([told]), Said([unit.text])
    same = all(said.has(t) for t in exact_tokens(unit.text)) and all(stood.has(t) for t in exact_tokens(told))
    return told if same else unit.text


_ALIKE = 0.6
"""Statements of one passage that share so many of their letters, in order, are the same, reworded; not every script parts words."""


def keep_keys(statements: list[dict[str, Any]], former: Sequence[Mapping[str, Any]]) -> None:
    """Gives statements of an edited passage the keys that they had, where the reader did not: by kind, and by name or words."""
    taken = {s["key"] for s in statements if s["key"]}
    free = [f for f in former if f.get("key") and f["key"] not in taken]
    pairs = [
        (ratio, i, j)
        for i, s in enumerate(statements)
        if not s["key"]
        for j, f in enumerate(free)
        if f.get("kind") == s["kind"] and (ratio := _alike(s, f)) >= _ALIKE
    ]
    for _, i, j in sorted(pairs, key=lambda p: (-p[0], p[1], p[2])):
        if not statements[i]["key"] and free[j]["key"] not in taken:
            statements[i]["key"] = free[j]["key"]
            taken.add(free[j]["key"])


def _alike(one: Mapping[str, Any], other: Mapping[str, Any]) -> float:
    if one["name"] and one["name"] == other.get("name"):
        return 1.0
    mine, its = (content(f"{s.get('name')} {s.get('says')}").casefold() for s in (one, other))
    return SequenceMatcher(None, mine, its, autojunk=False).ratio()


def _numbers(value: Any, most: int) -> list[int]:
    """`3-5,8` as numbers in bounds; whole numbers and lists of both are taken as well."""
    if isinstance(value, list):
        return [n for v in value for n in _numbers(v, most)]
    if isinstance(value, int) and not isinstance(value, bool):
        return [value] if 1 <= value <= most else []
    found: list[int] = []
    for first, last in re.findall(r"(\d+)(?:\s*[-–]\s*(\d+))?", str(value) if isinstance(value, str) else ""):
        if len(first) > 6 or len(last) > 6:
            continue
        found += range(max(int(first), 1), min(int(last or first), most) + 1)
    return list(dict.fromkeys(found))
