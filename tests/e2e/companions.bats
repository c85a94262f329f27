#!/usr/bin/env bats
# Companions: what they have, how long they live, and that nobody takes one for a worker.

load helper

# The worker of these tests leaves a process behind that ends when $DIR/release is there.
use_leaving_worker() {
  make_worker worker <<END
#!/bin/sh
(exec 3>&- 4>&-; trap '' TERM; until [ -e '$DIR/release' ]; do sleep 0.5; done) &
exec '$HELLO'
END
  # shellcheck disable=SC2034 # supervise reads it
  WORKER=("$DIR/worker")
}

# use_limit COUNT: of open files.
use_limit() {
  make_worker limited <<END
#!/bin/sh
ulimit -n $1 && exec '$TASUKI' "\$@"
END
  # shellcheck disable=SC2034 # supervise reads it
  PROGRAM=$DIR/limited
}

use_sleeping_worker() {
  # shellcheck disable=SC2034 # supervise reads it
  WORKER=(sleep 1000)
}

# companion: the pid of the only one.
companion() {
  local all
  all=$(companions "$SUPERVISOR")
  [[ $all =~ ^[0-9]+$ ]] && printf '%s\n' "$all"
}

companions_are() {
  [ "$(companions "$SUPERVISOR" | wc -l)" -eq "$1" ]
}

# descriptors PID
descriptors() {
  find "/proc/$1/fd" -mindepth 1 | wc -l
}

# field NAME PID: a line of its status.
field() {
  sed -n "s/^$1:[[:space:]]*//p" "/proc/$2/status"
}

@test "a worker with a filter or a NOTIFY_SOCKET has a companion, and no other has" {
  supervise --interval=0
  wait_serving 1
  wait_until companions_are 1
  equal "$(tr '\0' ' ' <"/proc/$(companion)/cmdline" | sed 's/ *$//')" "companion of worker $(pid_of 1)"
  stop_service 0
  supervise --interval=0 --adopt=off --ready=delay
  wait_serving 1
  equal "$(companions "$SUPERVISOR")" ""
}

@test "a companion has its listeners, the worker's ends and a pipe, and nothing else of the supervisor's" {
  supervise --interval=0
  wait_serving 1
  wait_until companion
  local pid
  pid=$(companion)
  equal "$(find "/proc/$pid/fd" -mindepth 1 -printf '%l\n' | sed 's/:.*//' | sort | uniq -c | xargs)" \
    "3 /dev/null 2 anon_inode 1 pipe 2 socket"
}

@test "a companion has the worker's user and groups, no capability, and cannot be looked into" {
  [ "$(id -u)" -eq 0 ] || skip "not root"
  use_sleeping_worker
  supervise --interval=0 --user=nobody --supplementary-groups=games
  wait_until companion
  local pid name
  pid=$(companion)
  for name in Uid Gid Groups; do
    equal "$(field "$name" "$pid")" "$(field "$name" "$(pid_of 1)")"
  done
  equal "$(field CapPrm "$pid")" 0000000000000000
  equal "$(field NoNewPrivs "$pid")" 1
  run ! setpriv --reuid=nobody --regid=nogroup --clear-groups cat "/proc/$pid/environ"
}

@test "the signals that end a service do not end a companion; it ends with the worker" {
  supervise --interval=0
  wait_serving 1
  wait_until companion
  local pid signal
  pid=$(companion)
  for signal in HUP INT QUIT TERM USR1 USR2 PIPE; do
    kill "-$signal" "$pid"
  done
  kill -HUP "$SUPERVISOR"
  wait_serving 2
  wait_until gone "$pid"
  equal "$(count companion)" 0
  stop_service 0
}

@test "45 deploys that each leave a process behind cost the supervisor no descriptor" {
  use_leaving_worker
  use_limit 60
  supervise --interval=0
  wait_serving 1
  local before i
  before=$(descriptors "$SUPERVISOR")
  for ((i = 2; i <= 46; i++)); do
    kill -HUP "$SUPERVISOR"
    wait_serving "$i"
  done
  equal "$(descriptors "$SUPERVISOR")" "$before"
  companions_are 46
  touch "$DIR/release"
  wait_until companions_are 1
}

@test "what a worker left behind keeps its companion, and no address" {
  use_leaving_worker
  PORT=$(free_port)
  supervise --interval=0 --port="127.0.0.1:$PORT"
  wait_serving 1
  wait_until companion
  local pid
  pid=$(companion)
  stop_service 0
  alive "$pid"
  (exec 9<>"/dev/tcp/127.0.0.1/$PORT") 2>/dev/null && {
    echo "somebody still listens on $PORT"
    return 1
  }
  touch "$DIR/release"
  wait_until gone "$pid"
}

@test "when the supervisor is killed, the companion lives on, and ends with the worker" {
  supervise --interval=0
  wait_serving 1
  wait_until companion
  local pid worker
  pid=$(companion)
  worker=$(pid_of 1)
  kill -KILL "$SUPERVISOR"
  wait_until gone "$SUPERVISOR"
  alive "$pid"
  kill -KILL "$worker"
  wait_until gone "$pid"
}
