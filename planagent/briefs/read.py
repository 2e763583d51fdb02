"""The first stage: passages into statements and dismissals, until every unit has an account."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from planagent import tokens
from planagent.briefs.answers import dicts, text, texts
from planagent.briefs.brief import (
    Brief,
    BriefKind,
    Outcome,
    Part,
    Record,
    Shape,
    arr,
    fingerprint,
    obj,
    one_of,
    told_lines,
    txt,
)
from planagent.briefs.prompts import prompt, words
from planagent.model import Corpus, Document, Passage, Unit
from planagent.statements.forms import binding, label_of
from planagent.statements.merge import formal_statements
from planagent.statements.proof import added, is_free, lost
from planagent.statements.statement import KINDS, MODALITIES, REASONS, Dismissal, Origin, Ref, Statement, slug

_FORMAT = 1
"""Of the records; another number asks for everything anew."""
_LAZY = ("context", "structure", "process")
"""Reasons that cost a reader nothing: units that look binding are asked for again before one of them counts."""
_LAZY_SHARE = 40
"""So many units dismissed in one range for such a reason are looked at again, too."""
_FACTS = (
    "transport", "status", "access", "parameter", "body", "answer", "field", "constraint", "schedule", "default", "limit", "value",
    "error", "version", "index", "relation", "header", "channel", "source", "note",
)  # fmt: skip


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


@dataclass(frozen=True)
class ReadStage:
    """Reading one corpus.

    Records are by passage: `statements` with their units as positions in the passage, `dismissed` in the same way, and what was
    doubted once. So a passage that moves, in its file or with it, is known again.
    """

    corpus: Corpus
    former: Mapping[str, Record] = field(default_factory=dict)
    """The last records by anchor, for passages that have been edited since: their keys are kept."""

    @property
    def kind(self) -> BriefKind:
        return "read"

    @cached_property
    def words(self) -> str:
        return words("read.md")

    @cached_property
    def candidates(self) -> list[Statement]:
        """What formal sources define."""
        return formal_statements(self.corpus)

    @cached_property
    def _formal(self) -> frozenset[Ref]:
        return frozenset(ref for s in self.candidates for ref in s.units)

    @cached_property
    def parts(self) -> tuple[Part, ...]:
        return tuple(self._parts())

    def _parts(self) -> Iterator[Part]:
        for document in self.corpus.read:
            by_passage: dict[int, list[Unit]] = {}
            for unit in document.units:
                if self._asked(document, unit):
                    by_passage.setdefault(unit.passage, []).append(unit)
            for index, units in by_passage.items():
                passage = document.passages[index]
                said = [u.text for u in units]
                material = [_FORMAT, passage.trail, said, self.corpus.scope, document.role == "constitution"]
                former = self.former.get(passage.anchor, {}).get("statements", [])
                payload = ReadPart(document, passage, tuple(units), tuple(dicts(former)))
                size = sum(len(t) for t in said) // 3 + 6 * len(said)
                yield Part(passage.anchor, material, size, payload, document.path)

    def _asked(self, document: Document, unit: Unit) -> bool:
        """Structure accounts for itself, a formal source's definitions are read; what people wrote in them is asked for."""
        if is_free(unit):
            return False
        if document.form not in ("markdown", "data"):
            return _is_prose(unit.text, 5 if (document.path, unit.id) in self._formal else 3)
        return (document.path, unit.id) not in self._formal

    # -- asking ---------------------------------------------------------------------------------

    @cached_property
    def common(self) -> str:
        """What every request begins with: the corpus in outline, and what its formal sources define."""
        lines = ["# The corpus", ""]
        for document in self.corpus.read:
            heads = [p.heading for p in document.passages if len(p.trail) in (1, 2)]
            lines.append(f"- {document.path}: {'; '.join(heads)[:240]}")
        lines = lines[:120]
        if self.corpus.scope:
            lines += ["", f"Only this is planned: {self.corpus.scope}. Everything else is `other-scope`."]
        names = [f"{s.kind} {s.name}" for s in self.candidates[:80]]
        if names:
            lines += ["", "# Already known from contracts", "", "; ".join(names)]
        return "\n".join(lines)

    def brief(
        self, parts: Sequence[Part], known: Mapping[str, Record], shape: Shape, told: Sequence[Any] = ()
    ) -> Brief:
        table = self._open(parts, known)
        request = "\n\n".join(
            block
            for block in (
                self._former(parts, known),
                "# Lines to read\n\n" + "\n".join(self._lines(parts, table)),
                told_lines(told),
                f"Account for every number from 1 to {len(table)}.",
            )
            if block
        )
        common = "" if shape.small else self.common
        most = min(shape.answer_tokens, 1_200 + 2 * tokens.bound(request))
        name = f"read-{fingerprint([p.material for p in parts] + [list(table)])[:6]}"
        return Brief(name, "read", tuple(parts), prompt("read.md"), common, request, _schema(), most, (self, table))

    def _open(self, parts: Sequence[Part], known: Mapping[str, Record]) -> tuple[Ref, ...]:
        found: list[Ref] = []
        for part in parts:
            record = known.get(part.key)
            open_positions = record["open"] if record else range(len(part.payload.units))
            found += [part.payload.refs[i] for i in open_positions]
        return tuple(found)

    def _lines(self, parts: Sequence[Part], table: Sequence[Ref]) -> Iterator[str]:
        numbers = {ref: n for n, ref in enumerate(table, 1)}
        for part in parts:
            one: ReadPart = part.payload
            yield f"## {one.document.path} › {' › '.join(one.passage.trail)}".rstrip(" ›")
            header = next(
                (u.text for u in one.document.units if u.kind == "header" and u.passage == one.units[0].passage), ""
            )
            if header:
                yield f"(columns: {header})"
            for unit, ref in zip(one.units, one.refs, strict=True):
                if ref in numbers:
                    mark = "# " if unit.kind == "heading" else ""
                    yield f"[{numbers[ref]}] {mark}{unit.text}"

    def _former(self, parts: Sequence[Part], known: Mapping[str, Record]) -> str:
        lines = []
        for part in parts:
            held = known.get(part.key, {}).get("statements") or part.payload.former
            lines += [f"- {s['key'] or '(new)'}: {s['kind']}, {s['name'] or s['says']}" for s in held]
        return (
            "# Statements that these passages have or had: keep the key of one that is meant again\n\n"
            + "\n".join(lines)
            if lines
            else ""
        )

    # -- accepting ------------------------------------------------------------------------------

    def accept(
        self, parts: Sequence[Part], value: Any, known: Mapping[str, Record], *, by_rule: bool = False
    ) -> Outcome:
        table = self._open(parts, known)
        outcome = Outcome()
        given = value if isinstance(value, dict) else {}
        made: list[tuple[Statement, tuple[Ref, ...]]] = []
        for number, entry in enumerate(dicts(given.get("statements")), 1):
            statement = self._statement(entry, number, table, outcome, "rules" if by_rule else "model")
            if statement:
                made.append((statement, statement.units))
        made = self._unlost(made, outcome)
        dismissed = list(self._dismissals(given, table, made, outcome))
        for part in parts:
            outcome.records[part.key] = self._record(part, known.get(part.key), made, dismissed, outcome)
        self._reject(parts, given, outcome)
        return outcome

    def _reject(self, parts: Sequence[Part], given: dict[str, Any], outcome: Outcome) -> None:
        """Definitions of formal sources that the reader takes back are noted with the first passage of the answer."""
        names = {s.name for s in self.candidates}
        for entry in dicts(given.get("rejected")):
            name, why = (
                text(entry.get("name")).removeprefix("operation ").removeprefix("record "),
                text(entry.get("why")),
            )
            if name in names and why in REASONS:
                outcome.records[parts[0].key].setdefault("rejected", []).append([name, why])

    def _statement(
        self, entry: dict[str, Any], number: int, table: Sequence[Ref], outcome: Outcome, origin: Origin
    ) -> Statement | None:
        units = tuple(table[i - 1] for i in _numbers(entry.get("at"), len(table)))
        place = f"statement {number}"
        if not units:
            outcome.refuse("", place, "it names no line of this brief", "Give the numbers in brackets as `at`.")
            return None
        home = self._part_of(units[0])
        kind, modality = text(entry.get("kind")), text(entry.get("modality")) or "must"
        says, name = text(entry.get("says")), text(entry.get("name")).strip("`")
        if kind not in KINDS or modality not in MODALITIES or not (says or name):
            outcome.refuse(
                home.key,
                place,
                f"kind {kind!r}, modality {modality!r} or its words are not of the schema",
                "Use the schema's values.",
            )
            return None
        facts = []
        for told in texts(entry.get("facts")):
            label, _, rest = told.partition("=")
            label = label.strip().lower()
            facts.append((label, rest.strip()) if rest and label in _FACTS else ("note", told))
        document = home.payload.document
        labels = tuple(
            dict.fromkeys(found for r in units if (u := self.corpus.unit(*r)) and (found := label_of(u.text)))
        )
        statement = Statement(
            slug(text(entry.get("key")), 60) if text(entry.get("key")) in self._former_keys(home) else "",
            kind, modality, says, units, name, tuple(facts),  # type: ignore[arg-type]
            text(entry.get("component")) or document.component, document.feature, labels, tuple(texts(entry.get("left_out"))), origin,
        )  # fmt: skip
        wrong = added(statement, self.corpus)
        if wrong:
            shown = ", ".join(f"`{t.text}`" for t in wrong[:6])
            outcome.refuse(
                home.key, f"{place} ({statement.title})", f"{shown} {'do' if len(wrong) > 1 else 'does'} not stand in lines {entry.get('at')}",
                "Write it as the lines do, cite the line that says it, or leave it out.", "PA408",
            )  # fmt: skip
            return None
        return statement

    def _former_keys(self, part: Part) -> frozenset[str]:
        return frozenset(str(s.get("key")) for s in part.payload.former)

    def _unlost(
        self, made: Sequence[tuple[Statement, tuple[Ref, ...]]], outcome: Outcome
    ) -> list[tuple[Statement, tuple[Ref, ...]]]:
        """The claims that carry every exact token of their units; the units of the others are open again."""
        by_ref: dict[Ref, list[Statement]] = {}
        for statement, units in made:
            for ref in units:
                by_ref.setdefault(ref, []).append(statement)
        broken: dict[Ref, str] = {}
        for ref, claimants in by_ref.items():
            unit = self.corpus.unit(*ref)
            missing = lost(unit, claimants) if unit else []
            if missing:
                broken[ref] = ", ".join(f"`{t.text}`" for t in missing[:6])
        for ref, shown in broken.items():
            home = self._part_of(ref)
            outcome.refuse(
                home.key, f"{ref[0]}:{ref[1]}", f"{shown} stands there, and no statement that claims it carries it",
                "Say it in the statement or its facts, or name it in `left_out`.", "PA505",
            )  # fmt: skip
        return [
            (s, tuple(r for r in units if r not in broken)) for s, units in made if any(r not in broken for r in units)
        ]

    def _dismissals(
        self,
        given: dict[str, Any],
        table: Sequence[Ref],
        made: Sequence[tuple[Statement, tuple[Ref, ...]]],
        outcome: Outcome,
    ) -> Iterator[tuple[str, str, tuple[Ref, ...]]]:
        taken = {ref for _, units in made for ref in units}
        for number, entry in enumerate(dicts(given.get("dismissed")), 1):
            numbers = _numbers(entry.get("at"), len(table))
            why = text(entry.get("why"))
            if why not in REASONS:
                key = self._part_of(table[numbers[0] - 1]).key if numbers else ""
                outcome.refuse(
                    key, f"dismissal {number}", f"`{why}` is no reason of the list", f"One of {', '.join(REASONS)}."
                )
                continue
            refs = tuple(r for i in numbers if (r := table[i - 1]) not in taken)
            if refs:
                yield why, text(entry.get("of")), refs

    def _record(
        self,
        part: Part,
        before: Record | None,
        made: Sequence[tuple[Statement, tuple[Ref, ...]]],
        dismissed: Sequence[tuple[str, str, tuple[Ref, ...]]],
        outcome: Outcome,
    ) -> Record:
        """What is known of one passage now: what was accepted before, what is new, and what is open still."""
        one: ReadPart = part.payload
        place = {ref: i for i, ref in enumerate(one.refs)}
        statements = list(before["statements"]) if before else []
        left = list(before["dismissed"]) if before else []
        doubted = set(before["doubted"]) if before else set()
        accounted = set(range(len(one.units))) - set(before["open"]) if before else set()
        for statement, units in made:
            mine = [place[r] for r in units if r in place]
            if mine and place.get(units[0]) is not None:
                others = [self._elsewhere(r) for r in units if r not in place]
                statements.append(_as_record(statement, mine, others))
            accounted |= set(mine)
        for why, of, refs in dismissed:
            mine = [place[r] for r in refs if r in place]
            again = self._doubts(one, mine, why, doubted) if mine else set()
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
        open_positions = [i for i in range(len(one.units)) if i not in accounted]
        return {"statements": statements, "dismissed": left, "doubted": sorted(doubted), "open": open_positions}

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
        return [document.passages[unit.passage].anchor, unit.text]

    @cached_property
    def _homes(self) -> dict[Ref, Part]:
        return {ref: part for part in self.parts for ref in part.payload.refs}

    def _part_of(self, ref: Ref) -> Part:
        return self._homes[ref]

    def whole(self, part: Part, record: Record) -> bool:
        if {"statements", "dismissed", "doubted", "open"} - record.keys():
            return False
        top = max((p for entry in (*record["statements"], *record["dismissed"]) for p in entry["at"]), default=-1)
        return not record["open"] and top < len(part.payload.units)

    # -- what was read --------------------------------------------------------------------------

    def statements(self, records: Mapping[str, Record]) -> tuple[list[Statement], list[Dismissal]]:
        """All statements and dismissals of the records and the formal sources, with references into this corpus."""
        rejected = {name: why for r in records.values() for name, why in r.get("rejected", ())}
        found = [s for s in self.candidates if s.name not in rejected]
        left = [Dismissal(rejected[s.name], s.units) for s in self.candidates if s.name in rejected]
        left += self._unasked()
        for part in self.parts:
            record = records.get(part.key)
            if not record:
                continue
            one: ReadPart = part.payload
            for entry in record["statements"]:
                found.append(self._restored(one, entry))
            for entry in record["dismissed"]:
                refs = tuple(one.refs[i] for i in entry["at"])
                doubted = any(i in record["doubted"] for i in entry["at"])
                left.append(Dismissal(entry["why"], refs, entry["of"], doubted))
        return found, left

    def _unasked(self) -> Iterator[Dismissal]:
        """Lines of formal sources that define nothing and say nothing."""
        for document in self.corpus.read:
            if document.form not in ("markdown", "data"):
                rest = [u for u in document.units if not self._asked(document, u) and u.kind != "mark"]
                refs = tuple((document.path, u.id) for u in rest if (document.path, u.id) not in self._formal)
                if refs:
                    yield Dismissal("structure", refs)

    def _restored(self, one: ReadPart, entry: dict[str, Any]) -> Statement:
        units = [one.refs[i] for i in entry["at"]]
        for anchor, said in entry.get("others", ()):
            units += [r for r, t in self._by_words.get((anchor.partition("#")[2], said), ()) if t][:1]
        return Statement(
            entry["key"], entry["kind"], entry["modality"], entry["says"], tuple(units), entry["name"],
            tuple((n, v) for n, v in entry["facts"]), entry["component"] or one.document.component, one.document.feature,
            tuple(entry["labels"]), tuple(entry["left_out"]), entry["origin"],
        )  # fmt: skip

    @cached_property
    def _by_words(self) -> dict[tuple[str, str], list[tuple[Ref, str]]]:
        found: dict[tuple[str, str], list[tuple[Ref, str]]] = {}
        for part in self.parts:
            one: ReadPart = part.payload
            for unit, ref in zip(one.units, one.refs, strict=True):
                found.setdefault((one.passage.slug, unit.text), []).append((ref, unit.text))
        return found


