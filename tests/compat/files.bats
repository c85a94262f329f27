#!/usr/bin/env bats
# --pid-file and --status-file.

# shellcheck disable=SC2030,SC2031 # each test is a process of its own, and means to be
load helper

@test "the pid file holds the supervisor's pid and a newline" {
  supervise --interval=0 --pid-file="$PID_FILE"
  wait_generation 1
  printf '%s\n' "$SUPERVISOR" | cmp - "$PID_FILE"
}

@test "the pid file is there before the first worker" {
  supervise --interval=600 --pid-file="$PID_FILE"
  wait_generation 1
  equal "$(cat "$PID_FILE")" "$SUPERVISOR"
}

@test "the pid file is locked while the supervisor lives, by it alone" {
  touch "$RECORD/linger"
  supervise --interval=0 --pid-file="$PID_FILE"
  wait_generation 1
  run lock_is_free "$PID_FILE"
  [ "$status" -ne 0 ]
  kill -KILL "$SUPERVISOR"
  wait_until gone "$SUPERVISOR"
  # The worker lives on, and must not hold the lock.
  kill -0 "$(pid_of 1)"
  lock_is_free "$PID_FILE"
  touch "$RECORD/release"
}

@test "the pid file stays through a deploy and is removed at the end" {
  supervise --interval=0 --pid-file="$PID_FILE"
  wait_generation 1
  deploy 2
  equal "$(cat "$PID_FILE")" "$SUPERVISOR"
  stop_supervisor
  absent "$PID_FILE"
}

@test "the pid file is still there, and locked, while a stop waits for the worker" {
  touch "$RECORD/linger"
  supervise --interval=0 --pid-file="$PID_FILE"
  wait_generation 1
  kill -TERM "$SUPERVISOR"
  wait_until has_signals 1 TERM
  equal "$(cat "$PID_FILE")" "$SUPERVISOR"
  run lock_is_free "$PID_FILE"
  [ "$status" -ne 0 ]
  touch "$RECORD/release"
  ended "$SUPERVISOR"
  absent "$PID_FILE"
}

@test "a pid file left behind by a dead supervisor is taken over" {
  echo 999999999 >"$PID_FILE"
  echo and more >>"$PID_FILE"
  supervise --interval=0 --pid-file="$PID_FILE"
  wait_generation 1
  printf '%s\n' "$SUPERVISOR" | cmp - "$PID_FILE"
}

@test "a pid file that cannot be written is an error, and no worker starts" {
  run_program --pid-file="$BATS_TEST_TMPDIR/missing/pid" -- "$RECORDER" "$RECORD"
  [ "$STATUS_CODE" -ne 0 ]
  never_started 1
}

@test "the status file is one line with generation and pid" {
  supervise --interval=0 --status-file="$STATUS_FILE"
  wait_generation 1
  wait_until test -e "$STATUS_FILE"
  printf '1:%s\n' "$(pid_of 1)" | cmp - "$STATUS_FILE"
}

@test "the status file lists the old generation beside the new one until it has gone" {
  touch "$RECORD/linger.1"
  supervise --interval=0 --status-file="$STATUS_FILE"
  wait_generation 1
  deploy 2
  wait_until has_signals 1 TERM
  printf '1:%s\n2:%s\n' "$(pid_of 1)" "$(pid_of 2)" | cmp - "$STATUS_FILE"
  touch "$RECORD/release.1"
  wait_until status_lists 2
  printf '2:%s\n' "$(pid_of 2)" | cmp - "$STATUS_FILE"
}

@test "the new generation is in the status file before the old one is signalled" {
  export WATCHED_STATUS=$STATUS_FILE
  supervise --interval=0 --status-file="$STATUS_FILE"
  wait_generation 1
  deploy 2
  wait_until has_signals 1 TERM
  printf '1:%s\n2:%s\n' "$(pid_of 1)" "$(pid_of 2)" | cmp - "$RECORD/status.1"
}

@test "there is no status file before the first generation is ready" {
  supervise --interval=600 --status-file="$STATUS_FILE"
  wait_generation 1
  absent "$STATUS_FILE"
}

@test "a generation that is not ready yet is not in the status file" {
  local asked seen attempt generation
  supervise --interval=2 --status-file="$STATUS_FILE"
  wait_ready 1
  # On a machine so slow that the interval is over before we look, look again at the next deploy.
  for attempt in 1 2 3 4 5; do
    generation=$((attempt + 1))
    asked=$(uptime_now)
    deploy "$generation"
    seen=$(cat "$STATUS_FILE")
    if ! at_least "$asked" "$(uptime_now)" 2; then
      equal "$seen" "$attempt:$(pid_of "$attempt")"
      return
    fi
    wait_until status_lists "$generation"
  done
  skip "the machine is too slow to look within the interval"
}

@test "a worker that failed to start is never in the status file" {
  supervise --interval=2 --status-file="$STATUS_FILE"
  wait_ready 1
  touch "$RECORD/fail"
  deploy 2
  wait_generation 3
  status_lists 1
}

@test "the status file is replaced by a new one, never rewritten" {
  local before
  touch "$RECORD/linger.1"
  supervise --interval=0 --status-file="$STATUS_FILE"
  wait_generation 1
  wait_until status_lists 1
  exec {before}<"$STATUS_FILE"
  deploy 2
  wait_until status_lists 1 2
  equal "$(cat <&"$before")" "1:$(pid_of 1)"
  exec {before}<&-
}

@test "no temporary file is left beside the status file" {
  mkdir "$BATS_TEST_TMPDIR/run"
  STATUS_FILE=$BATS_TEST_TMPDIR/run/status
  supervise --interval=0 --status-file="$STATUS_FILE"
  wait_generation 1
  deploy 2
  wait_until status_lists 2
  equal "$(ls -A "$BATS_TEST_TMPDIR/run")" status
}

@test "the status file is removed at the end" {
  supervise --interval=0 --status-file="$STATUS_FILE"
  wait_generation 1
  wait_until test -e "$STATUS_FILE"
  stop_supervisor
  absent "$STATUS_FILE"
}

@test "during a stop the status file lists those that are left" {
  touch "$RECORD/linger.2"
  supervise --interval=0 --status-file="$STATUS_FILE"
  wait_generation 1
  deploy 2
  wait_until status_lists 2
  touch "$RECORD/linger.3"
  deploy 3
  wait_until has_signals 2 TERM
  kill -TERM "$SUPERVISOR"
  wait_until has_signals 3 TERM
  touch "$RECORD/release.3"
  wait_until status_lists 2
  touch "$RECORD/release.2"
  ended "$SUPERVISOR"
  absent "$STATUS_FILE"
}
