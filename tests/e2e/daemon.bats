#!/usr/bin/env bats
# --daemonize: the command that is called returns when the service is up, and its exit status and
# what it says are the truth about the start.

# shellcheck disable=SC2030,SC2031,SC2034 # each test is a process of its own; the helper reads these
load helper

# daemonize [OPTION...]: starts the service as a daemon; the status of the command that was called
# is in $STATUS_CODE, the daemon's pid in $SUPERVISOR.
daemonize() {
  LOG=$DIR/logfile
  attempt "$TASUKI" --daemonize --log-file="$LOG" --path="$SOCKET" --pid-file="$PID_FILE" \
    --status-file="$STATUS_FILE" --interval=0 "$@" -- "${WORKER[@]}"
  SUPERVISOR=$(cat "$PID_FILE" 2>/dev/null || true)
}

# stat_field PID NUMBER: of /proc/PID/stat, counted as in proc(5).
stat_field() {
  sed 's/^.*) //' "/proc/$1/stat" | cut -d' ' -f$(($2 - 2))
}

@test "the command returns 0 when the service is up, and says nothing" {
  daemonize
  equal "$STATUS_CODE" 0
  equal "$(cat "$DIR/stdout" "$DIR/stderr")" ''
  alive "$SUPERVISOR"
  started 1
  answers http://localhost/ --unix-socket "$SOCKET"
}

@test "the daemon is in a session of its own, does not lead it, and has no terminal" {
  daemonize
  local session
  session=$(stat_field "$SUPERVISOR" 6)
  [ "$session" -ne "$SUPERVISOR" ]
  [ "$session" -ne "$(stat_field $$ 6)" ]
  equal "$(stat_field "$SUPERVISOR" 7)" 0
  equal "$(stat_field "$(pid_of 1)" 6)" "$session"
}

@test "the daemon's standard input is /dev/null, its output and error the log" {
  daemonize
  equal "$(readlink "/proc/$SUPERVISOR/fd/0")" /dev/null
  equal "$(readlink "/proc/$SUPERVISOR/fd/1")" "$LOG"
  equal "$(readlink "/proc/$SUPERVISOR/fd/2")" "$LOG"
  equal "$(readlink "/proc/$(pid_of 1)/fd/0")" /dev/null
}

@test "the daemon keeps nothing open that was the caller's" {
  mkfifo "$DIR/fifo"
  cat "$DIR/fifo" >"$DIR/heard" 3>&- &
  local reader=$!
  STARTED+=("$reader")
  "$TASUKI" --daemonize --log-file="$DIR/logfile" --path="$SOCKET" --pid-file="$PID_FILE" \
    --interval=0 -- "$HELLO" </dev/null >"$DIR/fifo" 2>&1 3>&-
  # The reader ends when the last writer has closed the pipe.
  wait_until gone "$reader"
}

@test "the daemon deploys, and leaves nothing when it is stopped" {
  daemonize
  wait_serving 1
  kill -HUP "$SUPERVISOR"
  wait_serving 2
  "${STOP[@]}"
  wait_until gone "$SUPERVISOR"
  nothing_left
}

@test "--restart and --stop work on a daemon" {
  daemonize
  wait_serving 1
  "${RESTART[@]}"
  status_is 2
  "${STOP[@]}"
  wait_until gone "$SUPERVISOR"
}

@test "a stop before the first worker is started is no success for the command that was called" {
  "$TASUKI" --daemonize --log-file="$DIR/logfile" --path="$SOCKET" --pid-file="$PID_FILE" \
    --check='exec sleep 60' -- "${WORKER[@]}" >"$DIR/stdout" 2>"$DIR/stderr" 3>&- &
  local called=$! status=0
  STARTED+=("$called")
  wait_until file_has "$DIR/logfile" 'running the check'
  kill -TERM "$(cat "$PID_FILE")"
  wait "$called" || status=$?
  equal "$status" 1
  equal "$(cat "$DIR/stderr")" 'tasuki: stopped before a worker was started'
  nothing_left
}

