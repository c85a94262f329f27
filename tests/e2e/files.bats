#!/usr/bin/env bats
# The pid file, the status file and the unix sockets: what is refused, what is left alone, and what
# is removed at the end.

# shellcheck disable=SC2030,SC2031,SC2034 # each test is a process of its own; the helper reads these
load helper

# cannot_start REGEX OPTION...: the start fails with status 1 and this reason, and without a worker.
cannot_start() {
  local reason=$1
  shift
  attempt "$TASUKI" --path="$DIR/other-socket" "$@" -- touch "$DIR/started"
  equal "$STATUS_CODE" 1
  has "$DIR/stderr" "^tasuki: $reason"
  equal "$(wc -l <"$DIR/stderr")" 1
  absent "$DIR/other-socket" "$DIR/started"
}

# in_small_disk OPTION...: starts the service with its pid and status file on a file system of 64 kB,
# which is at $DISK for this test.
in_small_disk() {
  unshare --mount true 2>/dev/null || skip 'no mount namespace can be had here'
  mkdir "$DIR/disk"
  # shellcheck disable=SC2016 # for the inner shell to expand
  start unshare --mount sh -c 'mount -t tmpfs -o size=64k none "$0" && exec "$@"' "$DIR/disk" \
    "$TASUKI" --path="$SOCKET" --pid-file="$DIR/disk/pid" --status-file="$DIR/disk/status" "$@" -- \
    "$HELLO"
  SUPERVISOR=$PID
  DISK=/proc/$SUPERVISOR/root$DIR/disk
  STATUS_FILE=$DISK/status
}

fill_disk() {
  dd if=/dev/zero of="$DISK/ballast" bs=4k status=none 2>/dev/null || true
}

# --- a pid file in use ---

@test "a pid file of a living supervisor is an error that names its pid, and disturbs nothing" {
  supervise --interval=0
  wait_serving 1
  local pid_before status_before socket_before
  pid_before=$(identity "$PID_FILE")
  status_before=$(identity "$STATUS_FILE")
  socket_before=$(identity "$SOCKET")
  cannot_start "pid file $PID_FILE is locked by a running supervisor, pid $SUPERVISOR\$" \
    --pid-file="$PID_FILE"
  cannot_start "pid file $PID_FILE is locked by a running supervisor, pid $SUPERVISOR\$" \
    --pid-file="$PID_FILE" --status-file="$STATUS_FILE" --path="$SOCKET" --log-file="$DIR/logfile"
  absent "$DIR/logfile"
  equal "$(identity "$PID_FILE")" "$pid_before"
  equal "$(identity "$STATUS_FILE")" "$status_before"
  equal "$(identity "$SOCKET")" "$socket_before"
  kill -HUP "$SUPERVISOR"
  wait_serving 2
  stop_service
  equal "$STATUS_CODE" 0
  nothing_left
}

@test "a daemon's pid file is as good: the second start fails in the foreground" {
  "$TASUKI" --daemonize --log-file="$LOG" --pid-file="$PID_FILE" --path="$SOCKET" --interval=0 -- \
    "$HELLO" </dev/null 3>&-
  SUPERVISOR=$(cat "$PID_FILE")
  cannot_start "pid file $PID_FILE is locked by a running supervisor, pid $SUPERVISOR\$" \
    --pid-file="$PID_FILE" --daemonize --log-file="$DIR/logfile"
  wait_until serves 1
}

@test "a stale pid file is taken over, whatever it says" {
  local content
  for content in '' 1 999999 garbage "$$" $'1\n2\n3' "$(printf 'x%.0s' {1..5000})"; do
    printf '%s' "$content" >"$PID_FILE"
    supervise --interval=0
    wait_serving 1
    equal "$(cat "$PID_FILE")" "$SUPERVISOR"
    stop_service
    equal "$STATUS_CODE" 0
    nothing_left
    rm "$LOG"
  done
}

@test "a stale pid file does not outlive a start that fails" {
  echo 999999 >"$PID_FILE"
  cannot_start 'cannot listen on' --pid-file="$PID_FILE" --path="$DIR/no/socket"
  absent "$PID_FILE"
}

@test "what is no regular file is no pid file, and stays" {
  mkdir "$DIR/directory"
  cannot_start "cannot open pid file $DIR/directory: Is a directory" --pid-file="$DIR/directory"
  [ -d "$DIR/directory" ]
  mkfifo "$DIR/fifo"
  cannot_start ".*pid file $DIR/fifo" --pid-file="$DIR/fifo"
  [ -p "$DIR/fifo" ]
}

@test "a device is no pid file, and stays" {
  mknod "$DIR/null" c 1 3 2>/dev/null && : >"$DIR/null" || skip 'no device can be made here'
  cannot_start ".*pid file $DIR/null" --pid-file="$DIR/null"
  [ -c "$DIR/null" ]
}

@test "a pid file in a directory that is missing is an error" {
  cannot_start "cannot open pid file $DIR/no/pid: No such file or directory" --pid-file="$DIR/no/pid"
}

# --- a status file that cannot be ---

@test "a status file that cannot be written is found out before anything is bound" {
  mkdir "$DIR/directory"
  cannot_start "cannot write status file $DIR/no/status: its directory: No such file" \
    --status-file="$DIR/no/status"
  cannot_start "cannot write status file $DIR/directory: .*directory" --status-file="$DIR/directory"
  : >"$DIR/file"
  cannot_start "cannot write status file $DIR/file/status: .*Not a directory" \
    --status-file="$DIR/file/status"
}

