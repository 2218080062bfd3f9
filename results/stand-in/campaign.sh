#!/usr/bin/env bash
# What a table of three warm-up lengths and three seeds on the stand-in needs: for each seed one warm-up of 35 epochs with l2,
# and from its epochs 12, 24 and 35 the paper's search, its controls (random rows, no probes, WiSE) and `recover`; beside them a restart from the
# pretrained weights. Rows that are done are left alone, so it can be started again, for more seeds too.
#
# usage: ./results/stand-in/campaign.sh [SEED ...]     (default 0 1 2); then ./results/stand-in/table.py
# Writes to runs/campaign; LIFT_RANKS (default 2). Cost: some 120,000 forward passes of 256 tokens a seed, counted from the options;
# at the 2,172 tokens/s of results/README.md's warm-up an estimated 80 minutes. No seed has been run whole yet.
set -euo pipefail
cd "$(dirname "$0")/../.."
runs="runs/campaign"
model=../shared/models/gpt2-stand-in
data=../shared/data/wikitext-2-raw
for needed in build/lift "$model" "$data"; do
  [ -e "$needed" ] || { echo "campaign: $needed is missing" >&2; exit 3; }
done
if [ "$(id -u)" -eq 0 ]; then export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1; fi
export OMP_NUM_THREADS=1
mkdir -p "$runs"

# row NAME options...: one run, unless it is there; what a run that was cut off left behind is made anew.
row() {
  local name="$1" out="$runs/$1"
  shift
  [ -f "$out/result.json" ] && return
  rm -rf "$out"
  echo "campaign: $name"
  mpirun --oversubscribe --bind-to none -n "${LIFT_RANKS:-2}" build/lift run --model "$model" --data "$data" --length 256 --train-limit 384 \
    --tune.blocks 1,7,11 --tune.mlp-only 1,11 --tune.regularizers 1:1,7:0,11:1 --search.watch 0 --out "$out" "$@" >"$out.log" 2>&1 ||
    { echo "campaign: $name failed, see $out.log" >&2; return 1; }
}

[ $# -gt 0 ] || set -- 0 1 2
for s in "$@"; do
  few=(--limit 48 --seed "$s")
  row "s$s-warmup" "${few[@]}" --warmup.lr 2e-3 --warmup.epochs 35 --warmup.keep 12,24,35 --search.rounds 0
  row "s$s-restart" "${few[@]}" --regularizer l2-sp --warmup.epochs 2 --warmup.lr 1e-3 --warmup.schedule linear --search.rounds 0
  for epoch in 35 24 12; do
    from=("${few[@]}" --warmup.lr 2e-3 --start "$runs/s$s-warmup/checkpoints/epoch-$epoch" --warmup.epochs 0)
    row "s$s-recover-$epoch" "${from[@]}" --preset recover
    row "s$s-paper-$epoch" "${from[@]}" --preset paper
    row "s$s-random-rows-$epoch" "${from[@]}" --preset paper --search.curvature identity
    row "s$s-sign-$epoch" "${from[@]}" --preset paper --direction sign
    row "s$s-wise-$epoch" "${from[@]}" --preset paper --direction wise
  done
  # One round on what recover left at 35, with halves of the whole validation split, and all of test.
  whole=(--seed "$s" --warmup.lr 2e-3 --start "$runs/s$s-recover-35/model" --warmup.epochs 0 --preset recover
         --recover.interpolate off --recover.corrector-epochs 0 --search.rounds 1)
  row "s$s-round-krylov" "${whole[@]}"
  row "s$s-round-random" "${whole[@]}" --search.probe-kind random
  row "s$s-round-none" "${whole[@]}" --direction sign
done
