#!/usr/bin/env bash
# What a table of three warm-up lengths and three seeds on the stand-in needs: for each seed one warm-up of 35 epochs with l2,
# and from its epochs 12, 24 and 35 `recover`, the paper's search and its controls (random rows, no probes, WiSE); beside them a restart from
# the pretrained weights, and one round on the whole validation split. Rows that are done are left alone, so it can be started again, for
# more seeds too, and once per seed side by side; `controls`, `paper` and `recover` need `warmup`, `rounds` and `directions` need `first`.
#
# usage: ./results/stand-in/campaign.sh [SEED ...]     (default 0 1 2); then ./results/stand-in/table.py
# LIFT_RANKS (default 2) of one thread each; LIFT_GROUPS, of "warmup recover first more rounds directions controls paper" (default all, in this order); LIFT_ROWS, an expression
# that names of rows match, as round-(krylov|none); LIFT_BINARY.
# Writes to runs/campaign. Cost: some 180,000 forward passes of 256 tokens a seed; at the 2,172 tokens/s of results/README.md's warm-up
# an estimated two hours on two cores.
set -euo pipefail
cd "$(dirname "$0")/../.."
folder=runs/campaign ranks=2
# shellcheck source=results/stand-in/rows.sh
. results/stand-in/rows.sh

# after EPOCH NAME options...: a row that starts from that epoch of the seed's warm-up.
after() {
  local epoch="$1" name="$2"
  shift 2
  row "s$seed-$name-$epoch" "${few[@]}" --start "$folder/s$seed-warmup/checkpoints/epoch-$epoch" --warmup.epochs 0 "$@"
}

group_warmup() {
  row "s$seed-warmup" "${few[@]}" --warmup.lr 2e-3 --warmup.epochs 35 --warmup.keep 12,24,35 --search.rounds 0
  row "s$seed-restart" "${few[@]}" --regularizer l2-sp --warmup.epochs 2 --warmup.lr 1e-3 --warmup.schedule linear --search.rounds 0
}

# The search's 300 sequences are spread over the whole validation split, and one round keeps it below a tenth of what the warm-up took;
# `recover-rounds` goes on to three. `recover-first` has the first 48 sequences for all, half of them for d and half for t, as first tried.
group_recover() {
  for epoch in 35 24 12; do
    after "$epoch" recover --preset recover --warmup.lr 2e-3 --search.sequences 300 --search.rounds 1
  done
}
group_more() {
  after 35 recover-rounds --preset recover --warmup.lr 2e-3 --search.sequences 300
}
group_first() {
  after 35 recover-first --preset recover --warmup.lr 2e-3 --search.holdout 0.5 --search.hvp-batches 4
}

rounds_options() {
  whole=(--seed "$seed" --start "$folder/s$seed-recover-first-35/model" --warmup.epochs 0 --preset recover
         --recover.interpolate off --recover.corrector-epochs 0 --search.rounds 1 --search.holdout 0.5 --search.hvp-batches 4)
}

# One round on what recover-first left at 35, which is its corrector's end, with halves of the whole validation split, and all of test.
group_rounds() {
  rounds_options
  row "s$seed-round-krylov" "${whole[@]}"
  row "s$seed-round-random" "${whole[@]}" --search.probe-kind random
  row "s$seed-round-none" "${whole[@]}" --direction sign
}

# The same round along other directions.
group_directions() {
  rounds_options
  row "s$seed-round-gradient" "${whole[@]}" --direction gradient
  row "s$seed-round-exact-ggn" "${whole[@]}" --direction exact --search.curvature ggn --search.max-hvps 40
}

group_controls() {
  for epoch in 35 24 12; do
    after "$epoch" wise --preset paper --direction wise
    after "$epoch" sign --preset paper --direction sign
    after "$epoch" random-rows --preset paper --search.curvature identity
  done
}

group_paper() {
  for epoch in 35 24 12; do after "$epoch" paper --preset paper; done
}

[ $# -gt 0 ] || set -- 0 1 2
for seed in "$@"; do
  few=(--limit 48 --seed "$seed")
  for group in ${LIFT_GROUPS:-warmup recover first more rounds directions controls paper}; do "group_$group"; done
done
