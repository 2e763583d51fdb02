from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from planagent.errors import CorpusError, NoBackendError
from planagent.files import MAX_FILE_BYTES
from planagent.model import Corpus
from planagent.reading import sources
from planagent.reading.corpus import read_corpus, require_backend
from planagent.reading.discover import MAX_DOCUMENTS, find_files

Project = Callable[[dict[str, str]], Path]


def roles(corpus: Corpus) -> dict[str, str]:
    return {d.path: d.role for d in corpus.documents}


@pytest.mark.parametrize(
    ("title", "name"),
    [
        ("Constitution of Tidy, a shared todo list", "Tidy"),
        ("CRM Questionnaire Constitution", "CRM Questionnaire"),
        ("[PROJECT_NAME] Constitution", "folder"),
        ("🚀 Project Constitution – Todo App (Phase II: Web)", "Todo App"),
        ("Constitution: Harbour Desk", "Harbour Desk"),
        ("END OF CONSTITUTION", "folder"),
        ("Constitution", "folder"),
    ],
)
def test_the_project_is_named_by_its_constitution_or_its_folder(
    project: Project, title: str, name: str
) -> None:
    root = project({"constitution.md": f"# {title}\n", "specs/api.md": "# API\nGET /tasks\n"})
    assert read_corpus(root).name == (root.name if name == "folder" else name)


def test_documents_get_roles_and_plans_are_not_specs(project: Project) -> None:
    tasks = "\n".join(f"- [ ] T{n:03d} do it" for n in range(1, 9))
    root = project(
        {
            ".specify/memory/constitution.md": "# Constitution\n- Every change has a test that fails without it.\n",
            "specs/001-x/spec.md": "# X\nGET /x\n",
            "specs/001-x/plan.md": "# Plan\n",
            "specs/001-x/tasks.md": tasks,
            "specs/001-x/checklists/a.md": "- CHK001",
            "specs/002-y/frontend-tasks.md": "# Task pages\nThe page shows a button.\n",
            "specs/features/01-add-task.md": "# Add a task\nPOST /tasks stores it in the database.\n",
            "specs/ui/pages.md": "# Pages\n",
            "README.md": "GET /readme",
        }
    )
    assert roles(read_corpus(root)) == {
        ".specify/memory/constitution.md": "constitution",
        "specs/001-x/checklists/a.md": "other",
        "specs/001-x/plan.md": "other",
        "specs/001-x/spec.md": "backend",
        "specs/001-x/tasks.md": "other",
        "specs/002-y/frontend-tasks.md": "frontend",
        "specs/features/01-add-task.md": "backend",
        "specs/ui/pages.md": "frontend",
    }


def test_an_api_list_in_the_frontend_is_no_contract(project: Project) -> None:
    described = "# API\n### GET /a\n**Response:** x\n### POST /a\n**Request body:** y\n**Response:** z\n"
    root = project(
        {"specs/frontend/api-client.md": "- `GET /a`\n- `GET /b`", "specs/frontend/docs/api-a.md": described}
    )
    assert roles(read_corpus(root)) == {
        "specs/frontend/api-client.md": "frontend",
        "specs/frontend/docs/api-a.md": "backend",
    }
    assert [e.label for e in read_corpus(root).facts.consumed] == ["GET /b"]


def test_phases_that_are_not_wanted_are_left_out_and_named(project: Project) -> None:
    root = project(
        {
            "specs/overview.md": "# Overview\n\n## Current Phase\nPhase II: web\n\nGET /api/tasks\n",
            "specs/001-cli/spec.md": "# Phase I console\n- **FR-001**: prints\n",
            "specs/001-cli/data-model.md": "# Data\n## tasks table\n- id: int\n- name: text\n",
            "specs/002-web/spec.md": "# Phase II\n- **FR-001**: serves GET /api/tasks\n",
            "specs/003-chat/spec.md": "# Phase III\nPOST /api/chat\n",
        }
    )
    corpus = read_corpus(root)
    assert [e.label for e in corpus.facts.endpoints] == ["GET /api/tasks"]
    assert [r.name for r in corpus.facts.requirements] == ["002-web:FR-001"]
    assert "phase 2" in corpus.scope
    assert "specs/001-cli/data-model.md" in corpus.scope
    assert {e.label for e in read_corpus(root, scope="all").facts.endpoints} == {
        "GET /api/tasks",
        "POST /api/chat",
    }
    assert [e.label for e in read_corpus(root, scope="phase 3").facts.endpoints] == ["POST /api/chat"]


