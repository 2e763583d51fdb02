"""The words that sections are asked with, as hashes: another wording of a prompt makes another plan."""

from __future__ import annotations

from planagent.planning.briefs import asked
from planagent.planning.drafts import SECTIONS
from planagent.planning.parts import fingerprint
from planagent.planning.profile import Profile


def section_prompts(profile: Profile, *, lean: bool) -> dict[int, str]:
    """By section."""
    return {n: fingerprint(asked(profile, n, lean=lean))[:8] for n in SECTIONS}
