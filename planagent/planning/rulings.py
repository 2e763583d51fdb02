"""Conflicts, gaps and unmet checklist entries become rulings: one default each, written by rule."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from planagent.model import Conflict, Corpus, Evidence, Obligation
from planagent.planning.blueprint import Blueprint
from planagent.planning.plan import Ruling, Source
from planagent.planning.profile import Profile, Topic, rulings_data
from planagent.reading.search import join

_LETTERS = {"conflict": "D", "gap": "G", "trap": "R", "prerequisite": "P"}
_DATABASE = re.compile(r"^(?:NEON_(?:DB_|DATABASE_)?URL|DATABASE_URL|DB_URL|POSTGRES\w*_URL|DATABASE_URI)$")


@dataclass(frozen=True, slots=True)
class Condition:
    """A task for the other likely answer to a ruling."""

    topic: str
    answer: str
    title: str
    file: str
    steps: tuple[str, ...]
    done_when: str
    needs: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Docket:
    """All rulings of a plan in the order in which they block, and the tasks for other answers."""

    rulings: tuple[Ruling, ...]
    conditions: tuple[Condition, ...]

    def selecting(self, tags: Iterable[str]) -> tuple[str, ...]:
        """Topics of the rulings that concern something with these tags."""
        wanted = set(tags)
        return tuple(r.topic for r in self.rulings if wanted & set(r.applies))


def source_of(corpus: Corpus, place: Evidence) -> Source:
    """The passage that a place lies in, narrowed to the place's own lines."""
    passage = corpus.passage_at(place)
    anchor = passage.anchor if passage else place.file
    return Source(anchor=anchor, start=place.line, end=max(place.end, place.line))


def sources_of(corpus: Corpus, places: Iterable[Evidence], most: int = 4) -> tuple[Source, ...]:
    """At most `most` cited passages; places in one passage become one range, the first places win."""
    ranges: dict[str, Source] = {}
    for place in places:
        source = source_of(corpus, place)
        known = ranges.get(source.anchor)
        if known is None:
            if len(ranges) >= most:
                continue
            ranges[source.anchor] = source
        else:
            ranges[source.anchor] = Source(
                anchor=source.anchor, start=min(known.start, source.start), end=max(known.end, source.end)
            )
    return tuple(ranges.values())


def make_docket(corpus: Corpus, profile: Profile, blueprint: Blueprint, answers: dict[str, str]) -> Docket:
    """Every ruling by rule, with a person's answers put in.

    Args:
        answers: topic (or `topic/subject`) to the text that a person gave.
    """
    rulings: list[Ruling] = []
    conditions: list[Condition] = []
    counts: dict[str, int] = {}
    for conflict in (*corpus.conflicts, *_unmet(corpus, profile), *_layout(blueprint)):
        data = rulings_data().get(_data_key(conflict))
        if data is None:
            continue
        counts[conflict.topic] = counts.get(conflict.topic, 0) + 1
        names = _names(conflict, blueprint)
        ruling = _ruling(corpus, conflict, data, names)
        answer = answers.get(ruling.topic, "")
        if answer:
            ruling = ruling.model_copy(update={"answer": answer, "waits": False})
        rulings.append(ruling)
        conditions += [c for c in _conditions(ruling, data, names) if not answer or _calls(answer, c.answer)]
    unique = {r.topic: r for r in rulings}
    kept = {c.topic + c.title: c for c in conditions}
    return Docket(tuple(unique.values()), tuple(kept.values()))


def _calls(answer: str, wanted: str) -> bool:
    """True when a person's answer picks this option; the default's own words then never call for it."""
    return answer.strip().lower().startswith(wanted.lower()) or wanted.lower() in answer.lower()


def _data_key(conflict: Conflict) -> str:
    return conflict.topic.partition("/")[0]


def _ruling(corpus: Corpus, conflict: Conflict, data: dict[str, Any], names: dict[str, str]) -> Ruling:
    topic = (
        conflict.topic
        if "/" in conflict.topic
        else conflict.topic
        + (
            f"/{conflict.subject}"
            if "{subject}" in data["title"] + str(data["applies"]) and conflict.subject
            else ""
        )
    )
    return Ruling(
        id=_LETTERS[conflict.kind],
        topic=topic,
        title=_fill(data["title"], names),
        statement=conflict.message,
        default=_fill(data["default"], names),
        why=_fill(data.get("why", ""), names),
        options=tuple(data.get("options", ())),
        waits=bool(data.get("waits")) and conflict.kind in ("conflict", "gap"),
        sources=sources_of(corpus, conflict.places),
        applies=tuple(_fill(a, names) for a in data["applies"]),
    )


def _conditions(ruling: Ruling, data: dict[str, Any], names: dict[str, str]) -> Iterator[Condition]:
    for entry in data.get("conditional", ()):
        yield Condition(
            ruling.topic, entry["answer"], _fill(entry["title"], names), _fill(entry["file"], names),
            tuple(_fill(s, names) for s in entry["steps"]), _fill(entry["done"], names),
            tuple(_fill(n, names) for n in entry.get("needs", ())),
        )  # fmt: skip


