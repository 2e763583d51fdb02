"""What was read, decided and written becomes a plan: tasks numbered, ordered and linked."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from planagent.answers import REFERENCE, one_line
from planagent.briefs.brief import Record
from planagent.briefs.decision import RULING_KINDS, Decision, Planned, Ruled
from planagent.corpus.markdown import content_digest
from planagent.model import Corpus
from planagent.plan.changes import unit_digests
from planagent.plan.graph import execution_order, waves
from planagent.plan.plan import OWN, TITLE, FileAccount, Plan, PlanItem, PlanSection, Row, Ruling, Source, Task, Traced
from planagent.plan.sections import ITEMS, SECTION_TITLES
from planagent.statements.proof import accounts
from planagent.statements.runs import runs
from planagent.statements.statement import Reading, Reason, Statement

_MARK = re.compile(r"⟨([^⟩]*)⟩")
_MOST_PLACES = 12
"""Of one statement in one sentence."""
_PARALLEL = re.compile(r"^(?:\[P\]\s*)+")
"""A mark that only the order of tasks gives."""


@dataclass(frozen=True, slots=True)
class Made:
    """From what and by whom a plan is made."""

    writer: str
    writer_id: str = ""
    state: str = ""
    by_rule: bool = False


def assemble(
    corpus: Corpus,
    reading: Reading,
    decision: Decision,
    written: Mapping[str, Record],
    made: Made,
    answers: Mapping[str, str],
    previous: Plan | None = None,
) -> Plan:
    """Builds the plan.

    Args:
        written: the accepted texts by a task's key.
        answers: what a person decided, by a ruling's key.
        previous: the plan whose task ids and ticks are kept.

    Raises:
        ValueError: the needs have a cycle.
    """
    return _Assembly(corpus, reading, decision, written, made, answers, previous).plan()


class _Assembly:
    def __init__(
        self,
        corpus: Corpus,
        reading: Reading,
        decision: Decision,
        written: Mapping[str, Record],
        made: Made,
        answers: Mapping[str, str],
        previous: Plan | None,
    ) -> None:
        self.corpus, self.reading, self.decision, self.written = corpus, reading, decision, written
        self.made, self.answers, self.previous = made, answers, previous
        gone = decision.gone()
        self.statements = {s.key: s for s in reading.statements if s.key not in gone}
        self.needs = decision.needs()
        place = {t.key: n for n, t in enumerate(decision.tasks)}
        late = {t.key for t in decision.tasks if t.condition}
        self.order = execution_order(self.needs, lambda k: (int(k in late), place[k]))
        self.ids, self.next_task = self._ids()
        self.ruling_ids = self._ruling_ids()
        self.by_key = {t.key: t for t in decision.tasks}

    def plan(self) -> Plan:
        rulings = tuple(self._rulings())
        sections, placed = self._sections()
        tasks = tuple(self._with_own(list(self._tasks(placed))))
        return Plan(
            title=f"{TITLE}: {one_line(self.decision.project)}" if self.decision.project else TITLE,
            writer=self.made.writer,
            scope=one_line(self.corpus.scope),
            read_share=self._share(),
            documents=tuple(d.path for d in self.corpus.read),
            left_out=(
                *(f"{d.path} ({d.left_out})" for d in self.corpus.documents if d.left_out),
                *(f"{o} (orders to whoever reads the specs)" for o in orders_in(self.corpus, self.reading)),
            ),
            approach=tuple(self._told(a) for a in self.decision.approach),
            conventions=tuple(self._told(c) for c in self.decision.conventions),
            rulings=rulings,
            excluded=tuple(map(one_line, self.decision.excluded)),
            sections=sections,
            tasks=tasks,
            statements=tuple(self._traced(s) for s in self.reading.statements),
            withdrawn=tuple(self.decision.withdrawn),
            accounts=tuple(self._accounts()),
            next_task=self.next_task,
            state=self.made.state,
            writer_id=self.made.writer_id,
            passages=tuple((p.anchor, content_digest(d.said(p))) for d in self.corpus.read for p in d.passages),
            units=tuple((p.anchor, told) for d in self.corpus.read for p in d.passages if (told := unit_digests(d, p))),
        )

    # -- names ----------------------------------------------------------------------------------

    def _ids(self) -> tuple[dict[str, str], int]:
        """Kept ids for known tasks, by key or by what they cover; the next free numbers for new ones. None is given twice."""
        old = list(self.previous.tasks) if self.previous else []
        number = max((self.previous.next_task if self.previous else 1), *(int(t.id[1:]) + 1 for t in old), 1)
        ids: dict[str, str] = {}
        for task in old:
            if task.key in self.needs and task.id not in ids.values():
                ids[task.key] = task.id
        free = [t for t in old if t.key not in self.needs and t.covers]
        for planned in self.decision.tasks:
            if planned.key in ids or not planned.covers:
                continue
            best = max(free, key=lambda t: _overlap(t.covers, planned.covers), default=None)
            if best is not None and _overlap(best.covers, planned.covers) >= 0.5 and best.section in (planned.section, 0):
                ids[planned.key] = best.id
                free.remove(best)
        for key in self.order:
            if key not in ids:
                ids[key] = f"T{number:03d}"
                number += 1
        return ids, number

    def _ruling_ids(self) -> dict[str, str]:
        """Numbers by kind; a ruling that the last plan has keeps its own."""
        known = {r.topic: r.id for r in self.previous.rulings} if self.previous else {}
        ids = {r.key: known[r.key] for r in self.decision.rulings if known.get(r.key, " ")[0] == RULING_KINDS[r.kind]}
        taken = {*ids.values(), *known.values()}
        for ruling in self.decision.rulings:
            number = 1
            while ruling.key not in ids:
                name = f"{RULING_KINDS[ruling.kind]}{number}"
                number += 1
                if name not in taken:
                    ids[ruling.key] = name
                    taken.add(name)
        return ids

    def _told(self, text: str) -> str:
        """A text with places for marks and numbers for keys."""
        text = _MARK.sub(lambda m: self._apply(m[1]), one_line(text))
        return REFERENCE.sub(self._named, text)

    def _named(self, match: re.Match[str]) -> str:
        key = match[1] or match[2]
        found = self.ruling_ids.get(key) or self.ids.get(key)
        return f"({found})" if found else match[0]

    def _apply(self, key: str) -> str:
        statement = self.statements.get(key)
        places = [f"`{s}`" for s in self._sources([statement])] if statement else [key]
        more = " and more, all among the task's sources" if len(places) > _MOST_PLACES else ""
        return "; ".join(places[:_MOST_PLACES]) + more

    # -- parts ----------------------------------------------------------------------------------

    def _rulings(self) -> Iterator[Ruling]:
        for ruled in sorted(self.decision.rulings, key=lambda r: ("DGRP".find(self.ruling_ids[r.key][0]), int(self.ruling_ids[r.key][1:]))):
            yield self._ruling(ruled)

    def _ruling(self, ruled: Ruled) -> Ruling:
        about = [self.statements[a] for a in ruled.about if a in self.statements]
        return Ruling(
            id=self.ruling_ids[ruled.key], topic=ruled.key, title=self._told(ruled.title), statement=self._told(ruled.found),
            default=self._told(ruled.default), why=self._told(ruled.why), options=tuple(map(one_line, ruled.options)) if len(ruled.options) > 1 else (),
            answer=one_line(self.answers.get(ruled.key, "")), waits=ruled.waits, about=tuple(s.key for s in about),
            # One place for each statement: its other places stand with the tasks.
            sources=tuple(dict.fromkeys(s for a in about for s in list(self._sources([a]))[:1])),
        )  # fmt: skip

    def _sections(self) -> tuple[tuple[PlanSection, ...], dict[str, list[str]]]:
        """The sections, and the numbers of each task's items."""
        placed: dict[str, list[str]] = {}
        sections = []
        for number in ITEMS:
            items = [
                PlanItem(number="", key=f"folder.{f.path}", title=f"`{f.path}`", rows=_folder_rows(f.purpose, f.files))
                for f in self.decision.layout
                if number == 1
            ]
            owners = [""] * len(items)
            for key in self.order:
                if self.by_key[key].section == number:
                    mine = list(self._items(number, key))
                    items += mine
                    owners += [key] * len(mine)
            numbered = []
            for index, (item, owner) in enumerate(zip(items, owners, strict=True), 1):
                numbered.append(item.model_copy(update={"number": f"{number}.{index}", "task": self.ids.get(owner, "")}))
                if owner:
                    placed.setdefault(owner, []).append(f"{number}.{index}")
            intro = () if numbered else (self._nothing(number),)
            sections.append(PlanSection(number=number, title=SECTION_TITLES[number], intro=intro, items=tuple(numbered)))
        return tuple(sections), placed

    def _nothing(self, section: int) -> str:
        """What stands in a section without items."""
        if any(t.section == section for t in self.decision.tasks):
            return "What is to be done stands in the tasks of section 10."
        if self.made.by_rule:
            return "No line that could be read has its place here. What else the specs say of it, nobody has read: section 10 hands most of it on as it stands."
        return "The specs ask for nothing here."

    def _items(self, section: int, key: str) -> Iterator[PlanItem]:
        for number, entry in enumerate(self.written[key]["items"], 1):
            item = ITEMS[section].model_validate(entry)
            rows = tuple(Row(label=label, lines=tuple(self._told(t) for t in lines)) for label, lines in item.rows())
            covers = tuple(c for c in item.covers if c in self.statements)
            yield PlanItem(number="", key=f"{key}.{number}", title=self._told(item.title), rows=rows, covers=covers)

    def _tasks(self, placed: Mapping[str, list[str]]) -> Iterator[Task]:
        done = {t.id: t for t in self.previous.tasks if t.done and not t.own} if self.previous else {}
        parallel = self._parallel()
        # Who decides names the tasks that a ruling is for; one that no task names belongs to those which do what it is about.
        named = {r for t in self.decision.tasks for r in t.rulings}
        for key in self.order:
            planned, record, before = self.by_key[key], self.written[key], done.get(self.ids[key])
            covers = tuple(c for c in planned.covers if c in self.statements)
            settled = {*planned.rulings, planned.condition.partition(": ")[0]}
            about = [r for r in self.decision.rulings if r.key in settled or (r.key not in named and set(r.about) & set(covers))]
            rulings = sorted((self.ruling_ids[r.key] for r in about), key=lambda i: ("DGRP".find(i[0]), int(i[1:])))
            proved = [c for p in planned.proves if p in self.by_key for c in self.by_key[p].covers] if not covers else []
            yield Task(
                id=self.ids[key], key=key, title=_PARALLEL.sub("", self._told(planned.title)) or key, section=planned.section, file=one_line(planned.file), phase=one_line(planned.phase) or "Work",
                parallel=key in parallel, done=before is not None, forced=before.forced if before else "",
                again=before.again if before else "", condition=self._condition(planned),
                items=tuple(placed.get(key, ())), needs=tuple(sorted(self.ids[n] for n in self.needs[key])), covers=covers,
                proves=tuple(sorted(self.ids[p] for p in planned.proves if p in self.ids)), gives=tuple(map(one_line, planned.gives)), rulings=tuple(rulings),
                sources=tuple(self._sources([self.statements[c] for c in covers or proved if c in self.statements])),
                steps=tuple(self._told(s) for s in record["steps"]), done_when=self._told(record["done_when"]),
            )  # fmt: skip

    def _with_own(self, tasks: list[Task]) -> list[Task]:
        """The tasks with those that a person added, each behind the one that it stood behind, and behind what it needs."""
        before = ""
        for own in self.previous.tasks if self.previous else ():
            if own.own:
                if own.id in {t.id for t in tasks}:  # two people gave one number, or one gave a number that was taken
                    number = f"T{self.next_task:03d}"
                    self.next_task += 1
                    own = own.model_copy(update={"id": number, "key": f"{OWN}{number.lower()}"})
                at = {t.id: n for n, t in enumerate(tasks)}
                needs = tuple(n for n in own.needs if n in at)
                place = max((at[i] + 1 for i in (before, *needs) if i in at), default=0)
                phase = (tasks[place - 1] if place else tasks[0]).phase if tasks else own.phase
                tasks.insert(place, own.model_copy(update={"needs": needs, "phase": phase, "parallel": False, "items": (), "rulings": ()}))
            before = own.id
        return tasks

    def _condition(self, planned: Planned) -> str:
        """`D2: cookie`; '' for a task whose answer a person has given."""
        ruling, _, answer = planned.condition.partition(": ")
        if not planned.condition or self.answers.get(ruling, "").casefold() == answer.casefold():
            return ""
        return f"{self.ruling_ids[ruling]}: {one_line(answer)}"

    def _parallel(self) -> set[str]:
        """Tasks that share their wave with others and their file with none of them; whose file nobody named, nobody knows that of."""
        found: set[str] = set()
        for wave in waves({k: self.needs[k] for k in self.order if not self.by_key[k].condition}):
            files = [self.by_key[k].file for k in wave]
            found |= {k for k in wave if len(wave) > 1 and self.by_key[k].file and files.count(self.by_key[k].file) == 1}
        return found

    # -- places ---------------------------------------------------------------------------------

    def _sources(self, statements: Sequence[Statement]) -> Iterator[Source]:
        """What statements rest on: one range of lines for each passage."""
        found: dict[str, tuple[int, int]] = {}
        for file, unit_id in (u for s in statements for u in s.units):
            document = self.corpus.document(file)
            unit = document.by_id.get(unit_id) if document else None
            if document is None or unit is None:
                continue
            anchor = document.passages[unit.passage].anchor if document.passages else file
            start, end = found.get(anchor, (unit.line, unit.end))
            found[anchor] = (min(start, unit.line), max(end, unit.end))
        yield from (Source(anchor=a, start=s, end=e) for a, (s, e) in found.items())

    # -- trace ----------------------------------------------------------------------------------

    def _share(self) -> str:
        """How many units were read and claimed or dismissed, and how many are handed on unread; structure needs no reader."""
        by_nobody = {s.key for s in self.reading.statements if s.kind == "passage" or s.origin == "rules"}
        told = [(a, u) for d in self.corpus.read for i, a in accounts(self.reading, d).items() if (u := d.by_id[i]).kind != "mark"]
        unread = [u for a, u in told if a is not None and a.claimed and by_nobody.issuperset(a.claimed)]
        total = len(told)
        if not unread:
            return f"all {total:,} units of the specs were read"
        structure = sum(a is not None and a.reason == "structure" for a, _ in told)
        passed = sum(a is not None and bool(a.reason) for a, _ in told) - structure if self.made.by_rule else 0
        read = total - structure - passed - len(unread)
        place = f", {passed:,} are passed over for their place" if passed else ""
        return f"{read:,} of {total:,} units of the specs were read, {structure:,} are structure{place}; {len(unread):,} are handed on as they stand"

    def _traced(self, statement: Statement) -> Traced:
        return Traced(
            key=statement.key, kind=statement.kind, modality=statement.modality, says=one_line(statement.says), name=one_line(statement.name),
            facts=tuple(f"{n}={one_line(v)}" for n, v in statement.facts), component=statement.component, labels=statement.labels,
            left_out=tuple(map(one_line, statement.left_out)), units=tuple(f"{f} {runs(self.corpus, f, ids)}" for f, ids in _by_file(statement.units)),
            origin=statement.origin,
        )  # fmt: skip

    def _accounts(self) -> Iterator[FileAccount]:
        for document in self.corpus.read:
            grouped: dict[tuple[Reason, str], list[str]] = {}
            for unit_id, account in accounts(self.reading, document).items():
                if account is not None and account.reason and document.by_id[unit_id].kind != "mark":
                    grouped.setdefault((account.reason, account.of), []).append(unit_id)
            dismissed = tuple((runs(self.corpus, document.path, ids), reason, of) for (reason, of), ids in grouped.items())
            yield FileAccount(path=document.path, digest=document.digest[:16], dismissed=dismissed)


def orders_in(corpus: Corpus, reading: Reading) -> tuple[str, ...]:
    """Places in the specs that tell whoever reads them what to do, a line for each file: a person should look who wrote that."""
    found = [ref for d in reading.dismissed if d.reason == "instruction" for ref in d.units]
    return tuple(f"{file} {runs(corpus, file, ids)}" for file, ids in _by_file(found))


def _overlap(one: Iterable[str], other: Iterable[str]) -> float:
    a, b = set(one), set(other)
    return len(a & b) / len(a | b) if a | b else 0.0


def _folder_rows(purpose: str, files: Sequence[str]) -> tuple[Row, ...]:
    rows = [Row(label="Purpose", lines=(one_line(purpose),))] if purpose else []
    if files:
        rows.append(Row(label="Files", lines=(", ".join(f"`{one_line(f).strip('`')}`" for f in files),)))
    return tuple(rows)


def _by_file(units: Iterable[tuple[str, str]]) -> Iterator[tuple[str, list[str]]]:
    found: dict[str, list[str]] = {}
    for file, unit_id in units:
        found.setdefault(file, []).append(unit_id)
    yield from found.items()
