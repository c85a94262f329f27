#!/usr/bin/env bats
# What a deploy does: --check, --deploy-attempts, --probation, --kill-timeout, --kill-mode, --max-old,
# and what follows a crash: --start-limit, --backoff.

# shellcheck disable=SC2016,SC2030,SC2031 # sh and jq expand them; each test is a process of its own
bats_require_minimum_version 1.5.0
load helper

# ready_workers OPTION...: actors that say that they are ready, so that nothing waits for an interval.
ready_workers() {
  [ -e "$DIR/start" ] || script any 'notify READY=1'
  supervise --ready=notify --interval="${INTERVAL:-0.1}" "$@"
}

# --- --check --------------------------------------------------------------------------------------

@test "--check that fails: the deploy fails, nothing was touched, and what it printed is in the report" {
  touch "$DIR/good"
  ready_workers --check="echo checking the config; echo 'line 7: no such directive' >&2; test -e $DIR/good"
  wait_until serves 1
  rm "$DIR/good"
  deploy_fails
  contains "$output" 'checking the config' 'line 7: no such directive' 'generation 1 is still serving' 'check'
  serves 1
  never_began 2
  was_never_signalled 1
  log_has 'the check exited with status 1'
}

@test "--check before the first start: one that fails leaves nothing started and exit status 1, with its words in the log" {
  ready_workers --check='echo wrong from the beginning; exit 5'
  ends_with 1 "$SUPERVISOR"
  never_began 1
  log_has 'wrong from the beginning$'
  log_has 'the check exited with status 5'
  [ ! -e "$SOCKET" ]
}

@test "--check before the first start of a daemon: who started it learns that it failed" {
  run -1 "$TASUKI" --name=app --daemonize --log-file="$LOG" --check='echo no good; exit 5' -- "$ACTOR" "$DIR"
  contains "$output" 'check'
}

@test "--check that hangs is killed at --check-timeout, with all that it started, and the deploy fails" {
  touch "$DIR/quick"
  ready_workers --check-timeout=0.5 \
    --check="test -e $DIR/quick || { echo half way; sleep 3600 & echo \$! >$DIR/sleeper; wait; }"
  wait_until serves 1
  rm "$DIR/quick"
  deploy_fails
  contains "$output" 'half way' 'timed out'
  wait_until gone "$(cat "$DIR/sleeper")"
  serves 1
}

@test "--check that passes is followed by the new generation, and runs once for each deploy" {
  ready_workers --check="echo x >>$DIR/checks"
  wait_until serves 1
  deploy_succeeds
  serves 2
  [ "$(wc -l <"$DIR/checks")" -eq 2 ]
}

@test "--check that prints without end does not fill the supervisor's memory or its patience" {
  ready_workers --check-timeout=1 --check="test ! -e $DIR/endless || yes 'and on'"
  wait_until serves 1
  touch "$DIR/endless"
  deploy_fails
  contains "$output" 'and on'
  serves 1
}

@test "a stop while the check runs is obeyed at once, and ends the check" {
  ready_workers --check="test ! -e $DIR/long || { echo \$\$ >$DIR/checker; sleep 3600; true; }"
  wait_until serves 1
  touch "$DIR/long"
  in_background "$BATS_TEST_TMPDIR/restart" "$TASUKI" restart app
  wait_until test -s "$DIR/checker"
  stop_supervisor 0
  ends_with 5 "$CLIENT"
  wait_until gone "$(cat "$DIR/checker")"
}

@test "a HUP while the check runs is one more deploy" {
  ready_workers --check="until test -e $DIR/go; do sleep 0.05; done"
  touch "$DIR/go"
  wait_until serves 1
  rm "$DIR/go"
  kill -HUP "$SUPERVISOR"
  wait_until log_has 'running the check'
  wait_until status_is .deploy.id 1
  kill -HUP "$SUPERVISOR"
  wait_until log_has 'deploy [0-9]+ is queued'
  touch "$DIR/go"
  wait_until serves 3
}

@test "a crash while the check runs is mended meanwhile" {
  ready_workers --check="until test -e $DIR/go; do sleep 0.05; done"
  touch "$DIR/go"
  wait_until serves 1
  rm "$DIR/go"
  in_background "$BATS_TEST_TMPDIR/restart" "$TASUKI" restart app
  wait_until status_is .deploy.id 1
  tell 1 'exit 1'
  wait_until serves 2
  touch "$DIR/go"
  ends_with 0 "$CLIENT"
  serves 3
}

# --- --deploy-attempts ----------------------------------------------------------------------------

