#!/usr/bin/env bats
# A log that nobody takes: a full pipe, a stopped terminal, a full disk. Nothing of it reaches the
# service: deploys go on, the control socket answers, and what was lost is said.

# shellcheck disable=SC2030,SC2031,SC2034 # each test is a process of its own; the helper reads these
load helper

# still_deploys FIRST: two deploys by HUP from there on, and the control socket answers.
still_deploys() {
  local generation
  for generation in $(($1 + 1)) $(($1 + 2)); do
    kill -HUP "$SUPERVISOR"
    wait_until status_is "$generation"
    ctl status >"$DIR/answer"
    has "$DIR/answer" "$generation"
  done
}

# lose_lines: a deploy that fails with more to say than can wait.
lose_lines() {
  touch "$DIR/fail"
  ctl restart >"$DIR/answer" 2>&1 || true
  has "$DIR/answer" 'the check failed'
  rm "$DIR/fail"
}

LOST='warning: lost [0-9]+ lines of this log'

# sum_is_whole FILE: of the 2000 lines of the check, those that are there and those that are said
# to be lost, with what else was lost, are no less.
sum_is_whole() {
  local there lost
  there=$(grep -c 'error: check: y' "$1")
  lost=$(sed -n 's/.*warning: lost \([0-9]*\) lines* of this log.*/\1/p' "$1" | awk '{ sum += $1 } END { print sum }')
  [ "$there" -gt 100 ]
  [ $((there + lost)) -ge 2000 ]
}

@test "a log command that is stopped, and a pipe that a worker has filled, hold no deploy up" {
  use_writer 20000
  noisy_check
  supervise --interval=0 --control="$DIR/control" --check="$DIR/check" \
    --log-file="| echo \$\$ >'$DIR/command'; exec cat >>'$DIR/log'"
  wait_until test -s "$DIR/command"
  wait_until test -e "$DIR/most.1"
  kill -STOP "$(cat "$DIR/command")"
  still_deploys 1
  lose_lines
  still_deploys 3
  kill -CONT "$(cat "$DIR/command")"
  wait_until log_has "$LOST"
  stop_service
  equal "$STATUS_CODE" 0
  wait_until log_has 'exiting with status 0'
  complete "$LOG"
  sum_is_whole "$LOG"
}

@test "a standard error that nobody reads any more for a while holds nothing up" {
  use_quiet_worker
  noisy_check
  mkfifo "$DIR/fifo"
  cat "$DIR/fifo" >"$LOG" 3>&- &
  local reader=$!
  STARTED+=("$reader")
  start_logged "$DIR/fifo" "$TASUKI" --path="$SOCKET" --status-file="$STATUS_FILE" --interval=0 \
    --control="$DIR/control" --check="$DIR/check" -- "${WORKER[@]}"
  SUPERVISOR=$PID
  wait_serving 1
  kill -STOP "$reader"
  lose_lines
  lose_lines
  still_deploys 1
  kill -CONT "$reader"
  wait_until log_has "$LOST"
  stop_service
  equal "$STATUS_CODE" 0
}

@test "a terminal that is stopped holds nothing up" {
  use_quiet_worker
  noisy_check
  start env TERM=dumb script --quiet --command "exec $TASUKI --path=$SOCKET --pid-file=$PID_FILE \
    --status-file=$STATUS_FILE --interval=0 --control=$DIR/control --check=$DIR/check -- ${WORKER[*]}" \
    /dev/null
  wait_serving 1
  local terminal=$PID
  SUPERVISOR=$(cat "$PID_FILE")
  STARTED=("$SUPERVISOR" "$terminal")
  kill -STOP "$terminal"
  lose_lines
  lose_lines
  still_deploys 1
  kill -CONT "$terminal"
  wait_until log_has "$LOST"
}

