# shellcheck shell=bash disable=SC2154
# What the batch scripts of this folder share; they source it. Nothing here needs editing.
#
# lift_job OUT OPTIONS...   runs `lift run --out OUT OPTIONS... --resume` under the words of the array `launch`, lets a
#                           signal stop it with a checkpoint, puts the job back into the queue where that leads
#                           somewhere, and ends the script with the program's exit code
#
# lift_job_of_words OPTIONS...   the same, with --out RUN among the options
#
# The job is put back
#   on 75        the program stopped at a checkpoint, as it was asked to or because the time limit is near; but not
#                when that got no further than the start before, twice in a row (a warning time of --signal
#                that is nearly as long as the limit would go on for ever)
#   on 137, 143  something killed it, if it has left a newer complete checkpoint than it began with
# and on no other code: what is wrong with an option, a file, a disk or a number is wrong the next time too.
# OUT/slurm.log has a line for each time the job ended.

say() { printf '%s %s: %s\n' "$(date -u +%Y-%m-%dT%H:%M:%SZ)" "$job" "$*"; }

# The last word on which job this is. The id alone would mean a whole array where it is that of its last task.
job="${SLURM_JOB_ID:?is set by Slurm: submit this script with sbatch}"
if [ -n "${SLURM_ARRAY_JOB_ID:-}" ]; then job="${SLURM_ARRAY_JOB_ID}_$SLURM_ARRAY_TASK_ID"; fi

# srun takes neither of these from the allocation by itself (Slurm 22.05 and later).
export SRUN_CPUS_PER_TASK="${SLURM_CPUS_PER_TASK:-1}"
export OMP_NUM_THREADS="${OMP_NUM_THREADS:-$SRUN_CPUS_PER_TASK}"

# Number of the newest complete checkpoint of a run folder, 0 for none: a file DONE is written last.
newest_complete() {
  local done_file number newest=0
  for done_file in "$1"/checkpoints/resume-*/DONE; do
    [ -e "$done_file" ] || continue
    number="${done_file%/DONE}"
    number="${number##*/resume-}"
    if [ "$((10#$number))" -gt "$newest" ]; then newest="$((10#$number))"; fi
  done
  echo "$newest"
}

# All that a start adds to: the checkpoints and, within a stage of the search, its results so far.
state_of() { newest_complete "$1"; find "$1/checkpoints/memo" -type f 2>/dev/null | sort; }

# A batch script alone gets the signal of --signal=B: and of scancel --batch. USR2 is what mpirun hands on too: it
# answers TERM with a kill. Two signals within two seconds are one request to the program.
program='' asked=no
ask_to_stop() {
  asked=yes
  say "signal $1: the program stops at its next step"
  if [ -n "$program" ]; then kill -USR2 "$program" 2>/dev/null; fi
}
for signal in USR1 USR2 TERM; do
  # shellcheck disable=SC2064  # the name of now
  trap "ask_to_stop $signal" "$signal"
done

# Hands on what srun and the ranks say on stderr. When a rank died of a signal the others wait for it, and cannot heed the
# TERM by which srun ends them before it kills them after Slurm's KillWait (30 s): they are killed at once. Returns the code
# of the first rank that ended wrong, 0 for one that died of a signal.
hand_on_errors() {
  local text died=no first=''
  while IFS= read -r text || [ -n "$text" ]; do
    printf '%s\n' "$text" >&2
    case "$text" in
      'srun: error: '*': task'*': Exited with exit code '*) first="${first:-${text##* }}" ;;
      'srun: error: '*': task'*': '*) died=yes first="${first:-0}" ;;
      'srun: '*'Terminating StepId='*) if [ "$died" = yes ]; then end_step "${text##*StepId=}" & fi ;;
    esac
  done
  return "${first:-0}"
}

# Kills the processes of a step on all nodes. Slurm takes no further signal for a step that it is ending; so a step beside
# it asks each node for them. Where that fails the step ends as it would have.
end_step() {
  # shellcheck disable=SC2016  # for the shell on each node
  timeout 20 srun --overlap --nodes="$SLURM_JOB_NUM_NODES" --ntasks="$SLURM_JOB_NUM_NODES" --ntasks-per-node=1 \
    --cpus-per-task=1 --mem=0 --mpi=none --cpu-bind=none \
    bash -c 'scontrol listpids "$1" | while read -r pid _ _ rank _; do case "$rank" in [0-9]*) kill -KILL "$pid" ;; esac; done' \
    end "$1" >/dev/null 2>&1
}

