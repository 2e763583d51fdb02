from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from planagent.reading.openapi import is_entity_schema, read_openapi

DOCUMENT = """openapi: 3.0.3
servers:
  - url: https://api.example.org/v2
security:
  - bearer: []
paths:
  /tasks/{id}:
    parameters:
      - {name: id, in: path, required: true, schema: {type: integer}}
    get:
      operationId: getTask
      summary: One task
      responses:
        '200':
          description: ok
          content:
            application/json:
              schema: {$ref: '#/components/schemas/Task'}
        '404': {description: none}
    put:
      security: []
      requestBody:
        content:
          application/json:
            schema: {$ref: '#/components/schemas/TaskUpdate'}
      responses:
        '200': {description: ok}
components:
  schemas:
    Task:
      type: object
      required: [id]
      properties:
        id: {type: integer}
        title: {type: string, maxLength: 80}
    TaskUpdate:
      type: object
      properties:
        title: {type: string, maxLength: 80}
"""


def test_operations_carry_line_prefix_and_details() -> None:
    found = read_openapi("api.yaml", DOCUMENT)
    assert found.prefixes == ("/v2",)
    get, put = found.mentions
    assert (get.method, get.path, get.line.number) == ("GET", "/tasks/{id}", 10)
    details = found.details[get.line.number]
    assert details.statuses == {200, 404}
    assert details.operation_id == "getTask"
    assert details.response_schema == "Task"
    assert details.auth == "required"
    assert found.details[put.line.number].auth == "public"
    assert ("body", "title") in {(p.where, p.name) for p in found.details[put.line.number].parameters}


def test_schemas_are_entities_only_with_an_identity() -> None:
    found = {
        name: is_entity_schema(name, fields) for name, _, fields in read_openapi("api.yaml", DOCUMENT).schemas
    }
    assert found == {"Task": True, "TaskUpdate": False}


def test_passages_are_operations_and_schemas() -> None:
    passages = read_openapi("api.yaml", DOCUMENT).parsed.passages
    assert [p.slug for p in passages] == [
        "",
        "get-tasksid",
        "put-tasksid",
        "schema-task",
        "schema-taskupdate",
    ]
    assert all(a.end < b.start for a, b in pairwise(passages))


def test_broken_yaml_falls_back_to_a_scan_of_lines_and_says_so() -> None:
    found = read_openapi("api.yaml", DOCUMENT.replace("summary: One task", "summary: [One task"))
    assert "not valid YAML" in found.problem
    assert [(m.method, m.path) for m in found.mentions] == [("GET", "/tasks/{id}"), ("PUT", "/tasks/{id}")]
    assert 404 in found.details[found.mentions[0].line.number].statuses


@given(st.text(max_size=300))
def test_any_text_is_read_without_failing(text: str) -> None:
    read_openapi("api.yaml", "openapi: 3.0.0\npaths:\n" + text)
