"""Documents, then facts, then conflicts: what all readers find, put together."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from planagent.errors import CorpusError
from planagent.files import decode
from planagent.model import (
    Corpus,
    Document,
    Endpoint,
    EnvVar,
    Evidence,
    Facts,
    Requirement,
    Side,
    Technology,
    normalize_path,
    unique_evidence,
)
from planagent.reading import names, secrets
from planagent.reading.conflicts import find_conflicts
from planagent.reading.details import read_details
from planagent.reading.discover import feature_of, role_of
from planagent.reading.endpoints import Details, Mention, base_path, find_mentions, merge, to_endpoint
from planagent.reading.entities import find_entities, merge_entities
from planagent.reading.entity_code import Found as EntityFound
from planagent.reading.gaps import find_gaps
from planagent.reading.naming import entity_name
from planagent.reading.openapi import is_entity_schema, is_openapi, read_openapi
from planagent.reading.scope import choose_scope, phase_of
from planagent.reading.sources import Sources
from planagent.reading.technologies import find_technologies
from planagent.reading.text import Line, parse_markdown, starred

_TITLE = re.compile(
    r"(?im)^#[ \t]+[^\w\n]{0,8}(?:constitution of (?:the )?([^,\n:(\[]{2,60})|(?:project )?constitution[ \t]*[–—:-][ \t]*([^,\n:(\[]{2,60})"
    r"|(?!(?:the )?project constitution|end of\b)(\w[\w .&'-]{1,60}?)\s+constitution\b)"
)
_FRONT_REQUIREMENT = re.compile(
    r"(?i)\b(?:responsive|viewport|ui\b|user interface|browser|dark mode|tailwind|css|next\.?js|react|component|screen reader|"
    r"touch target|animation|hover|button|modal|toast|loading state|page load|lighthouse|mobile, tablet|visual(?:ly)?|redirect(?:s|ed)? to the)\b"
)
_BACK_REQUIREMENT = re.compile(
    r"(?i)\b(?:api|endpoint|backend|server|database|jwt|token|http|status|[1-5]\d\d|persist|store|query|request|response|validate|system must)\b"
)


@dataclass(slots=True)
class _Gathered:
    """What the readers found, in order of documents, before it is merged."""

    mentions: list[tuple[str, Mention]] = field(default_factory=list)
    consumed: list[tuple[str, Mention]] = field(default_factory=list)
    details: dict[tuple[str, int], Details] = field(default_factory=dict)
    entities: list[EntityFound] = field(default_factory=list)
    variables: list[names.VariableFound] = field(default_factory=list)
    requirements: list[tuple[Document, names.RequirementFound]] = field(default_factory=list)
    technologies: dict[str, Technology] = field(default_factory=dict)
    tree: dict[str, tuple[str, Evidence]] = field(default_factory=dict)
    lines: dict[str, list[Line]] = field(default_factory=dict)


def assemble(sources: Sources, scope: str, workspace: Path) -> Corpus:
    """Runs every reader. See `read_corpus` for arguments and errors."""
    warnings = list(sources.warnings)
    documents: list[Document] = []
    leaks: list[Evidence] = []
    for source in sources.files:
        text, notes = decode(source.data)
        text, cut = _cut(text)
        notes += [f"{cut} lines of more than {LONGEST_LINE:,} characters were cut"] if cut else []
        text, real = secrets.mask(starred(text))
        leaks += [Evidence(source.path, line) for line in real]
        role, why = role_of(source.path, text)
        if notes:
            warnings.append(f"{source.path}: {'; '.join(notes)}")
        documents.append(
            Document(
                source.path,
                role,
                why,
                text,
                source.digest,
                feature_of(source.path),
                phase_of(source.path, text),
                notes=tuple(notes),
            )
        )
    if not any(d.role != "other" and d.text.strip() for d in documents):
        raise CorpusError(
            f"{workspace}: no spec found ({len(documents)} files looked at).",
            "Put specs under specs/, or name them with `include` in planagent.toml.",
        )
    chosen = choose_scope(documents, scope)
    gathered = _Gathered()
    parsed = tuple(_parse(d, gathered, warnings) for d in chosen.documents)
    facts = _merge(parsed, gathered)
    name = _project_name(documents) or sources.name
    corpus = Corpus(name, parsed, facts, (), chosen.told, tuple(warnings), tuple(leaks))
    conflicts = [*find_conflicts(corpus, gathered.entities), *find_gaps(corpus)]
    # What stops a backend engineer comes first; the order is otherwise that of the detectors.
    return replace(corpus, conflicts=tuple(sorted(conflicts, key=lambda c: c.blocks)))


LONGEST_LINE = 10_000
"""Twice the longest line that a person was seen to write; what is longer is data."""


def _cut(text: str) -> tuple[str, int]:
    """The text with overlong lines cut, and their number."""
    if len(text) <= LONGEST_LINE:
        return text, 0
    lines = text.split("\n")
    long = sum(len(line) > LONGEST_LINE for line in lines)
    return ("\n".join(line[:LONGEST_LINE] for line in lines), long) if long else (text, 0)


def _project_name(documents: list[Document]) -> str:
    """The name in the constitution's title, '' where it has none: a checkout may lie in any folder."""
    for document in documents:
        if document.role == "constitution":
            match = _TITLE.search(document.text)
            if match:
                return next(g for g in match.groups() if g).strip(" :–—-")
    return ""


