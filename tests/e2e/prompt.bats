#!/usr/bin/env bats
# Nothing sleeps: stops, deaths and requests are noticed when they come. The waits that they come
# into are an hour long, so that a test that ends at all has proven it.

# shellcheck disable=SC2030,SC2031,SC2034 # each test is a process of its own; the helper reads these
load helper

# stopped_cleanly: the supervisor ended as asked, and took its workers and files with it.
stopped_cleanly() {
  local pid
  ended "$SUPERVISOR"
  equal "$STATUS_CODE" 0
  nothing_left
  workers | while read -r pid; do
    gone "$pid"
  done
}

# --- a stop ---

@test "a stop is obeyed at once within --interval, whichever signal asks for it" {
  local signal
  for signal in TERM INT QUIT; do
    supervise --interval=1h
    wait_until started 1
    kill "-$signal" "$SUPERVISOR"
    stopped_cleanly
    rm "$LOG"
  done
}

@test "a stop is obeyed at once within --interval when a deploy is waiting, too" {
  supervise --ready=delay --interval=1h
  wait_until started 1
  kill -HUP "$SUPERVISOR"
  wait_until log_has 'deploy [0-9]+ is queued'
  kill -TERM "$SUPERVISOR"
  stopped_cleanly
}

@test "a stop is obeyed at once while the next generation is in its --interval" {
  supervise --interval=3
  wait_until status_is 1
  kill -HUP "$SUPERVISOR"
  wait_until started 2
  kill -TERM "$SUPERVISOR"
  stopped_cleanly
}

@test "a stop is obeyed at once within --kill-old-delay" {
  supervise --interval=0 --kill-old-delay=1h
  wait_serving 1
  kill -HUP "$SUPERVISOR"
  wait_until status_is 1 2
  kill -TERM "$SUPERVISOR"
  stopped_cleanly
}

@test "a stop is obeyed at once while a worker that died waits for its next start" {
  local program
  for program in "$TASUKI" "$START_SERVER"; do
    PROGRAM=$program WORKER=(false)
    supervise --interval=1h
    wait_until log_has 'exited with status 1'
    kill -TERM "$SUPERVISOR"
    ended "$SUPERVISOR"
    equal "$STATUS_CODE" 0
    nothing_left
    rm "$LOG"
  done
}

@test "a stop is obeyed at once within the pause of a server that keeps crashing" {
  use_failing_worker
  supervise --interval=0
  wait_serving 1
  touch "$DIR/fail"
  kill -KILL "$(pid_of 1)"
  wait_until log_has 'restarting in 800 ms'
  kill -TERM "$SUPERVISOR"
  stopped_cleanly
}

@test "a stop that comes before the first worker has run is obeyed" {
  for _ in 1 2 3 4 5; do
    supervise --interval=1h
    wait_until test -s "$PID_FILE"
    kill -TERM "$SUPERVISOR"
    stopped_cleanly
  done
}

@test "an interrupt of the whole process group, as from a terminal, stops the service cleanly" {
  start setsid env --default-signal=INT "$TASUKI" --path="$SOCKET" --pid-file="$PID_FILE" \
    --status-file="$STATUS_FILE" --interval=0 -- "$HELLO"
  SUPERVISOR=$PID
  wait_serving 1
  kill -INT -- "-$SUPERVISOR"
  stopped_cleanly
}

@test "a second stop changes nothing: the supervisor waits for its workers" {
  use_lingering_worker
  supervise --interval=0
  wait_until test -e "$DIR/up.1"
  kill -TERM "$SUPERVISOR"
  wait_until has "$DIR/signals" '1 TERM'
  kill -TERM "$SUPERVISOR"
  kill -HUP "$SUPERVISOR"
  wait_until log_has_at_least 2 'received TERM'
  alive "$SUPERVISOR"
  alive "$(pid_of 1)"
  touch "$DIR/release"
  stopped_cleanly
}

# --- a death ---

@test "the death of a worker within --interval is noticed when it happens" {
  supervise --interval=1h
  wait_until started 1
  kill -KILL "$(pid_of 1)"
  wait_until log_has 'generation 1: worker [0-9]+ was killed unexpectedly \(KILL\)'
}

@test "the death of the current worker is noticed and made good when it happens" {
  supervise --interval=0 --kill-old-delay=1h
  wait_serving 1
  kill -KILL "$(pid_of 1)"
  wait_serving 2
}

@test "the death of the old worker within --kill-old-delay ends the deploy when it happens" {
  supervise --interval=0 --kill-old-delay=1h
  wait_serving 1
  kill -HUP "$SUPERVISOR"
  wait_until status_is 1 2
  kill -KILL "$(pid_of 1)"
  wait_serving 2
  wait_until log_has 'deploy 1 succeeded'
}

@test "deaths in the same moment are all noticed" {
  use_lingering_worker
  supervise --interval=0
  wait_until test -e "$DIR/up.1"
  for generation in 2 3 4 5; do
    kill -HUP "$SUPERVISOR"
    wait_until test -e "$DIR/up.$generation"
  done
  kill -STOP "$SUPERVISOR"
  kill -KILL "$(pid_of 1)" "$(pid_of 2)" "$(pid_of 3)" "$(pid_of 4)"
  kill -CONT "$SUPERVISOR"
  wait_until status_is 5
  wait_until children_are "$SUPERVISOR" 1
  alive "$(pid_of 5)"
}

