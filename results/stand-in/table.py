#!/usr/bin/env python3
"""Prints what campaign.sh measured as Markdown: test perplexity of each row, mean and range over the seeds.

usage: ./results/stand-in/table.py [FOLDER]     default runs/campaign
Early stopping is the epoch of least validation loss of the warm-up up to each length, on the 48 sequences of the rows.
"""

import json
import math
import pathlib
import sys

LENGTHS = (12, 24, 35)
ROWS = {
    "paper": "paper: box LP, 16 random probes",
    "random-rows": "the same with random rows",
    "sign": "no probes (sign step)",
    "wise": "WiSE",
    "recover": "recover",
}
ROUNDS = {"krylov": "four Krylov probes", "random": "four random probes", "none": "no probes (sign step)"}


def read(folder, name):
    file = folder / name / "result.json"
    return json.loads(file.read_text()) if file.exists() else None


def spread(values):
    values = [value for value in values if value is not None]
    if not values:
        return "–"
    mean = sum(values) / len(values)
    return f"{mean:.2f}" if len(values) == 1 else f"{mean:.2f} ({min(values):.2f}–{max(values):.2f})"


def change(values, reference):
    pairs = [(v, r) for v, r in zip(values, reference) if v is not None and r is not None]
    if not pairs:
        return ""
    return f"{100 * (sum(v for v, _ in pairs) / sum(r for _, r in pairs) - 1):+.2f} %"


def test_of(result, which="after"):
    return result[which]["test"]["ppl"] if result else None


def early_stopping(warmup, epochs):
    if warmup is None:
        return None
    best = min(warmup["epochs"][: epochs + 1], key=lambda epoch: epoch["valid"])
    return math.exp(best["test"])


def length_table(folder, seeds, epochs):
    warmups = [read(folder, f"s{seed}-warmup") for seed in seeds]
    early = [early_stopping(warmup, epochs) for warmup in warmups]
    rows = [("early stopping", early)]
    rows.append(("restart, two epochs at 1e-3 → 0", [test_of(read(folder, f"s{seed}-restart")) for seed in seeds]))
    results = {key: [read(folder, f"s{seed}-{key}-{epochs}") for seed in seeds] for key in ROWS}
    rows.append((f"W0 after {epochs} epochs", [test_of(result, "before") for result in results["recover"]]))
    rows += [(ROWS[key], [test_of(result) for result in results[key]]) for key in ROWS]
    print(f"\n{epochs} epochs | test perplexity | against early stopping | seeds\n---|---|---|---")
    for name, values in rows:
        done = sum(value is not None for value in values)
        print(f"{name} | {spread(values)} | {change(values, early)} | {done}")


def rounds_table(folder, seeds):
    print("\none round after recover | test before | test after | change | t* | seeds\n---|---|---|---|---|---")
    for key, name in ROUNDS.items():
        results = [read(folder, f"s{seed}-round-{key}") for seed in seeds]
        before, after = ([test_of(result, which) for result in results] for which in ("before", "after"))
        steps = [result["t_star"] for result in results if result]
        print(f"{name} | {spread(before)} | {spread(after)} | {change(after, before)} | {spread(steps)} | {len(steps)}")


def main():
    folder = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else "runs/campaign")
    seeds = sorted({int(path.name[1 : path.name.index("-")]) for path in folder.glob("s*-*/")})
    if not seeds:
        sys.exit(f"table.py: no runs in {folder}; ./results/stand-in/campaign.sh makes them")
    for epochs in LENGTHS:
        length_table(folder, seeds, epochs)
    rounds_table(folder, seeds)


if __name__ == "__main__":
    main()
