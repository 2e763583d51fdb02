from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from planagent.reading.corpus import read_corpus
from planagent.reading.entities import find_entities, merge_entities
from planagent.reading.names import find_requirements, find_tree, find_variables
from planagent.reading.naming import entity_name, singular
from planagent.reading.technologies import find_technologies
from planagent.reading.text import parse_markdown


def entities(text: str, path: str = "data-model.md") -> list[str]:
    return [
        e.name for e in merge_entities(list(find_entities(path, parse_markdown(path, text).lines, "backend")))
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("```python\nclass Task(SQLModel, table=True):\n    id: int\n    title: str\n```", ["Task"]),
        ("```python\nclass TaskCreate(SQLModel):\n    title: str\n```", []),
        ("```sql\nCREATE TABLE api_keys (\n  id UUID PRIMARY KEY\n);\n```", ["ApiKey"]),
        ("## Tables\n### lists\n| Column | Type |\n|---|---|\n| id | integer |\n| user_id | text |", ["List"]),
        ("### User Model\n| Field | Type |\n|---|---|\n| id | uuid |", ["User"]),
        ("# Database\n## tasks table\n- id: integer (PK)\n- title: string", ["Task"]),
        ("## Key Entities\n- **Booking**: one walk\n- **LoginRequest**: a payload", ["Booking"]),
        ("```java\n@Table(\"users\")\npublic class UserEntity {\n  private UUID id;\n}\n```", ["User"]),
        ("### Query Parameters\n| Name | Type |\n|---|---|\n| id | int |", []),
        ("## Indexes for performance\n- id: x\n- created_at: y", []),
    ],
)  # fmt: skip
def test_entities(text: str, expected: list[str]) -> None:
    assert entities(text) == expected


@pytest.mark.parametrize(
    ("raw", "name"),
    [
        ("tasks", "Task"),
        ("api_keys", "ApiKey"),
        ("UserEntity", "User"),
        ("Task Model", "Task"),
    ],
)
def test_entity_names(raw: str, name: str) -> None:
    assert entity_name(raw) == name


@given(st.from_regex(r"[a-z]{3,12}", fullmatch=True))
def test_singular_never_grows(word: str) -> None:
    assert len(singular(word)) <= len(word) + 1


def variables(text: str) -> dict[str, str]:
    return {v.name: v.side for v in find_variables("env.md", parse_markdown("env.md", text).lines, "backend")}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("```env\nDATABASE_URL=postgres://x\nDEBUG=1\n```", {"DATABASE_URL": "backend", "DEBUG": "backend"}),
        (
            "Reads environment variables (BETTER_AUTH_SECRET, DATABASE_URL).",
            {"BETTER_AUTH_SECRET": "backend", "DATABASE_URL": "backend"},
        ),
        ("```ts\nurl: process.env.NEXT_PUBLIC_API_URL\n```", {"NEXT_PUBLIC_API_URL": "frontend"}),
        ("## Environment\n| Variable | Use |\n|---|---|\n| `PORT` | where to listen |", {"PORT": "backend"}),
        ("```\n├── config.py   # settings\n│   ├── JWT_SECRET_KEY\n```", {"JWT_SECRET_KEY": "backend"}),
        ("# [PROJECT_NAME] Constitution\n[PRINCIPLE_1_NAME]", {}),
        ("| Code | Meaning |\n|---|---|\n| TASK_NOT_FOUND | gone |", {}),
        ("Requires the `USER_CREATE` permission, configured per role.", {}),
        ("created_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP", {}),
    ],
)
def test_environment_variables(text: str, expected: dict[str, str]) -> None:
    assert variables(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("- **FR-001**: System MUST work.", ["FR-001"]),
        ("| FR-060A | must |\n", ["FR-060A"]),
        ("*   FR-7: reject", ["FR-7"]),
        ("### NFR-002 Speed", ["NFR-002"]),
        ("FR-001 to FR-012 are met by the API.", []),
        ("UTF-8 is used. SHA-256 too.", []),
        ("- [ ] T001 Set up", []),
        ("- **CHK001**: done?", []),
        ("## Assumptions\n- A-1: keys exist", []),
    ],
)
def test_requirement_ids(text: str, expected: list[str]) -> None:
    assert [r.id for r in find_requirements("spec.md", parse_markdown("spec.md", text).lines)] == expected


def test_the_drawn_layout_gives_paths_with_comments() -> None:
    text = "```\nbackend/\n├── app/\n│   ├── main.py   # entry\n│   └── db/\n│       └── engine.py\n└── README.md\n```"
    assert [(p, c) for p, c, _ in find_tree(parse_markdown("a.md", text).lines)] == [
        ("backend/", ""), ("backend/app/", ""), ("backend/app/main.py", "entry"), ("backend/app/db/", ""),
        ("backend/app/db/engine.py", ""), ("backend/README.md", ""),
    ]  # fmt: skip


def test_technologies_with_versions_and_without_rejected_ones() -> None:
    text = "- FastAPI 0.128 on Uvicorn\n- PostgreSQL, not MySQL\n## Future\n- Redis"
    found = {t.name: t.version for t in find_technologies("a.md", parse_markdown("a.md", text).lines)}
    assert found == {"FastAPI": "0.128", "Uvicorn": "", "PostgreSQL": ""}


def test_requirement_ids_are_qualified_by_feature(project: Callable[[dict[str, str]], Path]) -> None:
    root = project(
        {
            "specs/001-a/spec.md": "# A\nGET /a\n- **FR-001**: x\n",
            "specs/002-b/spec.md": "# B\nGET /b\n- **FR-001**: y\n",
        }
    )
    corpus = read_corpus(root)
    assert [r.name for r in corpus.facts.requirements] == ["001-a:FR-001", "002-b:FR-001"]
    assert any(c.topic == "requirement.collision" for c in corpus.conflicts)
