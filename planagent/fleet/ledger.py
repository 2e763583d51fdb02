"""The ledger in the fleet's database: a plan begun on one machine is finished on another without asking again."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from planagent.fleet.database import Database
from planagent.fleet.roster import Turn, check_fence
from planagent.ledger import KEPT_RUNS, Ledger


class FleetLedger(Ledger):
    """The answers of one workspace; each call is one transaction. What a run keeps counts only while the workspace is its own:
    its answers would come after another run has begun to ask for them."""

    def __init__(self, database: Database, turn: Turn) -> None:
        self._database = database
        self._turn = turn
        self._workspace = turn.name
        self._run = 0

    def get(self, keys: Iterable[str]) -> dict[str, dict[str, Any]]:
        with self._database.transaction() as cursor:
            cursor.execute("SELECT key, value FROM planagent_answers WHERE workspace = %s AND key = ANY(%s)", (self._workspace, list(keys)))
            return {row["key"]: row["value"] for row in cursor.fetchall() if isinstance(row["value"], dict)}

    def put(self, answers: dict[str, dict[str, Any]]) -> None:
        """
        Raises:
            FencedError: another run has the workspace.
        """
        rows = [(self._workspace, k, json.dumps(v, ensure_ascii=False), self._number()) for k, v in answers.items()]
        with self._database.transaction() as cursor:
            check_fence(cursor, self._turn)
            cursor.executemany(
                "INSERT INTO planagent_answers (workspace, key, value, run) VALUES (%s, %s, %s, %s) "
                "ON CONFLICT (workspace, key) DO UPDATE SET value = excluded.value, run = excluded.run",
                rows,
            )

    def used(self, keys: Iterable[str]) -> None:
        with self._database.transaction() as cursor:
            cursor.execute(
                "UPDATE planagent_answers SET run = %s WHERE workspace = %s AND key = ANY(%s)",
                (self._number(), self._workspace, list(keys)),
            )
            cursor.execute("DELETE FROM planagent_answers WHERE workspace = %s AND run < %s", (self._workspace, self._number() - KEPT_RUNS))
        self.note("run", {"number": self._number()})

    def note(self, name: str, value: dict[str, Any]) -> None:
        with self._database.transaction() as cursor:
            cursor.execute(
                "INSERT INTO planagent_notes VALUES (%s, %s, %s) ON CONFLICT (workspace, name) DO UPDATE SET value = excluded.value",
                (self._workspace, name, json.dumps(value)),
            )

    def noted(self, name: str) -> dict[str, Any]:
        return self.notes(name).get("", {})

    def notes(self, prefix: str) -> dict[str, dict[str, Any]]:
        with self._database.transaction() as cursor:
            cursor.execute(
                "SELECT name, value FROM planagent_notes WHERE workspace = %s AND starts_with(name, %s) ORDER BY name",
                (self._workspace, prefix),
            )
            return {r["name"][len(prefix) :]: r["value"] for r in cursor.fetchall() if isinstance(r["value"], dict)}

    def forget_notes(self, prefix: str) -> None:
        with self._database.transaction() as cursor:
            cursor.execute("DELETE FROM planagent_notes WHERE workspace = %s AND starts_with(name, %s)", (self._workspace, prefix))

    def close(self) -> None:
        """The connections are the database's."""

    def _number(self) -> int:
        if not self._run:
            self._run = int(self.noted("run").get("number", 0)) + 1
        return self._run