# Runs words, to be stopped by ask_to_stop; their exit code is left in `code`.
run_program() {
  local errors to_errors first
  code=75
  if [ "$asked" = yes ]; then return; fi
  exec {to_errors}> >(trap '' USR1 USR2 TERM && hand_on_errors)
  errors=$!
  "$@" 2>&"$to_errors" {to_errors}>&- &
  program=$!
  exec {to_errors}>&-
  # A signal ends `wait` while the program goes on.
  while kill -0 "$program" 2>/dev/null; do wait "$program"; done
  wait "$program"
  code=$?
  program=''
  wait "$errors"
  first=$?
  # Of ranks that agree on a code srun may end some by TERM before they are gone by themselves, and tell of that alone.
  case "$code $first" in '143 '[2-6] | '137 '[2-6] | '143 75' | '137 75') code="$first" ;; esac
}

# Puts the job back, unless it was cancelled or is being ended: then its state is no longer RUNNING.
put_back() {
  local state  # of the job
  state="$(scontrol show job --oneliner "$job" | sed -n 's/.* JobState=\([A-Z_]*\).*/\1/p')"
  if [ "$state" != RUNNING ]; then verdict="not put back: the job is ${state:-unknown to Slurm}"; return; fi
  verdict='put back into the queue'
}

# What starts a rank: while it loads its libraries and does not listen yet, a request to stop is lost and not its end with
# 138 or 140. (The time limit it knows by itself.)
# shellcheck disable=SC2016  # for the shell of the rank
rank=(bash -c 'trap "" USR1 USR2; exec "$@"' rank)

lift_job() {
  local out="$1" start="${SLURM_RESTART_COUNT:-0}" before after state code verdict
  shift
  before="$(newest_complete "$out")"
  state="$(state_of "$out")"
  say "start $((start + 1)) on ${SLURM_JOB_NODELIST:-?}, ${SLURM_NTASKS:-?} ranks, $OMP_NUM_THREADS threads each: $out"
  # The cost estimate, and whatever is wrong with the options or the inputs, before the hours begin.
  if [ "$start" -eq 0 ]; then
    run_program "${launch[@]}" "${rank[@]}" "$lift" run --out "$out" "$@" --resume --dry-run
    if [ "$code" -ne 0 ]; then finish; fi
  fi
  run_program "${launch[@]}" "${rank[@]}" "$lift" run --out "$out" "$@" --resume
  finish
}

# Before anything has, `out` stays as it is: with a file in it, it would be refused the next time.
has_begun() { [ -e "$out/log.txt" ]; }

# Decides and ends the script: `lift_job` has set out, before, state and code.
finish() {
  verdict='not put back'
  after="$(newest_complete "$out")"
  case "$code" in
    0) verdict='done' ;;
    75)
      if [ "$(state_of "$out")" != "$state" ]; then
        put_back
      elif [ "$start" -gt 0 ] && { ! has_begun || tail -n 1 "$out/slurm.log" 2>/dev/null | grep -q 'no further'; }; then
        verdict='not put back: no further than the last time; give it more time, or a later signal'
      else
        put_back
        verdict="no further than before, $verdict"
      fi
      ;;
    137 | 143)
      if [ "$after" -gt "$before" ]; then put_back; else verdict='not put back: it left no newer checkpoint'; fi
      ;;
  esac
  local line="exit code $code, checkpoint $after (began with $before): $verdict"
  say "$line"
  if has_begun; then say "$line" >>"$out/slurm.log"; fi
  case "$verdict" in *'put back into'*) scontrol requeue "$job" || say 'Slurm refused to put the job back' ;; esac
  exit "$code"
}

lift_job_of_words() {
  local out='' options=()
  while [ $# -gt 0 ]; do
    case "$1" in
      --out) out="${2:-}" && shift ;;
      --out=*) out="${1#--out=}" ;;
      *) options+=("$1") ;;
    esac
    [ $# -eq 0 ] || shift
  done
  if [ -z "$out" ]; then
    echo "expected --out RUN among the options" >&2
    exit 2
  fi
  lift_job "$out" "${options[@]}"
}
