"""The third writer: a coding agent that takes briefs, answers them, and hands the answers in one at a time.

Nothing is held between two commands but what the ledger holds: accepted answers by part, and for each brief that was
handed out what its parts rested on then. So a run that was interrupted goes on where it stopped, several briefs can be
answered at once, and an answer to a brief whose specs have changed since is known as such.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from planagent.errors import AnswerError, StaleError, UsageError
from planagent.model import Finding
from planagent.planning.briefs import HOST as SHAPE
from planagent.planning.briefs import Brief, common_part, deciding_briefs
from planagent.planning.parts import Part, deciding_parts, fingerprint
from planagent.writing.accepting import EXTRA
from planagent.writing.answers import Given, dicts, parse, salvage, sort_out
from planagent.writing.deciding import decided, judged, recalled, ruling_ids
from planagent.writing.memory import Known
from planagent.writing.rules import write_all
from planagent.writing.run import Run
from planagent.writing.sections import Sections, assigned

NOTES = "host "
"""Beginning of the names of the ledger's notes on briefs that were handed out."""
LONGEST_ANSWER = 400_000
"""Characters; the longest answer that a brief asks for has a twentieth of it."""


@dataclass(frozen=True, slots=True)
class OpenBrief:
    """A brief with the parts of it that are open. `told` are the findings on the last answer to it."""

    brief: Brief
    obligations: int
    """How many of the specs' demands its parts answer for; rulings count as one each."""
    told: tuple[str, ...] = ()
    answered: bool = False
    """All of it is accepted; the answers stand in the place of the drafts."""
    beside: dict[str, Any] = field(default_factory=dict)
    """What stands beside the parts of an answered brief: the approach, and what the writer added, by kind."""

    @property
    def id(self) -> str:
        return self.brief.id


@dataclass(slots=True)
class Receipt:
    """What became of an answer: keys of parts, each in one of `accepted`, `open` (with its findings) or `refused`."""

    id: str
    accepted: list[str] = field(default_factory=list)
    open: list[str] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    left_out: list[Finding] = field(default_factory=list)
    """Risks, gaps, own tasks and traps that break a rule: they are dropped, and need no other answer."""
    added: dict[str, int] = field(default_factory=dict)
    """How many risks, gaps, own tasks and traps stand beside the parts now, of the kinds that the answer gave."""
    ignored: list[str] = field(default_factory=list)
    """Keys that the brief does not ask for."""
    refused: dict[str, str] = field(default_factory=dict)
    """Keys of parts that rest on something else by now, each with the reason."""
    whole: bool = True


