#!/usr/bin/env bats
# --log-file, to a file and to a command, and what the supervisor does when its log is in trouble.
# A line of the worker's is one that the test writes to the worker's standard output.

# shellcheck disable=SC2030,SC2031,SC2034 # each test is a process of its own; the helper reads these
load helper

# say GENERATION LINE: as if its worker had written it.
say() {
  echo "$2" >"/proc/$(pid_of "$1")/fd/1"
}

# use_silent_worker: one that writes nothing, and so does not die of SIGPIPE where nobody reads.
use_silent_worker() {
  # shellcheck disable=SC2016 # for the inner shell to expand
  WORKER=(sh -c 'exec "$0" >/dev/null 2>&1' "$HELLO")
}

# --- a file ---

@test "USR1 opens the log file anew after it was renamed, and the next generation writes there" {
  LOG=$DIR/logfile
  supervise --interval=0 --log-file="$LOG"
  wait_serving 1
  mv "$LOG" "$DIR/old"
  kill -USR1 "$SUPERVISOR"
  wait_until file_has "$LOG" 'log file reopened'
  kill -HUP "$SUPERVISOR"
  wait_serving 2
  wait_until file_has "$LOG" 'hello-server: generation 2 pid [0-9]+ serves'
  lacks "$DIR/old" 'generation 2'
  has "$DIR/old" 'generation 1: worker [0-9]+ is ready'
}

@test "USR1 when the log file cannot be opened anew is told in the old one, and all goes on" {
  mkdir "$DIR/logs"
  supervise --interval=0 --log-file="$DIR/logs/file"
  wait_until serves 1
  mv "$DIR/logs" "$DIR/moved"
  LOG=$DIR/moved/file
  kill -USR1 "$SUPERVISOR"
  wait_until file_has "$LOG" "cannot open log file $DIR/logs/file: No such file.*still writing to the old file"
  kill -HUP "$SUPERVISOR"
  wait_serving 2
  wait_until file_has "$LOG" 'hello-server: generation 2 pid [0-9]+ serves'
}

@test "USR1 without a log file changes nothing" {
  supervise --interval=0
  wait_serving 1
  kill -USR1 "$SUPERVISOR"
  kill -HUP "$SUPERVISOR"
  wait_serving 2
}

@test "a hundred USR1s lose no descriptor" {
  supervise --interval=0 --log-file="$DIR/logfile"
  LOG=$DIR/logfile
  wait_serving 1
  local before
  before=$(find "/proc/$SUPERVISOR/fd/" | wc -l)
  for _ in {1..100}; do
    kill -USR1 "$SUPERVISOR"
  done
  kill -HUP "$SUPERVISOR"
  wait_serving 2
  equal "$(find "/proc/$SUPERVISOR/fd/" | wc -l)" "$before"
}

@test "a log file that cannot be opened is an error, and nothing is bound" {
  attempt "$TASUKI" --path="$SOCKET" --pid-file="$PID_FILE" --log-file="$DIR/no/log" -- "$HELLO"
  equal "$STATUS_CODE" 1
  has "$DIR/stderr" "^tasuki: cannot open log file $DIR/no/log: No such file or directory"
  attempt "$TASUKI" --path="$SOCKET" --pid-file="$PID_FILE" --log-file="$DIR" -- "$HELLO"
  equal "$STATUS_CODE" 1
  has "$DIR/stderr" "^tasuki: cannot open log file $DIR: Is a directory"
  nothing_left
}

@test "a FIFO as the log file that nobody reads does not hold up a stop" {
  mkfifo "$DIR/fifo"
  supervise --interval=0 --log-file="$DIR/fifo"
  wait_until is_locked_or_gone
  kill -TERM "$SUPERVISOR" 2>/dev/null || true
  wait_until gone "$SUPERVISOR"
}

is_locked_or_gone() {
  is_locked "$PID_FILE" || gone "$SUPERVISOR"
}

