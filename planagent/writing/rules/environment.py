"""Section 2 by rule: packages, settings, variables."""

from __future__ import annotations

import re

from planagent.model import EnvVar, Obligation
from planagent.planning.drafts import SetupItem, SetupSection, TaskText
from planagent.planning.outline import Outline
from planagent.writing.rules.phrases import code, item_base, names, task

_SECRET = re.compile(r"SECRET|PASSWORD|TOKEN|PRIVATE|_KEY$|DATABASE|DB_URL|DSN|CONNECTION")
_OPTIONAL = re.compile(
    r"DEBUG|LEVEL|SIZE|COUNT|HOST|PORT|ALGORITHM|EXPIR|TTL|HOURS|MINUTES|PREFIX|TIMEOUT|POOL|ENV$|ENVIRONMENT$"
)


def write(outline: Outline) -> SetupSection:
    items = [_topic(outline, o) if o.kind == "topic" else _variable(outline, o) for o in outline.section(2)]
    return SetupSection(intro=_intro(outline), items=items, tasks=_tasks(outline))


def _intro(outline: Outline) -> list[str]:
    settings = code(outline.blueprint.file("settings"))
    return [
        f"{settings} reads every variable once, at {outline.profile.words['server_start']}, and is the only reader of the environment.",
        "A variable that is malformed, or missing where its item gives nothing in its place, stops the start with one message that names all of them; no message, log line or printed form shows a secret's value.",
    ]


def _topic(outline: Outline, obligation: Obligation) -> SetupItem:
    topic = obligation.id.removeprefix("topic:setup.")
    base = item_base(outline, obligation.id, obligation.label[:1].upper() + obligation.label[1:])
    kind = next((t.technology for t in outline.profile.topics if t.id == f"setup.{topic}"), "")
    chosen = [
        t for t in outline.corpus.facts.technologies if kind and t.kind == kind and t.side != "frontend"
    ]
    shown = ", ".join(t.name + (f" {t.version}" if t.version else "") for t in chosen[:5])
    file = outline.blueprint.file
    steps = {
        "framework": [
            f"Pin it in {code(file('dependencies'))}; a version that the specs give is taken exactly."
        ],
        "server": [
            "Start the application through it; host and port come from the settings where variables for them exist."
        ],
        "orm": [
            f"Use it in {code(outline.blueprint.layout.folders['models'])} and the services; no query text elsewhere."
        ],
        "engine": [
            f"Create one asynchronous engine in {code(file('engine'))}; no synchronous call to the database on a request's path."
        ],
        "connection": [
            f"Build the engine's address from the settings, with TLS as the address asks for it{outline.cites('database.url-parameters')}."
        ],
        "migrations": [
            f"Installed with the first revision, not before{outline.cites('database.migrations')}."
            if outline.ruling("database.migrations")
            else "It runs by command, never when the application starts."
        ],
        "auth-library": [_auth_step(outline)],
        "settings": [f"One typed settings object in {code(file('settings'))}, made once."],
        "cors": [
            f"Split the list of origins into exact values; refuse `*` when credentials are allowed{outline.cites('cors.absent')}."
        ],
        "logging": [f"Set format and level in {code(file('log_setup'))}; write to standard output."],
        "env-local": [
            f"List every variable of this section in {code(file('env_example'))} with a placeholder, and copy it for local work; the copy stays out of version control."
        ],
        "env-production": [
            "Values come from the host's secret store; no environment file goes into an image.",
            *_production(outline),
        ],
    }[topic]
    return SetupItem(**base, value=shown, setup=steps)


def _auth_step(outline: Outline) -> str:
    if outline.blueprint.own_login:
        return f"Use it for passwords and tokens as section 4 says{outline.cites('auth.issuer')}."
    return f"It runs outside this backend, which verifies what it issues{outline.cites('auth.outside')}."


def _production(outline: Outline) -> list[str]:
    present = {v.name for v in outline.corpus.facts.env_vars if v.side != "frontend"}
    rules = ["`DEBUG` is off."] if "DEBUG" in present else []
    secrets = sorted(n for n in present if _SECRET.search(n))
    if secrets:
        rules.append(
            f"{names(secrets[:4])}: made new for production and never shared with local work{outline.cites('secrets.leaked')}."
        )
    return rules


def _variable(outline: Outline, obligation: Obligation) -> SetupItem:
    name = obligation.label
    variable = next((v for v in outline.corpus.facts.env_vars if v.name == name), EnvVar(name, "backend", ()))
    base = item_base(outline, obligation.id, code(name))
    default = variable.default.rstrip(",;")
    if (
        (_SECRET.search(name) and not _OPTIONAL.search(name))
        or ("://" in default and "@" in default)
        or "[masked" in default
        or len(default) > 80
    ):
        default = ""
    reference = re.fullmatch(r"\$\{?(\w+)\}?", variable.default)
    value = (
        f"refers to {code(reference[1])}" if reference else f"{code(default)} in the specs" if default else ""
    )
    missing = f"{code(default)} is used." if default and _OPTIONAL.search(name) and not reference else ""
    if name == "DEBUG":
        missing = "It is off."
    if reference:
        missing = f"{code(reference[1])} is used."
    if _unused(outline, name):
        missing = "Nothing happens, since nothing uses it."
    return SetupItem(
        **base,
        value=value,
        readers=_reader(outline, name) + _unused(outline, name),
        setup=_set_up(outline, name, variable.default, reference[1] if reference else ""),
        when_missing=missing or "The start stops and names it.",
    )


