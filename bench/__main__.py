"""All measurements, or some of them.

python -m bench                 # everything, about an hour
python -m bench change startup  # some
python -m bench quick           # under two minutes: price, start-up, overhead
python -m bench reliability     # faults, kills, hostile inputs, many at once, the fleet
"""

from __future__ import annotations

import importlib
import sys

MEASURES = (
    "latency", "price", "change", "growth", "startup", "overhead", "crash", "fleet", "hostile", "together", "faults", "offline", "obedient", "soak", "peers", "page",
)  # fmt: skip
GROUPS = {"quick": ("price", "startup", "overhead"), "reliability": ("faults", "hostile", "obedient", "together", "crash", "fleet")}


def main(wanted: list[str]) -> int:
    unknown = set(wanted) - {*MEASURES, *GROUPS}
    if unknown:
        print(f"{', '.join(sorted(unknown))}: no such measurement. Known: {', '.join((*MEASURES, *GROUPS))}.", file=sys.stderr)
        return 2
    for name in [n for w in wanted for n in GROUPS.get(w, (w,))] or MEASURES:
        module = importlib.import_module(f"bench.{name}")
        print(f"\n{(module.__doc__ or name).splitlines()[0]}", flush=True)
        for line in module.measure():
            print(f"  {line}", flush=True)
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
