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
    "recover": "recover: and rounds (what is kept)",
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


def test_of(result, which="after"):
    return result[which]["test"]["ppl"] if result else None


def early_stopping(warmup, epochs):
    if warmup is None:
        return None
    best = min(warmup["epochs"][: epochs + 1], key=lambda epoch: epoch["valid"])
    return math.exp(best["test"])


def stage_rows(results):
    """Test perplexity after the interpolation and after the corrector of `recover`, whichever was kept."""
    for stage, title in (("interpolation", "recover: interpolation alone"), ("corrector", "recover: and corrector")):
        yield title, [stage_test(result, stage) for result in results]


def stage_test(result, name):
    found = [stage for stage in (result or {}).get("stages", []) if stage["name"] == name and stage["test"]]
    return found[0]["test"]["ppl"] if found else None


def cost_line(results, warmups):
    """Forward units of `recover` against those of the whole warm-up."""
    pairs = [(r["forward_units"]["search"], w["forward_units"]["warmup"]) for r, w in zip(results, warmups) if r and w]
    if pairs:
        shares = [100 * search / warmup for search, warmup in pairs]
        print(f"\nrecover takes {spread([search for search, _ in pairs])} forward units, "
              f"{spread(shares)} % of the warm-up of {pairs[0][1]:.0f} (35 epochs).")


def length_table(folder, seeds, epochs):
    warmups = [read(folder, f"s{seed}-warmup") for seed in seeds]
    early = [early_stopping(warmup, epochs) for warmup in warmups]
    rows = [("early stopping", early)]
    rows.append(("restart, two epochs at 1e-3 → 0", [test_of(read(folder, f"s{seed}-restart")) for seed in seeds]))
    results = {key: [read(folder, f"s{seed}-{key}-{epochs}") for seed in seeds] for key in ROWS}
    rows.append((f"W0 after {epochs} epochs", [test_of(result, "before") for result in results["recover"]]))
    rows += [(ROWS[key], [test_of(result) for result in results[key]]) for key in ROWS if key != "recover"]
    rows += [*stage_rows(results["recover"]), (ROWS["recover"], [test_of(result) for result in results["recover"]])]
    print(f"\n{epochs} epochs | test perplexity | against early stopping | seeds\n---|---|---|---")
    for name, values in rows:
        done = sum(value is not None for value in values)
        print(f"{name} | {spread(values)} | {change(values, early)} | {done}")
    cost_line(results["recover"], warmups)


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
