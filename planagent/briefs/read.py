"""The first stage: passages into statements and dismissals, until every unit has an account."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from planagent import tokens
from planagent.answers import any_of, arr, dicts, obj, one_of, text, txt
from planagent.briefs.brief import Brief, BriefKind, Outcome, Part, Record, Shape, fingerprint, told_lines
from planagent.briefs.prompts import prompt, words
from planagent.briefs.read_answer import ReadPart, Taking
from planagent.corpus.formal import is_telling
from planagent.corpus.markdown import content
from planagent.model import Corpus, Document, Unit
from planagent.statements.merge import formal_statements, identity
from planagent.statements.proof import is_free
from planagent.statements.statement import KINDS, MODALITIES, REASONS, Dismissal, Origin, Reason, Ref, Statement

_AROUND = 8
"""Lines before and behind one that is asked for again."""
_FORMAT = 1
"""Of the records; another number asks for everything anew."""
_MOST_REMARKS = 200
"""Of contracts, shown to a reader."""


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
    def _defined(self) -> frozenset[str]:
        """Identities of what formal sources define."""
        return frozenset(map(identity, self.candidates)) - {""}

    @cached_property
    def _formal(self) -> dict[Ref, list[str]]:
        """Units that formal sources define something with, and what the definitions carry of them."""
        found: dict[Ref, list[str]] = {}
        for statement in self.candidates:
            told = content(" ".join(statement.texts()))
            for ref in statement.units:
                found.setdefault(ref, []).append(told)
        return found

    @cached_property
    def parts(self) -> tuple[Part, ...]:
        return tuple(self._parts())

    def _parts(self) -> Iterator[Part]:
        alike: Counter[str] = Counter()
        for document in self.corpus.read:
            by_passage: dict[int, list[Unit]] = {}
            for unit in document.units:
                if self._asked(document, unit):
                    by_passage.setdefault(unit.passage, []).append(unit)
            for index, units in by_passage.items():
                passage = document.passages[index]
                said = [content(u.text) for u in units]
                material = [_FORMAT, passage.trail, said, self.corpus.scope, document.role == "constitution"]
                # Passages that say the same (`Purpose: TBD` in many files) are asked for and kept each by itself.
                alike[told := fingerprint(material)] += 1
                if alike[told] > 1:
                    material.append(alike[told])
                former = self.former.get(passage.anchor, {}).get("statements", [])
                payload = ReadPart(document, passage, tuple(units), tuple(dicts(former)))
                size = sum(len(t) for t in said) // 3 + 6 * len(said)
                yield Part(passage.anchor, material, size, payload, document.path)

    def _asked(self, document: Document, unit: Unit) -> bool:
        """Structure accounts for itself, a formal source's definitions are read; what people wrote in them is asked for."""
        if is_free(unit):
            return False
        if document.form not in ("markdown", "data"):
            carried = self._formal.get((document.path, unit.id))
            if carried is None:
                return _is_prose(unit.text, 3) or is_telling(document.form, unit.text)
            return _is_prose(unit.text, 5) and not any(content(_said(unit.text)) in told for told in carried)
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
        if self.remarks:
            lines += ["", "# What people wrote into the contracts", "", *(f"- {number}: {told}" for number, told in self.remarks.items())]
        return "\n".join(lines)

    @cached_property
    def remarks(self) -> dict[str, str]:
        """What people wrote beside definitions, each once, by the name under which a reader may reject it."""
        told = dict.fromkeys(v for s in self.candidates for v in (s.says, *s.fact("about")) if v)
        return {f"remark {n}": v for n, v in enumerate(list(told)[:_MOST_REMARKS], 1)}

    def brief(self, parts: Sequence[Part], known: Mapping[str, Record], shape: Shape, told: Sequence[Any] = ()) -> Brief:
        table, wanted = self._table(parts), self._open(parts, known)
        shown = self._shown(parts, known)
        request = "\n\n".join(
            block
            for block in (
                self._standing(parts, known),
                "# Lines to read\n\n" + "\n".join(self._lines(parts, table, shown)),
                told_lines(told),
                _wanted([n for n, ref in enumerate(table, 1) if ref in wanted], len(table)),
            )
            if block
        )
        common = "" if shape.small else self.common
        most = min(shape.answer_tokens, 1_200 + 2 * tokens.bound(request))
        name = f"read-{fingerprint([p.material for p in parts] + [list(table), sorted(wanted)])[:6]}"
        return Brief(name, "read", tuple(parts), prompt("read.md"), common, request, _schema(small=shape.small), most, (self, table))

    @staticmethod
    def _open(parts: Sequence[Part], known: Mapping[str, Record]) -> frozenset[Ref]:
        """What has no account yet."""
        found: list[Ref] = []
        for part in parts:
            record = known.get(part.key)
            found += [part.payload.refs[i] for i in record["open"]] if record else part.payload.refs
        return frozenset(found)

    @staticmethod
    def _shown(parts: Sequence[Part], known: Mapping[str, Record]) -> frozenset[Ref]:
        """What a brief shows: what is open, and the lines around it, which a statement may rest on as well."""
        found: list[Ref] = []
        for part in parts:
            record, refs = known.get(part.key), part.payload.refs
            opened = record["open"] if record else range(len(refs))
            near = {j for i in opened for j in range(i - _AROUND, i + _AROUND + 1)}
            found += [ref for i, ref in enumerate(refs) if i in near]
        return frozenset(found)

    @staticmethod
    def _table(parts: Sequence[Part]) -> tuple[Ref, ...]:
        """What the numbers of a brief stand for: all of its units, so that a number means the same line in every round."""
        return tuple(ref for part in parts for ref in part.payload.refs)

    def _lines(self, parts: Sequence[Part], table: Sequence[Ref], shown: frozenset[Ref]) -> Iterator[str]:
        numbers = {ref: n for n, ref in enumerate(table, 1) if ref in shown}
        path, above = "", tuple[str, ...]()
        headers: dict[str, dict[int, str]] = {}
        for part in parts:
            one: ReadPart = part.payload
            if shown.isdisjoint(one.refs):
                continue
            if one.document.path != path:
                path, above = one.document.path, ()
                yield f"## {path}"
            yield from _headings(above, one.passage.trail)
            above = one.passage.trail
            if path not in headers:
                headers[path] = _headers(one.document)
            header = headers[path].get(one.units[0].passage, "")
            if header:
                yield f"(columns: {header})"
            for unit, ref in zip(one.units, one.refs, strict=True):
                if ref in numbers:
                    mark = "# " if unit.kind == "heading" else ""
                    yield f"[{numbers[ref]}] {mark}{unit.text}"

    @staticmethod
    def _standing(parts: Sequence[Part], known: Mapping[str, Record]) -> str:
        """What is accepted of these passages, and the keys that their statements had before they were edited."""
        accepted = [s for p in parts if p.key in known for s in known[p.key]["statements"]]
        taken = {s["key"] for s in accepted}
        former = [s for p in parts for s in p.payload.former if s["key"] not in taken]
        blocks = []
        if accepted:
            told = [f"- {s['kind']}, {s['name'] or s['says']}" for s in accepted]
            blocks.append("# Accepted of these passages; it stands, and is not said again\n\n" + "\n".join(told))
        if former:
            told = [f"- {s['key']}: {s['kind']}, {s['name'] or s['says']}" for s in former]
            blocks.append("# Statements of these passages so far: one that is meant again keeps its key\n\n" + "\n".join(told))
        return "\n\n".join(blocks)

    # -- accepting ------------------------------------------------------------------------------

    def accept(self, parts: Sequence[Part], value: Any, known: Mapping[str, Record], *, by_rule: bool = False) -> Outcome:
        origin: Origin = "rules" if by_rule else "model"
        accounted = frozenset(p.payload.refs[i] for p in parts for i in known.get(p.key, {}).get("refused", ()))
        taken = Taking(self.corpus, self.homes, self._table(parts), origin, self._open(parts, known), accounted, self._defined)
        outcome = taken.records(parts, value if isinstance(value, dict) else {}, known)
        _reject(parts, value, {s.name: s.name for s in self.candidates} | self.remarks, outcome)
        numbers = {ref: n for n, ref in enumerate(self._table(parts), 1)}
        told = {f.key for f in outcome.findings}
        for part in (p for p in parts if p.key not in told and outcome.records[p.key]["open"]):
            left = ", ".join(str(numbers[part.payload.refs[i]]) for i in outcome.records[part.key]["open"])
            outcome.refuse(part.key, part.key, f"no account of {left}", "Claim each with a statement, or dismiss it.", "PA507")
        return outcome

    @cached_property
    def homes(self) -> dict[Ref, Part]:
        return {ref: part for part in self.parts for ref in part.payload.refs}

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
        found, gone = self._without_remarks(found, {t: why for t, why in rejected.items() if t in self.remarks.values()})
        left += gone
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

    def _without_remarks(self, found: list[Statement], rejected: Mapping[str, Reason]) -> tuple[list[Statement], list[Dismissal]]:
        """Definitions without the remarks that a reader rejected, and the lines that hold nothing else."""
        if not rejected:
            return found, []
        told = {content(t): why for t, why in rejected.items()}
        units = {ref: u for s in found for ref in s.units if (u := self.corpus.unit(*ref))}
        gone = {ref: told[alone] for ref, u in units.items() if (alone := content(_said(u.text))) in told}
        kept = [
            replace(
                s,
                says="" if s.says in rejected else s.says,
                facts=tuple(f for f in s.facts if f[0] != "about" or f[1] not in rejected),
                units=tuple(r for r in s.units if r not in gone),
            )
            for s in found
        ]
        return kept, [Dismissal(why, (ref,)) for ref, why in gone.items()]

    def _restored(self, one: ReadPart, entry: dict[str, Any]) -> Statement:
        units = [one.refs[i] for i in entry["at"]]
        for anchor, said in entry.get("others", ()):
            path, _, slug = anchor.partition("#")
            alike = [r for r in self._by_words.get((slug, said), ()) if r not in units]
            # In the file where it stood, if that is there still; a file may have been renamed.
            units += sorted(alike, key=lambda r: r[0] != path)[:1]
        return Statement(
            entry["key"], entry["kind"], entry["modality"], entry["says"], tuple(units), entry["name"],
            tuple((n, v) for n, v in entry["facts"]), entry["component"] or one.document.component, one.document.feature,
            tuple(entry["labels"]), tuple(entry["left_out"]), entry["origin"],
        )  # fmt: skip

    @cached_property
    def _by_words(self) -> dict[tuple[str, str], list[Ref]]:
        found: dict[tuple[str, str], list[Ref]] = {}
        for part in self.parts:
            one: ReadPart = part.payload
            for unit, ref in zip(one.units, one.refs, strict=True):
                found.setdefault((one.passage.slug, content(unit.text)), []).append(ref)
        return found


