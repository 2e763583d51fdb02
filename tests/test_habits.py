"""Habits of other teams that the reader once missed: each a small spec and what must be read from it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from planagent.checking.about import Weights, gist, names_endpoint
from planagent.planning.outline import make_outline
from planagent.writing.rules import write_all

from planagent.corpus.read import read_corpus
from planagent.model import Corpus

Project = Callable[[dict[str, str]], Path]


@pytest.fixture
def read(project: Project) -> Callable[..., Corpus]:
    return lambda text, **more: read_corpus(project({"specs/api.md": text, **more}))


@pytest.mark.parametrize(
    ("text", "labels"),
    [
        ("# API\n\nBase URL: /api/v1\n\n- `GET /products`\n", ["GET /api/v1/products"]),
        (
            "# API\n\nAll routes live under the global prefix `/api/v1`.\n\n- `GET /products`\n",
            ["GET /api/v1/products"],
        ),
        (
            "# API\n\nPrefijo común: `/v1`.\n\n**Salud** — `GET /healthz`, sin prefijo.\n\n- `GET /v1/a`\n",
            ["GET /healthz", "GET /v1/a"],
        ),
        ("# API\n\nThe gateway posts to `/hooks/mail` (POST), signed.\n", ["POST /hooks/mail"]),
        (
            "# API\n\nThe service calls Stripe's `POST /v1/refunds` and offers `GET /refunds`.\n",
            ["GET /refunds"],
        ),
        (
            "# API\n\n### GET /stock/{id}\n\nOne.\n\n```bash\ncurl https://h.example.com/stock?sku=A\n```\n",
            ["GET /stock/{id}", "GET /stock"],
        ),
    ],
)
def test_endpoints(read: Callable[..., Corpus], text: str, labels: list[str]) -> None:
    assert sorted(e.label for e in read(text).facts.endpoints) == sorted(labels)


@pytest.mark.parametrize(
    ("text", "statuses"),
    [
        ("- `POST /x` → 201\n", {201}),
        ("- `POST /x` answers 201, 409\n", {201, 409}),
        ("- `POST /x` (201, 422)\n", {201, 422}),
        ("- `POST /x` — 201, 409\n", {201, 409}),
        ("| Endpoint | Purpose | Answers |\n|---|---|---|\n| `POST /x` | make | 201, 409 |\n", {201, 409}),
        (
            "| Method | Path | Success | Errors |\n|---|---|---|---|\n| POST | /x | 202 | 409, 422 |\n",
            {202, 409, 422},
        ),
        ("**Crear** — `POST /x`\n\nResponde 201; 409 si ya existe.\n", {201, 409}),
        ("**Crear** — `POST /x`\n\nResponde 201.\n\n**Ver** — `GET /y`\n\nResponde 404.\n", {201}),
    ],
)
def test_statuses(read: Callable[..., Corpus], text: str, statuses: set[int]) -> None:
    endpoint = next(e for e in read(f"# API\n\n{text}").facts.endpoints if e.method == "POST")
    assert set(endpoint.statuses) == statuses


def test_endpoints_under_a_public_heading_need_no_token(read: Callable[..., Corpus]) -> None:
    corpus = read(
        "# API\n\nEvery endpoint requires a JWT token.\n\n## Public endpoints\n\n| Endpoint | Answers |\n|---|---|\n| `GET /a` | 200 |\n\n## Others\n\n- `GET /b` → 200\n"
    )
    assert {e.label: e.auth for e in corpus.facts.endpoints} == {"GET /a": "public", "GET /b": "required"}


@pytest.mark.parametrize(
    ("text", "names"),
    [
        (
            "## Data\n\n- **Cart**: id, userId (nullable), expiresAt\n- **CartItem**: id, cartId, quantity\n",
            {"Cart", "CartItem"},
        ),
        (
            "# Modelo de datos\n\n### Tabla `articulos`\n\n* `sku` VARCHAR(40) – clave primaria\n* `nombre` VARCHAR(200)\n",
            {"Articulo"},
        ),
        (
            "## Data\n\nFiles lie in S3; the table `attachments` holds key, size and content type.\n",
            {"Attachment"},
        ),
        ("## Key Entities\n\n- **Task**: a thing to do\n- **FR-010**: System MUST store it\n", {"Task"}),
        ("4. Data\n=======\n\n### Orders table\n\n- `id` BIGINT\n- `total` INT\n", {"Order"}),
    ],
)
def test_entities(read: Callable[..., Corpus], text: str, names: set[str]) -> None:
    corpus = read(f"# Spec\n\nFastAPI on PostgreSQL.\n\n- `GET /x`\n\n{text}")
    assert {e.name for e in corpus.facts.entities} == names


@pytest.mark.parametrize(
    ("text", "names"),
    [
        (
            "| Variable de entorno | Obligatoria |\n|---|---|\n| `INV_MYSQL_DSN` | sí |\n| `INV_HTTP_ADDR` | no |\n",
            {"INV_MYSQL_DSN", "INV_HTTP_ADDR"},
        ),
        (
            "6. Configuration\n================\n\n- `DB_URL` – PostgreSQL connection\n- `AWS_S3_BUCKET`\n",
            {"DB_URL", "AWS_S3_BUCKET"},
        ),
        ("The sender comes from `MAIL_FROM`.\n", {"MAIL_FROM"}),
        ("The image is built with `CGO_ENABLED=0` from the environment.\n", set()),
    ],
)
def test_variables(read: Callable[..., Corpus], text: str, names: set[str]) -> None:
    assert {v.name for v in read(f"# Spec\n\n- `GET /x`\n\n{text}").facts.env_vars} == names


@pytest.mark.parametrize(
    "line",
    [
        "REQ-1 Customers can open a ticket.",
        "- **RF-01** El sistema debe rechazar una salida.",
        "- REQ-3 A ticket is escalated.",
    ],
)
def test_requirements_without_a_colon(read: Callable[..., Corpus], line: str) -> None:
    assert len(read(f"# Spec\n\n- `GET /x`\n\n{line}\n").facts.requirements) == 1


def test_a_title_says_that_a_document_is_the_frontends(project: Project) -> None:
    corpus = read_corpus(
        project(
            {
                "specs/api.md": "# API\n\n### GET /t/{id}\n",
                "specs/portal.md": "# Customer portal (frontend)\n\nEditing sends `PUT /t/{id}`.\n",
            }
        )
    )
    assert [e.label for e in corpus.facts.endpoints] == ["GET /t/{id}"]
    assert [e.label for e in corpus.facts.consumed] == ["PUT /t/{id}"]


@pytest.mark.parametrize(
    ("topic", "constitution", "spec"),
    [
        (
            "constitution.delete-status",
            "Deleting a resource MUST answer 204 without a body.",
            "### DELETE /t/{id}\n\n**Status Codes:**\n- 200: gone\n",
        ),
        (
            "constitution.id-type",
            "Primary keys are UUIDs, never integers.",
            "```sql\nCREATE TABLE tickets (\n  id SERIAL PRIMARY KEY,\n  subject TEXT\n);\n```\n",
        ),
        (
            "api.prefix",
            "Every API route MUST start with `/api/v1/`.",
            "- `GET /api/v1/tickets`\n- `GET /api/reports`\n",
        ),
        (
            "auth.lifetime",
            "Access tokens MUST expire after 15 minutes; refresh tokens after 7 days.",
            "Returns access and refresh token. The access token is valid for 60 minutes.\n",
        ),
        (
            "questions.marked",
            "Specs come first.",
            "- **FR-004**: System MUST [NEEDS CLARIFICATION: are guests allowed?]\n",
        ),
    ],
)
def test_rules_of_the_constitution(project: Project, topic: str, constitution: str, spec: str) -> None:
    root = project(
        {
            "CONSTITUTION.md": f"# Constitution\n\n1. {constitution}\n",
            "specs/api.md": f"# API\n\n- `GET /api/v1/x`\n\n{spec}",
        }
    )
    assert topic in {c.topic for c in read_corpus(root).conflicts}


@pytest.mark.parametrize(
    ("text", "method", "path", "named"),
    [
        ("Implement PATCH /admin/products/:id", "DELETE", "/admin/products/{id}", False),
        ("Implement PATCH /admin/products/:id", "PATCH", "/admin/products/{id}", True),
        ("Build GET /orders", "GET", "/orders/{id}", False),
        ("Build `GET /orders/42` in the test", "GET", "/orders/{id}", True),
        ("POST /bookings under the prefix", "POST", "/api/v2/bookings", True),
        ("Delete a booking by its owner", "DELETE", "/api/v2/bookings/{id}", True),
        ("Delete a room", "DELETE", "/api/v2/bookings/{id}", False),
    ],
)
def test_a_method_with_its_path_names_that_operation_only(text: str, method: str, path: str, named: bool) -> None:
    assert names_endpoint(text, method, path) is named


def test_a_gist_points_and_promises_nothing() -> None:
    text = "System MUST properly handle the export of invoices [NEEDS CLARIFICATION: which format?] within the accounting period"
    said = gist(text, Weights([text, "System MUST handle the login"]))
    assert "CLARIFICATION" not in said
    assert "properly" not in said
    assert "invoices" in said


@pytest.mark.parametrize(
    ("stack", "main"),
    [("Ruby on Rails 7", "backend/main.rb"), ("Django 5", "backend/main.py"), ("Erlang", "backend/main")],
)
def test_files_of_a_stack_without_a_profile_have_its_extension(
    read: Callable[..., Corpus], stack: str, main: str
) -> None:
    corpus = read(f"# API\n\nBuilt with {stack} on PostgreSQL.\n\n- `GET /x` → 200\n")
    outline = make_outline(corpus)
    assert outline.blueprint.layout.roles["main"] == main
    assert outline.blueprint.layout.roles["container"].endswith("Dockerfile")


@pytest.mark.parametrize(("default", "told"), [("15m", "with its unit"), ("3600", "whole number")])
def test_a_duration_keeps_its_unit(project: Project, default: str, told: str) -> None:
    root = project(
        {
            "specs/a.md": f"# FastAPI backend\n\n## Environment\n\n```bash\nTOKEN_TTL={default}\n```\n\nGET /api/things lists.\n"
        }
    )
    items = write_all(make_outline(read_corpus(root)))[2].items
    setup = next(i for i in items if "TOKEN_TTL" in i.key).setup
    assert told in setup[0]
