# What the scripts of this folder share: the stand-in, its data, and a row as one `lift run` from the repository's root. Sourced, with
# `folder` (runs/NAME) and `ranks` set; LIFT_BINARY, LIFT_RANKS and LIFT_ROWS as the scripts say.
# shellcheck shell=bash
lift="${LIFT_BINARY:-build/lift}"
model=../shared/models/gpt2-stand-in
data=../shared/data/wikitext-2-raw
script="$(basename "$0" .sh)"

# needs PATH...: exit code 3 for the first that is missing.
needs() {
  local needed
  for needed in "$@"; do
    [ -e "$needed" ] || { echo "$script: $needed is missing" >&2; exit 3; }
  done
}

needs "$lift" "$model" "$data"
if [ "$(id -u)" -eq 0 ]; then export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1; fi
export OMP_NUM_THREADS=1
mkdir -p "${folder:?}"

# row NAME options...: one run, unless it is there; what a run that was cut off left behind is made anew.
row() {
  local name="$1" out="$folder/$1"
  shift
  [[ "$name" =~ ${LIFT_ROWS:-.} ]] || return 0
  [ -f "$out/result.json" ] && return
  rm -rf "$out"
  echo "$script: $name"
  mpirun --oversubscribe --bind-to none -n "${LIFT_RANKS:-${ranks:?}}" "$lift" run --model "$model" --data "$data" --length 256 --train-limit 384 \
    --tune.blocks 1,7,11 --tune.mlp-only 1,11 --tune.regularizers 1:1,7:0,11:1 --search.watch 0 --out "$out" "$@" >"$out.log" 2>&1 ||
    { echo "$script: $name failed, see $out.log" >&2; return 1; }
}
