"""The plan as one Markdown file: read by people, rendered by forges, executed by agents, parsed back here."""

from __future__ import annotations

import json
from collections.abc import Iterator

from planagent.freshness import Head, text_digest
from planagent.plan.graph import critical_path, waves
from planagent.plan.plan import Plan, PlanItem, PlanSection, Ruling, Task, Traced
from planagent.plan.sections import home_of

GROUPS: tuple[tuple[str, str, str], ...] = (
    (
        "D",
        "Decisions",
        "Two places disagree, or something ordered is not specified. The default is what is built; a person may overrule it before or after.",
    ),
    ("G", "Gaps and assumed behaviour", "The specs leave these open. The assumed behaviour holds until somebody says otherwise."),
    ("R", "Traps", "True only when places are read together."),
    ("P", "Prerequisites", "For people."),
)


def render(plan: Plan) -> str:
    """The whole file, ending in one newline. `parse` gives the same plan back."""
    body = "\n".join(_parts(plan)).rstrip("\n") + "\n"
    return f"{Head(plan.next_task, plan.state, plan.writer_id, text_digest(body))}\n{body}"


def _parts(plan: Plan) -> Iterator[str]:
    """The text part by part: the lines of a large plan, all at once, take more than its text."""
    for part in (_head(plan), _rulings(plan), *map(_section, plan.sections), _timeline(plan), _provenance(plan)):
        lines = list(part)
        if lines:
            yield "\n".join(lines)


def _head(plan: Plan) -> Iterator[str]:
    yield f"# {plan.title}"
    yield ""
    yield f"- Writer: {plan.writer}"
    if plan.scope:
        yield f"- Scope: {plan.scope}"
    if plan.read_share:
        yield f"- Read: {plan.read_share}"
    yield "- Documents: " + ", ".join(f"`{d}`" for d in plan.documents)
    if plan.left_out:
        yield "- Left out: " + "; ".join(plan.left_out)
    yield "- Executor: BACKEND_AGENT. Take the tasks of section 10 from top to bottom, or a wave at a time; tick each when its last line is true. `[P]` marks what shares its wave with others and its file with none of them; a task with a line `Only if` waits for that. The specs are never edited."
    if plan.findings:
        yield ""
        yield "> [!WARNING]"
        yield "> Written with findings that were allowed:"
        for finding in plan.findings:
            yield f"> - {finding}"
    yield ""
    yield "## High-Level Plan"
    yield ""
    yield "### Approach"
    yield ""
    for line in plan.approach:
        yield f"- {line}"
    yield ""
    if plan.conventions:
        yield "### Conventions"
        yield ""
        for line in plan.conventions:
            yield f"- {line}"
        yield ""


def _rulings(plan: Plan) -> Iterator[str]:
    users: dict[str, list[str]] = {}
    for task in plan.tasks:
        for ruling_id in task.rulings:
            if task.condition.partition(": ")[0] != ruling_id:  # what only another answer calls for rests not on the default
                users.setdefault(ruling_id, []).append(task.id)
    for letter, title, note in GROUPS:
        members = [r for r in plan.rulings if r.id.startswith(letter)]
        if not members:
            continue
        yield f"### {title}"
        yield ""
        yield note
        yield ""
        for ruling in members:
            yield from _ruling(ruling, users.get(ruling.id, []))
    if plan.excluded:
        yield "### Out of scope"
        yield ""
        for line in plan.excluded:
            yield f"- {line}"
        yield ""


def _ruling(ruling: Ruling, users: list[str]) -> Iterator[str]:
    yield f"#### {ruling.id} {ruling.title}"
    yield f"<!-- {ruling.topic}{' @ ' * bool(ruling.about)}{', '.join(ruling.about)} -->"
    if ruling.statement:
        yield f"- Found: {ruling.statement}"
    yield f"- Default: {ruling.default}"
    if ruling.why:
        yield f"- Why: {ruling.why}"
    if ruling.options:
        yield "- Likely answers: " + " | ".join(ruling.options)
    if ruling.answer:
        yield f"- Answered by a person: {ruling.answer}"
    if ruling.waits:
        waiting = ", ".join(users) if users else "no task"
        yield f"- {'Confirmed' if ruling.answer else 'To be confirmed'}, rests on it: {waiting}"
    if ruling.sources:
        yield "- Sources: " + "; ".join(str(s) for s in ruling.sources)
    yield ""


def _section(section: PlanSection) -> Iterator[str]:
    yield f"## {section.number}. {section.title}"
    yield ""
    for line in section.intro:
        yield f"- {line}"
    if section.intro:
        yield ""
    for item in section.items:
        yield from _item(item)


def _item(item: PlanItem) -> Iterator[str]:
    yield f"### {item.number} {item.title}"
    yield f"<!-- {item.key} -->"
    for row in item.rows:
        if len(row.lines) == 1:
            yield f"- {row.label}: {row.lines[0]}"
        else:
            yield f"- {row.label}:"
            for number, line in enumerate(row.lines, 1):
                yield f"  {number}. {line}"
    if item.covers:
        yield "- Covers: " + ", ".join(item.covers)
    yield ""


def _timeline(plan: Plan) -> Iterator[str]:
    yield "## 10. Execution Timeline"
    yield ""
    yield "### 10.1 Tasks"
    yield ""
    phase = None
    for task in plan.tasks:
        if task.phase != phase:
            if phase is not None:
                yield ""
            phase = task.phase
            yield f"#### {phase}"
            yield ""
        yield from _task(task)
    yield ""
    yield from _overview(plan)
    yield from _proofs(plan)


