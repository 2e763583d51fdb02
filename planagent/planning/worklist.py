"""The tasks as the blueprint fixes them: title, file, phase, what they cover and what they need.

Sections and briefs fill in how; a task's identity is its key, which says what it covers and never moves.
"""

from __future__ import annotations

from dataclasses import replace

from planagent.model import Corpus, Obligation
from planagent.planning.blueprint import Blueprint, Resource
from planagent.planning.gives import with_gives
from planagent.planning.profile import Profile
from planagent.planning.requirements import assign_requirements
from planagent.planning.rulings import Docket
from planagent.planning.tasks import PHASES, TaskSpec
from planagent.reading.routes import shadowed
from planagent.reading.search import search, uses_database


class _Builder:
    """Collects tasks; drops needs of tasks that the corpus did not call for."""

    def __init__(self, obligations: dict[str, Obligation]) -> None:
        self.obligations = obligations
        self.tasks: dict[str, TaskSpec] = {}

    def add(
        self,
        key: str,
        section: int,
        title: str,
        file: str,
        phase: str,
        covers: list[str],
        needs: list[str],
        proof: str = "",
    ) -> None:
        known = tuple(c for c in covers if c in self.obligations)
        self.tasks[key] = TaskSpec(
            key, section, title, file, phase, known, tuple(needs), (f"task:{key}",), proof=proof
        )

    def finish(self) -> dict[str, TaskSpec]:
        present = set(self.tasks)
        return {
            k: replace(t, needs=tuple(n for n in dict.fromkeys(t.needs) if n in present and n != k))
            for k, t in self.tasks.items()
        }


def make_worklist(
    corpus: Corpus, profile: Profile, blueprint: Blueprint, obligations: dict[str, Obligation], docket: Docket
) -> dict[str, TaskSpec]:
    """Every task by key. Each obligation is covered by at least one; needs are acyclic by construction of phases."""
    build = _Builder(obligations)
    _foundation(build, blueprint, obligations)
    _data(build, blueprint, corpus)
    _auth(build, blueprint)
    for resource in blueprint.resources.values():
        _resource(build, blueprint, corpus, resource)
    _application(build, blueprint, corpus)
    _tests(build, blueprint, corpus)
    tasks = assign_requirements(corpus, blueprint, obligations, _cover_rest(build.finish(), obligations))
    return with_gives(tasks, profile) | _conditional(docket, tasks)


def _cover_rest(tasks: dict[str, TaskSpec], obligations: dict[str, Obligation]) -> dict[str, TaskSpec]:
    """No demand is left without a task: what no rule placed goes to the first task of its section."""
    covered = {c for t in tasks.values() for c in t.covers}
    result = dict(tasks)
    for demand in obligations.values():
        if demand.id not in covered and demand.section:
            home = next((k for k, t in tasks.items() if t.section == demand.section), "app.assemble")
            result[home] = replace(result[home], covers=(*result[home].covers, demand.id))
    return result


def _folders(obligations: dict[str, Obligation]) -> list[str]:
    return [o for o in obligations if o.startswith("topic:folder.") and o != "topic:folder.main"]


def _foundation(build: _Builder, blueprint: Blueprint, obligations: dict[str, Obligation]) -> None:
    file = blueprint.file
    root = blueprint.layout.root.rstrip("/") + "/"
    variables = [o for o in obligations if o.startswith("env:")]
    packages = [f"topic:setup.{n}" for n in ("framework", "server", "orm", "migrations", "auth-library")]
    build.add(
        "setup.skeleton",
        1,
        "Create the folder layout",
        "" if root == "./" else root,
        PHASES[0],
        _folders(obligations),
        [],
    )
    build.add(
        "setup.dependencies",
        2,
        "Pin the dependencies",
        file("dependencies"),
        PHASES[1],
        packages,
        ["setup.skeleton"],
    )
    build.add("config.settings", 2, "Read the settings and check them at start", file("settings"), PHASES[2],
              ["topic:setup.settings", *variables], ["setup.dependencies"], "test.settings" if variables else "test.edge")  # fmt: skip
    build.add("config.env-files", 2, "Write the example environment file", file("env_example"), PHASES[2],
              ["topic:setup.env-local", "topic:setup.env-production"], ["setup.skeleton"])  # fmt: skip
    build.add(
        "config.logging",
        2,
        "Set up logging",
        file("log_setup"),
        PHASES[2],
        ["topic:setup.logging"],
        ["config.settings"],
    )
    build.add("errors.exceptions", 8, "Define the exceptions and the error body", file("exceptions"), PHASES[3],
              ["topic:error.exceptions", "topic:error.schema"], ["setup.dependencies"], "test.edge")  # fmt: skip
    build.add("errors.handlers", 8, "Turn every error into the one error body", file("exceptions"), PHASES[3],
              ["topic:error.validation", "topic:error.middleware"], ["errors.exceptions"], "test.edge")  # fmt: skip


