"""Section 5 by rule: one item per endpoint of the specs."""

from __future__ import annotations

import re

from planagent.model import Endpoint, Entity, Parameter
from planagent.planning.blueprint import Handler, is_health, segments
from planagent.planning.drafts import EndpointItem, EndpointSection, TaskText
from planagent.planning.outline import Outline
from planagent.reading.routes import success_status
from planagent.reading.search import search
from planagent.writing.rules.phrases import STATUS_WORDS, code, constrained, item_base, limits, names, task


def write(outline: Outline) -> EndpointSection:
    items = [_endpoint(outline, h) for h in outline.blueprint.handlers.values()]
    intro = ["The specs define no endpoint: nothing of this section is built."]
    if items:
        invalid = outline.invalid_status
        intro = [
            f"Order for each: {'identify the caller, ' if outline.blueprint.protected else ''}validate the input, one service call, answer through the response schema.",
            f"For all, in this order: {_refused(outline)}{invalid} when {STATUS_WORDS[422]}; then the item's own errors; 500 for anything unexpected. Every error has the one body of section 8.",
            f"{_unknown_fields(outline, invalid)} Payloads are those of the cited passages.",
        ]
    return EndpointSection(intro=intro, items=items, tasks=_tasks(outline))


def _refused(outline: Outline) -> str:
    """Who is known and not allowed is told so before the input is looked at."""
    if not outline.blueprint.protected:
        return ""
    inactive = outline.ruling("account.inactive")
    off = f"403 when the caller's account is switched off ({inactive.id}); " if inactive else ""
    return f"401 when {STATUS_WORDS[401]}; {off}"


def _unknown_fields(outline: Outline, invalid: int) -> str:
    """What becomes of fields that no schema has, as the specs say it; else they are ignored."""
    strict = search(
        outline.corpus,
        r"(?i)additionalProperties[\"']?\s*:\s*false|(?:unknown|unrecognized|unexpected|additional|extra) (?:json |body |request )?(?:fields?|properties|keys)\b.{0,60}(?:reject|refus|not allowed|invalid|400|422|error)|reject\w*.{0,40}(?:unknown|unrecognized|unexpected|additional|extra) (?:\w+ )?(?:fields?|properties)",
        most=1,
    )
    if strict:
        return (
            f"An unknown body field answers {invalid}, as the specs demand it; an id sent by a client is one."
        )
    owner = "an owner or id" if outline.blueprint.protected else "an id"
    return f"Unknown body fields are ignored, so {owner} sent by a client has no effect."


def error_statuses(outline: Outline, handler: Handler) -> list[int]:
    """The specs' own error statuses of an endpoint, and those its shape implies."""
    endpoint = handler.endpoint
    found = {s for s in endpoint.statuses if s >= 400}
    if "endpoint:protected" in handler.tags:
        found.add(401)
    if "endpoint:item" in handler.tags:
        found.add(404)
    if (
        endpoint.fields("body") or endpoint.fields("query") or "endpoint:item" in handler.tags
    ) and not found & {400, 422}:
        found.add(outline.invalid_status)
    if "endpoint:sign-in" in handler.tags and not found & {400, 401}:
        found.add(401)  # only where the contract gives a failed sign-in no status of its own
    if outline.ruling("account.inactive") and (
        "endpoint:sign-in" in handler.tags or "endpoint:protected" in handler.tags
    ):
        found.add(403)
    duplicate = outline.ruling("account.duplicate")
    if duplicate and f"`{endpoint.label}`" in duplicate.statement:
        found.add(int(duplicate.default[:3]))
    order = {401: 0, 403: 1, 400: 2, 422: 3, 404: 4, 409: 5}
    return sorted(found, key=lambda s: (order.get(s, 6), s))


