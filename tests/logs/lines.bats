#!/usr/bin/env bats
# The supervisor's own lines: which there are, how they look, and what is in front of them.

# shellcheck disable=SC2030,SC2031,SC2034 # each test is a process of its own; the helper reads these
load helper

# --- text ---

@test "every line of the supervisor's has a time, its name and its pid" {
  use_quiet_worker
  supervise --interval=0
  wait_serving 1
  stop_service
  [ "$(wc -l <"$LOG")" -ge 6 ]
  lacks_other_lines "^$TIME tasuki\[$SUPERVISOR\]: "
}

# lacks_other_lines REGEX: every line of the log is like this.
lacks_other_lines() {
  if grep -Ev "$1" "$LOG"; then
    return 1
  fi
}

@test "times are UTC, whatever the time zone" {
  use_quiet_worker
  export TZ=JST-9
  supervise --interval=0
  wait_serving 1
  log_has "^$(date --utc +%Y-%m-%dT%H:).*Z tasuki"
}

@test "the error of a command line is not a line of the log: it has no time" {
  attempt "$TASUKI" --log-level=loud -- "$HELLO"
  equal "$STATUS_CODE" 2
  equal "$(cat "$DIR/stderr")" \
    "tasuki: --log-level: expected error, warning, info or debug, got 'loud'"
  attempt "$TASUKI" --log-format=xml -- "$HELLO"
  equal "$(cat "$DIR/stderr")" "tasuki: --log-format: expected text or json, got 'xml'"
  attempt "$TASUKI" --path="$DIR/no/socket" --log-format=json -- "$HELLO"
  has "$DIR/stderr" '^tasuki: cannot listen on '
}

# --- levels ---

# failing_deploy LEVEL: a service, and a deploy that fails.
failing_deploy() {
  use_failing_worker
  supervise --interval=0.1 --log-level="$1" --control="$DIR/control"
  wait_until status_is 1
  touch "$DIR/fail"
  STATUS_CODE=0
  ctl restart >/dev/null 2>&1 || STATUS_CODE=$?
  equal "$STATUS_CODE" 1
}

@test "--log-level=error leaves out all that is no error, and warning what is no warning" {
  failing_deploy error
  equal "$(grep -c 'tasuki\[' "$LOG")" 1
  log_has 'error: deploy 1 failed: the new worker died before it was ready'
  stop_service
  rm "$LOG" "$DIR/fail"
  failing_deploy warning
  log_has 'error: deploy 1 failed'
  log_has 'warning: generation 2: worker [0-9]+ exited with status 3 before it was ready'
  lacks "$LOG" 'worker [0-9]+ is ready'
}

@test "--log-level=debug tells each step, and the usual level does not" {
  supervise --interval=0 --log-level=debug
  wait_serving 1
  stop_service
  log_has 'debug: event exited, generation [0-9]+, pid [1-9][0-9]*'
  log_has 'debug: action spawn, generation 1'
  rm "$LOG"
  supervise --interval=0
  wait_serving 1
  lacks "$LOG" 'debug'
}

# --- JSON ---

@test "with --log-format=json each line is an object with its facts" {
  use_quiet_worker
  supervise --interval=0 --log-format=json
  wait_until log_has ready
  wait_until status_is 1
  kill -HUP "$SUPERVISOR"
  wait_until log_has 'deploy 1 succeeded'
  stop_service
  equal "$(jq -s 'map(select(.time and .level and .message | not)) | length' "$LOG")" 0
  equal "$(jq -s "map(select(.supervisor != $SUPERVISOR)) | length" "$LOG")" 0
  # shellcheck disable=SC2016 # for jq to expand
  equal "$(jq -s --arg time "^$TIME\$" 'map(select(.time | test($time) | not)) | length' "$LOG")" 0
  jq -se 'any(.[]; .event == "ready" and .generation == 2 and .pid > 1 and .level == "info")' "$LOG"
  jq -se 'any(.[]; .event == "deploy-succeeded")' "$LOG"
}