def test_one_feature_can_be_planned(project: Project) -> None:
    root = project(
        {"specs/001-a/spec.md": "GET /a\n- **FR-001**: x", "specs/002-b/spec.md": "GET /b\n- **FR-001**: y"}
    )
    assert [e.label for e in read_corpus(root, scope="002").facts.endpoints] == ["GET /b"]


def test_a_template_constitution_is_no_constitution(project: Project) -> None:
    template = "# [PROJECT_NAME] Constitution\n### [PRINCIPLE_1_NAME]\n[PRINCIPLE_1_DESCRIPTION]\n### [PRINCIPLE_2_NAME]\n[GOVERNANCE_RULES]\n"
    root = project({".specify/memory/constitution.md": template, "specs/a.md": "# A\nGET /a\n"})
    corpus = read_corpus(root)
    assert roles(corpus)[".specify/memory/constitution.md"] == "other"
    assert "constitution.template" in {c.topic for c in corpus.conflicts}
    assert corpus.facts.env_vars == ()


@pytest.mark.parametrize(
    ("data", "note"),
    [
        (b"\xff\xfeG\x00E\x00T\x00 \x00/\x00a\x00", "UTF-16"),
        (b"# A\r\nGET /a\r\n", ""),
        (b"# A \xe9\xff\nGET /a\n", "not valid UTF-8"),
        (b"# A\x00\nGET /a\n", "NUL"),
        (b"\xef\xbb\xbf# A\nGET /a\n", ""),
    ],
)
def test_encodings(tmp_path: Path, data: bytes, note: str) -> None:
    (tmp_path / "specs").mkdir()
    (tmp_path / "specs" / "a.md").write_bytes(data)
    corpus = read_corpus(tmp_path)
    assert [e.label for e in corpus.facts.endpoints] == ["GET /a"]
    assert note in " ".join(corpus.warnings)


def test_huge_and_outside_files_are_left_out_with_a_warning(
    project: Project, tmp_path_factory: pytest.TempPathFactory
) -> None:
    root = project({"specs/a.md": "GET /a", "specs/huge.md": "x" * (MAX_FILE_BYTES + 1)})
    outside = tmp_path_factory.mktemp("outside") / "b.md"
    outside.write_text("GET /outside")
    (root / "specs" / "link.md").symlink_to(outside)
    (root / "specs" / "loop").symlink_to(root / "specs")
    corpus = read_corpus(root)
    assert [e.label for e in corpus.facts.endpoints] == ["GET /a"]
    assert any("huge.md" in w for w in corpus.warnings)
    assert any("link.md" in w for w in corpus.warnings)


def test_links_that_loop_pipes_and_odd_names_are_survived(project: Project) -> None:
    root = project(
        {"specs/a.md": "GET /a", "specs/x y/ü (1).md": "GET /b", "specs/deep/" + "d/" * 60 + "c.md": "GET /c"}
    )
    (root / "specs" / "self.md").symlink_to(root / "specs" / "self.md")
    (root / "specs" / "one").symlink_to(root / "specs" / "two")
    (root / "specs" / "two").symlink_to(root / "specs" / "one")
    os.mkfifo(root / "specs" / "pipe.md")
    assert sorted(e.label for e in read_corpus(root).facts.endpoints) == ["GET /a", "GET /b", "GET /c"]


def test_more_files_than_anyone_wrote_are_cut_with_a_warning(project: Project) -> None:
    root = project({"specs/a.md": "GET /a"})
    for number in range(MAX_DOCUMENTS + 20):
        (root / "specs" / f"z{number}.md").touch()
    corpus = read_corpus(root)
    assert len(corpus.documents) == MAX_DOCUMENTS
    assert any("candidate files" in w for w in corpus.warnings)
    assert [e.label for e in corpus.facts.endpoints] == ["GET /a"]


