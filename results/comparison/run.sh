#!/usr/bin/env bash
# Every method at equal budget, from the same overfitted weights and from the same pretrained ones: settings chosen by validation sequences
# with the first seed, then each method with every seed, then the report. What is done is left alone, so it can be started again.
#
# usage: ./results/comparison/run.sh [NAME]          NAME (default example): example, the built-in one, or stand-in, on WikiText-2
# LIFT_SEEDS (default "0 | 1 | 2"), LIFT_BUDGET in forward passes (default 6000 and 8000), LIFT_PROGRAMS (default 1) that share the points,
# LIFT_BINARY (default: of the preset that ./setup.sh --build builds).
# Writes to runs/comparison-NAME. Cost: README.md beside this file.
set -euo pipefail
cd "$(dirname "$0")/../.."
name="${1:-example}"
here=results/comparison out="runs/comparison-$name" seeds="${LIFT_SEEDS:-0 | 1 | 2}" programs="${LIFT_PROGRAMS:-1}" lift="${LIFT_BINARY:-./$(./setup.sh --folder)/lift}"
export OMP_NUM_THREADS=1
case "$name" in
  example) start=30 budget=6000 ;;
  stand-in) start=12 budget=8000 ;;
  *) echo "comparison: $name is neither example nor stand-in" >&2; exit 2 ;;
esac
budget="${LIFT_BUDGET:-$budget}"
if [ "$name" = stand-in ]; then "$here/novels.sh"; else
  LIFT_BINARY="$lift" ./jobs/example.sh
  mkdir -p runs/example-ood
  cp runs/example/pretrain/valid.txt runs/example-ood/test.txt  # topics that are not the fine-tuning's
fi
mkdir -p "$out"

# sweep FILE FOLDER: all its points, shared by so many programs.
sweep() {
  for _ in $(seq "$programs"); do "$lift" sweep "$1" --out "$2" & done
  local code=0
  for job in $(jobs -p); do wait "$job" || code=$?; done
  return "$code"
}

for epochs in "$start" 0; do
  python3 "$here/comparison.py" tried "$here/$name.cfg" "$here/methods.cfg" "$epochs" "${seeds%% *}" "$budget" >"$out/tried-$epochs.cfg"
  sweep "$out/tried-$epochs.cfg" "$out/tried-$epochs" || echo "comparison: some settings failed and are left out" >&2
  python3 "$here/comparison.py" chosen "$here/$name.cfg" "$here/methods.cfg" "$epochs" "$seeds" "$budget" "$out/tried-$epochs" >"$out/chosen-$epochs.cfg"
  sweep "$out/chosen-$epochs.cfg" "$out/chosen-$epochs"
  "$lift" report "$out/chosen-$epochs" --average-over seed --out "$out/report-$epochs"
done
