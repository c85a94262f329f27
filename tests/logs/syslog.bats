#!/usr/bin/env bats
# --syslog: the supervisor's lines as datagrams to /dev/log, which is one of the test's own in a
# mount namespace.

# shellcheck disable=SC2030,SC2031,SC2034 # each test is a process of its own; the helper reads these
load helper

setup_file() {
  unshare --mount true 2>/dev/null || skip 'no mount namespace can be had here'
}

# supervise_with_syslog OPTION...: the service where $DIR/dev is /dev, with the usual devices.
supervise_with_syslog() {
  mkdir -p "$DIR/dev"
  use_quiet_worker
  # shellcheck disable=SC2016 # for the inner shell to expand
  start unshare --mount sh -c '
    for device in null zero full random urandom tty; do
      : >"$0/$device" && mount --bind "/dev/$device" "$0/$device" || exit 1
    done
    ln -sf /proc/self/fd "$0/fd"
    mount --bind "$0" /dev || exit 1
    exec "$@"' "$DIR/dev" "$TASUKI" --path="$SOCKET" --status-file="$STATUS_FILE" --interval=0 \
    "$@" -- "${WORKER[@]}"
  SUPERVISOR=$PID
  wait_serving 1
}

# receive: a syslog daemon that writes each datagram as a line of $DIR/received.
receive() {
  mkdir -p "$DIR/dev"
  rm -f "$DIR/dev/log"
  start "$BATS_TEST_DIRNAME/workers/syslogd" "$DIR/dev/log" "$DIR/received"
  RECEIVER=$PID
  wait_until test -S "$DIR/dev/log"
}

received() {
  file_has "$DIR/received" "$1"
}

@test "lines go to syslog with facility, tag and pid, and not to standard error" {
  receive
  supervise_with_syslog --syslog=local3 --syslog-tag=shop
  wait_until received 'is ready'
  stop_service
  wait_until received 'exiting with status 0'
  if grep -Ev "^<158>[A-Z][a-z]{2} [ 123][0-9] [0-9:]{8} shop\[$SUPERVISOR\]: " "$DIR/received"; then
    return 1
  fi
  equal "$(cat "$LOG")" ''
}

@test "the facility is daemon and the tag the program's name unless given" {
  receive
  supervise_with_syslog --syslog
  wait_until received "^<30>.* tasuki\[$SUPERVISOR\]: generation 1: worker [0-9]+ is ready"
}

@test "without a daemon lines go to standard error, and to syslog once there is one" {
  supervise_with_syslog --syslog
  wait_until log_has "tasuki\[$SUPERVISOR\]: generation 1: worker [0-9]+ is ready"
  receive
  kill -HUP "$SUPERVISOR"
  wait_until received 'deploy 1 succeeded'
  lacks "$LOG" 'received HUP'
}

@test "a daemon that is started anew gets the next line" {
  receive
  supervise_with_syslog --syslog
  wait_until received 'is ready'
  kill -KILL "$RECEIVER"
  wait_until gone "$RECEIVER"
  receive
  kill -HUP "$SUPERVISOR"
  wait_until received 'deploy 1 succeeded'
  lacks "$LOG" 'received HUP'
}

@test "a daemon that is stalled holds nothing up, and no line is lost" {
  local i
  receive
  supervise_with_syslog --syslog --log-level=debug
  kill -STOP "$RECEIVER"
  for i in 2 3 4 5; do
    kill -HUP "$SUPERVISOR"
    wait_until status_is "$i"
  done
  wait_until log_has 'generation 5: worker [0-9]+ is ready'
  kill -CONT "$RECEIVER"
  wait_until received 'deploy 1 started'
  stop_service
  equal "$STATUS_CODE" 0
  wait_until received 'exiting with status 0'
  equal "$(cat "$LOG" "$DIR/received" | grep -Ec 'worker [0-9]+ is ready')" 5
}

@test "a facility or a tag that makes no sense is refused" {
  attempt "$TASUKI" --syslog=local8 -- "$HELLO"
  equal "$STATUS_CODE" 2
  has "$DIR/stderr" "^tasuki: --syslog: expected a facility such as daemon.*, got 'local8'"
  local tag
  for tag in '' 'a b' 'a:b' 'a[1]' "$(printf 'a%.0s' {1..33})"; do
    attempt "$TASUKI" --syslog --syslog-tag="$tag" -- "$HELLO"
    equal "$STATUS_CODE" 2
    has "$DIR/stderr" '^tasuki: --syslog-tag: expected 1 to 32 ASCII characters'
  done
  attempt "$TASUKI" --syslog-tag=a -- "$HELLO"
  has "$DIR/stderr" '^tasuki: --syslog-tag needs --syslog'
}
