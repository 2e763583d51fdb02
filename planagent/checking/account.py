"""PA408, PA501 to PA507, PA914: the plan's own account of the specs, proved anew. No word of it is taken on trust."""

from __future__ import annotations

from collections.abc import Iterator

from planagent.checking.view import View
from planagent.model import Corpus, Finding
from planagent.plan.plan import Plan, Source, Task, Traced
from planagent.plan.sections import home_of
from planagent.statements.proof import accounts, added, claimants, coined, lost
from planagent.statements.runs import unrun
from planagent.statements.statement import Dismissal, Reading, Ref, Statement, by_ruling, mentions, unnamed
from planagent.statements.tokens import Said

_AGAIN = "Plan again: the specs or the plan were changed."
_ADD = "Add a task for it, or plan again."


def reading_of(plan: Plan, corpus: Corpus) -> tuple[Reading, set[str]]:
    """The reading that a plan carries, and the documents that it fits: those whose bytes are as they were."""
    same = {a.path for a in plan.accounts if (d := corpus.document(a.path)) and d.digest.startswith(a.digest)}
    statements = tuple(_statement(t, corpus) for t in plan.statements)
    dismissed = []
    for account in plan.accounts:
        for told, reason, of in account.dismissed:
            refs = tuple((account.path, i) for i in unrun(corpus, account.path, told) or ())
            dismissed.append(Dismissal(reason, refs, of))
    return Reading(statements, tuple(dismissed)), same


def _statement(traced: Traced, corpus: Corpus) -> Statement:
    units: list[Ref] = []
    for told in traced.units:
        path, _, part = told.rpartition(" ")
        units += [(path, i) for i in unrun(corpus, path, part) or ()]
    facts = tuple((n, v) for f in traced.facts for n, _, v in (f.partition("="),))
    return Statement(
        traced.key, traced.kind, traced.modality, traced.says, tuple(units), traced.name, facts, traced.component, "",
        traced.labels, traced.left_out, traced.origin,
    )  # fmt: skip


def check_account(view: View, corpus: Corpus) -> Iterator[Finding]:
    """The account against the specs as they are now."""
    plan = view.plan
    assert plan is not None  # noqa: S101  (only plans of ours come here)
    reading, same = reading_of(plan, corpus)
    known = {a.path for a in plan.accounts}
    for document in corpus.read:
        if document.path not in known:
            yield Finding("PA507", "the account", f"{document.path} has no account", _AGAIN)
        elif document.path not in same:
            yield Finding(
                "PA604",
                "the account",
                f"{document.path} has changed since the plan was made",
                "Plan again: untouched tasks keep their ids and ticks.",
            )
        else:
            open_units = [i for i, a in accounts(reading, document).items() if a is None]
            if open_units:
                shown = ", ".join(open_units[:8]) + (f" and {len(open_units) - 8} more" if len(open_units) > 8 else "")
                yield Finding("PA507", "the account", f"{document.path}: {shown}: no statement claims it and nothing dismisses it", _AGAIN)
    if same >= {d.path for d in corpus.read}:
        yield from _proofs(reading, corpus)


def _proofs(reading: Reading, corpus: Corpus) -> Iterator[Finding]:
    by_ref, names = claimants(reading.statements), coined(reading.statements)
    for statement in reading.statements:
        if not statement.units:
            yield Finding("PA408", f"statement {statement.key}", "it rests on nothing in the specs", _AGAIN, 0, statement.key)
        wrong = added(statement, corpus, names)
        if wrong and statement.units:
            shown = ", ".join(f"`{t.text}`" for t in wrong[:6])
            yield Finding(
                "PA408", f"statement {statement.key}", f"{shown}: the lines that it rests on do not have it", _AGAIN, 0, statement.key
            )
    for (file, unit_id), holders in by_ref.items():
        unit = corpus.unit(file, unit_id)
        missing = lost(unit, holders) if unit else []
        if missing:
            shown = ", ".join(f"`{t.text}`" for t in missing[:6])
            yield Finding("PA505", f"{file}:{unit_id}", f"{shown} of the specs is carried by no statement that claims the line", _AGAIN)


