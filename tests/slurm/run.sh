#!/usr/bin/env bash
# The scripts of slurm/ on a real Slurm of one node, which this test brings up for itself (cluster.sh): jobs that are
# left in every way Slurm knows end with the bits of one that was not, and none comes back that should not.
#
# usage: tests/slurm/run.sh LIFT [CASE...]     cases are the functions case_*; 77, saying why, where it cannot run
set -uo pipefail
here="$(cd "$(dirname "$0")" && pwd)"
# shellcheck source=tests/slurm/cluster.sh
. "$here/cluster.sh"
# shellcheck source=tests/slurm/cases.sh
. "$here/cases.sh"

skip() { echo "skipped: $*" && exit 77; }
[ "$(id -u)" -eq 0 ] || skip "a private Slurm is brought up by root alone"
for program in slurmctld slurmd sbatch munged setpriv python3; do
  command -v "$program" >/dev/null || skip "there is no $program here (./setup.sh --slurm)"
done
lift="$(realpath "$1")" || exit 2
shift
work="$(mktemp -d "${TMPDIR:-/tmp}/lift-slurm-XXXXXX")"
failures=0

export LIFT_HOME="$here/../.." LIFT="$lift" OMP_NUM_THREADS=1 CUDA_VISIBLE_DEVICES=''
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
start_cluster "$work" || exit 1
cd "$work" || exit 1

fail() {
  echo "  FAILED: $*"
  failures=$((failures + 1))
}
# check WORDS...: the words must succeed.
check() { "$@" || fail "$*"; }
field() { scontrol show job --oneliner "$1" 2>/dev/null | grep -o "\b$2=[^ ]*" | head -n 1 | cut -d= -f2; }
is() { [ "$(field "$1" "$2")" = "$3" ] || { echo "  $2 of job $1 is $(field "$1" "$2")" && return 1; }; }
said() { grep -qs -- "$2" "$1.out"; }
logged() { grep -qs -- "$2" "$1/slurm.log"; }
has_ended() { case "$(field "$1" JobState)" in PENDING | RUNNING | COMPLETING | REQUEUED | CONFIGURING) return 1 ;; esac; }

# submit NAME SCRIPT WORDS...: leaves the id in `job`; the job's output goes to NAME.out.
submit() {
  local name="$1" script="$2"
  shift 2
  job="$(sbatch --parsable --output="$work/$name.out" ${sbatch_options[@]+"${sbatch_options[@]}"} "$LIFT_HOME/slurm/$script" "$@")" \
    || fail "$name was not accepted"
}
# ends NAME ID STATE CODE STARTS: waits for the end, which must be this one.
ends() {
  until_true 120 has_ended "$2" || fail "$1 has not ended"
  check is "$2" JobState "$3"
  check is "$2" ExitCode "$4:0"
  check is "$2" Restarts "$(($5 - 1))"
  [ "$failures" -eq "$failures_before" ] || { tail -n 25 "$work/$1.out"; }
}
# The ranks of a run on this node.
ranks_of() {
  local process
  while read -r process; do
    process="${process%/environ}"
    if [ "$(readlink "$process/exe")" = "$lift" ] && grep -qzsx "$1" "$process/cmdline"; then echo "${process#/proc/}"; fi
  done < <(grep -lzsx "SLURM_CONF=$SLURM_CONF" /proc/[0-9]*/environ)
}
are_gone() { ! kill -0 "$@" 2>/dev/null; }
has_checkpoint() { compgen -G "$1/checkpoints/resume-*/DONE" >/dev/null; }
# reach_middle RUN [SWEEP]: when it has left its first complete checkpoint its ranks, or all of the sweep that it is a point
# of, are held, so that what is to happen in the middle does; go_on lets them go.
reach_middle() {
  until_true 60 has_checkpoint "$1" || fail "$1 left no checkpoint"
  mapfile -t ranks < <(ranks_of "${2:-$1}")
  check kill -STOP "${ranks[@]}"
  check has_checkpoint "$1"
}
go_on() { check kill -CONT "${ranks[@]}"; }
# Ends one rank of a run, after which the others must not be there for long.
kill_one_of() {
  check kill -KILL "$1"
  local began=$SECONDS
  until_true 10 are_gone "${ranks[@]}" || fail "ranks are left 10 s after one was killed"
  echo "  all gone after $((SECONDS - began)) s"
}

# same RUN REFERENCE: the tuned model to the bit, and all metrics but the speed.
same() {
  cmp "$1/model/model.safetensors" "$2/model/model.safetensors" && python3 - "$1" "$2" <<'P'
import json, sys
def metrics(run):
    lines = [json.loads(line) for line in open(run + "/metrics.jsonl")]
    for line in lines: line.pop("tokens_per_second", None)
    return lines
a, b = map(metrics, sys.argv[1:])
assert a and a == b, "metrics differ"
P
}
# swept SWEEP [PREFIX]: each of the points, whose names have the prefix, is the run alone of one rank.
swept() {
  local point words
  for point in "${points[@]}"; do
    IFS=, read -ra words <<<"$point"
    [ -e "alone/$point" ] || "$lift" run --out "alone/$point" "${common[@]}" "${words[@]/#/--}" >/dev/null &
    [ "$(jobs -rp | wc -l)" -lt 2 ] || wait -n
  done
  wait
  for point in "${points[@]}"; do same "$1/points/${2:-}$point" "alone/$point" || return 1; done
}

"$lift" example --out example >/dev/null || exit 1
"$lift" pretrain --data example/pretrain --tokenizer example/tokenizer --out model --layers 2 --width 32 --heads 2 --positions 64 \
  --length 32 --train-limit 256 --limit 16 --batch 16 --micro-batch 16 --lr 3e-3 --cache none >/dev/null || exit 1
common=(--model "$work/model" --data "$work/example/finetune" --length 32 --tune.blocks "0,1" --train-limit 400 --limit 20
  --search.hvp-batches 1 --search.batches 1 --search.probes 4 --search.steps 5 --cache none)
options=("${common[@]}" --warmup.epochs 5 --checkpoint.minutes 0.01)
# Four points; of each seed the longer warm-up goes on from the end of the shorter.
points=(seed={0,1}",warmup.epochs="{5,7})
printf '%s = %s\n' "${common[@]/#--/}" checkpoint.minutes 0.002 seed '0 | 1' warmup.epochs '5 | 7' >sweep.cfg

if [ $# -gt 0 ]; then names=(case_whole "${@/#/case_}"); else mapfile -t names < <(grep -o '^case_[a-z_]*' "$here/cases.sh"); fi
for name in "${names[@]}"; do
  began=$SECONDS failures_before=$failures sbatch_options=()
  echo "$name"
  "$name"
  echo "  $((SECONDS - began)) s"
done
if [ "$failures" -eq 0 ]; then echo "${#names[@]} cases passed"; else echo "$failures failures" && exit 1; fi
