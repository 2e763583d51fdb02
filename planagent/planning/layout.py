"""Where files go: the layout that the specs draw, else the profile's."""

from __future__ import annotations

import re
from dataclasses import dataclass

from planagent.model import Corpus, Evidence
from planagent.planning.profile import Profile, join

# What a file of the drawn layout is for, by its stem and folder; the first match in this order wins.
_ROLES: tuple[tuple[str, str, str], ...] = (
    ("test fixtures", r"^(?:conftest|fixtures|test_?helpers?|support)$", r"test"),
    ("main", r"^(?:main|app|server|application|program)$", r""),
    ("settings", r"^(?:settings|config|configuration)$", r""),
    ("log_setup", r"^(?:logging|logger|log_config)$", r"config|core"),
    ("request_log", r"^(?:logging|request_log\w*|logger)$", r"middleware"),
    ("engine", r"^(?:engine|database|db|connection)$", r""),
    ("session", r"^(?:session|sessions)$", r"db|database|core"),
    ("create", r"^(?:init_db|create_tables|migrate)$", r""),
    ("tokens", r"^(?:jwt|jwt_\w+|tokens?|security)$", r""),
    ("password", r"^(?:password|passwords|hashing)$", r""),
    (
        "current_user",
        r"^(?:dependencies|deps|auth|get_current_user|guards?)$",
        r"auth|dep|middleware|core|security",
    ),
    ("external_auth", r"^(?:better_?auth)$", r""),
    ("exceptions", r"^(?:exceptions?|errors?|exception_handlers?|error_handlers?)$", r"^(?!.*schema)"),
    ("error_schema", r"^(?:errors?)$", r"schema"),
    ("helpers", r"^(?:helpers?|utils?|time|dates?)$", r"util|core|common|lib"),
    ("test_auth", r"^test_auth\w*$", r"test"),
    ("test_database", r"^test_(?:db|database|models)$", r"test"),
    (
        "dependencies",
        r"^(?:requirements|pyproject|package|go|cargo|pom|composer|gemfile|build\.gradle)$",
        r"",
    ),
    ("readme", r"^readme$", r""),
    ("container", r"^dockerfile$", r""),
)
_FOLDERS: dict[str, str] = {
    "config": r"^(?:config|core|settings|configuration)$",
    "db": r"^(?:db|database|persistence|repositor(?:y|ies))$",
    "models": r"^(?:models?|entit(?:y|ies)|domain)$",
    "schemas": r"^(?:schemas?|dtos?|contracts)$",
    "routes": r"^(?:routes?|routers?|controllers?|handlers?|endpoints|api)$",
    "services": r"^(?:services?|usecases|business)$",
    "auth": r"^(?:auth|security|authentication)$",
    "utils": r"^(?:utils?|helpers?|common|lib)$",
    "middleware": r"^middlewares?$",
    "tests": r"^tests?$",
}
_FRONT = re.compile(
    r"(?i)(?:^|/)(?:frontend|front-end|client|web|mobile|components|pages|\.claude|specs?|app/\(|public|styles)/"
)
_SOURCE = re.compile(r"\.(?:py|go|rs|java|kt|cs|php|rb|ts|js|mjs)$")


