"""The names that all sections share: which file holds what, which operation an endpoint calls, which schemas.

Derived from the facts by rule; a model may adjust them in the deciding call. Sections elaborate these names,
and a check proves that they use them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace

from planagent.model import Corpus, Endpoint, Entity
from planagent.planning.casing import cased, pascal, snake
from planagent.planning.layout import Layout, find_layout
from planagent.planning.profile import Profile
from planagent.reading.accounts import names_credential
from planagent.reading.naming import singular
from planagent.reading.routes import ACTIONS, is_collection, says_success, success_status

_CREDENTIALS = re.compile(r"/(?:login|register|sign-?in|sign-?up|token|refresh|logout|sign-?out|verify)$")
_HEALTH = re.compile(r"^/(?:api/)?(?:v\d+/)?(?:health\w*|ping|status|ready|live)?$")
_USER_SEGMENT = re.compile(r"^\{(?:user_?id|userId|uid)\}$", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Operation:
    """One service operation. `kind`: list, get, create, update, delete, action, credentials."""

    name: str
    resource: str
    file: str
    kind: str
    endpoints: tuple[str, ...]

    @property
    def call(self) -> str:
        return f"`{self.name}()`"


@dataclass(frozen=True, slots=True)
class Handler:
    """The names around one endpoint. `tags` are what rulings select by."""

    endpoint: Endpoint
    resource: str
    controller: str
    file: str
    request: str
    response: str
    operation: str
    tags: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Resource:
    """A family of endpoints with its files; `entity` is the stored thing behind it, if any."""

    name: str
    one: str
    entity: str
    route: str
    service: str
    schema: str
    test_api: str
    test_service: str
    keys: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Blueprint:
    layout: Layout
    resources: dict[str, Resource]
    handlers: dict[str, Handler]
    operations: dict[str, Operation]
    models: dict[str, str]
    """Entity name to the file of its model."""
    own_login: bool = False
    protected: bool = False
    notes: tuple[str, ...] = field(default=())

    def file(self, role: str) -> str:
        return self.layout.roles[role]

    def names(self) -> set[str]:
        """Every function and schema name; a plan may use these and no other of their kind."""
        found = {o.name for o in self.operations.values()}
        for h in self.handlers.values():
            found |= {h.controller, h.request, h.response}
        return {name for name in found if name}


def make_blueprint(corpus: Corpus, profile: Profile) -> Blueprint:
    """The rule-made blueprint; the same corpus and profile always give the same names."""
    layout = find_layout(corpus, profile)
    endpoints = corpus.facts.endpoints
    entities = {e.name: e for e in corpus.facts.entities}
    stored = frozenset(name.lower() for name in entities)
    resources = _resources(endpoints, entities, layout, stored)
    protected = (
        any(e.auth == "required" for e in endpoints)
        or any(t.name in ("JWT", "Better Auth", "Spring Security") for t in corpus.facts.technologies)
        or names_credential(corpus)
    )
    handlers: dict[str, Handler] = {}
    operations: dict[str, Operation] = {}
    taken: set[str] = set()
    for endpoint in endpoints:
        resource = resources[resource_name(endpoint, stored)]
        operation = _operation(endpoint, resource, endpoints, entities, profile, operations)
        if operation:
            known = operations.get(operation.name)
            keys = (*(known.endpoints if known else ()), endpoint.key)
            operations[operation.name] = replace(operation, endpoints=keys)
        controller = unique(_controller(endpoint, operation, profile), taken, endpoint.method)
        request, response = _schemas(endpoint, resource, operation)
        handlers[endpoint.key] = Handler(
            endpoint, resource.name, controller, resource.route, request, response,
            operation.name if operation else "", _tags(endpoint, endpoints, protected),
        )  # fmt: skip
    models = {name: layout.model(name) for name in entities}
    own = any(
        _CREDENTIALS.search(e.path) and e.method == "POST" and e.fields("body") for e in endpoints
    ) or any(
        f.name in ("password_hash", "hashed_password") and not e.managed_by
        for e in entities.values()
        for f in e.fields
    )
    return Blueprint(layout, resources, handlers, operations, models, own, protected)


def segments(path: str) -> list[str]:
    """The parts of a path without the API prefix, the version and a leading user id."""
    parts = [p for p in path.split("/") if p]
    while parts and (parts[0].lower() == "api" or re.fullmatch(r"v\d+(?:beta\d*)?", parts[0])):
        parts = parts[1:]
    if len(parts) > 1 and _USER_SEGMENT.match(parts[0]):
        parts = parts[1:]
    return parts


def resource_name(endpoint: Endpoint, stored: frozenset[str] = frozenset()) -> str:
    """The family an endpoint belongs to: the last part of its path that names a stored entity, else the first part.

    Args:
        stored: lower-case entity names.
    """
    if _HEALTH.match(endpoint.path):
        return "health"
    parts = segments(endpoint.path)
    fixed = [p.lower() for p in parts if not p.startswith("{")]
    named = [p for p in fixed if singular(re.sub(r"[^a-z0-9]", "", p)) in stored]
    if named and fixed[0] not in ("auth", "me"):
        return named[-1]
    first = next(iter(fixed), "root")
    return "health" if first in ("health", "healthz", "ping", "status") and len(parts) == 1 else first.lower()


def is_health(endpoint: Endpoint) -> bool:
    return resource_name(endpoint) == "health"


def _resources(
    endpoints: tuple[Endpoint, ...], entities: dict[str, Entity], layout: Layout, stored: frozenset[str]
) -> dict[str, Resource]:
    found: dict[str, list[Endpoint]] = {}
    for endpoint in endpoints:
        found.setdefault(resource_name(endpoint, stored), []).append(endpoint)
    result = {}
    for name, members in found.items():
        one = singular(re.sub(r"[^a-z0-9]+", "_", name).strip("_")) or name
        entity = next((e for e in entities if snake(e) == one or e.lower() == one.replace("_", "")), "")
        if not entity and name in (
            "auth",
            "users",
            "user",
            "account",
            "session",
            "login",
            "register",
            "me",
            "profile",
        ):
            entity = "User" if "User" in entities else ""
        service_stem = snake(entity) if entity and name == "auth" else one
        result[name] = Resource(
            name, one, entity, layout.route(name, one), layout.service(service_stem), layout.schema(one),
            layout.test("test_api", name, one), layout.test("test_service", name, service_stem), tuple(e.key for e in members),
        )  # fmt: skip
    return result


def _operation(
    endpoint: Endpoint,
    resource: Resource,
    endpoints: tuple[Endpoint, ...],
    entities: dict[str, Entity],
    profile: Profile,
    known: dict[str, Operation],
) -> Operation | None:
    """The service operation behind an endpoint, or None where none is needed (health, the caller's own record)."""
    if resource.name == "health":
        return None
    parts = segments(endpoint.path)
    tail = parts[-1] if parts else resource.name
    if tail == "me" and endpoint.method == "GET":
        return None
    kind, name = _verb(endpoint, parts, resource, endpoints, entities, profile)
    name = cased(name, profile.case)
    if name in known and endpoint.key not in known[name].endpoints:
        suffix = {"PATCH": "partially", "PUT": "fully"}.get(
            endpoint.method, snake("_".join(p.strip("{}") for p in parts))
        )
        name = cased(f"{snake(name)}_{suffix}", profile.case)
    candidate, number = name, 2
    while candidate in known and endpoint.key not in known[candidate].endpoints:
        candidate = numbered_name(name, endpoint.method, number)
        number += 1
    return Operation(candidate, resource.name, resource.service, kind, (endpoint.key,))


def _verb(
    endpoint: Endpoint,
    parts: list[str],
    resource: Resource,
    endpoints: tuple[Endpoint, ...],
    entities: dict[str, Entity],
    profile: Profile,
) -> tuple[str, str]:
    """Kind and snake-case name of the operation."""
    whole = [p.lower() for p in parts if not p.startswith("{")]
    home = len(whole) - 1 - whole[::-1].index(resource.name) if resource.name in whole else 0
    statics = [snake(p) for p in whole][home:]
    above = singular(snake(whole[home - 1])) if home else ""
    tail = parts[-1] if parts else resource.name
    method = endpoint.method
    if _CREDENTIALS.search(endpoint.path):
        word = snake(tail)
        names = {"register": "create_user", "signup": "create_user", "sign_up": "create_user", "login": "authenticate_user",
                 "signin": "authenticate_user", "sign_in": "authenticate_user", "refresh": "refresh_token", "verify": "verify_token",
                 "logout": "end_session", "signout": "end_session", "sign_out": "end_session", "token": "issue_token"}  # fmt: skip
        return "credentials", names.get(word, f"{word}_user")
    verb = re.search(r"\}:(\w+)$", tail)
    if verb:
        return "action", snake(verb[1])
    subject = (
        "_".join([*(singular(s) for s in statics[:-1]), singular(statics[-1])]) if statics else resource.one
    )
    if tail.startswith("{"):
        verbs = {"GET": ("get", profile.service_names.get("get", "get_{one}")), "PUT": ("update", "update_{one}"),
                 "PATCH": ("update", "update_{one}"), "DELETE": ("delete", "delete_{one}"), "POST": ("create", "create_{one}")}  # fmt: skip
        kind, pattern = verbs.get(method, ("action", method.lower() + "_{one}"))
        return kind, pattern.format(one=subject)
    last = snake(tail)
    if len(parts) > 1 and ACTIONS.match(tail.lower()):
        owner = "_".join(singular(s) for s in statics[:-1]) or resource.one
        return "action", f"{last}_{owner}"
    parent = "_".join(singular(s) for s in statics[:-1])
    many = f"{parent}_{last}".strip("_")
    if (
        len(parts) == 2
        and not parts[0].startswith("{")
        and re.search(r"(?:ed|ing|ive|done|open|all|old)$", last)
    ):
        many = f"{last}_{statics[0]}"
    if method == "GET":
        if is_collection(endpoint, endpoints):
            entity = entities.get(resource.entity)
            owned = (
                endpoint.auth == "required"
                and entity is not None
                and any(re.match(r"(?i)user_?id", f.name) for f in entity.fields)
            )
            pattern = profile.service_names.get("list", "list_{many}") if owned else "list_{many}"
            if above and "_by_user" in profile.service_names.get("list", ""):
                pattern = "get_{many}_by_" + above
            return "list", pattern.format(many=many)
        return "get", f"get_{many}"
    if method == "POST":
        return "create", f"create_{subject}"
    if method in ("PUT", "PATCH"):
        return "update", f"update_{many}"
    if method == "DELETE":
        return "delete", f"delete_{many}"
    return "action", f"{method.lower()}_{many}"


def _controller(endpoint: Endpoint, operation: Operation | None, profile: Profile) -> str:
    if endpoint.operation_id and re.fullmatch(r"[A-Za-z]\w*", endpoint.operation_id):
        return cased(snake(endpoint.operation_id), profile.case)
    if operation is None:
        parts = [snake(p) for p in segments(endpoint.path) if not p.startswith("{")]
        word = parts[-1] if parts else "root"
        if word == "me":
            return cased("get_me", profile.case)
        return cased(word if endpoint.method == "GET" else f"{endpoint.method.lower()}_{word}", profile.case)
    if operation.kind == "credentials":
        return cased(snake(segments(endpoint.path)[-1]), profile.case)
    name = snake(operation.name)
    name = re.sub(r"_by_\w+$", "", name)
    return cased(re.sub(r"^get_", "list_", name) if operation.kind == "list" else name, profile.case)


def _schemas(endpoint: Endpoint, resource: Resource, operation: Operation | None) -> tuple[str, str]:
    """Request and response schema names; '' where there is no body."""
    stem = pascal(resource.entity or resource.one)
    kind = operation.kind if operation else ""
    body, answer = endpoint.fields("body"), endpoint.fields("response")
    own = pascal(snake(operation.name)) if operation else pascal(resource.one)
    request = endpoint.request_schema
    if not request and (
        body or (endpoint.method in ("POST", "PUT", "PATCH") and kind in ("create", "update"))
    ):
        word = segments(endpoint.path)[-1] if segments(endpoint.path) else ""
        credentials = pascal(snake(word)) + "Request"
        request = {"create": f"{stem}Create", "update": f"{stem}Update", "credentials": credentials}.get(
            kind, f"{own}Request"
        )
        if kind in ("create", "update") and _nested(endpoint, resource):
            request = f"{own}Request"
    response = endpoint.response_schema
    if not response and 204 not in endpoint.statuses:
        names = {f.name for f in answer}
        if names and names <= {"message", "success", "status", "detail"} and "message" in names:
            response = "MessageResponse" if resource.name != "health" else ""
        elif "access_token" in names or ("token" in names and kind == "credentials"):
            response = "TokenResponse"
        elif kind == "list":
            nested = [pascal(singular(snake(p))) for p in segments(endpoint.path) if not p.startswith("{")]
            response = f"{''.join(nested) if _nested(endpoint, resource) else stem}ListResponse"
        elif (kind in ("create", "get", "update") and not _nested(endpoint, resource)) or (
            (kind == "action" and "id" in names)
            or (segments(endpoint.path) or [""])[-1] in ("me", "register")
        ):
            response = f"{stem}Response"
        elif names and resource.name != "health":
            response = f"{own}Response"
    return request, response


def _nested(endpoint: Endpoint, resource: Resource) -> bool:
    """True when the path goes on below the resource's own part (`/tasks/{id}/comments` of tasks)."""
    fixed = [p.lower() for p in segments(endpoint.path) if not p.startswith("{")]
    return len(fixed) > 1 and fixed[-1] != resource.name


def _tags(endpoint: Endpoint, endpoints: tuple[Endpoint, ...], protected: bool) -> tuple[str, ...]:
    tags = ["endpoint", f"endpoint:{endpoint.method}", f"endpoint:{endpoint.label}"]
    if is_collection(endpoint, endpoints):
        tags.append("endpoint:list")
    if any(
        p.name in ("limit", "skip", "offset", "page", "page_size", "pageSize", "per_page")
        for p in endpoint.fields("query")
    ):
        tags.append("endpoint:paged")
    # What nobody called public is protected wherever anything is: the other mistake would open it to strangers.
    credentials = _CREDENTIALS.search(endpoint.path) is not None
    silent = endpoint.auth == "unknown" and protected and not credentials and not is_health(endpoint)
    if endpoint.auth == "required" or silent:
        tags.append("endpoint:protected")
    if not credentials and re.search(r"\{[^}]+\}", "/".join(segments(endpoint.path))):
        tags.append("endpoint:item")
    if credentials:
        tags.append("endpoint:credentials")
    if re.search(r"/(?:login|sign-?in)$", endpoint.path):
        tags.append("endpoint:sign-in")
    if (
        endpoint.fields("body")
        and endpoint.method in ("POST", "PUT", "PATCH")
        and not _CREDENTIALS.search(endpoint.path)
    ):
        tags.append("endpoint:body")
    if not says_success(endpoint):
        tags.append("endpoint:success-unsaid")
    if success_status(endpoint) == 204:
        tags.append("endpoint:empty")
    return tuple(tags)


def numbered_name(name: str, hint: str, number: int) -> str:
    return f"{name}_{hint.lower()}" if number == 2 else f"{name}_{hint.lower()}_{number}"


def unique(name: str, taken: set[str], hint: str) -> str:
    """The name, or the name with the method and then a number when it is taken; remembers what it gave."""
    candidate, number = name, 2
    while candidate in taken:
        candidate = numbered_name(name, hint, number)
        number += 1
    taken.add(candidate)
    return candidate
