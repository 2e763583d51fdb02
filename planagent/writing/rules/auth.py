"""Section 4 by rule: how callers prove who they are."""

from __future__ import annotations

import re

from planagent.planning.drafts import AuthItem, AuthSection, TaskText
from planagent.planning.outline import Outline
from planagent.reading.search import search
from planagent.writing.rules.phrases import code, item_base, names, task


def write(outline: Outline) -> AuthSection:
    if not outline.blueprint.protected:
        return AuthSection(
            intro=[
                "The specs define no authentication: every endpoint is open to every caller, and nothing of this section is built."
            ]
        )
    items = []
    for obligation in outline.section(4):
        base = item_base(outline, obligation.id, obligation.label[:1].upper() + obligation.label[1:])
        approach, rules = _TOPICS[obligation.id](outline)
        items.append(AuthItem(**base, approach=approach, rules=rules))
    return AuthSection(intro=[], items=items, tasks=_tasks(outline))


def algorithm(outline: Outline) -> str:
    """The signing algorithm that the specs name, '' when they name none."""
    for place in search(
        outline.corpus, r"\b(?:HS|RS|ES)(?:256|384|512)\b", roles=("backend", "constitution"), most=1
    ):
        document = outline.corpus.document(place.file)
        match = (
            re.search(r"\b(?:HS|RS|ES)(?:256|384|512)\b", document.lines[place.line - 1])
            if document
            else None
        )
        if match:
            return match[0]
    return ""


def secret_variable(outline: Outline) -> str:
    """The variable that holds the signing secret."""
    present = [o.label for o in outline.section(2) if o.kind == "env"]
    aliases = {v.name for v in outline.corpus.facts.env_vars if v.default.startswith("$")}
    return next(
        (n for n in present if "SECRET" in n and n not in aliases),
        next((n for n in present if "SECRET" in n), ""),
    )


def token_lifetime(outline: Outline) -> str:
    """How long a token is valid, as the specs say it (`24 hours`), or where to read it."""
    variable = next((v for v in outline.corpus.facts.env_vars if "EXPIR" in v.name), None)
    by = f"the time in {code(variable.name)}" if variable else ""
    for document in outline.corpus.read:
        for line in document.lines:
            match = re.search(
                r"(?i)(?:token|jwt|session)\b.{0,30}?\b(?:expir\w*|valid|lifetime).{0,20}?(\d+\s*(?:hours?|days?|minutes?))",
                line,
            )
            if match and len(line) < 400 and document.role != "frontend":
                return f"{by}, {match[1]} in the specs" if by else match[1]
    return by or "the lifetime that the specs give, else 24 hours"


def hashing(outline: Outline) -> str:
    """Algorithm and cost of password hashing, as far as the specs give them."""
    name = next((t.name for t in outline.corpus.facts.technologies if t.name in ("bcrypt", "Argon2")), "")
    for place in search(
        outline.corpus,
        r"(?i)\b(?:rounds|cost factor|work factor)\b\W{0,8}\d+|\d+ rounds",
        roles=("backend", "constitution"),
        most=1,
    ):
        document = outline.corpus.document(place.file)
        cost = (
            re.search(r"\d+", document.lines[place.line - 1].split("ounds", 1)[-1] or "")
            if document
            else None
        )
        if cost and name:
            return f"{name}, {cost[0]} rounds"
    return name


def _uses_keys(outline: Outline) -> bool:
    return not any(t.name in ("JWT", "Better Auth") for t in outline.corpus.facts.technologies) and bool(
        search(outline.corpus, r"(?i)api[- ]key", most=1)
    )


def _session(outline: Outline) -> tuple[str, list[str]]:
    if _uses_keys(outline):
        return "The credential is an API key in a request header; there is no session.", [
            "Compare keys by their stored hash and in constant time.",
            "An inactive key counts as a known caller that is not allowed.",
        ]
    name, secret = algorithm(outline), secret_variable(outline)
    by = f" with {name}" if name else outline.cites("auth.algorithm")
    joined = "and" if name else "with"
    key = f" {joined} the secret in {code(secret)}" if secret else ""
    rules = [
        f"Verify the signature{by}{key}; the accepted algorithm is fixed in the verifier and never read from the token.",
        "Demand a subject and an expiry; a token without either is refused.",
    ]
    if any(
        "user_id" in h.endpoint.path or "userId" in h.endpoint.path
        for h in outline.blueprint.handlers.values()
    ):
        rules.append(
            "Where the path carries a user id, it must equal the token's; a mismatch answers 403 before any look-up."
        )
    if outline.blueprint.own_login:
        lifetime = token_lifetime(outline)
        rules.append(f"Issue the token at sign-in, valid for {lifetime}{outline.cites('auth.issuer')}.")
        rules.append("An unknown account and a wrong password answer alike and take alike long.")
    return "A session is a signed, unexpired token; the server keeps none.", rules


