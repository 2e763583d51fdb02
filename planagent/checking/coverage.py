"""PA501 to PA504: every demand of the specs has a task that is about it, and every task serves one."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from planagent.checking.about import (
    FORMULA,
    Weights,
    entity_pattern,
    gist,
    names_endpoint,
    subjects,
    terms,
    without_questions,
)
from planagent.checking.view import View
from planagent.model import Corpus, Evidence, Finding, Requirement

if TYPE_CHECKING:
    from planagent.planning.drafts import SectionDraft
    from planagent.planning.outline import Outline

FEWEST = 3
"""Tasks that make a list; one or two are a note, and cover nothing as a whole."""
ENOUGH = 0.2
"""Share of a requirement's weighted terms below which no task of a plan that traces by ids is about it."""
MENTIONED = 0.15
"""The same for a task that claims to cover it: less is no more than the words that all texts share."""
BARELY = 0.15
"""The same for all that a plan says together, where it traces nothing: only what it has hardly a word of."""
_REQUIREMENT_ID = re.compile(r"\b((?:FR|NFR|SC|AC|BR|UR)-\d{1,3}[a-zA-Z]?)\b")
_FORBIDS = re.compile(r"(?i)\b(?:not|never|no|without|reject|forbid\w*|only)\b")
_SAY = "Say in the task or its item what is done about it, or cover it elsewhere."
_ANY_ID = re.compile(r"\b[A-Z]+(?:-[A-Z]+)*-?\d+(?:\.\d+)*[A-Za-z]?\b")
_ADD = "Add a task for it, or plan again."


def check_coverage(view: View, outline: Outline, said: Said) -> Iterator[Finding]:
    """For a plan in this program's format, which says what each task covers."""
    labels = {o.label: o for o in outline.obligations.values()}
    covered = {label for entry in view.entries for label in entry.covers}
    for label, obligation in labels.items():
        if label not in covered:
            place = f"section {obligation.section}" if obligation.section else "section 10"
            where = f" ({obligation.evidence[0]})" if obligation.evidence else ""
            yield Finding("PA501", place, f"no task covers {label}{where}", _ADD, 0, obligation.id)
    proofs = {proof for _, proof in view.plan.proofs} if view.plan else set()
    for entry in view.entries:
        if not (entry.covers or entry.condition or entry.sources or entry.id in proofs):
            yield Finding("PA504", entry.id, "covers nothing that the specs demand", "Say what it covers, or remove it.", entry.line, entry.key)  # fmt: skip
        for label in entry.covers:
            if label not in labels:
                yield Finding("PA502", entry.id, f"covers {label!r}, which the specs do not have", "Remove it, or plan again.", entry.line, entry.key)  # fmt: skip
            elif not said.about(label, f"{entry.text} {entry.about}"):
                yield Finding("PA503", entry.id, f"claims to cover {label} and does not speak of it", _SAY, entry.line, entry.key)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Said:
    """What the requirements say, to tell whether a text is about one of them. Naming the id alone is not."""

    requirements: dict[str, set[str]]
    weights: Weights

    @classmethod
    def of(cls, outline: Outline) -> Said:
        facts = outline.corpus.facts
        weights = Weights(r.text for r in facts.requirements)
        said = cls({r.name: terms(without_questions(r.text)) - FORMULA for r in facts.requirements}, weights)
        # Of a sentence that even its own gist does not tell apart, no text can be shown to speak.
        for requirement in facts.requirements:
            if not said.about(requirement.name, gist(requirement.text, weights, 2)):
                said.requirements[requirement.name] = set()
        return said

    def about(self, label: str, text: str) -> bool:
        """True when a text speaks of what a label stands for; topics are not looked at."""
        if label in self.requirements:
            wanted = self.requirements[label]
            if not wanted:
                return True
            given = terms(text)
            share = self.weights.share(wanted, given)
            # One word in common may be chance, unless it is most of what there is to say.
            return share >= MENTIONED and (len(wanted & given) > 1 or share >= 2 * MENTIONED)
        patterns = subjects(label)
        if not patterns or any(re.search(p, text, re.IGNORECASE) for p in patterns):
            return True
        http = re.match(r"(\w+) (/\S*)$", label)
        return bool(http and names_endpoint(text, http[1], http[2]))


def check_claims(draft: SectionDraft, outline: Outline, said: Said) -> Iterator[Finding]:
    """PA503 for a draft: a revised task still speaks of the requirements that the rule-made one spoke of."""
    for task in draft.tasks:
        spec = outline.tasks.get(task.key)
        text = " ".join((spec.title if spec else "", *task.steps, task.done_when))
        for obligation_id in spec.covers if spec else ():
            obligation = outline.obligations[obligation_id]
            if obligation.kind == "requirement" and not said.about(obligation.label, text):
                words = gist(obligation.detail, said.weights, 6)
                message = f"covers {obligation.label} and does not speak of it (its words: {words})"
                yield Finding("PA503", f"task {task.key!r}", message, _SAY, 0, task.key)