def reopened(part: Part, record: Record) -> Record:
    """A passage of which everything is open again; what was doubted once is not doubted twice."""
    return record | {"statements": [], "dismissed": [], "refused": [], "open": list(range(len(part.payload.units)))}


def _wanted(numbers: Sequence[int], shown: int) -> str:
    if len(numbers) == shown:
        return f"Account for every number from 1 to {shown}."
    told = ", ".join(map(str, numbers))
    return f"Account for these numbers: {told}. The others have their account; a statement may rest on them as well."


def _headers(document: Document) -> dict[int, str]:
    """The first header of a table in each passage that has one."""
    return {u.passage: u.text for u in reversed(document.units) if u.kind == "header"}


def _headings(above: Sequence[str], trail: Sequence[str]) -> Iterator[str]:
    """The headings of a passage; those of the passage before are not said again: of a deep document they would be half of it."""
    if trail:
        differ = (i for i, pair in enumerate(zip(above, trail, strict=False)) if pair[0] != pair[1])
        known = next(differ, min(len(above), len(trail) - 1))
        yield f"### {'… › ' * known}{' › '.join(trail[known:])}"


def _reject(parts: Sequence[Part], value: Any, names: Mapping[str, str], outcome: Outcome) -> None:
    """Definitions of formal sources, and remarks in them, that the reader takes back are noted with the first passage of the answer.

    Args:
        names: what is noted, by what the reader calls it.
    """
    for entry in dicts(value.get("rejected")) if isinstance(value, dict) else ():
        name = text(entry.get("name")).removeprefix("operation ").removeprefix("record ")
        why = text(entry.get("why"))
        if name in names and why in REASONS:
            outcome.records[parts[0].key].setdefault("rejected", []).append([names[name], why])


