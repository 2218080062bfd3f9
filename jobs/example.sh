#!/usr/bin/env bash
# The built-in example's texts, vocabulary and small pretrained 12-block GPT-2, in runs/example, unless they are there.
#
# usage: ./jobs/example.sh        LIFT_RANKS (default 2) and LIFT_BINARY (default: of the preset that ./setup.sh --build builds)
set -euo pipefail
cd "$(dirname "$0")/.."
lift="${LIFT_BINARY:-./$(./setup.sh --folder)/lift}" example=runs/example
[ -d "$example/model" ] && exit
rm -rf "$example"
if [ "$(id -u)" -eq 0 ]; then export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1; fi
set -x
"$lift" example --out "$example"
mpirun --oversubscribe -n "${LIFT_RANKS:-2}" "$lift" pretrain --data "$example/pretrain" --tokenizer "$example/tokenizer" --out "$example/model" \
  --layers 12 --width 64 --heads 4 --positions 256 --length 128 --train-limit 2400 --limit 100 --batch 16 --micro-batch 16 --epochs 1 --lr 3e-3