def _endpoint(outline: Outline, handler: Handler) -> EndpointItem:
    endpoint = handler.endpoint
    base = item_base(outline, f"endpoint:{endpoint.key}", endpoint.label)
    status = success_status(endpoint)
    common = {401, outline.invalid_status}
    errors = [
        e
        for s in error_statuses(outline, handler)
        if (e := _error(outline, handler, s)) and not (s in common and e == _plain(s))
    ]
    requirement = next((h for h in outline.corpus.facts.requirements if endpoint.label in h.text), None)
    if requirement and len(base["sources"]) < 3:  # type: ignore[arg-type]
        base["sources"] = tuple(dict.fromkeys((*base["sources"], *outline.anchors(requirement.evidence[:1]))))  # type: ignore[misc]
    return EndpointItem(
        **base,
        controller=f"{code(handler.controller + '()')} in {code(handler.file)}",
        access={"required": "credential required", "public": "public"}.get(
            endpoint.auth,
            "credential required, as on its other routes: the specs do not say otherwise"
            if "endpoint:protected" in handler.tags
            else "public: the specs protect nothing",
        ),
        schemas=_schemas(handler),
        service_calls=_calls(outline, handler),
        validation=_validation(outline, handler),
        errors=errors,
        response=_response(handler, status),
        statuses=", ".join(
            str(s)
            for s in [
                status,
                *(s for s in endpoint.statuses if s < 400 and s != status),
                *error_statuses(outline, handler),
            ]
        ),
    )


def _schemas(handler: Handler) -> str:
    parts = []
    if handler.request:
        parts.append(f"in {code(handler.request)}")
    if handler.response:
        parts.append(f"out {code(handler.response)}")
    return ", ".join(parts) or "none: no body in, " + (
        "no body out" if success_status(handler.endpoint) == 204 else "a fixed or plain object out"
    )


def _calls(outline: Outline, handler: Handler) -> list[str]:
    operation = outline.operation(handler.operation)
    if operation:
        return [f"{operation.call} in {code(operation.file)}"]
    return ["none beyond the current-user dependency" if handler.endpoint.path.endswith("/me") else "none"]


def _validation(outline: Outline, handler: Handler) -> list[str]:
    endpoint = handler.endpoint
    resource = outline.blueprint.resources[handler.resource]
    entity = outline.entity(resource.entity)
    lines = []
    for parameter in endpoint.fields("path"):
        words = limits(parameter)
        kind = f" ({parameter.type})" if parameter.type else ""
        if re.search(r"(?i)^user_?id$", parameter.name) and _leading_user(endpoint):
            lines.append(f"{code(parameter.name)}{kind} in the path equals the caller's id.")
        else:
            bound = _id_form(parameter.type, entity)
            lines.append(
                f"{code(parameter.name)}{kind} in the path: {words.replace('required', '').strip(', ') or bound}."
            )
    query = endpoint.fields("query")
    if query:
        lines += constrained(outline, query, None)
    body = endpoint.fields("body")
    if body:
        sign_in = re.search(r"/(?:login|sign-?in|refresh|verify)$", endpoint.path)
        body = tuple(_with_sibling_notes(outline, handler, p) for p in body)
        lines += constrained(
            outline, body, entity, "sign-in" if sign_in else "create" if endpoint.method == "POST" else ""
        )
    elif handler.request:
        lines.append(
            f"The body holds the writable fields of {resource.entity or 'the record'}; id, owner and times are never taken from it."
        )
    return lines[:9] or ["No input."]


def _with_sibling_notes(outline: Outline, handler: Handler, parameter: Parameter) -> Parameter:
    """A field whose bounds only another endpoint of the resource gives has them here as well, but for its need."""
    if parameter.note:
        return parameter
    for key in outline.blueprint.resources[handler.resource].keys:
        for other in outline.blueprint.handlers[key].endpoint.fields("body"):
            if other.name == parameter.name and other.note:
                note = re.sub(
                    r"(?i)\b(?:required|optional|mandatory)\b,?\s*|\(?default[^,;)]*\)?|,?\s*unique\b[^,;]*",
                    "",
                    other.note,
                ).strip(" ,;")
                return Parameter(
                    parameter.name, parameter.type or other.type, parameter.required, note, parameter.where
                )
    return parameter


def _plain(status: int) -> str:
    return f"{status}: {STATUS_WORDS.get(status, 'as the cited passage says')}."


def _error(outline: Outline, handler: Handler, status: int) -> str:
    words = STATUS_WORDS.get(status, "as the cited passage says")
    endpoint = handler.endpoint
    if status == 404 and "endpoint:item" in handler.tags:
        entity = outline.blueprint.resources[handler.resource].entity
        other = ", or it belongs to somebody else" if outline.owner_of(entity) else ""
        words = f"no such record{other}" + (outline.cites("ownership.status") if other else "")
    if status == 403 and _leading_user(endpoint):
        words = "the user id in the path is not the caller's"
    elif status == 403 and outline.ruling("account.inactive"):
        words = "the account is switched off" + outline.cites("account.inactive")
    if "endpoint:sign-in" in handler.tags and status == (
        401 if 401 in error_statuses(outline, handler) else 400
    ):
        words = "unknown account or wrong password, in the same words"
    if status in (400, 409) and re.search(r"/(?:register|sign-?up)$", endpoint.path):
        words = (
            "the account exists already" + outline.cites("account.duplicate")
            if status == 409 or 409 not in endpoint.statuses
            else words
        )
    return f"{status}: {words}."