def _said(line: str) -> str:
    """A line of a formal source without its name or mark."""
    return re.sub(r"^\s*(?:[-#/*]+|\"{3}|'{3})?\s*[\w$.'\"/{}-]*:?\s", " ", line, count=1).strip().strip("\"'|>")


def _is_prose(line: str, least: int) -> bool:
    """True for a line of a formal source that people wrote: so many words behind its name or mark, which is more than a name."""
    if re.fullmatch(r"\s*[\"']?[^\s\"']+[\"']?:\s*", line):
        return False
    said = _said(line)
    return len(re.findall(r"[^\W\d_]{2,}", said)) >= least and not re.search(r"[{};]\s*$", line)


def _schema(*, small: bool) -> dict[str, Any]:
    """Each form leaves out what is empty in it: half of a long answer would be names of empty properties."""
    short = {"kind": one_of(k for k in KINDS if k != "passage"), "at": txt(200), "says": txt()}
    named = {"kind": short["kind"], "at": txt(200), "name": txt(200), "says": txt(), "facts": arr(txt(400), 60)}
    whole = named | {"modality": one_of(MODALITIES), "component": txt(120), "left_out": arr(txt(200), 40), "key": txt(80)}
    statement = obj(**whole) if small else any_of(obj(**short), obj(**named), obj(**whole))
    bare = {"at": txt(400), "why": one_of(REASONS)}
    dismissed = any_of(obj(**bare), obj(**bare, of=txt(120)))
    rejected = obj(name=txt(200), why=one_of(REASONS))
    return obj(statements=arr(statement), dismissed=arr(dismissed), rejected=arr(rejected))