def _set_up(outline: Outline, name: str, default: str, reference: str) -> list[str]:
    """The checks of a variable's value."""
    if reference:
        return [
            f"Where it is given, it holds the same value as {code(reference)}; an unexpanded `${{…}}` is refused."
        ]
    origins = [v.name for v in outline.corpus.facts.env_vars if "ORIGIN" in v.name and v.side != "frontend"]
    if name == "DEBUG" and origins:
        return [
            *_checks(name, default),
            f"On together with an origin in {code(origins[0])} that is not of this machine, the start stops.",
        ]
    return _checks(name, default)


def _reader(outline: Outline, name: str) -> str:
    file = outline.blueprint.file
    for pattern, role in (
        (r"(?:DB|DATABASE|POSTGRES|MYSQL|MONGO).*(?:URL|URI|DSN|HOST|NAME|USER|PASSWORD|POOL)|^DB_|POOL", "engine"), (r"CORS|ORIGIN|HOST|PORT|PREFIX", "main"), (r"JWT|SECRET|AUTH|TOKEN", "tokens"),
        (r"LOG|DEBUG", "log_setup"),
    ):  # fmt: skip
        if re.search(pattern, name):
            return code(file(role)) + " through the settings"
    return code(file("settings"))


def _unused(outline: Outline, name: str) -> str:
    """The auth server's address has no reader where the backend signs users in itself."""
    if outline.blueprint.own_login and re.search(r"AUTH\w*_URL$", name) and outline.ruling("auth.issuer"):
        return f"; only its form is checked, nothing uses it{outline.cites('auth.issuer')}"
    return ""


def _duration(default: str) -> str:
    """`15m` and `7d` carry their unit; a bare number has it in the variable's name."""
    if re.fullmatch(r"\d+\s*[a-zA-Z]+", default):
        return f"A positive duration with its unit, as in {code(default)}."
    return "A positive whole number."


def _checks(name: str, default: str) -> list[str]:
    for pattern, check in (
        (r"SECRET|_KEY$", "At least 32 characters; an unexpanded `${…}` is refused."),
        (
            r"(?:DB|DATABASE|POSTGRES|MYSQL|MONGO)\w*(?:URL|URI|DSN)$|CONNECTION_STRING",
            "Checked as an address with scheme, host and database name.",
        ),
        (r"ORIGINS?$", "Comma-separated; each part an exact origin with scheme and without a path."),
        (r"_URL$|_URI$", "Checked as an absolute address."),
        (r"EXPIR|TTL|TIMEOUT|HOURS$|MINUTES$|SECONDS$|DAYS$", _duration(default)),
        (
            r"POOL|SIZE$|COUNT$|PORT$",
            "A positive whole number.",
        ),
        (r"DEBUG|ENABLED?$", "A boolean, off by default."),
        (r"ALGORITHM$", "One fixed name; any other stops the start."),
        (r"LEVEL$", "One of the log levels; any other stops the start."),
    ):
        if re.search(pattern, name):
            return [check]
    return ["Read as text; empty counts as missing."]


def _tasks(outline: Outline) -> list[TaskText]:
    variables = [o.label for o in outline.section(2) if o.kind == "env"]
    packages = [
        t
        for t in outline.corpus.facts.technologies
        if t.side != "frontend" and t.kind not in ("language", "ops", "tooling")
    ]
    later = {"migrations"} if outline.ruling("database.migrations") else set()
    pinned = [f"{t.name} {t.version}" for t in packages if t.version and t.kind not in {"test", *later}][:10]
    tests = [f"{t.name} {t.version}".strip() for t in packages if t.kind == "test"][:4]
    languages = [
        f"{t.name} {t.version}"
        for t in outline.corpus.facts.technologies
        if t.side != "frontend"
        and t.kind == "language"
        and re.fullmatch(r"\d{1,3}(?:\.[\dx]+)*\+?", t.version)
    ][:2]
    advice = [a.text for a in outline.advice if a.item == "setup.dependencies"]
    found = [
        task("setup.dependencies", [f"Pin exactly what the specs give: {', '.join(pinned)}." if pinned else "Pin every package that section 2 names to one version.",
                                    *([f"Demand the language version of the specs: {', '.join(languages)}."] if languages else []),
                                    f"Take the test packages{' (' + ', '.join(tests) + ')' if tests else ''} into a list of their own.", *(f"[lib] {a}" for a in advice)],
             "A clean install on an empty machine succeeds twice with the same versions."),
        task("config.settings", [f"Declare {names(variables)} with the checks of their items." if variables else "Declare host, port and log level with safe defaults" + (", and the database's address without one" if outline.blueprint.models else "") + "; the specs name no variable.",
                                 "Load once and hand the object on; refuse to start on any fault, listing all of them."],
             "Good values start; each malformed variable, and each missing one that its item demands, stops the start and is named; the printed form hides secrets."),
        task("config.env-files", ["Write every variable with a placeholder and one line on its form.", "Add the local environment file to the version control's ignore list."],
             "The example names every variable that the settings read, and no secret in it would work in production."),
        task("config.logging", ["Apply the format and levels of the specs where they give them; else time, level, logger and message.", "Filter credentials, tokens and passwords out of every record."],
             "A record at each level has the format, and a logged token appears masked."),
    ]  # fmt: skip
    return [t for t in found if t.key in outline.tasks]