# -- plans of other programs --------------------------------------------------------------------


def check_coverage_elsewhere(view: View, corpus: Corpus, feature: str) -> Iterator[Finding]:
    """For any other plan with tasks: what it is about is read from its text, what surrounds its tasks included.

    Args:
        feature: the folder that the plan lies in: only what its documents say is asked for; '' for everything.
    """
    if len(view.entries) < FEWEST:
        return
    mine = {d.path for d in corpus.read if not feature or d.feature == feature}
    texts = [*(e.text for e in view.entries), *(u.text for u in view.units if not u.key)]
    whole = "\n".join(texts)
    facts = corpus.facts
    for endpoint in (e for e in facts.endpoints if _within(e.evidence, mine)):
        if not any(names_endpoint(t, endpoint.method, endpoint.path) for t in texts):
            yield _missing(endpoint.label, str(endpoint.evidence[0]))
    for entity in (e for e in facts.entities if _within(e.evidence, mine)):
        if entity.side != "frontend" and not _names_entity(entity.name, whole, texts):
            yield _missing(f"entity {entity.name}", str(entity.evidence[0]))
    for variable in (v for v in facts.env_vars if _within(v.evidence, mine)):
        if variable.side != "frontend" and not _configured(variable.name, whole):
            yield _missing(variable.name, str(variable.evidence[0]))
    # Success criteria are measured at the end; few plans have a task for each.
    numbered = [
        r
        for r in facts.requirements
        if r.side != "frontend" and not r.id.startswith("SC") and _within(r.evidence, mine)
    ]
    yield from _requirements(texts, numbered)
    yield from _unknown_ids(view, corpus)


def _within(places: tuple[Evidence, ...], files: set[str]) -> bool:
    return any(p.file in files for p in places)


def _names_entity(name: str, whole: str, texts: Sequence[str]) -> bool:
    """True when the name stands somewhere, or one text has all of its words."""
    if re.search(rf"(?i){entity_pattern(name)}", whole):
        return True
    words = [w.lower()[:6] for w in re.findall(r"[A-Z]?[a-z]+", name)]
    return len(words) > 1 and any(all(w in t.lower() for w in words) for t in texts)


def _missing(label: str, place: str) -> Finding:
    return Finding("PA501", "the plan", f"no task covers {label} ({place})", _ADD, 0, label)


def _configured(name: str, text: str) -> bool:
    """A variable is covered by its name, or by a task that sets up the environment as a whole."""
    return name in text or bool(
        re.search(r"(?i)\.env\b|environment variables?|\bsettings\b|\bconfig(?:uration)?\b", text)
    )


def _requirements(texts: Sequence[str], requirements: Sequence[Requirement]) -> Iterator[Finding]:
    """A plan that traces by ids must name each; elsewhere only what it has no word of is called uncovered."""
    weights = Weights((*texts, *(r.text for r in requirements)))
    held = [terms(t) for t in texts]
    every = set().union(*held)
    by_id: dict[str, list[set[str]]] = defaultdict(list)
    for text, given in zip(texts, held, strict=True):
        for named in set(_ANY_ID.findall(text)):
            by_id[named].append(given)
    naming = {r.name: by_id.get(r.id, []) for r in requirements}
    traced = sum(bool(n) for n in naming.values()) * 3 >= len(requirements)
    for requirement in requirements:
        wanted = terms(requirement.text) - FORMULA
        if len(wanted) < 3 or any(wanted & h for h in naming[requirement.name]):
            continue
        if naming[requirement.name]:
            named = f"only the id of {requirement.name} is named, nothing is said about it ({requirement.evidence[0]})"
            yield Finding(
                "PA501", "the plan", named, "Say in a task what is done about it.", 0, requirement.name
            )
        elif (traced and max(weights.share(wanted, given) for given in held) < ENOUGH) or (
            weights.share(wanted, every) < BARELY and not _FORBIDS.search(requirement.text)
        ):
            yield _missing(requirement.name, str(requirement.evidence[0]))


def _unknown_ids(view: View, corpus: Corpus) -> Iterator[Finding]:
    """PA502: ids that no document has. Only where the specs number their requirements that way."""
    known = {i for d in corpus.documents if d.role != "other" for i in _REQUIREMENT_ID.findall(d.text)}
    families = {i.split("-")[0] for i in known}
    seen: set[str] = set()
    for unit in view.units:
        for found in dict.fromkeys(_REQUIREMENT_ID.findall(unit.text)):
            if found not in known | seen and found.split("-")[0] in families:
                seen.add(found)
                yield unit.finding(
                    "PA502",
                    f"names {found}, which the specs do not have",
                    "Correct the id, or plan again.",
                    found,
                )
