#!/usr/bin/env bash
# Runs the reference set on 1, 2 and 4 ranks and says which numbers moved: exit code 0 if none did, 1 if one did.
#
# usage: results/regression/run.sh            compare with reference/
#        results/regression/run.sh --record   write reference/ anew, from one rank
#        LIFT_RANKS="1 3" results/regression/run.sh
# Everything is in float64 and short, so that neither the processor nor the order of a sum shows: check.py has the tolerances.
# A minute on two cores.
set -euo pipefail
cd "$(dirname "$0")/../.."
if [ "$(id -u)" -eq 0 ]; then export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1; fi
export OMP_NUM_THREADS=1
lift="${LIFT:-./$(./setup.sh --folder)/lift}"
work="runs/regression"
here="results/regression"
[ -x "$lift" ] || { echo "regression: $lift is missing: ./setup.sh --build" >&2; exit 2; }
rm -rf "$work"
mkdir -p "$work"

launch() {  # launch RANKS arguments of lift...
  local ranks="$1"
  shift
  mpirun --oversubscribe -n "$ranks" "$lift" "$@" >"$work/log" 2>&1 || { cat "$work/log" >&2; exit 2; }
}

echo "regression: making the text and the model"
launch 1 example --out "$work/example" --seed 7
launch 1 pretrain --data "$work/example/pretrain" --tokenizer "$work/example/tokenizer" --out "$work/model" --precision fp64 \
  --layers 6 --width 32 --heads 4 --positions 128 --length 64 --train-limit 640 --limit 40 --batch 16 --micro-batch 16 --epochs 1 --lr 3e-3

common=(--model "$work/model" --data "$work/example/finetune" --cache "$work/cache" --precision fp64 --length 64
  --train-limit 64 --limit 24 --tune.blocks "1,4,5" --tune.mlp-only "1,5" --tune.regularizers "1:1,4:0,5:1" --warmup.epochs 3 --warmup.lr 2e-3
  --search.batches 3 --search.hvp-batches 2)
# NAME, then what it adds.
runs=(
  "paper --preset paper"
  "recover --preset recover --recover.corrector-epochs 1 --search.rounds 2"
  "krylov --search.probe-kind krylov --search.probes 6 --search.line model --search.hypergradient on"
  "exact --direction exact --regularizer l2-sp --search.damping 1 --search.rounds 2 --search.corrector-steps 4"
)

if [ "${1:-}" = --record ]; then ranks=(1); else read -r -a ranks <<<"${LIFT_RANKS:-1 2 4}"; fi
moved=0
for count in "${ranks[@]}"; do
  for run in "${runs[@]}"; do
    read -r -a words <<<"$run"
    out="$work/${words[0]}-$count"
    launch "$count" run "${common[@]}" "${words[@]:1}" --out "$out"
    if [ "${1:-}" = --record ]; then
      python3 "$here/check.py" --record "$out/result.json" "$here/reference/${words[0]}.json"
    else
      python3 "$here/check.py" "$out/result.json" "$here/reference/${words[0]}.json" "${words[0]} on $count ranks" || moved=1
    fi
  done
done
exit "$moved"
