# shellcheck shell=bash disable=SC2154,SC2034
# The cases of run.sh, in its order: each submits jobs into the working folder and says how they must end.

case_whole() {
  submit whole run.sbatch --out whole "${options[@]}"
  ends whole "$job" COMPLETED 0 1
  check said whole 'walltime  .* on 2 ranks'
}

case_signal() {
  submit signalled run.sbatch --out signalled "${options[@]}"
  reach_middle signalled
  check scancel --signal=USR2 --batch "$job"
  until_true 60 said signalled 'signal USR2' || fail "no signal came"
  go_on
  ends signalled "$job" COMPLETED 0 2
  check said signalled 'exit code 75'
  check said signalled 'going on from'
  check same signalled whole
}

# Slurm sends its warning at its own leisure, up to half a minute early: on a busy machine again in the next start.
case_time_limit() {
  sbatch_options=(--time=1 --signal=B:USR2@15)
  submit limited run.sbatch --out limited "${options[@]}"
  reach_middle limited
  until_true 60 said limited 'signal USR2' || fail "no warning came"
  go_on
  until_true 240 has_ended "$job" || fail "it has not ended"
  check is "$job" JobState COMPLETED
  check said limited 'exit code 75'
  check said limited 'going on from'
  check same limited whole
}

case_requeue() {
  submit requeued run.sbatch --out requeued "${options[@]}"
  reach_middle requeued
  check scontrol requeue "$job"
  ends requeued "$job" COMPLETED 0 2
  check same requeued whole
}

case_killed_rank() {
  submit killed run.sbatch --out killed "${options[@]}"
  reach_middle killed
  go_on
  kill_one_of "${ranks[-1]}"
  ends killed "$job" COMPLETED 0 2
  check said killed 'exit code 1[34][37]'
  check same killed whole
}

case_killed_without_checkpoint() {
  submit early run.sbatch --out early "${common[@]}" --warmup.epochs 50 --checkpoint.minutes 0
  until_true 60 said early 'epoch 1 of 50' || fail "it has not begun"
  mapfile -t ranks < <(ranks_of early)
  kill_one_of "${ranks[0]}"
  ends early "$job" FAILED 137 1
  check said early 'it left no newer checkpoint'
}

# Dies at the same place in every start: the first leaves checkpoints, the second none that is newer.
case_killed_again() {
  export LIFT_FAULT=program:0:KILL@1
  submit again run.sbatch --out again "${options[@]}"
  unset LIFT_FAULT
  ends again "$job" FAILED 137 2
  check said again 'it left no newer checkpoint'
}

# Is told to stop as it loads in every start. The first gets to the end of a warm-up without steps; then there is nothing
# between two starts, 75 or not: the second is put back, the third is not.
case_stopped_at_once() {
  export LIFT_FAULT=load:0:USR2@1
  submit idle run.sbatch --out idle "${common[@]}" --warmup.epochs 0
  unset LIFT_FAULT
  ends idle "$job" FAILED 75 3
  check said idle 'no further than the last time'
}

case_cancelled_and_submitted_again() {
  submit cancelled run.sbatch --out cancelled "${options[@]}"
  reach_middle cancelled
  check scancel "$job"
  until_true 60 has_ended "$job" || fail "a cancelled job has not ended"
  check is "$job" JobState CANCELLED
  check is "$job" Restarts 0
  submit cancelled run.sbatch --out cancelled "${options[@]}"
  ends cancelled "$job" COMPLETED 0 1
  check said cancelled 'going on from'
  check same cancelled whole
  submit cancelled run.sbatch --out cancelled "${options[@]}"
  ends cancelled "$job" COMPLETED 0 1
  check said cancelled 'is done'
}

# A signal while the ranks load, which takes as long as this test wants.
case_signal_while_loading() {
  cat >slow <<'P'
#!/usr/bin/env bash
case " $* " in *' --dry-run '*) exec "$REAL_LIFT" "$@" ;; esac
touch loading
until [ -e loaded ]; do sleep 0.1; done
exec "$REAL_LIFT" "$@"
P
  chmod +x slow
  LIFT="$work/slow" REAL_LIFT="$lift" submit loading run.sbatch --out early-signal "${options[@]}"
  until_true 60 test -e loading || fail "it has not begun"
  check scancel --signal=USR2 --batch "$job"
  until_true 60 said loading 'signal USR2' || fail "no signal came"
  touch loaded
  ends loading "$job" COMPLETED 0 1
  check same early-signal whole
}

# The last task of an array has the id of the array: it alone is to come back.
case_array() {
  printf '%s\n' '--warmup.epochs 1' '--warmup.epochs -1' '--warmup.epochs 5' >lines
  sbatch_options=(--array=1-3)
  submit array array.sbatch lines array "${common[@]}" --checkpoint.minutes 0.01
  reach_middle array/line-3
  check scancel --signal=USR2 --batch "${job}_3"
  until_true 60 said array 'signal USR2' || fail "no signal came"
  go_on
  ends array "${job}_3" COMPLETED 0 2
  ends array "${job}_1" COMPLETED 0 1
  ends array "${job}_2" FAILED 2 1
  check same array/line-3 whole
  check test -f array/line-1/model/model.safetensors
  check test ! -e array/line-2
}

case_errors_never_come_back() {
  submit wrong run.sbatch --out wrong "${options[@]}" --warmup.epoch 3
  ends wrong "$job" FAILED 2 1
  mkdir missing
  submit missing run.sbatch --out missing "${options[@]/%\/model/\/none}"
  ends missing "$job" FAILED 3 1
  check rmdir missing
  for code in 1 4 5; do
    export LIFT_FAULT=step:0:$code@50
    submit "code-$code" run.sbatch --out "code-$code" "${common[@]}" --warmup.epochs 5 --checkpoint.minutes 0.0001
    unset LIFT_FAULT
    ends "code-$code" "$job" FAILED "$code" 1
    check has_checkpoint "code-$code"
  done
}

