"""Answers to a deciding brief as changes of the decision before."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from planagent.answers import dicts, integer, text, texts
from planagent.briefs.brief import Outcome
from planagent.briefs.decision import RULING_KINDS, Decision, Folder, Planned, Ruled
from planagent.model import Corpus, Finding
from planagent.plan.plan import OWN
from planagent.statements.statement import REASONS, slug

_SECTIONS = range(1, 10)
Judge = Callable[[str, str], list[Finding]]
"""Findings on a text that somebody wrote; its arguments are the place and the text."""


@dataclass(frozen=True, slots=True)
class Patch:
    """An answer as changes of a decision; entries that break a rule are left out, each with a finding.

    Args:
        statements: the keys that may be covered.
    """

    corpus: Corpus
    statements: frozenset[str]
    group: str
    judge: Judge
    given: dict[str, Any]
    outcome: Outcome

    def applied(self, held: Decision) -> Decision:
        gone = set(texts(self.given.get("removed")))
        there = {
            *(r.key for r in held.rulings),
            *(t.key for t in held.tasks),
            *(f.path for f in held.layout),
            *(k for k, _ in held.withdrawn),
        }
        for name in sorted(gone - there):
            told = Finding(
                "PA907", f"removed {name}", "nothing of that key is decided so far", "Name a task, ruling, withdrawal or layout path."
            )
            self.outcome.left_out.append(told)
        rulings = {r.key: r for r in held.rulings if r.key not in gone}
        given = dicts(self.given.get("rulings"))
        # A ruling that is refused is asked for again by itself: what rests on it is not wrong for that.
        named = set(rulings) | {slug(text(e.get("key")), 60) for e in given}
        for entry in given:
            ruling = self._ruling(entry)
            if ruling:
                rulings[ruling.key] = ruling
        entries = dicts(self.given.get("tasks"))
        tasks = {t.key: t for t in held.tasks if t.key not in gone}
        keys = set(tasks) | {slug(text(e.get("key")), 60).removeprefix(OWN) for e in entries}
        fresh = [t for e in entries if (t := self._task(e, keys, named))]
        ordered = _woven(list(tasks.values()), fresh)
        # What is covered now is taken back into the plan.
        back = gone.union(*(t.covers for t in fresh))
        withdrawn = {key: why for key, why in held.withdrawn if key not in back}
        for entry in dicts(self.given.get("withdrawn")):
            key, why = text(entry.get("key")), text(entry.get("why"))
            if key in self.statements and why in REASONS:
                withdrawn[key] = why
            else:
                self._refuse(f"withdrawn {key}", "no such statement, or no reason of the list")
        layout = {f.path: f for f in held.layout if f.path not in gone}
        for entry in dicts(self.given.get("layout")):
            path = text(entry.get("path")).strip("`")
            if path and self._right(f"layout {path}", text(entry.get("purpose")), *texts(entry.get("files"))):
                layout[path] = Folder(path, text(entry.get("purpose")), tuple(texts(entry.get("files"))), text(entry.get("component")))
        return Decision(
            self._lines("approach", held.approach), self._lines("conventions", held.conventions), tuple(layout.values()),
            tuple(rulings.values()), tuple(ordered), tuple(withdrawn.items()), self._lines("excluded", held.excluded),
            text(self.given.get("project")) or held.project,
        )  # fmt: skip

    def _lines(self, name: str, held: tuple[str, ...]) -> tuple[str, ...]:
        given = [line for line in texts(self.given.get(name)) if self._right(name, line)]
        return tuple(given) or held

    def _refuse(self, place: str, message: str, remedy: str = "Correct the entry, and give it again whole.") -> None:
        self.outcome.refuse(self.group, place, message, remedy)

    def _right(self, place: str, *told: str) -> bool:
        wrong = [replace(f, place=place, key=self.group) for t in told if t for f in self.judge(place, t)]
        self.outcome.findings += wrong
        return not wrong

    def _ruling(self, entry: dict[str, Any]) -> Ruled | None:
        key, kind = slug(text(entry.get("key")), 60), text(entry.get("kind"))
        title, found, default = text(entry.get("title")), text(entry.get("found")), text(entry.get("default"))
        place = f"ruling {key or '?'}"
        if not (key and title and default) or kind not in RULING_KINDS:
            self._refuse(place, "key, kind, title or default is missing or unknown")
            return None
        about = texts(entry.get("about"))
        unknown = [a for a in about if a not in self.statements]
        if unknown:
            self._refuse(place, f"about {', '.join(unknown[:5])}, which is no statement")
            return None
        why, options = text(entry.get("why")), tuple(map(_option, texts(entry.get("options"))))
        if not self._right(place, title, found, default, why, *options):
            return None
        return Ruled(key, kind, title, found, default, why, options, entry.get("waits") is True, tuple(about))

    def _task(self, entry: dict[str, Any], keys: set[str], rulings: set[str]) -> Planned | None:
        key, section, title = (slug(text(entry.get("key")), 60).removeprefix(OWN), integer(entry.get("section")), text(entry.get("title")))
        place = f"task {key or '?'}"
        if not (key and title) or section not in _SECTIONS:
            self._refuse(place, "key or title is missing, or the section is not one of 1 to 9")
            return None
        lists = {n: tuple(dict.fromkeys(texts(entry.get(n)))) for n in ("needs", "covers", "gives", "rulings", "proves")}
        unknown = [
            *(f"needs {n}" for n in lists["needs"] if n not in keys),
            *(f"proves {n}" for n in lists["proves"] if n not in keys),
            *(f"covers {n}" for n in lists["covers"] if n not in self.statements),
            *(f"rulings {n}" for n in lists["rulings"] if n not in rulings),
        ]
        if unknown:
            self._refuse(place, f"{', '.join(unknown[:6])}: there is none of that key")
            return None
        file, phase = text(entry.get("file")).strip("`"), text(entry.get("phase"))
        if not self._right(place, title, phase, *lists["gives"]):
            return None
        if self.corpus.document(file) is not None:
            self._refuse(place, f"it would write {file}, which is a spec", "Specs are never edited: make it a ruling.")
            return None
        # The plan parts what a task gives with semicolons.
        lists["gives"] = tuple(p.strip() for g in lists["gives"] for p in g.split(";") if p.strip())
        return Planned(key, section, title, file, phase, condition=_option(text(entry.get("condition"))), **lists)


def _option(answer: str) -> str:
    """An answer as the plan lists it, parted from others by bars."""
    return answer.replace("|", "/")


def _woven(held: list[Planned], fresh: list[Planned]) -> list[Planned]:
    """All tasks given anew stand as they are given. Else changed ones in the place of the old; a new one before the first that needs it, and
    behind all that it needs."""
    by_key = {t.key: t for t in fresh}
    if by_key.keys() >= {t.key for t in held}:
        return list(by_key.values())
    ordered = [by_key.pop(t.key, t) for t in held]
    for task in (t for t in fresh if t.key in by_key):
        wants = {*task.needs, *task.proves}
        low = max((i + 1 for i, t in enumerate(ordered) if t.key in wants), default=0)
        high = min((i for i, t in enumerate(ordered) if task.key in (*t.needs, *t.proves)), default=len(ordered))
        ordered.insert(high if high >= low else low, task)
    return ordered
