# shellcheck shell=bash
# A private Slurm of one node in a folder of its own: its own munge key and socket, free ports, no file outside.
#
# start_cluster FOLDER   brings it up and exports SLURM_CONF; 1, with the reason on stderr, where it does not come up
# What it started ends with the shell that called it, even by SIGKILL: a guard outside of that shell's process
# tree waits for this, then ends every process that was started under this SLURM_CONF, and removes FOLDER.

# until_true SECONDS WORDS...: runs the words until they succeed; 1 if they have not by then.
until_true() {
  local deadline=$((SECONDS + $1))
  shift
  until "$@"; do
    [ "$SECONDS" -lt "$deadline" ] || return 1
    sleep 0.1
  done
}

free_ports() {
  python3 -c '
import socket
held = [socket.socket() for _ in range(2)]
for one in held: one.bind(("127.0.0.1", 0))
print(*(one.getsockname()[1] for one in held))'
}

# cred_expire is how long a requeued job waits (120 s by default, 5 at least).
write_conf() {
  local folder="$1" controller_port="$2" node_port="$3" host
  host="$(hostname -s)"
  cat >"$folder/slurm.conf" <<CONF
ClusterName=lifttest
SlurmctldHost=$host(127.0.0.1)
SlurmctldPort=$controller_port
SlurmdPort=$node_port
SlurmUser=root
AuthType=auth/munge
AuthInfo=socket=$folder/munge/socket,cred_expire=5
CredType=cred/munge
MpiDefault=pmix
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SchedulerParameters=sched_interval=1,bf_interval=1,batch_sched_delay=0,sched_min_interval=0
SlurmdParameters=config_overrides
StateSaveLocation=$folder/state
SlurmdSpoolDir=$folder/spool
SlurmctldPidFile=$folder/slurmctld.pid
SlurmdPidFile=$folder/slurmd.pid
SlurmctldLogFile=$folder/slurmctld.log
SlurmdLogFile=$folder/slurmd.log
ReturnToService=2
KillWait=30
MinJobAge=3600
NodeName=$host NodeAddr=127.0.0.1 CPUs=2 RealMemory=1000000 State=UNKNOWN
PartitionName=test Nodes=$host Default=YES MaxTime=INFINITE State=UP
CONF
}

# The test's own tools read FOLDER/guard.log if something is left over.
start_guard() {
  # shellcheck disable=SC2016  # for the inner shell
  setsid --fork bash -c '
    tail --pid="$1" -f /dev/null
    of_cluster() {
      grep -lzsx "SLURM_CONF=$2/slurm.conf" /proc/[0-9]*/environ | sed "s:/proc/\([0-9]*\)/.*:\1:" | grep -vx "$$"
    }
    for signal in TERM KILL KILL KILL; do
      mapfile -t left < <(of_cluster "$@")
      [ ${#left[@]} -gt 0 ] || break
      kill -s "$signal" "${left[@]}" 2>/dev/null
      for _ in {1..30}; do [ -n "$(of_cluster "$@")" ] || break; sleep 0.1; done
    done
    rm -rf "$2"' guard "$$" "$1" </dev/null >/dev/null 2>&1
}

cluster_is_up() { scontrol ping 2>/dev/null | grep -q ' UP' && sinfo -h -o %T 2>/dev/null | grep -qx idle; }

start_cluster() {
  local folder="$1" ports attempt
  chmod 755 "$folder"
  start_guard "$folder"
  mkdir -p "$folder"/{munge,state,spool}
  dd if=/dev/urandom of="$folder/munge/key" bs=128 count=1 status=none
  chmod 600 "$folder/munge/key"
  chown -R munge: "$folder/munge"
  export SLURM_CONF="$folder/slurm.conf"
  setpriv --reuid munge --regid munge --clear-groups munged --key-file "$folder/munge/key" --socket "$folder/munge/socket" \
    --pid-file "$folder/munge/pid" --log-file "$folder/munge/log" --seed-file "$folder/munge/seed" || return 1
  # A port that was free may be taken by the time a daemon wants it.
  for attempt in 1 2 3; do
    read -ra ports < <(free_ports)
    write_conf "$folder" "${ports[@]}"
    slurmctld -i && slurmd && until_true 20 cluster_is_up && return
    echo "slurm: start $attempt failed" >&2
    tail -n 5 "$folder"/slurm{ctld,d}.log >&2
    for daemon in slurmctld slurmd; do
      if [ -s "$folder/$daemon.pid" ]; then kill "$(<"$folder/$daemon.pid")"; fi
    done
  done
  return 1
}