@test "a worker that dies at its start: the deploy fails after one attempt, and the old one serves on" {
  ready_workers
  wait_until serves 1
  script 2 'say cannot open the database' 'exit 3'
  deploy_fails
  contains "$output" 'died' 'cannot open the database' 'generation 1 is still serving'
  serves 1
  never_began 3
  was_never_signalled 1
}

@test "--deploy-attempts=N: so many new generations are tried, and the deploy succeeds with the first good one" {
  ready_workers --deploy-attempts=3
  wait_until serves 1
  script 2 'exit 3'
  script 3 'exit 3'
  deploy_succeeds
  serves 4
}

@test "--deploy-attempts=N: when they are used up, the deploy has failed, and the old one serves on, untouched" {
  ready_workers --deploy-attempts=3
  wait_until serves 1
  script any 'exit 3'
  deploy_fails
  serves 1
  begins 4
  never_began 5
  was_never_signalled 1
}

@test "--deploy-attempts=0 tries without end, and a request made meanwhile is the next attempt at once" {
  INTERVAL=3600 ready_workers --deploy-attempts=0
  wait_until serves 1
  script 2 'exit 3'
  in_background "$BATS_TEST_TMPDIR/restart" "$TASUKI" restart app
  wait_until log_has 'restarting in'
  deploy_succeeds
  ends_with 0 "$CLIENT"
  serves 3
}

@test "a command that has gone: the deploy fails, and says why" {
  script any 'notify READY=1'
  cp "$ACTOR" "$DIR/server"
  start "$TASUKI" --name=app --ready=notify --interval=0 -- "$DIR/server" "$DIR"
  SUPERVISOR=$PID
  wait_until serves 1
  mv "$DIR/server" "$DIR/elsewhere"
  deploy_fails
  contains "$output" 'not found' 'generation 1 is still serving'
  serves 1
  mv "$DIR/elsewhere" "$DIR/server"
  deploy_succeeds
}

@test "a request that comes while a new worker dies is answered all the same" {
  script any 'notify READY=1'
  script 2 'sleep 0'
  # From the second request on, the supervisor is held up for a moment behind the read, so that the
  # worker's death comes between the request and what is made of it.
  ASAN_OPTIONS=$ASAN_OPTIONS:detect_leaks=0 \
    start strace -o "$BATS_TEST_TMPDIR/trace" -e trace=recvfrom \
    -e inject=recvfrom:delay_exit=1000000:when=2+ \
    "$TASUKI" --name=app --ready=notify --interval=1 --deploy-attempts=2 -- "$ACTOR" "$DIR"
  wait_until log_has 'generation 1: worker [0-9]+ is ready'
  in_background "$BATS_TEST_TMPDIR/first" "$TASUKI" restart app
  local first=$CLIENT
  wait_until plays 2
  in_background "$BATS_TEST_TMPDIR/second" "$TASUKI" restart app
  wait_until file_has "$BATS_TEST_TMPDIR/trace" 'restart.*DELAYED'
  kill -KILL "$(pid_of 2)"
  ends_with 0 "$first"
  ends_with 0 "$CLIENT"
}

# --- --probation ----------------------------------------------------------------------------------

@test "--probation: the old generation is signalled only when the new one has lived so long" {
  ready_workers --probation=1
  wait_until serves 1
  "$TASUKI" restart --json app >"$BATS_TEST_TMPDIR/restart"
  serves 2
  was_signalled 1 TERM
  jq -es 'map(select(.event)) | map({key: .event, value: .time}) | from_entries | .signalled - .ready >= 0.99' <"$BATS_TEST_TMPDIR/restart"
}

@test "--probation: one that dies within it: the deploy has failed, and the old one is current again, untouched" {
  ready_workers --probation=3600
  wait_until serves 1
  in_background "$BATS_TEST_TMPDIR/restart" "$TASUKI" restart app
  wait_until current_is 2
  tell 2 'say lost my database' 'exit 3'
  ends_with 1 "$CLIENT"
  contains "$(cat "$BATS_TEST_TMPDIR/restart")" 'lost my database' 'generation 1 is still serving'
  serves 1
  was_never_signalled 1
}

@test "--probation: the old one that dies within it is not missed" {
  ready_workers --probation=3600
  wait_until serves 1
  in_background "$BATS_TEST_TMPDIR/restart" "$TASUKI" restart app
  wait_until current_is 2
  tell 1 'exit 1'
  ends_with 0 "$CLIENT"
  serves 2
}

