"""Which task a numbered requirement belongs to: the one that is about it, by what the requirement names."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Any

from planagent.model import Corpus, Obligation, Requirement, normalize_path
from planagent.planning.blueprint import Blueprint
from planagent.planning.casing import snake
from planagent.planning.tasks import TaskSpec
from planagent.reading.naming import singular

LONGEST_HEADING = 90
"""A heading that is longer is a sentence: no title can carry it."""
MOST_IN_A_TASK = 8
"""More requirements than this in one task could not be held in mind, nor in five cited places."""

# What a requirement speaks of, and the task that is about it; the first that exists wins.
_SUBJECTS: tuple[tuple[str, tuple[str, ...]], ...] = (
    (r"(?i)\bcors\b|allowed origins?", ("integration.cors",)),
    (
        r"(?i)environment variables?|configuration from|read configuration|fail to start|sensitive configuration",
        ("config.settings",),
    ),
    (r"(?i)password.{0,30}(?:hash|bcrypt|argon)|hash.{0,20}password", ("auth.password", "auth.tokens")),
    (
        r"(?i)\btokens?\b.{0,60}(?:sign|algorithm|expir|verif|claim|clock)|signature|\bHS256\b|\bRS256\b|(?:verif|clock).{0,40}(?:token|difference)",
        ("auth.tokens", "auth.current-user"),
    ),
    (
        r"(?i)\bjwt\b|bearer|\btokens?\b|unauthenticated|authenticat|\b401\b|api key|x-[\w-]*api-key|expired",
        ("auth.current-user", "auth.tokens"),
    ),
    (r"(?i)does(?:n't| not) match|mismatch|\b403\b|permission|authori[sz]|\brole", ("auth.current-user",)),
    (r"(?i)validation error|\b422\b|invalid (?:input|data|request|field)|malformed", ("errors.handlers",)),
    (
        r"(?i)error (?:response|format|body|code|schema|message)|\b500\b|stack trace|consistent error",
        ("errors.exceptions", "errors.handlers"),
    ),
    (r"(?i)\blog(?:s|ged|ging)?\b|correlation|trace id", ("middleware.request-log", "config.logging")),
    (r"(?i)openapi|contract|json-serializable|content-type|response schema", ("integration.contract",)),
    (r"(?i)migration|schema (?:change|creation)|create tables?", ("db.create",)),
    (r"(?i)persist|stored? in|database connection|connection pool", ("db.engine", "db.create")),
    (r"(?i)unit test|integration test|test coverage|coverage", ("test.fixtures",)),
)
_MEASURED = re.compile(
    r"(?i)latency|performance|throughput|concurrent|response time|\bp9\d|per second|under (?:normal )?load|"
    r"(?:within|under|less than|below|at most|in)\s+\d+(?:\.\d+)?\s*(?:ms|milliseconds?|seconds?|minutes?)|\b\d+(?:\.\d+)?\s*%"
)
_VERBS: tuple[tuple[str, str], ...] = (
    ("create", r"(?i)\bcreat|\badd\b|\bsubmit|\bnew\b"),
    ("list", r"(?i)\blist|\bview (?:all|their)|retrieve (?:all|their|a list)|\bfilter|\bsort|paginat|search"),
    ("get", r"(?i)\bretriev|\bview|\bget\b|specific|\bread\b|details?"),
    ("update", r"(?i)\bupdat|\bedit|\bmodif|\bchange"),
    ("delete", r"(?i)\bdelet|\bremov"),
    ("action", r"(?i)\btoggl|\bmark|\bcomplet|\bcancel|\bbook|\bapprov|\breject|\bsubmit|\breview"),
    ("credentials", r"(?i)\bsign|\blog ?in|\bregister|accounts?\b|password"),
)


@dataclass(frozen=True, slots=True)
class _Home:
    """Where a requirement went."""

    requirement: Requirement
    key: str


def assign_requirements(
    corpus: Corpus,
    blueprint: Blueprint,
    obligations: dict[str, Obligation],
    tasks: dict[str, TaskSpec],
) -> dict[str, TaskSpec]:
    """The tasks with requirements added to what they cover; tasks of their own for those that fit none."""
    wanted = [r for r in corpus.facts.requirements if f"requirement:{r.name}" in obligations]
    operations = _Operations(blueprint)
    homes = [_Home(r, _home(r, _heading(corpus, r), blueprint, tasks, operations)) for r in wanted]
    result = dict(tasks)
    load: dict[str, int] = {}
    strays: list[Requirement] = []
    for home in homes:
        if not home.key or load.get(home.key, 0) >= MOST_IN_A_TASK:
            strays.append(home.requirement)
            continue
        load[home.key] = load.get(home.key, 0) + 1
        task = result[home.key]
        result[home.key] = replace(task, covers=(*task.covers, f"requirement:{home.requirement.name}"))
    return _with_behaviours(corpus, blueprint, result, strays)


_GENERIC = re.compile(
    r"(?i)^(?:\d[\d.]*\s*)?(?:functional |non-functional |key |user )?(?:requirements?|stories|criteria|measurable outcomes|success criteria|scope|overview|rules|details|general|notes)\b|功能需求|需求|requisitos"
)


def _heading(corpus: Corpus, requirement: Requirement) -> str:
    """The heading above a requirement, '' when it says nothing of the subject."""
    passage = corpus.passage_at(requirement.evidence[0])
    heading = passage.heading if passage else ""
    if _GENERIC.search(heading) or len(heading) > LONGEST_HEADING or len(heading.split()) > 8:
        return ""
    return re.sub(r"^[\d.]+\s*|\*\(.*\)\*", "", heading).strip()


def _home(
    requirement: Requirement,
    heading: str,
    blueprint: Blueprint,
    tasks: dict[str, TaskSpec],
    operations: _Operations,
) -> str:
    text = requirement.text
    named = blueprint.handlers.values() if "/" in text else ()
    for handler in named:
        endpoint = handler.endpoint
        mention = re.search(rf"\b{endpoint.method}\b[^/]{{0,12}}(/[^\s`,;)]*)", text)
        if mention and _same(mention[1], endpoint.path):
            return f"endpoint.{endpoint.key}"
    for match in re.finditer(r"(?<![\w.])(/[\w{}:/.-]{2,})", text):
        for handler in named:
            if _same(match[1], handler.endpoint.path):
                return f"endpoint.{handler.endpoint.key}"
    if requirement.id.startswith("SC") or _MEASURED.search(text):
        return ""
    scored = operations.meant(text)
    under = operations.meant(heading) if heading else ("", 0)
    if under[1] >= 3 and scored[1] < 3:
        return under[0]
    # A heading says what its rules are about better than a word within one of them.
    by_heading = _subject(heading, tasks)
    if by_heading and scored[1] < 3:
        return by_heading
    by_text = _subject(text, tasks)
    # A sentence about one operation that only mentions the token belongs to the operation.
    if by_text and not (scored[1] >= 3 and by_text.startswith("auth.")):
        return by_text
    if scored[1] >= 2:
        return scored[0]
    entity = next((e for e in blueprint.models if re.search(rf"(?i)\b{re.escape(e)}s?\b", text)), "")
    if entity and re.search(r"(?i)must (?:have|include|be unique|contain)|attributes?|fields?|unique", text):
        return f"model.{entity}"
    return ""


def _subject(text: str, tasks: dict[str, TaskSpec]) -> str:
    """The task that is about what a text speaks of, '' when no pattern or no such task fits."""
    for pattern, keys in _SUBJECTS:
        if text and re.search(pattern, text):
            key = next((k for k in keys if k in tasks), "")
            if key:
                return key
    return ""


def _same(written: str, path: str) -> bool:
    a, b = normalize_path(written.rstrip(".,:`")), normalize_path(path)
    return a == b or (len(a) > 3 and b.endswith(a))


@dataclass(frozen=True, slots=True)
class _Spoken:
    """How an operation is spoken of."""

    place: int
    key: str
    nouns: frozenset[str]
    verb: str
    action: str


class _Operations:
    """Operations by the nouns of their names: a sentence is held against those that it could mean."""

    def __init__(self, blueprint: Blueprint) -> None:
        self._by_noun: dict[str, list[_Spoken]] = {}
        for place, operation in enumerate(blueprint.operations.values()):
            name = snake(operation.name)
            nouns = {singular(w) for w in name.split("_")[1:]} - {"by", "id", "user"} or {name}
            verb = next((p for k, p in _VERBS if k == operation.kind), r"$^")
            key = f"endpoint.{operation.endpoints[0]}"
            spoken = _Spoken(place, key, frozenset(nouns), verb, name.split("_")[0])
            for noun in nouns:
                self._by_noun.setdefault(noun, []).append(spoken)

    def meant(self, text: str) -> tuple[str, int]:
        """The task of the operation that a sentence describes, and how sure that is (0 to 4)."""
        best = ("", 0)
        words = {singular(w) for w in re.findall(r"[a-z]+", text.lower())}
        candidates = {s.place: s for w in words for s in self._by_noun.get(w, ())}
        for _, spoken in sorted(candidates.items()):
            # In "new lists" the noun `lists` is no verb.
            rest = " ".join(
                w for w in text.split() if singular(w.strip(".,;:()`").lower()) not in spoken.nouns
            )
            score = 2 * bool(re.search(spoken.verb, rest)) + len(spoken.nouns & words)
            score -= 0 if spoken.nouns <= words else 1
            score += spoken.action in words and spoken.action not in _PLAIN_VERBS
            if score > best[1]:
                best = (spoken.key, score)
        return best


_PLAIN_VERBS = ("get", "list", "create", "update", "delete")


def _with_behaviours(
    corpus: Corpus,
    blueprint: Blueprint,
    tasks: dict[str, TaskSpec],
    strays: list[Requirement],
) -> dict[str, TaskSpec]:
    """Tasks for requirements without a home: one for each heading they stand under, at most eight ids each."""
    groups: dict[tuple[str, str, bool], list[Requirement]] = {}
    for requirement in strays:
        passage = corpus.passage_at(requirement.evidence[0])
        measured = requirement.id.startswith("SC") or bool(_MEASURED.search(requirement.text))
        slug = passage.slug if passage else ""
        groups.setdefault((requirement.feature, slug, measured), []).append(requirement)
    endpoints = tuple(f"endpoint.{k}" for k in blueprint.handlers)
    services = tuple(k for k in tasks if k.startswith("service."))
    several = len({r.feature for r in corpus.facts.requirements}) > 1
    for (feature, slug, measured), members in groups.items():
        for start in range(0, len(members), MOST_IN_A_TASK):
            part = members[start : start + MOST_IN_A_TASK]
            ids = ", ".join(r.id for r in part[:4]) + (f" and {len(part) - 4} more" if len(part) > 4 else "")
            heading = _heading(corpus, part[0])
            where = (f" on {heading}" if heading else "") + (
                f" in {feature}" if several and feature != "main" else ""
            )
            covers = tuple(f"requirement:{r.name}" for r in part)
            if measured:
                key = f"criteria.{feature}.{part[0].id}"
                spec: dict[str, Any] = {"section": 9, "title": f"Measure{where}: {ids}", "file": blueprint.file("test_edge"), "phase": "Testing",
                                        "needs": ("test.fixtures", *endpoints), "proof": key}  # fmt: skip
            else:
                key = f"behaviour.{feature}.{slug}.{part[0].id}"
                spec = {"section": 6, "title": f"Hold the rules{where}: {ids}", "file": _service_for(feature, part, blueprint), "phase": "Services",
                        "needs": services or ("errors.exceptions",), "proof": "test.edge"}  # fmt: skip
            needs = tuple(n for n in spec.pop("needs") if n in tasks)
            tasks[key] = TaskSpec(key=key, covers=covers, needs=needs, tags=(f"task:{key}",), **spec)
    return tasks


def _service_for(feature: str, members: list[Requirement], blueprint: Blueprint) -> str:
    """The service file whose resource the feature or its sentences name most."""
    text = (feature + " " + " ".join(m.text for m in members)).lower()
    working = {o.resource for o in blueprint.operations.values()}
    spaced = text.replace("-", " ")
    scored = [
        (len(re.findall(rf"\b{re.escape(r.one.replace('_', ' '))}", spaced)), r.service)
        for r in blueprint.resources.values()
        if r.name in working
    ]
    best = max(scored, default=(0, ""))
    return best[1] if best[0] else blueprint.layout.folders["services"]


def values_in(text: str) -> list[str]:
    """The exact values of a sentence: codes, names in code marks, numbers with units. Never its words."""
    found = re.findall(r"`[^`\n]{1,40}`", text)
    bare = re.sub(r"`[^`]*`", " ", text)
    found += re.findall(r"\b[2-5]\d\d\b(?!\s*(?:ms|users|characters))", bare)
    found += [
        m[0].strip()
        for m in re.finditer(
            r"\b\d+(?:[.,]\d+)?\+?\s*(?:ms|milliseconds?|seconds?|minutes?|hours?|days?|%|characters|chars|users|requests|bytes|KB|MB)(?!\w)",
            bare,
        )
    ]
    return list(dict.fromkeys(found))[:6]