@test "a FIFO as the log file that nobody reads any more does not hold up the supervisor at USR1" {
  mkfifo "$DIR/fifo"
  cat "$DIR/fifo" >"$LOG" 3>&- &
  local reader=$!
  STARTED+=("$reader")
  use_silent_worker
  supervise --interval=0 --log-file="$DIR/fifo"
  wait_serving 1
  kill -KILL "$reader"
  wait_until gone "$reader"
  kill -USR1 "$SUPERVISOR"
  kill -HUP "$SUPERVISOR"
  wait_until status_is 2
  stop_service
  equal "$STATUS_CODE" 0
}

@test "a full disk under the log file does not end the service" {
  [ -c /dev/full ] || skip 'no /dev/full here'
  supervise --interval=0 --log-file=/dev/full
  wait_serving 1
  kill -HUP "$SUPERVISOR"
  wait_serving 2
  stop_service
  equal "$STATUS_CODE" 0
}

# start_with_error FIFO: starts the service with its standard error there.
start_with_error() {
  use_silent_worker
  start_logged "$1" "$TASUKI" --path="$SOCKET" --status-file="$STATUS_FILE" --interval=0 -- \
    "${WORKER[@]}"
  SUPERVISOR=$PID
  wait_serving 1
}

@test "a standard error that nobody reads any more does not end the service" {
  mkfifo "$DIR/fifo"
  perl -e sleep <"$DIR/fifo" 3>&- &
  local reader=$!
  STARTED+=("$reader")
  start_with_error "$DIR/fifo"
  kill -KILL "$reader"
  wait_until gone "$reader"
  kill -HUP "$SUPERVISOR"
  wait_serving 2
  kill -TERM "$SUPERVISOR"
  ended "$SUPERVISOR"
  equal "$STATUS_CODE" 0
}

@test "a standard error that is full does not stall the supervisor" {
  mkfifo "$DIR/fifo"
  perl -e sleep <"$DIR/fifo" 3>&- &
  STARTED+=("$!")
  start_with_error "$DIR/fifo"
  # More than a pipe holds, without blocking this test.
  dd if=/dev/zero of="$DIR/fifo" bs=4k count=1000 oflag=nonblock status=none 2>/dev/null || true
  kill -HUP "$SUPERVISOR"
  wait_serving 2
  kill -TERM "$SUPERVISOR"
  ended "$SUPERVISOR"
  equal "$STATUS_CODE" 0
}

# --- a command ---

# pipe_to: a log command that appends to $DIR/piped, and notes its pid in $DIR/pids.
pipe_to() {
  LOG=$DIR/piped
  LOG_COMMAND="| echo \$\$ >>'$DIR/pids'; exec cat >>'$DIR/piped'"
}

runs_of_log_command() {
  [ "$(wc -l <"$DIR/pids")" -ge "$1" ]
}

@test "a log command that dies is started anew, and nothing that is written afterwards is lost" {
  local worker logger i
  pipe_to
  supervise --interval=0 --log-file="$LOG_COMMAND"
  wait_serving 1
  wait_until started 1
  worker=$(pid_of 1)
  logger=$(tail -n 1 "$DIR/pids")
  kill -KILL "$logger"
  wait_until gone "$logger"
  for i in {1..1000}; do
    echo "line $i"
  done >"/proc/$worker/fd/1"
  wait_until runs_of_log_command 2
  wait_until log_has '^line 1000$'
  equal "$(grep -c '^line ' "$LOG")" 1000
  log_has 'the log command was killed by KILL'
  alive "$worker"
  status_is 1
}

@test "a log command that dies takes no worker with it, and its death starts no generation" {
  local i
  pipe_to
  supervise --interval=0 --log-file="$LOG_COMMAND"
  wait_serving 1
  for i in 1 2 3; do
    wait_until runs_of_log_command "$i"
    kill -KILL "$(tail -n 1 "$DIR/pids")"
    say 1 "between $i"
  done
  wait_until runs_of_log_command 4
  wait_until log_has 'between 3'
  serves 1
  status_is 1
  kill -HUP "$SUPERVISOR"
  wait_serving 2
}

