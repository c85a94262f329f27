#!/usr/bin/env bats
# --log-file="| COMMAND": a log command that dies, or dies all the time.

# shellcheck disable=SC2030,SC2031,SC2034 # each test is a process of its own; the helper reads these
load helper

runs() {
  [ "$(wc -l <"$DIR/runs")" -ge "$1" ]
}

# grown FILE SIZE
grown() {
  [ "$(stat --format=%s "$1")" -gt "$2" ]
}

@test "a log command that is killed five times under load loses nothing that it had not read" {
  local i size
  use_writer 50000
  supervise --interval=0 \
    --log-file="| echo \$\$ >>'$DIR/runs'; exec '$BATS_TEST_DIRNAME/workers/mover' '$DIR/moved'"
  for i in 1 2 3 4 5 6; do
    wait_until runs "$i"
    size=$(stat --format=%s "$DIR/moved" 2>/dev/null || echo 0)
    wait_until grown "$DIR/moved" "$size"
    [ "$i" -eq 6 ] || kill -KILL "$(sed -n "${i}p" "$DIR/runs")"
  done
  stop_service
  equal "$STATUS_CODE" 0
  wait_until file_has "$DIR/moved" 'exiting with status 0'
  complete "$DIR/moved"
  equal "$(grep -c 'warning: the log command was killed by KILL' "$DIR/moved")" 5
}

@test "a log command that dies all the time is started after pauses that double" {
  use_quiet_worker
  supervise --interval=0 --log-file="| date +%s%N >>'$DIR/runs'; exit 1"
  wait_until runs 5
  kill -HUP "$SUPERVISOR"
  wait_until status_is 2
  stop_service
  equal "$STATUS_CODE" 0
  # Each start comes no sooner than the pause says; what the command itself takes is short of it.
  awk 'NR > 1 && NR <= 5 && $1 - last < 0.09e9 * 2 ^ (NR - 2) { print "too soon: start " NR; bad = 1 }
    { last = $1 } END { exit bad }' "$DIR/runs"
}

@test "what was said while the log command kept dying is there when it works again" {
  use_quiet_worker
  touch "$DIR/broken"
  supervise --interval=0 --log-file="| echo >>'$DIR/runs'; [ ! -e '$DIR/broken' ] && exec cat >>'$DIR/log'"
  wait_until runs 3
  rm "$DIR/broken"
  wait_until log_has 'warning: the log command exited with status 1; restarting it'
  log_has 'listening on'
  log_has 'generation 1: worker [0-9]+ is ready'
}
