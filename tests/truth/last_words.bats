#!/usr/bin/env bats
# A failed worker's last words belong to the report; where they cannot be had, it says where the
# output went. --capture=on|off|auto.

# shellcheck disable=SC2016,SC2030,SC2031 # sh and jq expand them; each test is a process of its own
bats_require_minimum_version 1.5.0
load helper

setup() {
  setup_directory
  script any 'notify READY=1'
}

# last_words: of the deploy that fails now, as the result has them.
last_words() {
  "$TASUKI" restart --json app | jq -r 'select(.result) | .last_words'
}

# supervise_into COMMAND OPTION...: tasuki with its output in a pipe to COMMAND (no file to read back).
supervise_into() {
  local sink=$1
  shift
  mkfifo "$BATS_TEST_TMPDIR/pipe"
  sh -c "$sink" <"$BATS_TEST_TMPDIR/pipe" >>"$BATS_TEST_TMPDIR/sink" 2>&1 3>&- &
  STARTED+=("$!")
  "$TASUKI" --name=app --ready=notify --interval=0.1 "$@" -- "$ACTOR" "$DIR" </dev/null \
    >"$BATS_TEST_TMPDIR/pipe" 2>&1 3>&- &
  SUPERVISOR=$!
  STARTED+=("$SUPERVISOR")
}

no_zombies_below() { [ -z "$(pgrep --parent "$1" --runstates Z)" ]; }

# --- read back from a file ------------------------------------------------------------------------

@test "with standard error in a file: what the new worker wrote there, and nothing from before it" {
  script 1 'say words of generation 1' 'notify READY=1'
  script 2 'say words of generation 2' 'say the very last ones' 'exit 1'
  supervise --ready=notify --interval=0.1
  wait_until serves 1
  run last_words
  contains "$output" '^words of generation 2$' '^the very last ones$'
  run ! grep -E 'generation 1|tasuki' <<<"$output"
}

@test "with --log-file: the same, across a log rotation" {
  script 2 'say words of generation 2' 'exit 1'
  script 3 'say words of generation 3' 'exit 1'
  supervise --ready=notify --interval=0.1 --log-file="$BATS_TEST_TMPDIR/service.log"
  wait_until serves 1
  [ "$(last_words)" = 'words of generation 2' ]
  mv "$BATS_TEST_TMPDIR/service.log" "$BATS_TEST_TMPDIR/service.log.1"
  "$TASUKI" reopen app
  [ "$(last_words)" = 'words of generation 3' ]
}