def _parse(document: Document, gathered: _Gathered, warnings: list[str]) -> Document:
    if document.role == "other" or not document.in_scope:
        return document
    side: Side = "frontend" if document.role == "frontend" else "backend"
    path = document.path
    if path.endswith((".yaml", ".yml", ".json")) or is_openapi(document.text):
        described = read_openapi(path, document.text)
        if described.problem:
            warnings.append(described.problem)
        prefix = _best_prefix(described.prefixes, described.mentions, gathered)
        for mention in described.mentions:
            if prefix and not mention.path.startswith(prefix + "/"):
                mention.path = prefix + (mention.path if mention.path != "/" else "")
            gathered.mentions.append((path, mention))
            gathered.details[path, mention.line.number] = described.details[mention.line.number]
        for name, line, fields in described.schemas:
            if is_entity_schema(name, fields):
                gathered.entities.append(
                    EntityFound(entity_name(name), path, line, "", list(fields), side=side)
                )
        gathered.lines[path] = described.parsed.lines
        return replace(document, passages=tuple(described.parsed.passages))
    parsed = parse_markdown(path, document.text)
    prefix = base_path(parsed.lines) if side == "backend" else ""
    mentions = list(find_mentions(parsed.lines, prefix))
    alone = (
        side == "backend" and len({(m.method, normalize_path(m.path)) for m in mentions if not m.weak}) == 1
    )
    for mention in mentions:
        target = gathered.consumed if side == "frontend" else gathered.mentions
        target.append((path, mention))
        gathered.details[path, mention.line.number] = read_details(
            parsed.lines, mention, alone=alone and mention is mentions[0]
        )
    gathered.entities += find_entities(path, parsed.lines, side)
    gathered.variables += names.find_variables(path, parsed.lines, side)
    gathered.requirements += [(document, r) for r in names.find_requirements(path, parsed.lines)]
    for found in find_technologies(path, parsed.lines):
        known = gathered.technologies.get(found.name)
        tech_side: Side = found.side if found.side != "both" or side == "backend" else "both"
        places = (*(known.evidence if known else ()), found.place)
        versions = dict(known.versions) if known else {}
        if found.version:
            versions.setdefault(found.version, found.place)
        gathered.technologies[found.name] = Technology(
            found.name, found.kind, tech_side, places[:12], next(iter(versions), ""), tuple(versions.items())
        )
    for name, comment, number in names.find_tree(parsed.lines):
        gathered.tree.setdefault(name, (comment, Evidence(path, number)))
    gathered.lines[path] = parsed.lines
    return replace(document, passages=tuple(parsed.passages))


