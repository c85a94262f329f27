#!/usr/bin/env bats
# Where ours differs from the reference on purpose. Each pair shows first what the reference does
# and then what ours does instead.

# shellcheck disable=SC2030,SC2031,SC2034 # each test is a process of its own; bats reads the prefix
load helper
# The names say by themselves which program they are about.
BATS_TEST_NAME_PREFIX=

# ---- A new worker that dies while the old one waits for its signal ----

# bats test_tags=reference
@test "reference: when the new worker dies during the delay, the service is lost for a while" {
  supervise --interval=1 --kill-old-delay=5 --status-file="$STATUS_FILE"
  wait_ready 1
  deploy 2
  wait_ready 2
  kill -KILL "$(pid_of 2)"
  wait_until has_signals 1 TERM
  wait_generation 3
  at_least "$(signal_time 1)" "$(field 3 time)" 0
}

# bats test_tags=ours
@test "ours: when the new worker dies during the delay, the old one serves until another is ready" {
  supervise --interval=1 --kill-old-delay=2 --status-file="$STATUS_FILE"
  wait_ready 1
  deploy 2
  wait_ready 2
  kill -KILL "$(pid_of 2)"
  wait_generation 3
  wait_until has_signals 1 TERM
  at_least "$(field 3 time)" "$(signal_time 1)" 0.5
}

# ---- A stop while something waits ----

# bats test_tags=reference
@test "reference: a stop during the delay is put off until its end" {
  local asked
  supervise --interval=0 --kill-old-delay=4 --status-file="$STATUS_FILE"
  wait_ready 1
  deploy 2
  wait_ready 2
  asked=$(field 2 time)
  kill -TERM "$SUPERVISOR"
  ended "$SUPERVISOR"
  at_least "$asked" "$(uptime_now)" 3
}

# bats test_tags=ours
@test "ours: a stop during the delay is obeyed at once" {
  supervise --interval=0 --kill-old-delay=3600 --status-file="$STATUS_FILE"
  wait_ready 1
  deploy 2
  wait_ready 2
  stop_supervisor
  equal "$STATUS_CODE" 0
  has_signals 1 TERM
  has_signals 2 TERM
}

# bats test_tags=reference
@test "reference: a stop within the interval of a dead worker waits for one more interval" {
  local asked
  touch "$RECORD/fail"
  supervise --interval=3
  wait_generation 1
  wait_until gone "$(pid_of 1)"
  asked=$(uptime_now)
  kill -TERM "$SUPERVISOR"
  ended "$SUPERVISOR"
  at_least "$asked" "$(uptime_now)" 3
}

# bats test_tags=ours
@test "ours: a stop within the interval of a dead worker is obeyed at once" {
  touch "$RECORD/fail"
  supervise --interval=600
  wait_generation 1
  wait_until gone "$(pid_of 1)"
  stop_supervisor
  equal "$STATUS_CODE" 0
  never_started 2
}

# A shell starts a background process with INT and QUIT ignored; this undoes it.
supervise_with_default_signals() {
  start env --default-signal=INT,QUIT "$PROGRAM" "$@" -- "$RECORDER" "$RECORD"
  SUPERVISOR=$PID
}

# bats test_tags=reference
@test "reference: QUIT ends the supervisor alone, and leaves its worker and its files behind" {
  ulimit -c 0
  supervise_with_default_signals --interval=0 --pid-file="$PID_FILE"
  wait_generation 1
  kill -QUIT "$SUPERVISOR"
  ended "$SUPERVISOR"
  [ "$STATUS_CODE" -ne 0 ]
  test -e "$PID_FILE"
  kill -0 "$(pid_of 1)"
  rm "$PID_FILE"
  touch "$RECORD/release"
  wait_until gone "$(pid_of 1)"
}

# bats test_tags=ours
@test "ours: QUIT stops like INT" {
  supervise_with_default_signals --interval=0 --pid-file="$PID_FILE"
  wait_generation 1
  kill -QUIT "$SUPERVISOR"
  ended "$SUPERVISOR"
  equal "$STATUS_CODE" 0
  has_signals 1 TERM
  absent "$PID_FILE"
}

# bats test_tags=reference
@test "reference: a HUP cuts the interval short, so that an untried worker counts as a good one" {
  supervise --interval=600 --status-file="$STATUS_FILE"
  wait_generation 1
  deploy 2
  status_has 1
}

