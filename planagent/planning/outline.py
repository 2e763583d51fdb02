"""Everything that is known before a writer is asked, in one value."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from planagent.model import Corpus, Endpoint, Entity, Evidence, Obligation
from planagent.planning.blueprint import Blueprint, Handler, Operation, make_blueprint
from planagent.planning.obligations import find_obligations
from planagent.planning.plan import Plan, Ruling, Source
from planagent.planning.profile import Advice, Profile, choose_profile
from planagent.planning.rulings import Docket, make_docket, numbered, obligation_tags, sources_of
from planagent.planning.tasks import TaskSpec
from planagent.planning.worklist import make_worklist

_OWNER = re.compile(r"(?i)user_?id|owner_?id|customer_?id|account_?id")


@dataclass(frozen=True, slots=True)
class Outline:
    """The plan's skeleton: facts, names, rulings, obligations and tasks, without a word of text yet."""

    corpus: Corpus
    profile: Profile
    blueprint: Blueprint
    docket: Docket
    obligations: dict[str, Obligation]
    tasks: dict[str, TaskSpec]
    approach: tuple[str, ...] = ()
    advice: tuple[Advice, ...] = field(default=())
    invalid_status: int = 422
    """What invalid input is answered with."""
    coverers: dict[str, str] = field(default_factory=dict)

    def covering(self, obligation_id: str) -> str:
        """Key of the task that does an obligation's own work: the first that covers it and is no test or schema."""
        return self.coverers.get(obligation_id, "")

    def rulings(self, *tags: str) -> tuple[str, ...]:
        """Ids of the rulings that concern something with these tags."""
        topics = set(self.docket.selecting(tags))
        return tuple(r.id for r in self.docket.rulings if r.topic in topics)

    def ruling(self, topic: str) -> Ruling | None:
        return next(
            (r for r in self.docket.rulings if r.topic == topic or r.topic.startswith(topic + "/")), None
        )

    def cites(self, topic: str) -> str:
        """` (D3)` when a ruling on the topic exists, else ''."""
        ruling = self.ruling(topic)
        return f" ({ruling.id})" if ruling else ""

    def sources(self, places: Iterable[Evidence], most: int = 3) -> tuple[Source, ...]:
        return sources_of(self.corpus, places, most)

    def anchors(self, places: Iterable[Evidence], most: int = 3) -> tuple[str, ...]:
        return tuple(str(s) for s in self.sources(places, most))

    def entity(self, name: str) -> Entity | None:
        return next((e for e in self.corpus.facts.entities if e.name == name), None)

    def owner_of(self, name: str) -> str:
        """How a record's owner is found: `user_id`, `lists.user_id by list_id`, or '' for records without owner."""
        entity = self.entity(name)
        if entity is None:
            return ""
        direct = next((f.name for f in entity.fields if _OWNER.fullmatch(f.name)), "")
        if direct:
            return f"`{direct}`"
        for f in entity.fields:
            parent = re.fullmatch(r"(?i)(.+?)_?id", f.name)
            above = next(
                (e for e in self.corpus.facts.entities if parent and e.name.lower() == parent[1].lower()),
                None,
            )
            own = next((g.name for g in above.fields if _OWNER.fullmatch(g.name)), "") if above else ""
            if above and own:
                return f"`{own}` of its {above.name}, through `{f.name}`"
        return ""

    def handler(self, endpoint: Endpoint) -> Handler:
        return self.blueprint.handlers[endpoint.key]

    def operation(self, name: str) -> Operation | None:
        return self.blueprint.operations.get(name)

    def tags(self, obligation: Obligation) -> tuple[str, ...]:
        """Selectors of an obligation, its endpoint's or operation's included."""
        tags = list(obligation_tags(obligation))
        kind, _, name = obligation.id.partition(":")
        if kind == "endpoint":
            handler = self.blueprint.handlers[name]
            entity_name = self.blueprint.resources[handler.resource].entity
            tags += [
                *handler.tags,
                *(f"entity:{entity_name}.{p.name}" for p in handler.endpoint.fields("body")),
            ]
        if kind == "operation":
            operation = self.blueprint.operations[name]
            tags.append(f"operation:{operation.kind}")
            if any("endpoint:item" in self.blueprint.handlers[k].tags for k in operation.endpoints):
                tags.append("operation:item")
        if kind == "entity":
            entity = self.entity(name)
            tags += [f"entity:{name}.{f.name}" for f in (entity.fields if entity else ())]
        return tuple(tags)

    def section(self, number: int) -> list[Obligation]:
        return [o for o in self.obligations.values() if o.section == number]


def make_outline(
    corpus: Corpus,
    *,
    profile: str = "",
    answers: dict[str, str] | None = None,
    previous: Plan | None = None,
) -> Outline:
    """Plans the plan.

    Args:
        profile: a profile's name, '' to choose by the specs.
        answers: what a person decided, topic to text.
        previous: the plan to keep ruling ids from.

    Raises:
        UsageError: no such profile.
    """
    chosen = choose_profile(corpus, profile)
    blueprint = make_blueprint(corpus, chosen)
    known = {r.topic: r.id for r in previous.rulings} if previous else {}
    docket = numbered(make_docket(corpus, chosen, blueprint, answers or {}), known)
    obligations = find_obligations(corpus, chosen, blueprint)
    tasks = make_worklist(corpus, chosen, blueprint, obligations, docket)
    return Outline(
        corpus,
        chosen,
        blueprint,
        docket,
        obligations,
        tasks,
        advice=_advice(corpus, chosen),
        invalid_status=_invalid_status(corpus, chosen),
        coverers=_coverers(tasks),
    )


def _coverers(tasks: dict[str, TaskSpec]) -> dict[str, str]:
    found: dict[str, str] = {}
    for work in (True, False):
        for key, task in tasks.items():
            if key.startswith(("test.", "schema.")) != work:
                for covered in task.covers:
                    found.setdefault(covered, key)
    return found


def _invalid_status(corpus: Corpus, profile: Profile) -> int:
    """The status for invalid input that most endpoints of the specs show; else the framework's."""
    seen = [s for e in corpus.facts.endpoints for s in e.statuses if s in (400, 422)]
    if seen:
        return max(set(seen), key=seen.count)
    text = " ".join(d.text for d in corpus.read if d.role == "backend")
    said = next((s for s in (422, 400) if re.search(rf"\b{s}\b", text)), None)
    return said or int(profile.words["validation_status"])


def _advice(corpus: Corpus, profile: Profile) -> tuple[Advice, ...]:
    technologies = {t.name for t in corpus.facts.technologies}
    variables = {v.name for v in corpus.facts.env_vars}
    return tuple(
        a
        for a in profile.advice
        if set(a.when) <= technologies and (not a.variable or a.variable in variables)
    )
