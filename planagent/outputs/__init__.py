"""The shapes of what `--json` prints: `planagent schema` tells them as JSON Schema."""

from __future__ import annotations

from planagent.outputs.carrying_out import Diff, Next, Progress, Ticked
from planagent.outputs.planning import Ahead, BriefPage, Briefs, Decided, Fresh, Planned, Receipt, Seen, Status
from planagent.outputs.program import Agents, Doctor, Failed, Fleet, FleetChange, Installed, Reported, Schemas
from planagent.outputs.proving import Checked, Conflicts, Coverage, Facts, Rules
from planagent.outputs.shape import Shape

OUTPUTS: dict[str, type[Shape]] = {
    "error": Failed, "plan": Planned, "plan-fresh": Fresh, "plan-dry-run": Ahead, "status": Status, "check": Checked, "rule": Rules, "facts": Facts,
    "facts-conflicts": Conflicts, "coverage": Coverage, "next": Next, "done": Ticked, "decide": Decided, "brief": Briefs, "brief-id": BriefPage,
    "submit": Receipt, "progress": Progress, "diff": Diff, "doctor": Doctor, "report": Reported, "init": Installed, "init-list": Agents,
    "watch": Seen, "fleet-status": Fleet, "fleet-change": FleetChange, "schema": Schemas,
}  # fmt: skip
"""By the name under which `planagent schema` prints them: `merge` prints what `plan` does."""