def _fill(text: str, names: dict[str, str]) -> str:
    return re.sub(r"\{(\w+)\}", lambda m: names.get(m[1], m[0]), text)


def _names(conflict: Conflict, blueprint: Blueprint) -> dict[str, str]:
    names = {**blueprint.layout.roles, "subject": conflict.subject}
    for handler in blueprint.handlers.values():
        if handler.endpoint.method == "PUT" and handler.request:
            resource = blueprint.resources[handler.resource]
            names.setdefault("update_schema", resource.schema)
            names.setdefault("update_schema_task", f"schema.{resource.name}")
    names.setdefault("update_schema", blueprint.layout.roles["main"])
    names.setdefault("update_schema_task", "app.assemble")
    auth = next(
        (r.route for n, r in blueprint.resources.items() if n in ("auth", "users", "login")),
        blueprint.layout.roles["main"],
    )
    names["auth_route"] = auth
    if "|" in conflict.subject:
        names |= {k: v for k, _, v in (part.partition("=") for part in conflict.subject.split("|"))}
    return names


def topic_present(topic: Topic, corpus: Corpus) -> tuple[Evidence, ...]:
    """Where the specs speak of a checklist entry; empty when they do not."""
    if topic.endpoint:
        return next((e.evidence for e in corpus.facts.endpoints if re.search(topic.endpoint, e.label)), ())
    if topic.technology:
        matches = [
            t for t in corpus.facts.technologies if t.kind == topic.technology and t.side != "frontend"
        ]
        if topic.ordered:
            matches = [t for t in matches if topic.ordered in t.name or t.name in topic.ordered] or matches
        return matches[0].evidence[:2] if matches else ()
    if topic.pattern:
        return tuple(Places(corpus).best(topic.pattern, topic.label))
    return ()


UNFILLED = re.compile(r"\[[A-Z][A-Z0-9]*_[A-Z0-9_]+\]")
"""A place of a template that nobody filled in: it says nothing."""
_DRAWN = re.compile(r"[├└│─]")
_ENDPOINT_HEADING = re.compile(r"\b(?:GET|POST|PUT|PATCH|DELETE)\b|/api/|/v\d+/")


@dataclass(frozen=True, slots=True)
class _Spoken:
    """A passage that speaks of a topic, from its first line that does; `score` without the words of a label."""

    path: str
    line: int
    score: int
    words: frozenset[str]


class Places:
    """The passages of a corpus that speak most of a topic. Each pattern is looked for once."""

    def __init__(self, corpus: Corpus) -> None:
        self._corpus = corpus
        self._known: dict[str, list[_Spoken]] = {}

    def best(self, pattern: str, label: str) -> list[Evidence]:
        """The best two: by heading first, backend specs before the constitution."""
        if pattern not in self._known:
            self._known[pattern] = list(self._speaking(re.compile(pattern)))
        words = set(re.findall(r"[a-z]{4,}", label.lower()))
        scored = [(-s.score - 2 * len(words & s.words), s.path, s.line) for s in self._known[pattern]]
        return [Evidence(path, line) for _, path, line in sorted(scored)[:2]]

    def _speaking(self, pattern: re.Pattern[str]) -> Iterator[_Spoken]:
        for document in self._corpus.read:
            if document.role == "frontend":
                continue
            for passage in document.passages:
                if not pattern.search(passage.text) or UNFILLED.search(passage.text):
                    continue  # one look at the whole spares a look at each line
                lines = [
                    n
                    for n, line in enumerate(passage.text.split("\n"))
                    if pattern.search(line) and not _DRAWN.search(line)
                ]
                if not lines or re.search(
                    r"(?i)future|out of scope|structure|table of contents|目錄", passage.heading
                ):
                    continue
                score = (
                    6 * bool(pattern.search(passage.heading))
                    + min(len(lines), 4)
                    + 2 * (document.role == "backend")
                    - 3 * (len(passage.trail) <= 1)
                    # What one endpoint says is rarely the rule for all.
                    - 5 * bool(_ENDPOINT_HEADING.search(passage.heading))
                )
                first = lines[1] if len(lines) > 1 and lines[0] == 0 and passage.trail else lines[0]
                words = frozenset(re.findall(r"[a-z]{4,}", passage.heading.lower()))
                yield _Spoken(document.path, passage.start + first, score, words)


