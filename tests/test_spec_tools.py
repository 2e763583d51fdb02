"""Layouts of other spec tools, read without configuration and planned to the end."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from planagent.cli import run
from planagent.planning.outline import Outline, make_outline
from planagent.reading.corpus import read_corpus
from planagent.reading.routes import success_status
from planagent.writing.rules import write_all

Project = Callable[[dict[str, str]], Path]

KIRO = {
    ".kiro/steering/tech.md": "# Technology Stack\n\n- Node.js 22 with Express 5 and TypeScript\n- Prisma with PostgreSQL 16\n",
    ".kiro/steering/product.md": "# Product\n\nRoomBook lets staff reserve meeting rooms by the half hour.\n",
    ".kiro/specs/booking/requirements.md": """# Requirements Document

## Requirements

### Requirement 1

**User Story:** As a member of staff, I want to reserve a room, so that I can meet.

#### Acceptance Criteria

1. WHEN a valid reservation is submitted THEN the system SHALL store it and answer 201
2. IF the room is taken in that period THEN the system SHALL answer 409

### Requirement 2

#### Acceptance Criteria

1. IF the caller is not an administrator THEN the system SHALL answer 403
""",
    ".kiro/specs/booking/design.md": """# Design Document

## REST API

| Method | Path | Description | Auth |
|---|---|---|---|
| GET | /api/rooms | list rooms | none |
| POST | /api/rooms/:roomId/reservations | reserve | user |
| DELETE | /api/reservations/:id | cancel | |

Authentication is by API key in the `X-Api-Key` header.

## Data Models

```prisma
model Room {
  id           String        @id @default(uuid())
  name         String        @unique @db.VarChar(40)
  closed       Boolean       @default(false)
  note         String?
  reservations Reservation[]
}

model Reservation {
  id     String @id
  roomId String
  room   Room   @relation(fields: [roomId], references: [id])
}
```

## Configuration

- `DATABASE_URL`: PostgreSQL address
- `PORT` (default 3000)
- `VITE_API_URL`: address of the API for the web client
""",
    ".kiro/specs/booking/tasks.md": "# Implementation Plan\n- [ ] 1. Set up\n- [ ] 2. Reserve\n",
}


@pytest.fixture
def kiro(project: Project) -> Outline:
    return make_outline(read_corpus(project(KIRO)))


def test_steering_binds_like_a_constitution_and_task_lists_are_no_specs(kiro: Outline) -> None:
    roles = {d.path.rsplit("/", 1)[-1]: d.role for d in kiro.corpus.documents}
    assert roles["tech.md"] == roles["product.md"] == "constitution"
    assert roles["tasks.md"] == "other"
    assert "constitution.absent" not in {c.topic for c in kiro.corpus.conflicts}


def test_numbered_criteria_are_requirements(kiro: Outline) -> None:
    assert [r.name for r in kiro.corpus.facts.requirements] == ["booking:1.1", "booking:1.2", "booking:2.1"]


def test_columns_of_a_prisma_model(kiro: Outline) -> None:
    room, reservation = kiro.corpus.facts.entities
    assert [(f.name, f.type, f.required, f.note) for f in room.fields] == [
        ("id", "String", True, "primary key, default uuid()"),
        ("name", "VarChar(40)", True, "unique"),
        ("closed", "Boolean", True, "default false"),
        ("note", "String", False, ""),
    ]
    assert [f.name for f in reservation.fields] == ["id", "roomId"]


def test_variables_of_one_word_and_their_defaults(kiro: Outline) -> None:
    found = {v.name: (v.side, v.default) for v in kiro.corpus.facts.env_vars}
    assert found == {
        "DATABASE_URL": ("backend", ""),
        "PORT": ("backend", "3000"),
        "VITE_API_URL": ("frontend", ""),
    }


def test_an_access_column_and_a_stated_key_protect_the_endpoints(kiro: Outline) -> None:
    access = {i.key: i.access for i in write_all(kiro)[5].items}
    assert access["endpoint:GET /api/rooms"] == "public"
    assert access["endpoint:POST /api/rooms/{}/reservations"] == "credential required"
    # Nobody called it public, and the corpus knows a credential.
    assert access["endpoint:DELETE /api/reservations/{}"].startswith("credential required")
    assert kiro.blueprint.protected


def test_a_status_that_no_spec_gives_is_a_gap_with_the_usual_one(kiro: Outline) -> None:
    ruling = kiro.ruling("response.success")
    assert ruling is not None
    by_method = {e.method: success_status(e) for e in kiro.corpus.facts.endpoints}
    assert by_method == {"GET": 200, "POST": 201, "DELETE": 204}


def test_files_have_the_extension_of_the_language(kiro: Outline) -> None:
    assert {t.file for t in kiro.tasks.values() if t.key.startswith("service.")} == {
        "src/services/roomService.ts",
        "src/services/reservationService.ts",
    }


def test_exact_versions_are_pinned(kiro: Outline) -> None:
    texts = {t.key: " ".join(t.steps) for t in write_all(kiro)[2].tasks}
    assert all(v in texts["setup.dependencies"] for v in ("Express 5", "PostgreSQL 16", "Node.js 22"))


def test_the_plan_holds(project: Project) -> None:
    root = project(KIRO)
    assert run(["plan", "--offline", "-w", str(root)]) == 0
    assert run(["check", "-w", str(root)]) == 0
    assert "define no authentication" not in (root / "plan/backend_implementation_plan.md").read_text()


OPENSPEC = {
    "openspec/project.md": "# Project Context\n\n## Tech Stack\n\n- Python 3.12, Django 5.2\n- PostgreSQL 17\n",
    "openspec/specs/invoices/spec.md": """# Invoices Specification

## Requirements

### Requirement: Create invoice

The system SHALL create a draft through `POST /invoices`; CORS is limited to the web client.

### Requirement: Send invoice

The system SHALL send a draft through `POST /invoices/{id}/send`.
""",
    "openspec/specs/auth/spec.md": "# Auth\n\nThe system SHALL demand a bearer token on every endpoint.\n",
}


def test_a_corpus_with_a_database_and_no_entity_is_covered(project: Project) -> None:
    root = project(OPENSPEC)
    assert run(["plan", "--offline", "-w", str(root)]) == 0
    outline = make_outline(read_corpus(root))
    covered = {c for t in outline.tasks.values() for c in t.covers}
    assert {"topic:setup.connection", "topic:service.session", "topic:setup.cors"} <= covered
    assert {e.auth for e in outline.corpus.facts.endpoints} == {"required"}
    sent = next(e for e in outline.corpus.facts.endpoints if e.path.endswith("/send"))
    assert success_status(sent) == 200
