"""Spec corpora of any size, alike in everything but their number of endpoints."""

from __future__ import annotations

from pathlib import Path

PER_RESOURCE = 5
_NAMES = (
    "order", "invoice", "customer", "product", "parcel", "ticket", "payment", "refund", "coupon", "review",
    "supplier", "warehouse", "shelf", "pallet", "driver", "route", "vehicle", "contract", "account", "ledger",
)  # fmt: skip

_CONSTITUTION = """# Constitution

- The backend is built with Python 3.12, FastAPI and SQLModel on PostgreSQL.
- Every route must require a valid JWT.
- Each requirement has a test.
"""

_ENVIRONMENT = """# Environment

| Variable | Required | Meaning |
|---|---|---|
| `DATABASE_URL` | yes | address of the database |
| `JWT_SECRET` | yes | signs tokens |
| `LOG_LEVEL` | no | default `INFO` |
"""


def write_corpus(root: Path, endpoints: int) -> Path:
    """Writes specs with so many endpoints, five to a resource, one file each; gives the workspace."""
    specs = root / "specs" / "backend"
    specs.mkdir(parents=True)
    (root / "specs" / "constitution.md").write_text(_CONSTITUTION, encoding="utf-8")
    (specs / "environment.md").write_text(_ENVIRONMENT, encoding="utf-8")
    for number in range((endpoints + PER_RESOURCE - 1) // PER_RESOURCE):
        name = _NAMES[number % len(_NAMES)] + ("" if number < len(_NAMES) else f"{number // len(_NAMES)}x")
        most = min(PER_RESOURCE, endpoints - number * PER_RESOURCE)
        (specs / f"{name}.md").write_text(_resource(name, number, most), encoding="utf-8")
    return root


def _resource(name: str, number: int, most: int) -> str:
    title, path = name.capitalize(), f"/api/{name}s"
    blocks = [
        f"# {title}s\n\n## {title} data\n\n| Column | Type | Constraints |\n|---|---|---|\n| id | integer | PRIMARY KEY |\n"
        f"| user_id | text | NOT NULL |\n| title | varchar({60 + number % 40}) | NOT NULL |\n| state | text | NOT NULL |\n",
        f"## Requirements\n\n- **FR-{number:03d}1**: A {name} has a title of 1 to {60 + number % 40} characters.\n"
        f"- **FR-{number:03d}2**: At most {5 + number % 20} open {name}s belong to one user.\n",
    ]
    operations = (
        ("GET", path, f"Gives the caller's {name}s, newest first, at most {20 + number % 30}.", ("200: the list", "401: no valid token")),
        ("POST", path, f"Creates a {name}.", ("201: created", "401: no valid token", "422: a rule is broken")),
        ("GET", f"{path}/{{id}}", f"Gives one {name}.", ("200: found", "401: no valid token", "404: no such row")),
        ("PATCH", f"{path}/{{id}}", f"Changes a {name}.", ("200: changed", "404: no such row", "422: a rule is broken")),
        ("DELETE", f"{path}/{{id}}", f"Removes a {name}.", ("204: gone", "404: no such row")),
    )
    for method, place, says, statuses in operations[:most]:
        listed = "\n".join(f"- {s}" for s in statuses)
        blocks.append(f"### {method} {place}\n\n{says} Authentication: required.\n\n**Status Codes:**\n{listed}\n")
    return "\n".join(blocks)


def write_feature(root: Path, number: int) -> None:
    """Adds one feature folder, as Spec Kit has them."""
    name = f"{_NAMES[number % len(_NAMES)]}{number:02d}"
    folder = root / "specs" / f"{number:03d}-{name}"
    folder.mkdir(parents=True)
    (folder / "spec.md").write_text(_resource(name, number, 3), encoding="utf-8")


def write_prose(root: Path, files: int, megabytes: float) -> Path:
    """Writes so many files of rules in words, with so many megabytes in all; gives the workspace."""
    specs = root / "specs" / "backend"
    specs.mkdir(parents=True)
    (root / "specs" / "constitution.md").write_text(_CONSTITUTION, encoding="utf-8")
    each = round(megabytes * 1_000_000 / files)
    for number in range(files):
        lines, size = [f"# Part {number}\n"], 0
        while size < each:
            line = f"- The {_NAMES[len(lines) % len(_NAMES)]} of part {number} MUST be kept for {10 + len(lines)} days after it was closed by its owner.\n"
            lines.append(line)
            size += len(line)
        (specs / f"part-{number:04d}.md").write_text("\n".join(lines), encoding="utf-8")
    return root