def check_coverage(view: View) -> Iterator[Finding]:
    """Every statement that binds is covered, and what it says exactly stands in the tasks that cover it."""
    plan = view.plan
    assert plan is not None  # noqa: S101
    gone = {k for k, _ in plan.withdrawn}
    statements = {t.key: t for t in plan.statements if t.key not in gone}
    covered = {c for t in plan.tasks for c in t.covers}
    used = {r for t in plan.tasks for r in t.rulings}
    ruled = {c for r in plan.rulings for c in r.about}
    resting = {c for r in plan.rulings if r.id in used for c in r.about}
    lines = dict(view.lines)
    for key, traced in statements.items():
        if key not in covered and not (key in ruled and by_ruling(traced.kind, traced.modality, used=key in resting)):
            where = traced.units[0] if traced.units else "nowhere"
            yield Finding("PA501", "section 10", f"no task covers {key} ({where})", _ADD, 0, key)
    for task in plan.tasks:
        at = lines.get(task.id, 0)
        for key in (c for c in task.covers if c not in statements):
            yield Finding("PA502", task.id, f"covers {key!r}, which the specs do not have", "Remove it, or plan again.", at, task.key)
        serves = task.covers or task.proves or task.condition or task.needs or task.gives or task.rulings or task.section == 1 or task.own
        if not serves:
            yield Finding("PA504", task.id, "serves nothing that the specs demand", "Say what it covers, or remove it.", at, task.key)
        if task.covers and not task.sources:
            yield Finding("PA601", task.id, "cites no source", "Cite the passage that asks for it.", at, task.key)
    yield from _carried(plan, statements, lines)
    yield from _other_operations(plan, statements, lines)


def _other_operations(plan: Plan, statements: dict[str, Traced], lines: dict[str, int]) -> Iterator[Finding]:
    for item in (i for s in plan.sections if s.number == 5 for i in s.items):
        mine = [statements[c] for c in item.covers if c in statements and statements[c].kind == "operation"]
        if len(mine) == 1 and unnamed(bare(mine[0]), Said(item.texts())):
            yield Finding(
                "PA914", f"item {item.number}", f"it is about {mine[0].key} and does not name `{mine[0].name}`", "Plan again.",
                lines.get(item.number, 0), item.key,
            )  # fmt: skip


def _carried(plan: Plan, statements: dict[str, Traced], lines: dict[str, int]) -> Iterator[Finding]:
    """PA505: the tasks that cover a statement, with their items and rulings, say all that is exact in it."""
    rulings = {r.id: "\n".join((r.title, r.statement, r.default, r.answer)) for r in plan.rulings}
    items = {i.number: "\n".join(i.texts()) for s in plan.sections for i in s.items}
    texts = {
        task.id: [*task.texts(), *(items.get(n, "") for n in task.items), *(rulings.get(r, "") for r in task.rulings)]
        for task in plan.tasks
    }
    said = {i: Said([*told, *plan.conventions]) for i, told in texts.items()}
    folders = [t for s in plan.sections if s.number == 1 for i in s.items if i.key.startswith("folder.") for t in i.texts()]
    tasks: dict[str, list[Task]] = {}
    for task in plan.tasks:
        for key in task.covers:
            tasks.setdefault(key, []).append(task)
    about: dict[str, list[str]] = {}
    for ruling in plan.rulings:
        for key in ruling.about:
            about.setdefault(key, []).append(rulings[ruling.id])
    for key, traced in statements.items():
        doing = tasks.get(key, [])
        if not doing or any(_is_applied(traced, "\n".join(texts[t.id])) for t in doing):
            continue
        ruled = Said([*about.get(key, ()), *(folders if traced.kind == "layout" else ())])
        missing = [m for m in mentions(bare(traced), ruled) if not any(said[t.id].has(m) for t in doing)]
        if missing:
            home = home_of(traced.kind, doing)
            shown = ", ".join(f"`{t.text}`" for t in missing[:8])
            where = f"said nowhere in {', '.join(t.id for t in doing)}, {'its' if len(doing) == 1 else 'their'} items or rulings"
            yield Finding("PA505", home.id, f"{shown} of {key} is {where}", "Say it, or plan again.", lines.get(home.id, 0), home.key)


def bare(traced: Traced) -> Statement:
    """A plan's statement without its places."""
    facts = tuple((n, v) for f in traced.facts for n, _, v in (f.partition("="),))
    return Statement(
        traced.key,
        traced.kind,
        traced.modality,
        traced.says,
        (),
        traced.name,
        facts,
        traced.component,
        labels=traced.labels,
        left_out=traced.left_out,
    )


def _is_applied(traced: Traced, text: str) -> bool:
    """True when the task tells to apply a passage of the statement as it stands."""
    paths = {u.rpartition(" ")[0] for u in traced.units}
    return any(source.path in paths for source in _places(text))


def _places(text: str) -> list[Source]:
    """The passages that a text names in code marks."""
    return [source for part in text.split("`")[1::2] if (source := Source.parse(part))]
