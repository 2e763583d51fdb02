"""PA401, PA402, PA407, PA912, PA913: operations, settings, values, statuses and files that neither specs nor decisions give."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from http import HTTPStatus

from planagent.briefs.decision import holds
from planagent.checking.code import verbatim_of
from planagent.checking.units import Unit
from planagent.model import Corpus, Finding, normalize_path
from planagent.statements.forms import ROUTE, VARIABLE
from planagent.statements.orders import Orders
from planagent.statements.tokens import Said, exact_tokens, numbers

_STATUSES = frozenset(str(int(s)) for s in HTTPStatus if s >= HTTPStatus.OK)
"""What an operation answers with; the informational ones are a server's own business."""
_SMALL = frozenset(str(n) for n in range(11))
_FILE = re.compile(r"(?!/)[\w.@-]+(?:/[\w.@-]+)+\.[a-z]\w{0,4}")
_CITED = re.compile(r"`[^`\n]* \(L\d+(?:-L\d+)?\)`")
_SETTING_NAME = re.compile(r"_(?:URL|URI|KEY|SECRET|TOKEN|PORT|HOST|PASSWORD|USER|DSN|ORIGINS?|ENV|LEVEL|DIR|PATH|TTL)$")


@dataclass(frozen=True)
class Given:
    """What a plan may name: what stands in the specs, and what was decided. `own` is false for plans of other programs."""

    said: Said
    routes: frozenset[str]
    names: frozenset[str]
    own: bool = True
    folders: tuple[str, ...] = ()
    """Of the layout; empty where none was decided."""
    verbatim: frozenset[str] = frozenset()
    """Code that the specs give exactly."""
    pages: bool = False
    """Some operation is a page that the backend renders."""
    orders: Orders = field(default_factory=Orders)
    """What the specs tell whoever reads them."""

    @classmethod
    def of(cls, corpus: Corpus, names: Iterable[str], decided: Iterable[str], *, own: bool = True, folders: Iterable[str] = ()) -> Given:
        """
        Args:
            names: names of operations, as statements have them.
            decided: texts of rulings, conventions, layout and what tasks give.
        """
        texts = [*(d.text for d in corpus.documents if d.role != "other"), *decided]
        everything = "\n".join(texts)
        verbatim = verbatim_of(texts) if own else frozenset()
        routes = {f"{m} {_path(p)}" for m, p in ROUTE.findall(everything)}
        routes |= {f"{v} {_path(p)}" for n in names for v, _, p in (n.partition(" "),) if p.startswith("/")}
        return cls(Said([everything]), frozenset(routes), frozenset(VARIABLE.findall(everything)), own, tuple(folders), verbatim)


def _path(path: str) -> str:
    """As it is compared; a concrete id in an example counts as a parameter."""
    return normalize_path(re.sub(r"/(?:\d+|[0-9a-f]{8}-[0-9a-f-]{27})(?=/|$)", "/{}", path.rstrip(".:*`").split("?")[0]))


def check_values(unit: Unit, given: Given) -> Iterator[Finding]:
    """Every operation, setting and value in one line that nobody gave."""
    yield from _routes(unit, given)
    yield from _settings(unit, given)
    if given.own and unit.kind in ("task", "item"):
        yield from _values(unit, given)
        yield from _files(unit, given)


def _routes(unit: Unit, given: Given) -> Iterator[Finding]:
    for method, path in ROUTE.findall(unit.text):
        key = _path(path)
        if re.search(r"[*…]|\.\.\.", path) or (not given.routes and not given.own):
            continue
        # A plan may leave the common prefix out, or write it where the specs do not.
        same = (r.partition(" ")[2] for r in given.routes if r.startswith(f"{method} "))
        if any(_is_one(key, r) for r in same):
            continue
        # A test may call a path that is there by a method that is not.
        if unit.proof and any(_is_one(key, r.partition(" ")[2]) for r in given.routes):
            continue
        yield unit.finding(
            "PA401",
            f"no spec names the operation {method} {path}",
            "Plan the specified operations only; make it a ruling if it is needed.",
            f"{method} {path}" if f"{method} {path}" in unit.text else path,
        )


def _is_one(path: str, known: str) -> bool:
    return path == known or known.endswith(path) or (known != "/" and path.endswith(known)) or _is_sample(path, known)


def _is_sample(path: str, known: str) -> bool:
    """`/orders/ord_123` is an example of `/orders/{id}`: a value, by its digit or mark, in a parameter's place."""
    ours, theirs = path.split("/"), known.split("/")
    return len(ours) == len(theirs) and all(
        a == b or (b == "{}" and re.fullmatch(r"[\w.-]*[\d_-][\w.-]*", a)) for a, b in zip(ours, theirs, strict=True)
    )


def _settings(unit: Unit, given: Given) -> Iterator[Finding]:
    for name in dict.fromkeys(VARIABLE.findall(unit.text)):
        # Elsewhere a name in capitals may be an error code, a permission or a constant.
        if name not in given.names and (given.own or (_SETTING_NAME.search(name) and not name.startswith("TEST_"))):
            yield unit.finding("PA402", f"neither specs nor rulings name {name}", "Use a name that they have.", name)


def _values(unit: Unit, given: Given) -> Iterator[Finding]:
    """Numbers and paths. The value beside a limit is a test's business, and so is the data of test cases."""
    for token in exact_tokens(_CITED.sub(" ", unit.text)):
        if token.kind == "number":
            known = token.text in _SMALL or given.said.has(token) or (unit.proof and token.text not in _STATUSES)
            if not known and not _beside(token.text, given.said, proof=unit.proof):
                yield unit.finding(
                    "PA407", f"neither specs nor rulings have the value {token.text}", "Use theirs, or have it decided in a ruling.", token.text,
                )  # fmt: skip


def _files(unit: Unit, given: Given) -> Iterator[Finding]:
    """Files that no spec names and that lie in no folder of the layout."""
    for token in exact_tokens(_CITED.sub(" ", unit.text)) if given.folders else ():
        named = token.kind == "path" and _FILE.fullmatch(token.text)
        if named and not given.said.has(token) and not any(_within(f, token.text) for f in given.folders):
            yield unit.finding("PA913", f"{token.text} lies in no folder of the layout", "Use a folder that was decided.", token.text)


def _within(folder: str, file: str) -> bool:
    """A writer may leave out where a folder stands: `services/users.py` lies in `app/services`."""
    parent = file.rpartition("/")[0]
    return holds(folder, file) or f"/{folder.strip('./')}/".endswith(f"/{parent}/")


def _beside(text: str, said: Said, *, proof: bool) -> bool:
    """True for the neighbour of a value that is given; outside of tests no status is the neighbour of another."""
    if not text.isdigit() or (text in _STATUSES and not proof):
        return False
    return any(said.has_number(str(int(text) + step)) for step in (-1, 1))


def check_statuses(unit: Unit, *given: Said) -> Iterator[Finding]:
    """PA912: an operation's item has no status that neither its statement, nor a ruling, nor a convention has."""
    for number in sorted(numbers(unit.text) & _STATUSES):
        if len(number) == 3 and re.search(rf"(?<!\d){number}(?!\d)", unit.text) and not any(g.has_number(number) for g in given):
            yield unit.finding(
                "PA912", f"the status {number} is neither that of its statement nor of a ruling", "Use theirs, or have it decided in a ruling.", number,
            )  # fmt: skip
