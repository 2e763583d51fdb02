"""Bytes into documents with passages and units."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Iterator, Set
from dataclasses import replace
from pathlib import Path

from planagent.cache import Cache, digest
from planagent.corpus.discover import DATA, TEXTS, component_of, feature_of, is_constitution, is_spec_folder, left_out, root_of
from planagent.corpus.formal import form_of, passages_of
from planagent.corpus.markdown import parse_markdown
from planagent.corpus.secrets import mask
from planagent.corpus.sources import Source, Sources, read_sources
from planagent.errors import CorpusError
from planagent.files import decode
from planagent.model import Corpus, Document, Evidence, Passage, Role, Unit

PLACEHOLDER = re.compile(r"\[[A-Z][A-Z0-9_ ]{3,}\]|\[[#]{3}-[\w-]+\]")
_TAGS = re.compile("[\U000e0001\U000e0020-\U000e007f]+")
_TASK_LINE = re.compile(r"(?m)^[ \t]*[-*][ \t]*\[[ xX]\][ \t]")
_REFERRED = re.compile(r"""\$ref['"]?\s*:\s*['"]?([^#'"\s{}]+\.(?:ya?ml|json))""")
LARGEST_DATA = 256 * 1024
"""Bytes; a larger file of data that no known format describes is no spec that anyone wrote."""


def read_corpus(
    workspace: Path,
    *,
    scope: str = "",
    feature: str = "",
    include: tuple[str, ...] = (),
    exclude: tuple[str, ...] = (),
    cache: Cache | None = None,
    without: Path | None = None,
) -> Corpus:
    """Everything from a workspace's files to its corpus.

    Raises:
        CorpusError: there is no document.
        UsageError: the workspace is not a directory.
    """
    return corpus_of(read_sources(workspace, include, exclude, without=without), scope, feature, cache)


def corpus_of(sources: Sources, scope: str = "", feature: str = "", cache: Cache | None = None) -> Corpus:
    """The corpus of what was read; what was worked out for the very same bytes is not worked out again."""
    import msgspec

    key = digest("corpus", sources.identity, scope, feature)
    known = cache.get("corpus", key) if cache else None
    if known is not None:
        try:
            documents, secrets = msgspec.msgpack.decode(known, type=tuple[tuple[Document, ...], tuple[Evidence, ...]])
            return _corpus(sources, documents, secrets, scope)
        except msgspec.MsgspecError:
            pass  # a damaged entry is as good as none
    secrets_found: list[Evidence] = []
    referred = frozenset(_referred(sources))
    documents = tuple(_document(s, feature, secrets_found, referred) for s in sources.files)
    if cache:
        cache.put("corpus", key, msgspec.msgpack.encode((documents, tuple(secrets_found))))
    return _corpus(sources, documents, tuple(secrets_found), scope)


def _corpus(sources: Sources, documents: tuple[Document, ...], secrets: tuple[Evidence, ...], scope: str) -> Corpus:
    warnings = list(sources.warnings)
    if secrets:
        shown = ", ".join(map(str, secrets[:5])) + (f" and {len(secrets) - 5} more" if len(secrets) > 5 else "")
        warnings.append(f"values that look like real secrets stand in the specs and are masked: {shown}; rotate them")
    if not any(not d.left_out for d in documents):
        looked = ", ".join(f"{d.path} ({d.left_out})" for d in documents[:8]) or "none"
        raise CorpusError(
            f"{sources.name}: no spec was found. Files that were looked at: {looked}.",
            "Put specs below specs/, or name them with `include` in planagent.toml.",
        )
    roots = dict.fromkeys(r for d in documents if (r := root_of(d.path)))
    return Corpus(sources.name, documents, scope, tuple(roots), tuple(warnings), secrets)


def _referred(sources: Sources) -> Iterator[str]:
    """The paths of data that a contract goes on in."""
    for source in sources.files:
        if _suffix(source.path) in DATA:
            for name in _REFERRED.findall(decode(source.data)[0]):
                yield posixpath.normpath(posixpath.join(posixpath.dirname(source.path), name))


def _revealed(text: str) -> str:
    """The text with words in tag characters, which no editor shows and some models obey, written out for all to see."""
    return _TAGS.sub(lambda m: f" [hidden text: {''.join(chr(ord(c) - 0xE0000) for c in m[0] if 0xE0020 <= ord(c) < 0xE007F)}]", text)


def _document(source: Source, feature: str, secrets: list[Evidence], referred: Set[str]) -> Document:
    text, notes = decode(source.data)
    text, real = mask(_revealed(text))
    secrets += [Evidence(source.path, line) for line in real]
    root = root_of(source.path) or ""
    own = feature_of(source.path, root)
    role, why = _role(source.path, text, referred=source.path in referred)
    document = Document(
        source.path, role, why, text, source.digest, feature=own, component=component_of(root),
        left_out=why if role == "other" else "", notes=tuple(notes),
    )  # fmt: skip
    if role == "other":
        return document
    if feature and own and own != feature and role == "spec":
        return replace(document, left_out=f"not of feature {feature}")
    return _cut(document)


def _cut(document: Document) -> Document:
    form = form_of(document.path, document.text)
    if form:
        passages = passages_of(form, document.path, document.text)
        return replace(document, form=form, passages=passages, units=_lines(document.text, passages))
    if _suffix(document.path) not in TEXTS:
        passages = (Passage(document.path, "", (), 1, document.text.count("\n") + 1),)
        return replace(document, form="data", passages=passages, units=_lines(document.text, passages))
    parsed = parse_markdown(document.path, document.text)
    return replace(document, passages=tuple(parsed.passages), units=tuple(parsed.units))


def _lines(text: str, passages: Iterable[Passage]) -> tuple[Unit, ...]:
    """Every line that holds anything is a unit of a formal source."""
    starts = [p.start for p in passages]
    found, at = [], 0
    for number, line in enumerate(text.split("\n"), 1):
        while at + 1 < len(starts) and starts[at + 1] <= number:
            at += 1
        if line.strip():
            bare = not any(c.isalnum() for c in line)
            found.append(Unit(number, number, 0, "mark" if bare else "data", line.rstrip(), at))
    return tuple(found)


def _role(path: str, text: str, *, referred: bool) -> tuple[Role, str]:
    """The role of a document by its place and form, and why it has it."""
    bound = is_constitution(path)
    if not text.strip():
        return "other", "empty"
    if text.startswith("<!-- planagent plan, format "):
        return "other", "a plan of this program"
    if _is_unfilled(text):
        return "other", "an unfilled template"
    if bound:
        return "constitution", "it binds all work, by its place"
    why = left_out(path)
    if why and not (why == "a task list, not a spec" and not _TASK_LINE.search(text)):
        return "other", why
    if _is_task_list(text):
        return "other", "mostly check boxes: a task list or checklist, not a spec"
    if _suffix(path) not in TEXTS and not form_of(path, text):
        stray = _suffix(path) in DATA and (_suffix(path) == ".json" or not is_spec_folder(root_of(path) or ""))
        if len(text) > LARGEST_DATA or (stray and not referred):
            return "other", "data in no format that describes an interface or a store"
    return "spec", "it lies in a spec folder"


def _is_task_list(text: str) -> bool:
    """Mostly check boxes; a spec may end in a few of them."""
    boxes = len(_TASK_LINE.findall(text))
    return boxes >= 5 and boxes * 2 > sum(1 for line in text.split("\n") if line.strip())


def _is_unfilled(text: str) -> bool:
    """A template in which nobody wrote a thing: every line but its headings holds a place in square brackets and capitals, or a mark alone."""
    bare = re.sub(r"<!--.*?-->", "", text[:40_000], flags=re.DOTALL)
    lines = [line for line in bare.split("\n") if any(c.isalnum() for c in line)]
    open_places = sum(bool(PLACEHOLDER.search(line)) for line in lines)
    return open_places >= 4 and all(PLACEHOLDER.search(line) or line.lstrip().startswith("#") for line in lines)


def _suffix(path: str) -> str:
    return Path(path).suffix.lower()
