"""What a run would cost, without a call."""

from __future__ import annotations

import json
from dataclasses import dataclass

from planagent import tokens
from planagent.planning.briefs import Brief, common_part, deciding_briefs, make_briefs
from planagent.planning.parts import deciding_parts, section_parts
from planagent.writing.budget import expected
from planagent.writing.protocol import Usage
from planagent.writing.rules import write_all
from planagent.writing.run import Run
from planagent.writing.sections import is_small_change


@dataclass(frozen=True, slots=True)
class Row:
    """One section, or several that share briefs; '0' are the decisions. Output is what the draft has, `most` the bound."""

    sections: str
    parts: int
    usage: Usage
    most: int


def forecast(run: Run) -> list[Row]:
    """The calls of a run by section, as far as they are known before the decisions are made.

    Repairs come on top; so does what rests on a ruling that the deciding call words anew.
    """
    outline, shape = run.outline, run.writer.shape
    common = common_part(outline, shape)
    briefs: list[Brief] = []
    if not shape.lean:
        parts = deciding_parts(outline)
        known = run.memory.recall(parts)
        wanted = [p for p in parts if p.key not in known]
        briefs += deciding_briefs(outline, wanted, common, shape) if wanted else []
    parts = [p for n, draft in write_all(outline).items() for p in section_parts(outline, n, draft)]
    known = run.memory.recall(parts)
    wanted = [p for p in parts if p.key not in known]
    briefs += make_briefs(outline, wanted, common, shape, again=is_small_change(wanted, parts))
    rows: dict[str, Row] = {}
    head = tokens.count(common.text) if common.text else 0
    for index, brief in enumerate(briefs):
        ahead = expected(brief)
        ahead.input_tokens = sum(tokens.count(m["content"]) for m in brief.messages())
        ahead.cached_tokens = head if index else 0
        most = ahead.output_tokens
        # An answer is about as long as its draft; how many rulings a model words anew is its own affair.
        ahead.output_tokens = tokens.count(json.dumps(brief.base)) if brief.sections != (0,) else most // 3
        name = "+".join(map(str, brief.sections))
        before = rows.get(name, Row(name, 0, Usage(), 0))
        ahead.add(before.usage)
        rows[name] = Row(name, before.parts + len(brief.parts), ahead, before.most + most)
    return list(rows.values())