@test "--probation: both die within it: there is a new one soon, and one outcome" {
  ready_workers --probation=3600
  wait_until serves 1
  in_background "$BATS_TEST_TMPDIR/restart" "$TASUKI" restart --json app
  wait_until current_is 2
  kill -STOP "$SUPERVISOR"
  kill -KILL "$(pid_of 1)" "$(pid_of 2)"
  kill -CONT "$SUPERVISOR"
  wait_until serves 3
  wait_until gone "$CLIENT"
  [ "$(count_in "$BATS_TEST_TMPDIR/restart" '"result"')" -eq 1 ]
}

@test "--probation: a stop within it is obeyed at once" {
  ready_workers --probation=3600
  wait_until serves 1
  kill -HUP "$SUPERVISOR"
  wait_until current_is 2
  stop_supervisor 0
  was_signalled 1 TERM
  was_signalled 2 TERM
}

@test "--kill-old-delay is longer than the probation where it says so" {
  ready_workers --probation=0.1 --kill-old-delay=3600
  wait_until serves 1
  kill -HUP "$SUPERVISOR"
  wait_until log_has 'signalling older workers in 3600'
}

# --- --kill-timeout, --kill-mode, --max-old -------------------------------------------------------

@test "without --kill-timeout a worker that ignores TERM is waited for" {
  ready_workers
  wait_until serves 1
  tell 1 'ignore TERM' "run touch $DIR/ignores"
  wait_until test -e "$DIR/ignores"
  run -4 "$TASUKI" restart --timeout=1 app
  current_is 2
  [ "$(status '.generations[0].state')" = stopping ]
  tell 1 'exit 0'
  wait_until serves 2
}

@test "--kill-timeout: a worker that ignores TERM is killed, and the deploy has succeeded" {
  ready_workers --kill-timeout=0.5
  wait_until serves 1
  tell 1 'ignore TERM' "run touch $DIR/ignores"
  wait_until test -e "$DIR/ignores"
  deploy_succeeds
  serves 2
  log_has "generation 1: sent KILL to worker $(pid_of 1)"
}

@test "--kill-timeout: a worker that leaves in time is not killed" {
  ready_workers --kill-timeout=3600
  wait_until serves 1
  deploy_succeeds
  run ! log_has 'sent KILL'
}

@test "--kill-timeout holds at a stop, too" {
  ready_workers --kill-timeout=0.5
  wait_until serves 1
  tell 1 'ignore TERM' "run touch $DIR/ignores"
  wait_until test -e "$DIR/ignores"
  stop_supervisor 0
  gone "$(pid_of 1)"
}

@test "--kill-timeout: EXTEND_TIMEOUT_USEC gives a worker more time to leave" {
  printf 'notify EXTEND_TIMEOUT_USEC=3600000000\nsleep 1.5\nexit 0\n' >"$DIR/term"
  ready_workers --kill-timeout=1
  wait_until serves 1
  deploy_succeeds
  run ! log_has 'sent KILL'
}

@test "--kill-timeout: EXTEND_TIMEOUT_USEC never shortens the time that there is" {
  printf 'notify EXTEND_TIMEOUT_USEC=100000\nsleep 0.8\nexit 0\n' >"$DIR/term"
  ready_workers --kill-timeout=3600
  wait_until serves 1
  deploy_succeeds
  run ! log_has 'sent KILL'
}

@test "--kill-mode=process: the children of a worker are its own affair" {
  script 1 'child' 'notify READY=1' 'ignore TERM'
  ready_workers --kill-timeout=0.3
  script any 'notify READY=1'
  wait_until serves 1
  deploy_fails || true
  wait_until log_has 'sent KILL'
  wait_until gone "$(pid_of 1)"
  run ! gone "$(child_of 1)"
}

@test "--kill-mode=group: its children are killed with it" {
  script 1 'child' 'orphan' 'notify READY=1' 'ignore TERM'
  ready_workers --kill-timeout=0.3 --kill-mode=group
  script any 'notify READY=1'
  wait_until serves 1
  deploy_succeeds
  gone "$(pid_of 1)"
  wait_until gone "$(child_of 1)"
  wait_until gone "$(orphan_of 1)"
}

@test "--kill-mode=group: what a worker that died by itself has left behind is killed as well" {
  script 1 'child' 'notify READY=1'
  ready_workers --kill-mode=group
  script any 'notify READY=1'
  wait_until serves 1
  tell 1 'exit 1'
  wait_until serves 2
  wait_until gone "$(child_of 1)"
}

@test "--kill-mode=group: neither the supervisor nor the other generation is in the group" {
  script 1 'notify READY=1' 'ignore TERM'
  script 2 'child' 'notify READY=1'
  ready_workers --kill-timeout=0.3 --kill-mode=group
  wait_until serves 1
  deploy_succeeds
  serves 2
  run ! gone "$(child_of 2)"
  run ! gone "$SUPERVISOR"
}

