"""Section 6 by rule: operations, and the numbered rules that belong to no single one."""

from __future__ import annotations

import re

from planagent.planning.blueprint import Handler, Operation
from planagent.planning.drafts import OperationItem, OperationSection, TaskText
from planagent.planning.outline import Outline
from planagent.writing.rules.api import error_statuses
from planagent.writing.rules.phrases import code, item_base, names, task


def write(outline: Outline) -> OperationSection:
    items = []
    for obligation in outline.section(6):
        kind, _, name = obligation.id.partition(":")
        if kind == "operation":
            items.append(_operation(outline, outline.blueprint.operations[name]))
        else:
            base = item_base(outline, obligation.id, obligation.label[:1].upper() + obligation.label[1:])
            responsibility, rules = _TOPICS[name]
            items.append(OperationItem(**base, responsibility=responsibility, rules=rules))
    intro = (
        ["The specs ask for no service operation."]
        if not items
        else [
            "Each operation takes the session and, where records have an owner, the owner's id; the owner is part of the query, not a check after it."
            if any(outline.owner_of(e.name) for e in outline.corpus.facts.entities)
            else "Each operation takes the session."
        ]
    )
    return OperationSection(intro=intro, items=items, tasks=_tasks(outline))


_TOPICS: dict[str, tuple[str, list[str]]] = {
    "service.session": ("One unit of work for each operation.", ["The service commits once, at its end; the session's owner never commits.", "A constraint that fails at commit is rolled back and becomes the domain error it stands for."]),
    "service.errors": ("Services raise, handlers answer.", ["Raise the project's own exceptions and no HTTP error.", "Let unexpected database errors pass: the session rolls back and the last-resort 500 takes over."]),
    "service.separation": ("Routes and services know little of each other.", ["A service takes plain values and schemas, never a request; a route holds no query.", "Services do not call each other's storage; a shared rule moves to a function of its own."]),
}  # fmt: skip


def _operation(outline: Outline, operation: Operation) -> OperationItem:
    base = item_base(outline, f"operation:{operation.name}", operation.call)
    resource = outline.blueprint.resources[operation.resource]
    thing = resource.entity or resource.one.replace("_", " ")
    handlers = [outline.blueprint.handlers[k] for k in operation.endpoints]
    first = handlers[0]
    owner = outline.owner_of(resource.entity)
    endpoint = first.endpoint
    sent = [p.name for p in (*endpoint.fields("body"), *endpoint.fields("query"))]
    inputs = [
        "session",
        *(["owner's id"] if owner else []),
        *(["record id"] if "endpoint:item" in first.tags else []),
    ]
    given = ", ".join(inputs) + (f"; {names(sent, 8)}" if sent else "")
    does, gives, rules = _by_kind(outline, operation, thing, endpoint.path)
    missing = "Not found: no row with this id" + (" and owner" if owner else "") + "."
    errors = [missing] if 404 in error_statuses(outline, first) else []
    if _may_collide(outline, first, operation):
        errors.append("Duplicate: the unique constraint refuses the insert, also when two callers meet.")
    if operation.name.startswith(("authenticate", "Authenticate")):
        errors = ["Invalid credentials: unknown account or wrong password, without saying which."]
        if outline.ruling("account.inactive"):
            errors.append(
                f"Not allowed: the account is switched off, looked at last{outline.cites('account.inactive')}."
            )
    if 409 in endpoint.statuses and operation.kind in ("action", "update", "delete"):
        errors.append("Conflict: the record's state does not allow the change.")
    return OperationItem(
        **base,
        file=code(operation.file),
        responsibility=does,
        inputs=given,
        results=gives,
        errors=errors,
        rules=rules,
    )


def _may_collide(outline: Outline, handler: Handler, operation: Operation) -> bool:
    """True when an insert can meet a unique value: the endpoint answers 409, or registers an account."""
    registers = "create" in operation.name.lower() and operation.kind == "credentials"
    return operation.kind in ("create", "credentials") and (
        409 in error_statuses(outline, handler) or registers
    )


def _by_kind(outline: Outline, operation: Operation, thing: str, path: str) -> tuple[str, str, list[str]]:
    """Responsibility, results and rules of an operation."""
    change = outline.cites("data.updated-at")
    if operation.kind == "list":
        return _listing(outline, operation, thing)
    if operation.kind == "get":
        return f"Give one {thing} record.", "The record.", []
    if operation.kind == "create":
        return (
            f"Store a new {thing} record.",
            "The stored record with the values that the database gave it.",
            ["Fields that the input does not carry take the entity's defaults."],
        )
    if operation.kind == "update":
        return (
            f"Change a {thing} record.",
            "The stored record after the change.",
            [
                f"Apply the fields that were sent{outline.cites('put.partial')}.",
                f"Set the change time with the change{change}."
                if change
                else "Answer what is stored, not what was sent.",
            ],
        )
    if operation.kind == "delete":
        return _removal(outline, operation, thing, bulk=not path.endswith("}"))
    if operation.kind == "credentials":
        return _credentials(outline, operation, thing)
    word = path.rstrip("/").rsplit("/", 1)[-1].replace("-", " ").replace("_", " ")
    if (
        re.search(r"(?i)\btoggle", outline.blueprint.handlers[operation.endpoints[0]].endpoint.summary)
        or word == "toggle"
    ):
        return (
            f"Turn the state of a {thing} record over.",
            "The stored record after the change.",
            ["Turn the value over in one statement, so that two calls at once turn it twice."],
        )
    return (
        f"Do '{word}' on a {thing} record.",
        "What the endpoint's response names.",
        [
            "Check the state and write the new one in one statement, so that two callers cannot both pass the check."
        ],
    )