def _as_record(statement: Statement, mine: Sequence[int], others: Sequence[list[str]]) -> dict[str, Any]:
    return {
        "key": statement.key, "kind": statement.kind, "modality": statement.modality, "says": statement.says, "name": statement.name,
        "facts": [list(f) for f in statement.facts], "component": statement.component, "labels": list(statement.labels),
        "left_out": list(statement.left_out), "at": list(mine), "others": [list(o) for o in others], "origin": statement.origin,
    }  # fmt: skip


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


def _is_prose(line: str, least: int) -> bool:
    """True for a line of a formal source that people wrote: so many words behind its name or mark."""
    said = re.sub(r"^\s*(?:[-#/*]+|\"{3}|'{3})?\s*[\w$.'\"/{}-]*:?\s", " ", line, count=1)
    return len(re.findall(r"[^\W\d_]{2,}", said)) >= least and not re.search(r"[{};]\s*$", line)


def _schema() -> dict[str, Any]:
    statement = obj(
        kind=one_of(k for k in KINDS if k != "passage"), modality=one_of(MODALITIES), at=txt(200), name=txt(200), says=txt(),
        facts=arr(txt(400), 60), component=txt(120), left_out=arr(txt(200), 40), key=txt(80),
    )  # fmt: skip
    dismissed = obj(at=txt(400), why=one_of(REASONS), of=txt(120))
    rejected = obj(name=txt(200), why=one_of(REASONS))
    return obj(statements=arr(statement), dismissed=arr(dismissed), rejected=arr(rejected))
