#!/usr/bin/env bash
# The built-in example on two ranks: generates a corpus, pretrains a small 12-block GPT-2 on one part of it, overfits it on
# another and runs Algorithm 1, ending in the before/after table and the figures. About a minute after the build.
#
# usage: ./jobs/quickstart.sh [options of lift run]     e.g.  ./jobs/quickstart.sh --search.rounds 2
# LIFT_RANKS (default 2) is the number of ranks; everything is written below runs/.
set -euo pipefail
cd "$(dirname "$0")/.."
ranks="${LIFT_RANKS:-2}"
example=runs/example
out="runs/quickstart-$(date +%Y%m%d-%H%M%S)"

./setup.sh --build
lift="./$(./setup.sh --folder)/lift"
if [ "$lift" = ./build-cuda/lift ] && gpus="$(nvidia-smi -L 2>/dev/null | wc -l)" && [ "$gpus" -gt 0 ] && [ "$ranks" -gt "$gpus" ]; then
  echo "quickstart: $gpus GPU(s), so $gpus rank(s): two ranks never share one"
  ranks="$gpus"
fi
if [ "$(id -u)" -eq 0 ]; then export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1; fi
launch() {
  printf '\nquickstart: mpirun -n %s %s\n' "$ranks" "$*"
  mpirun --oversubscribe -n "$ranks" "$@"
}

LIFT_RANKS="$ranks" LIFT_BINARY="$lift" ./jobs/example.sh
launch "$lift" run --config jobs/configs/quickstart.cfg --model "$example/model" --data "$example/finetune" \
  --out "$out" "$@"