@test "what is written before a stop reaches the log command, the last line included" {
  pipe_to
  supervise --interval=0 --log-file="$LOG_COMMAND"
  wait_serving 1
  stop_service
  equal "$STATUS_CODE" 0
  [[ $(tail -n 1 "$LOG") == *" tasuki[$SUPERVISOR]: exiting with status 0" ]]
}

@test "what is written before a stop is not lost when the log command died just before it" {
  local logger
  pipe_to
  supervise --interval=0 --log-file="$LOG_COMMAND"
  wait_serving 1
  wait_until started 1
  logger=$(tail -n 1 "$DIR/pids")
  kill -KILL "$logger"
  wait_until gone "$logger"
  say 1 'said while nobody read'
  stop_service
  equal "$STATUS_CODE" 0
  wait_until log_has 'said while nobody read'
  log_has 'exiting with status 0'
}

@test "a stop does not wait for ever for a log command that does not end" {
  supervise --interval=0 --log-file='| trap "" TERM; cat >/dev/null; exec sleep 1000'
  wait_serving 1
  local log_command
  log_command=$(children "$SUPERVISOR" | tr ' ' '\n' | sort -n | head -n 1)
  stop_service
  equal "$STATUS_CODE" 0
  nothing_left
  kill -KILL "$log_command" || true
}

@test "the log command's own output does not go round into its own pipe" {
  supervise --interval=0 --log-file='| cat'
  wait_serving 1
  say 1 'once only'
  stop_service
  wait_until log_has 'exiting with status 0'
  equal "$(grep -c '^once only$' "$LOG")" 1
}

@test "the log command has its standard streams and nothing else, not the sockets either" {
  exec 9<"$0" 200<"$0"
  supervise --interval=0 --log-file="| ls -l /proc/self/fd >'$DIR/fds'; cat >>'$DIR/piped'"
  exec 9<&- 200<&-
  LOG=$DIR/piped
  wait_serving 1
  wait_until test -s "$DIR/fds"
  # 3 is the directory that ls itself reads.
  equal "$(sed -n 's/.* \([0-9]*\) -> .*/\1/p' "$DIR/fds" | sort -n | tr '\n' ' ')" '0 1 2 3 '
  lacks "$DIR/fds" 'socket:'
}

@test "the log command starts with no signal ignored and none blocked" {
  start env --ignore-signal --block-signal "$TASUKI" --path="$SOCKET" --status-file="$STATUS_FILE" \
    --interval=0 --log-file="| grep Sig /proc/self/status >'$DIR/signals'; cat >>'$DIR/piped'" -- \
    "$HELLO"
  LOG=$DIR/piped
  wait_serving 1
  wait_until file_has "$DIR/signals" SigIgn
  has "$DIR/signals" 'SigBlk:[[:space:]]0+$'
  # But for 32 and 33, which belong to the C library: its posix_spawn ignores them.
  equal $((0x$(sed -n 's/SigIgn:[[:space:]]*//p' "$DIR/signals") & ~0x180000000)) 0
}

@test "a log command that does not exist is told, and does not end the service" {
  supervise --interval=0 --log-file="| $DIR/no-such-command"
  wait_serving 1
  wait_until log_has "$DIR/no-such-command"
  kill -HUP "$SUPERVISOR"
  wait_serving 2
  stop_service
  equal "$STATUS_CODE" 0
}

@test "no log command is left when the start fails" {
  pipe_to
  attempt "$TASUKI" --path="$DIR/no/socket" --log-file="$LOG_COMMAND" -- "$HELLO"
  equal "$STATUS_CODE" 1
  has "$DIR/stderr" "cannot listen on $DIR/no/socket"
  absent "$DIR/pids"
}

@test "when the command cannot be executed, the log command has told so before the end" {
  pipe_to
  attempt "$TASUKI" --path="$SOCKET" --log-file="$LOG_COMMAND" -- "$DIR/no-such-command"
  equal "$STATUS_CODE" 127
  has "$LOG" "cannot execute $DIR/no-such-command: not found"
}
