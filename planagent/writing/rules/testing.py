"""Section 9 by rule: what is tested, against which obligation."""

from __future__ import annotations

import re

from planagent.planning.blueprint import Resource
from planagent.planning.drafts import TaskText, TestItem, TestSection
from planagent.planning.outline import Outline
from planagent.planning.tasks import TaskSpec
from planagent.reading.routes import success_status
from planagent.reading.search import search
from planagent.writing.rules.api import error_statuses
from planagent.writing.rules.auth import secret_variable
from planagent.writing.rules.phrases import code, names, task


def write(outline: Outline) -> TestSection:
    items = []
    for key, spec in outline.tasks.items():
        if key.startswith(("test.", "criteria.")) and key != "test.fixtures":
            items.append(_item(outline, spec))
    intro = (
        [
            "Tests run against a temporary database of the production kind, reset before each test; the fixtures refuse to start on an address that production uses."
        ]
        if outline.corpus.facts.entities
        else []
    )
    goals = _coverage(outline)
    if goals:
        intro.append(f"Coverage to reach, measured in the full run: {', '.join(goals)}.")
    return TestSection(intro=intro, items=items, tasks=_tasks(outline))


def _item(outline: Outline, spec: TaskSpec) -> TestItem:
    covers = _proved(outline, spec.key)
    own = list(spec.covers)
    places = [p for c in own for p in outline.obligations[c].evidence[:1]]
    sources = outline.anchors(places, 3)
    return TestItem(
        key=f"area:{spec.key}",
        title=spec.title,
        task=spec.key,
        covers=tuple(outline.obligations[c].label for c in own),
        sources=sources,
        rulings=outline.rulings(f"task:{spec.key}"),
        file=code(spec.file),
        cases=_cases(outline, spec),
        against=_shown(outline, covers),
    )


def _proved(outline: Outline, key: str) -> list[str]:
    """Obligations whose task names this test as its proof."""
    return list(dict.fromkeys(c for t in outline.tasks.values() if t.proof == key for c in t.covers))


def _shown(outline: Outline, covers: list[str]) -> str:
    labels = [outline.obligations[c].label for c in covers if not c.startswith(("topic:", "requirement:"))]
    if len(labels) > 8:
        return names(labels[:8]) + f" and {len(labels) - 8} more"
    return names(labels)


def _cases(outline: Outline, spec: TaskSpec) -> list[str]:
    kind, _, name = spec.key.partition(".")
    if kind == "criteria":
        return ["Each cited measure under the load it names, with the figure printed beside its bound."]
    if name == "settings":
        variables = [o.label for o in outline.section(2) if o.kind == "env"]
        cases = [
            "Good values start.",
            f"Each of {names(variables, 10)} missing or malformed: the start stops and names it, or takes the default of its item.",
        ]
        if outline.ruling("env.alias"):
            cases.append(
                f"A reference that nobody expanded, and two values that differ, stop the start{outline.cites('env.alias')}."
            )
        return cases
    if name == "database":
        stored = [
            f"Tables of {names(e.name for e in outline.corpus.facts.entities)} exist with their indexes.",
            "Each unique and foreign key refuses a breach.",
            "Creating the tables twice is harmless.",
        ]
        return [
            *(stored if outline.corpus.facts.entities else []),
            "The address is translated and checked without a connection.",
        ]
    if name == "auth":
        cases = [
            "Each refusal of the auth errors item, one case each.",
            "The application's own list of routes: everything outside the allow-list answers 401 without a credential.",
            "No answer holds a password hash.",
        ]
        if outline.blueprint.own_login:
            cases.append(
                "Sign-in with an unknown account and with a wrong password: same status, same words."
            )
        cases += _endpoint_cases(
            outline, [r for r in outline.blueprint.resources.values() if r.test_api == spec.file]
        )
        if secret_variable(outline):
            cases.append(
                f"A token signed with another secret than {code(secret_variable(outline))} is refused."
            )
        return cases
    if name == "edge":
        return _edge_cases(outline)
    if name.startswith("service."):
        wanted = [
            o.name
            for o in outline.blueprint.operations.values()
            if o.resource == name.removeprefix("service.")
        ]
        kinds = {o.kind for o in outline.blueprint.operations.values() if o.name in wanted}
        entity = outline.blueprint.resources[name.removeprefix("service.")].entity
        cases = [f"{names((f'{n}()' for n in wanted), 8)}: success, and each error of its item."]
        if outline.owner_of(entity):
            cases.append("With two owners, no operation sees or touches the other's records.")
        if "update" in kinds:
            cases.append("An update that sends nothing changes nothing.")
        if any(
            409 in outline.blueprint.handlers[k].endpoint.statuses
            for o in outline.blueprint.operations.values()
            if o.name in wanted
            for k in o.endpoints
        ):
            cases.append("Two creations with one unique value at once leave one record.")
        return cases
    resource = outline.blueprint.resources.get(name.removeprefix("api."))
    cases = _endpoint_cases(outline, [resource] if resource else [])
    return (
        cases
        if len(cases) <= 14
        else [*cases[:13], f"The other {len(cases) - 13} endpoints likewise, each status of its item."]
    )