def _sync(outline: Outline) -> tuple[str, list[str]]:
    user = outline.entity("User")
    if outline.blueprint.own_login:
        return f"None: users are stored when they register{outline.cites('auth.issuer')}.", []
    if user and user.managed_by:
        return f"None: {user.managed_by} writes the users, the backend reads their ids.", [
            "The token's subject is the user id, taken as text."
        ]
    return (
        f"None: the token's subject is the user id, and no record of it is needed{outline.cites('checklist.user-sync')}.",
        [],
    )


def _cookies(outline: Outline) -> tuple[str, list[str]]:
    cites = outline.cites("auth.transport") or outline.cites("checklist.cookies")
    return f"No cookie is read or set{cites}.", []


def _protection(outline: Outline) -> tuple[str, list[str]]:
    public = [
        h.endpoint.label for h in outline.blueprint.handlers.values() if "endpoint:protected" not in h.tags
    ]
    open_rule = (
        f"Public: {names(public, 8)}; they stand in one allow-list{outline.cites('api.public')}, and the check lets them through by method and exact path."
        if public
        else "No endpoint is public."
    )
    return (
        f"Protection is {outline.profile.words['injection']} on the whole router, so that a new route is protected by default.",
        [
            open_rule,
            "The owner in a query comes from the credential, never from the body.",
            *(
                [
                    f"A switched-off caller is refused after the credential was found good{outline.cites('account.inactive')}."
                ]
                if outline.ruling("account.inactive")
                else []
            ),
        ],
    )


def _me(outline: Outline) -> tuple[str, list[str]]:
    return "Answers with the current user and calls no service.", [
        "Returns the fields of its specification only; a password hash never leaves the server."
    ]


def _errors(outline: Outline) -> tuple[str, list[str]]:
    rules = (
        ["401: header missing, key empty, malformed or unknown; one message for all."]
        if _uses_keys(outline)
        else [
            "401: header missing, other scheme, malformed, bad signature, expired, other algorithm; one message for all.",
            "401: subject missing, of the wrong form, or of a user who no longer exists; it must not become 500.",
        ]
    )
    if outline.ruling("account.inactive"):
        rules.append(f"403: the account is switched off{outline.cites('account.inactive')}.")
    elif search(outline.corpus, r"\b403\b", most=1):
        rules.append("403: the credential is good and the caller may not do this.")
    rules.append("The precise reason goes to the log, never into the answer.")
    return "Every refusal uses the one error body of section 8.", rules


def _frontend_cookies(outline: Outline) -> tuple[str, list[str]]:
    cites = outline.cites("auth.transport") or outline.cites("checklist.cookies")
    return (
        f"Cookies of the frontend stay between the browser and the frontend; the backend ignores them{cites}.",
        [],
    )


_TOPICS = {
    "topic:auth.session": _session,
    "topic:auth.user-sync": _sync,
    "topic:auth.cookies": _cookies,
    "topic:auth.protection": _protection,
    "topic:auth.me": _me,
    "topic:auth.errors": _errors,
    "topic:auth.frontend-cookies": _frontend_cookies,
}


def _tasks(outline: Outline) -> list[TaskText]:
    verify = ["Verify by the rules of the session item."]
    if outline.blueprint.own_login:
        verify.insert(0, "Issue tokens with subject, issue time and expiry.")
    advice = [f"[lib] {a.text}" for a in outline.advice if a.item == "auth.password"]
    found = [
        task("auth.tokens", [*verify, "Raise one exception for every fault, with the reason for the log only."],
             "A good token passes; expired, altered, unsigned, foreign-algorithm and subject-less ones raise the same exception."),
        task("auth.password", [f"Hash with {hashing(outline)}." if hashing(outline) else "Hash with the algorithm and cost that the specs give.", "Verify in constant time; a hash that cannot be read counts as wrong.", *advice],
             "One round of hash and verify succeeds, a changed letter fails, and two hashes of one password differ."),
        task("auth.current-user", ["Read the credential, verify it, load the caller where a stored user exists.", "Put it on the routers by the protection item; keep the allow-list in one place."],
             "On a bare application with one protected route, each refusal of the auth errors item is reproduced, and without a credential the answer is 401."),
    ]  # fmt: skip
    return [t for t in found if t.key in outline.tasks]
