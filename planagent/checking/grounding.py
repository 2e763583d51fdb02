"""PA401 to PA406: names that nothing in the corpus or the checklist gives."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from planagent.checking.units import Unit
from planagent.model import Corpus, Finding, normalize_path
from planagent.planning.gives import given_names
from planagent.reading.technologies import named_in

if TYPE_CHECKING:
    from planagent.planning.outline import Outline

_ENDPOINT = re.compile(r"\b(GET|POST|PUT|PATCH|DELETE)\s+`?(/[^\s`,;)\]\"'|]*)")
_VARIABLE = re.compile(r"(?<![\w/.{:-])([A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+)(?![\w(])")
_CALL = re.compile(r"`([A-Za-z_]\w*)\(\)`")
_SCHEMA = re.compile(
    r"`([A-Z][a-z]+(?:[A-Z][a-z]+)*(?:Create|Update|Request|Response|Schema|Input|Output|DTO))`"
)
_ENTITY = re.compile(
    r"(?i:\b(?:create|add|implement|define|build|model)\s+(?:the\s+|a\s+|an\s+)?(?:new\s+)?(?:entity\s+)?)`?([A-Z][A-Za-z]{2,})`?\s+"
    r"(?:(?:domain|database|GORM|SQLModel|JPA|Eloquent|ORM|EF)\s+)*(?:entity|model|table)\b"
)
_SETTING = re.compile(
    r"(?i)\benv(?:ironment|\b)|\.env|\bvariables?\b|config|secret|setting|process\.env|os\.environ"
)
_SETTING_NAME = re.compile(
    r"_(?:URL|URI|KEY|SECRET|TOKEN|PORT|HOST|PASSWORD|USER|DSN|ORIGINS?|ENV|LEVEL|DIR|PATH|TTL)$"
)
# Words that stand before "model" or "table" without being the name of one.
_NO_ENTITY = frozenset(
    [
        "pydantic",
        "sqlmodel",
        "sqlalchemy",
        "django",
        "request",
        "response",
        "data",
        "domain",
        "database",
        "view",
        "base",
        "read",
        "write",
        "user-defined",
        "error",
        "test",
        "page",
        "update",
        "create",
        "shared",
        "initial",
        "new",
        "input",
        "output",
        "dto",
        "api",
        "orm",
        "gorm",
        "jpa",
        "join",
        "lookup",
        "all",
        "each",
        "sql",
    ]
)
_PATH_ROOT = re.compile(
    r"(?<![\w/.:@{-])(?:\./)?([a-z][\w.-]*)/(?:[\w.{}\[\]-]+/)*[\w.-]+\.(?:py|ts|js|go|rs|java|kt|cs|php|rb|sql)\b"
)
_FILE_NAME = re.compile(r"(?:[\w.-]+/)+[\w.-]+\.\w{1,5}\b")
_DECLINED = re.compile(r"(?i)\b(?:no|not|never|without|instead of|nor|neither|rather than)\b[^.;]*$")
# What a technology is made of: naming it names these.
_BRINGS = {
    "SQLModel": ("SQLAlchemy", "Pydantic"), "FastAPI": ("Pydantic", "Starlette", "Uvicorn"), "Next.js": ("React", "Node.js"),
    "Spring Boot": ("Spring", "Java", "Tomcat", "JUnit"), "Actix Web": ("Tokio", "Rust"), "Neon PostgreSQL": ("PostgreSQL",),
    "ASP.NET Core": (".NET", "C#"), "Laravel": ("PHP",), "Django": ("Python",), "Gin": ("Go",), "Express": ("Node.js",),
}  # fmt: skip
_ALWAYS_ROOTS = frozenset(
    (
        "tests",
        "test",
        "src",
        "app",
        "docs",
        ".github",
        "scripts",
        "migrations",
        "specs",
        "cmd",
        "internal",
        "pkg",
        "lib",
    )
)


@dataclass(frozen=True, slots=True)
class Known:
    """What a plan may name. `own` is false for plans of other programs, which have no blueprint."""

    endpoints: frozenset[str]
    uppercase: frozenset[str]
    technologies: frozenset[str]
    names: frozenset[str]
    text: str
    own: bool = True
    roots: frozenset[str] = frozenset()

    @classmethod
    def of(cls, outline: Outline) -> Known:
        corpus = outline.corpus
        text = "\n".join(d.text for d in corpus.read)
        ordered = [t.ordered for t in outline.profile.topics if t.ordered]
        technologies = {t.name for t in corpus.facts.technologies} | set().union(
            *(named_in(o) for o in ordered), named_in(text)
        )
        return cls(
            _endpoint_keys(corpus, text),
            _uppercase(text) | frozenset(outline.profile.variables),
            frozenset(technologies | _brought(technologies)),
            frozenset(outline.blueprint.names()) | given_names(outline.tasks.values()),
            text,
        )

    @classmethod
    def elsewhere(cls, corpus: Corpus, beside: Iterable[str]) -> Known:
        """For another program's plan: everything that was found counts, in scope or not.

        Args:
            beside: texts of the design documents that lie beside the plan; what they name is no invention.
        """
        # Plans and task lists lie among the specs: what they name, they may have made up.
        specs = (d.text for d in corpus.documents if d.role != "other")
        text = "\n".join((*specs, *beside))
        drawn = frozenset(path.split("/")[0] for path, _ in corpus.facts.tree if "/" in path)
        technologies = {t.name for t in corpus.facts.technologies} | named_in(text)
        technologies |= _brought(technologies)
        return cls(
            _endpoint_keys(corpus, text),
            _uppercase(text),
            frozenset(technologies),
            frozenset(),
            text,
            False,
            drawn,
        )


def _brought(technologies: set[str]) -> set[str]:
    return {part for whole, parts in _BRINGS.items() if whole in technologies for part in parts}


def _uppercase(text: str) -> frozenset[str]:
    return frozenset(re.findall(r"(?<![A-Z0-9_])[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+", text))


def _endpoint_keys(corpus: Corpus, text: str) -> frozenset[str]:
    """Keys of every endpoint that is defined, called by a frontend, or named in a line."""
    named = {f"{method} {_key_path(path)}" for method, path in _ENDPOINT.findall(text)}
    return frozenset(named | {e.key for e in (*corpus.facts.endpoints, *corpus.facts.consumed)})


def _key_path(path: str) -> str:
    """The path as it is compared; a concrete id in an example counts as a parameter."""
    path = re.sub(r"/(?:\d+|[0-9a-f]{8}-[0-9a-f-]{27})(?=/|$)", "/{}", path.rstrip(".:`").split("?")[0])
    return normalize_path(path)


def check_grounding(unit: Unit, known: Known) -> Iterator[Finding]:
    """Every name in one line that nobody gave."""
    yield from _endpoints(unit, known)
    yield from _variables(unit, known)
    for name in sorted(named_in(_FILE_NAME.sub(" ", unit.text)) - known.technologies):
        written = _as_written(name, unit.text)
        if not known.own and _DECLINED.search(unit.text[: unit.text.find(written)][-40:]):
            continue
        yield unit.finding(
            "PA403",
            f"neither specs nor checklist name {name}",
            "Use what the specs name, or put it into advice on a named library.",
            written,
        )
    if known.own:
        for name in (*_CALL.findall(unit.text), *_SCHEMA.findall(unit.text)):
            if name not in known.names and not re.search(rf"\b{re.escape(name)}\b", known.text):
                yield unit.finding(
                    "PA404",
                    f"`{name}` is neither in the blueprint nor in the specs",
                    "Use the blueprint's names.",
                    name,
                )
    if unit.kind == "task":
        yield from _entities(unit, known)
        yield from _roots(unit, known)


def _endpoints(unit: Unit, known: Known) -> Iterator[Finding]:
    for match in _ENDPOINT.finditer(unit.text):
        method, path = match.groups()
        key = f"{method} {_key_path(path)}"
        if key in known.endpoints or re.search(r"[*…]|\.\.\.|\{[^}]*$|:\.", path):
            continue
        # A plan may leave the common prefix out, and name a group by its beginning.
        if any(
            k.startswith(f"{method} ") and k.endswith(_key_path(path)) and len(path) > 1
            for k in known.endpoints
        ):
            continue
        if _is_sample(method, _key_path(path), known):
            continue
        if not known.own and (len(path) < 3 or _tail_known(method, _key_path(path), known)):
            continue
        yield unit.finding(
            "PA401",
            f"no spec names the endpoint {method} {path}",
            "Build the specified endpoints only; make it a decision if it is needed.",
            f"{method} {path}" if f"{method} {path}" in unit.text else path,
        )


def _is_sample(method: str, path: str, known: Known) -> bool:
    """`GET /orders/ord_123` is an example of `GET /orders/{id}`: a value, by its digit or mark, in a parameter's place."""
    parts = path.split("/")
    for key in known.endpoints:
        verb, _, other = key.partition(" ")
        theirs = other.split("/")
        if verb == method and len(theirs) == len(parts):
            pairs = list(zip(parts, theirs, strict=True))
            if all(a == b or (b == "{}" and re.fullmatch(r"[\w.-]*[\d_-][\w.-]*", a)) for a, b in pairs):
                return True
    return False


