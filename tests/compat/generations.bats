#!/usr/bin/env bats
# Generations: what starts a new one, when the old one is told to go, and what a worker gets.

# shellcheck disable=SC2030,SC2031 # each test is a process of its own, and means to be
load helper

@test "generations are counted from 1, one more for each deploy" {
  supervise --interval=0
  wait_generation 1
  deploy 2
  deploy 3
  equal "$(worker_env 1 SERVER_STARTER_GENERATION)" 1
  equal "$(worker_env 3 SERVER_STARTER_GENERATION)" 3
}

@test "the worker is a child with the given arguments and the supervisor's surroundings" {
  cd "$BATS_TEST_TMPDIR"
  export GREETING='hello  world'
  start "$PROGRAM" --interval=0 -- "$RECORDER" "$RECORD" one --port=two '' three
  wait_generation 1
  equal "$(field 1 ppid)" "$PID"
  equal "$(field 1 args)" "one --port=two  three"
  equal "$(field 1 cwd)" "$BATS_TEST_TMPDIR"
  equal "$(field 1 stdin)" /dev/null
  equal "$(worker_env 1 GREETING)" 'hello  world'
}

@test "the command may follow the options without --" {
  start "$PROGRAM" --interval=0 "$RECORDER" "$RECORD" one
  wait_generation 1
  equal "$(field 1 args)" one
}

@test "the command is looked up in PATH" {
  PATH="$(dirname "$RECORDER"):$PATH" start "$PROGRAM" --interval=0 -- recorder "$RECORD"
  wait_generation 1
}

@test "--dir is the worker's directory" {
  mkdir "$BATS_TEST_TMPDIR/home"
  supervise --interval=0 --dir="$BATS_TEST_TMPDIR/home"
  wait_generation 1
  deploy 2
  equal "$(field 1 cwd)" "$BATS_TEST_TMPDIR/home"
  equal "$(field 2 cwd)" "$BATS_TEST_TMPDIR/home"
}

@test "the old worker serves on until the new one has lived for the interval" {
  local asked port
  port=$(free_port)
  supervise --interval=1 --port="$port" --status-file="$STATUS_FILE"
  wait_generation 1
  wait_until status_lists 1
  asked=$(uptime_now)
  deploy 2
  wait_until has_signals 1 TERM
  at_least "$asked" "$(signal_time 1)" 1
  wait_until status_lists 2
  equal "$(body "http://127.0.0.1:$port/")" 2
}

@test "the interval is 1 second when not given" {
  local asked
  supervise --status-file="$STATUS_FILE"
  wait_ready 1
  asked=$(uptime_now)
  deploy 2
  wait_until has_signals 1 TERM
  at_least "$asked" "$(signal_time 1)" 1
}

@test "a first worker that dies within the interval is tried again under the next number" {
  local begun
  touch "$RECORD/fail"
  begun=$(uptime_now)
  supervise --interval=2 --status-file="$STATUS_FILE"
  wait_generation 2
  at_least "$begun" "$(field 2 time)" 2
  absent "$STATUS_FILE"
  rm "$RECORD/fail"
  wait_until test -e "$STATUS_FILE"
  [ "$(cut -d : -f 1 "$STATUS_FILE")" -ge 3 ]
}

@test "a new worker that dies within the interval is tried again while the old one serves on" {
  local port survivor
  port=$(free_port)
  supervise --interval=2 --port="$port" --status-file="$STATUS_FILE"
  wait_ready 1
  touch "$RECORD/fail"
  deploy 2
  wait_generation 3
  status_lists 1
  has_signals 1 ''
  equal "$(body "http://127.0.0.1:$port/")" 1

  rm "$RECORD/fail"
  wait_until has_signals 1 TERM
  wait_until gone "$(pid_of 1)"
  wait_until grep -qv '^1:' "$STATUS_FILE"
  survivor=$(cut -d : -f 1 "$STATUS_FILE")
  [ "$survivor" -ge 3 ]
  equal "$(body "http://127.0.0.1:$port/")" "$survivor"
}

@test "a current worker that is killed is replaced by the next generation" {
  supervise --interval=1 --status-file="$STATUS_FILE"
  wait_ready 1
  kill -KILL "$(pid_of 1)"
  wait_generation 2
  wait_until status_lists 2
}

@test "a current worker that exits with status 0 is replaced as well" {
  supervise --interval=1 --status-file="$STATUS_FILE"
  wait_ready 1
  touch "$RECORD/release.1"
  wait_generation 2
  wait_until status_lists 2
}

@test "a worker that dies and its failing successors are one sequence of numbers" {
  supervise --interval=1 --status-file="$STATUS_FILE"
  wait_ready 1
  touch "$RECORD/fail"
  kill -KILL "$(pid_of 1)"
  wait_generation 3
  rm "$RECORD/fail"
  wait_until grep -Eq '^[3-9]:' "$STATUS_FILE"
}

@test "replacing a dead worker signals nobody, an old one that lingers least of all" {
  touch "$RECORD/linger.1"
  supervise --interval=0 --status-file="$STATUS_FILE"
  wait_generation 1
  deploy 2
  wait_until has_signals 1 TERM
  wait_until status_lists 1 2
  kill -KILL "$(pid_of 2)"
  wait_generation 3
  wait_until status_lists 1 3
  has_signals 1 TERM
}

@test "an old worker that dies is not replaced" {
  touch "$RECORD/linger.1"
  supervise --interval=0 --status-file="$STATUS_FILE"
  wait_generation 1
  deploy 2
  wait_until has_signals 1 TERM
  touch "$RECORD/release.1"
  wait_until status_lists 2
  deploy 3
  wait_until status_lists 3
  equal "$(worker_env 3 SERVER_STARTER_GENERATION)" 3
}

@test "a HUP during the interval leads to one more deploy, after which only the newest is left" {
  supervise --interval=2 --status-file="$STATUS_FILE"
  wait_ready 1
  deploy 2
  deploy 3
  wait_until status_lists 3
  has_signals 1 TERM
  has_signals 2 TERM
  never_started 4
}

@test "two old generations can linger at once, and each deploy signals them again" {
  touch "$RECORD/linger.1" "$RECORD/linger.2"
  supervise --interval=0 --status-file="$STATUS_FILE"
  wait_generation 1
  deploy 2
  wait_until has_signals 1 TERM
  deploy 3
  wait_until has_signals 1 "TERM TERM"
  wait_until has_signals 2 TERM
  wait_until status_lists 1 2 3
  deploy 4
  wait_until has_signals 1 "TERM TERM TERM"
  wait_until has_signals 2 "TERM TERM"
  wait_until has_signals 3 TERM
  wait_until status_lists 1 2 4
  touch "$RECORD/release.1"
  wait_until status_lists 2 4
  touch "$RECORD/release.2"
  wait_until status_lists 4
}
