#!/usr/bin/env bats
# Rotations with logrotate itself, under a worker that writes without a pause.

# shellcheck disable=SC2030,SC2031,SC2034 # each test is a process of its own; the helper reads these
load helper

# rotate <<CONFIGURATION: what the log file's section of logrotate's configuration says.
rotate() {
  {
    printf '%s {\n' "$LOG"
    cat
    printf '}\n'
  } >"$DIR/logrotate.conf"
  chmod 600 "$DIR/logrotate.conf"
  logrotate --force --state="$DIR/logrotate.state" "$DIR/logrotate.conf"
}

# supervise_into_file OPTION...: the service with $DIR/logs/app.log.
supervise_into_file() {
  mkdir -p "$DIR/logs"
  LOG=$DIR/logs/app.log
  supervise --interval=0 --log-file="$LOG" --control="$DIR/control" "$@"
}

@test "ten rotations, each with a deploy, under 100 MB: every line is there once, and whole" {
  local i
  use_writer 78200
  supervise_into_file
  for i in {1..10}; do
    wait_until test -e "$DIR/most.$i"
    rotate <<END
  rotate 20
  delaycompress
  compress
  postrotate
    '$TASUKI' reopen --control='$DIR/control' >>'$DIR/said' 2>&1 &&
      '$TASUKI' restart --control='$DIR/control' >>'$DIR/said' 2>&1
  endscript
END
  done
  stop_service
  equal "$STATUS_CODE" 0
  equal "$(find "$DIR/logs" -name 'app.log*' | wc -l)" 11
  complete "$DIR/logs/"app.log* >"$DIR/total"
  [ "$(sed 's/ lines//' "$DIR/total")" -ge $((100 * 1000 * 1000 / 128)) ]
  has "$LOG" 'exiting with status 0'
  rm -r "$DIR/logs"
}

@test "with --capture=on a worker's lines are in the new file at once, without a deploy" {
  local i
  use_writer 40000
  supervise_into_file --capture=on
  wait_until test -e "$DIR/most.1"
  for i in {1..5}; do
    rotate <<END
  rotate 20
  postrotate
    kill -USR1 $SUPERVISOR
  endscript
END
    wait_until grep -q '^line 1 ' "$LOG"
  done
  stop_service
  equal "$STATUS_CODE" 0
  complete "$DIR/logs/"app.log*
  lacks "$DIR/logs/app.log.1" 'exiting'
}

@test "copytruncate needs no signal: what comes next begins the emptied file" {
  supervise_into_file
  wait_serving 1
  echo 'before the rotation' >>"/proc/$(pid_of 1)/fd/1"
  local worker
  worker=$(pid_of 1)
  rotate <<END
  copytruncate
  rotate 1
END
  echo 'after the rotation' >>"/proc/$worker/fd/1"
  kill -HUP "$SUPERVISOR"
  wait_until file_has "$LOG" 'deploy 1 succeeded'
  has "$LOG.1" 'before the rotation'
  equal "$(head -n 1 "$LOG")" 'after the rotation'
  equal "$(tr -d '\0' <"$LOG" | wc -c)" "$(wc -c <"$LOG")"
}

@test "the line about a rotation says who goes on writing to the old file" {
  supervise_into_file
  wait_serving 1
  ctl reopen
  has "$LOG" 'log file reopened; running workers write to the old file until the next deploy'
}
