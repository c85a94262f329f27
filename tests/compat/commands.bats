#!/usr/bin/env bats
# --restart, --stop, --help, --version, and a command line that is wrong.

# shellcheck disable=SC2030,SC2031 # each test is a process of its own, and means to be
load helper

@test "--restart returns with status 0 when only the new generation is left" {
  local restart
  touch "$RECORD/linger.1"
  supervise --interval=1 --pid-file="$PID_FILE" --status-file="$STATUS_FILE"
  wait_ready 1
  start "$PROGRAM" --restart --pid-file="$PID_FILE" --status-file="$STATUS_FILE"
  restart=$PID
  wait_until has_signals 1 TERM
  wait_until status_lists 1 2
  kill -0 "$restart"
  touch "$RECORD/release.1"
  ended "$restart"
  equal "$STATUS_CODE" 0
  status_lists 2
}

@test "--restart waits for older generations that linger as well" {
  local restart
  touch "$RECORD/linger.1"
  supervise --interval=0 --pid-file="$PID_FILE" --status-file="$STATUS_FILE"
  wait_generation 1
  deploy 2
  wait_until has_signals 1 TERM
  start "$PROGRAM" --restart --pid-file="$PID_FILE" --status-file="$STATUS_FILE"
  restart=$PID
  wait_until status_lists 1 3
  kill -0 "$restart"
  touch "$RECORD/release.1"
  ended "$restart"
  equal "$STATUS_CODE" 0
  status_lists 3
}

@test "--restart needs both files, and asks for nothing without them" {
  supervise --interval=0 --pid-file="$PID_FILE" --status-file="$STATUS_FILE"
  wait_generation 1
  wait_until test -e "$STATUS_FILE"
  run_program --restart --pid-file="$PID_FILE"
  [ "$STATUS_CODE" -ne 0 ]
  run_program --restart --status-file="$STATUS_FILE"
  [ "$STATUS_CODE" -ne 0 ]
  run_program --restart
  [ "$STATUS_CODE" -ne 0 ]
  deploy 2
  wait_until status_lists 2
  never_started 3
}

@test "--restart fails when a file is missing, and asks for nothing" {
  supervise --interval=0 --pid-file="$PID_FILE" --status-file="$STATUS_FILE"
  wait_generation 1
  wait_until test -e "$STATUS_FILE"
  run_program --restart --pid-file="$PID_FILE" --status-file="$STATUS_FILE.missing"
  [ "$STATUS_CODE" -ne 0 ]
  run_program --restart --pid-file="$PID_FILE.missing" --status-file="$STATUS_FILE"
  [ "$STATUS_CODE" -ne 0 ]
  deploy 2
  wait_until status_lists 2
  never_started 3
}

@test "--restart fails when the supervisor is dead" {
  supervise --interval=0 --pid-file="$PID_FILE" --status-file="$STATUS_FILE"
  wait_generation 1
  wait_until test -e "$STATUS_FILE"
  kill -KILL "$SUPERVISOR"
  wait_until gone "$SUPERVISOR"
  wait "$SUPERVISOR" || true
  run_program --restart --pid-file="$PID_FILE" --status-file="$STATUS_FILE"
  [ "$STATUS_CODE" -ne 0 ]
  rm "$PID_FILE"
}

@test "--stop returns with status 0 when the supervisor has gone, not before" {
  local stop
  touch "$RECORD/linger"
  supervise --interval=0 --pid-file="$PID_FILE"
  wait_generation 1
  start "$PROGRAM" --stop --pid-file="$PID_FILE"
  stop=$PID
  wait_until has_signals 1 TERM
  kill -0 "$stop"
  touch "$RECORD/release"
  ended "$stop"
  equal "$STATUS_CODE" 0
  absent "$PID_FILE"
  gone "$(pid_of 1)"
  ended "$SUPERVISOR"
  equal "$STATUS_CODE" 0
}

@test "--stop needs the pid file" {
  run_program --stop
  [ "$STATUS_CODE" -ne 0 ]
  run_program --stop --pid-file="$PID_FILE.missing"
  [ "$STATUS_CODE" -ne 0 ]
}

@test "--stop fails when the supervisor is dead" {
  supervise --interval=0 --pid-file="$PID_FILE"
  wait_generation 1
  kill -KILL "$SUPERVISOR"
  wait_until gone "$SUPERVISOR"
  wait "$SUPERVISOR" || true
  run_program --stop --pid-file="$PID_FILE"
  [ "$STATUS_CODE" -ne 0 ]
  rm "$PID_FILE"
}

@test "--version says the version and nothing else" {
  run_program --version
  equal "$STATUS_CODE" 0
  grep -Eq '[0-9]+\.[0-9]+' "$BATS_TEST_TMPDIR/output"
  equal "$(wc -l <"$BATS_TEST_TMPDIR/output")" 1
}

@test "--help tells of every option" {
  local option
  run_program --help
  equal "$STATUS_CODE" 0
  for option in port path dir interval signal-on-hup signal-on-term pid-file status-file envdir \
    log-file daemonize enable-auto-restart auto-restart-interval kill-old-delay backlog restart \
    stop help version; do
    grep -q -- "--$option" "$BATS_TEST_TMPDIR/output" || equal "no --$option" "--$option"
  done
}

@test "an unknown option is an error, and no worker starts" {
  run_program --no-such-option -- "$RECORDER" "$RECORD"
  [ "$STATUS_CODE" -ne 0 ]
  never_started 1
}

@test "a number that is none is an error, and no worker starts" {
  local option
  for option in interval backlog kill-old-delay auto-restart-interval; do
    run_program "--$option=soon" -- "$RECORDER" "$RECORD"
    [ "$STATUS_CODE" -ne 0 ]
  done
  never_started 1
}

@test "an option without its value is an error" {
  run_program --port
  [ "$STATUS_CODE" -ne 0 ]
}

@test "no command is an error" {
  run_program --port="$(free_port)"
  [ "$STATUS_CODE" -ne 0 ]
}
