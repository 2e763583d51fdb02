"""What the plan must cover, known before any model is asked."""

from __future__ import annotations

from collections.abc import Iterator

from planagent.model import Corpus, Obligation
from planagent.planning.blueprint import Blueprint
from planagent.planning.profile import Profile, Topic
from planagent.planning.rulings import needed_variables, topic_present
from planagent.reading.search import uses_database

_ALWAYS = frozenset({"setup.env-local", "setup.env-production", "setup.settings", "setup.logging"})


def find_obligations(corpus: Corpus, profile: Profile, blueprint: Blueprint) -> dict[str, Obligation]:
    """Every obligation by id, in the order of sections and of the corpus.

    Ids: `topic:auth.session`, `endpoint:GET /x/{}`, `entity:Task`, `env:NAME`, `requirement:feature:FR-001`,
    `operation:create_task`. Frontend-only facts make none.
    """
    found = list(_topics(corpus, profile, blueprint))
    facts = corpus.facts
    for variable in facts.env_vars:
        if variable.side != "frontend":
            found.append(
                Obligation(
                    f"env:{variable.name}", "env", 2, variable.name, variable.evidence, variable.default
                )
            )
    for name in needed_variables(corpus, profile):
        found.append(Obligation(f"env:{name}", "env", 2, name))
    for entity in facts.entities:
        found.append(
            Obligation(f"entity:{entity.name}", "entity", 3, f"entity {entity.name}", entity.evidence)
        )
    for endpoint in facts.endpoints:
        found.append(Obligation(f"endpoint:{endpoint.key}", "endpoint", 5, endpoint.label, endpoint.evidence))
    shown = {e.key: e.evidence for e in facts.endpoints}
    for operation in blueprint.operations.values():
        places = next((shown[k] for k in operation.endpoints if k in shown), ())
        found.append(
            Obligation(f"operation:{operation.name}", "operation", 6, f"{operation.name}()", places[:1])
        )
    for requirement in facts.requirements:
        if requirement.side != "frontend":
            found.append(
                Obligation(
                    f"requirement:{requirement.name}",
                    "requirement",
                    0,
                    requirement.name,
                    requirement.evidence,
                    requirement.text,
                )
            )
    return {o.id: o for o in found}


def _topics(corpus: Corpus, profile: Profile, blueprint: Blueprint) -> Iterator[Obligation]:
    for topic in profile.topics:
        places = topic_present(topic, corpus)
        if _applies(topic, bool(places), corpus, profile, blueprint):
            yield Obligation(f"topic:{topic.id}", "topic", topic.section, topic.label, places)


def _applies(topic: Topic, present: bool, corpus: Corpus, profile: Profile, blueprint: Blueprint) -> bool:
    ordered = bool(profile.variables)  # the profile whose checklist was ordered word by word
    stored = bool(corpus.facts.entities)
    front = ordered or any(d.role == "frontend" for d in corpus.read)
    if topic.id in _ALWAYS:
        return True
    if topic.folder:
        needs = {
            "models": stored,
            "db": stored,
            "auth": blueprint.protected,
            "services": bool(blueprint.operations),
        }
        return needs.get(topic.folder, True) or ordered
    if topic.section == 2:
        return present
    if topic.id in ("data.engine", "service.session"):
        return uses_database(corpus)
    if topic.section == 3:
        return stored
    if topic.id == "auth.me":
        return present
    if topic.section == 4:
        return blueprint.protected
    if topic.section == 6:
        return bool(blueprint.operations)
    if topic.section == 7:
        return front or topic.id in ("frontend.shape", "frontend.contract")
    if topic.id == "test.database":
        return stored
    return True