# bats test_tags=ours
@test "ours: a HUP during the interval does not cut it short" {
  local begun
  begun=$(uptime_now)
  supervise --interval=2 --status-file="$STATUS_FILE"
  wait_generation 1
  deploy 2
  at_least "$begun" "$(field 2 time)" 2
}

# ---- What --path removes ----

# bats test_tags=reference
@test "reference: --path removes a regular file" {
  echo precious >"$BATS_TEST_TMPDIR/file"
  supervise --interval=0 --path="$BATS_TEST_TMPDIR/file"
  wait_generation 1
  test -S "$BATS_TEST_TMPDIR/file"
}

# bats test_tags=ours
@test "ours: --path leaves a regular file alone and says so" {
  echo precious >"$BATS_TEST_TMPDIR/file"
  run_program --path="$BATS_TEST_TMPDIR/file" -- "$RECORDER" "$RECORD"
  [ "$STATUS_CODE" -ne 0 ]
  grep -q "$BATS_TEST_TMPDIR/file" "$BATS_TEST_TMPDIR/output"
  equal "$(cat "$BATS_TEST_TMPDIR/file")" precious
  never_started 1
}

# A supervisor of its own, with its record elsewhere, on the socket that the test then asks for.
occupy() {
  mkdir "$BATS_TEST_TMPDIR/first"
  start "$PROGRAM" --interval=0 --path="$1" -- "$RECORDER" "$BATS_TEST_TMPDIR/first"
  wait_until test -e "$BATS_TEST_TMPDIR/first/worker.1"
}

# bats test_tags=reference
@test "reference: --path takes away a socket on which somebody answers" {
  occupy "$BATS_TEST_TMPDIR/web"
  supervise --interval=0 --path="$BATS_TEST_TMPDIR/web"
  wait_generation 1
  deploy 2
  wait_until has_signals 1 TERM
  equal "$(body http://unix/ --unix-socket "$BATS_TEST_TMPDIR/web")" 2
}

# bats test_tags=ours
@test "ours: --path leaves a socket alone on which somebody answers, and says so" {
  occupy "$BATS_TEST_TMPDIR/web"
  run_program --path="$BATS_TEST_TMPDIR/web" -- "$RECORDER" "$RECORD"
  [ "$STATUS_CODE" -ne 0 ]
  grep -q "$BATS_TEST_TMPDIR/web" "$BATS_TEST_TMPDIR/output"
  never_started 1
  equal "$(body http://unix/ --unix-socket "$BATS_TEST_TMPDIR/web")" 1
}

# ---- Two supervisors on one pid file ----

# bats test_tags=reference
@test "reference: a second supervisor empties the pid file of the first, and waits" {
  supervise --interval=0 --pid-file="$PID_FILE"
  wait_generation 1
  mkdir "$BATS_TEST_TMPDIR/second"
  start "$PROGRAM" --pid-file="$PID_FILE" -- "$RECORDER" "$BATS_TEST_TMPDIR/second"
  wait_until test ! -s "$PID_FILE"
  kill -0 "$PID"
  absent "$BATS_TEST_TMPDIR/second/worker.1"
}

# bats test_tags=ours
@test "ours: a second supervisor on a pid file fails, names the first, and leaves the file" {
  supervise --interval=0 --pid-file="$PID_FILE"
  wait_generation 1
  mkdir "$BATS_TEST_TMPDIR/second"
  run_program --pid-file="$PID_FILE" -- "$RECORDER" "$BATS_TEST_TMPDIR/second"
  [ "$STATUS_CODE" -ne 0 ]
  grep -q "\\b$SUPERVISOR\\b" "$BATS_TEST_TMPDIR/output"
  equal "$(cat "$PID_FILE")" "$SUPERVISOR"
  absent "$BATS_TEST_TMPDIR/second/worker.1"
}

# ---- A command that cannot be executed ----

# bats test_tags=reference
@test "reference: a command that does not exist is tried again and again" {
  start "$PROGRAM" --interval=1 -- "$BATS_TEST_TMPDIR/missing"
  wait_until log_has_at_least 2 "failed to exec"
  kill -0 "$PID"
}

# bats test_tags=ours
@test "ours: a command that does not exist ends the first start with 127" {
  run_program -- "$BATS_TEST_TMPDIR/missing"
  equal "$STATUS_CODE" 127
  grep -q "$BATS_TEST_TMPDIR/missing" "$BATS_TEST_TMPDIR/output"
}

