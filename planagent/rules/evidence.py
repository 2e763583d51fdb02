"""Whether anything exact says that a corpus describes a backend. What its sentences mean, nobody knows here."""

from __future__ import annotations

import re
import tomllib
from functools import cache
from importlib import resources

from planagent.briefs.read import ReadStage
from planagent.corpus.discover import of_client
from planagent.rules.routes import routes_in
from planagent.statements.forms import label_of


def names_a_backend(stage: ReadStage) -> bool:
    """True where there is a contract, an operation, or the name of what runs on a server, be it in a plan that is no spec; and where
    requirements are numbered and nothing of the other side is named."""
    if stage.candidates:
        return True
    texts = [d.text for d in stage.corpus.documents if not of_client(d.path)]
    if any(_names("server").search(t) for t in texts):
        return True
    units = [u for d in stage.corpus.read if not of_client(d.path) for u in d.units]
    if any(map(routes_in, units)):
        return True
    return any(label_of(u.text) for u in units) and not any(_names("client").search(t) for t in texts)


@cache
def _names(side: str) -> re.Pattern[str]:
    table = tomllib.loads((resources.files("planagent") / "rules" / "technologies.toml").read_text(encoding="utf-8"))
    return re.compile(rf"(?<![A-Za-z0-9_])(?:{'|'.join(map(re.escape, table[side]))})(?![A-Za-z0-9_])")