def _best_prefix(prefixes: tuple[str, ...], mentions: list[Mention], gathered: _Gathered) -> str:
    """The server prefix that agrees with paths other documents write; else the first."""
    if not prefixes:
        return ""
    known = {normalize_path(m.path) for _, m in gathered.mentions}

    def agreement(prefix: str) -> int:
        return sum(normalize_path(prefix + m.path) in known for m in mentions)

    best = max(prefixes, key=agreement)
    return best if agreement(best) else prefixes[0]


def _merge(documents: tuple[Document, ...], gathered: _Gathered) -> Facts:
    by_path = {d.path: d for d in documents}
    _drop_overlong(gathered)
    _adopt_prefix(gathered.mentions)
    groups = merge(gathered.mentions)
    if not groups:
        # Only the frontend speaks of operations: then its word is the only contract there is.
        groups, gathered.consumed = merge(gathered.consumed), []
    endpoints, consumed = [], []
    everywhere = any(
        _ALL_PROTECTED.search(d.text)
        for d in documents
        if d.in_scope and d.role in ("backend", "constitution")
    )
    consumed_groups = merge([*gathered.consumed])
    written = {
        key for key, g in groups.items() if any(by_path[f].role != "constitution" for f, _ in g.mentions)
    }
    for key, group in groups.items():
        if written and key not in written:
            continue  # a constitution quotes the contract; alone it makes no endpoint (see conflicts)
        seen = consumed_groups.pop(_match_key(key, consumed_groups), None)
        if seen:
            group.mentions += [(f, m) for f, m in seen.mentions if (f, m) not in group.mentions]
        endpoints.append(_with_auth(to_endpoint(group, gathered.details), everywhere))
    consumed = [to_endpoint(g, gathered.details) for g in consumed_groups.values()]
    return Facts(
        endpoints=tuple(endpoints),
        entities=tuple(merge_entities(gathered.entities)),
        env_vars=_variables(gathered.variables),
        requirements=_requirements(gathered.requirements),
        technologies=tuple(gathered.technologies.values()),
        tree=tuple((path, comment) for path, (comment, _) in gathered.tree.items()),
        tree_evidence=tuple(place for _, place in gathered.tree.values()),
        consumed=tuple(c for c in consumed if by_path),
    )


LONGEST_PATH = 200
LONGEST_NAME = 80


def _drop_overlong(gathered: _Gathered) -> None:
    """Names and paths that nobody wrote: a plan with one of them could not be read."""
    gathered.mentions = [m for m in gathered.mentions if len(m[1].path) <= LONGEST_PATH]
    gathered.consumed = [m for m in gathered.consumed if len(m[1].path) <= LONGEST_PATH]
    gathered.variables = [v for v in gathered.variables if len(v.name) <= LONGEST_NAME]
    gathered.entities = [e for e in gathered.entities if len(e.name) <= LONGEST_NAME]
    for entity in gathered.entities:
        entity.fields = [f for f in entity.fields if len(f.name) <= LONGEST_NAME]
    gathered.tree = {k: v for k, v in gathered.tree.items() if len(k) <= LONGEST_PATH}


