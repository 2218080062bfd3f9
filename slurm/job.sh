# shellcheck shell=bash disable=SC2154
# What the batch scripts of this folder share; they source it. Nothing here needs editing.
#
# lift_job OUT OPTIONS...   runs `lift run --out OUT OPTIONS... --resume` under the words of the array `launch`, lets a
#                           signal stop it with a checkpoint, puts the job back into the queue where that leads
#                           somewhere, and ends the script with the program's exit code
#
# lift_sweep OUT FILE OPTIONS...   the same for `lift sweep FILE --out OUT OPTIONS...`, which goes on by itself
#
# lift_job_of_words OPTIONS..., lift_sweep_of_words FILE OPTIONS...   the same, with --out OUT among the options
#
# The job is put back
#   on 75        the program stopped at a checkpoint, as it was asked to or because the time limit is near; but not
#                when that got no further than the start before, twice in a row (a warning time of --signal
#                that is nearly as long as the limit would go on for ever)
#   on 137, 143  something killed it, if it has left a newer complete checkpoint than it began with, or a point of
#                a sweep that is done
# and on no other code: what is wrong with an option, a file, a disk or a number is wrong the next time too.
# OUT/slurm.log has a line for each time the job ended.
#
# Several jobs or tasks of an array may work on one sweep. How far a start got is told by the points that it began itself,
# each against what was on disk of it then: what others get done keeps no job coming back that does nothing. A point that
# another goes on with before this is looked at counts for the other, and to wait for another's warm-up is to get no
# further: such a job may end early with 75, while the other works on; submitting it again is safe.

say() { printf '%s %s: %s\n' "$(date -u +%Y-%m-%dT%H:%M:%SZ)" "$job" "$*"; }

# The last word on which job this is. The id alone would mean a whole array where it is that of its last task.
job="${SLURM_JOB_ID:?is set by Slurm: submit this script with sbatch}"
if [ -n "${SLURM_ARRAY_JOB_ID:-}" ]; then job="${SLURM_ARRAY_JOB_ID}_$SLURM_ARRAY_TASK_ID"; fi

start="${SLURM_RESTART_COUNT:-0}"  # of it, from 0

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

# What the points of a sweep have in common, the first results of their searches among it.
shared_of() { find "$1/shared" -type f 2>/dev/null | sort; }

# Points of a sweep that this job began, and nobody since: the record of each with how often it was begun. Each task of an
# array has an id of its own here.
begun_here() {
  grep -rlsZ --include='*.json' "^ *\"where\": .*Slurm job $SLURM_JOB_ID\"" "$1/state" | xargs -0 -r grep -H '^ *"starts":' | sort
}

# What is on disk of a point, in the words by which its record says what was there when it was begun last.
progress_of() {
  local newest
  newest="$(newest_complete "$1")"
  if [ "$newest" -gt 0 ]; then
    printf 'resume-%06d, %d results\n' "$newest" "$(find "$1/checkpoints/memo" -type f 2>/dev/null | wc -l)"
  fi
}

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
  local out="$1" look=look_at_run before state
  shift
  before="$(newest_complete "$out")"
  state="$(state_of "$out")"
  run_and_finish run --out "$out" "$@" --resume
}

lift_sweep() {
  local out="$1" look=look_at_sweep begun shared option options=()
  shift
  begun="$(begun_here "$out")"
  shared="$(shared_of "$out")"
  # --retry is for the first start: what fails in this job is not begun again each time that it comes back.
  for option; do
    case "$start $option" in [1-9]*' --retry' | [1-9]*' --retry='*) ;; *) options+=("$option") ;; esac
  done
  run_and_finish sweep --out "$out" "${options[@]}"
}

