"""Reads a workspace into a corpus: the one entry of this package. The readers are loaded when they are needed."""

from __future__ import annotations

from pathlib import Path

from planagent.cache import Cache, digest
from planagent.errors import NoBackendError
from planagent.model import Corpus
from planagent.reading.sources import Sources, read_sources


def read_corpus(
    workspace: Path,
    *,
    scope: str = "",
    include: tuple[str, ...] = (),
    exclude: tuple[str, ...] = (),
    cache: Cache | None = None,
) -> Corpus:
    """Reads every document of a workspace.

    Args:
        workspace: the project's root.
        scope: see `choose_scope`.
        include, exclude: globs over workspace-relative paths, from the configuration.
        cache: where a corpus of the very same bytes may be found.

    Raises:
        UsageError: the workspace is not a directory.
        CorpusError: no document was found, or none has any text.
    """
    return corpus_of(read_sources(workspace, include, exclude), scope, workspace, cache)


def corpus_of(sources: Sources, scope: str, workspace: Path, cache: Cache | None = None) -> Corpus:
    """The corpus of files that were read already; `workspace` is for messages."""
    import msgspec

    if cache is None:
        return _assemble(sources, scope, workspace)
    key = digest("corpus", scope, sources.identity)
    known = cache.get("corpus", key)
    if known is not None:
        try:
            return msgspec.msgpack.decode(known, type=Corpus)
        except msgspec.MsgspecError:
            pass  # a damaged entry is as good as none
    corpus = _assemble(sources, scope, workspace)
    cache.put("corpus", key, msgspec.msgpack.encode(corpus))
    return corpus


def _assemble(sources: Sources, scope: str, workspace: Path) -> Corpus:
    from planagent.reading.assemble import assemble

    return assemble(sources, scope, workspace)


def require_backend(corpus: Corpus) -> None:
    """Raises NoBackendError when nothing in the corpus asks for a backend: a plan must not invent one."""
    facts = corpus.facts
    backend = [
        t
        for t in facts.technologies
        if t.side == "backend" and t.kind in ("framework", "server", "orm", "database", "driver")
    ]
    tables = [e for e in facts.entities if e.table]
    variables = [v for v in facts.env_vars if v.side != "frontend"]
    if facts.endpoints or backend or tables or variables:
        return
    raise NoBackendError(
        f"The specs of {corpus.name!r} describe no backend: no endpoint, no backend technology, no table, no backend "
        f"variable in {len(corpus.read)} documents.",
        "If there is one, add its spec, or name it with `include` in planagent.toml. Nothing was written.",
    )
