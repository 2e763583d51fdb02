"""Section 1 by rule: folders, their files, and what must never be put there."""

from __future__ import annotations

from planagent.planning.drafts import FolderItem, FolderSection, TaskText
from planagent.planning.outline import Outline
from planagent.writing.rules.phrases import item_base, task

_PURPOSE: dict[str, tuple[str, tuple[str, ...], str]] = {
    "main": ("Builds the application and nothing else.", ("Opens and closes the database connection with the process.", "Registers handlers, middleware and routes in a fixed order."), "Hold a business rule or a query."),
    "config": ("Typed settings and log set-up.", ("Reads every variable once, at start.", "Stops the start with the variable's name when a needed one is missing."), "Be bypassed: no other module reads the environment."),
    "db": ("Connection, sessions, table creation.", ("One engine per process, one session per request.",), "Create tables when the application starts."),
    "models": ("The stored entities.", ("Fields, keys, indexes and constraints as specified.",), "Be returned from a route."),
    "schemas": ("Request and response shapes.", ("Validation of input, choice of what leaves the server.",), "Expose a stored field that the specification does not return."),
    "routes": ("The HTTP surface.", ("Identify the caller, validate, call one service operation, answer.",), "Hold a query or a transaction."),
    "services": ("The business rules.", ("Queries and transactions; one operation, one commit.",), "Know of HTTP: no status code, no request object."),
    "auth": ("Who the caller is.", ("Verify credentials, give routes the current user.",), "Decide what a caller may do with a record; services do."),
    "utils": ("Helpers without state.", ("One source of the current time; shared validators.",), "Import from any other package of the application."),
    "middleware": ("What wraps every request.", ("Exceptions and their answers, request log, last-resort 500.",), "Import routes or services."),
    "tests": ("The proof.", ("Fixtures once, tests by the file that section 9 names.",), "Touch a database that holds real data."),
}  # fmt: skip


def write(outline: Outline) -> FolderSection:
    blueprint = outline.blueprint
    layout = blueprint.layout
    items = []
    for obligation in outline.section(1):
        folder = obligation.id.removeprefix("topic:folder.")
        purpose, duties, never = _PURPOSE[folder]
        path = blueprint.file("main") if folder == "main" else layout.folders[folder]
        base = item_base(outline, obligation.id, f"`{path or './'}`")
        base["sources"] = outline.anchors(layout.evidence) if layout.drawn else ()
        items.append(
            FolderItem(
                **base,
                purpose=purpose,
                files=_files(outline, folder),
                responsibilities=list(duties),
                must_not=never,
            )
        )
    root = "the workspace" if layout.root == "." else f"`{layout.root}/`"
    origin = (
        "as the specs draw it"
        if layout.drawn
        else f"as is usual for this stack{outline.cites('layout.assumed')}"
    )
    intro = [
        f"The backend lives in {root}, {origin}. Imports point one way: routes to services to models to the database.",
        "A package marker goes into each folder where the language wants one.",
    ]
    return FolderSection(intro=intro, items=items, tasks=_tasks(outline))


def _files(outline: Outline, folder: str) -> list[str]:
    blueprint = outline.blueprint
    file = blueprint.file
    stored = bool(blueprint.models)
    per_folder: dict[str, list[str]] = {
        "main": [],
        "config": [file("settings"), file("log_setup")],
        "db": [file("engine"), file("session"), file("create")] if stored else [],
        "models": list(blueprint.models.values()),
        "schemas": [*(t.file for k, t in outline.tasks.items() if k.startswith("schema."))],
        "routes": [h.file for h in blueprint.handlers.values() if h.file != file("main")],
        "services": [o.file for o in blueprint.operations.values()],
        "auth": [t.file for k, t in outline.tasks.items() if k.startswith("auth.")],
        "utils": [file("helpers")],
        "middleware": [file("exceptions"), file("request_log")],
        "tests": [t.file for k, t in outline.tasks.items() if k.startswith("test.")],
    }
    home = blueprint.layout.folders.get(folder, "")
    drawn = [
        f
        for f in blueprint.layout.files
        if home and f.startswith(home) and not f.endswith(("/", "__init__.py")) and "/" not in f[len(home) :]
    ]
    comments = blueprint.layout.comments
    listed = list(dict.fromkeys(f"`{f}`" for f in per_folder[folder] if f))
    listed += [
        f"`{f}`" + (f" ({comments[f].lower()})" if f in comments else "")
        for f in drawn
        if f"`{f}`" not in listed
    ]
    return listed if len(listed) <= 12 else [*listed[:12], f"and {len(listed) - 12} more that the tasks name"]


def _tasks(outline: Outline) -> list[TaskText]:
    blueprint = outline.blueprint
    words = outline.profile.words
    start = words["server_start"]
    found = [
        task("setup.skeleton", ["Create the folders and files of section 1, empty but for package markers; a file that no task fills holds what its name and the drawn comment say.", "Keep the environment file, caches and build results out of version control.",
                                f"Write the one helper for the current time in `{blueprint.file('helpers')}`{outline.cites('data.timestamps')}."], "Every folder of section 1 exists, and an empty build or import of the application succeeds."),
        task("app.assemble", [f"Build the application with {words['settings']}; open the database at {start} and close it at the end." if blueprint.models else f"Build the application with {words['settings']}.",
                              "Nest what wraps a request: the request log with its last-resort 500 outside, handlers and routes inside it" + ("; CORS goes around all of it with its own task." if "integration.cors" in outline.tasks else "."),
                              "Register routes under their exact paths, more specific paths first; a route of a later task is registered by that task.",
                              *(f"[lib] {a.text}" for a in outline.advice if a.item == "app.assemble")],
             "The application starts with good settings, and an unknown path answers 404 in the one error body."),
        task("polish.readme", ["Describe set-up, variables, table creation, start and tests, in this order.", "Name no secret; point at the example environment file."],
             "A fresh checkout runs and passes its tests by this page alone."),
        task("ops.container", ["Write the container file and the compose service; hand secrets in from outside the image.", "Use the health endpoint as the health check." if "health" in blueprint.resources else "Use a connection to the listening port as the health check."],
             "The service starts under compose with variables from outside, and the image holds no environment file."),
    ]  # fmt: skip
    return [t for t in found if t.key in outline.tasks]
