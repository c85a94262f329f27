#!/usr/bin/env bats
# The limit of open files: the supervisor's own, the workers', and what happens when it is reached.

load helper

# limited SOFT HARD: the limits that the supervisor is started with.
limited() {
  make_worker limited <<END
#!/bin/sh
ulimit -n $2 && ulimit -S -n $1 && exec '$TASUKI' "\$@"
END
  PROGRAM=$DIR/limited
}

# soft_limit PID: its soft limit of open files.
soft_limit() {
  awk '/^Max open files/ { print $4 }' "/proc/$1/limits"
}

# paths COUNT: options for so many listeners in ${PATHS[@]}.
paths() {
  PATHS=()
  local i
  for ((i = 1; i <= $1; i++)); do
    PATHS+=(--path="$DIR/s$i")
  done
}

@test "the supervisor raises its own limit, and a worker gets the one that tasuki was started with" {
  limited 300 2000
  supervise --interval=0
  wait_serving 1
  [ "$(soft_limit "$SUPERVISOR")" = 2000 ]
  [ "$(soft_limit "$(pid_of 1)")" = 300 ]
}

@test "--limit-nofile overrides the limit that tasuki was started with" {
  limited 300 2000
  supervise --interval=0 --limit-nofile=500
  wait_serving 1
  [ "$(soft_limit "$(pid_of 1)")" = 500 ]
}

@test "a check, a command of --on-event and a log command get the limit that tasuki was started with" {
  limited 300 2000
  supervise --interval=0 --check="ulimit -S -n >'$DIR/check'" \
    --on-event="ulimit -S -n >'$DIR/event'" --log-file="|ulimit -S -n >'$DIR/log-command'; exec cat >'$DIR/lines'"
  for name in check event log-command; do
    wait_until grep -qx 300 "$DIR/$name"
  done
}

@test "520 listeners serve under a limit of 1024" {
  limited 1024 1024
  paths 520
  supervise --interval=0 "${PATHS[@]}"
  wait_serving 1
  kill -HUP "$SUPERVISOR"
  wait_serving 2
}

@test "more listeners than the limit of open files can hold are refused at the start" {
  limited 200 200
  paths 300
  attempt "$PROGRAM" "${PATHS[@]}" -- true
  [ "$STATUS_CODE" = 1 ]
  grep -F "300 listeners need 327 descriptors, the limit is 200 (ulimit -n)" "$DIR/stderr"
}

@test "a deploy without descriptors fails once, says the limit, and leaves the old generation serving" {
  supervise --interval=0 --ready=notify --name=descriptors --control="$DIR/control"
  wait_serving 1
  local used
  used=$(find "/proc/$SUPERVISOR/fd" -mindepth 1 | wc -l)
  prlimit --pid "$SUPERVISOR" --nofile=$((used + 2)):1000
  attempt "$TASUKI" restart --control="$DIR/control"
  cat "$DIR/stdout" "$DIR/stderr"
  [ "$STATUS_CODE" = 1 ]
  grep -F "too many open files (the limit is $((used + 2)), see ulimit -n)" "$DIR/stdout" "$DIR/stderr" "$LOG"
  [ "$(grep -c 'too many open files' "$LOG")" = 1 ]
  wait_serving 1
}