@test "what is no regular file is no status file, and stays" {
  mkfifo "$DIR/fifo"
  cannot_start "cannot write status file $DIR/fifo: " --status-file="$DIR/fifo"
  [ -p "$DIR/fifo" ]
}

@test "a full disk ends neither the service nor the status file, for which the old one makes room" {
  in_small_disk --interval=0
  wait_serving 1
  fill_disk
  kill -HUP "$SUPERVISOR"
  wait_serving 2
  wait_until log_has 'deploy 1 succeeded'
  lacks "$LOG" 'cannot write status file'
  equal "$(find "$DISK/" -type f -name 'status*')" "$DISK/status"
}

@test "a directory that goes while the service runs does not end it, and the status file comes back with it" {
  mkdir "$DIR/run"
  STATUS_FILE=$DIR/run/status PID_FILE=$DIR/run/pid
  supervise --interval=0
  wait_serving 1
  rm -r "$DIR/run"
  kill -HUP "$SUPERVISOR"
  wait_until serves 2
  wait_until log_has 'deploy 1 succeeded'
  equal "$(count 'cannot write status file')" 1
  mkdir "$DIR/run"
  wait_until status_is 2
  wait_until log_has "status file $STATUS_FILE is up to date again"
  rm -r "$DIR/run"
  stop_service
  equal "$STATUS_CODE" 0
}

# --- the end ---

@test "at the end the pid file, the status file and the sockets are gone" {
  local signal
  for signal in TERM INT QUIT; do
    supervise --interval=0 --path="$DIR/second"
    wait_serving 1
    kill "-$signal" "$SUPERVISOR"
    ended "$SUPERVISOR"
    equal "$signal $STATUS_CODE" "$signal 0"
    absent "$DIR/second"
    nothing_left
    rm "$LOG"
  done
}

@test "at the end a socket that somebody else has put in the place stays" {
  supervise --interval=0
  wait_serving 1
  rm "$SOCKET"
  leave_stale_socket "$SOCKET"
  stop_service
  equal "$STATUS_CODE" 0
  [ -S "$SOCKET" ]
}

@test "at the end a file or a directory in the place of the socket stays" {
  local kind
  for kind in file directory; do
    supervise --interval=0
    wait_serving 1
    rm "$SOCKET"
    if [ $kind = file ]; then echo content >"$SOCKET"; else mkdir "$SOCKET"; fi
    stop_service
    equal "$STATUS_CODE" 0
    [ -e "$SOCKET" ]
    rm -r "$SOCKET" "$LOG"
  done
}

@test "at the end a pid file that somebody else has put in the place stays" {
  supervise --interval=0
  wait_serving 1
  rm "$PID_FILE"
  echo 12345 >"$PID_FILE"
  stop_service
  equal "$STATUS_CODE" 0
  equal "$(cat "$PID_FILE")" 12345
}

@test "at the end a status file that somebody else has put in the place stays" {
  supervise --interval=0
  wait_serving 1
  echo 7:12345 >"$DIR/other"
  mv "$DIR/other" "$STATUS_FILE"
  stop_service
  equal "$STATUS_CODE" 0
  equal "$(cat "$STATUS_FILE")" 7:12345
}

@test "a supervisor that takes over the files of one that has lost them keeps them when that one ends" {
  supervise --interval=0
  wait_serving 1
  local first=$SUPERVISOR worker
  worker=$(pid_of 1)
  rm "$PID_FILE" "$SOCKET"
  mv "$LOG" "$DIR/first.log"
  supervise --interval=0
  wait_until started 1
  wait_until file_has "$STATUS_FILE" "^1:$(pid_of 1)\$"
  wait_until serves 1
  kill -TERM "$first"
  ended "$first"
  equal "$STATUS_CODE" 0
  gone "$worker"
  equal "$(cat "$PID_FILE")" "$SUPERVISOR"
  serves 1
  status_is 1
  kill -HUP "$SUPERVISOR"
  wait_serving 2
}

@test "files that are gone already do not trouble the end" {
  supervise --interval=0
  wait_serving 1
  rm "$PID_FILE" "$STATUS_FILE" "$SOCKET"
  stop_service
  equal "$STATUS_CODE" 0
  lacks "$LOG" 'error'
}

@test "no file is left beside the status file" {
  mkdir "$DIR/run"
  STATUS_FILE=$DIR/run/status
  supervise --interval=0
  wait_serving 1
  kill -HUP "$SUPERVISOR"
  wait_serving 2
  equal "$(ls -A "$DIR/run")" status
  stop_service
  equal "$(ls -A "$DIR/run")" ''
}

@test "relative names are the supervisor's directory's, whatever --dir says" {
  mkdir "$DIR/here" "$DIR/home"
  cd "$DIR/here"
  start "$TASUKI" --interval=0 --dir="$DIR/home" --path=socket --pid-file=pid --status-file=status \
    --log-file=logfile -- "$HELLO"
  SUPERVISOR=$PID LOG=logfile
  STATUS_FILE=$DIR/here/status SOCKET=$DIR/here/socket
  wait_serving 1
  test -s pid
  equal "$(readlink "/proc/$(pid_of 1)/cwd")" "$DIR/home"
  stop_service
  absent socket pid status
  equal "$(ls -A "$DIR/home")" ''
}