def _unmet(corpus: Corpus, profile: Profile) -> Iterator[Conflict]:
    """What the profile's checklist orders by name and the specs do not have."""
    technologies = {t.name for t in corpus.facts.technologies if t.side != "frontend"}
    absent = [
        t.ordered
        for t in profile.topics
        if t.ordered and (t.ordered not in technologies if t.technology else not topic_present(t, corpus))
    ]
    if absent:
        yield Conflict(
            "checklist.technology",
            "conflict",
            f"The checklist orders {join(absent)}; no backend spec names them.",
            (),
            blocks=3,
            subject=", ".join(absent),
        )
    if not profile.variables:
        return
    known = {c.topic for c in corpus.conflicts}
    for topic_id, rival, topic, message in (
        ("auth.me", "", "checklist.me", "The checklist orders a current-user endpoint; no spec has one."),
        (
            "auth.cookies",
            "auth.transport",
            "checklist.cookies",
            "The checklist orders cookie verification; no backend spec uses a cookie.",
        ),
        (
            "auth.user-sync",
            "auth.issuer",
            "checklist.user-sync",
            "The checklist orders user sync; no backend spec describes it.",
        ),
    ):
        entry = next(t for t in profile.topics if t.id == topic_id)
        if not topic_present(entry, corpus) and rival not in known:
            yield Conflict(topic, "conflict", message, ())
    yield from _variables(corpus, profile)


_NEEDED = (
    ("the database", r"DB|DATABASE", ("Neon PostgreSQL", "PostgreSQL")),
    ("signed tokens", r"SECRET", ("JWT", "Better Auth")),
)


def needed_variables(corpus: Corpus, profile: Profile) -> dict[str, str]:
    """Ordered variables that the specs do not name although they name what needs them; name to purpose."""
    names = [v.name for v in corpus.facts.env_vars if v.side != "frontend"]
    technologies = {t.name for t in corpus.facts.technologies}
    found = {}
    for wanted in profile.variables:
        for purpose, word, needs in _NEEDED:
            served = any(re.search(word, n) for n in names)
            if re.search(word, wanted) and not served and technologies & set(needs):
                found[wanted] = purpose
    return found


def _variables(corpus: Corpus, profile: Profile) -> Iterator[Conflict]:
    names = {v.name: v for v in corpus.facts.env_vars if v.side != "frontend"}
    needed = needed_variables(corpus, profile)
    unused = []
    for wanted in profile.variables:
        alias = next((n for n in names if _DATABASE.match(n)), "") if _DATABASE.match(wanted) else ""
        if wanted in names:
            continue
        message = f"The checklist orders `{wanted}`; the specs do not have it."
        if alias:
            yield Conflict(
                f"checklist.variable/{wanted}",
                "conflict",
                message,
                names[alias].evidence[:1],
                blocks=3,
                subject=f"ordered={wanted}|alias={alias}",
            )
        elif wanted in needed:
            yield Conflict(
                f"checklist.variable-needed/{wanted}",
                "conflict",
                message,
                (),
                subject=f"ordered={wanted}|purpose={needed[wanted]}",
            )
        else:
            unused.append(wanted)
    if unused:
        shown = ", ".join(f"`{name}`" for name in unused)
        yield Conflict(
            "checklist.variable-unused",
            "conflict",
            f"The checklist orders {shown}; the specs do not have them.",
            (),
            blocks=3,
            subject=shown,
        )


def _layout(blueprint: Blueprint) -> Iterator[Conflict]:
    layout = blueprint.layout
    if not layout.drawn:
        yield Conflict("layout.assumed", "gap", "No spec draws the layout of the backend's files.", ())
        return
    used = {*(r.route for r in blueprint.resources.values()), *(r.service for n, r in blueprint.resources.items() if any(o.resource == n for o in blueprint.operations.values())),
            *blueprint.models.values(), *(layout.roles[r] for r in ("settings", "log_setup", "engine", "session", "create", "exceptions", "request_log"))}  # fmt: skip
    beyond = sorted(f for f in used if f not in layout.files)
    if beyond:
        shown = ", ".join(f"`{f}`" for f in beyond[:6]) + (
            f" and {len(beyond) - 6} more" if len(beyond) > 6 else ""
        )
        yield Conflict(
            "layout.beyond",
            "gap",
            "The drawn layout has no place for some of the work.",
            layout.evidence,
            blocks=3,
            subject=shown,
        )


def numbered(docket: Docket, known: dict[str, str]) -> Docket:
    """Gives every ruling its id: the one it had in the previous plan, else the next free number of its letter.

    Args:
        known: topic to id, from the previous plan.
    """
    highest: dict[str, int] = {}
    for ruling_id in known.values():
        highest[ruling_id[0]] = max(highest.get(ruling_id[0], 0), int(ruling_id[1:]))
    result = []
    for ruling in docket.rulings:
        old = known.get(ruling.topic, "")
        if old[:1] != ruling.id[:1]:
            highest[ruling.id[:1]] = highest.get(ruling.id[:1], 0) + 1
            old = f"{ruling.id[:1]}{highest[ruling.id[:1]]}"
        result.append(ruling.model_copy(update={"id": old}))
    return replace(docket, rulings=tuple(result))


def obligation_tags(obligation: Obligation) -> tuple[str, ...]:
    """The selectors that a ruling may use for an obligation."""
    kind, _, name = obligation.id.partition(":")
    tags = [kind, obligation.id]
    if kind == "env" and _DATABASE.match(name):
        tags.append("env:database")
    return tuple(tags)
