#!/usr/bin/env bats
# How the service ends: --stop-timeout, --exit-with-worker, --forward, and the first process of a
# container.

# shellcheck disable=SC2030,SC2031,SC2034 # each test is a process of its own; the helper reads these
load helper

# run_worker SCRIPT [OPTION...]: supervises `sh -c SCRIPT`.
run_worker() {
  local script=$1
  shift
  "$TASUKI" --interval=0.1 "$@" --status-file="$STATUS_FILE" -- sh -c "$script" 2>"$LOG" &
  SUPERVISOR=$!
  STARTED+=("$SUPERVISOR")
}

ends_with() {
  ended "$SUPERVISOR"
  equal "$STATUS_CODE" "$1"
}

# --- --stop-timeout ---

@test "--stop-timeout kills a worker that does not leave, and the stop was still asked for: 0" {
  run_worker 'trap "" TERM; while :; do sleep 1; done' --stop-timeout=0.3
  wait_until status_is 1
  local worker
  worker=$(pid_of 1)
  kill -TERM "$SUPERVISOR"
  ends_with 0
  log_has 'sent KILL to worker'
  gone "$worker"
}

@test "--stop-timeout waits for nobody when all have left" {
  run_worker 'exec sleep 1000' --stop-timeout=3600
  wait_until status_is 1
  kill -TERM "$SUPERVISOR"
  ends_with 0
}

# --- --exit-with-worker ---

@test "--exit-with-worker ends with the worker's status" {
  run_worker 'exit 7' --exit-with-worker
  ends_with 7
}

@test "--exit-with-worker ends with 0 when the worker has done its work" {
  run_worker 'exit 0' --exit-with-worker
  ends_with 0
}

@test "--exit-with-worker ends with 128 and the signal that killed the worker" {
  run_worker 'kill -KILL $$' --exit-with-worker
  ends_with 137
}

@test "--exit-with-worker ends with 0 after a stop that was asked for" {
  run_worker 'exec sleep 1000' --exit-with-worker
  wait_until status_is 1
  kill -TERM "$SUPERVISOR"
  ends_with 0
}

@test "--exit-with-worker does not end with a worker that a deploy replaced, nor with one that it tried" {
  # shellcheck disable=SC2016 # sh expands it
  run_worker '[ "$SERVER_STARTER_GENERATION" = 2 ] && exit 3; exec sleep 1000' --exit-with-worker
  wait_until status_is 1
  kill -HUP "$SUPERVISOR"
  wait_until log_has 'deploy 1 failed'
  kill -HUP "$SUPERVISOR"
  wait_until log_has 'deploy 2 succeeded'
  alive "$SUPERVISOR"
  kill -KILL "$(pid_of 3)"
  ends_with 137
}

@test "--exit-with-worker stops the older workers first" {
  # shellcheck disable=SC2016 # sh expands it
  run_worker '[ "$SERVER_STARTER_GENERATION" = 1 ] || exec sleep 1000
    trap "" HUP; trap "exit 0" TERM; while :; do sleep 0.1; done' --exit-with-worker --signal-on-hup=HUP
  wait_until status_is 1
  local first
  first=$(pid_of 1)
  kill -HUP "$SUPERVISOR"
  wait_until log_has 'sent HUP to worker'
  kill -KILL "$(pid_of 2)"
  ends_with 137
  gone "$first"
}

# --- --forward ---

# trap_worker SIGNAL: a worker that says so when it gets the signal.
trap_worker() {
  printf 'trap "echo got %s >>%s/got" %s; echo up >%s/up; while :; do sleep 0.1; done' "$1" "$DIR" "$1" "$DIR"
}

@test "USR2 and WINCH are forwarded to the worker" {
  local signal
  for signal in USR2 WINCH; do
    rm -f "$DIR/up" "$DIR/got"
    run_worker "$(trap_worker $signal)"
    wait_until test -s "$DIR/up"
    kill "-$signal" "$SUPERVISOR"
    wait_until has "$DIR/got" "got $signal"
    kill -TERM "$SUPERVISOR"
    ends_with 0
  done
}

@test "--forward chooses other signals" {
  run_worker "$(trap_worker RTMIN+1)" --forward=ALRM,RTMIN+1
  wait_until test -s "$DIR/up"
  kill -RTMIN+1 "$SUPERVISOR"
  wait_until has "$DIR/got" 'got RTMIN'
  kill -TERM "$SUPERVISOR"
  ends_with 0
}

@test "--forward refuses what the supervisor handles itself, and what is no signal" {
  run -2 "$TASUKI" --forward=USR2,HUP -- true
  [[ $output == 'tasuki: --forward: HUP cannot be forwarded: the supervisor handles it' ]]
  run -2 "$TASUKI" --forward=USR2, -- true
  [[ $output == "tasuki: --forward: expected a signal such as TERM, SIGUSR1 or 15, got ''" ]]
}

# --- the first process of a container ---

# contain COMMAND...: runs it as process 1 of a pid namespace.
contain() {
  unshare --pid --fork --kill-child true 2>/dev/null || skip "this user may not make a pid namespace"
  unshare --pid --fork --kill-child --mount-proc "$@" 2>"$LOG" &
  SUPERVISOR=$!
  STARTED+=("$SUPERVISOR")
}

# first_process: the pid, out here, of the namespace's first process.
first_process() {
  INIT=$(tr -d ' ' <"/proc/$SUPERVISOR/task/$SUPERVISOR/children")
  [ -n "$INIT" ]
}

@test "as process 1 it takes a stop by a signal that has no default action there" {
  local signal
  for signal in PWR RTMIN+3 ALRM; do
    rm -f "$DIR/up"
    contain "$TASUKI" --interval=0 -- sh -c "echo up >$DIR/up; exec sleep 1000"
    wait_until test -s "$DIR/up"
    wait_until first_process
    kill "-$signal" "$INIT"
    ends_with 0
    log_has 'exiting with status 0'
  done
}

@test "as process 1 it reaps a thousand orphans" {
  contain "$TASUKI" --interval=0 -- sh -c "i=0; while [ \$i -lt 1000 ]; do (true & ) ; i=\$((i + 1)); done
    sleep 0.2; ps -o stat= -A | grep -c Z >$DIR/zombies; echo up >$DIR/up; exec sleep 1000"
  wait_until test -s "$DIR/up"
  equal "$(cat "$DIR/zombies")" 0
  wait_until first_process
  kill -TERM "$INIT"
  ends_with 0
}
