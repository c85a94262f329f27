#!/usr/bin/env bats
# Deploys that go wrong, and what the two names do about it: how often a new generation is tried,
# how long the pauses are, and that the old generation stays until it is not needed.

# shellcheck disable=SC2030,SC2031,SC2034 # each test is a process of its own; the helper reads these
load helper

# pauses: those of the log, in their order.
pauses() {
  sed -n 's/.*restarting in //p' "$LOG" | tr '\n' ' '
}

# pauses_are PAUSE...: the log's pauses begin with these.
pauses_are() {
  [[ "$(pauses)" == "$*"* ]]
}

# --- the new worker dies during --kill-old-delay ---

@test "tasuki: when the new worker dies within --kill-old-delay, the old one stays, untouched" {
  use_lingering_worker
  supervise --interval=0 --kill-old-delay=1h
  wait_until test -e "$DIR/up.1"
  kill -HUP "$SUPERVISOR"
  wait_until status_is 1 2
  kill -KILL "$(pid_of 2)"
  wait_until status_is 1
  wait_until log_has 'deploy 1 failed: the new worker died before the older ones were signalled'
  alive "$(pid_of 1)"
  absent "$DIR/signals"
}

@test "tasuki: the deploy after that one goes well" {
  supervise --interval=0 --kill-old-delay=1h
  wait_serving 1
  kill -HUP "$SUPERVISOR"
  wait_until status_is 1 2
  kill -KILL "$(pid_of 2)"
  wait_until log_has 'deploy 1 failed'
  kill -HUP "$SUPERVISOR"
  wait_until status_is 1 3
  kill -TERM "$(pid_of 1)"
  wait_serving 3
  wait_until log_has 'deploy 2 succeeded: only generation 3 is running'
}

@test "start_server: when the new worker dies within --kill-old-delay, the old one stays for the next" {
  PROGRAM=$START_SERVER
  use_lingering_worker
  supervise --interval=0 --kill-old-delay=1h
  wait_until test -e "$DIR/up.1"
  kill -HUP "$SUPERVISOR"
  wait_until status_is 1 2
  kill -KILL "$(pid_of 2)"
  wait_until status_is 1 3
  wait_until test -e "$DIR/up.3"
  alive "$(pid_of 1)"
  absent "$DIR/signals"
}

@test "a service whose new workers die within --kill-old-delay again and again answers throughout" {
  local lost=0 generation
  PROGRAM=$START_SERVER
  supervise --interval=0 --kill-old-delay=1h
  wait_serving 1
  kill -HUP "$SUPERVISOR"
  for generation in 2 3 4 5; do
    wait_until started "$generation"
    kill -KILL "$(pid_of "$generation")"
    for _ in {1..10}; do
      answers http://localhost/ --unix-socket "$SOCKET" || lost=$((lost + 1))
    done
  done
  equal "$lost" 0
  alive "$(pid_of 1)"
}

# --- attempts ---

# A worker that lives for --interval counts as ready, so this is longer than a busy machine takes to run
# one that fails at once.

@test "tasuki tries one new generation in a deploy, and then the deploy has failed" {
  use_failing_worker
  supervise --interval=1
  wait_serving 1
  touch "$DIR/fail"
  kill -HUP "$SUPERVISOR"
  wait_until log_has 'deploy 1 failed: the new worker died before it was ready'
  status_is 1
  serves 1
  rm "$DIR/fail"
  kill -HUP "$SUPERVISOR"
  wait_serving 3
  wait_until log_has 'deploy 2 succeeded: only generation 3 is running'
}

@test "start_server tries new generations without end, while the old one serves on" {
  PROGRAM=$START_SERVER
  use_failing_worker
  supervise --interval=1
  wait_serving 1
  touch "$DIR/fail"
  kill -HUP "$SUPERVISOR"
  wait_until log_has_at_least 3 'exited with status 3 before it was ready'
  status_is 1
  serves 1
  rm "$DIR/fail"
  wait_until log_has 'deploy 1 succeeded'
  lacks "$LOG" 'deploy 1 failed'
  gone "$(pid_of 1)"
}

@test "--deploy-attempts=3 tries three generations, under either name" {
  local program
  use_failing_worker
  for program in "$TASUKI" "$START_SERVER"; do
    PROGRAM=$program
    supervise --interval=1 --deploy-attempts=3
    wait_serving 1
    touch "$DIR/fail"
    kill -HUP "$SUPERVISOR"
    wait_until log_has 'deploy 1 failed'
    equal "$(count 'exited with status 3')" 3
    rm "$DIR/fail"
    kill -HUP "$SUPERVISOR"
    wait_serving 5
    stop_service
    rm "$LOG"
  done
}

@test "--deploy-attempts=0 has tasuki try without end" {
  use_failing_worker
  supervise --interval=1 --deploy-attempts=0 --backoff=no
  wait_serving 1
  touch "$DIR/fail"
  kill -HUP "$SUPERVISOR"
  wait_until log_has_at_least 3 'exited with status 3 before it was ready'
  rm "$DIR/fail"
  wait_until log_has 'deploy 1 succeeded'
}