def _endpoint_cases(outline: Outline, resources: list[Resource]) -> list[str]:
    """One line for each endpoint with every status that it can answer."""
    cases = []
    for resource in resources:
        for key in resource.keys:
            handler = outline.blueprint.handlers[key]
            statuses = [success_status(handler.endpoint), *error_statuses(outline, handler)]
            cases.append(f"`{handler.endpoint.label}`: {', '.join(map(str, statuses))}.")
    return cases


def _coverage(outline: Outline) -> list[str]:
    """Coverage goals that the specs state, with their figures."""
    goals = []
    for place in search(
        outline.corpus,
        r"(?i)(?:coverage|unit tests?|integration tests?)\b[^\n]{0,40}?\d{2,3}\s*%",
        roles=("backend", "constitution"),
        most=4,
    ):
        document = outline.corpus.document(place.file)
        match = (
            re.search(
                r"(?i)(coverage|unit tests?|integration tests?)\b[^\n\d]{0,40}?([>≥]?\s*\d{2,3}\s*%)",
                document.lines[place.line - 1],
            )
            if document
            else None
        )
        if match:
            goals.append(f"{match[1].lower()} {match[2].replace(' ', '')}")
    return list(dict.fromkeys(goals))


def _edge_cases(outline: Outline) -> list[str]:
    cases = ["Malformed JSON, an empty body, an unknown field, a null in a field that cannot be null."]
    handlers = list(outline.blueprint.handlers.values())
    if any("endpoint:item" in h.tags for h in handlers):
        cases.append("Ids: zero, negative, text, beyond the column's range, of a removed record.")
    if any("endpoint:paged" in h.tags for h in handlers):
        cases.append(f"Each paging bound and one step beyond it{outline.cites('list.bounds')}.")
    if any("endpoint:body" in h.tags for h in handlers):
        cases.append("Texts at their longest, one longer, blank, with characters outside ASCII.")
    for ruling in outline.docket.rulings:
        if ruling.topic.startswith("route.order"):
            cases.append(f"The fixed path is not taken for an id ({ruling.id}).")
    cases += [
        "Two changes of one record at once leave one of the two states.",
        "Each error status has the one body; 500 shows no detail.",
    ]
    return cases[:14]


def _tasks(outline: Outline) -> list[TaskText]:
    found = []
    for key in outline.tasks:
        if key == "test.fixtures":
            managed = [e.table or e.name for e in outline.corpus.facts.entities if e.managed_by]
            steps = [
                "Read the test database's address from a test-only setting; refuse to run when it is missing or equals the application's.",
                "Reset before each test; give tests two users and a client."
                if outline.blueprint.protected
                else "Reset before each test; give tests a client.",
            ]
            if managed:
                steps.append(
                    f"In the test database alone, make the tables that another owner manages, before the others: {names(managed)}."
                )
            if not outline.corpus.facts.entities:
                steps = ["Give tests a client of the assembled application and settings of their own."]
            found.append(
                task(
                    key,
                    steps,
                    "Two tests that write the same row pass in either order, and the guard is shown to refuse the application's address."
                    if outline.corpus.facts.entities
                    else "A test calls the application without a network.",
                )
            )
        elif key.startswith("test."):
            found.append(
                task(
                    key,
                    ["Write the cases of its item, one test each."],
                    "All cases pass, and each fails when the rule it tests is taken out.",
                )
            )
        elif key.startswith("criteria."):
            found.append(
                task(
                    key,
                    ["Measure each cited criterion on the running backend and print the figure."],
                    "Every figure is within its bound, or the deviation is reported with the figure.",
                )
            )
    return found
