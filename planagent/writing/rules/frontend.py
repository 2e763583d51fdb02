"""Section 7 by rule: what the backend guarantees to its frontend."""

from __future__ import annotations

import re

from planagent.planning.drafts import IntegrationItem, IntegrationSection, TaskText
from planagent.planning.outline import Outline
from planagent.reading.search import search
from planagent.writing.rules.phrases import code, item_base, names, task


def write(outline: Outline) -> IntegrationSection:
    items = []
    for obligation in outline.section(7):
        base = item_base(outline, obligation.id, obligation.label[:1].upper() + obligation.label[1:])
        items.append(
            IntegrationItem(**base, steps=_TOPICS[obligation.id.removeprefix("topic:frontend.")](outline))
        )
    return IntegrationSection(
        intro=[
            "No work in the frontend is planned. This is what the backend guarantees and what is handed over."
        ],
        items=items,
        tasks=_tasks(outline),
    )


def _origins(outline: Outline) -> str:
    name = next(
        (v.name for v in outline.corpus.facts.env_vars if "ORIGIN" in v.name and v.side != "frontend"), ""
    )
    return (
        f"Origins come from {code(name)}"
        if name
        else f"Origins come from {outline.profile.words['settings']}{outline.cites('cors.absent')}"
    )


def _cors(outline: Outline) -> list[str]:
    methods = _listed_methods(outline) or sorted(
        {h.endpoint.method for h in outline.blueprint.handlers.values()} | {"OPTIONS"}
    )
    return [
        f"{_origins(outline)}; each is matched exactly.",
        f"Methods: {', '.join(methods)}; {_cors_rest(outline)}.",
        "CORS is the outermost middleware, so that error answers carry its headers as well.",
    ]


def _listed_methods(outline: Outline) -> list[str]:
    """The methods that a CORS rule of the specs lists."""
    for place in search(outline.corpus, r"(?i)allow(?:ed)?[- ]methods", most=1):
        document = outline.corpus.document(place.file)
        return (
            re.findall(r"\b(?:GET|POST|PUT|PATCH|DELETE|OPTIONS|HEAD)\b", document.lines[place.line - 1])
            if document
            else []
        )
    return []


def _cors_rest(outline: Outline) -> str:
    """Headers and credentials as the specs say them, else the least that the calls need."""
    headers, credentials = "", ""
    for place in search(
        outline.corpus, r"(?i)allow(?:ed)?[- ](?:headers|credentials)|^\W*credentials\W*:", most=4
    ):
        document = outline.corpus.document(place.file)
        text = re.sub(r"[*_`](?=\w)|(?<=[\w:])[*_`]+", "", document.lines[place.line - 1]) if document else ""
        name, _, value = text.partition(":")
        value = value.strip().strip("`")
        if "header" in name.lower() and value and not headers:
            headers = "every header" if value == "*" else f"headers {value}"
        elif "credential" in name.lower() and value and not credentials:
            credentials = (
                "with credentials" if re.match(r"(?i)true|yes|allow", value) else "without credentials"
            )
    return (
        f"{headers or 'headers `Authorization` and `Content-Type`'}, {credentials or 'without credentials'}"
    )


def _forwarding(outline: Outline) -> list[str]:
    cites = outline.cites("auth.transport") or outline.cites("checklist.cookies")
    if not outline.blueprint.protected:
        return ["Nothing is forwarded: no endpoint asks who the caller is."]
    return [
        f"The credential travels in its request header; no cookie is forwarded, read or set{cites}.",
        "An answer of 401 tells the frontend to sign in again; the backend redirects nobody.",
    ]


