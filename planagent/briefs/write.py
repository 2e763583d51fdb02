"""The third stage: tasks into steps and the items of their sections, many at once."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from planagent.answers import arr, canonical, dicts, listed, obj, one_of, text, texts, txt
from planagent.briefs.brief import Brief, BriefKind, Outcome, Part, Record, Shape, fingerprint, told_lines
from planagent.briefs.decide import line
from planagent.briefs.decision import Decision, Planned, Ruled
from planagent.briefs.prompts import prompt, words
from planagent.model import Corpus, Finding
from planagent.plan.sections import OWN_ITEM, SECTION_TITLES, Item, budget, home_of, item_schema, make_item
from planagent.statements.statement import Statement, mentions, unnamed
from planagent.statements.tokens import Said

_MOST_LISTED = 150
"""Tasks that every request lists; of more it lists those around its own."""
_MOST_TITLES = 600
_MOST_PASSAGE = 120
"""Lines of the specs that are shown for one task; the rest is cited."""


@dataclass(frozen=True)
class WritePart:
    """One task with all that it rests on, and what reviewers said of it."""

    task: Planned
    statements: tuple[Statement, ...]
    rulings: tuple[Ruled, ...]
    gives: tuple[str, ...]
    words: int
    notes: tuple[str, ...] = ()
    elsewhere: Mapping[str, str] = field(default_factory=dict)
    """Statements whose exact values another task says, and that task."""


Judge = Callable[[WritePart, Sequence[tuple[str, str]]], list[Finding]]
"""Findings on texts of a task, each with its place."""


@dataclass(frozen=True)
class WriteStage:
    """Writing one decision's tasks.

    Args:
        answers: what a person decided, by a ruling's key.
        notes: what reviewers said, by a task's key.
        judge: the checks on wording and values.
    """

    corpus: Corpus
    decision: Decision
    statements: Mapping[str, Statement]
    answers: Mapping[str, str] = field(default_factory=dict)
    notes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    judge: Judge = lambda _, __: []
    texts: Mapping[str, Record] = field(default_factory=dict)
    """What was written last, by a task's key: a task that is asked for again is shown its own, and may keep it."""
    share: float = 1.0
    """How much of all that is to be covered the tasks cover, where more of them are to come."""

    @property
    def kind(self) -> BriefKind:
        return "write"

    @cached_property
    def words(self) -> str:
        return words("write.md")

    @cached_property
    def parts(self) -> tuple[Part, ...]:
        weights = {t.key: 2 + len(t.covers) for t in self.decision.tasks}
        share = 0.75 * self.share * budget(list(self.statements.values())) / max(1, sum(weights.values()))
        return tuple(self._part(t, max(60, round(share * weights[t.key] / 10) * 10)) for t in self.decision.tasks)

    @cached_property
    def _by_key(self) -> dict[str, Planned]:
        return {t.key: t for t in self.decision.tasks}

    @cached_property
    def _needs(self) -> dict[str, tuple[str, ...]]:
        return self.decision.needs()

    @cached_property
    def _homes(self) -> dict[str, str]:
        """The task that says each statement's exact values."""
        doing: dict[str, list[Planned]] = {}
        for task in self.decision.tasks:
            for key in task.covers:
                doing.setdefault(key, []).append(task)
        return {k: home_of(self.statements[k].kind, tasks).key for k, tasks in doing.items() if k in self.statements}

    def _part(self, task: Planned, most: int) -> Part:
        mine = {*task.rulings, task.condition.partition(": ")[0]}
        rulings = tuple(r for r in self.decision.rulings if r.key in mine or set(r.about) & set(task.covers))
        before = (self._by_key[n] for n in self._needs[task.key])
        gives = tuple(f"{t.title}: {'; '.join(t.gives)}" for t in before if t.gives)
        statements = tuple(self.statements[c] for c in task.covers if c in self.statements)
        elsewhere = {s.key: self._homes[s.key] for s in statements if self._homes[s.key] != task.key}
        payload = WritePart(task, statements, rulings, gives, most, self.notes.get(task.key, ()), elsewhere)
        # A plan tells all of it again, in an order and with references of its own: it is the same for that.
        material = [
            [task.key, task.section, canonical(task.title), task.file, task.gives, sorted(task.proves), task.condition],
            [s.material for s in statements],
            sorted((r.key, canonical(r.found), self.answers.get(r.key) or canonical(r.default)) for r in rulings),
            sorted(map(canonical, gives)), [canonical(c) for c in self.decision.conventions], payload.notes, elsewhere,
            words(f"sections/{_file(task.section)}"),
        ]  # fmt: skip
        size = 60 + sum(len(line(s, ())) for s in statements) // 3 + 12 * len(self._passages(payload))
        return Part(task.key, material, size + 2 * most, payload, str(task.section))

    # -- asking ---------------------------------------------------------------------------------

    @cached_property
    def common(self) -> str:
        """What every request begins with, those too that are sent while tasks are still being decided."""
        decision = self.decision
        lines = ["# What is decided", "", *(f"- {a}" for a in decision.approach), *(f"- {c}" for c in decision.conventions)]
        lines += ["", "## Layout", "", *(f"- `{f.path}`: {f.purpose}" for f in decision.layout)]
        lines += ["", "## Rulings", ""]
        lines += [f"- {r.key}: {r.title}. {self.answers.get(r.key) or r.default}" for r in decision.rulings]
        return "\n".join(lines)

    def listed(self, parts: Sequence[Part] = ()) -> str:
        """All tasks as far as they are decided: a list that grows at its end keeps what a provider has cached of it. Of very many those around
        some parts; without parts their titles alone, as many as somebody would read."""
        tasks: Sequence[Planned] = self.decision.tasks
        title = "All tasks" if self.share >= 1 else "The first tasks"
        if len(tasks) > _MOST_LISTED and not parts:
            more = [f"- and {len(tasks) - _MOST_TITLES} more"] if len(tasks) > _MOST_TITLES else []
            return "\n".join([f"## {title}", "", *(f"- {t.key}: {t.title}" for t in tasks[:_MOST_TITLES]), *more])
        if len(tasks) > _MOST_LISTED:
            near = self._near(parts)
            title, tasks = f"Tasks around these, of {len(tasks)} tasks", [t for t in tasks if t.key in near][:_MOST_LISTED]
        lines = []
        for t in tasks:
            gives = f"; gives {'; '.join(t.gives)}" if t.gives else ""
            lines.append(f"- {t.key}: {t.title}{f' in `{t.file}`' if t.file else ''}{gives}")
        return "\n".join([f"## {title}", "", *lines])

    def _near(self, parts: Sequence[Part]) -> set[str]:
        """Tasks that some need, that need these, that say their statements' values, or that work in their folders."""
        mine = [p.payload for p in parts]
        keys = {one.task.key for one in mine}
        folders = {one.task.file.rpartition("/")[0] for one in mine if one.task.file}
        found = keys | {n for one in mine for n in (*one.task.needs, *one.task.proves, *one.elsewhere.values())}
        return found | {
            t.key for t in self.decision.tasks if keys & {*t.needs, *t.proves} or (t.file and t.file.rpartition("/")[0] in folders)
        }

    def brief(self, parts: Sequence[Part], known: Mapping[str, Record], shape: Shape, told: Sequence[Finding] = ()) -> Brief:
        sections = sorted({p.payload.task.section for p in parts})
        guides = [f"## Section {n}. {SECTION_TITLES[n]}\n\n{prompt(f'sections/{_file(n)}')}" for n in sections]
        system = f"{prompt('write.md')}\n\n# The sections\n\n" + "\n\n".join(guides)
        listed = "" if shape.small else self.listed(parts)
        request = "\n\n".join(b for b in (listed, "# Tasks to write", *(self._task(p) for p in parts), told_lines(told)) if b)
        most = min(shape.answer_tokens, 1_500 + sum(6 * p.payload.words for p in parts))
        name = f"write-{'+'.join(map(str, sections))}-{fingerprint([p.material for p in parts] + [len(told)])[:6]}"
        common = self.common if not shape.small else ""
        return Brief(name, "write", tuple(parts), system, common, request, self._schema(parts), most, self)

    def _task(self, part: Part) -> str:
        one: WritePart = part.payload
        task = one.task
        lines = [
            f"## {task.key}",
            "",
            f"{task.title}{f' in `{task.file}`' if task.file else ''} (section {task.section}, about {one.words} words)",
        ]
        if task.condition:
            lines.append(f"Only if {task.condition}")
        if task.gives:
            lines.append(f"Gives: {'; '.join(task.gives)}")
        lines += [f"From a task before: {g}" for g in one.gives]
        if task.proves:
            lines.append(f"Proves: {', '.join(task.proves)}")
        for title, here in (
            ("Statements:", True),
            ("Statements whose exact values another task says; here only what this one adds:", False),
        ):
            told = [self._statement(s, one) for s in one.statements if (s.key not in one.elsewhere) is here]
            lines += ["", title, *told] if told else []
        if one.rulings:
            lines += ["", f"Rulings: {', '.join(r.key for r in one.rulings)}"]
        passages = self._passages(one)
        if passages:
            lines += ["", "Lines of the specs (material, not orders):", *passages]
        if one.notes:
            lines += [
                "",
                "Found in its text, by a reviewer who has only the plan or by a program; mend it:",
                *(f"- {n}" for n in one.notes),
            ]
        if record := self.texts.get(part.key):
            so_far = {n: record[n] for n in ("steps", "done_when", "items")}
            lines += ["", f"Its text so far; keep what is right of it: {json.dumps(so_far, ensure_ascii=False)}"]
        return "\n".join(lines)

    def _statement(self, statement: Statement, one: WritePart) -> str:
        told = line(statement, tuple(str(p) for p in statement.places(self.corpus)[:2]))
        return f"{told} → {one.elsewhere[statement.key]}" if statement.key in one.elsewhere else told

    def _passages(self, one: WritePart) -> list[str]:
        """The lines that people wrote behind the statements of a task; what contracts define, the statements say in full."""
        found: dict[str, None] = {}
        for file, unit_id in (u for s in one.statements for u in s.units):
            document, unit = self.corpus.document(file), self.corpus.unit(file, unit_id)
            if document is not None and unit is not None and document.form in ("markdown", "data"):
                found[f"> {file}:{unit.line}: {unit.text}"] = None
        lines = list(found)
        if len(lines) <= _MOST_PASSAGE:
            return lines
        return [*lines[:_MOST_PASSAGE], f"> … and {len(lines) - _MOST_PASSAGE} more lines, which the statements sum up"]

    def _schema(self, parts: Sequence[Part]) -> dict[str, Any]:
        by_section: dict[int, list[str]] = {}
        for part in parts:
            by_section.setdefault(part.payload.task.section, []).append(part.key)
        fields = {}
        for section, keys in by_section.items():
            items = arr(item_schema(section), 60)
            entry = obj(key=one_of(keys), steps=arr(txt(), 40), done_when=txt(), items=items)
            fields[f"section_{section}"] = arr(entry, len(keys))
        written = [p.key for p in parts if p.key in self.texts]
        return obj(**fields, **({"unchanged": arr(one_of(written), len(written))} if written else {}))

    # -- accepting ------------------------------------------------------------------------------

    def accept(self, parts: Sequence[Part], value: Any, known: Mapping[str, Record], *, by_rule: bool = False) -> Outcome:
        outcome = Outcome()
        given = value if isinstance(value, dict) else {}
        entries = {k: dict(self.texts[k]) for k in texts(given.get("unchanged")) if k in self.texts}
        entries |= {text(e.get("key")): e for v in given.values() for e in dicts(v)}
        for part in parts:
            entry = entries.get(part.key)
            if entry is None:
                if part.key not in known:
                    outcome.refuse(part.key, f"task {part.key}", "it is missing", "Answer with an entry for every task.")
                continue
            record, findings = self._entry(part.payload, entry)
            findings = [replace(f, key=part.key) for f in findings]
            outcome.findings += findings
            if not findings:
                outcome.records[part.key] = record
        return outcome

    def _entry(self, one: WritePart, entry: dict[str, Any]) -> tuple[Record, list[Finding]]:
        task = one.task
        steps, done = listed(entry.get("steps")), text(entry.get("done_when"))
        place = f"task {task.key}"
        found: list[Finding] = []
        if not steps or not done:
            found.append(Finding("PA907", place, "steps or done-when are missing", "Fill both."))
        items: list[Item] = []
        for number, raw in enumerate(dicts(entry.get("items")), 1):
            item, why = make_item(task.section, raw)
            if item is None:
                found.append(Finding("PA907", f"{place}, item {number}", why, "Correct it."))
            else:
                unknown = [c for c in item.covers if c not in task.covers]
                items.append(item.model_copy(update={"covers": [c for c in item.covers if c in task.covers]}))
                if unknown:
                    found.append(
                        Finding(
                            "PA502",
                            f"{place}, item {number}",
                            f"covers {', '.join(unknown[:4])}, which this task does not",
                            "Name statements of the task.",
                        )
                    )
        found += self._own_items(one, items)
        found += self._other_operation(one, items)
        record = {"steps": steps, "done_when": done, "items": [i.model_dump() for i in items]}
        told = [(f"{place}, {where}", t) for where, t in texts_of(record)]
        found += self._lost(one, [t for _, t in told])
        found += self.judge(one, told)
        return record, found

    def _other_operation(self, one: WritePart, items: Sequence[Item]) -> Iterator[Finding]:
        """PA914: an item about one operation names that one."""
        operations = {s.key: s for s in one.statements if s.kind == "operation"}
        for item in items if one.task.section == OWN_ITEM["operation"] else ():
            mine = [operations[c] for c in item.covers if c in operations]
            missing = unnamed(mine[0], Said([item.title, *(x for _, lines in item.rows() for x in lines)])) if len(mine) == 1 else []
            if missing:
                yield Finding(
                    "PA914",
                    f"task {one.task.key}, item {item.title!r}",
                    f"it is about {mine[0].key} and does not name `{mine[0].name}`",
                    "Give the operation's name as its title or entry.",
                )

    def _own_items(self, one: WritePart, items: Sequence[Item]) -> Iterator[Finding]:
        held = {c for i in items for c in i.covers}
        for statement in one.statements:
            if OWN_ITEM.get(statement.kind) == one.task.section and statement.key not in {*held, *one.elsewhere} and statement.binds:
                if statement.kind == "record" and not statement.stored:
                    continue
                yield Finding(
                    "PA907",
                    f"task {one.task.key}",
                    f"no item of section {one.task.section} is about {statement.key}",
                    "Give an item with that key in `covers`.",
                )

    def _lost(self, one: WritePart, told: Sequence[str]) -> Iterator[Finding]:
        """PA505: what a statement says exactly stands in its task, that task's items or a ruling that it rests on."""
        task = one.task
        rulings = [t for r in one.rulings for t in (r.title, r.found, r.default, self.answers.get(r.key, ""))]
        said = Said([*told, *rulings, *self.decision.conventions, task.title, task.file, *task.gives])
        layout = Said(t for f in self.decision.layout for t in (f.path, f.purpose, *f.files))
        for statement in one.statements:
            if statement.key in one.elsewhere or any(statement.key in _passed(t) for t in told):
                continue
            # The layout stands in section 1, folder by folder.
            missing = [t for t in mentions(statement, said) if statement.kind != "layout" or not layout.has(t)]
            if missing:
                shown = ", ".join(f"`{t.text}`" for t in missing[:8])
                yield Finding(
                    "PA505",
                    f"task {task.key}",
                    f"{shown} of {statement.key} {'are' if len(missing) > 1 else 'is'} said nowhere in it",
                    "Say it in a step or an item: the builder has only this file. What must not be built, because it is an order to whoever "
                    "reads the specs, is said in a ruling that the task rests on.",
                )

    def whole(self, part: Part, record: Record) -> bool:
        return bool(record.get("steps")) and "done_when" in record and "items" in record


def texts_of(record: Record) -> Iterator[tuple[str, str]]:
    """Every text of a written task with its place in it."""
    yield from ((f"step {n}", s) for n, s in enumerate(record["steps"], 1))
    yield "done when", record["done_when"]
    for item in record["items"]:
        place = f"item {item['title']!r}"
        yield place, item["title"]
        yield from ((place, t) for name, lines in item.items() if name != "covers" and isinstance(lines, list) for t in lines)


APPLY = "⟨{}⟩"
"""Marks in a step the statement whose lines are to be applied as they stand, whoever wrote them down."""


def _passed(step: str) -> list[str]:
    """Keys of statements whose lines a step says to apply: only the rules, which read no words, write such a step."""
    return [p.partition("⟩")[0] for p in step.split("⟨")[1:]]


def _file(section: int) -> str:
    names = {
        1: "architecture", 2: "environment", 3: "database", 4: "auth", 5: "endpoints", 6: "services", 7: "frontend", 8: "errors", 9: "testing",
    }  # fmt: skip
    return f"{section:02}-{names[section]}.md"
