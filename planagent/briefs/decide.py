"""The second stage: statements into rulings, a blueprint and the task list. Answers are patches: what they leave out stays."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from planagent import tokens
from planagent.answers import any_of, arr, obj, one_of, txt
from planagent.briefs.brief import Brief, BriefKind, Outcome, Part, Record, Shape, fingerprint, told_lines
from planagent.briefs.decision import RULING_KINDS, Decision, faults, ruling_name, uncovered
from planagent.briefs.patch import Judge, Patch
from planagent.briefs.prompts import prompt, words
from planagent.model import Corpus, Finding
from planagent.plan.sections import budget
from planagent.statements.merge import seen_conflicts
from planagent.statements.statement import REASONS, Reading, Statement, slug
from planagent.statements.tokens import Said, exact_tokens

FEW = 3
"""So many statements or tasks may change before what rests on all of them is asked for again."""
_LARGE = 28_000
"""Tokens of statements that are decided at once, for one decision is of one piece; more are decided by component and feature first."""
_GROUP = 10_000
"""Tokens of statements of such a group: all are decided at the same time, and the longest answer is waited for."""


@dataclass(frozen=True, slots=True)
class Group:
    """Statements that are decided together, and what was decided before."""

    key: str
    statements: tuple[Statement, ...]
    former: Decision | None = None
    former_materials: Mapping[str, str] = field(default_factory=dict)
    former_texts: Mapping[str, str] = field(default_factory=dict)
    """What statements said when it was decided, where that is known."""
    over: bool = False
    """What was decided already, by groups or before a review, is to be made better: the statements are not shown again."""
    notes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """What reviewers said, by the name of what is decided."""


@dataclass(frozen=True)
class DecideStage:
    """Deciding over one reading.

    Args:
        answers: what a person decided, by a ruling's key: rulings that the decision must hold.
        judge: the checks on wording.
    """

    corpus: Corpus
    reading: Reading
    groups: tuple[Group, ...]
    answers: Mapping[str, str] = field(default_factory=dict)
    judge: Judge = lambda _, __: []

    @property
    def kind(self) -> BriefKind:
        return "decide"

    @cached_property
    def words(self) -> str:
        return words("decide.md")

    @cached_property
    def parts(self) -> tuple[Part, ...]:
        return tuple(Part(g.key, self._material(g), 0 if g.over else self._size(g), g, alone=True) for g in self.groups)

    def _material(self, group: Group) -> list[object]:
        told: list[object] = [[s.material for s in group.statements], dict(self.answers), self._seen(group)]
        return [*told, group.former.as_record(), dict(group.notes)] if group.over and group.former else told

    @staticmethod
    def _size(group: Group) -> int:
        return sum(tokens.bound(line(s, ())) for s in group.statements)

    def _seen(self, group: Group) -> list[str]:
        keys = {s.key for s in group.statements}
        return [told for told, about in self._conflicts if keys.issuperset(about)]

    @cached_property
    def _conflicts(self) -> list[tuple[str, tuple[str, ...]]]:
        return seen_conflicts(self.reading)

    # -- asking ---------------------------------------------------------------------------------

    def brief(self, parts: Sequence[Part], known: Mapping[str, Record], shape: Shape, told: Sequence[Finding] = ()) -> Brief:
        group: Group = parts[0].payload
        record = known.get(group.key)
        held = Decision.of(record["decision"]) if record else self._seed(group)
        blocks = [self._statements(group), self._seen_by_code(group), _length(group)]
        if self.answers:
            blocks.append(
                "# A person has decided; keep a ruling with each key, and its answer\n\n"
                + "\n".join(f"- {k}: {v}" for k, v in self.answers.items())
            )
        if held is not None:
            blocks += [shown(held), self._wanted(group, held, record)]
        blocks.append(told_lines(told))
        request = "\n\n".join(b for b in blocks if b)
        most = shape.answer_tokens if held is None else max(4_000, shape.answer_tokens // 2)
        name = f"decide-{slug(group.key, 16)}-{fingerprint([parts[0].material, record and record['decision']])[:6]}"
        return Brief(name, "decide", tuple(parts[:1]), prompt("decide.md"), "", request, schema(), most, (self, group, held))

    def _statements(self, group: Group) -> str:
        told = group.statements
        if group.over:
            asked = {a for r in group.former.rulings if ruling_name(r.key) in group.notes for a in r.about} if group.former else set()
            told = tuple(s for s in told if s.key in asked)
        lines = [line(s, tuple(str(p) for p in s.places(self.corpus)[:3])) for s in told]
        return "# Statements\n\n" + "\n".join(lines) if lines else ""

    def _seen_by_code(self, group: Group) -> str:
        keys = {s.key for s in group.statements}
        seen = [f"- two values for one thing: {told} ({', '.join(about)})" for told, about in self._conflicts if about[0] in keys][:60]
        if not any(s.kind == "technology" and s.modality in ("must", "may") for s in self.reading.statements):
            seen.append("- no statement names a language, framework or store to use: rule it as a gap")
        return "# Seen by code\n\n" + "\n".join(seen) if seen and not group.notes else ""

    def _seed(self, group: Group) -> Decision | None:
        """The former decision without what has gone from the specs since."""
        if group.former is None:
            return None
        keys = {s.key for s in group.statements}

        def kept(names: tuple[str, ...]) -> tuple[str, ...]:
            return tuple(n for n in names if n in keys)

        tasks = [replace(t, covers=kept(t.covers)) for t in group.former.tasks if not t.covers or kept(t.covers)]
        alive = {t.key for t in tasks}
        tasks = [replace(t, needs=tuple(n for n in t.needs if n in alive), proves=tuple(p for p in t.proves if p in alive)) for t in tasks]
        rulings = [replace(r, about=kept(r.about)) for r in group.former.rulings if not r.about or kept(r.about)]
        withdrawn = tuple(w for w in group.former.withdrawn if w[0] in keys)
        return replace(group.former, tasks=tuple(tasks), rulings=tuple(rulings), withdrawn=withdrawn)

    def standing(self) -> dict[str, Record]:
        """Records of groups whose former decision stands though a few statements say something else now.

        The same things are demanded, each with the same force, all are covered, and code sees no new contradiction: what changes
        is what the tasks say. One reworded requirement then costs no new decision.
        """
        found = {}
        for group in self.groups:
            now = {s.key: material_of(s) for s in group.statements}
            before, held = group.former_materials, self._seed(group)
            if held is None or group.over or now.keys() != before.keys() or uncovered(held, group.statements) or any(faults(held)):
                continue
            changed = [k for k in now if now[k] != before[k]]
            same = all(now[k].rpartition(" ")[0] == before[k].rpartition(" ")[0] for k in changed)
            known = {r.key for r in held.rulings}
            if self._outdated(held, group, changed):
                continue
            told = {a for _, about in self._conflicts if set(about) & set(changed) for a in about}
            if same and len(changed) <= FEW and not told and known.issuperset(self.answers):
                found[group.key] = {"decision": held.as_record(), "materials": now, "open": []}
        return found

    @staticmethod
    def _outdated(held: Decision, group: Group, changed: Sequence[str]) -> bool:
        """True where a ruling about a changed statement names a value that the statement does not have any more."""
        now = {s.key: s for s in group.statements}
        for key in changed:
            said = Said(now[key].texts())
            gone = [t for t in exact_tokens(group.former_texts.get(key, "")) if not said.has(t)]
            for ruling in (r for r in held.rulings if gone and key in r.about):
                told = Said((ruling.title, ruling.found, ruling.default, ruling.why, *ruling.options))
                if any(map(told.has, gone)):
                    return True
        return False

    def _wanted(self, group: Group, held: Decision, record: Record | None) -> str:
        """What of a decision that exists is open: new and changed statements, and those that nothing covers."""
        if group.notes:
            return "\n".join(_noted(held, group.notes))
        if group.over:
            return "Make one decision of these: one approach, no two rulings on one thing, needs across groups. Give only what changes."
        lines = []
        if record is None:
            fresh = [s.key for s in group.statements if s.key not in group.former_materials]
            other = [s.key for s in group.statements if s.key in group.former_materials and material_of(s) != group.former_materials[s.key]]
            lines += [f"New since: {', '.join(fresh) or 'none'}. Changed since: {', '.join(other) or 'none'}."]
        missing = [s.key for s in uncovered(held, group.statements)]
        if missing:
            lines.append(f"Nothing covers: {', '.join(missing)}.")
        lines += [f"- {place}: {message}. {remedy}" for place, message, remedy in faults(held)]
        return "# What is open\n\nGive only entries that are new or changed; all others stay.\n" + "\n".join(lines)

    # -- accepting ------------------------------------------------------------------------------

    def accept(self, parts: Sequence[Part], value: Any, known: Mapping[str, Record], *, by_rule: bool = False) -> Outcome:
        group: Group = parts[0].payload
        record = known.get(group.key)
        held = (Decision.of(record["decision"]) if record else self._seed(group)) or Decision()
        outcome = Outcome()
        given = value if isinstance(value, dict) else {}
        known_statements = self.reading.statements if group.over else group.statements
        decision = Patch(self.corpus, frozenset(s.key for s in known_statements), group.key, self.judge, given, outcome).applied(held)
        for statement in uncovered(decision, group.statements):
            outcome.refuse(
                group.key, f"statement {statement.key}", "no task covers it, and no ruling that may keep it is about it",
                "Name it in `covers` of a task, in `about` of a ruling, or in `withdrawn` with a reason.", "PA501",
            )  # fmt: skip
        for place, message, remedy in faults(decision):
            outcome.refuse(group.key, place, message, remedy, "PA701")
        for key in self.answers:
            if key not in {r.key for r in decision.rulings} and not group.over and len(self.groups) == 1:
                outcome.refuse(group.key, f"ruling {key}", "a person has answered it, and it is not there", "Give a ruling with that key.")
        record = {"decision": decision.as_record(), "materials": {s.key: material_of(s) for s in group.statements}}
        outcome.records[group.key] = record | {"open": [f"{f.rule} {f.place}" for f in outcome.findings]}
        return outcome

    def so_far(self, value: dict[str, Any]) -> Decision:
        """What an answer decides as far as it has come; what is wrong in it is left out."""
        keys = frozenset(s.key for s in self.groups[0].statements)
        return Patch(self.corpus, keys, self.groups[0].key, self.judge, value, Outcome()).applied(Decision())

    def whole(self, part: Part, record: Record) -> bool:
        if "decision" not in record or record.get("open"):
            return False
        try:
            return not uncovered(Decision.of(record["decision"]), part.payload.statements)
        except (KeyError, TypeError, ValueError):
            return False


_DECIDED_SHARE = 0.25
"""Of the words of a plan, what is decided for all of it: a builder reads it before everything else."""


def _length(group: Group) -> str:
    whole = budget(group.statements)
    most = round(_DECIDED_SHARE * whole, -2)
    return (
        f"# Length\n\nA plan of this has about {whole:,} words; approach, conventions and rulings together take at most {most:,.0f} of them. A ruling is "
        "there where a builder would go wrong or stop without it."
    )


def _noted(held: Decision, notes: Mapping[str, tuple[str, ...]]) -> Iterator[str]:
    yield (
        "# Reviewers who have only the plan say\n\nMend what they are right in: give each ruling that changes whole, conventions and approach whole, "
        "and tasks that change with it."
    )
    rulings = {ruling_name(r.key): r for r in held.rulings}
    for name, said in notes.items():
        more = ""
        if ruling := rulings.get(name):
            more = f" found: {ruling.found} why: {ruling.why} options: {' | '.join(ruling.options)} waits: {ruling.waits}"
        yield f"- {name}:{more}"
        yield from (f"  - {n}" for n in said)


def material_of(statement: Statement) -> str:
    """Kind and force of a statement, and a hash of all that rests on it."""
    return f"{statement.kind} {statement.modality} {fingerprint(statement.material)}"


def groups_of(
    reading: Reading, former: Decision | None, materials: Mapping[str, str], texts: Mapping[str, str] | None = None
) -> tuple[Group, ...]:
    """One group where the statements fit into one request; else one for each component and feature."""
    size = sum(tokens.bound(line(s, ("specs/some/spec.md:10",))) for s in reading.statements)
    if size <= _LARGE:
        return (Group("all", reading.statements, former, materials, texts or {}),)
    batches: dict[tuple[str, str, int], list[Statement]] = {}
    sizes: dict[tuple[str, str], int] = {}
    for statement in reading.statements:
        home = (statement.component, statement.feature)
        sizes[home] = sizes.get(home, 0) + tokens.bound(line(statement, ("specs/some/spec.md:10",)))
        batches.setdefault((*home, sizes[home] // _GROUP), []).append(statement)
    found = []
    for (component, feature, number), statements in batches.items():
        key = "/".join(p for p in (component, feature or "whole", str(number) if number else "") if p)
        own = {s.key for s in statements}
        mine = _of(former, own) if former else None
        found.append(Group(key, tuple(statements), mine, {k: v for k, v in materials.items() if k in own}, texts or {}))
    return tuple(found)


def _of(former: Decision, keys: set[str]) -> Decision | None:
    """What of a former decision is about some statements."""
    tasks = tuple(t for t in former.tasks if keys & set(t.covers))
    rulings = tuple(r for r in former.rulings if keys & set(r.about))
    withdrawn = tuple(w for w in former.withdrawn if w[0] in keys)
    return replace(former, tasks=tasks, rulings=rulings, withdrawn=withdrawn) if tasks or rulings else None


def line(statement: Statement, places: tuple[str, ...]) -> str:
    """One statement in one line, for whoever decides."""
    kind = statement.kind if statement.modality == "must" else f"{statement.kind}, {statement.modality}"
    named = f"`{statement.name}` " if statement.name else ""
    facts = f" [{'; '.join(f'{n}={v}' for n, v in statement.facts)}]" if statement.facts else ""
    where = f" ({', '.join(places)})" if places else ""
    component = f" @{statement.component}" if statement.component else ""
    return f"- {statement.key} | {kind}{component} | {named}{statement.says}{facts}{where}"


def shown(decision: Decision) -> str:
    """A decision in short, for whoever changes it."""
    lines = [
        "# Decided so far",
        "",
        *(f"- approach: {a}" for a in decision.approach),
        *(f"- convention: {c}" for c in decision.conventions),
    ]
    lines += [f"- ruling {r.key} ({r.kind}): {r.title}: {r.default} (about {', '.join(r.about) or 'everything'})" for r in decision.rulings]
    for t in decision.tasks:
        more = "".join(f"; {n} {', '.join(v)}" for n in ("needs", "covers", "gives", "rulings", "proves") if (v := getattr(t, n)))
        lines.append(f"- task {t.key} (section {t.section}, {t.phase}): {t.title} in {t.file or 'no file'}{more}")
    lines += [f"- withdrawn {k}: {w}" for k, w in decision.withdrawn]
    return "\n".join(lines)


def schema() -> dict[str, Any]:
    """The form of an answer; all of it may be empty but for what is open."""
    keys = arr(txt(80), 200)
    found = {"key": txt(60), "kind": one_of(RULING_KINDS), "title": txt(160), "found": txt(), "default": txt(), "why": txt(), "about": keys}
    asked = {"options": arr(txt(300), 8), "waits": {"type": "boolean"}}
    planned = {
        "key": txt(60), "section": {"type": "integer"}, "title": txt(200), "file": txt(200), "phase": txt(80), "needs": keys, "covers": keys,
        "gives": arr(txt(300), 60), "rulings": keys,
    }  # fmt: skip
    more = {"proves": keys, "condition": txt(300)}
    ruling, task = any_of(obj(**found), obj(**found, **asked)), any_of(obj(**planned), obj(**planned, **more))
    folder = obj(path=txt(200), purpose=txt(), files=arr(txt(200), 60), component=txt(120))
    withdrawn = obj(key=txt(80), why=one_of(REASONS))
    return obj(
        project=txt(120), approach=arr(txt(), 12), conventions=arr(txt(), 30), layout=arr(folder, 120), rulings=arr(ruling, 200), tasks=arr(task, 600),
        withdrawn=arr(withdrawn), excluded=arr(txt(), 60), removed=keys,
    )  # fmt: skip
