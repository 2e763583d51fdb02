"""PA501, PA502, PA602 for plans of other programs: what is exact in the specs is looked for in their text."""

from __future__ import annotations

import re
from collections.abc import Iterator

from planagent.checking.view import View
from planagent.model import Corpus, Finding
from planagent.statements.statement import Reading, Statement
from planagent.statements.tokens import Said, Token, exact_tokens

FEWEST = 3
"""Tasks that make a list; one or two are a note, and cover nothing as a whole."""
_LABEL = re.compile(r"\b([A-Z]{2,6}-\d{1,4}[a-zA-Z]?)\b")
_SPEC_FILE = re.compile(
    r"(?<![\w./:-])@?/?((?:\.specify|\.kiro/specs|openspec/specs|docs/specs|specs?|contracts)/[\w./-]+\.(?:md|ya?ml|json))(?:[:#]L?(\d+)(?:-L?(\d+))?)?"
)
# What a planner writes beside its own plan; whether these lie there is not the specs' concern.
_PLANNERS_OWN = re.compile(
    r"(?:^|/)(?:plan|tasks|research|quickstart|checklist\w*|README|CLAUDE|AGENTS)\.md$|/checklists/|^\.specify/(?:templates|scripts)/|[{\[<*#]|NNN|XXX|feature-name"
)
_REMEDY = "Cite an existing passage, or plan again when the specs have changed."


def check_coverage_elsewhere(view: View, reading: Reading, feature: str) -> Iterator[Finding]:
    """Operations by method and path, records and settings by name, requirements by id: each stands somewhere in the plan.

    Args:
        feature: the folder that the plan lies in: only what its documents say is asked for; '' for everything.
    """
    if len(view.entries) < FEWEST:
        return
    said = Said([view.text])
    mine = [s for s in reading.statements if s.modality in ("must", "must-not") and (not feature or s.feature == feature)]
    labels = [s for s in mine if s.labels]
    # A plan that names a third of the ids traces by ids, and must name each.
    traces = sum(any(_says(said, label) for label in s.labels) for s in labels) * 3 >= len(labels) if labels else False
    for statement in mine:
        if not _covered(statement, said, view.text, traces=traces):
            place = f" ({statement.units[0][0]}:{statement.units[0][1]})" if statement.units else ""
            yield Finding(
                "PA501", "the plan", f"nothing in it covers {statement.title}{place}", "Add a task for it, or plan again.", 0, statement.key
            )
    known = {label for s in reading.statements for label in s.labels}
    families = {label.split("-")[0] for label in known if "-" in label}
    seen: set[str] = set()
    for unit in view.units:
        for label in dict.fromkeys(_LABEL.findall(unit.text)):
            if label.split("-")[0] in families and label not in known | seen:
                seen.add(label)
                yield unit.finding("PA502", f"names {label}, which the specs do not have", "Correct the id, or plan again.", label)


def _says(said: Said, text: str) -> bool:
    return said.has(Token("name", text))


def _covered(statement: Statement, said: Said, text: str, *, traces: bool) -> bool:
    """True for what stands in the plan, and for what has nothing exact to look for."""
    if statement.kind == "operation":
        paths = [t for t in exact_tokens(f"`{statement.name}`") if t.kind == "path"]
        tail = paths[0].text.rsplit("/", 1)[-1].strip("{}:") if paths else statement.name
        return any(said.has(t) for t in paths) or _says(said, statement.name) or (not paths and _says(said, tail))
    if statement.kind == "record":
        bare = re.sub(r"[^a-z0-9]", "", statement.name.lower())
        return not statement.stored or bare in re.sub(r"[^a-z0-9]", "", text.lower())
    if statement.kind == "setting":
        return _says(said, statement.name) or ".env" in text
    if statement.labels and traces:
        return any(_says(said, label) for label in statement.labels)
    return True


def check_citations_elsewhere(view: View, corpus: Corpus, feature: str) -> Iterator[Finding]:
    """PA602: spec files that its text names, relative to the workspace or the feature."""
    known = {d.path for d in corpus.documents}
    for unit in view.units:
        for match in _SPEC_FILE.finditer(unit.text):
            path = match[1]
            if _PLANNERS_OWN.search(path):
                continue
            found = next((k for k in known if k == path or k.endswith("/" + path)), "")
            beside = feature and any(f"/{feature}/" in f"/{k}" and k.endswith(path.split("/")[-1]) for k in known)
            if not found and not beside:
                yield unit.finding("PA602", f"{path} does not exist", _REMEDY, match[0])
            elif found and match[2] and not _has_lines(corpus, found, int(match[2]), int(match[3] or match[2])):
                yield unit.finding("PA602", f"{found} has no line {match[3] or match[2]}", _REMEDY, match[0])


def _has_lines(corpus: Corpus, path: str, start: int, end: int) -> bool:
    document = corpus.document(path)
    return document is not None and 1 <= start <= end <= len(document.lines)