@test "of a worker that says much, the end" {
  script 2 'flood 5000' 'say the end of it' 'exit 1'
  supervise --ready=notify --interval=0.1
  wait_until serves 1
  run last_words
  contains "$output" 'err 2 5000' '^the end of it$'
  [ ${#output} -lt 10000 ]
}

@test "of one that says nothing: where its output went" {
  script 2 'exit 1'
  supervise --ready=notify --interval=0.1
  wait_until serves 1
  deploy_fails
  contains "$output" "output went to the file $LOG"
}

@test "words that are not UTF-8 are shown all the same" {
  script 2 "say $(printf 'caf\351 is closed \377')" 'exit 1'
  supervise --ready=notify --interval=0.1
  wait_until serves 1
  deploy_fails
  contains "$output" 'is closed'
}

@test "words with control characters do no harm to a terminal" {
  script 2 "say $(printf '\033]0;owned\a\033[2J')gone" 'exit 1'
  supervise --ready=notify --interval=0.1
  wait_until serves 1
  deploy_fails
  contains "$output" 'gone'
  run ! grep -q "$(printf '[\033\a]')" <<<"$output"
}

@test "a worker that is not ready in time has last words, too" {
  script 2 'say waiting for the database'
  supervise --ready=notify --interval=0.1 --ready-timeout=3
  wait_until serves 1
  deploy_fails
  contains "$output" 'waiting for the database'
}

@test "the words of a failed deploy are not those of one before" {
  script 2 'say words of generation 2' 'exit 1'
  script 3 'exit 1'
  supervise --ready=notify --interval=0.1
  wait_until serves 1
  run last_words
  contains "$output" 'generation 2'
  run last_words
  run ! grep 'words of generation 2' <<<"$output"
}

@test "off: a worker outlives a supervisor that is killed, and may go on writing" {
  local out=$BATS_TEST_TMPDIR/log
  supervise --ready=notify --capture=auto --log-file="$out"
  wait_until serves 1
  kill -KILL "$SUPERVISOR"
  wait_until gone "$SUPERVISOR"
  tell 1 'say still here' 'print still there'
  wait_until log_has '^still here$'
  wait_until log_has '^still there$'
  kill -TERM "$(pid_of 1)"
  wait_until gone "$(pid_of 1)"
}

# --- where nothing can be read back ---------------------------------------------------------------

@test "with standard error in a pipe and no capture: the report says that it went there" {
  script 2 'say into the pipe' 'exit 1'
  supervise_into cat
  wait_until serves 1
  deploy_fails
  contains "$output" 'output went to the supervisor.s standard error, a pipe'
  run ! grep 'into the pipe' <<<"$output"
}

@test "on a terminal: the report says which" {
  script 2 'say onto the terminal' 'exit 1'
  start env script --quiet --command "exec $TASUKI --name=app --ready=notify --interval=0.1 -- $ACTOR $DIR" /dev/null
  wait_until serves 1
  deploy_fails
  contains "$output" "output went to the supervisor's terminal, /dev/pts/[0-9]+"
}

@test "with the journal: the report has the command that shows it" {
  script 2 'exit 1'
  cat >"$DIR/service" <<END
#!/bin/sh
JOURNAL_STREAM=\$(stat --dereference --format=%d:%i /proc/self/fd/2)
export JOURNAL_STREAM
exec '$TASUKI' --name=app --ready=notify --interval=0.1 -- '$ACTOR' '$DIR'
END
  chmod +x "$DIR/service"
  start socat -u "EXEC:$DIR/service,stderr" "CREATE:$BATS_TEST_TMPDIR/journal"
  wait_until serves 1
  deploy_fails
  contains "$output" "journalctl _PID=$(pid_of 2)"
}

# --- capture --------------------------------------------------------------------------------------

@test "capture=on: the last words are shown, though standard error is a pipe" {
  script 2 'say captured words' 'exit 1'
  supervise_into cat --capture=on
  wait_until serves 1
  [ "$(last_words)" = 'captured words' ]
  wait_until file_has "$BATS_TEST_TMPDIR/sink" '^captured words$'
}

@test "capture=on: both streams arrive, complete and in their order" {
  start_server_of_two_streams
  tell 1 'flood 20000' "run touch $DIR/flooded"
  wait_until test -e "$DIR/flooded"
  wait_until file_has "$BATS_TEST_TMPDIR/out" '^out 1 20000$'
  wait_until file_has "$BATS_TEST_TMPDIR/err" '^err 1 20000$'
  grep '^out 1 ' "$BATS_TEST_TMPDIR/out" | cut -d ' ' -f 3 | cmp - <(seq 20000)
  grep '^err 1 ' "$BATS_TEST_TMPDIR/err" | cut -d ' ' -f 3 | cmp - <(seq 20000)
  run ! grep '^err' "$BATS_TEST_TMPDIR/out"
  run ! grep '^out' "$BATS_TEST_TMPDIR/err"
}

start_server_of_two_streams() {
  "$TASUKI" --name=app --ready=notify --interval=0.1 --capture=on -- "$ACTOR" "$DIR" </dev/null \
    >"$BATS_TEST_TMPDIR/out" 2>"$BATS_TEST_TMPDIR/err" 3>&- &
  SUPERVISOR=$!
  STARTED+=("$SUPERVISOR")
  wait_until serves 1
}

@test "capture=on: what a worker writes at its very end arrives, at a deploy" {
  printf 'flood 300\nexit 0\n' >"$DIR/term"
  start_server_of_two_streams
  deploy_succeeds
  wait_until file_has "$BATS_TEST_TMPDIR/err" '^err 1 300$'
  wait_until file_has "$BATS_TEST_TMPDIR/out" '^out 1 300$'
}

@test "capture=on: what a worker writes at its very end arrives, at the stop" {
  printf 'flood 300\nexit 0\n' >"$DIR/term"
  start_server_of_two_streams
  stop_supervisor 0
  [ "$(count_in "$BATS_TEST_TMPDIR/out" '^out 1 ')" -eq 300 ]
  [ "$(count_in "$BATS_TEST_TMPDIR/err" '^err 1 ')" -eq 300 ]
}

@test "capture=on: what a child of a worker writes later arrives, too" {
  script 1 'notify READY=1' "run (while [ ! -e $DIR/child-speaks ] && [ -d $DIR ]; do sleep 0.05; done; echo late words >&2) &"
  supervise_into cat --capture=on
  wait_until serves 1
  deploy_succeeds
  touch "$DIR/child-speaks"
  wait_until file_has "$BATS_TEST_TMPDIR/sink" '^late words$'
}

@test "capture=on: a log that stalls blocks neither the supervisor nor a deploy, and loses nothing" {
  supervise_into "until test -e $DIR/read; do sleep 0.05; done; exec cat" --capture=on
  wait_until serves 1
  # 20,000 lines are more than the pipes between the worker and the log can hold.
  tell 1 'flood 10000'
  sleep 1
  status .state
  run -0 timeout 20 "$TASUKI" status app
  kill -HUP "$SUPERVISOR"
  wait_until current_is 2
  touch "$DIR/read"
  wait_until serves 2
  wait_until file_has "$BATS_TEST_TMPDIR/sink" '^err 1 10000$'
  grep '^err 1 ' "$BATS_TEST_TMPDIR/sink" | cut -d ' ' -f 3 | cmp - <(seq 10000)
}

@test "capture=on: a log whose reader is gone ends neither the supervisor nor the workers" {
  supervise_into "until test -e $DIR/leave; do sleep 0.05; done" --capture=on
  wait_until serves 1
  touch "$DIR/leave"
  tell 1 'flood 5000' "run touch $DIR/flooded"
  wait_until test -e "$DIR/flooded"
  deploy_succeeds
}

@test "capture=on: memory does not grow with what is written" {
  supervise_into 'cat >/dev/null' --capture=on
  wait_until serves 1
  tell 1 'flood 1000' "run touch $DIR/first"
  wait_until test -e "$DIR/first"
  local before after
  before=$(memory)
  tell 1 'flood 200000' "run touch $DIR/second"
  wait_until test -e "$DIR/second"
  after=$(memory)
  echo "$before kB before, $after kB after"
  [ "$after" -lt $((before + 2048)) ]
}

memory() { sed -n 's/^VmRSS:[^0-9]*\([0-9]*\) kB/\1/p' "/proc/$SUPERVISOR/status"; }

@test "capture=auto: as PID 1 the output is captured" {
  unshare --pid --fork --mount-proc true 2>/dev/null || skip "needs the right to make a pid namespace"
  script 2 'say captured by PID 1' 'exit 1'
  mkfifo "$BATS_TEST_TMPDIR/pipe"
  cat <"$BATS_TEST_TMPDIR/pipe" >"$BATS_TEST_TMPDIR/sink" 3>&- &
  STARTED+=("$!")
  unshare --pid --fork --mount-proc --kill-child "$TASUKI" --name=app --ready=notify --interval=0.1 \
    -- "$ACTOR" "$DIR" </dev/null >"$BATS_TEST_TMPDIR/pipe" 2>&1 3>&- &
  STARTED+=("$!")
  wait_until serves 1
  [ "$(status .pid)" = 1 ]
  [ "$(last_words)" = 'captured by PID 1' ]
  wait_until file_has "$BATS_TEST_TMPDIR/sink" '^captured by PID 1$'
  run -0 "$TASUKI" stop app
}

@test "capture=auto: as PID 1, orphans are buried and no deploy minds them" {
  unshare --pid --fork --mount-proc true 2>/dev/null || skip "needs the right to make a pid namespace"
  script any 'orphan' 'notify READY=1'
  start unshare --pid --fork --mount-proc --kill-child "$TASUKI" --name=app --ready=notify --interval=0.1 -- "$ACTOR" "$DIR"
  local first=$PID
  wait_until serves 1
  run -0 "$TASUKI" restart app
  serves 2
  tell 2 'run for i in 1 2 3 4 5; do (sh -c "sleep 0.1 &"); done'
  wait_until no_zombies_below "$(children "$first" | head -n 1)"
  run -0 "$TASUKI" stop app
}

@test "capture=auto: anywhere else it is off" {
  supervise_into cat --capture=auto
  wait_until serves 1
  [ "$(readlink "/proc/$(pid_of 1)/fd/2")" = "$(readlink "/proc/$SUPERVISOR/fd/2")" ]
}