# --- --restart and --stop ---

# fastest COMMAND...: the shortest of ten runs, in milliseconds. A client that looks once a second
# has none below 1000.
fastest() {
  local from took shortest=999999
  for _ in 1 2 3 4 5 6 7 8 9 10; do
    from=${EPOCHREALTIME/[.,]/}
    "$@" || return 1
    took=$(((${EPOCHREALTIME/[.,]/} - from) / 1000))
    ((took >= shortest)) || shortest=$took
  done
  FASTEST=$shortest
}

@test "--restart returns when the change happens, not at the next whole second" {
  supervise --interval=0
  wait_serving 1
  fastest "${RESTART[@]}"
  echo "fastest: $FASTEST ms"
  [ "$FASTEST" -lt 900 ]
  status_is 11
}

@test "--restart returns when the last old generation has gone, and not before" {
  use_lingering_worker
  supervise --interval=0.1
  wait_until status_is 1
  wait_until test -e "$DIR/up.1"
  start "${RESTART[@]}"
  wait_until status_is 1 2
  wait_until has "$DIR/signals" '1 TERM'
  alive "$PID"
  WORKER=()
  kill -KILL "$(pid_of 1)"
  ended "$PID"
  equal "$STATUS_CODE" 0
  status_is 2
}

@test "two --restart at the same time both return" {
  local first
  supervise --interval=0.3
  wait_serving 1
  start "${RESTART[@]}"
  first=$PID
  start "${RESTART[@]}"
  ended "$first"
  equal "$STATUS_CODE" 0
  ended "$PID"
  equal "$STATUS_CODE" 0
}

@test "--stop stops in the middle of a deploy" {
  supervise --interval=0 --kill-old-delay=1h
  wait_serving 1
  kill -HUP "$SUPERVISOR"
  wait_until status_is 1 2
  attempt "${STOP[@]}"
  equal "$STATUS_CODE" 0
  stopped_cleanly
}

@test "--restart fails when the supervisor ends before the change" {
  supervise --interval=0 --kill-old-delay=1h
  wait_serving 1
  start "${RESTART[@]}"
  wait_until status_is 1 2
  STARTED+=("$(pid_of 1)" "$(pid_of 2)")
  kill -KILL "$SUPERVISOR"
  ended "$PID"
  equal "$STATUS_CODE" 1
  log_has "the supervisor( .pid $SUPERVISOR. exited before| exited during the deploy)"
}

@test "--stop returns when the supervisor has ended, not at the next whole second" {
  local from took shortest=999999
  for _ in 1 2 3 4 5; do
    supervise --interval=1h
    wait_until started 1
    from=${EPOCHREALTIME/[.,]/}
    "${STOP[@]}"
    took=$(((${EPOCHREALTIME/[.,]/} - from) / 1000))
    ((took >= shortest)) || shortest=$took
    stopped_cleanly
    rm "$LOG"
  done
  echo "fastest: $shortest ms"
  [ "$shortest" -lt 900 ]
}

# both_fail REGEX: --restart and --stop each end with status 1 and this message.
both_fail() {
  attempt "${RESTART[@]}"
  equal "$STATUS_CODE" 1
  has "$DIR/stderr" "^tasuki: .*$1"
  attempt "${STOP[@]}"
  equal "$STATUS_CODE" 1
  has "$DIR/stderr" "^tasuki: .*$1"
}

@test "--restart and --stop fail, and signal nobody, where no supervisor holds the pid file" {
  local before
  start sleep 1000
  echo "$PID" >"$PID_FILE"
  echo "1:$PID" >"$STATUS_FILE"
  before=$(identity "$PID_FILE")
  both_fail "no supervisor is running: pid file $PID_FILE is not locked"
  alive "$PID"
  equal "$(identity "$PID_FILE")" "$before"
}

@test "--restart and --stop fail where there is no pid file" {
  both_fail "cannot open pid file $PID_FILE: No such file"
  absent "$PID_FILE" "$STATUS_FILE"
}

@test "--restart and --stop fail where the pid file holds no pid" {
  local content
  echo 1:1 >"$STATUS_FILE"
  for content in '' x -1 0 '12x' 99999999999999999999; do
    printf '%s' "$content" >"$PID_FILE"
    start flock "$PID_FILE" sleep 1000
    wait_until is_locked "$PID_FILE"
    both_fail "pid file $PID_FILE: expected a pid"
    kill_started
  done
}

@test "--restart fails, and asks for nothing, where the status file is missing or says nothing" {
  supervise --interval=0
  wait_serving 1
  mv "$STATUS_FILE" "$DIR/away"
  attempt "${RESTART[@]}"
  equal "$STATUS_CODE" 1
  has "$DIR/stderr" "cannot open status file $STATUS_FILE: No such file"
  echo nonsense >"$STATUS_FILE"
  attempt "${RESTART[@]}"
  equal "$STATUS_CODE" 1
  has "$DIR/stderr" "status file $STATUS_FILE lists no generation"
  stop_service
  lacks "$LOG" 'received HUP'
}