def _shape(outline: Outline) -> list[str]:
    lines = [
        "Field names and types are those of the endpoint specification; times are texts in UTC.",
        "Every error has the one body of section 8, CORS headers included.",
    ]
    differences = outline.ruling("frontend.fields")
    if differences:
        lines.append(f"Names that differ from the frontend's are reported, not changed ({differences.id}).")
    lists = [h for h in outline.blueprint.handlers.values() if "endpoint:list" in h.tags]
    for handler in lists[:3]:
        fields = [f.name for f in handler.endpoint.fields("response")]
        if "[]" in fields:
            lines.append(f"`{handler.endpoint.label}` answers a bare array.")
        elif fields:
            lines.append(
                f"`{handler.endpoint.label}` answers an object with {names(fields, 6)}, not a bare array."
            )
    return lines


def _workflow(outline: Outline) -> list[str]:
    lines = []
    handlers = list(outline.blueprint.handlers.values())
    credentials = [h for h in handlers if "endpoint:credentials" in h.tags]
    if credentials:
        lines.append(
            "Sign-in: "
            + ", ".join(f"`{h.endpoint.label}`" for h in credentials[:4])
            + ", then the token goes with every protected call."
        )
    resources = [r for r in outline.blueprint.resources.values() if r.name not in ("health", "auth", "login")]
    for resource in sorted(resources, key=lambda r: -len(r.keys))[:4]:
        shown = resource.keys[: 6 if sum(map(len, resource.keys[:6])) < 180 else 3]
        steps = [f"`{outline.blueprint.handlers[k].endpoint.label}`" for k in shown]
        more = f" and {len(resource.keys) - len(shown)} more" if len(resource.keys) > len(shown) else ""
        changes = any(
            outline.blueprint.handlers[k].endpoint.method in ("POST", "PUT", "PATCH")
            and outline.blueprint.handlers[k].response
            for k in resource.keys
        )
        after = (
            "; a creation or change answers the stored record, so no second read is needed."
            if changes
            else "."
        )
        lines.append(f"{resource.name.capitalize()}: {', '.join(steps)}{more}{after}")
    return lines or ["There is no call for a frontend to make."]


def _calls(outline: Outline) -> list[str]:
    variable = next(
        (v.name for v in outline.corpus.facts.env_vars if v.side == "frontend" and "URL" in v.name), ""
    )
    lines = [
        f"The frontend takes the backend's address from {code(variable)}, which is its own setting."
        if variable
        else "The frontend takes the backend's address from its own configuration.",
        "Bodies are JSON; paths have no trailing slash.",
    ]
    if outline.blueprint.protected:
        lines.append("The credential goes with every call but the public ones of section 4.")
    return lines


def _contract(outline: Outline) -> list[str]:
    count = len(outline.blueprint.handlers)
    lines = [
        f"Compare the {outline.profile.words['description']} with the specification: {count} endpoints, no more and no fewer, with their methods, fields and statuses."
    ]
    for topic in (
        "frontend.list-incomplete",
        "frontend.promises",
        "frontend.calls-missing",
        "frontend.fields",
    ):
        ruling = outline.ruling(topic)
        if ruling:
            lines.append(f"Report {ruling.id}: {ruling.title[:1].lower() + ruling.title[1:]}.")
    return lines


_TOPICS = {
    "cors": _cors,
    "forwarding": _forwarding,
    "shape": _shape,
    "workflow": _workflow,
    "calls": _calls,
    "contract": _contract,
}


def _tasks(outline: Outline) -> list[TaskText]:
    found = [
        task("integration.contract", ["Run the comparison of the contract item and fix each difference on the backend's side.", "Walk the main workflow once against the running backend."],
             "The comparison shows no difference, and every report of the contract item is written into the hand-over."),
    ]  # fmt: skip
    if "integration.cors" in outline.tasks:
        found.insert(
            0,
            task(
                "integration.cors",
                [
                    "Put CORS around everything else, by its item.",
                    *(f"[lib] {a.text}" for a in outline.advice if a.item == "integration.cors"),
                ],
                "A preflight from an allowed origin passes, one from another is refused, and a 500 carries CORS headers.",
            ),
        )
    return found
