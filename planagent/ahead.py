"""What is asked before its turn: tasks are written while the rest of the task list is still being decided, and reviewed while others are written.

An answer that comes early is kept under all that it rests on, as any other: where a decision turns out otherwise in the end, its
early answers are found by nobody, and what is asked in its turn is right. So nothing here has to be.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from itertools import takewhile
from typing import TYPE_CHECKING

from planagent.answers import dicts, salvage
from planagent.briefs.brief import Part, Record, Stage, pack
from planagent.briefs.decide import DecideStage
from planagent.briefs.decision import Decision, Planned
from planagent.briefs.patch import Judge
from planagent.models.protocol import Heard
from planagent.plan.sections import OWN_ITEM
from planagent.reviewing import review_stage, reviews
from planagent.running import Watcher
from planagent.stages import write_stage

if TYPE_CHECKING:
    from planagent.pipeline import Session

_LOOK = 600
"""Characters of an answer between two looks at it."""
_FEW = 6
"""Tasks that are too few for a chapter of their own."""
_BEFORE = ("approach", "conventions", "layout", "rulings")
"""What the texts of tasks rest on: an answer that gives it behind the tasks is waited for."""


@dataclass(slots=True)
class WritingAhead(Watcher):
    """Has tasks written as soon as all that they rest on is decided. Only a first decision is long enough to be worth it."""

    session: Session

    def hears(self, stage: Stage, parts: Sequence[Part], known: Mapping[str, Record]) -> Heard | None:
        if not isinstance(stage, DecideStage) or len(stage.groups) > 1 or known or stage.groups[0].former is not None:
            return None
        return _Listener(self.session, stage)


@dataclass(slots=True)
class _Listener:
    """Takes the finished tasks out of a deciding answer that is being written."""

    session: Session
    stage: DecideStage
    _text: str = ""
    _looked: int = 0
    _tasks: int = 0
    _asked: set[str] = field(default_factory=set)
    _judge: Judge | None = None

    def begins(self) -> None:
        self._text, self._looked, self._tasks = "", 0, 0

    def piece(self, text: str) -> None:
        self._text += text
        if len(self._text) - self._looked >= _LOOK:
            self._looked = len(self._text)
            self._look()

    def _look(self) -> None:
        value = salvage(self._text)
        many = len(dicts(value.get("tasks")))
        names = list(value)
        if many == self._tasks or any(n not in names or names.index(n) > names.index("tasks") for n in _BEFORE):
            return
        self._tasks = many
        self._judge = self._judge or _once_each(self.stage.judge)
        decision = replace(self.stage, judge=self._judge).so_far(value)
        run = self.session.runs["write"]
        stage = write_stage(self.session, decision=decision, share=self._share(decision))
        ready = [p for p in stage.parts if p.key not in self._asked and self._settled(decision, p.payload.task)]
        *full, _ = [*pack(ready, run.model.shape.room("write")), []]
        for batch in full[:-1]:  # the last may take in what comes yet
            self._asked |= {p.key for p in batch}
            run.ask_ahead(stage, batch)

    def _share(self, decision: Decision) -> float:
        """How much of all that is to be covered is covered so far."""
        wanted = [s.key for s in self.stage.reading.statements if s.binds]
        covered = {c for t in decision.tasks for c in t.covers}
        return max(0.05, sum(k in covered for k in wanted) / max(1, len(wanted)))

    def _settled(self, decision: Decision, task: Planned) -> bool:
        """True when no later task can take away what this one has to say: the exact values of its statements."""
        kinds = {s.key: s.kind for s in self.stage.reading.statements}
        for key in task.covers:
            doing = [t for t in decision.tasks if key in t.covers]
            own = OWN_ITEM.get(kinds.get(key, ""))
            if not any(t.section == own if own else t.section != 9 and not t.condition for t in doing):
                return False
        return True


def _once_each(judge: Judge) -> Judge:
    """Each text is judged once, however often the answer is looked at."""
    known: Callable[[str, str], tuple[object, ...]] = cache(lambda place, text: tuple(judge(place, text)))
    return lambda place, text: list(known(place, text))  # type: ignore[arg-type]


@dataclass(slots=True)
class ReviewingAhead(Watcher):
    """Has chapters reviewed as soon as all their tasks are written."""

    session: Session
    _asked: set[str] = field(default_factory=set)
    _seen: int = 0

    def accepted(self, stage: Stage, known: Mapping[str, Record]) -> None:
        session, run = self.session, self.session.runs["review"]
        if stage.kind != "write" or session.settings.review == "off" or run.by_rule or run.model.shape.small or reviews(session):
            return
        written = dict(self._whole(stage, known))
        if len(written) == len(stage.parts) or len(written) < self._seen + _FEW:
            return  # its turn comes now, or there is too little for one more chapter
        self._seen = len(written)
        reviewing = review_stage(session, written)
        for part in reviewing.parts[:-1]:  # the last may take in more
            if part.key not in self._asked:
                self._asked.add(part.key)
                run.ask_ahead(reviewing, [part])

    @staticmethod
    def _whole(stage: Stage, known: Mapping[str, Record]) -> Iterator[tuple[str, Record]]:
        """The tasks that are written, up to the first that is not."""
        done = takewhile(lambda p: p.key in known and stage.whole(p, known[p.key]), stage.parts)
        yield from ((p.key, known[p.key]) for p in done)