@test "what a check says is a line each, valid UTF-8 whatever it was" {
  make_worker check <<'END'
#!/bin/sh
printf 'one "quoted"\n\ntwo \377\n\033[31mthree'
exit 1
END
  use_quiet_worker
  start "$TASUKI" --path="$SOCKET" --interval=0 --log-format=json --check="$DIR/check" -- \
    "${WORKER[@]}"
  ended "$PID"
  [ "$STATUS_CODE" -ne 0 ]
  equal "$(jq -sc 'map(.message | select(startswith("check: ")))' "$LOG")" \
    "$(jq -nc '["check: one \"quoted\"", "check: ", "check: two \ufffd", "check: \u001b[31mthree"]')"
  rm "$LOG"
  start "$TASUKI" --path="$SOCKET" --interval=0 --check="$DIR/check" -- "${WORKER[@]}"
  ended "$PID"
  log_has "^$TIME tasuki\[$PID\]: error: check: \\\\x1b\[31mthree\$"
}

@test "with JSON, too, a failed worker's last words are its own and not the supervisor's" {
  make_worker worker <<END
#!/bin/sh
if [ -e '$DIR/fail' ]; then echo 'cannot go on'; exit 3; fi
exec '$HELLO'
END
  WORKER=("$DIR/worker")
  supervise --interval=0.1 --log-format=json --control="$DIR/control"
  wait_until status_is 1
  touch "$DIR/fail"
  ctl restart >"$DIR/said" 2>&1 || true
  has "$DIR/said" 'cannot go on'
  lacks "$DIR/said" '"supervisor"'
}

# --- where it goes ---

# in_journal [OPTION...]: the service with a standard error that says it is the journal's.
in_journal() {
  make_worker service <<END
#!/bin/sh
JOURNAL_STREAM=\$(stat --dereference --format=%d:%i /proc/self/fd/2)
export JOURNAL_STREAM
exec "\$@"
END
  use_quiet_worker
  socat -u "EXEC:'$DIR/service $TASUKI --path=$SOCKET --status-file=$STATUS_FILE --pid-file=$PID_FILE --interval=0 $* -- ${WORKER[*]}',stderr" \
    "CREATE:$LOG" 3>&- &
  PID=$!
  wait_serving 1
  SUPERVISOR=$(cat "$PID_FILE")
  STARTED+=("$SUPERVISOR" "$PID")
}

@test "in the journal a line has its priority in front, and neither time nor name" {
  in_journal
  wait_until log_has 'is ready'
  lacks_other_lines '^<6>(listening|generation|deploy)'
}

@test "in the journal an object has its priority in front" {
  in_journal --log-format=json
  wait_until log_has 'is ready'
  lacks_other_lines '^<6>\{"time"'
}

@test "JOURNAL_STREAM of another stream, as with --log-file, makes no difference" {
  use_quiet_worker
  export JOURNAL_STREAM=1:2
  supervise --interval=0
  wait_serving 1
  lacks_other_lines "^$TIME tasuki"
}

# on_terminal [VARIABLE=VALUE...]: the service on a terminal, whose output is in $LOG.
on_terminal() {
  use_quiet_worker
  start env TERM=xterm "$@" script --quiet --command "exec $TASUKI --path=$SOCKET \
    --pid-file=$PID_FILE --status-file=$STATUS_FILE --interval=0 -- ${WORKER[*]}" /dev/null
  wait_serving 1
  wait_until log_has 'is ready'
  STARTED=("$(cat "$PID_FILE")" "${STARTED[@]}")
}

@test "on a terminal lines have colours" {
  on_terminal
  log_has $'^\033\[2m'"$TIME tasuki\[[0-9]+\]: "$'\033\[0m'
}

@test "on a terminal there are no colours with NO_COLOR or where TERM is dumb" {
  on_terminal NO_COLOR=1
  lacks "$LOG" $'\033'
  log_has "^$TIME tasuki"
  kill_started
  rm "$LOG"
  on_terminal TERM=dumb
  lacks "$LOG" $'\033'
}

@test "an empty NO_COLOR is as none" {
  on_terminal NO_COLOR=
  log_has $'\033'
}