class Desk:
    """What is open in a host's run, and where answers go. Looks at the ledger once; make a new one for each command."""

    def __init__(self, run: Run) -> None:
        """
        Args:
            run: with a `HostWriter`; its outline becomes the decided one when the decisions are made.
        """
        self._run = run
        first = deciding_parts(run.outline)
        self._known = recalled(run, first)
        self._parts: tuple[Part, ...] = tuple(first)
        self._sections: Sections | None = None
        self.deciding = any(p.key not in self._known for p in first)
        if not self.deciding:
            run.outline = decided(run.outline, self._known)
            self._sections = Sections.of(run, write_all(run.outline))
            self._known |= self._sections.recall()
            self._parts += self._sections.parts
        self._by_key = {p.key: p for p in self._parts}
        self._order = {p.key: n for n, p in enumerate(self._parts)}
        noted = run.ledger.notes(NOTES)
        self._rows = {k: v for k, v in noted.items() if v.keys() >= {"parts", "told"}}

    @property
    def accepted(self) -> int:
        return len(self._known)

    @property
    def complete(self) -> bool:
        """Nothing is open: the plan can be merged."""
        return not self.deciding and all(p.key in self._known for p in self._parts)

    @property
    def total(self) -> int:
        """Parts that are asked for in this stage and those before it."""
        return len(self._parts)

    def open(self) -> list[OpenBrief]:
        """The open briefs in the order of the plan: the decisions, or once they are made all sections at once."""
        wanted = {p.key: p for p in self._parts if p.key not in self._known}
        found = []
        for brief_id, row in self._rows.items():
            held = [k for k, v in row["parts"].items() if k in wanted and v["key"] == self._keys[k]]
            parts = [wanted.pop(k) for k in held]
            if parts:
                found.append(self._opened(self._brief(parts, brief_id), tuple(row["told"])))
        found += [self._opened(b) for b in self._hand_out(list(wanted.values()))]
        return sorted(found, key=lambda o: min(self._order[k] for k in o.brief.keys))

    def _opened(self, brief: Brief, told: tuple[str, ...] = ()) -> OpenBrief:
        outline = self._run.outline
        demands = {k for k in brief.keys if k in outline.obligations or brief.sections == (0,)}
        demands |= {c for k in brief.keys if k in outline.tasks for c in outline.tasks[k].covers}
        return OpenBrief(brief, len(demands), told)

    def take(self, brief_id: str) -> OpenBrief:
        """One brief: its open parts; one that is answered whole, with its answers.

        Raises:
            StaleError: what it asks for rests on something else by now, and is asked for in another brief.
            UsageError: there is none of that id.
        """
        every = self.open()
        found = next((o for o in every if o.id == brief_id), None)
        if found:
            return found
        same, refused = self._split(brief_id, every)
        if not same:
            raise _stale(brief_id, refused)
        parts = [replace(p, base=p.base | self._known[p.key].entry) for p in same]
        beside: dict[str, Any] = {}
        for known in (self._known[p.key] for p in same):
            beside |= {"approach": known.entry["lines"]} if known.entry.get("lines") else {}
            for name, entries in known.extras.items():
                beside[name] = [*beside.get(name, []), *entries]
        return replace(self._opened(self._brief(parts, brief_id)), answered=True, beside=beside)

    def answered(self) -> list[str]:
        """Ids of the briefs that are answered whole, and can be answered again."""
        found = []
        for brief_id, row in self._rows.items():
            keys = [k for k, v in row["parts"].items() if v["key"] == self._keys.get(k)]
            if keys and all(k in self._known for k in keys):
                found.append((min(self._order[k] for k in keys), brief_id))
        return [brief_id for _, brief_id in sorted(found)]

    def forget_old(self) -> None:
        """Drops what is noted of briefs none of which holds any more."""
        kept = {
            i: row
            for i, row in self._rows.items()
            if any(v["key"] == self._keys.get(k) for k, v in row["parts"].items())
        }
        self._run.ledger.forget_notes(NOTES)
        for brief_id, row in kept.items():
            self._run.ledger.note(NOTES + brief_id, row)

    def submit(self, brief_id: str, text: str) -> Receipt:
        """Checks an answer and keeps what is right of it; parts without a finding are accepted at once.

        Raises:
            StaleError: all that the brief asks for rests on something else by now.
            UsageError: there is no such brief.
        """
        same, refused = self._split(brief_id, None)
        if not same:
            raise _stale(brief_id, refused)
        receipt = Receipt(brief_id, refused=refused)
        brief = self._brief(same, brief_id)
        value = _read(text, receipt)
        if value is not None:
            (self._decide if same[0].section == 0 else self._write)(brief, value, receipt)
        receipt.open = [p.key for p in same if p.key not in self._known]
        row = self._rows[brief_id]
        row["told"] = [f"{f.key}: {f.rule} {f.message}. {f.remedy}" for f in receipt.findings]
        self._run.ledger.note(NOTES + brief_id, row)
        return receipt

    # -- answers --------------------------------------------------------------------------------

    def _decide(self, brief: Brief, value: dict[str, Any], receipt: Receipt) -> None:
        """Rulings that an answer leaves out keep their default; one that stands already is judged when given again."""
        ids = ruling_ids(self._run.outline)
        given = {str(e.get("id")) for e in dicts(value.get("rulings"))}
        receipt.ignored = sorted(given - {ids[p.key] for p in brief.parts if p.kind == "ruling"})
        if value.get("approach"):
            given.add("approach")
        parts = [p for p in brief.parts if p.key not in self._known or ids.get(p.key, p.key) in given]
        known, traps, faults = judged(self._run, replace(brief, parts=tuple(parts)), value)
        receipt.left_out = [f for f in faults if f.key == "traps" or f.key in known]
        receipt.findings = [f for f in faults if f.key != "traps" and f.key not in known]
        added = Given({}, {"traps": traps})
        self._keep(parts, self._with_extras(brief, known, added, receipt), receipt)

    def _write(self, brief: Brief, value: dict[str, Any], receipt: Receipt) -> None:
        sections = self._sections
        assert sections is not None, "a part of a section is known only when the decisions are made"  # noqa: S101
        given = sort_out(value, brief)
        written, kept = _named(value)
        receipt.ignored = sorted((written | kept) - set(brief.keys))
        for key in (kept - written) & self._known.keys():
            given.entries.pop(key, None)  # what is accepted stays as it was answered
        parts = [p for p in brief.parts if p.key not in self._known or p.key in given.entries]
        looked_at = replace(brief, parts=tuple(parts) or brief.parts)
        stands = {p.key: self._known[p.key].entry for p in looked_at.parts if p.key in self._known}
        full = Given(stands | given.entries, given.extras)
        found = self._without_faulty_extras(sections, looked_at, full, receipt)
        receipt.findings = [f for f in found if f.key in {p.key for p in parts}]
        faulty = {f.key for f in receipt.findings}
        answers = {p.key: Known(given.entries[p.key]) for p in parts if p.key not in faulty}
        self._keep(parts, self._with_extras(brief, answers, given, receipt), receipt)

    def _without_faulty_extras(
        self, sections: Sections, brief: Brief, given: Given, receipt: Receipt
    ) -> list[Finding]:
        """Findings on the parts; what the writer added and that breaks a rule is taken out of the answer."""
        found = sections.check(brief.parts, assigned(brief, given))
        faulty = {f.key for f in found} & EXTRA.keys()
        if not faulty:
            return found
        for name in faulty:
            sound = []
            for entry in given.extras[name]:
                alone = Given(given.entries, {name: [entry]})
                wrong = [f for f in sections.check(brief.parts, assigned(brief, alone)) if f.key == name]
                receipt.left_out += wrong
                sound += [] if wrong else [entry]
            given.extras[name] = sound
        return [f for f in sections.check(brief.parts, assigned(brief, given)) if f.key not in EXTRA]

    def _with_extras(
        self, brief: Brief, answers: dict[str, Known], given: Given, receipt: Receipt
    ) -> dict[str, Known]:
        """The answers with what the writer added beside them, and accepted ones for which that changes.

        A kind that the answer gives replaces the brief's; one that it leaves empty stays as it was. None of it goes
        down with a part that is not accepted.
        """
        gave = {n: entries for n, entries in given.extras.items() if entries}
        result = {k: Known(a.entry) for k, a in answers.items()}
        for part in brief.parts:
            old = self._known.get(part.key)
            stays = {n: e for n, e in old.extras.items() if n not in gave} if old else {}
            if part.key in result:
                result[part.key].extras = stays
            elif old and gave.keys() & old.extras.keys():
                result[part.key] = Known(old.entry, stays, old.filled)
        homes = [p for p in brief.parts if p.key in answers]
        homes = homes or [p for p in brief.parts if p.key in self._known]
        for name, entries in gave.items():
            if not homes:
                lost = "is not kept, since no part of this answer is accepted"
                receipt.left_out.append(Finding("PA907", name, lost, "Give it again with a part.", 0, name))
                continue
            receipt.added[name] = len(entries)
            alone = replace(brief, parts=tuple(homes))
            for key, one in assigned(alone, Given({}, {name: entries})).items():
                if one.extras.get(name):
                    old = result.get(key) or self._known[key]
                    result[key] = Known(old.entry, {**old.extras, name: one.extras[name]}, old.filled)
        return result

    def _keep(self, parts: Sequence[Part], answers: dict[str, Known], receipt: Receipt) -> None:
        self._run.memory.keep([self._by_key[k] for k in answers], answers)
        self._known |= answers
        receipt.accepted = [p.key for p in parts if p.key in answers]

    # -- briefs ---------------------------------------------------------------------------------

    def _brief(self, parts: Sequence[Part], brief_id: str) -> Brief:
        if parts[0].section == 0:
            [brief] = deciding_briefs(
                self._run.outline, parts, common_part(self._run.outline, SHAPE), replace(SHAPE, most_tokens=0)
            )
            return replace(brief, id=brief_id)
        assert self._sections is not None  # noqa: S101
        return self._sections.brief(parts, brief_id)

    def _hand_out(self, wanted: Sequence[Part]) -> list[Brief]:
        """New briefs, each noted under an id that no other brief ever has: it tells what its parts rest on."""
        if not wanted:
            return []
        if self.deciding:
            briefs = deciding_briefs(self._run.outline, wanted, common_part(self._run.outline, SHAPE), SHAPE)
        else:
            assert self._sections is not None  # noqa: S101
            briefs = self._sections.briefs(wanted)
        found = []
        for brief in briefs:
            parts = {p.key: self._ground(p) for p in brief.parts}
            brief_id = f"{brief.id}-{fingerprint([v['key'] for v in parts.values()])[:5]}"
            self._rows[brief_id] = {"parts": parts, "told": []}
            self._run.ledger.note(NOTES + brief_id, self._rows[brief_id])
            found.append(replace(brief, id=brief_id))
        return found

    @cached_property
    def _keys(self) -> dict[str, str]:
        memory = self._run.memory
        return {p.key: memory.key(p) for p in self._parts}

    def _ground(self, part: Part) -> dict[str, Any]:
        """What a part rests on, so that it can be said later what of it has changed."""
        return {
            "key": self._keys[part.key],
            "reads": {e.anchor: e.digest for e in part.reads},
            "rulings": {r.id: fingerprint(r.answer or r.default) for r in part.rulings},
        }

    def _split(self, brief_id: str, every: Sequence[OpenBrief] | None) -> tuple[list[Part], dict[str, str]]:
        """The parts of a brief that rest on what they rested on, and the others with what has changed.

        Raises:
            UsageError: no brief has that id.
        """
        row = self._rows.get(brief_id)
        if row is None:
            known = _ids(self.open() if every is None else every)
            raise UsageError(f"There is no brief {brief_id!r}.", f"Open: {known}.")
        same, refused = [], {}
        for key, ground in row["parts"].items():
            part = self._by_key.get(key)
            if part is not None and self._keys[key] == ground["key"]:
                same.append(part)
            else:
                refused[key] = self._why(part, ground)
        return same, refused

    def _why(self, part: Part | None, ground: dict[str, Any]) -> str:
        if part is None:
            return (
                "the decisions that it rests on are open again" if self.deciding else "it is demanded no more"
            )
        now = self._ground(part)
        read = [a for a, digest in ground["reads"].items() if now["reads"].get(a) != digest]
        new = [a for a in now["reads"] if a not in ground["reads"]]
        ruled = [
            r
            for r in {**ground["rulings"], **now["rulings"]}
            if ground["rulings"].get(r) != now["rulings"].get(r)
        ]
        told = [f"{a} has changed" for a in read] + [f"{a} belongs to it now" for a in new]
        told += [f"ruling {r} is another" for r in ruled]
        return "; ".join(told) or "what the rules derive for it is another"


