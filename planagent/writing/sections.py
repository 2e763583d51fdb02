"""The sections: recall what is known, ask for the rest, check, repair a bounded number of times, keep."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from planagent.checking.check import Checker
from planagent.errors import FindingsError
from planagent.model import Finding
from planagent.planning.briefs import Brief, Common, common_part, make_briefs, section_brief
from planagent.planning.drafts import SectionDraft
from planagent.planning.parts import Part, section_parts
from planagent.planning.profile import prompt
from planagent.writing.accepting import EXTRA, build, findings
from planagent.writing.answers import Given, sort_out
from planagent.writing.memory import Known, Memory
from planagent.writing.run import Run


@dataclass(frozen=True, slots=True)
class Sections:
    """What all briefs of the sections share."""

    run: Run
    checker: Checker
    common: Common
    memory: Memory
    base: dict[int, SectionDraft]
    parts: tuple[Part, ...]

    @classmethod
    def of(cls, run: Run, base: dict[int, SectionDraft]) -> Sections:
        parts = tuple(p for number, draft in base.items() for p in section_parts(run.outline, number, draft))
        return cls(run, run.checker(), common_part(run.outline, run.writer.shape), run.memory, base, parts)

    def brief(self, parts: Sequence[Part], name: str, note: str = "") -> Brief:
        return section_brief(self.run.outline, parts, self.common, self.run.writer.shape, name, note)

    def check(self, parts: Sequence[Part], known: dict[str, Known]) -> list[Finding]:
        """Findings on the answers to some parts, section by section."""
        found: list[Finding] = []
        for number in dict.fromkeys(p.section for p in parts):
            own = {p.key: known.get(p.key, Known({})) for p in parts if p.section == number}
            found += findings(self.checker, self.base[number], own)
        return found

    def recall(self) -> dict[str, Known]:
        """What is known, without answers that break a rule by now: they may name what the specs have no more, or the
        rules have grown. What the rules stood in for is asked for again, unless they may."""
        known = self.memory.recall(self.parts)
        recalled = [p for p in self.parts if p.key in known]
        faulty = {f.key for f in self.check(recalled, known)}
        extras = faulty & EXTRA.keys()
        return {
            k: v
            for k, v in known.items()
            if k not in faulty
            and not any(v.extras.get(n) for n in extras)
            and (self.run.fill_from_rules or not v.filled)
        }

    def briefs(self, wanted: Sequence[Part]) -> list[Brief]:
        """Briefs that ask for some parts."""
        again = is_small_change(wanted, self.parts)
        return make_briefs(self.run.outline, wanted, self.common, self.run.writer.shape, again=again)


async def write_sections(run: Run, base: dict[int, SectionDraft]) -> dict[int, SectionDraft]:
    """All sections at once under the writer's limit; what is known already is not asked for.

    Raises:
        FindingsError: a section still breaks rules after its repairs; names section, rule and what to do.
        WriterError: the writer failed; answers accepted so far are kept.
    """
    shared = Sections.of(run, base)
    parts = shared.parts
    known = shared.recall()
    run.filled += [k for k, v in known.items() if v.filled]
    run.reused += len(known)
    wanted = [p for p in parts if p.key not in known]
    left: list[Finding] = []
    if wanted:
        answers = await _together(run, [_brief(shared, b) for b in shared.briefs(wanted)])
        for fresh, found in answers:
            known |= fresh
            left += found
    shared.memory.used(parts)
    if left and not run.keep_findings:
        raise _unmended(run, parts, left)
    return {number: build(draft, _own(parts, number, known))[0] for number, draft in base.items()}


def is_small_change(wanted: Sequence[Part], parts: Sequence[Part]) -> bool:
    """Few parts are missing when a plan is made again; a first one that was interrupted goes on by sections."""
    return len(wanted) * 3 <= len(parts)


def _own(parts: Sequence[Part], number: int, known: dict[str, Known]) -> dict[str, Known]:
    return {p.key: known[p.key] for p in parts if p.section == number and p.key in known}


async def _together(run: Run, jobs: Sequence[Any]) -> list[Any]:
    """All jobs to their end, so that nothing paid for is lost; then the first failure, if any."""
    done = await asyncio.gather(*jobs, return_exceptions=True)
    for outcome in done:
        if isinstance(outcome, BaseException):
            raise run.stopped or outcome
    return done


def _unmended(run: Run, parts: Sequence[Part], left: Sequence[Finding]) -> FindingsError:
    sections = {p.key: p.section for p in parts}
    shown = "; ".join(
        (f"section {sections[f.key]}: " if f.key in sections else "") + f"{f.rule} {f.place}: {f.message}"
        for f in left[:8]
    )
    return FindingsError(
        f"{len(left)} findings stand after {run.repairs} repairs: {shown}",
        "Nothing was written and accepted answers are kept. Run again; or take the faulty parts from the rules with --fill-from-rules; "
        "or write the plan with its findings with --allow-findings.",
    )


async def _brief(shared: Sections, brief: Brief) -> tuple[dict[str, Known], list[Finding]]:
    """One brief until its answer holds, a bounded number of times; only faulty parts are asked again."""
    run = shared.run
    run.briefs += 1
    answer, whole = await run.ask(brief)
    given = sort_out(answer, brief)
    if not whole:
        await _rest(shared, brief, given)
    seen: set[tuple[str, ...]] = set()
    found: list[Finding] = []
    for attempt in range(run.repairs + 1):
        found = shared.check(brief.parts, assigned(brief, given))
        state = tuple(f"{f.rule} {f.key} {f.message}" for f in found)
        # The same findings twice: the model will not mend them. An answer that held nothing says nothing of that.
        if not found or attempt == run.repairs or (state in seen and given.entries):
            break
        seen.add(state)
        await _repair(shared, brief, given, found)
    known = assigned(brief, given)
    faulty = {f.key for f in found}
    # Parts without a finding are kept even where others of their brief have one.
    shared.memory.keep([p for p in brief.parts if p.key not in faulty and not faulty & EXTRA.keys()], known)
    if found and run.fill_from_rules:
        run.filled += sorted(faulty)
        known |= {p.key: Known(p.base, filled=True) for p in brief.parts if p.key in faulty}
        for one in known.values():
            one.extras = {n: e for n, e in one.extras.items() if n not in faulty}
        found = shared.check(brief.parts, known)
        if not found:
            shared.memory.keep(brief.parts, known)
    run.tell(
        f"brief {brief.id}: {len(brief.parts)} parts, {run.usage.calls} calls, {run.usage.output_tokens} tokens out"
        + (f", {len(found)} findings" if found else "")
    )
    return known, found


def assigned(brief: Brief, given: Given) -> dict[str, Known]:
    """The answers by part; what the writer added goes with the first part that reads the same passage, else the first."""
    known = {p.key: Known(given.entries.get(p.key, {})) for p in brief.parts}
    for name, entries in given.extras.items():
        for entry in entries:
            anchors = {str(s).partition(" (L")[0] for s in entry.get("sources", [])}
            home = next((p for p in brief.parts if anchors & {e.anchor for e in p.reads}), brief.parts[0])
            known[home.key].extras.setdefault(name, []).append(entry)
    return known


async def _rest(shared: Sections, brief: Brief, given: Given) -> None:
    """A cut-off answer: its finished parts are kept, the others asked for in two halves."""
    lost = [p for p in brief.parts if p.key not in given.entries]
    if not lost:
        return
    shared.run.tell(f"brief {brief.id}: cut off; {len(lost)} parts are asked for again")
    middle = (len(lost) + 1) // 2
    for index, parts in enumerate((lost[:middle], lost[middle:]), 1):
        if not parts:
            continue
        half = shared.brief(parts, f"{brief.id}/{index}")
        answer, whole = await shared.run.ask(half)
        more = sort_out(answer, half)
        if not whole and len(parts) > 1:
            await _rest(shared, half, more)
        given.replace(more, [p.key for p in parts])


async def _repair(shared: Sections, brief: Brief, given: Given, found: Sequence[Finding]) -> None:
    """Asks again for the faulty parts; extras at fault are the writer's own and may be dropped."""
    run = shared.run
    faulty = {f.key for f in found}
    for name in faulty & EXTRA.keys():
        given.extras[name] = []
    parts = [p for p in brief.parts if p.key in faulty]
    if not parts:
        return
    run.repaired += 1
    told = "\n".join(f"- {f.key}: {f.rule} {f.message}. {f.remedy}" for f in found if f.key not in EXTRA)
    again = shared.brief(parts, f"{brief.id}r{run.repaired}", f"{prompt('repair.md').strip()}\n\n{told}")
    answer, _ = await run.ask(again)
    given.replace(sort_out(answer, again), faulty)