def task_line(task: Task) -> str:
    """Spec Kit's task line: `- [ ] T014 [P] Title in path`."""
    mark = "x" if task.done else " "
    parallel = "[P] " if task.parallel else ""
    place = f" in {task.file}" if task.file else ""
    return f"- [{mark}] {task.id} {parallel}{task.title}{place}"


def _task(task: Task) -> Iterator[str]:
    yield task_line(task)
    yield f"  <!-- {task.key} @ {task.section} @ {task.file} -->"
    if task.condition:
        yield f"  - Only if: {task.condition}"
    if task.items:
        yield "  - Items: " + ", ".join(task.items)
    if task.needs:
        yield "  - Needs: " + ", ".join(task.needs)
    if task.covers:
        yield "  - Covers: " + ", ".join(task.covers)
    if task.proves:
        yield "  - Proves: " + ", ".join(task.proves)
    if task.gives:
        yield "  - Gives: " + "; ".join(task.gives)
    if task.rulings:
        yield "  - Rulings: " + ", ".join(task.rulings)
    if task.sources:
        yield "  - Sources: " + "; ".join(str(s) for s in task.sources)
    if task.steps:
        yield "  - Steps:"
    for number, step in enumerate(task.steps, 1):
        yield f"    {number}. {step}"
    if task.done_when:
        yield f"  - Done when: {task.done_when}"
    if task.forced:
        yield f"  - Forced: {task.forced}"
    if task.again:
        yield f"  - Look again: {task.again}"


def _overview(plan: Plan) -> Iterator[str]:
    needs = {t.id: t.needs for t in plan.tasks if not t.condition}
    yield "### 10.2 Waves"
    yield ""
    yield "Tasks of one wave need only earlier waves and can run side by side; two of them in one file run one after the other."
    yield ""
    for number, wave in enumerate(waves(needs), 1):
        yield f"- Wave {number}: {', '.join(wave)}"
    yield ""
    yield "### 10.3 Critical path"
    yield ""
    yield " → ".join(critical_path(needs)) or "None."
    yield ""


_MOST_PROOFS = 3


def proof_of(plan: Plan) -> dict[str, str]:
    """Ids of what proves each statement: the test tasks that cover it, else those that prove the task which says its values; where there are
    none, that task by its done-when line."""
    doing: dict[str, list[Task]] = {}
    proving: dict[str, list[str]] = {}
    for task in plan.tasks:
        for key in task.covers:
            doing.setdefault(key, []).append(task)
        for proved in task.proves:
            proving.setdefault(proved, []).append(task.id)
    found = {}
    for one in (s for s in plan.statements if s.key in doing):
        tests = [t.id for t in doing[one.key] if t.proves]
        home = home_of(one.kind, doing[one.key])
        found[one.key] = ", ".join((tests or proving.get(home.id) or [f"{home.id}, done when"])[:_MOST_PROOFS])
    return found


def _proofs(plan: Plan) -> Iterator[str]:
    yield "### 10.4 Statement, task, proof"
    yield ""
    users: dict[str, list[str]] = {}
    for task in plan.tasks:
        for key in task.covers:
            users.setdefault(key, []).append(task.id)
    ruled: dict[str, list[str]] = {}
    for ruling in plan.rulings:
        for key in ruling.about:
            ruled.setdefault(key, []).append(ruling.id)
    gone, proofs = dict(plan.withdrawn), proof_of(plan)
    yield "| Statement | What | Where | Tasks | Proof |"
    yield "|---|---|---|---|---|"
    for one in plan.statements:
        doing = f"taken back: {gone[one.key]}" if one.key in gone else ", ".join(users.get(one.key, ruled.get(one.key, [])))
        yield f"| {cell(one.key)} | {cell(_what(one))} | {cell('; '.join(one.units))} | {doing or '–'} | {proofs.get(one.key, '–')} |"


def _what(one: Traced) -> str:
    kind = one.kind if one.modality == "must" else f"{one.kind}, {one.modality}"
    said = one.name or (one.says if len(one.says) <= 80 else f"{one.says[:77]}…")
    return f"{kind}: {', '.join([*one.labels, said] if said and said not in one.labels else one.labels)}"


def _provenance(plan: Plan) -> Iterator[str]:
    """All that a proof needs without model and ledger: every statement, the account of every document, hashes of passages."""
    yield ""
    yield "<!-- statements"
    for one in plan.statements:
        yield _json({k: v for k, v in one.model_dump().items() if v})
    yield "-->"
    yield "<!-- withdrawn"
    for key, why in plan.withdrawn:
        yield _json([key, why])
    yield "-->"
    yield "<!-- accounts"
    for account in plan.accounts:
        yield _json(account.model_dump())
    yield "-->"
    yield "<!-- sources"
    units = dict(plan.units)
    for anchor, digest in plan.passages:
        yield _json([digest, anchor, *([units[anchor]] if anchor in units else [])])
    yield "-->"


def _json(value: object) -> str:
    """JSON on one line in which no comment can end."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).replace("--", "-\\u002d")


def cell(text: str) -> str:
    return text.replace("\\", "\\\\").replace("|", "\\|")