# bats test_tags=ours
@test "ours: a command that is not executable ends the first start with 126" {
  echo >"$BATS_TEST_TMPDIR/data"
  run_program -- "$BATS_TEST_TMPDIR/data"
  equal "$STATUS_CODE" 126
  grep -q "$BATS_TEST_TMPDIR/data" "$BATS_TEST_TMPDIR/output"
}

# A copy of the worker that the test can take away.
copy_recorder() { cp "$RECORDER" "$BATS_TEST_TMPDIR/server"; }

# bats test_tags=reference
@test "reference: a deploy of a command that is gone takes the supervisor's files with it" {
  copy_recorder
  start "$PROGRAM" --interval=1 --pid-file="$PID_FILE" --status-file="$STATUS_FILE" \
    --path="$BATS_TEST_TMPDIR/web" -- "$BATS_TEST_TMPDIR/server" "$RECORD"
  wait_ready 1
  rm "$BATS_TEST_TMPDIR/server"
  kill -HUP "$PID"
  wait_until absent "$PID_FILE"
  wait_until absent "$BATS_TEST_TMPDIR/web"
  kill -0 "$PID"
}

# bats test_tags=ours
@test "ours: a deploy of a command that is gone fails, and the old generation and all files stay" {
  copy_recorder
  start "$PROGRAM" --interval=1 --pid-file="$PID_FILE" --status-file="$STATUS_FILE" \
    --path="$BATS_TEST_TMPDIR/web" -- "$BATS_TEST_TMPDIR/server" "$RECORD"
  wait_ready 1
  rm "$BATS_TEST_TMPDIR/server"
  kill -HUP "$PID"
  wait_until log_has "$BATS_TEST_TMPDIR/server"
  has_signals 1 ''
  status_lists 1
  equal "$(cat "$PID_FILE")" "$PID"
  equal "$(body http://unix/ --unix-socket "$BATS_TEST_TMPDIR/web")" 1
}

# bats test_tags=ours
@test "ours: a --dir that is missing ends the first start, and is named" {
  run_program --dir="$BATS_TEST_TMPDIR/missing" -- "$RECORDER" "$RECORD"
  [ "$STATUS_CODE" -eq 126 ] || [ "$STATUS_CODE" -eq 127 ]
  grep -q "$BATS_TEST_TMPDIR/missing" "$BATS_TEST_TMPDIR/output"
  never_started 1
}

# ---- The envdir ----

# bats test_tags=reference
@test "reference: a file that was there at the start is never given up" {
  echo tea >"$VARIABLES/DRINK"
  supervise --interval=0 --envdir="$VARIABLES"
  wait_generation 1
  rm "$VARIABLES/DRINK"
  deploy 2
  equal "$(worker_env 2 DRINK)" tea
}

# bats test_tags=ours
@test "ours: a removed file is a removed variable, even if it was there at the start" {
  echo tea >"$VARIABLES/DRINK"
  supervise --interval=0 --envdir="$VARIABLES"
  wait_generation 1
  rm "$VARIABLES/DRINK"
  deploy 2
  equal "$(worker_env 2 DRINK)" '(unset)'
}

# bats test_tags=reference
@test "reference: while a new worker keeps failing, the envdir is not read again" {
  supervise --interval=1 --envdir="$VARIABLES" --status-file="$STATUS_FILE"
  wait_ready 1
  echo 1 >"$VARIABLES/RECORDER_FAILS"
  deploy 2
  rm "$VARIABLES/RECORDER_FAILS"
  wait_generation 4
  equal "$(worker_env 4 RECORDER_FAILS)" 1
}

# bats test_tags=ours
@test "ours: while a new worker keeps failing, the envdir is read again at each attempt" {
  supervise --interval=1 --envdir="$VARIABLES" --status-file="$STATUS_FILE"
  wait_ready 1
  echo 1 >"$VARIABLES/RECORDER_FAILS"
  deploy 2
  rm "$VARIABLES/RECORDER_FAILS"
  wait_until grep -Eq '^[3-9]:' "$STATUS_FILE"
}

# ---- Options ----

# bats test_tags=reference
@test "reference: a signal that does not exist is found out at the first deploy, and ends the service" {
  supervise --interval=0 --signal-on-hup=NONESUCH
  wait_generation 1
  kill -HUP "$SUPERVISOR"
  ended "$SUPERVISOR"
  [ "$STATUS_CODE" -ne 0 ]
}

