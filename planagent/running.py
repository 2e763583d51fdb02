"""One run with its answerer: a stage is recalled, asked for, checked, repaired a bounded number of times, and kept."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Mapping, Sequence
from contextvars import Context, copy_context
from dataclasses import dataclass, field
from typing import Any

from planagent.briefs.brief import Brief, Part, Record, Stage, pack
from planagent.errors import AnswerError, FindingsError, ModelError, OpenError, StoppedError, WaitingError
from planagent.ledger import Ledger
from planagent.model import Finding
from planagent.models.identity import RULES
from planagent.models.protocol import Heard, Model, Usage

NOTHING = "the answer held nothing usable"


Progress = Callable[[str, int, int], None]
"""Kind of brief, parts that are answered, parts in all; 0 while nobody knows how many there will be."""


class Watcher:
    """Looks on while a stage is answered."""

    def hears(self, stage: Stage, parts: Sequence[Part], known: Mapping[str, Record]) -> Heard | None:
        """Who listens to the answer about some parts."""
        return None

    def accepted(self, stage: Stage, known: Mapping[str, Record]) -> None:
        """Told of all that is accepted so far, each time that something was."""


@dataclass(slots=True)
class Run:
    """One planning run. `filled` names the parts taken from the rules, when that was allowed."""

    model: Model
    ledger: Ledger
    tell: Callable[[str], None]
    rules: Model | None = None
    """Who stands in where the model cannot get a part right; None when nobody may."""
    repairs: int = 2
    briefs: int = 0
    repaired: int = 0
    reused: int = 0
    filled: list[str] = field(default_factory=list)
    used: dict[tuple[str, str], Record] = field(default_factory=dict)
    """What the plan is made of, by the kind of brief and the key in the ledger; only where it is recorded."""
    recorded: bool = False
    findings: list[Finding] = field(default_factory=list)
    """What no repair mended, of stages that go on without it."""
    stop: threading.Event | None = None
    """Set by whoever wants the run to stop between two calls."""
    pace: Callable[[], float] | None = None
    """Seconds to wait before a call, where several processes share a provider's rate."""
    progress: Progress = lambda _kind, _done, _parts: None
    """Hears of each stage how many of its parts are answered."""
    context: Context = field(default_factory=copy_context)
    """Of the run, for what is asked from within another call."""
    ahead: dict[str, asyncio.Task[Any]] = field(default_factory=dict)
    """What was asked before its turn, by the key in the ledger."""
    early: dict[str, int] = field(default_factory=dict)
    """How many parts of them are answered, by the kind of brief."""
    begun: set[str] = field(default_factory=set)
    """Kinds of brief whose turn has come."""
    stopped: ModelError | None = None
    """What ended the run: briefs under way are still finished and kept, no new one is sent."""

    @property
    def by_rule(self) -> bool:
        """The rules answer everything."""
        return self.model.identity == RULES

    @property
    def usage(self) -> Usage:
        return self.model.usage

    def key(self, stage: Stage, part: Part) -> str:
        """Where the ledger keeps a part's record: under all that it rests on, and nothing else."""
        return Ledger.key(stage.kind, self.model.identity, stage.words, part.material)

    def recall(self, stage: Stage) -> dict[str, Record]:
        """What is accepted already, whole or in part. The rules answer in no time, and the next version of them better."""
        return {} if self.by_rule else _recalled(self, stage, stage.parts)

    def keep(self, stage: Stage, parts: Sequence[Part], records: Mapping[str, Record]) -> None:
        found = self._rows(stage, parts, records)
        if found:
            self.ledger.put(found)

    def use(self, stage: Stage, records: Mapping[str, Record]) -> None:
        """Remembers what the plan is made of."""
        self.ledger.used(self.key(stage, p) for p in stage.parts)
        if self.recorded:
            self.used |= {(stage.kind, k): v for k, v in self._rows(stage, stage.parts, records).items()}

    def _rows(self, stage: Stage, parts: Sequence[Part], records: Mapping[str, Record]) -> dict[str, Record]:
        """Records as the ledger keeps them; none of the rules'."""
        if self.by_rule:
            return {}
        return {self.key(stage, p): {**records[p.key], "part": p.key} for p in parts if p.key in records}

    def ask_ahead(self, stage: Stage, parts: Sequence[Part]) -> None:
        """Begins to ask for parts before their stage is known whole; `run_stage` takes in what came of it, if it is wanted then."""
        keys = {self.key(stage, p): p for p in parts}
        known = self.ledger.get(keys)
        wanted = [p for k, p in keys.items() if k not in self.ahead and not (k in known and stage.whole(p, known[k]))]
        if wanted and not self.stopped:
            asked = asyncio.get_running_loop().create_task(self._early(stage, wanted), context=self.context.copy())
            self.ahead |= {self.key(stage, p): asked for p in wanted}

    async def _early(self, stage: Stage, parts: Sequence[Part]) -> None:
        await _batch(self, stage, parts, {})
        self.early[stage.kind] = self.early.get(stage.kind, 0) + len(parts)
        if stage.kind not in self.begun:
            self.progress(stage.kind, self.early[stage.kind], 0)

    async def end(self) -> None:
        """Nobody wants any more what was asked ahead."""
        left = set(self.ahead.values())
        for asked in left:
            asked.cancel()
        await asyncio.gather(*left, return_exceptions=True)
        self.ahead.clear()

    async def ask(self, make: Callable[[], Brief], heard: Heard | None = None) -> tuple[dict[str, Any], str]:
        """The answer's JSON, empty for one that holds nothing usable, and the brief's id.

        Args:
            make: makes the brief once its turn has come: those that wait need not be in memory.
        """
        await self.model.ready()
        async with self.model.gate:
            if self.pace and not self.stopped:
                await asyncio.sleep(await asyncio.to_thread(self.pace))
            if self.stop and self.stop.is_set():
                self.stopped = StoppedError("The run was asked to stop.", "Accepted answers are kept: run again to go on.")
            if self.stopped:
                raise self.stopped
            brief = make()
            self.briefs += 1
            try:
                answer = await self.model.answer(brief, heard)
            except AnswerError as error:
                # One answer that is of no use says nothing of the others.
                self.tell(f"brief {brief.id}: {error.message}")
                return {}, brief.id
            except OpenError:
                if self.rules is None:
                    raise
                return {}, brief.id  # nobody handed it in, and the rules may
            except ModelError as error:
                self.stopped = error
                raise
        return answer.value, brief.id


