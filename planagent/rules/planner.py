"""Statements into tasks by kind and place. No side is taken, no stack chosen, no name made up: what is not exact is applied as it stands."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from planagent.briefs.brief import Brief
from planagent.briefs.decide import DecideStage, Group
from planagent.corpus.markdown import content, plain
from planagent.model import Corpus, Passage
from planagent.rules.tasks import tasks_of
from planagent.statements.statement import Statement, lettered, slug

_CHANGES = "openspec/changes/"
_QUESTION = 240
"""Characters of a question that are shown."""


def decide(brief: Brief) -> dict[str, Any]:
    """The answer to a deciding brief."""
    stage, group, held = brief.payload
    if group.over:
        return _empty()
    planner = _Planner(stage, group)
    return planner.answer(keep={t.key for t in held.tasks} if held else set())


def _empty() -> dict[str, Any]:
    names = ("approach", "conventions", "layout", "rulings", "tasks", "withdrawn", "excluded", "removed")
    return {name: [] for name in names}


class _Planner:
    def __init__(self, stage: DecideStage, group: Group) -> None:
        self._stage = stage
        self._corpus: Corpus = stage.corpus
        self._statements = group.statements

    def answer(self, keep: set[str]) -> dict[str, Any]:
        withdrawn = dict(self._superseded())
        live = [s for s in self._statements if s.key not in withdrawn]
        rulings = [*self._questions(live), *self._seen(live)]
        held = {r["key"] for r in rulings}
        rulings += [
            self._ruling(key, "decision", key, "A person has decided.", answer, [])
            for key, answer in self._stage.answers.items()
            if key not in held
        ]
        asked = {a for r in rulings for a in r["about"] if r["kind"] == "gap"}
        tasks = tasks_of(self._corpus, [s for s in live if s.key not in asked])
        self._placed(rulings, tasks)
        read = sum(s.origin == "formal" for s in live)
        shaped = sum(s.origin != "formal" and s.kind in ("operation", "record", "setting") for s in live)
        sources = f"{read} statements come from contracts, and {shaped}" if read else f"There is no contract; {shaped} statements come"
        told = (
            f"{sources} from lines that have the plain shape of an operation, a record or a setting, of which only the exact values were "
            f"taken. These lines, and those of the other {len(live) - read - shaped} statements, are worked by as they stand: nobody has read them."
        )
        return _empty() | {
            "approach": [
                told,
                "Order: the project's rules, then settings, data and messages, then operations, then everything else, then verification; below that "
                "the order of the specs. What has to come first by their words, nobody has read.",
            ],
            "rulings": rulings,
            "tasks": tasks,
            "withdrawn": [{"key": k, "why": why} for k, why in withdrawn.items()],
            "removed": sorted(keep - {t["key"] for t in tasks}),
        }

    # -- rulings --------------------------------------------------------------------------------

    def _questions(self, live: Iterable[Statement]) -> Iterator[dict[str, Any]]:
        alike: dict[str, list[Statement]] = {}
        for statement in (s for s in live if s.kind == "question"):
            alike.setdefault(self._question_key(statement), []).append(statement)
        for key, same in alike.items():  # one question at several places is one
            places = [str(p) for s in same for p in s.places(self._corpus)]
            shown = places[0] + (f" and {len(places) - 1} more" if len(places) > 1 else "")
            found = f"The specs mark {shown} as open{self._asked(same[0])}."
            yield self._ruling(key, "gap", f"Open in the specs: {shown}", found, "Built no further than its words.", [s.key for s in same])

    def _question_key(self, statement: Statement) -> str:
        """Of the question's own words: an answer to it is no answer to another one that stands in its place."""
        told = content(self._words(statement))
        digest = lettered(f"{statement.component} {told}", 6)
        return f"open-{slug(statement.labels[0] if statement.labels else told, 24)}-{digest}"

    def _words(self, statement: Statement) -> str:
        return " ".join(plain(u.text) for ref in statement.units if (u := self._corpus.unit(*ref)))

    def _asked(self, statement: Statement) -> str:
        """The question in the words of the specs, for whoever has to answer it; '' where these may not stand in a plan."""
        told = f": “{textwrap.shorten(self._words(statement), _QUESTION, placeholder='…')}”"
        return "" if self._stage.judge("ruling", told) else told

    def _placed(self, rulings: Sequence[dict[str, Any]], tasks: Sequence[dict[str, Any]]) -> None:
        """Names each ruling in the tasks that work by the place that it is about: the passage, else the file, else the project's rules."""
        known = {s.key: s for s in self._statements}
        homes = [{h for c in t["covers"] if (h := self._home(known[c]))} for t in tasks]
        for ruling in rulings:
            about = {h for key in ruling["about"] if (h := self._home(known[key]))}
            files = {h.file for h in about}
            mine = [t for t, home in zip(tasks, homes, strict=True) if home & about]
            mine = mine or [t for t, home in zip(tasks, homes, strict=True) if files & {h.file for h in home}] or list(tasks[:1])
            for task in mine:
                task["rulings"].append(slug(ruling["key"], 60))

    def _seen(self, live: Iterable[Statement]) -> Iterator[dict[str, Any]]:
        keys = {s.key for s in live}
        for told, about in self._stage._conflicts:
            if keys.issuperset(about):
                yield self._ruling(
                    f"seen-{slug(told, 40)}", "decision", told, told, "The first holds.", list(about),
                )  # fmt: skip

    @staticmethod
    def _ruling(key: str, kind: str, title: str, found: str, default: str, about: list[str]) -> dict[str, Any]:
        return {
            "key": key, "kind": kind, "title": title, "found": found, "default": default, "why": "", "options": [], "waits": True, "about": about,
        }  # fmt: skip

    def _superseded(self) -> Iterator[tuple[str, str]]:
        """Statements of requirements that a change replaces or removes, by the heading that both have."""
        changed: dict[str, str] = {}
        for document in self._corpus.read:
            if _CHANGES in f"/{document.path}":
                for passage in document.passages:
                    kind = next((h for h in passage.trail[:-1] if h.endswith(" Requirements")), "")
                    if kind.startswith(("MODIFIED", "REMOVED")):
                        changed[passage.heading] = document.path
        for statement in self._statements:
            home = self._home(statement)
            if home and _CHANGES not in f"/{home.file}" and changed.keys() & set(home.trail):
                yield statement.key, "superseded"

    def _home(self, statement: Statement) -> Passage | None:
        """The passage that a statement begins in."""
        if not statement.units:
            return None
        file, unit_id = statement.units[0]
        document = self._corpus.document(file)
        unit = document.by_id.get(unit_id) if document else None
        return document.passages[unit.passage] if document and unit and document.passages else None