# Runs `lift` with these words, and ends the script.
run_and_finish() {
  local code verdict
  say "start $((start + 1)) on ${SLURM_JOB_NODELIST:-?}, ${SLURM_NTASKS:-?} ranks, $OMP_NUM_THREADS threads each: $out"
  # The cost estimate, and whatever is wrong with the options or the inputs, before the hours begin. Points that
  # are wrong do not stop a sweep.
  if [ "$start" -eq 0 ]; then
    run_program "${launch[@]}" "${rank[@]}" "$lift" "$@" --dry-run
    case "$1 $code" in
      *' 0') ;;
      'sweep 2') say 'wrong points do not stop the sweep' ;;
      *) finish ;;
    esac
  fi
  run_program "${launch[@]}" "${rank[@]}" "$lift" "$@"
  finish
}

# How far this start got: `further`, than it began, and with a `newer` checkpoint; `standing` says so.
look_at_run() {
  local after
  after="$(newest_complete "$out")"
  if [ "$(state_of "$out")" != "$state" ]; then further=yes; fi
  if [ "$after" -gt "$before" ]; then newer=yes; fi
  standing="checkpoint $after (began with $before)"
}
look_at_sweep() {
  local record from now points=0 done=0 ahead=0
  while IFS= read -r record; do
    points=$((points + 1))
    record="${record%:*:*}"
    if grep -q '^ *"word": "done"' "$record"; then
      done=$((done + 1)) further=yes newer=yes
      continue
    fi
    from="$(sed -n 's/^ *"progress": "\(.*\)".*/\1/p' "$record")"
    now="$(progress_of "$out/points/$(basename "$record" .json)")"
    case "$from" in "$now" | "$now,"*) ;; *) ahead=$((ahead + 1)) further=yes ;; esac
    if [ "${now%%,*}" != "${from%%,*}" ]; then newer=yes; fi
  done < <(comm -13 <(echo "$begun") <(begun_here "$out"))
  # These may be another's; but there is an end to them.
  if [ "$points" -gt 0 ] && [ -n "$(comm -13 <(echo "$shared") <(shared_of "$out"))" ]; then further=yes; fi
  standing="of $points points begun $done done, $ahead further"
}

# Before anything has, `out` stays as it is: with a file in it, it would be refused the next time.
has_begun() { [ -e "$out/log.txt" ] || [ -d "$out/state" ]; }

# Decides and ends the script: `look` is what tells how far it got, `code` what it ended with.
finish() {
  local further=no newer=no standing line
  verdict='not put back'
  "$look"
  case "$code" in
    0) verdict='done' ;;
    75)
      if [ "$further" = yes ]; then
        put_back
      elif [ "$start" -gt 0 ] && { ! has_begun || grep -sF " $job: " "$out/slurm.log" | tail -n 1 | grep -q 'no further'; }; then
        verdict='not put back: no further than the last time; give it more time, or a later signal'
      else
        put_back
        verdict="no further than before, $verdict"
      fi
      ;;
    137 | 143)
      if [ "$newer" = yes ]; then put_back; else verdict='not put back: it left no newer checkpoint'; fi
      ;;
  esac
  line="exit code $code, $standing: $verdict"
  say "$line"
  if has_begun; then say "$line" >>"$out/slurm.log"; fi
  case "$verdict" in *'put back into'*) scontrol requeue "$job" || say 'Slurm refused to put the job back' ;; esac
  exit "$code"
}

lift_job_of_words() { with_out_of_words lift_job "$@"; }
lift_sweep_of_words() { with_out_of_words lift_sweep "$@"; }
with_out_of_words() {
  local what="$1" out='' options=()
  shift
  while [ $# -gt 0 ]; do
    case "$1" in
      --out) out="${2:-}" && shift ;;
      --out=*) out="${1#--out=}" ;;
      *) options+=("$1") ;;
    esac
    [ $# -eq 0 ] || shift
  done
  if [ -z "$out" ]; then
    echo "expected --out FOLDER among the options" >&2
    exit 2
  fi
  "$what" "$out" "${options[@]}"
}
