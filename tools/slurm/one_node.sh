#!/usr/bin/env bash
# A Slurm of one node on this machine's loopback: to try the study on a cluster without having one.
#
#   apt-get install slurm-wlm munge        (as root; Debian or Ubuntu)
#   tools/slurm/one_node.sh start FOLDER   logs and state go there; then sinfo, sbatch and squeue work
#   tools/slurm/one_node.sh stop FOLDER
set -euo pipefail

usage() {
  echo "usage: $0 start|stop FOLDER" >&2
  exit 2
}
[ $# = 2 ] || usage
action=$1
mkdir -p "$2"
folder=$(cd "$2" && pwd)
conf=/etc/slurm/slurm.conf # where Slurm looks: Snakemake takes the variable SLURM_CONF from its jobs

need() { command -v "$1" >/dev/null || { echo "$1: not found; apt-get install slurm-wlm munge" >&2; exit 1; }; }

configure() {
  local node cores memory
  node=$(hostname -s)
  cores=$(env -u OMP_NUM_THREADS nproc) # nproc would count the threads that the variable allows
  memory=$(awk '/MemTotal/ {print int($2 / 1024)}' /proc/meminfo)
  # Without accounting, as here, sacct knows nothing: Snakemake is told to ask squeue, which forgets a job
  # MinJobAge seconds after its end.
  cat >"$folder/slurm.conf" <<EOF
ClusterName=one-node
SlurmctldHost=$node(127.0.0.1)
SlurmUser=root
AuthType=auth/munge
AuthInfo=socket=$folder/munge/socket
StateSaveLocation=$folder/state
SlurmdSpoolDir=$folder/spool
SlurmctldPidFile=$folder/slurmctld.pid
SlurmdPidFile=$folder/slurmd.pid
SlurmctldLogFile=$folder/slurmctld.log
SlurmdLogFile=$folder/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
AccountingStorageType=accounting_storage/none
JobAcctGatherType=jobacct_gather/none
MinJobAge=600
ReturnToService=2
NodeName=$node NodeAddr=127.0.0.1 CPUs=$cores RealMemory=$memory State=UNKNOWN
PartitionName=study Nodes=$node Default=YES MaxTime=INFINITE State=UP
EOF
}

start() {
  for program in munged slurmctld slurmd sinfo; do need "$program"; done
  [ "$(id -u)" = 0 ] || { echo "$0: start it as root, as Slurm's daemons expect" >&2; exit 1; }
  if [ -e "$conf" ] && [ "$(readlink -f "$conf")" != "$folder/slurm.conf" ]; then
    echo "$0: $conf is there: this machine has a Slurm already" >&2
    exit 1
  fi
  install -d -m 755 "$folder/state" "$folder/spool"
  install -d -m 755 -o munge -g munge "$folder/munge"
  configure
  ln -sfn "$folder/slurm.conf" "$conf"
  [ -f "$folder/munge/key" ] || head -c 1024 /dev/urandom >"$folder/munge/key"
  chown munge: "$folder/munge/key"
  chmod 400 "$folder/munge/key"
  runuser -u munge -- munged --force --key-file="$folder/munge/key" --socket="$folder/munge/socket" \
    --pid-file="$folder/munge/pid" --log-file="$folder/munge/log" --seed-file="$folder/munge/seed"
  slurmctld
  slurmd
  for _ in $(seq 60); do
    if sinfo --noheader --format=%t 2>/dev/null | grep -qx idle; then
      sinfo
      return
    fi
    sleep 1
  done
  echo "$0: the node is not idle after a minute; see $folder/*.log" >&2
  exit 1
}

stop() {
  for pid in "$folder"/slurmd.pid "$folder"/slurmctld.pid "$folder"/munge/pid; do
    [ ! -f "$pid" ] || kill "$(cat "$pid")" || true
  done
  if [ "$(readlink -f "$conf")" = "$folder/slurm.conf" ]; then rm "$conf"; fi
}

case $action in
  start) start ;;
  stop) stop ;;
  *) usage ;;
esac