@test "a worker that leaves orphans behind: the deploy succeeds without them" {
  script 1 'orphan' 'notify READY=1'
  ready_workers
  script any 'notify READY=1'
  wait_until serves 1
  deploy_succeeds
  serves 2
  run ! gone "$(orphan_of 1)"
}

@test "--max-old=N: when more linger, the oldest is killed" {
  script any 'ignore TERM' 'notify READY=1'
  ready_workers --max-old=2
  wait_until serves 1
  for generation in 2 3 4; do
    kill -HUP "$SUPERVISOR"
    wait_until current_is "$generation"
  done
  wait_until status_is '[.generations[].number] | join(",")' '2,3,4'
  gone "$(pid_of 1)"
  run ! gone "$(pid_of 2)"
  run ! gone "$(pid_of 3)"
}

# --- a serving generation that dies ---------------------------------------------------------------

@test "a serving worker that dies is replaced at once the first time, then after growing pauses" {
  script any 'notify READY=1'
  supervise --ready=notify --interval=0.2
  wait_until serves 1
  tell 1 'exit 1'
  wait_until serves 2
  run ! log_has 'restarting in'
  tell 2 'exit 1'
  wait_until serves 3
  log_has 'restarting in 0.2 s|restarting in 200 ms'
  tell 3 'exit 1'
  wait_until serves 4
  log_has 'restarting in 0.4 s|restarting in 400 ms'
}

@test "a request does not wait for the pause that crashes have earned" {
  script 1 'exit 1'
  script any 'notify READY=1'
  supervise --ready=notify --interval=3600
  wait_until log_has 'restarting in'
  deploy_succeeds
  serves 2
}

@test "--start-limit: after so many deaths in so short a time the supervisor gives up with exit status 10" {
  script any 'say failing' 'exit 1'
  supervise --interval=0.1 --start-limit=3/1h
  ends_with 10 "$SUPERVISOR"
  begins 3
  never_began 4
  log_has 'giving up'
  [ ! -e "$SOCKET" ]
}

@test "--start-limit: who waits for a deploy is told, and the client ends" {
  script 1 'notify READY=1'
  script any 'exit 1'
  supervise --ready=notify --interval=0.1 --start-limit=2/1h --deploy-attempts=0 --kill-timeout=1
  wait_until serves 1
  in_background "$BATS_TEST_TMPDIR/restart" "$TASUKI" restart app
  wait_until begins 3
  tell 1 'exit 1'
  wait_until gone "$SUPERVISOR"
  wait_until gone "$CLIENT"
  wait "$CLIENT" && return 1
  wait "$SUPERVISOR" || [ $? -eq 10 ]
}

@test "--start-limit: deaths of a deploy's attempts are no reason to give up while the old one serves" {
  ready_workers --start-limit=2/1h --deploy-attempts=5
  wait_until serves 1
  script any 'exit 1'
  deploy_fails
  serves 1
}

@test "--start-limit: fewer deaths than that are forgotten after the time" {
  script any 'notify READY=1'
  supervise --ready=notify --interval=0.1 --start-limit=2/500ms
  wait_until serves 1
  tell 1 'exit 1'
  wait_until serves 2
  sleep 1
  tell 2 'exit 1'
  wait_until serves 3
}

# --- many requests --------------------------------------------------------------------------------

@test "a hundred HUPs in a row end in one generation that serves" {
  ready_workers --kill-timeout=5
  wait_until serves 1
  for _ in {1..100}; do kill -HUP "$SUPERVISOR"; done
  wait_until status_is '.deploy == null and (.generations | length) == 1' 'true'
  [ "$(status '[.generations[].state] | join(",")')" = serving ]
}

@test "the service answers through succeeding, failing and rolled back deploys" {
  local port
  port=$(free_port)
  script any 'notify READY=1'
  script 3 'exit 1'
  script 4 'notify READY=1' 'sleep 0.1' 'exit 1'
  supervise --ready=notify --interval=0.1 --probation=0.3 --port="127.0.0.1:$port"
  wait_until serves 1
  in_background "$BATS_TEST_TMPDIR/visitor" "$ROOT/tests/truth/workers/visitor" "http://127.0.0.1:$port/" "$DIR/visit"
  deploy_succeeds
  deploy_fails
  deploy_fails
  deploy_succeeds
  rm "$DIR/visit"
  ends_with 0 "$CLIENT"
  serves 5
}