@test "a daemon can log to a command, which ends with it" {
  local log_command
  attempt "$TASUKI" --daemonize --log-file="| echo \$\$ >'$DIR/log-pid'; exec cat >>'$DIR/piped'" \
    --path="$SOCKET" --pid-file="$PID_FILE" --status-file="$STATUS_FILE" --interval=0 -- "$HELLO"
  equal "$STATUS_CODE" 0
  SUPERVISOR=$(cat "$PID_FILE")
  LOG=$DIR/piped
  wait_serving 1
  wait_until test -s "$DIR/log-pid"
  log_command=$(cat "$DIR/log-pid")
  "${STOP[@]}"
  wait_until gone "$log_command"
  has "$LOG" 'exiting with status 0'
}

@test "a worker that dies at once is no failure to start: the daemon tries on" {
  use_failing_worker
  touch "$DIR/fail"
  daemonize
  equal "$STATUS_CODE" 0
  wait_until log_has_at_least 2 'exited unexpectedly \(status 3\)'
  rm "$DIR/fail"
  wait_until answers http://localhost/ --unix-socket "$SOCKET"
}

@test "an address that cannot be bound is told in the foreground, with status 1" {
  daemonize --path="$DIR/no/socket"
  equal "$STATUS_CODE" 1
  has "$DIR/stderr" "^tasuki: cannot listen on $DIR/no/socket: No such file or directory"
  equal "$(wc -l <"$DIR/stderr")" 1
  nothing_left
}

@test "an address in use is told in the foreground, with status 1, and its owner goes on" {
  local port
  port=$(free_port)
  start "$TASUKI" --port="127.0.0.1:$port" --interval=0 -- "$HELLO"
  wait_until answers "http://127.0.0.1:$port/"
  daemonize --port="127.0.0.1:$port"
  equal "$STATUS_CODE" 1
  has "$DIR/stderr" "^tasuki: cannot listen on 127.0.0.1:$port: address already in use by process"
  nothing_left
  answers "http://127.0.0.1:$port/"
}

@test "a failure after the daemon was made is told once in the foreground, with status 1" {
  unshare --mount true 2>/dev/null || skip 'no mount namespace can be had here'
  mkdir "$DIR/disk"
  # shellcheck disable=SC2016 # for the inner shell to expand
  attempt unshare --mount sh -c 'mount -t tmpfs -o size=4k none "$0" &&
    dd if=/dev/zero of="$0/ballast" bs=4k count=1 status=none; exec "$@"' "$DIR/disk" \
    "$TASUKI" --daemonize --log-file="$DIR/logfile" --path="$SOCKET" --pid-file="$DIR/disk/pid" -- \
    "$HELLO"
  equal "$STATUS_CODE" 1
  has "$DIR/stderr" "^tasuki: cannot write pid file $DIR/disk/pid: No space left on device"
  equal "$(wc -l <"$DIR/stderr")" 1
  wait_until absent "$SOCKET"
}

@test "standard streams that are closed do not disturb a daemon" {
  "$TASUKI" --daemonize --log-file="$DIR/logfile" --path="$SOCKET" --pid-file="$PID_FILE" \
    --status-file="$STATUS_FILE" --interval=0 -- "$HELLO" <&- >&- 2>&- 3>&-
  SUPERVISOR=$(cat "$PID_FILE")
  wait_serving 1
  equal "$(readlink "/proc/$SUPERVISOR/fd/0")" /dev/null
  equal "$(readlink "/proc/$SUPERVISOR/fd/2")" "$DIR/logfile"
}

@test "the log command of a daemon does not keep the output of its caller open" {
  # shellcheck disable=SC2016 # for the inner shell to expand
  start sh -c 'said=$("$@" 2>&1) && echo "said: $said" >"$0"' "$DIR/returned" \
    "$TASUKI" --daemonize --log-file="| exec cat >>'$DIR/piped'" --path="$SOCKET" \
    --pid-file="$PID_FILE" --status-file="$STATUS_FILE" --interval=0 -- "$HELLO"
  wait_until test -s "$DIR/returned"
  equal "$(cat "$DIR/returned")" 'said: '
  wait_until file_has "$DIR/piped" 'is ready'
}
