"""The reader without a model: a shape is claimed only where it can be nothing else; the rest is handed on."""

from __future__ import annotations

import pytest

from planagent.briefs.brief import HOST
from planagent.briefs.decision import Decision, Planned
from planagent.briefs.write import WriteStage
from planagent.rules.reader import _environment
from planagent.rules.writer import write
from planagent.statements.statement import Statement
from tests.test_reading import corpus_of_text

ENV = "# Running\n\n```\nORDER_QUEUE=orders\n- RETRY_LIMIT=3\nif (STATE == DONE) x\n```\n"
LOOKED_UP = "# Code\n\n```ts\nconst a = process.env.API_TOKEN; const b = os.environ['MAIL_FROM'];\nSOME_CONSTANT = 5\n```\n"
TABLE = "# 環境\n\n設定は `.env` に置く。\n\n| 名前 | 値 |\n| --- | --- |\n| `DB_URL` | 必須 |\n\n# エラー\n\n| コード | 状態 |\n| --- | --- |\n| `NOT_FOUND` | 404 |\n"


@pytest.mark.parametrize(
    ("text", "names"),
    [
        (ENV, {"ORDER_QUEUE", "RETRY_LIMIT"}),
        (LOOKED_UP, {"API_TOKEN", "MAIL_FROM"}),
        (TABLE, {"DB_URL"}),
        ("# Shell\n\n```bash\nTOKEN=abc\n```\n", set()),
    ],
)
def test_a_name_in_capitals_is_a_setting_where_the_environment_has_it(text: str, names: set[str]) -> None:
    assert set(_environment(corpus_of_text(text))) == names


def test_a_record_without_fields_is_what_its_lines_say() -> None:
    """A model may have read that something is kept, and no field of it; the rules write of it all the same."""
    bare = Statement("boat", "record", "must", "Boats are kept.", (("specs/a.md", "L3"),), "Boat")
    corpus = corpus_of_text("# A\n\nBoats are kept.\n")
    decision = Decision(tasks=(Planned("boats", 3, "Create the record", covers=("boat",)),))
    stage = WriteStage(corpus, decision, {"boat": bare})
    outcome = stage.accept(stage.parts, write(stage.brief(stage.parts, {}, HOST)), {}, by_rule=True)
    assert not outcome.findings
