#!/usr/bin/env bats
# What a service manager is told at NOTIFY_SOCKET. Here it is socat that listens; tests/systemd has
# the real one.

bats_require_minimum_version 1.5.0
load helper

# listen_as_manager: what is said to it is in the file "said", a message behind the other.
listen_as_manager() {
  start socat -u "UNIX-RECV:$DIR/notify" "OPEN:$DIR/said,create,append"
  wait_until test -S "$DIR/notify"
}

# says REGEX: it has been told that, with messages and lines alike on lines of their own.
says() {
  sed -E 's/(READY|RELOADING|STOPPING|STATUS|WATCHDOG|EXTEND_TIMEOUT_USEC)=/\n&/g' "$DIR/said" | grep -Exq -- "$1"
}

times_said() {
  grep -Eo -- "$1" "$DIR/said" | wc -l
}

has_said_often() {
  [ "$(times_said "$1")" -ge 3 ]
}

# serve_for_manager OPTION...
serve_for_manager() {
  start env NOTIFY_SOCKET="$DIR/notify" "$TASUKI" --name=managed --interval=0.1 --path="$SOCKET" "$@"
  SUPERVISOR=$PID
}

@test "a service manager is told of the start, of deploys whatever their outcome, and of the end" {
  listen_as_manager
  cp "$HELLO" "$DIR/server"
  serve_for_manager --ready=notify --ready-timeout=20 --stop-timeout=10 -- "$DIR/server"
  wait_until says 'STATUS=generation 1 is serving'
  says 'STATUS=no generation is serving, one is starting'
  says 'EXTEND_TIMEOUT_USEC=22000000'
  equal "$(times_said READY=1)" 1

  "$TASUKI" restart managed
  wait_until says 'STATUS=generation 2 is serving'
  says 'RELOADING=1'
  says 'MONOTONIC_USEC=[0-9]+'
  says 'STATUS=generation 1 is serving; deploy 1 is under way'
  equal "$(times_said READY=1)" 2

  printf '#!/bin/sh\nexit 3\n' >"$DIR/next"
  chmod +x "$DIR/next"
  mv "$DIR/next" "$DIR/server"
  run ! "$TASUKI" restart managed
  wait_until says 'STATUS=generation 2 is serving; deploy 2 failed: the new worker died before it was ready'
  equal "$(times_said RELOADING=1)" 2
  equal "$(times_said READY=1)" 3

  kill -TERM "$SUPERVISOR"
  ended "$SUPERVISOR"
  equal "$STATUS_CODE" 0
  wait_until says 'STATUS=stopping'
  wait_until says 'EXTEND_TIMEOUT_USEC=12000000'
  says 'STOPPING=1'
  equal "$(times_said READY=1)" 3
}

@test "a watchdog that is asked for gets its signs of life, and the worker knows of neither" {
  listen_as_manager
  export WATCHDOG_USEC=200000
  serve_for_manager --ready=delay -- "$HELLO"
  wait_until has_said_often WATCHDOG=1
  wait_until says 'STATUS=generation 1 is serving'
  worker=$(children "$SUPERVISOR")
  run ! grep -Ezq '^(NOTIFY_SOCKET|WATCHDOG_)' "/proc/$worker/environ"
}

@test "a NOTIFY_SOCKET that points nowhere costs one line, and the service goes on" {
  serve_for_manager -- "$HELLO"
  wait_until log_has 'generation 1: worker [0-9]+ is ready'
  "$TASUKI" restart managed
  answers http://localhost/ --unix-socket "$SOCKET"
  equal "$(grep -c NOTIFY_SOCKET "$BATS_TEST_TMPDIR/log")" 1
  log_has "cannot notify the service manager: NOTIFY_SOCKET=$DIR/notify: No such file or directory; continuing without it"
}

@test "a NOTIFY_SOCKET that makes no sense costs one line, and the service goes on" {
  start env NOTIFY_SOCKET=vsock:2:9999 "$TASUKI" --name=managed --interval=0.1 --path="$SOCKET" -- "$HELLO"
  wait_until log_has 'generation 1: worker [0-9]+ is ready'
  log_has "NOTIFY_SOCKET: expected a path or @NAME, got 'vsock:2:9999'; continuing without a service manager"
}

@test "in the background, the service manager is told which process serves" {
  listen_as_manager
  NOTIFY_SOCKET=$DIR/notify "$TASUKI" --name=managed --daemonize --pid-file="$PID_FILE" --log-file="$DIR/log" \
    --interval=0.1 --path="$SOCKET" -- "$HELLO"
  wait_until says "MAINPID=$(cat "$PID_FILE")"
  "$TASUKI" stop managed
}

# A manager whose queue is soon full: it reads nothing until the file "read" is there.
SLOW_MANAGER='
import os, socket, time
manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
manager.bind("notify")
while not os.path.exists("read"):
    time.sleep(0.05)
with open("said", "ab", buffering=0) as said:
    while True:
        message, fds, _, _ = socket.recv_fds(manager, 4096, 4)
        said.write(message + (b" with %d" % len(fds) if fds else b"") + b"\n")
        [os.close(fd) for fd in fds]
'

states_are() {
  [ "$(grep -Ex '(READY|RELOADING)=1' said | tr '\n' ' ')" = "$1" ]
}

@test "a service manager that is slow is not waited for, and is told everything in the end" {
  cd "$DIR" || return 1
  start python3 -c "$SLOW_MANAGER"
  wait_until test -S notify
  local options=() i
  for i in {1..40}; do
    options+=("--path=@$DIR/$i")
  done
  serve_for_manager "${options[@]}" -- "$HELLO"
  wait_until log_has 'generation 1: worker [0-9]+ is ready'
  "$TASUKI" restart managed
  touch read
  wait_until states_are 'READY=1 RELOADING=1 READY=1 '
  wait_until says 'FDNAME=tasuki-marker with 1'
  equal "$(grep -c '^FDNAME=tasuki,unix,.* with 1$' said)" 41
  says 'STATUS=generation 2 is serving'
}