# bats test_tags=ours
@test "ours: a signal that does not exist is refused at the start" {
  run_program --signal-on-hup=NONESUCH -- "$RECORDER" "$RECORD"
  equal "$STATUS_CODE" 2
  grep -q -- --signal-on-hup "$BATS_TEST_TMPDIR/output"
  never_started 1
}

# bats test_tags=reference
@test "reference: =N overwrites a socket that has that number already" {
  local first second fd
  first=$(free_port)
  second=$(free_port)
  # The number that the first socket gets by itself.
  supervise --interval=0 --port="127.0.0.1:$first"
  wait_generation 1
  fd=$(worker_env 1 SERVER_STARTER_PORT)
  fd=${fd##*=}
  stop_supervisor
  rm "$RECORD/worker.1"
  supervise --interval=0 --port="127.0.0.1:$first" --port="127.0.0.1:$second=$fd"
  wait_generation 1
  equal "$(socket 1 "127.0.0.1:$first")" "inet stream listening 127.0.0.1 $second"
}

# bats test_tags=ours
@test "ours: =N never costs another socket its place" {
  local fd first second
  for fd in 3 4 5 6 7; do
    first=$(free_port)
    second=$(free_port)
    rm -f "$RECORD/worker.1"
    supervise --interval=0 --port="127.0.0.1:$first" --port="127.0.0.1:$second=$fd" \
      --path="$BATS_TEST_TMPDIR/web"
    wait_generation 1
    equal "$(socket 1 "127.0.0.1:$first")" "inet stream listening 127.0.0.1 $first"
    equal "$(socket 1 "127.0.0.1:$second")" "inet stream listening 127.0.0.1 $second"
    equal "$(body http://unix/ --unix-socket "$BATS_TEST_TMPDIR/web")" 1
    stop_supervisor
  done
}

# bats test_tags=reference
@test "reference: port 0 is told as 0" {
  supervise --interval=0 --port=127.0.0.1:0
  wait_generation 1
  equal "$(listed 1)" 127.0.0.1:0
}

# bats test_tags=ours
@test "ours: port 0 is told as the port that the system chose" {
  local port
  supervise --interval=0 --port=127.0.0.1:0
  wait_generation 1
  port=$(awk '{ print $6 }' "$RECORD/sockets.1")
  [ "$port" -gt 0 ]
  equal "$(listed 1)" "127.0.0.1:$port"
}

# ---- What a worker starts with ----

# bats test_tags=reference
@test "reference: the worker starts with SIGPIPE ignored, and with what the supervisor ignored" {
  supervise --interval=0
  wait_generation 1
  equal "$(field 1 ignored)" "3 13"
}

# bats test_tags=ours
@test "ours: the worker starts with no signal ignored, whatever the supervisor ignored" {
  supervise --interval=0
  wait_generation 1
  equal "$(field 1 ignored)" ''
}

# ---- --restart when the first attempt fails ----

# bats test_tags=reference
@test "reference: --restart waits for ever when the new worker needed a second attempt" {
  local restart
  supervise --interval=2 --pid-file="$PID_FILE" --status-file="$STATUS_FILE"
  wait_ready 1
  touch "$RECORD/fail"
  start "$PROGRAM" --restart --pid-file="$PID_FILE" --status-file="$STATUS_FILE"
  restart=$PID
  wait_generation 2
  wait_until gone "$(pid_of 2)"
  rm "$RECORD/fail"
  wait_until grep -Eq '^[3-9]:' "$STATUS_FILE"
  wait_until gone "$(pid_of 1)"
  wait_until grep -qv '^1:' "$STATUS_FILE"
  # It looks once a second; a second deploy and a third leave it waiting just as well.
  kill -HUP "$SUPERVISOR"
  wait_generation 4
  wait_until has_signals 3 TERM
  kill -0 "$restart"
}

# bats test_tags=ours
@test "ours: --restart returns with status 0 when a later attempt is the only one left" {
  local restart
  supervise --interval=2 --pid-file="$PID_FILE" --status-file="$STATUS_FILE"
  wait_ready 1
  touch "$RECORD/fail"
  start "$PROGRAM" --restart --pid-file="$PID_FILE" --status-file="$STATUS_FILE"
  restart=$PID
  wait_generation 2
  wait_until gone "$(pid_of 2)"
  rm "$RECORD/fail"
  ended "$restart"
  equal "$STATUS_CODE" 0
  gone "$(pid_of 1)"
  grep -Eq '^[3-9]:' "$STATUS_FILE"
  equal "$(wc -l <"$STATUS_FILE")" 1
}