def test_a_file_that_vanishes_while_it_is_read_is_a_warning(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = project({"specs/a.md": "GET /a", "specs/b.md": "GET /b"})
    found = find_files(root, (), ())
    (root / "specs" / "b.md").unlink()
    monkeypatch.setattr(sources, "find_files", lambda *_: found)
    corpus = read_corpus(root)
    assert [d.path for d in corpus.documents] == ["specs/a.md"]
    assert any("b.md" in w for w in corpus.warnings)


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_an_unreadable_file_is_a_warning(project: Project) -> None:
    root = project({"specs/a.md": "GET /a", "specs/b.md": "GET /b"})
    (root / "specs" / "b.md").chmod(0)
    assert any("b.md" in w for w in read_corpus(root).warnings)


def test_no_specs_and_no_backend_are_different_errors(project: Project, tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match="no spec found") as error:
        read_corpus(tmp_path)
    assert error.value.remedy
    root = project(
        {"specs/site.md": "# Site\nA page with a button, kept in localStorage.\n- **FR-001**: it is fast\n"}
    )
    with pytest.raises(NoBackendError):
        require_backend(read_corpus(root))


def test_empty_files_are_no_specs(project: Project) -> None:
    with pytest.raises(CorpusError):
        read_corpus(project({"specs/a.md": "", "specs/b.md": "\n\n"}))


def conflicts(root: Path) -> dict[str, str]:
    return {c.topic: c.message for c in read_corpus(root).conflicts}


def test_conflicts_between_documents(project: Project) -> None:
    found = conflicts(
        project(
            {
                "specs/constitution.md": "# Constitution\n- Routes under `/api/*`\n- Every request must carry a JWT token.\n- All services run under docker-compose.\n",
                "specs/backend/api.md": (
                    '# API\n### POST /auth/login\n```json\n{"email": "x"}\n```\n### GET /api/tasks\nAuthorization: Bearer t\n'
                    "### PUT /api/tasks/{id}\nAuthorization: Bearer t\n### DELETE /api/tasks/{id}\n### DELETE /api/tasks/done\n"
                    "### GET /health\nSee specs/backend/missing.md\n"
                ),
                "specs/backend/env.md": "```env\nDATABASE_URL=postgresql://u:p@h/d?sslmode=require\nNEON_DB_URL=x\nJWT_KEY=${AUTH_SECRET}\nAUTH_SECRET=y\n```\nasyncpg\n",
                "specs/backend/data.md": "# Database\n### tasks\n| Column | Type |\n|---|---|\n| id | integer |\n| user_id | text |\n| title | varchar(80) |\n",
                "specs/backend/more.md": "# Entities\n### tasks\n| Column | Type |\n|---|---|\n| id | uuid |\n| title | varchar(90) |\n",
                "specs/frontend/pages.md": '# Pages\nA link "Forgot password". Better Auth signs in.\nCalls `GET /api/stats`.\n',
            }
        )
    )
    assert {
        "api.prefix", "api.public", "ops.compose", "document.missing", "env.database-url", "env.alias", "database.url-parameters",
        "route.order", "entity.type", "entity.limit", "frontend.calls-missing", "frontend.promises", "auth.issuer", "put.partial",
        "list.order", "cors.absent", "ownership.status",
    } <= set(found)  # fmt: skip
    assert "`DELETE /api/tasks/done`" in found["route.order"]


def test_a_clean_corpus_has_no_conflict_of_these_kinds(project: Project) -> None:
    found = conflicts(
        project(
            {
                "specs/constitution.md": "# Constitution\n- Each change has a test that fails without it.\n",
                "specs/backend/api.md": "# API\n### GET /items\nPublic. Newest first.\n**Response (200):**\n```json\n[]\n```\n",
            }
        )
    )
    assert not set(found) & {
        "api.prefix",
        "api.public",
        "auth.issuer",
        "auth.transport",
        "env.alias",
        "route.order",
        "list.order",
        "put.partial",
    }