@dataclass(frozen=True, slots=True)
class Layout:
    """Paths relative to the workspace. `drawn` says whether the specs gave them; `beyond` what was added."""

    profile: Profile
    root: str
    roles: dict[str, str]
    folders: dict[str, str]
    files: tuple[str, ...]
    drawn: bool
    evidence: tuple[Evidence, ...]
    comments: dict[str, str]

    def _drawn_file(self, folder: str, *stems: str) -> str:
        base = self.folders.get(folder, "")
        for stem in stems:
            for path in self.files:
                name = path.rsplit("/", 1)[-1]
                if (
                    _SOURCE.search(name)
                    and path.startswith(base)
                    and base
                    and _SOURCE.sub("", name).lower() == stem.lower()
                ):
                    return path
        single = [p for p in self.files if not base and re.fullmatch(rf"(?:.*/)?{folder}\.\w+", p)]
        return single[0] if single else ""

    def _made(self, role: str, folder: str, **names: str) -> str:
        pattern = self.profile.files[role]
        base = self.folders.get(folder)
        if base and self.drawn and not pattern.startswith(".."):
            return base + pattern.rsplit("/", 1)[-1].format(**names)
        return join(self.root, pattern.format(**names))

    def model(self, entity: str) -> str:
        one, many, names = _names(entity)
        return self._drawn_file("models", one, many, f"{one}_model", entity) or self._made(
            "model", "models", **names
        )

    def schema(self, one: str) -> str:
        one, many, names = _names(one)
        return self._drawn_file("schemas", one, many) or self._made("schema", "schemas", **names)

    def route(self, name: str, one: str) -> str:
        if name == "health":
            return self._drawn_file("routes", "health") or self.roles["main"]
        many = re.sub(r"[^a-z0-9]+", "_", name)
        _, _, names = _names(one)
        return self._drawn_file(
            "routes", many, one, f"{one}_routes", f"{many}_routes", f"{one}_controller"
        ) or self._made("route", "routes", **{**names, "many": many})

    def service(self, one: str) -> str:
        one, many, names = _names(one)
        return self._drawn_file(
            "services", f"{one}_service", f"{many}_service", one, many, f"{one}s"
        ) or self._made("service", "services", **names)

    def test(self, role: str, name: str, one: str) -> str:
        _, _, names = _names(one)
        many = re.sub(r"[^a-z0-9]+", "_", name)
        stems = {
            "test_api": (f"test_{many}_api", f"test_{many}", f"test_{one}", "test_api"),
            "test_service": (f"test_{one}_service", "test_services"),
        }
        return self._drawn_file("tests", *stems[role]) or self._made(role, "tests", **{**names, "many": many})


def _names(word: str) -> tuple[str, str, dict[str, str]]:
    one = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", word)
    one = re.sub(r"[^A-Za-z0-9]+", "_", one).strip("_").lower() or "item"
    many = (
        one[:-1] + "ies"
        if one.endswith("y") and not re.search(r"[aeiou]y$", one)
        else one
        if one.endswith("s")
        else one + "s"
    )
    big = "".join(p.capitalize() for p in one.split("_"))
    big_many = "".join(p.capitalize() for p in many.split("_"))
    return one, many, {"one": one, "many": many, "One": big, "Many": big_many}


def find_layout(corpus: Corpus, profile: Profile) -> Layout:
    """The drawn layout's backend part with the profile filling what it lacks, or the profile's own."""
    entries = [
        (path, comment, place)
        for (path, comment), place in zip(corpus.facts.tree, corpus.facts.tree_evidence, strict=True)
        if not _FRONT.search(path)
    ]
    sources = [
        p
        for p, _, _ in entries
        if _SOURCE.search(p) and (not profile.extension or p.endswith(profile.extension))
    ]
    mains = [p for p in sources if re.search(r"(?:^|/)(?:main|app|server|Program|Application)\.\w+$", p)]
    if len(sources) < 3 or not mains:
        roles = {
            role: join(profile.root, pattern) for role, pattern in profile.files.items() if "{" not in pattern
        }
        folders = {name: join(profile.root, path) + "/" for name, path in profile.folders.items()}
        return Layout(profile, profile.root, roles, folders, (), False, (), {})
    entries, sources = _one_tree(entries, sources)
    root = _root(sources, profile)
    files = tuple(dict.fromkeys(_rooted(p, sources) for p, _, _ in entries))
    comments = {_rooted(p, sources): c for p, c, _ in entries if c}
    folders = _folders(files, root, profile)
    roles = _roles(files, root, folders, profile)
    places = tuple(dict.fromkeys(place for _, _, place in entries))
    return Layout(profile, root, roles, folders, files, True, places[:1], comments)


