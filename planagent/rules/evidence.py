"""Whether anything exact says that a corpus describes a backend. What its sentences mean, nobody knows here."""

from __future__ import annotations

import re
from functools import cache
from importlib import resources

from planagent.briefs.read import ReadStage
from planagent.model import Document
from planagent.statements.forms import ROUTE

_CLIENT_FOLDERS = frozenset({"frontend", "front-end", "ui", "web", "client", "mobile", "webapp"})
"""Folders that hold the other side, by the layout of projects."""


def of_client(document: Document) -> bool:
    """True for a document that lies in the other side's folder."""
    return not _CLIENT_FOLDERS.isdisjoint(p.lower() for p in document.path.split("/")[:-1])


def names_a_backend(stage: ReadStage) -> bool:
    """True where there is a contract, an operation, or the name of what runs on a server."""
    if stage.candidates:
        return True
    texts = [d.text for d in stage.corpus.read if not of_client(d)]
    return any(_servers().search(t) or any("://" not in m[0] for m in ROUTE.finditer(t)) for t in texts)


@cache
def _servers() -> re.Pattern[str]:
    lines = (resources.files("planagent") / "rules" / "servers.txt").read_text(encoding="utf-8").splitlines()
    names = "|".join(re.escape(n) for n in lines if n and not n.startswith("# "))
    return re.compile(rf"(?<![A-Za-z0-9_])(?:{names})(?![A-Za-z0-9_])")