@test "the first start is tried without end, whatever --deploy-attempts says" {
  use_failing_worker
  touch "$DIR/fail"
  supervise --interval=1 --deploy-attempts=1 --backoff=no
  wait_until log_has_at_least 3 'exited with status 3 before it was ready'
  absent "$STATUS_FILE"
  rm "$DIR/fail"
  wait_until test -e "$STATUS_FILE"
  wait_until answers http://localhost/ --unix-socket "$SOCKET"
}

# --- pauses ---

@test "tasuki: the pauses of a server that keeps dying double" {
  WORKER=(false)
  supervise --interval=0.1
  wait_until pauses_are 100 ms 200 ms 400 ms 800 ms
}

@test "tasuki: they begin with --interval, and grow for a server that dies after it was ready, too" {
  use_failing_worker
  supervise --interval=0
  wait_serving 1
  touch "$DIR/fail"
  kill -KILL "$(pid_of 1)"
  wait_until pauses_are 100 ms 200 ms 400 ms
}

@test "start_server: they stay the same" {
  PROGRAM=$START_SERVER WORKER=(false)
  supervise --interval=0
  wait_until log_has_at_least 5 'restarting in'
  lacks "$LOG" 'restarting in ([^1]|100.+ ms|1[^0])'
}

@test "start_server: a server that dies within --interval waits for the rest of it, and no more" {
  PROGRAM=$START_SERVER WORKER=(false)
  supervise --interval=0.2
  wait_until log_has_at_least 4 'exited with status 1 before it was ready'
  lacks "$LOG" 'restarting in'
}

@test "--backoff chooses between the two, under either name" {
  WORKER=(false)
  supervise --interval=0 --backoff=no
  wait_until log_has_at_least 4 'restarting in 100 ms'
  lacks "$LOG" 'restarting in [^1]'
  stop_service
  rm "$LOG"
  PROGRAM=$START_SERVER
  supervise --interval=0 --backoff=yes
  wait_until pauses_are 100 ms 200 ms 400 ms
}

@test "a HUP cuts the pause short, and the next pause is a short one again" {
  use_failing_worker
  touch "$DIR/fail"
  supervise --interval=1h
  wait_until log_has 'restarting in'
  kill -HUP "$SUPERVISOR"
  wait_until log_has 'generation 2: worker [0-9]+ exited with status 3'
  equal "$(pauses)" '3600 s 3600 s '
  rm "$DIR/fail"
  kill -HUP "$SUPERVISOR"
  wait_until serves 3
}

@test "a HUP cuts the wait of start_server short as well" {
  PROGRAM=$START_SERVER
  use_failing_worker
  touch "$DIR/fail"
  supervise --interval=1h
  wait_until log_has 'generation 1: worker [0-9]+ exited with status 3'
  rm "$DIR/fail"
  kill -HUP "$SUPERVISOR"
  wait_until serves 2
}

# --- many requests ---

@test "two hundred HUPs during a deploy give one deploy more" {
  supervise --interval=1
  wait_until status_is 1
  kill -HUP "$SUPERVISOR"
  wait_until started 2
  # The supervisor sees all of them within the deploy, however long this takes here.
  kill -STOP "$SUPERVISOR"
  for _ in {1..200}; do
    kill -HUP "$SUPERVISOR"
  done
  kill -CONT "$SUPERVISOR"
  wait_until log_has 'deploy 2 succeeded: only generation 3 is running'
  equal "$(count 'deploy [0-9]+ started')" 2
}

@test "two hundred HUPs, each one noticed, give one deploy more within --kill-old-delay" {
  local i
  supervise --interval=0 --kill-old-delay=1h
  wait_serving 1
  kill -HUP "$SUPERVISOR"
  wait_until status_is 1 2
  for i in {1..200}; do
    kill -HUP "$SUPERVISOR"
    ((i % 20 != 0)) || wait_until log_has_at_least $((1 + i / 20)) 'received HUP'
  done
  equal "$(count 'deploy [0-9]+ is queued')" 1
  status_is 1 2
  kill -KILL "$(pid_of 1)"
  wait_until log_has 'deploy 2 started'
  wait_until status_is 2 3
  equal "$(count 'deploy [0-9]+ started')" 2
}

@test "two hundred HUPs while the command cannot be executed lose nothing" {
  cp "$HELLO" "$DIR/command"
  WORKER=("$DIR/command")
  supervise --interval=0
  wait_serving 1
  rm "$DIR/command"
  for _ in {1..200}; do
    kill -HUP "$SUPERVISOR"
  done
  wait_until log_has 'deploy [0-9]+ failed'
  serves 1
  wait_until children_are "$SUPERVISOR" 1
}

@test "old generations that do not leave do not stand in the way of the newest" {
  local generation
  use_lingering_worker
  supervise --interval=0
  wait_until test -e "$DIR/up.1"
  for generation in {2..20}; do
    kill -HUP "$SUPERVISOR"
    wait_until test -e "$DIR/up.$generation"
  done
  # shellcheck disable=SC2046 # words
  wait_until status_is $(seq 20)
  touch "$DIR/release"
  wait_until log_has 'exited with status 0'
}
