"""What was read, as JSON and as a table."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from planagent.model import Corpus, Evidence, Parameter


def facts_as_json(corpus: Corpus) -> dict[str, Any]:
    """All facts with evidence; `side` is backend, frontend or both."""
    facts = corpus.facts
    return {
        "workspace": corpus.name,
        "scope": corpus.scope,
        "documents": [{"path": d.path, "role": d.role, "why": d.why, "feature": d.feature, "phase": d.phase, "in_scope": d.in_scope, "left_out": d.left_out} for d in corpus.documents],
        "endpoints": [
            {
                "method": e.method, "path": e.path, "auth": e.auth, "summary": e.summary, "statuses": list(e.statuses),
                "parameters": [_parameter(p) for p in e.parameters], "evidence": _places(e.evidence),
            }
            for e in facts.endpoints
        ],
        "entities": [{"name": e.name, "table": e.table, "managed_by": e.managed_by, "side": e.side, "fields": [_parameter(f) for f in e.fields], "evidence": _places(e.evidence)} for e in facts.entities],
        "env_vars": [{"name": v.name, "side": v.side, "evidence": _places(v.evidence)} for v in facts.env_vars],
        "requirement_ids": [{"name": r.name, "id": r.id, "feature": r.feature, "side": r.side, "evidence": _places(r.evidence)} for r in facts.requirements],
        "technologies": [{"name": t.name, "kind": t.kind, "version": t.version, "side": t.side, "evidence": _places(t.evidence)} for t in facts.technologies],
        "conflicts": [{"topic": c.topic, "kind": c.kind, "blocks": c.blocks, "message": c.message, "by": "model" if c.topic.startswith("model.") else "code", "evidence": _places(c.places)} for c in corpus.conflicts],
        "warnings": list(corpus.warnings),
        "secrets": _places(corpus.secrets),
    }  # fmt: skip


def _places(places: Iterable[Evidence]) -> list[dict[str, Any]]:
    return [{"file": p.file, "line": p.line, **({"end": p.end} if p.end > p.line else {})} for p in places]


def _parameter(parameter: Parameter) -> dict[str, Any]:
    return {
        "name": parameter.name,
        "in": parameter.where,
        "type": parameter.type,
        "required": parameter.required,
    }


def facts_as_text(corpus: Corpus, *, conflicts_only: bool = False) -> Iterator[str]:
    """Lines for a terminal, one fact each, its first place at the end."""
    facts = corpus.facts
    if not conflicts_only:
        yield f"Documents ({len(corpus.documents)})"
        for d in corpus.documents:
            state = (
                f"  left out: {d.left_out}" if not d.in_scope else "" if d.role != "other" else f"  ({d.why})"
            )
            yield f"  {d.role:<12} {d.path}{state}"
        yield from _group(
            "Endpoints",
            [(f"{e.method:<7}{e.path}", ",".join(map(str, e.statuses)), e.evidence) for e in facts.endpoints],
        )
        yield from _group(
            "Entities",
            [
                (
                    e.name,
                    f"{len(e.fields)} fields" + (f", managed by {e.managed_by}" if e.managed_by else ""),
                    e.evidence,
                )
                for e in facts.entities
            ],
        )
        yield from _group("Environment variables", [(v.name, v.side, v.evidence) for v in facts.env_vars])
        yield from _group("Requirements", [(r.name, r.side, r.evidence) for r in facts.requirements])
        yield from _group(
            "Technologies",
            [(f"{t.name} {t.version}".strip(), t.side, t.evidence) for t in facts.technologies],
        )
    yield f"Conflicts, gaps and traps ({len(corpus.conflicts)})"
    for c in corpus.conflicts:
        by = " (a model's claim)" if c.topic.startswith("model.") else ""
        yield f"  {c.blocks} {c.kind:<12} {c.message}{by}"
        if c.places:
            yield f"                 {', '.join(map(str, c.places[:4]))}"


def _group(title: str, rows: list[tuple[str, str, tuple[Evidence, ...]]]) -> Iterator[str]:
    yield f"{title} ({len(rows)})"
    width = min(max((len(r[0]) for r in rows), default=0), 52)
    for name, note, places in rows:
        more = f" +{len(places) - 1}" if len(places) > 1 else ""
        yield f"  {name:<{width}}  {note:<16} {places[0] if places else 'from the checklist'}{more}"
