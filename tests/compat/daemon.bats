#!/usr/bin/env bats
# --log-file and --daemonize.

# shellcheck disable=SC2030,SC2031 # each test is a process of its own, and means to be
load helper

LOG_NAME=server.log

# daemonize [OPTION...]: the program under test as a daemon with a log file and a pid file, whose
# pid is in $SUPERVISOR once it is there. kill_started knows it through the pid file.
daemonize() {
  run_program --daemonize --log-file="$BATS_TEST_TMPDIR/$LOG_NAME" --pid-file="$PID_FILE" "$@" \
    -- "$RECORDER" "$RECORD"
  equal "$STATUS_CODE" 0
  wait_until test -s "$PID_FILE"
  SUPERVISOR=$(cat "$PID_FILE")
}

log_file_has() { file_has "$BATS_TEST_TMPDIR/$LOG_NAME" "$1"; }

@test "--log-file gets what the workers and the supervisor say, after what it held" {
  echo "what it held" >"$BATS_TEST_TMPDIR/$LOG_NAME"
  supervise --interval=0 --log-file="$BATS_TEST_TMPDIR/$LOG_NAME"
  wait_generation 1
  deploy 2
  stop_supervisor
  equal "$(head -n 1 "$BATS_TEST_TMPDIR/$LOG_NAME")" "what it held"
  log_file_has '^stdout of generation 1$'
  log_file_has '^stderr of generation 1$'
  log_file_has '^stdout of generation 2$'
  # The supervisor tells of a worker by its pid.
  log_file_has "\\b$(pid_of 2)\\b"
}

@test "a log file that cannot be opened is an error, and no worker starts" {
  run_program --log-file="$BATS_TEST_TMPDIR/missing/log" -- "$RECORDER" "$RECORD"
  [ "$STATUS_CODE" -ne 0 ]
  never_started 1
}

@test "--log-file '| command' is the command's standard input" {
  supervise --interval=0 --log-file="| sed -u 's/^/logged: /' >>'$BATS_TEST_TMPDIR/$LOG_NAME'"
  wait_generation 1
  deploy 2
  wait_until log_file_has '^logged: stdout of generation 1$'
  wait_until log_file_has '^logged: stderr of generation 2$'
  wait_until log_file_has "^logged: .*\\b$(pid_of 2)\\b"
  stop_supervisor
  equal "$STATUS_CODE" 0
}

@test "blanks before the bar of '| command' do not matter, nor their lack after it" {
  supervise --interval=0 --log-file="  |cat >'$BATS_TEST_TMPDIR/$LOG_NAME'"
  wait_generation 1
  wait_until log_file_has '^stdout of generation 1$'
}

@test "the log command is no worker: its end starts no generation" {
  supervise --interval=0 --status-file="$STATUS_FILE" \
    --log-file="| head -n 1 >'$BATS_TEST_TMPDIR/$LOG_NAME'"
  wait_generation 1
  wait_until test -s "$BATS_TEST_TMPDIR/$LOG_NAME"
  deploy 2
  wait_until status_lists 2
  equal "$(worker_env 2 SERVER_STARTER_GENERATION)" 2
  never_started 3
}

@test "--daemonize needs --log-file, and no worker starts without it" {
  run_program --daemonize --pid-file="$PID_FILE" -- "$RECORDER" "$RECORD"
  [ "$STATUS_CODE" -ne 0 ]
  never_started 1
}

@test "a daemon is in a session of its own that it does not lead, with no parent of ours" {
  daemonize --interval=0
  wait_generation 1
  equal "$(field 1 ppid)" "$SUPERVISOR"
  [ "$(field 1 session)" != "$(ps -o sid= -p $$ | tr -d ' ')" ]
  [ "$(field 1 session)" != "$SUPERVISOR" ]
  [ "$(ps -o ppid= -p "$SUPERVISOR" | tr -d ' ')" != $$ ]
}

@test "a daemon's standard input is /dev/null, and its output the log" {
  echo unread >"$BATS_TEST_TMPDIR/input"
  INPUT=$BATS_TEST_TMPDIR/input daemonize --interval=0
  wait_generation 1
  equal "$(field 1 stdin)" /dev/null
  equal "$(readlink "/proc/$SUPERVISOR/fd/1")" "$BATS_TEST_TMPDIR/$LOG_NAME"
  equal "$(readlink "/proc/$SUPERVISOR/fd/2")" "$BATS_TEST_TMPDIR/$LOG_NAME"
  log_file_has '^stdout of generation 1$'
  log_file_has '^stderr of generation 1$'
}

@test "a daemon stays in its directory, and keeps its umask" {
  cd "$BATS_TEST_TMPDIR"
  umask 027
  daemonize --interval=0
  wait_generation 1
  equal "$(field 1 cwd)" "$BATS_TEST_TMPDIR"
  equal "$(field 1 umask)" 027
}

@test "descriptor 0 of a daemon is left alone when a port asked for it" {
  local port
  port=$(free_port)
  daemonize --interval=0 --port="127.0.0.1:$port=0"
  wait_generation 1
  equal "$(worker_env 1 SERVER_STARTER_PORT)" "127.0.0.1:$port=0"
  equal "$(socket 1 "127.0.0.1:$port")" "inet stream listening 127.0.0.1 $port"
  equal "$(body "http://127.0.0.1:$port/")" 1
}

@test "a daemon deploys, writes its files, and removes them and its sockets at the stop" {
  local port
  port=$(free_port)
  daemonize --interval=0 --port="127.0.0.1:$port" --path="$BATS_TEST_TMPDIR/web" \
    --status-file="$STATUS_FILE"
  wait_generation 1
  wait_until status_lists 1
  deploy 2
  wait_until status_lists 2
  equal "$(body "http://127.0.0.1:$port/")" 2
  equal "$(body http://unix/ --unix-socket "$BATS_TEST_TMPDIR/web")" 2
  run_program --stop --pid-file="$PID_FILE"
  equal "$STATUS_CODE" 0
  absent "$PID_FILE"
  wait_until gone "$SUPERVISOR"
  absent "$STATUS_FILE"
  absent "$BATS_TEST_TMPDIR/web"
}

@test "a daemon can log to a command" {
  run_program --interval=0 --daemonize --pid-file="$PID_FILE" \
    --log-file="| cat >>'$BATS_TEST_TMPDIR/$LOG_NAME'" -- "$RECORDER" "$RECORD"
  equal "$STATUS_CODE" 0
  wait_until test -s "$PID_FILE"
  wait_generation 1
  wait_until log_file_has '^stdout of generation 1$'
  run_program --stop --pid-file="$PID_FILE"
  equal "$STATUS_CODE" 0
}