@test "a terminal that is stopped while it shows a captured worker holds nothing up" {
  use_writer 20
  start env TERM=dumb script --quiet --command "exec $TASUKI --path=$SOCKET --pid-file=$PID_FILE \
    --status-file=$STATUS_FILE --interval=0 --control=$DIR/control --capture=on -- ${WORKER[*]}" \
    /dev/null
  wait_until test -e "$DIR/most.1"
  local terminal=$PID
  SUPERVISOR=$(cat "$PID_FILE")
  STARTED=("$SUPERVISOR" "$terminal")
  kill -STOP "$terminal"
  wait_until is_stalled
  still_deploys 1
  kill -CONT "$terminal"
  wait_until log_has "line 1 $(cat "$DIR/wrote.1")\.\.\."
  wait_until log_has 'line 3 20\.\.\.'
}

# is_stalled: the worker waits in a write.
is_stalled() {
  local before
  before=$(sed -n 's/^wchar: //p' "/proc/$(current)/io")
  sleep 0.3
  [ "$before" = "$(sed -n 's/^wchar: //p' "/proc/$(current)/io")" ]
}

# current: the worker that the status file names last.
current() {
  tail -n 1 "$STATUS_FILE" | cut -d: -f2
}

@test "a stop is not held up for long by a log command that is stopped" {
  use_writer 20000
  supervise --interval=0 --log-file="| echo \$\$ >'$DIR/command'; exec cat >>'$DIR/log'"
  wait_until test -s "$DIR/command"
  wait_until test -e "$DIR/most.1"
  kill -STOP "$(cat "$DIR/command")"
  stop_service
  equal "$STATUS_CODE" 0
  kill -KILL "$(cat "$DIR/command")"
}

# on_small_disk OPTION...: the service with its log on a disk of its own, $DISK, which is then full.
on_small_disk() {
  unshare --mount true 2>/dev/null || skip 'no mount namespace can be had here'
  mkdir "$DIR/disk"
  # shellcheck disable=SC2016 # for the inner shell to expand
  start unshare --mount sh -c 'mount -t tmpfs -o size=512k none "$0" && exec "$@"' "$DIR/disk" \
    "$TASUKI" --path="$SOCKET" --status-file="$STATUS_FILE" --interval=0 --control="$DIR/control" \
    --log-file="$DIR/disk/log" "$@" -- "${WORKER[@]}"
  SUPERVISOR=$PID
  wait_until status_is 1
  DISK=/proc/$SUPERVISOR/root$DIR/disk
  dd if=/dev/zero of="$DISK/ballast" bs=4k status=none 2>/dev/null || true
}

@test "on a full disk all goes on, and what was lost is said when there is room again" {
  use_quiet_worker
  noisy_check
  on_small_disk --check="$DIR/check"
  lose_lines
  lose_lines
  still_deploys 1
  rm "$DISK/ballast"
  wait_until file_has "$DISK/log" "$LOST"
  kill -HUP "$SUPERVISOR"
  wait_until file_has "$DISK/log" 'generation 4: worker [0-9]+ is ready'
  sum_is_whole "$DISK/log"
  # Whole lines only: what a write did not finish on the full disk was finished.
  if grep -Ev "^$TIME tasuki\[$SUPERVISOR\]: " "$DISK/log"; then
    return 1
  fi
}

@test "on a full disk a captured worker goes on, too, and its lost lines are counted" {
  use_worker teller <<END
#!/bin/sh
trap 'exit 0' TERM
while :; do
  if [ -e '$DIR/say' ]; then rm '$DIR/say'; yes 'said by the worker' | head -n 1000; : >'$DIR/said'; fi
  sleep 0.02
done
END
  on_small_disk --capture=on
  touch "$DIR/say"
  wait_until test -e "$DIR/said"
  rm "$DISK/ballast" "$DIR/said"
  touch "$DIR/say"
  wait_until file_has "$DISK/log" 'warning: lost [0-9]+ lines of worker output'
  exec {log}<"$DISK/log" # there is no disk without the supervisor
  stop_service
  cat <&"$log" >"$DIR/read"
  exec {log}<&-
  local there lost
  there=$(grep -c '^said by the worker$' "$DIR/read")
  lost=$(sed -n "s/.*warning: lost \([0-9]*\) lines* of worker output .*/\1/p" "$DIR/read")
  [ "$lost" -gt 0 ]
  grep -v '^said by the worker$' "$DIR/read" || true
  equal $((there + lost)) 2000
}
