#!/usr/bin/env python3
"""Prints what campaign.sh measured as Markdown: perplexity of each row, mean and range over the seeds.

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
    "recover": "recover: and one round of four Krylov probes (what is kept)",
}
ROUNDS = {
    "krylov": "box LP, four Krylov probes",
    "random": "box LP, four random probes",
    "none": "no probes (sign step)",
    "gradient": "no probes (gradient step)",
    "exact-ggn": "exact stationarity, damped Gauss-Newton, 40 products",
}


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


def test_of(result, which="after", split="test"):
    return result[which][split]["ppl"] if result else None


def early_stopping(warmup, epochs, split="test"):
    if warmup is None:
        return None
    best = min(warmup["epochs"][: epochs + 1], key=lambda epoch: epoch["valid"])
    return math.exp(best[split])


def stage_of(result, name, split):
    found = [stage for stage in (result or {}).get("stages", []) if stage["name"] == name and stage[split]]
    return found[0][split]["ppl"] if found else None


def cost_line(results, warmups):
    """Forward units of `recover` against those of the whole warm-up."""
    pairs = [(r["forward_units"]["search"], w["forward_units"]["warmup"]) for r, w in zip(results, warmups) if r and w]
    if pairs:
        shares = [100 * search / warmup for search, warmup in pairs]
        print(f"\nrecover takes {spread([search for search, _ in pairs])} forward units, "
              f"{spread(shares)} % of the warm-up of {pairs[0][1]:.0f} (35 epochs).")


def rows_of(folder, seeds, epochs, split):
    """(name, perplexity of each seed), the stages of `recover` whichever was kept."""
    warmups = [read(folder, f"s{seed}-warmup") for seed in seeds]
    restarts = [read(folder, f"s{seed}-restart") for seed in seeds]
    results = {key: [read(folder, f"s{seed}-{key}-{epochs}") for seed in seeds] for key in ROWS}
    after = lambda key: [test_of(result, "after", split) for result in results[key]]
    yield "early stopping", [early_stopping(warmup, epochs, split) for warmup in warmups]
    yield "restart, two epochs at 1e-3 → 0", [test_of(result, "after", split) for result in restarts]
    yield f"W0 after {epochs} epochs", [test_of(result, "before", split) for result in results["recover"]]
    for key in ROWS:
        if key != "recover":
            yield ROWS[key], after(key)
    for stage, title in (("interpolation", "recover: interpolation alone"), ("corrector", "recover: and corrector")):
        yield title, [stage_of(result, stage, split) for result in results["recover"]]
    yield ROWS["recover"], after("recover")


def length_table(folder, seeds, epochs):
    test, valid = (list(rows_of(folder, seeds, epochs, split)) for split in ("test", "valid"))
    print(f"\n| {epochs} epochs | test perplexity | against early stopping | valid | seeds |\n|---|---|---|---|---|")
    for (name, values), (_, others) in zip(test, valid):
        done = sum(value is not None for value in values)
        print(f"| {name} | {spread(values)} | {change(values, test[0][1])} | {spread(others)} | {done} |")
    recovered = [read(folder, f"s{seed}-recover-{epochs}") for seed in seeds]
    cost_line(recovered, [read(folder, f"s{seed}-warmup") for seed in seeds])


def rounds_table(folder, seeds):
    print("\n| one round after recover | test before | test after | change | t* | seeds |\n|---|---|---|---|---|---|")
    for key, name in ROUNDS.items():
        results = [read(folder, f"s{seed}-round-{key}") for seed in seeds]
        before, after = ([test_of(result, which) for result in results] for which in ("before", "after"))
        steps = [result["t_star"] for result in results if result]
        print(f"| {name} | {spread(before)} | {spread(after)} | {change(after, before)} | {spread(steps)} | {len(steps)} |")


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