def _tail_known(method: str, path: str, known: Known) -> bool:
    """`GET /api/v1/tasks/{}` where the specs say `/tasks/{}`: a prefix more is no other endpoint."""
    parts = path.strip("/").split("/")
    return any(
        f"{method} /{'/'.join(parts[i:])}" in known.endpoints
        for i in range(1, min(len(parts), 4))
        if parts[i] != "{}"
    )


def _variables(unit: Unit, known: Known) -> Iterator[Finding]:
    for name in dict.fromkeys(_VARIABLE.findall(unit.text)):
        if name in known.uppercase:
            continue
        if not known.own and name.startswith("TEST_"):
            continue  # a test's own variable, which no deployment has
        # Elsewhere a name in capitals may be an error code, a permission or a constant.
        if not known.own and not (
            _SETTING_NAME.search(name) and _SETTING.search(unit.text.replace(name, ""))
        ):
            continue
        yield unit.finding(
            "PA402", f"neither specs nor checklist name {name}", "Use a variable that they name.", name
        )


def _entities(unit: Unit, known: Known) -> Iterator[Finding]:
    for match in _ENTITY.finditer(unit.text):
        name = match[1]
        if name.lower() in _NO_ENTITY or re.search(
            r"(?i)(?:request|response|dto|schema|error|exception|config|settings)$", name
        ):
            continue
        stem = re.sub(r"(?:Entity|Model|Table)$", "", name) or name
        spaced = re.sub(r"(?<=[a-z])(?=[A-Z])", r"[ _-]?", re.escape(stem))
        if not re.search(rf"(?i)(?<![a-z]){spaced}", known.text):
            yield unit.finding(
                "PA405",
                f"no spec names an entity {name}",
                "Build the specified entities only, or have this one specified.",
                name,
            )


def _roots(unit: Unit, known: Known) -> Iterator[Finding]:
    if not known.roots:
        return
    for match in _PATH_ROOT.finditer(unit.text):
        root = match[1]
        if (
            root in known.roots
            or root in _ALWAYS_ROOTS
            or re.search(rf"(?<![\w/-]){re.escape(root)}/", known.text)
        ):
            continue
        yield unit.finding(
            "PA406",
            f"the specs' layout has no folder {root}/",
            f"Their top folders: {', '.join(sorted(known.roots))}.",
            match[0],
        )


def _as_written(name: str, text: str) -> str:
    found = re.search(re.escape(name), text, re.IGNORECASE)
    return found[0] if found else ""