def _adopt_prefix(mentions: list[tuple[str, Mention]]) -> None:
    """`POST /auth/login` and `POST /api/v1/auth/login` are one operation when the longer form is defined elsewhere."""
    shorts = [normalize_path(m.path) for _, m in mentions]
    longer: dict[tuple[str, str], set[str]] = {}
    for (_, mention), path in zip(mentions, shorts, strict=True):
        if not mention.concrete and not mention.weak:
            heads = (re.match(p, path) for p in (r"/api(?=/)", r"/api/v\d+(?=/)", r"/v\d+(?=/)"))
            for head in (h[0] for h in heads if h):
                longer.setdefault((mention.method, path[len(head) :]), set()).add(path)
    defined = {(m.method, short) for (_, m), short in zip(mentions, shorts, strict=True) if m.defines}
    for (_, mention), short in zip(mentions, shorts, strict=True):
        if short == "/" or short.startswith("/api"):
            continue
        candidates = longer.get((mention.method, short), set())
        heading = mention.defines and mention.line.text.lstrip().startswith("#")
        if len(candidates) == 1 and not (heading and (mention.method, short) in defined):
            mention.path = next(iter(candidates))[: -len(short)] + mention.path


def _match_key(key: str, groups: Mapping[str, object]) -> str:
    if key in groups:
        return key
    method, _, path = key.partition(" ")
    return next(
        (
            k
            for k in groups
            if k.startswith(method + " ") and path.endswith(k.partition(" ")[2]) and len(k) > 8
        ),
        "",
    )


_ALL_PROTECTED = re.compile(
    r"(?i)(?:all|every|each)\s+(?:\w+\s+){0,3}(?:endpoints?|routes?|requests?)\b[^.\n]{0,60}\b(?:requires?|must|needs?|protected)\b[^.\n]{0,50}"
    r"(?:jwt|token|auth|bearer)|所有需認證|"
    r"\b(?:requires?|demands?|needs?)\s+(?:\w+\s+){0,3}(?:jwt|tokens?|authentication|credentials?|api[- ]keys?)\s+(?:on|for|with)\s+(?:every|all|each)\s+"
    r"(?:\w+\s+){0,2}(?:endpoints?|routes?|requests?)"
)


def _with_auth(endpoint: Endpoint, everywhere: bool) -> Endpoint:
    auth = endpoint.auth
    if auth == "unknown" and re.search(
        r"(?i)/(?:login|register|sign-?in|sign-?up|health|ping|healthz|status)$|^/$", endpoint.path
    ):
        auth = "public"
    if auth == "unknown" and (
        everywhere or (401 in endpoint.statuses and not endpoint.path.endswith("login"))
    ):
        auth = "required"
    return replace(endpoint, auth=auth)


def _variables(found: list[names.VariableFound]) -> tuple[EnvVar, ...]:
    groups: dict[str, list[names.VariableFound]] = {}
    for item in found:
        groups.setdefault(item.name, []).append(item)
    result = []
    for name, items in groups.items():
        sides = {i.side for i in items}
        side: Side = "both" if len(sides) > 1 or "both" in sides else next(iter(sides))
        if name.startswith("NEXT_PUBLIC_"):
            side = "frontend"
        default = next((i.default for i in items if i.default and i.side != "frontend"), "")
        result.append(EnvVar(name, side, unique_evidence(i.place for i in items), default))
    return tuple(result)


def _requirements(found: list[tuple[Document, names.RequirementFound]]) -> tuple[Requirement, ...]:
    """The first definition in a feature's main spec; later ones are further evidence."""
    groups: dict[tuple[str, str], list[tuple[Document, names.RequirementFound]]] = {}
    for document, item in found:
        if document.role == "constitution":
            continue
        groups.setdefault((document.feature or _stem(document.path), item.id), []).append((document, item))
    result = []
    for (feature, number), items in groups.items():
        items.sort(key=lambda di: not di[0].path.endswith("/spec.md"))
        document, first = items[0]
        places = unique_evidence(i.place for _, i in items)
        result.append(
            Requirement(number, feature, first.text, _requirement_side(document, first.text), places)
        )
    return tuple(result)


def _stem(path: str) -> str:
    return path.rsplit("/", 1)[-1].rsplit(".", 1)[0]


def _requirement_side(document: Document, text: str) -> Side:
    if document.role == "frontend":
        return "frontend"
    if _FRONT_REQUIREMENT.search(text) and not _BACK_REQUIREMENT.search(text):
        return "frontend"
    return "backend"
