#!/usr/bin/env python3
"""Compares the numbers of a result.json with a reference, each with the tolerance of its kind.

usage: check.py RESULT REFERENCE TITLE      says what moved; exit code 1 if anything did
       check.py --record RESULT REFERENCE   writes the reference
"""

import json
import math
import sys

# Relative tolerance by the last name of a key; the first that fits. Counts and steps are the same or wrong.
TOLERANCES = [
    ("loss", 1e-7), ("valid", 1e-7), ("test", 1e-7), ("train", 1e-7), ("ppl", 1e-7), ("selection", 1e-7),
    ("lambda_before", 1e-6), ("lambda_after", 1e-6), ("gamma", 1e-4), ("predicted", 1e-4), ("objective", 1e-6),
    ("line_search", 1e-7), ("t_star", 1e-6), ("t", 1e-6), ("stationarity", 1e-6), ("agreement", 0),
    ("ritz_min", 1e-3), ("ritz_max", 1e-4), ("n", 0), ("p", 0), ("m", 0), ("epoch", 0), ("status", 0), ("kept_stage", 0),
]
KEPT = {name for name, _ in TOLERANCES} | {"before", "after", "early_stopping", "rounds", "stages", "lp", "implicit", "name",
                                            "probe_curvature", "epochs"}


def kept(value):
    """The parts that a reference holds: neither times nor what depends on the ranks."""
    if isinstance(value, dict):
        return {key: kept(item) for key, item in value.items() if key in KEPT}
    return [kept(item) for item in value] if isinstance(value, list) else value


def tolerance(path):
    for name in reversed([part for part in path if isinstance(part, str)]):
        for known, relative in TOLERANCES:
            if known == name:
                return relative
    return 0


def differences(found, wanted, path=()):
    """(path, found, wanted, by how many tolerances) of whatever moved."""
    if isinstance(wanted, dict) and isinstance(found, dict):
        for key in sorted(wanted.keys() | found.keys()):
            yield from differences(found.get(key), wanted.get(key), path + (key,))
    elif isinstance(wanted, list) and isinstance(found, list) and len(wanted) == len(found):
        for index, (a, b) in enumerate(zip(found, wanted)):
            yield from differences(a, b, path + (index,))
    elif all(isinstance(x, (int, float)) and not isinstance(x, bool) for x in (found, wanted)):
        relative = tolerance(path)
        distance = abs(found - wanted)
        if not distance <= relative * max(abs(wanted), 1e-12):
            yield path, found, wanted, distance / (relative * abs(wanted)) if relative and wanted else math.inf
    elif found != wanted:
        yield path, found, wanted, math.inf


def text(path):
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path).lstrip(".")


def main():
    if sys.argv[1] == "--record":
        with open(sys.argv[2]) as source, open(sys.argv[3], "w") as target:
            json.dump(kept(json.load(source)), target, indent=1)
            target.write("\n")
        return 0
    result, reference, title = sys.argv[1:4]
    with open(result) as a, open(reference) as b:
        moved = list(differences(kept(json.load(a)), json.load(b)))
    print(f"regression: {title}: {'as recorded' if not moved else f'{len(moved)} numbers moved'}")
    for path, found, wanted, times in sorted(moved, key=lambda item: -item[3])[:12]:
        by = "" if math.isinf(times) else f", {times:.3g} times the tolerance of {tolerance(path):g}"
        print(f"  {text(path)}: {found!r}, recorded {wanted!r}{by}")
    return 1 if moved else 0


if __name__ == "__main__":
    sys.exit(main())
