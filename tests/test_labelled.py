"""Each rule on labelled samples; precision and recall per rule are printed with -s."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from planagent.proving import check_file
from planagent.rulebook import rules
from planagent.settings import load_settings

ROOT = Path(__file__).resolve().parents[1]
LABELLED = tomllib.loads((Path(__file__).parent / "labelled" / "rules.toml").read_text(encoding="utf-8"))
# These look at parts that only plans of this program have; test_checks.py breaks such plans on purpose.
ELSEWHERE = {
    "PA404",
    "PA503",
    "PA504",
    "PA601",
    "PA603",
    "PA604",
    "PA904",
    "PA905",
    "PA906",
    "PA907",
    "PA908",
}


def found(folder: Path, sample: str) -> set[str]:
    """The rules that find something in a sample, as `planagent check` applies them to a backend plan."""
    text = sample if sample.startswith("#") else f"# Backend plan\n\n- [ ] T001 {sample}\n"
    path = folder / "backend.md"
    path.write_text(text, encoding="utf-8")
    return {f.rule for f in check_file(load_settings(ROOT, {}), path).outcome.findings}


@pytest.mark.parametrize("code", [c for c in LABELLED if "skip" not in LABELLED[c]])
def test_samples(code: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    samples = LABELLED[code]
    missed = [s for s in samples["broken"] if code not in found(tmp_path, s)]
    alarms = [s for s in samples["fine"] if code in found(tmp_path, s)]
    hits = len(samples["broken"]) - len(missed)
    with capsys.disabled():
        print(
            f"\n{code} {rules()[code].name:<26} precision {hits / max(hits + len(alarms), 1):.0%}, "
            f"recall {hits / len(samples['broken']):.0%} on {len(samples['broken'])} broken and {len(samples['fine'])} fine"
        )
    assert not missed
    assert not alarms


def test_every_rule_has_a_page_and_samples() -> None:
    assert set(LABELLED) | ELSEWHERE == set(rules())
    for rule in rules().values():
        assert all((rule.what, rule.why, rule.bad, rule.good, rule.fix)), rule.code