def _read(text: str, receipt: Receipt) -> dict[str, Any] | None:
    """The answer's JSON; the finished entries of a broken one; None and a finding where nothing can be used."""
    if len(text) > LONGEST_ANSWER:
        raise UsageError(
            f"The answer has {len(text):,} characters, more than the {LONGEST_ANSWER:,} that any brief asks for.",
            "Hand in the one JSON object that the brief asks for.",
        )
    try:
        return parse(text)
    except AnswerError as error:
        receipt.whole = False
        value = salvage(text)
        if not value:
            told = Finding("PA907", "answer", error.message.rstrip("."), "Answer with the one JSON object of the schema.", 0, "answer")  # fmt: skip
            receipt.findings = [told]
            return None
        return value


def _named(value: dict[str, Any]) -> tuple[set[str], set[str]]:
    """The keys of the parts that an answer gives in full, and of those that it keeps."""
    lists = [v for n, v in value.items() if n == "tasks" or n.startswith("items")]
    keep = value.get("keep")
    kept = {k for k in keep if isinstance(k, str)} if isinstance(keep, list) else set()
    return {str(e.get("key")) for entries in lists for e in dicts(entries)}, kept


def _stale(brief_id: str, refused: dict[str, str]) -> StaleError:
    reasons = dict.fromkeys(refused.values())
    return StaleError(
        f"Brief {brief_id} is out of date: {'; '.join(reasons)}.",
        "Nothing of the answer was taken. `planagent brief` lists what is open now.",
    )


def _ids(every: Iterable[OpenBrief]) -> str:
    return ", ".join(o.id for o in every) or "none, the plan can be merged"