def _one_tree(
    entries: list[tuple[str, str, Evidence]], sources: list[str]
) -> tuple[list[tuple[str, str, Evidence]], list[str]]:
    """Of several drawings, the one with the most source files: mixing two would plan every file twice."""
    counts: dict[str, int] = {}
    for path, _, place in entries:
        if path in sources:
            counts[place.file] = counts.get(place.file, 0) + 1
    best = max(counts, key=lambda f: counts[f])
    kept = [e for e in entries if e[2].file == best]
    return kept, [s for s in sources if any(s == e[0] for e in kept)]


def _rooted(path: str, sources: list[str]) -> str:
    """Drops a repository's own name in front of `backend/`."""
    match = re.match(r"[\w.-]+/(?=(?:backend|server|api|src|app)/)", path)
    return (
        path[match.end() :]
        if match and not path.startswith(("backend/", "server/", "src/", "app/"))
        else path
    )


def _root(sources: list[str], profile: Profile) -> str:
    main = next(
        (p for p in sources if re.search(r"(?:^|/)(?:main|app|server|Program|Application)\.\w+$", p)), ""
    )
    path = _rooted(main or sources[0], sources)
    return path.rsplit("/", 1)[0] if "/" in path else "."


def _folders(files: tuple[str, ...], root: str, profile: Profile) -> dict[str, str]:
    found: dict[str, str] = {}
    prefix = "" if root == "." else root.split("/", 1)[0] + "/"
    known = sorted({f"{p.rsplit('/', 1)[0]}/" for p in files if "/" in p}, key=lambda p: (p.count("/"), p))
    for name, pattern in _FOLDERS.items():
        for folder in known:
            if (
                folder.startswith(prefix)
                and re.match(pattern, folder.rstrip("/").rsplit("/", 1)[-1], re.IGNORECASE)
                and folder not in found.values()
            ):
                found[name] = folder
                break
    for name, path in profile.folders.items():
        # A module `config.py` and a folder `config/` side by side would hide each other.
        module = any(re.fullmatch(rf"{re.escape(join(root, path))}\.\w+", p) for p in files)
        found.setdefault(name, ("" if root == "." else root + "/") if module else join(root, path) + "/")
    return found


def _roles(files: tuple[str, ...], root: str, folders: dict[str, str], profile: Profile) -> dict[str, str]:
    roles: dict[str, str] = {}
    for role, stem, folder in _ROLES:
        role = "fixtures" if role == "test fixtures" else role
        for path in files:
            name = path.rsplit("/", 1)[-1]
            place = path.rsplit("/", 1)[0] if "/" in path else ""
            if (
                not (_SOURCE.search(name) or role in ("dependencies", "readme", "container"))
                or path in roles.values()
                or (re.search(r"(?:^|/)tests?/", path) and not role.startswith(("test", "fixtures")))
            ):
                continue
            if re.match(stem, name.rsplit(".", 1)[0], re.IGNORECASE) and (
                not folder or re.search(folder, place)
            ):
                roles[role] = path
                break
    history = next((p for p in files if re.search(r"(?:^|/)(?:migrations|alembic|db/migrate)/$", p)), "")
    if history and "create" not in roles:
        roles["create"] = history
    home = {"settings": "config", "log_setup": "config", "engine": "db", "session": "db", "create": "db", "tokens": "auth", "password": "auth",
            "current_user": "auth", "external_auth": "auth", "exceptions": "middleware", "request_log": "middleware", "error_schema": "schemas",
            "helpers": "utils", "fixtures": "tests", "test_auth": "tests", "test_edge": "tests", "test_database": "tests"}  # fmt: skip
    base = root.rsplit("/", 1)[0] if "/" in root else root
    for role, pattern in profile.files.items():
        if "{" in pattern or role in roles:
            continue
        if role in home and not pattern.startswith(".."):
            name = pattern.rsplit("/", 1)[-1]
            at_root = folders[home[role]].rstrip("/") in ("", root)
            roles[role] = folders[home[role]] + (name.replace("logging.", f"{role}.") if at_root else name)
        elif pattern.startswith(".."):
            roles[role] = join(base if root != "." else ".", pattern.replace("../", ""))
        else:
            roles[role] = join(root, pattern)
    return roles