async def run_stage(run: Run, stage: Stage, watcher: Watcher | None = None, *, required: bool = True) -> dict[str, Record]:
    """The records of all parts of a stage.

    Args:
        watcher: looks on.
        required: raise when a part stays open; else it is left out of the records, and its findings are noted.

    Raises:
        FindingsError: parts stay open after all repairs; what was accepted is kept.
        ModelError: the model failed; what was accepted is kept.
        WaitingError: some of it is answered later.
    """
    known = run.recall(stage)
    open_parts = [p for p in stage.parts if p.key not in known or not stage.whole(p, known[p.key])]
    wanted_now = {p.key for p in open_parts}
    run.reused += sum(p.key not in wanted_now and run.key(stage, p) not in run.ahead for p in stage.parts)
    answered = len(stage.parts) - len(open_parts)
    run.begun.add(stage.kind)
    run.progress(stage.kind, answered, len(stage.parts))

    async def one(batch: Sequence[Part], ahead: asyncio.Task[Any] | None = None) -> list[Finding]:
        nonlocal answered
        wanted = list(batch)
        if ahead:  # what came of it is in the ledger, if anything
            await asyncio.wait({ahead})
            known.update(_recalled(run, stage, batch))
            wanted = [p for p in batch if p.key not in known or not stage.whole(p, known[p.key])]
        told = await _batch(run, stage, wanted, known, watcher) if wanted else []
        answered += sum(p.key in known and stage.whole(p, known[p.key]) for p in batch)
        run.progress(stage.kind, answered, len(stage.parts))
        if watcher:
            watcher.accepted(stage, known)
        return told

    under_way: dict[asyncio.Task[Any], list[Part]] = {}
    for part in open_parts:
        if asked := run.ahead.get(run.key(stage, part)):
            under_way.setdefault(asked, []).append(part)
    taken = {p.key for parts in under_way.values() for p in parts}
    batches = pack([p for p in open_parts if p.key not in taken], run.model.shape.room(stage.kind))
    done = await asyncio.gather(*map(one, batches), *(one(p, a) for a, p in under_way.items()), return_exceptions=True)
    for part in stage.parts:
        run.ahead.pop(run.key(stage, part), None)  # each holds the stage as it was when it was asked
    run.use(stage, known)
    if any(isinstance(outcome, WaitingError) for outcome in done) and not run.stopped:
        raise await run.model.send_off()
    left: list[Finding] = []
    for outcome in done:
        if isinstance(outcome, OpenError) and not required:
            continue
        if isinstance(outcome, BaseException):
            raise run.stopped or outcome
        left += outcome
    missing = [p for p in stage.parts if p.key not in known or not stage.whole(p, known[p.key])]
    if missing and required:
        raise _unmended(run, stage, missing, left)
    run.findings += left if missing else []
    gone = {p.key for p in missing}
    return {p.key: known[p.key] for p in stage.parts if p.key not in gone}


