from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from planagent.model import Endpoint, normalize_path
from planagent.reading.details import read_details
from planagent.reading.endpoints import base_path, find_mentions, merge, to_endpoint
from planagent.reading.text import parse_markdown


def read(text: str) -> list[Endpoint]:
    parsed = parse_markdown("api.md", text)
    found = [("api.md", m) for m in find_mentions(parsed.lines, base_path(parsed.lines))]
    details = {(f, m.line.number): read_details(parsed.lines, m) for f, m in found}
    return [to_endpoint(g, details) for g in merge(found).values()]


def labels(text: str) -> list[str]:
    return sorted(e.label for e in read(text))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("#### POST /auth/login", ["POST /auth/login"]),
        ("### `DELETE /api/tasks/{id}`", ["DELETE /api/tasks/{id}"]),
        ("GET /api/tasks\nPOST /api/tasks", ["GET /api/tasks", "POST /api/tasks"]),
        ("**Endpoint**: `GET /api/v1/projects`", ["GET /api/v1/projects"]),
        ("- **FR-005**: users create tasks via POST /api/{user_id}/tasks.", ["POST /api/{user_id}/tasks"]),
        ("| Method | Path |\n|---|---|\n| GET | `/users` |\n| PUT/PATCH | `/users/{id}` |",
         ["GET /users", "PATCH /users/{id}", "PUT /users/{id}"]),
        ("| Path | Method | Use |\n|---|---|---|\n| /users | POST | create |", ["POST /users"]),
        ("| Property | Value |\n|---|---|\n| Method | POST |\n| Route | `/api/slots` |", ["POST /api/slots"]),
        ("**Method**: PATCH\n**Path**: /api/slots/:id", ["PATCH /api/slots/{id}"]),
        ("curl -X DELETE http://localhost:8000/api/tasks/42", ["DELETE /api/tasks/{id}"]),
        ("GET /api/tasks?state=open", ["GET /api/tasks"]),
    ],
)  # fmt: skip
def test_forms_that_name_an_endpoint(text: str, expected: list[str]) -> None:
    assert labels(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "The page `/tasks/[id]/edit` shows a form.",
        "Routes under `/api/*`",
        "GET /api/...",
        "## Future\n### GET /api/stats",
        "Use PATCH instead of PUT /api/tasks in clients that never send PUT /api/tasks".replace(
            "in clients that", "and"
        ),
        "GET https://generativelanguage.googleapis.com/v1/models",
        "See POST.md",
    ],
)
def test_forms_that_do_not(text: str) -> None:
    assert labels(text) == []


def test_parameter_names_and_slashes_do_not_split_an_endpoint() -> None:
    found = read("### GET /api/tasks/{id}\n\nlater: GET /api/tasks/{task_id}/ and GET /api/tasks/17")
    assert [e.label for e in found] == ["GET /api/tasks/{id}"]
    assert [e.line for e in found[0].evidence] == [1, 3]  # three mentions on two lines


def test_a_base_url_gives_the_prefix() -> None:
    assert labels("| Base URL | `http://localhost:3001/api/v1` |\n\n## x\n\nPOST /auth/login\n\nGET /api/v1/users") == [
        "GET /api/v1/users", "POST /api/v1/auth/login",
    ]  # fmt: skip


def test_details_of_a_description() -> None:
    text = (
        "### POST /api/lists/{list_id}/tasks\nAdds a task.\n\n**Authentication:** required\n\n**Request Body:**\n"
        '```json\n{"title": "x", "priority": "low"}\n```\n**Validation Rules:**\n- title: required, 1-200 characters\n\n'
        '**Response (201):**\n```json\n{"id": 1, "title": "x"}\n```\n**Status Codes:**\n- 201: created\n- 422: broken\n'
    )
    endpoint = read(text)[0]
    assert endpoint.auth == "required"
    assert endpoint.statuses == (201, 422)
    assert [p.name for p in endpoint.fields("path")] == ["list_id"]
    assert [p.name for p in endpoint.fields("body")] == ["title", "priority"]
    assert [p.name for p in endpoint.fields("response")] == ["id", "title"]
    title = endpoint.fields("body")[0]
    assert title.required
    assert "1-200" in title.note


def test_numbers_that_are_no_status_codes() -> None:
    endpoint = read(
        "### GET /x\n\n- `limit` (int): Maximum to return (default: 100)\n- within 500 ms\n\nResponse: 200 OK"
    )[0]
    assert endpoint.statuses == (200,)


def test_public_is_told_from_protected() -> None:
    found = {
        e.label: e.auth
        for e in read("### GET /a\n**Authentication:** Not required\n\n### GET /b\nAuthorization: Bearer x\n")
    }
    assert found == {"GET /a": "public", "GET /b": "required"}


@given(st.lists(st.from_regex(r"[a-z]{1,8}|\{[a-z_]{1,6}\}|:[a-z]{1,6}", fullmatch=True), max_size=6))
def test_normalising_a_path_is_idempotent(parts: list[str]) -> None:
    once = normalize_path("/" + "/".join(parts))
    assert normalize_path(once) == once
    assert normalize_path(once + "/") == once


@given(st.text(max_size=400))
def test_any_text_is_read_without_failing(text: str) -> None:
    read(text)