def _listing(outline: Outline, operation: Operation, thing: str) -> tuple[str, str, list[str]]:
    first = outline.blueprint.handlers[operation.endpoints[0]]
    paged = "endpoint:paged" in first.tags
    counts = any(
        p.name.lower() in ("total", "count", "totalcount") for p in first.endpoint.fields("response")
    )
    order = _said_order(outline, first) or outline.cites("list.order")
    rules = [f"{'Filter, order and page' if paged else 'Filter and order'} in the database{order}."]
    if counts:
        rules.append(f"Count with a query of its own{outline.cites('list.total')}.")
    entity = outline.blueprint.resources[operation.resource].entity
    seen = " that belong to the caller" if outline.owner_of(entity) else ""
    result = "The page of records" if paged else "The records"
    return f"Give the {thing} records{seen}.", result + (", and the count." if counts else "."), rules


def _removal(outline: Outline, operation: Operation, thing: str, *, bulk: bool) -> tuple[str, str, list[str]]:
    if bulk:
        rules = ["One statement by condition; zero rows is a result, not an error."]
        return f"Remove the matching {thing} records.", "The number of rows removed.", rules
    owner = outline.owner_of(outline.blueprint.resources[operation.resource].entity)
    by = "id and owner" if owner else "id"
    rules = [f"One statement by {by}; zero rows means not found, which also covers two deletes at once."]
    return f"Remove one {thing} record.", "Nothing.", rules


def _credentials(outline: Outline, operation: Operation, thing: str) -> tuple[str, str, list[str]]:
    name = operation.name.lower()
    if "create" in name:
        return (
            "Register an account.",
            "The stored account, without its hash.",
            [
                "Trim and lower-case the address before storing and before every look-up.",
                "Hash the password outside the event loop; keep no plain copy.",
            ],
        )
    if "authenticate" in name:
        return (
            "Check a password.",
            "The account, for which the caller then issues the token.",
            ["Run one dummy verification when the account is unknown, so that both cases take alike long."],
        )
    if "refresh" in name:
        return (
            "Exchange a valid token for a new one.",
            "The new token and its lifetime.",
            ["Verify the old token fully first; an expired one is refused."],
        )
    if "token" in name:
        return (
            "Take the credentials and issue a token for their account.",
            "The token, and what else the endpoint's response names.",
            ["Run one dummy verification when the account is unknown, so that both cases take alike long."],
        )
    if "verify" in name:
        return "Say whether a token is valid.", "The result that the endpoint's response names.", []
    return (
        "End a session on the caller's side.",
        "The confirmation that the endpoint's response names.",
        [
            "The server keeps no session: the token stays valid until it expires, unless a cited rule says otherwise."
        ],
    )


def _tasks(outline: Outline) -> list[TaskText]:
    found = []
    for key in outline.tasks:
        if key.startswith("service."):
            resource = key.removeprefix("service.")
            wanted = [o.name for o in outline.blueprint.operations.values() if o.resource == resource]
            owner = outline.owner_of(outline.blueprint.resources[resource].entity)
            more = (
                f"{len(wanted)} operations of its items"
                if len(wanted) > 6
                else names(f"{n}()" for n in wanted)
            )
            found.append(
                task(
                    key,
                    [
                        f"Write {more} by their items.",
                        "Put the owner into every query: " + owner + "."
                        if owner
                        else "Keep every query here.",
                    ],
                    "Each operation returns or raises what its item says"
                    + (", also for a second caller's records." if owner else "."),
                )
            )
        elif key.startswith("behaviour."):
            found.append(_behaviour(outline, key))
    return found


def _behaviour(outline: Outline, key: str) -> TaskText:
    spec = outline.tasks[key]
    ids = [c.rsplit(":", 1)[-1] for c in spec.covers]
    where = code(spec.file) if not spec.file.endswith("/") else f"the services in {code(spec.file)}"
    steps = [
        f"Read the cited lines and put each rule where its data is decided: in {where}, in the schemas where it bounds input."
    ]
    listed = ", ".join(ids)
    return task(
        key,
        steps,
        f"One test for each of {listed} passes, named after its id."
        if len(ids) > 1
        else f"A test named after {listed} passes, and fails when the rule is taken out.",
    )


def _said_order(outline: Outline, handler: Handler) -> str:
    """` (newest first)` when the endpoint's passage says an order."""
    for place in handler.endpoint.evidence[:2]:
        passage = outline.corpus.passage_at(place)
        match = re.search(r"(?i)\b(?:newest|oldest|latest) first\b", passage.text) if passage else None
        if match:
            return f" ({match[0].lower()})"
    return ""
