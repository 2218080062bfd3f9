#!/usr/bin/env python3
"""Prints what directions.sh measured as Markdown: one round in each direction, from one and the same point.

usage: ./results/stand-in/directions.py [FOLDER]     default runs/directions
"""

import json
import math
import pathlib
import sys

ROWS = {
    "box-random": "box LP, 16 random probes",
    "box-krylov": "box LP, 16 Krylov probes",
    "box-adjoint": "box LP, adjoint row",
    "l2-krylov": "ℓ2, 16 Krylov probes",
    "exact-l2-hessian": "exact, Hessian",
    "exact-l2-absolute": "exact, absolute",
    "exact-l2-absolute-100": "the same, 100 vectors",
    "exact-l2-absolute-damped": "the same, 100 vectors, μ given",
    "exact-l2-ggn": "exact, Gauss–Newton",
    "box-adjoint-sp": "l2-sp: box LP, adjoint row",
    "exact-l2-sp-hessian": "l2-sp: exact, Hessian",
    "exact-l2-sp-absolute": "l2-sp: exact, absolute",
    "exact-l2-sp-ggn": "l2-sp: exact, Gauss–Newton",
    "bilevel-sp": "l2-sp: continuous bilevel",
    "sign": "no probes: sign step",
    "gradient": "no probes: gradient step",
    "wise": "towards the pretrained weights",
}


def number(value, form):
    return "–" if value is None else format(value, form)


def at_best(run):
    """Predicted and actual change of the validation loss at the step tried next to the quadratic model's best; at t* where it has none."""
    model = run.get("model")
    if not model:
        return None, None
    best = model.get("minimiser")
    if not best:
        return model["predicted"], model["actual"]
    start = run["line_search"][0][1]
    t, loss = min(run["line_search"][1:], key=lambda step: abs(math.log(step[0] / best)))
    return model["slope"] * t + model["curvature"] * t * t / 2, loss - start


def line(title, run):
    model, implicit = run.get("model") or {}, run.get("implicit") or {}
    predicted, actual = at_best(run)
    agreement = implicit.get("agreement")
    # Log λ moves by as much as the bound lets it, wherever t* is.
    moved = [math.log(after / before) for before, after in zip(run["lambda_before"], run["lambda_after"])]
    cells = [
        title,
        number(implicit.get("mu"), ".3g"),
        " ".join(f"{step:+.2f}" for step in moved),
        "–" if agreement is None else f"{100 * agreement:.0f} %",
        number(implicit.get("radius_ratio"), ".2g"),
        f"{run['t_star']:.4g}",
        number(predicted, "+.4f"),
        number(actual, "+.4f"),
        "–" if not predicted else f"{actual / predicted:.2f}",
        f"{model.get('actual', 0):+.4f}",
        f"{run['after']['valid']['ppl']:.1f}",
        f"{run['after']['test']['ppl']:.1f}",
        str(sum(rank["hvps"] for rank in run["work"])),
        f"{run['seconds']['gradient'] + run['seconds']['probes'] + run['seconds']['lp']:.0f}",
    ]
    return "| " + " | ".join(cells) + " |"


def main():
    folder = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else "runs/directions")
    found = {name: folder / name / "result.json" for name in ROWS}
    found = {name: json.loads(file.read_text()) for name, file in found.items() if file.exists()}
    if not found:
        sys.exit(f"directions: no result in {folder}")
    before = next(iter(found.values()))["before"]
    print(f"Before: valid {before['valid']['ppl']:.1f}, test {before['test']['ppl']:.1f}.\n")
    print(
        "| direction | μ | Δ log λ | with −γ | radius / way | t* | predicted | actual there | ratio | actual at t* | valid | test | HVPs | seconds |"
    )
    print("|---" * 14 + "|")
    for name, run in found.items():
        print(line(ROWS[name], run))


if __name__ == "__main__":
    main()