# srun ends the other rank, which then was killed; what the first one ended with counts. Twice nothing has begun.
case_one_rank_ends_first() {
  cat >first <<'P'
#!/usr/bin/env bash
case "$SLURM_PROCID $* " in *' --dry-run '*) exit ;; 1*) exit 75 ;; esac
exec tail -f /dev/null
P
  chmod +x first
  LIFT="$work/first" submit first run.sbatch --out first-run
  ends first "$job" FAILED 75 2
}

case_multi_node_on_one() {
  sbatch_options=(--nodes=1 --ntasks-per-node=2 --cpus-per-task=1 --gpus-per-node=0)
  submit nodes multi-node.sbatch --out nodes "${options[@]}"
  ends nodes "$job" COMPLETED 0 1
  check same nodes whole
}

# One of five points is wrong: neither the dry run nor the sweep stops for it.
case_sweep() {
  { cat sweep.cfg && printf '%s\n' '[point right]' '[point wrong]' 'seed = 0' 'warmup.epochs = -1'; } >wrong.cfg
  submit sweep sweep.sbatch wrong.cfg --out sweep --ranks-each 1
  ends sweep "$job" FAILED 6 1
  check said sweep 'walltime  .* on 2 groups'
  check said sweep '4 DONE, 1 INVALID of 5 points'
  check logged sweep "$job: exit code 6, of 4 points begun 4 done, .*: not put back"
  check swept sweep right,
}

# Of the second start the middle is where a point has taken up the warm-up of another.
case_sweep_left() {
  submit left sweep.sbatch sweep.cfg --out left --ranks-each 1
  reach_middle left/points/seed=0,warmup.epochs=5 left
  check scancel --signal=USR2 --batch "$job"
  until_true 60 said left 'signal USR2' || fail "no signal came"
  go_on
  reach_middle left/points/seed=0,warmup.epochs=7 left
  check scontrol requeue "$job"
  ends left "$job" COMPLETED 0 3
  check logged left "$job: exit code 75, of 2 points begun .* put back into"
  check swept left
}

case_sweep_killed_rank() {
  submit torn sweep.sbatch sweep.cfg --out torn --ranks-each 1
  reach_middle torn/points/seed=1,warmup.epochs=5 torn
  go_on
  kill_one_of "${ranks[-1]}"
  ends torn "$job" COMPLETED 0 2
  check said torn 'exit code 1[34][37]'
  check swept torn
}

# Both tasks begin at once, a point each; one is stopped, and comes back to what the other leaves.
case_sweep_array() {
  cat >both <<'P'
#!/usr/bin/env bash
case " $* " in *' --dry-run '*) exec "$REAL_LIFT" "$@" ;; esac
touch "begins-$SLURM_ARRAY_TASK_ID"
until [ -e begins-1 ] && [ -e begins-2 ]; do sleep 0.1; done
exec "$REAL_LIFT" "$@"
P
  chmod +x both
  sbatch_options=(--array=1-2 --ntasks=1)
  LIFT="$work/both" REAL_LIFT="$lift" submit tasks sweep.sbatch sweep.cfg --out tasks
  reach_middle tasks/points/seed=1,warmup.epochs=5 tasks
  check scancel --signal=USR2 --batch "${job}_1"
  until_true 60 said tasks 'signal USR2' || fail "no signal came"
  go_on
  ends tasks "${job}_1" COMPLETED 0 2
  ends tasks "${job}_2" COMPLETED 0 1
  check logged tasks "${job}_1: exit code 75, of 1 points begun 0 done, 1 further: put back into"
  check swept tasks
}

# Starts that get no further end a job, whatever another gets done and had left: `waiting` does nothing, twice; `dying` dies
# at the same place in every start, and so does the next job, which begins with its checkpoint.
case_sweep_no_further() {
  mkdir -p other/state
  cat >another <<'P'
#!/usr/bin/env bash
case "${SLURM_RESTART_COUNT:-0} $* " in *' --dry-run '*) exit ;; 1*' --retry '*) exit 1 ;; esac
number="1$SLURM_JOB_ID${SLURM_RESTART_COUNT:-0}"
mkdir -p "other/points/point/checkpoints/resume-$number" && touch "other/points/point/checkpoints/resume-$number/DONE"
printf '  "starts": %s,\n  "progress": "",\n  "where": "elsewhere, process 1, Slurm job 1000000",\n' "$number" >other/state/point.json
echo "1970-01-01T00:00:00Z 1_1: exit code 75: put back into the queue" >>other/slurm.log
if [ "$ENDS" = 75 ]; then exit 75; fi
kill -KILL $$
P
  chmod +x another
  sbatch_options=(--ntasks=1)
  ENDS=75 LIFT="$work/another" submit waiting sweep.sbatch sweep.cfg --out other --retry
  waiting="$job"
  export LIFT_FAULT=program:0:KILL@1
  submit dying sweep.sbatch sweep.cfg --out dying
  ends dying "$job" FAILED 137 2
  submit dying-too sweep.sbatch sweep.cfg --out dying
  ends dying-too "$job" FAILED 137 1
  unset LIFT_FAULT
  check said dying-too 'of 1 points begun 0 done, 0 further: .* it left no newer checkpoint'
  ends waiting "$waiting" FAILED 75 2
  ENDS=137 LIFT="$work/another" submit waiting-too sweep.sbatch sweep.cfg --out other
  ends waiting-too "$job" FAILED 137 1
}