def _leading_user(endpoint: Endpoint) -> bool:
    """True for `/api/{user_id}/tasks`: the id names the caller, not a record."""
    kept = "/".join(segments(endpoint.path))
    return any(
        re.search(r"(?i)^user_?id$", p.name) and f"{{{p.name}}}" not in kept for p in endpoint.fields("path")
    )


def _id_form(kind: str, entity: Entity | None) -> str:
    stored = next((f.type for f in entity.fields if f.name.lower() == "id"), "") if entity else ""
    words = f"{kind} {stored}".lower()
    if re.search(r"uuid|guid", words):
        return "a UUID"
    if re.search(r"\bint|serial|number|long", words):
        return "a whole number from 1 to the largest that the column holds"
    return (
        "a text of the stored id's form" if re.search(r"str|text|char", words) else "of the stored id's form"
    )


def _constants(endpoint: Endpoint) -> list[str]:
    """Fields of a response that can only have the value of the specification's example."""
    fixed = is_health(endpoint)
    return [
        f'{code(f.name)} "{f.example}"'
        for f in endpoint.fields("response")
        if f.example
        and (fixed or f.name in ("message", "token_type", "detail"))
        and not re.search(r"\d{4}-\d\d-\d\d|[{}<>]", f.example)
    ]


def _response(handler: Handler, status: int) -> str:
    endpoint = handler.endpoint
    if status == 204:
        return "204 without a body."
    fields = [f.name for f in endpoint.fields("response") if f.name != "[]"]
    if any(f.name == "[]" for f in endpoint.fields("response")):
        return f"{status} with an array of {endpoint.fields('response')[0].type} objects; an empty one is no error."
    empty = " An empty list is no error." if "endpoint:list" in handler.tags else ""
    constants = _constants(endpoint)
    if constants and len(constants) == len(fields):
        return f"{status} with {', '.join(constants)} and nothing else."
    if fields:
        return f"{status} with {names(fields, 10)} and nothing else.{empty}" + (
            f" Fixed: {', '.join(constants)}." if constants else ""
        )
    if is_health(endpoint):
        return f"{status} with the fixed body of the cited passage."
    stored = "stored records, each" if "endpoint:list" in handler.tags else "stored record"
    return f"{status} with the {stored} as the entity defines it.{empty}"


def _tasks(outline: Outline) -> list[TaskText]:
    found = []
    for handler in outline.blueprint.handlers.values():
        key = f"endpoint.{handler.endpoint.key}"
        order = outline.ruling(f"route.order/{handler.endpoint.label}")
        steps = [
            f"Declare {code(handler.controller + '()')} by its item and register it"
            + (f" before the path it would be hidden by ({order.id})." if order else "."),
        ]
        errors = error_statuses(outline, handler)
        answer = (
            f"answers {success_status(handler.endpoint)} with exactly the specified fields"
            if success_status(handler.endpoint) != 204
            else "answers 204 without a body"
        )
        told = ", ".join(str(s) for s in errors)
        proof = f"The endpoint {answer}" + (f", and {told} where its item says." if errors else ".")
        found.append(task(key, steps, proof))
    for resource in outline.blueprint.resources.values():
        key = f"schema.{resource.name}"
        if key in outline.tasks:
            handlers = [outline.blueprint.handlers[k] for k in resource.keys]
            wanted = list(dict.fromkeys(n for h in handlers for n in (h.request, h.response) if n))
            steps = [
                f"Write {names(wanted)} with the bounds that the endpoint items give.",
                "Tell an absent field from a null one in every update schema."
                if any(h.endpoint.method in ("PUT", "PATCH") for h in handlers)
                else "Build responses from the stored record, field by field.",
            ]
            found.append(
                task(
                    key,
                    steps,
                    "Each bound accepts its last good value and refuses the next; no response schema has a field that the specification does not return.",
                )
            )
    return found
