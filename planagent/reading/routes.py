"""Questions about the shape of paths."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import combinations

from planagent.model import Endpoint, normalize_path

ACTIONS = re.compile(
    r"^(?:complete|toggle|submit|book|cancel|approve|reject|review|validate|verify|publish|archive|restore|activate|deactivate|"
    r"login|logout|register|refresh|signin|signup|signout|sign-in|sign-up|sign-out|upload|download|export|import|search|"
    r"calculate-\w+|send|start|stop|reset|confirm|duplicate|copy|upgrade[\w-]*|request-\w+|assign|unassign|enable|disable|lock|unlock)$"
)
"""Last parts of a path that are verbs."""
_MAKING = frozenset(
    ["register", "signup", "sign-up", "book", "upload", "import", "copy", "duplicate", "submit"]
)


def is_collection(endpoint: Endpoint, endpoints: tuple[Endpoint, ...]) -> bool:
    """A list: GET on a path whose items exist, or whose response holds an array."""
    if endpoint.method != "GET" or endpoint.path.endswith("}"):
        return False
    last = endpoint.path.rsplit("/", 1)[-1]
    envelopes = {"items", "data", "results", "records", "content", last}
    if any(
        f.name == "[]" or (f.type == "array" and f.name in envelopes) for f in endpoint.fields("response")
    ):
        return True
    return any(
        e.path.startswith(endpoint.path + "/{") or (e.method == "POST" and e.path == endpoint.path)
        for e in endpoints
    )


_MOST_PARTS = 8


def shadowed(endpoints: Iterable[Endpoint]) -> Iterator[tuple[Endpoint, Endpoint]]:
    """Pairs of one endpoint with a fixed part and another whose path parameter would swallow that part."""
    wanted = list(endpoints)
    known: dict[tuple[str, str], list[Endpoint]] = {}
    for endpoint in wanted:
        known.setdefault((endpoint.method, normalize_path(endpoint.path)), []).append(endpoint)
    for special in wanted:
        for path in _swallowing(special.path):
            yield from ((special, general) for general in known.get((special.method, path), ()))


def _swallowing(path: str) -> Iterator[str]:
    """Every path that has a parameter in the place of one or more fixed parts of this one."""
    parts = normalize_path(path).split("/")
    # More parts than that are changed at the end only, where routes differ.
    fixed = [n for n, part in enumerate(parts) if part and part != "{}"][-_MOST_PARTS:]
    for count in range(1, len(fixed) + 1):
        for chosen in combinations(fixed, count):
            yield "/".join("{}" if n in chosen else part for n, part in enumerate(parts))


def says_success(endpoint: Endpoint) -> bool:
    """True when the specs give the status of success."""
    return any(200 <= s < 300 for s in endpoint.statuses)


def success_status(endpoint: Endpoint) -> int:
    """The status of success as the specs give it, else the usual one of the method."""
    good = [s for s in endpoint.statuses if 200 <= s < 300]
    usual = {"POST": 201, "DELETE": 204}.get(endpoint.method, 200)
    if good:
        return usual if usual in good else good[0]
    last = endpoint.path.rstrip("/").rsplit("/", 1)[-1].rsplit(":", 1)[-1]
    if endpoint.method == "POST" and ACTIONS.match(last) and last not in _MAKING:
        return 200
    return 200 if usual == 204 and endpoint.fields("response") else usual
