"""The technologies that the specs name, with versions. The list is what this reader knows by name."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, lru_cache

from planagent.model import Evidence, Side
from planagent.reading.text import Line

# name, kind, side, pattern. Kinds are the roles that the sections ask for.
_KNOWN: tuple[tuple[str, str, Side, str], ...] = (
    ("FastAPI", "framework", "backend", r"fastapi"),
    ("Flask", "framework", "backend", r"flask"),
    ("Django", "framework", "backend", r"django"),
    ("Express", "framework", "backend", r"express(?:\.js|(?=\s+v?\d)|(?= (?:server|framework|app|api)))"),
    ("NestJS", "framework", "backend", r"nest\.?js"),
    ("Fastify", "framework", "backend", r"fastify"),
    ("Hono", "framework", "backend", r"\bhono\b"),
    ("Spring Boot", "framework", "backend", r"spring[- ]?boot|spring webflux|spring mvc|spring framework"),
    ("Quarkus", "framework", "backend", r"quarkus"),
    ("Gin", "framework", "backend", r"\bgin\b(?=\W+(?:framework|web|router|gonic|http|v?\d)|[-/]gonic)|gin-gonic"),
    ("Echo", "framework", "backend", r"labstack/echo|\becho (?:framework|v\d)"),
    ("Fiber", "framework", "backend", r"gofiber"),
    ("Actix Web", "framework", "backend", r"actix"),
    ("Axum", "framework", "backend", r"\baxum\b"),
    ("ASP.NET Core", "framework", "backend", r"asp\.net|fastendpoints|\.net (?:core|(?=\d))"),
    ("FastEndpoints", "framework", "backend", r"fastendpoints"),
    ("CodeIgniter", "framework", "backend", r"codeigniter"),
    ("Laravel", "framework", "backend", r"laravel"),
    ("Symfony", "framework", "backend", r"symfony"),
    ("Ruby on Rails", "framework", "backend", r"ruby on rails|\brails\b(?=\W+(?:api|app|\d))"),
    ("Phoenix", "framework", "backend", r"phoenix framework"),
    ("Uvicorn", "server", "backend", r"uvicorn"),
    ("Gunicorn", "server", "backend", r"gunicorn"),
    ("SQLModel", "orm", "backend", r"sqlmodel"),
    ("SQLAlchemy", "orm", "backend", r"sqlalchemy"),
    ("Prisma", "orm", "backend", r"\bprisma\b"),
    ("Drizzle", "orm", "backend", r"\bdrizzle\b"),
    ("TypeORM", "orm", "backend", r"typeorm"),
    ("Mongoose", "orm", "backend", r"mongoose"),
    ("GORM", "orm", "backend", r"\bgorm\b"),
    ("Spring Data", "orm", "backend", r"spring data|r2dbc|\bjpa\b"),
    ("Hibernate", "orm", "backend", r"hibernate"),
    ("Entity Framework Core", "orm", "backend", r"entity framework|ef core"),
    ("SQLx", "orm", "backend", r"\bsqlx\b"),
    ("Diesel", "orm", "backend", r"\bdiesel\b"),
    ("Eloquent", "orm", "backend", r"eloquent"),
    ("Neon PostgreSQL", "database", "backend", r"\bneon\b(?=.*(?:postgres|database|serverless|db))|neon[ _]db|neondb"),
    ("PostgreSQL", "database", "backend", r"postgres(?:ql)?\b"),
    ("MySQL", "database", "backend", r"\bmysql\b"),
    ("MariaDB", "database", "backend", r"mariadb"),
    ("SQLite", "database", "backend", r"sqlite"),
    ("SQL Server", "database", "backend", r"sql server|mssql"),
    ("MongoDB", "database", "backend", r"mongo(?:db)?\b"),
    ("Redis", "cache", "backend", r"\bredis\b"),
    ("asyncpg", "driver", "backend", r"asyncpg"),
    ("psycopg", "driver", "backend", r"psycopg\w*"),
    ("Alembic", "migration", "backend", r"alembic"),
    ("Flyway", "migration", "backend", r"flyway"),
    ("Liquibase", "migration", "backend", r"liquibase"),
    ("Pydantic", "validation", "backend", r"pydantic"),
    ("Better Auth", "auth", "both", r"better[- ]?auth(?!_)"),
    ("JWT", "auth", "both", r"\bjwt\b|json web token"),
    ("python-jose", "auth", "backend", r"python-jose"),
    ("PyJWT", "auth", "backend", r"pyjwt"),
    ("Passlib", "auth", "backend", r"passlib"),
    ("bcrypt", "auth", "backend", r"\bbcrypt\b"),
    ("Argon2", "auth", "backend", r"argon2"),
    ("Spring Security", "auth", "backend", r"spring security"),
    ("OAuth2", "auth", "both", r"oauth ?2"),
    ("pytest", "test", "backend", r"\bpytest\b"),
    ("JUnit", "test", "backend", r"\bjunit\b"),
    ("Testcontainers", "test", "backend", r"testcontainers"),
    ("xUnit", "test", "backend", r"\bxunit\b"),
    ("PHPUnit", "test", "backend", r"phpunit"),
    ("Python", "language", "backend", r"\bpython\b"),
    ("Java", "language", "backend", r"\bjava\b"),
    ("Kotlin", "language", "backend", r"\bkotlin\b"),
    ("Go", "language", "backend", r"\bgolang\b|\bgo (?=\d)|\bgo (?:language|module|application|api|service|backend)s?\b|\(go\)"),
    ("Rust", "language", "backend", r"\brust\b"),
    ("PHP", "language", "backend", r"\bphp\b"),
    ("C#", "language", "backend", r"\bc#"),
    ("Node.js", "language", "backend", r"node\.?js"),
    ("Ruby", "language", "backend", r"\bruby\b"),
    ("Docker", "ops", "both", r"\bdocker(?!-compose)\b"),
    ("Docker Compose", "ops", "both", r"docker[- ]compose"),
    ("uv", "tooling", "backend", r"`uv`|\buv (?:for|package|sync|run|only)\b"),
    ("Next.js", "framework", "frontend", r"next\.?js"),
    ("React", "framework", "frontend", r"\breact\b"),
    ("Vue", "framework", "frontend", r"\bvue(?:\.js)?\b"),
    ("Angular", "framework", "frontend", r"\bangular\b"),
    ("Svelte", "framework", "frontend", r"\bsvelte"),
    ("Blazor", "framework", "frontend", r"\bblazor\b"),
    ("Tailwind CSS", "styling", "frontend", r"tailwind"),
    ("TypeScript", "language", "frontend", r"typescript"),
    ("Koa", "framework", "backend", r"\bkoa(?:\.js)?\b"),
    ("Micronaut", "framework", "backend", r"micronaut"),
    ("Ktor", "framework", "backend", r"\bktor\b"),
    ("Chi", "framework", "backend", r"go-chi"),
    ("Rocket", "framework", "backend", r"\brocket\.rs\b|\brocket framework"),
    ("Starlette", "framework", "backend", r"starlette"),
    ("GraphQL", "protocol", "both", r"\bgraphql\b"),
    ("gRPC", "protocol", "backend", r"\bgrpc\b"),
    ("tRPC", "protocol", "both", r"\btrpc\b"),
    ("WebSocket", "protocol", "both", r"web ?sockets?\b"),
    ("Sequelize", "orm", "backend", r"sequelize"),
    ("Knex", "orm", "backend", r"\bknex\b"),
    ("Dapper", "orm", "backend", r"\bdapper\b"),
    ("DynamoDB", "database", "backend", r"dynamodb"),
    ("Cassandra", "database", "backend", r"cassandra"),
    ("CockroachDB", "database", "backend", r"cockroach"),
    ("Oracle Database", "database", "backend", r"oracle (?:db|database)"),
    ("Supabase", "database", "both", r"supabase"),
    ("Firebase", "database", "both", r"firebase|firestore"),
    ("Memcached", "cache", "backend", r"memcached"),
    ("Elasticsearch", "search", "backend", r"elastic ?search|opensearch"),
    ("Celery", "queue", "backend", r"\bcelery\b"),
    ("RabbitMQ", "queue", "backend", r"rabbitmq"),
    ("Kafka", "queue", "backend", r"\bkafka\b"),
    ("BullMQ", "queue", "backend", r"\bbullmq?\b"),
    ("Sidekiq", "queue", "backend", r"sidekiq"),
    ("Amazon S3", "storage", "backend", r"\b(?:amazon|aws) s3\b|\bs3 bucket"),
    ("MinIO", "storage", "backend", r"\bminio\b"),
    ("Stripe", "service", "both", r"\bstripe\b"),
    ("SendGrid", "service", "backend", r"sendgrid"),
    ("Twilio", "service", "backend", r"\btwilio\b"),
    ("Auth0", "auth", "both", r"\bauth0\b"),
    ("Keycloak", "auth", "both", r"keycloak"),
    ("Clerk", "auth", "both", r"\bclerk\.(?:com|dev)\b|\bclerk (?:auth|sdk|middleware)"),
    ("Passport", "auth", "backend", r"passport\.js"),
    ("Sentry", "observability", "both", r"\bsentry\b"),
    ("Prometheus", "observability", "backend", r"prometheus"),
    ("Grafana", "observability", "backend", r"grafana"),
    ("OpenTelemetry", "observability", "both", r"open ?telemetry"),
    ("Jest", "test", "both", r"\bjest\b"),
    ("Vitest", "test", "both", r"\bvitest\b"),
    ("Mockito", "test", "backend", r"\bmockito\b"),
    ("RSpec", "test", "backend", r"\brspec\b"),
    ("testify", "test", "backend", r"\btestify\b"),
    ("Kubernetes", "ops", "both", r"kubernetes|\bk8s\b"),
    ("Terraform", "ops", "both", r"terraform"),
    ("nginx", "ops", "both", r"\bnginx\b"),
)  # fmt: skip


@cache
def _pattern(index: int) -> re.Pattern[str]:
    return re.compile(_KNOWN[index][3], re.IGNORECASE)


def _stems(pattern: str) -> Iterator[str]:
    """The first plain word of each alternative of a pattern: a text without any of them needs no pattern at all."""
    for part in re.split(r"\|(?![^(]*\))", pattern):
        bare = re.sub(r"\\[bWw]|\(\?[:=!].*", " ", part)
        words = re.findall(r"[a-z]{2,}|[a-z]\d?\w|[a-z]#", bare)
        if words:  # the inside of a group that looks ahead has none; the group's own word stands before it
            yield words[0]


def _by_start() -> dict[str, list[tuple[str, int]]]:
    found: dict[str, list[tuple[str, int]]] = {}
    for index, (*_, pattern) in enumerate(_KNOWN):
        for stem in _stems(pattern):
            found.setdefault(stem[:2], []).append((stem, index))
    return found


_BY_START = _by_start()
_STARTS = re.compile(r"(?<![a-z])[a-z][a-z\d#]")


@lru_cache(maxsize=256)
def _alternation(indexes: tuple[int, ...]) -> re.Pattern[str]:
    return re.compile("|".join(f"(?:{_KNOWN[i][3]})" for i in indexes), re.IGNORECASE)


def _candidates(text: str) -> tuple[int, ...]:
    lower = text.lower()
    found: set[int] = set()
    for start in set(_STARTS.findall(lower)):
        found.update(index for stem, index in _BY_START.get(start, ()) if stem in lower)
    return tuple(sorted(found))


_VERSION = re.compile(r"^[\s*:`(|v@=~^>]{0,8}(\d+(?:\.\d+|\.x){0,3}\+?)(?![\w%])")
_REJECTED = re.compile(
    r"(?i)\b(?:no|not|never|without|instead of|replac\w+|reject\w*|avoid|forbid\w*|future|later|planned|e\.g\.|such as|or similar)\b"
)
_FUTURE = re.compile(r"(?i)future|out of scope|non-goal|not in scope|alternatives|planned")


@dataclass(frozen=True, slots=True)
class TechnologyFound:
    name: str
    kind: str
    side: Side
    version: str
    place: Evidence


def find_technologies(file: str, lines: list[Line]) -> Iterator[TechnologyFound]:
    """Technologies that a line names as chosen, not as rejected or for later."""
    indexes = _candidates("\n".join(line.text for line in lines))
    if not indexes:
        return
    present = _alternation(indexes)
    for line in lines:
        text = line.text
        if not present.search(text) or _FUTURE.search(line.under):
            continue
        for index in indexes:
            name, kind, side, _ = _KNOWN[index]
            match = _pattern(index).search(text)
            if match is None or _REJECTED.search(text[max(0, match.start() - 40) : match.start()]):
                continue
            version = _VERSION.match(text[match.end() :])
            yield TechnologyFound(
                name, kind, side, version[1] if version else "", Evidence(file, line.number)
            )


def named_in(text: str) -> set[str]:
    """Known technologies that a text names, for the check that a plan invents none."""
    return {_KNOWN[i][0] for i in _candidates(text) if _pattern(i).search(text)}