def _recalled(run: Run, stage: Stage, parts: Sequence[Part]) -> dict[str, Record]:
    keys = {run.key(stage, p): p.key for p in parts}
    return {keys[k]: record for k, record in run.ledger.get(keys).items()}


async def _batch(run: Run, stage: Stage, parts: Sequence[Part], known: dict[str, Record], watcher: Watcher | None = None) -> list[Finding]:
    """Some parts until nothing of them is open, a bounded number of times; only what is open is asked again."""
    told: list[Finding] = []
    seen: set[tuple[str, ...]] = set()
    wanted = list(parts)
    for attempt in range(run.repairs + 1):
        if attempt:
            run.repaired += 1
        for some in pack(wanted, run.model.shape.room(stage.kind)) if attempt else [wanted]:
            mine = [t for t in told if not t.key or t.key in {p.key for p in some}]
            told = [t for t in told if t not in mine] + await _once(run, stage, some, known, mine, watcher)
        wanted = [p for p in parts if p.key not in known or not stage.whole(p, known[p.key])]
        state = (*sorted(p.key for p in wanted), *(f"{f.rule} {f.place} {f.message}" for f in told))
        # The same faults twice: the model will not mend them. An answer that held nothing says nothing of that.
        if not wanted or (state in seen and not any(f.message == NOTHING for f in told)):
            break
        seen.add(state)
    if wanted and run.rules:
        run.findings += [t for t in told if not t.key or t.key in {p.key for p in wanted}]
        await _fill(run, stage, wanted, known)
        wanted = [p for p in wanted if p.key not in known or not stage.whole(p, known[p.key])]
    if not run.by_rule:
        run.tell(f"brief {stage.kind}: {len(parts)} parts, {run.usage.calls} calls" + (f", {len(wanted)} open" if wanted else ""))
    return [t for t in told if not t.key or t.key in {p.key for p in wanted}] if wanted else []


async def _once(
    run: Run, stage: Stage, parts: Sequence[Part], known: dict[str, Record], told: Sequence[Finding], watcher: Watcher | None
) -> list[Finding]:
    heard = watcher.hears(stage, parts, known) if watcher else None
    value, brief_id = await run.ask(lambda: stage.brief(parts, known, run.model.shape, told), heard)
    if not value:
        return [Finding("PA907", brief_id, NOTHING, "Answer with one JSON object of the schema.")]
    outcome = stage.accept(parts, value, known, by_rule=run.by_rule)
    known |= outcome.records
    run.keep(stage, parts, outcome.records)
    return outcome.findings


async def _fill(run: Run, stage: Stage, parts: Sequence[Part], known: dict[str, Record]) -> None:
    """What the model cannot get right, from the rules; kept as theirs, so that the header can say so."""
    assert run.rules is not None  # noqa: S101  (asked before)
    for part in parts:
        answer = await run.rules.answer(stage.brief([part], known, run.rules.shape))
        outcome = stage.accept([part], answer.value, known, by_rule=True)
        for record in outcome.records.values():
            record["by_rule"] = True
        known |= outcome.records
        run.keep(stage, [part], outcome.records)
        run.filled.append(part.key)


def _unmended(run: Run, stage: Stage, missing: Sequence[Part], left: Sequence[Finding]) -> FindingsError:
    shown = "; ".join(f"{f.place}: {f.rule} {f.message}" for f in left[:6]) or ", ".join(p.key for p in missing[:6])
    return FindingsError(
        f"{len(missing)} parts of the stage `{stage.kind}` stay open after {run.repairs} repairs: {shown}",
        "Nothing was written and accepted answers are kept. Run again, or take what is open from the rules with --fill-from-rules.",
    )
