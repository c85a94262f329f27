#!/usr/bin/env bats
# --restart and --stop of one program against a running supervisor of the other: both find all
# that they need in the pid file and the status file.

# shellcheck disable=SC2030,SC2031,SC2034 # each test is a process of its own; bats reads the prefix
load helper
# The names say by themselves which program they are about.
BATS_TEST_NAME_PREFIX=

# cross SUPERVISOR-PROGRAM: runs one with both files and leaves its pid in $SUPERVISOR.
cross() {
  start "$1" --interval=1 --pid-file="$PID_FILE" --status-file="$STATUS_FILE" -- "$RECORDER" "$RECORD"
  SUPERVISOR=$PID
  wait_ready 1
}

# restart_with PROGRAM: asks, holds the old worker back, and expects it to wait for that.
restart_with() {
  local restart
  touch "$RECORD/linger.1"
  start "$1" --restart --pid-file="$PID_FILE" --status-file="$STATUS_FILE"
  restart=$PID
  wait_until has_signals 1 TERM
  wait_until status_lists 1 2
  kill -0 "$restart"
  touch "$RECORD/release.1"
  ended "$restart"
  equal "$STATUS_CODE" 0
  status_lists 2
}

# stop_with PROGRAM: the same for a stop.
stop_with() {
  local stop
  touch "$RECORD/linger"
  start "$1" --stop --pid-file="$PID_FILE"
  stop=$PID
  wait_until has_signals 1 TERM
  kill -0 "$stop"
  touch "$RECORD/release"
  ended "$stop"
  equal "$STATUS_CODE" 0
  absent "$PID_FILE"
  ended "$SUPERVISOR"
  equal "$STATUS_CODE" 0
}

# bats test_tags=ours
@test "our --restart deploys under the reference" {
  cross "$REFERENCE"
  restart_with "$START_SERVER"
}

# bats test_tags=ours
@test "the reference's --restart deploys under ours" {
  cross "$START_SERVER"
  restart_with "$REFERENCE"
}

# bats test_tags=ours
@test "our --stop stops the reference" {
  cross "$REFERENCE"
  stop_with "$START_SERVER"
}

# bats test_tags=ours
@test "the reference's --stop stops ours" {
  cross "$START_SERVER"
  stop_with "$REFERENCE"
}
