#!/usr/bin/env bats
# --watchdog: a worker that falls silent is replaced by a fresh generation before it is killed.

# shellcheck disable=SC2016,SC2030,SC2031 # sh and jq expand them; each test is a process of its own
bats_require_minimum_version 1.5.0
load helper

@test "a worker is told the watchdog's time, and that of the supervisor's own is not handed on" {
  script any "run echo \"\$WATCHDOG_USEC \${WATCHDOG_PID-none}\" >$DIR/told"
  WATCHDOG_USEC=1 WATCHDOG_PID=1 supervise --watchdog=7
  wait_until plays 1
  [ "$(cat "$DIR/told")" = '7000000 none' ]
}

@test "a worker that gives signs of life is left alone" {
  script any 'beat 0.1' 'notify READY=1'
  supervise --watchdog=2
  wait_until serves 1
  sleep 3
  serves 1
  never_began 2
}

@test "a worker that falls silent is replaced, and told to leave only when its successor is ready" {
  script 1 'beat 0.1' 'notify READY=1'
  script 2 'beat 0.1'
  supervise --watchdog=2
  wait_until serves 1
  tell 1 'beat 0'
  wait_until plays 2
  was_never_signalled 1
  current_is 1
  log_has 'generation 1: worker [0-9]+ sent no WATCHDOG=1'
  log_has 'deploy 1 started by the watchdog'
  tell 2 'notify READY=1'
  wait_until serves 2
  was_signalled 1 TERM
  [ "$(status '.deploys[0] | "\(.cause) \(.outcome)"')" = 'watchdog succeeded' ]
}

@test "a stopped worker is replaced, then killed, and its service never stops" {
  local port
  port=$(free_port)
  script any 'beat 0.1' 'notify READY=1'
  supervise --watchdog=2 --port="127.0.0.1:$port"
  wait_until serves 1
  in_background "$BATS_TEST_TMPDIR/curl" "$ROOT/tests/truth/workers/visitor" "http://127.0.0.1:$port/" "$DIR/visit"
  kill -STOP "$(pid_of 1)"
  wait_until serves 2
  gone "$(pid_of 1)"
  log_has "generation 1: sent KILL to worker $(pid_of 1)"
  rm "$DIR/visit"
  ends_with 0 "$CLIENT"
}

@test "a worker that says itself that it hangs is replaced at once" {
  script any 'beat 0.1' 'notify READY=1'
  supervise --watchdog=3600
  wait_until serves 1
  tell 1 'notify WATCHDOG=trigger'
  wait_until serves 2
}

@test "a hung worker whose successor fails serves on, and another successor is tried" {
  script 1 'beat 0.1' 'notify READY=1'
  script 2 'exit 1'
  script any 'beat 0.1' 'notify READY=1'
  supervise --watchdog=2 --interval=0.1
  wait_until serves 1
  tell 1 'beat 0'
  wait_until serves 3
  log_has 'deploy 1 failed'
}

@test "a hung worker that comes back to life while its successor fails is current, and no longer hung" {
  script 1 'beat 0.1' 'notify READY=1'
  script 2 'beat 0.1'
  supervise --watchdog=2 --ready-timeout=3
  wait_until serves 1
  kill -STOP "$(pid_of 1)"
  wait_until plays 2
  kill -CONT "$(pid_of 1)"
  wait_until log_has 'deploy 1 failed'
  sleep 4
  serves 1
  never_began 3
}

@test "a new worker that falls silent within its probation makes way for the one before" {
  script 1 'beat 0.1' 'notify READY=1'
  script 2 'beat 0.1' 'notify READY=1'
  supervise --watchdog=2 --probation=60
  wait_until serves 1
  kill -HUP "$SUPERVISOR"
  wait_until current_is 2
  kill -STOP "$(pid_of 2)"
  wait_until current_is 1
  was_never_signalled 1
  log_has 'deploy 1 failed: the new worker hung'
  wait_until gone "$(pid_of 2)"
  serves 1
}

@test "the watchdog waits for nothing before a worker is ready" {
  script any 'sleep 3' 'beat 0.1' 'notify READY=1'
  supervise --watchdog=2
  wait_until serves 1
  run ! log_has 'WATCHDOG=1'
}
