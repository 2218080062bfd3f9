#!/usr/bin/env python3
"""Sweep files of the comparison, and the settings that its first sweep chose.

usage: comparison.py tried BASE METHODS START SEED BUDGET              a sweep of all settings of methods that METHODS names several of
       comparison.py chosen BASE METHODS START SEEDS BUDGET SWEEP      a sweep of all methods, each with the best that SWEEP found; SWEEP.csv
                                                                       has what it tried

START is the number of warm-up epochs (0: from the pretrained weights), SEEDS as `0 | 1 | 2`, BUDGET in forward passes.
The best of a method is the point of least selection loss: of sequences that it did not train on, and never of test."""
import configparser
import csv
import json
import math
import pathlib
import sys

# What these do is as long as it is; all others take what the budget pays for.
UNBUDGETED = {"wise", "wise-tensors"}
# From the pretrained weights: what begins there whatever the warm-up did, and what leads back there.
ONLY_AFTER_WARMUP = {"early-stop", "grid", "random", "train-valid", "tpgm", "ftp", "wise", "wise-tensors", "tpgm-once"}


def sections(path):
    parser = configparser.ConfigParser(delimiters=["="], interpolation=None)
    parser.read_string(pathlib.Path(path).read_text())
    return {name.removeprefix("point "): dict(parser[name]) for name in parser.sections()}


def selection_loss(folder):
    """Of the weights that were kept: each stage of a search has its own, a rival one."""
    result = json.loads((folder / "result.json").read_text())
    stages = [stage["selection"] for stage in result["stages"] if stage["name"] == result["kept_stage"]]
    losses = [loss for loss in stages if loss is not None]
    return losses[-1] if losses else math.inf


def settings_of(folder):
    """The options of a point, from its config.cfg."""
    lines = (line.split(" = ", 1) for line in (folder / "config.cfg").read_text().splitlines() if " = " in line)
    return {name: value for name, value in lines}


def tried_points(sweep):
    """Method, point and selection loss of all that is done."""
    done = (folder for folder in sorted(sweep.glob("points/*")) if (folder / "result.json").exists())
    return [(folder.name.split(",")[0], folder, selection_loss(folder)) for folder in done]


def best_settings(name, options, tried):
    mine = [(loss, folder) for method, folder, loss in tried if method == name]
    if not mine:
        sys.exit(f"comparison: no point of {name} is done")
    loss, folder = min(mine)
    found = settings_of(folder)
    shown = ", ".join(f"{key} = {found[key]}" for key, value in options.items() if "|" in value)
    print(f"{name:20} {len(mine)} tried, selection loss {loss:.5f}  {shown}", file=sys.stderr)
    return {key: found[key] if "|" in value else value for key, value in options.items()}


def write_table(tried, file):
    with open(file, "w") as table:
        rows = csv.writer(table, lineterminator="\n")
        rows.writerow(["method", "point", "selection_loss"])
        for method, folder, loss in sorted(tried, key=lambda row: (row[0], row[2])):
            rows.writerow([method, folder.name, loss if math.isfinite(loss) else ""])


def main():
    if len(sys.argv) not in (7, 8) or sys.argv[1] not in ("tried", "chosen"):
        sys.exit(__doc__)
    what, base, methods, start, seeds, budget = sys.argv[1:7]
    tried = []
    if what == "chosen":
        sweep = pathlib.Path(sys.argv[7])
        tried = tried_points(sweep)
        write_table(tried, sweep.with_suffix(".csv"))
    print(pathlib.Path(base).read_text().rstrip())
    print(f"warmup.epochs = {start}\nseed = {seeds}")
    if what == "tried":
        print("limit = 48")  # of what is evaluated; the search has its own sequences
    for name, options in sections(methods).items():
        method = options.get("method", "lift")
        several = any("|" in value for value in options.values())
        if (start == "0" and method in ONLY_AFTER_WARMUP) or (what == "tried" and not several):
            continue
        if what == "chosen" and several:
            options = best_settings(name, options, tried)
        print(f"\n[point {name}]")
        for key, value in options.items():
            print(f"{key} = {value}")
        if method != "lift" and method not in UNBUDGETED:
            print(f"method.budget = {budget}")


main()