def _data(build: _Builder, blueprint: Blueprint, corpus: Corpus) -> None:
    if not uses_database(corpus):
        return
    file = blueprint.file
    build.add("db.engine", 3, "Connect to the database", file("engine"), PHASES[4],
              ["topic:data.engine", "topic:setup.connection", "topic:setup.engine"], ["config.settings"], "test.database")  # fmt: skip
    build.add(
        "db.session",
        3,
        "Give each request its own session",
        file("session"),
        PHASES[4],
        ["topic:service.session"],
        ["db.engine"],
        "test.database",
    )
    models = []
    for entity in corpus.facts.entities:
        key = f"model.{entity.name}"
        models.append(key)
        covers = [
            f"entity:{entity.name}",
            "topic:data.relationships",
            "topic:data.indexes",
            "topic:data.constraints",
        ]
        build.add(
            key,
            3,
            f"Model the entity {entity.name}",
            blueprint.models[entity.name],
            PHASES[5],
            covers,
            ["setup.dependencies"],
            "test.database",
        )
    if not models:
        return
    build.add(
        "db.create",
        3,
        "Create the tables",
        file("create"),
        PHASES[5],
        ["topic:data.creation", "topic:data.neon"],
        ["db.engine", *models],
        "test.database",
    )


def _auth(build: _Builder, blueprint: Blueprint) -> None:
    if not blueprint.protected:
        return
    file = blueprint.file
    user = ["model.User", "db.session"] if "User" in blueprint.models else []
    issue = "Issue and verify tokens" if blueprint.own_login else "Verify tokens"
    build.add(
        "auth.tokens",
        4,
        issue,
        file("tokens"),
        PHASES[7],
        ["topic:auth.session"],
        ["config.settings", "errors.exceptions"],
        "test.auth",
    )
    if blueprint.own_login:
        build.add(
            "auth.password",
            4,
            "Hash and verify passwords",
            file("password"),
            PHASES[7],
            ["topic:auth.session"],
            ["setup.dependencies"],
            "test.auth",
        )
    build.add("auth.current-user", 4, "Identify the caller and protect the routes", file("current_user"), PHASES[7],
              ["topic:auth.protection", "topic:auth.errors", "topic:auth.cookies", "topic:auth.frontend-cookies", "topic:auth.user-sync"],
              ["auth.tokens", "errors.handlers", *user], "test.auth")  # fmt: skip


def _resource(build: _Builder, blueprint: Blueprint, corpus: Corpus, resource: Resource) -> None:
    operations = [o for o in blueprint.operations.values() if o.resource == resource.name]
    handlers = [blueprint.handlers[k] for k in resource.keys]
    schemas = sorted({n for h in handlers for n in (h.request, h.response) if n})
    proof = "test.auth" if resource.test_api == blueprint.file("test_auth") else f"test.api.{resource.name}"
    schema_key, service_key = f"schema.{resource.name}", f"service.{resource.name}"
    if schemas:
        build.add(schema_key, 5, f"Write the {resource.name} schemas", resource.schema, PHASES[6],
                  [f"endpoint:{h.endpoint.key}" for h in handlers if h.request or h.response], ["setup.dependencies"], proof)  # fmt: skip
    if operations:
        models = [f"model.{resource.entity}"] if resource.entity else [f"model.{e}" for e in blueprint.models]
        password = ["auth.password"] if any(o.kind == "credentials" for o in operations) else []
        build.add(service_key, 6, f"Write the {resource.name} service", resource.service, PHASES[8],
                  [*(f"operation:{o.name}" for o in operations), "topic:service.errors", "topic:service.separation"],
                  ["db.session", *models, schema_key, "errors.exceptions", *password], f"test.service.{resource.name}")  # fmt: skip
    special: dict[str, list[str]] = {}
    for fixed, general in shadowed(h.endpoint for h in handlers):
        special.setdefault(general.key, []).append(fixed.key)
    for handler in handlers:
        endpoint = handler.endpoint
        needs = ["app.assemble", schema_key, *([service_key] if handler.operation else [])]
        if "endpoint:protected" in handler.tags or (
            handler.operation == "" and endpoint.path.endswith("/me")
        ):
            needs.append("auth.current-user")
        if "endpoint:credentials" in handler.tags:
            needs.append("auth.tokens")
        needs += [f"endpoint.{k}" for k in special.get(endpoint.key, ())]
        covers = [f"endpoint:{endpoint.key}", *(["topic:auth.me"] if endpoint.path.endswith("/me") else [])]
        build.add(
            f"endpoint.{endpoint.key}",
            5,
            f"Build {endpoint.label}",
            handler.file,
            PHASES[10],
            covers,
            needs,
            proof,
        )


