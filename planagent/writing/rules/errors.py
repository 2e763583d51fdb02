"""Section 8 by rule: one body for every error, and what is logged."""

from __future__ import annotations

from planagent.planning.drafts import ErrorItem, ErrorSection, TaskText
from planagent.planning.outline import Outline
from planagent.reading.search import search
from planagent.writing.rules.api import error_statuses
from planagent.writing.rules.phrases import code, item_base, task

_KINDS = {
    400: ("BrokenRuleError", "broken rule"),
    401: ("InvalidCredentialError", "invalid credential"),
    403: ("NotAllowedError", "not allowed"),
    404: ("NotFoundError", "not found"),
    409: ("ConflictError", "conflict"),
    413: ("TooLargeError", "too large"),
    429: ("TooManyRequestsError", "too many requests"),
    503: ("DependencyDownError", "dependency down"),
}
"""Name of the exception and the case that it stands for, by status."""


def write(outline: Outline) -> ErrorSection:
    items = []
    for obligation in outline.section(8):
        base = item_base(outline, obligation.id, obligation.label[:1].upper() + obligation.label[1:])
        items.append(ErrorItem(**base, steps=_TOPICS[obligation.id.removeprefix("topic:error.")](outline)))
    return ErrorSection(intro=[], items=items, tasks=_tasks(outline))


def _statuses(outline: Outline) -> list[int]:
    return sorted({s for h in outline.blueprint.handlers.values() for s in error_statuses(outline, h)})


def _exceptions(outline: Outline) -> list[str]:
    kinds = [f"{code(_KINDS[s][0])} ({s}, {_KINDS[s][1]})" for s in _statuses(outline) if s in _KINDS]
    return [
        f"One base class in {code(outline.blueprint.file('exceptions'))} with a child for each: {', '.join(kinds)}."
        if kinds
        else f"One base class in {code(outline.blueprint.file('exceptions'))}.",
        "Exceptions carry a safe message and, apart from it, the reason for the log; which status stands for which is said in one table beside them, and used by the handlers alone.",
    ]


def _middleware(outline: Outline) -> list[str]:
    return [
        "Handlers for the project's exceptions, for the framework's own (unknown path, wrong method) with their headers kept, and for validation.",
        f"The last resort stands in {code(outline.blueprint.file('request_log'))}: it logs the stack trace and answers 500 with a generic text.",
    ]


def _validation(outline: Outline) -> list[str]:
    return [
        f"Status {outline.invalid_status}, in the one error body{outline.cites('error.validation-body')}.",
        "Field and reason, never the submitted value, in the answer and in the log.",
    ]


def _schema(outline: Outline) -> list[str]:
    shown = search(
        outline.corpus, r"(?i)error (?:response )?(?:format|body|schema)|standard error|errorresponse", most=1
    )
    return [
        "Exactly the fields of the cited format, none added."
        if shown
        else f"One body for every error{outline.cites('error.body')}.",
        "No stack trace, query, path of a file or internal name in it.",
    ]


def _logging(outline: Outline) -> list[str]:
    lines = [
        "One record per request with the fields that the cited log rules name; at least method, path, status and duration.",
        "Stack traces for 500 only.",
    ]
    if outline.blueprint.protected:
        lines.insert(1, "Authentication: the user id on success, the reason on failure.")
    lines.append("Never bodies, credentials, passwords or the database address.")
    return lines


_TOPICS = {
    "exceptions": _exceptions,
    "middleware": _middleware,
    "validation": _validation,
    "schema": _schema,
    "logging": _logging,
}


def _tasks(outline: Outline) -> list[TaskText]:
    return [
        task(
            "errors.exceptions",
            ["Write the base class, its children and the error body by their items."],
            "A unit test builds each exception and sees its own safe text in the one body, and its reason only in the log.",
        ),
        task(
            "errors.handlers",
            ["Write the handlers of the middleware item; its last resort is the request log's task."],
            "On a bare application with one route, invalid input, an unknown path and a wrong method each answer in the one body, without the submitted value.",
        ),
        task(
            "middleware.request-log",
            ["Log by the logging item; catch what nothing else caught."],
            "Each request leaves one record; a forced failure answers 500 without detail and logs its stack trace.",
        ),
    ]