def _application(build: _Builder, blueprint: Blueprint, corpus: Corpus) -> None:
    file = blueprint.file
    endpoints = [f"endpoint.{k}" for k in blueprint.handlers]
    build.add("middleware.request-log", 8, "Log every request and catch the unexpected", file("request_log"), PHASES[9],
              ["topic:error.logging", "topic:error.middleware"], ["config.logging", "errors.handlers"], "test.edge")  # fmt: skip
    build.add("app.assemble", 1, "Assemble the application", file("main"), PHASES[9], ["topic:folder.main"],
              ["errors.handlers", "middleware.request-log", "db.engine", "config.settings"], "test.edge")  # fmt: skip
    build.add("integration.cors", 7, "Let in the frontend's origins", file("main"), PHASES[9],
              ["topic:frontend.cors", "topic:setup.cors"], ["app.assemble"], "test.edge")  # fmt: skip
    build.add("integration.contract", 7, "Check the contract and hand it over", file("readme"), PHASES[11],
              ["topic:frontend.contract", "topic:frontend.shape", "topic:frontend.workflow", "topic:frontend.calls", "topic:frontend.forwarding"],
              [*endpoints, "integration.cors"], "test.edge")  # fmt: skip
    build.add(
        "polish.readme",
        1,
        "Describe set-up, start and tests",
        file("readme"),
        PHASES[13],
        [],
        ["integration.contract"],
    )
    if search(corpus, r"(?i)docker[- ]compose|dockerfile|\bdocker\b", most=1):
        build.add(
            "ops.container",
            1,
            "Package the backend as a container",
            file("container"),
            PHASES[13],
            [],
            ["polish.readme"],
        )
    if not {"topic:frontend.cors", "topic:setup.cors"} & set(build.obligations):
        build.tasks.pop("integration.cors")


def _tests(build: _Builder, blueprint: Blueprint, corpus: Corpus) -> None:
    file = blueprint.file
    build.add("test.fixtures", 9, "Prepare the test database and the fixtures", file("fixtures"), PHASES[12],
              ["topic:test.database"], ["app.assemble", "db.create", "db.session"])  # fmt: skip
    if any(o.startswith("env:") for o in build.obligations):
        build.add(
            "test.settings",
            9,
            "Test the settings",
            file("fixtures").rsplit("/", 1)[0] + "/" + _settings_test(file("test_edge")),
            PHASES[12],
            [],
            ["config.settings"],
        )
    if uses_database(corpus):
        build.add(
            "test.database",
            9,
            "Test tables, constraints and the connection",
            file("test_database"),
            PHASES[12],
            ["topic:test.database"],
            ["test.fixtures"],
        )
    if blueprint.protected:
        auth_routes = [
            f"endpoint.{k}"
            for n, r in blueprint.resources.items()
            if r.test_api == file("test_auth")
            for k in r.keys
        ]
        build.add(
            "test.auth",
            9,
            "Test the access rules",
            file("test_auth"),
            PHASES[12],
            ["topic:auth.errors"],
            ["test.fixtures", "auth.current-user", *auth_routes],
        )
    for resource in blueprint.resources.values():
        if any(o.resource == resource.name for o in blueprint.operations.values()):
            build.add(
                f"test.service.{resource.name}",
                9,
                f"Test the {resource.name} service",
                resource.test_service,
                PHASES[12],
                [],
                ["test.fixtures", f"service.{resource.name}"],
            )
        if resource.test_api != file("test_auth"):
            build.add(
                f"test.api.{resource.name}",
                9,
                f"Test the {resource.name} endpoints",
                resource.test_api,
                PHASES[12],
                [],
                ["test.fixtures", *(f"endpoint.{k}" for k in resource.keys)],
            )
    build.add(
        "test.edge",
        9,
        "Test the edge cases",
        file("test_edge"),
        PHASES[12],
        ["topic:test.edge"],
        ["test.fixtures", *(f"endpoint.{k}" for k in blueprint.handlers)],
    )
    polish = build.tasks["polish.readme"]
    build.tasks["polish.readme"] = replace(polish, needs=(*polish.needs, "test.edge"))


def _settings_test(sibling: str) -> str:
    """A test file for the settings, named as its siblings are."""
    name = sibling.rsplit("/", 1)[-1]
    for old, new in (
        ("edge_cases", "settings"),
        ("EdgeCases", "Settings"),
        ("EdgeCase", "Settings"),
        ("edgeCases", "settings"),
    ):
        if old in name:
            return name.replace(old, new)
    return "settings_" + name


def _conditional(docket: Docket, tasks: dict[str, TaskSpec]) -> dict[str, TaskSpec]:
    found = {}
    answered = {r.topic for r in docket.rulings if r.answer}
    for condition in docket.conditions:
        key = f"if.{condition.topic}.{condition.answer}"
        needs = tuple(n for n in condition.needs if n in tasks)
        found[key] = TaskSpec(key, 10, condition.title, condition.file, PHASES[14], (), needs, (),
                              "" if condition.topic in answered else condition.answer, condition.topic)  # fmt: skip
    return found
