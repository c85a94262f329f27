#!/usr/bin/env bats
# Ready means ready: --ready=MODE, --ready-timeout, --ready-interval.

# shellcheck disable=SC2016,SC2030,SC2031 # sh and jq expand them; each test is a process of its own
bats_require_minimum_version 1.5.0
load helper

# --- delay ----------------------------------------------------------------------------------------

@test "delay: a worker is ready when it has lived for the interval, and not before" {
  supervise --ready=delay --interval=0.5
  wait_until log_has 'generation 1: worker [0-9]+ is ready'
  [ "$(status '.generations[0].ready_after > 0.45')" = true ]
}

@test "delay: what a worker says to NOTIFY_SOCKET does not make it ready" {
  supervise --ready=delay --watchdog=3600 --interval=3600
  tell 1 'notify READY=1\nSTATUS=heard'
  wait_until status_is '.generations[0].text' 'heard'
  [ "$(status .state)" = starting ]
}

@test "delay: no socket of ours stands in NOTIFY_SOCKET, nor the supervisor's own" {
  NOTIFY_SOCKET=@outside supervise_command --ready=delay --interval=0 -- sh -c 'echo "has ${NOTIFY_SOCKET-none}"; exec sleep 3600'
  wait_until log_has '^has none$'
}

# --- notify ---------------------------------------------------------------------------------------

@test "notify: a worker is ready when it says READY=1, however long it has lived" {
  supervise --ready=notify --interval=0
  wait_until plays 1
  [ "$(status .state)" = starting ]
  tell 1 'notify READY=1'
  wait_until serves 1
}

@test "notify: a worker is ready before its interval is over when it says so" {
  script any 'notify READY=1'
  supervise --ready=notify --interval=3600
  wait_until serves 1
}

@test "notify: an old generation is signalled only after the new one has said READY=1" {
  script 1 'notify READY=1'
  supervise --ready=notify --interval=0
  wait_until serves 1
  kill -HUP "$SUPERVISOR"
  wait_until plays 2
  current_is 1
  was_never_signalled 1
  tell 2 'notify READY=1'
  wait_until serves 2
  was_signalled 1 TERM
}

@test "notify: systemd-notify of a shell script makes its generation ready" {
  supervise_command --ready=notify --interval=0 -- sh -c 'systemd-notify --ready --status="from a shell"; exec sleep 3600'
  wait_until serves 1
  [ "$(status '.generations[0].text')" = 'from a shell' ]
}

@test "notify: Python's systemd module makes its generation ready" {
  supervise_command --ready=notify --interval=0 -- /usr/bin/python3 -c '
import systemd.daemon, time
systemd.daemon.notify("READY=1\nSTATUS=from Python")
time.sleep(3600)'
  wait_until serves 1
  [ "$(status '.generations[0].text')" = 'from Python' ]
}

@test "notify: libtasuki makes its generation ready, when it accepts connections" {
  local port
  port=$(free_port)
  supervise_command --ready=notify --interval=0 --port="127.0.0.1:$port" -- "$HELLO" --ready-delay 0.5
  wait_until serves 1
  [ "$(status '.generations[0].ready_after > 0.3')" = true ]
  [[ "$(body "http://127.0.0.1:$port/")" =~ ^generation\ 1 ]]
}

@test "notify: STATUS= is shown to the operator, the last one, made one harmless line" {
  script any 'notify STATUS=loading'
  supervise --ready=notify
  wait_until status_is '.generations[0].text' 'loading'
  tell 1 "notify STATUS=loaded $(printf '\033')[31m42$(printf '\a') of 43"
  wait_until status_matches '.generations[0].text' '42'
  run "$TASUKI" status app
  contains "$output" 'loaded .*42 +of 43'
  run ! grep -q "$(printf '[\033\a]')" <<<"$output"
}

@test "notify: STATUS= with bytes that are not UTF-8 does not break the report" {
  script any "notify STATUS=$(printf 'broken \377\376 text')"
  supervise --ready=notify
  wait_until status_matches '.generations[0].text' '^broken.*text$'
}

@test "notify: a message by a child of the worker counts" {
  script 1 'child-notify READY=1'
  supervise --ready=notify --interval=0
  wait_until serves 1
}

@test "notify: a message from a process that is not of the generation does not count" {
  script 1 "run printf %s \"\$NOTIFY_SOCKET\" >$DIR/address.1"
  supervise --ready=notify --interval=0
  wait_until plays 1
  address=$(cat "$DIR/address.1")
  NOTIFY_SOCKET=$address "$ROOT/tests/truth/workers/stranger" 'READY=1'
  wait_until log_has 'a message to NOTIFY_SOCKET from pid [0-9]+, which is not of this generation'
  [ "$(status .state)" = starting ]
  tell 1 'notify READY=1'
  wait_until serves 1
}

@test "notify: an older generation cannot say that the new one is ready" {
  script 1 'notify READY=1'
  script 2 "run printf %s \"\$NOTIFY_SOCKET\" >$DIR/address.2"
  supervise --ready=notify --interval=0
  wait_until serves 1
  kill -HUP "$SUPERVISOR"
  wait_until plays 2
  tell 1 "notify-to $(cat "$DIR/address.2") READY=1"
  wait_until log_has "from pid $(pid_of 1), which is not of this generation"
  current_is 1
}

@test "notify: each generation has a socket of its own" {
  script any "run printf %s \"\$NOTIFY_SOCKET\" >$DIR/address.\$SERVER_STARTER_GENERATION" 'notify READY=1'
  supervise --ready=notify --interval=0
  wait_until serves 1
  deploy_succeeds
  [ "$(cat "$DIR/address.1")" != "$(cat "$DIR/address.2")" ]
}

@test "notify: rubbish, a flood and descriptors on NOTIFY_SOCKET harm nobody" {
  script 1 'run i=0; while [ $i -lt 500 ]; do printf "%s\n" "$i"; i=$((i + 1)); done >/dev/null' \
    'notify =' 'notify READY=1x' 'notify READY=10' 'notify \n\n\n' 'notify ready=1'
  supervise --ready=notify --interval=0
  wait_until plays 1
  printf 'notify STATUS=%s\n' {1..300} >"$DIR/do.1"
  printf 'notify %s\n' "$(head -c 3000 /dev/zero | tr '\0' 'x')" >"$DIR/do.1"
  tell 1 'notify STATUS=the end'
  wait_until status_is '.generations[0].text' 'the end'
  [ "$(status .state)" = starting ]
}

@test "notify: who waits for systemd-notify's barrier is let go" {
  supervise_command --ready=notify --interval=0 -- sh -c 'systemd-notify --ready && echo "went on"; exec sleep 3600'
  wait_until log_has '^went on$'
}

@test "notify: a deploy whose worker never says that it is ready fails at --ready-timeout, and the old one serves on" {
  script 1 'notify READY=1'
  supervise --ready=notify --ready-timeout=3
  wait_until serves 1
  deploy_fails
  contains "$output" 'not ready' 'generation 1 is still serving'
  wait_until serves 1
  was_never_signalled 1
  was_signalled 2 TERM
}

@test "notify: EXTEND_TIMEOUT_USEC gives a worker more time to become ready" {
  script 1 'notify READY=1'
  script 2 'notify EXTEND_TIMEOUT_USEC=3600000000'
  supervise --ready=notify --ready-timeout=3 --on-event="[ \"\$TASUKI_EVENT\" != not-ready ] || touch $DIR/not-ready"
  wait_until serves 1
  in_background "$BATS_TEST_TMPDIR/restart" "$TASUKI" restart app
  wait_until plays 2
  # Longer than the timeout: without the extension the generation would have been told to leave.
  sleep 3.5
  [ ! -e "$DIR/not-ready" ]
  tell 2 'notify READY=1'
  ends_with 0 "$CLIENT"
}

@test "notify: EXTEND_TIMEOUT_USEC never shortens the time that there is, as systemd has it" {
  script 1 'notify EXTEND_TIMEOUT_USEC=100000' 'sleep 0.8' 'notify READY=1'
  supervise --ready=notify --ready-timeout=3600
  wait_until serves 1
  run ! log_has 'not ready in time'
}

@test "notify: EXTEND_TIMEOUT_USEC that ends without another word is the end of the patience" {
  script 1 'notify READY=1'
  script 2 'notify EXTEND_TIMEOUT_USEC=3500000'
  supervise --ready=notify --ready-timeout=3
  wait_until serves 1
  deploy_fails
  contains "$output" 'not ready'
}

@test "notify: a first generation that is not ready in time is replaced" {
  script 1 'sleep 0'
  script any 'notify READY=1'
  supervise --ready=notify --ready-timeout=3 --interval=0.1
  wait_until serves 2
  was_signalled 1 TERM
}

@test "notify: READY=1 that comes after the timeout counts no more" {
  script 1 'notify READY=1'
  script 2 'ignore TERM'
  supervise --ready=notify --ready-timeout=3
  wait_until serves 1
  deploy_fails
  tell 2 'notify READY=1\nSTATUS=too late'
  wait_until status_is '.generations[] | select(.number == 2) | .text' 'too late'
  current_is 1
  was_never_signalled 1
}

@test "notify: a worker that dies after READY=1, before anybody looked, is not taken for ready" {
  script 1 'notify READY=1'
  script 2 'notify READY=1' 'exit 3'
  supervise --ready=notify --probation=3600
  wait_until serves 1
  deploy_fails
  wait_until serves 1
  was_never_signalled 1
}

@test "notify: STOPPING=1 of the current worker changes nothing by itself" {
  script any 'notify READY=1'
  supervise --ready=notify --interval=0
  wait_until serves 1
  tell 1 'notify STOPPING=1\nSTATUS=leaving'
  wait_until status_is '.generations[0].text' 'leaving'
  serves 1
}

# --- fd:N -----------------------------------------------------------------------------------------

@test "fd:N: a worker is ready when it has written a newline to the descriptor" {
  supervise --ready=fd:5 --interval=0
  tell 1 'write 5 almost'
  tell 1 "run touch $DIR/written"
  wait_until test -e "$DIR/written"
  [ "$(status .state)" = starting ]
  tell 1 'write 5 there\n'
  wait_until serves 1
}

@test "fd:N: a worker that closes the descriptor without a newline is not ready" {
  script 1 'write 5 \n'
  script 2 'write 5 no-newline' 'close 5'
  supervise --ready=fd:5 --interval=0 --ready-timeout=3
  wait_until serves 1
  deploy_fails
  contains "$output" 'not ready'
  serves 1 || wait_until serves 1
}

@test "fd:N: a worker that goes on writing to the descriptor is none the worse for it" {
  script any 'write 5 \n' 'write 5 more\n' 'write 5 and-more\n'
  supervise --ready=fd:5 --interval=0
  wait_until serves 1
  tell 1 'write 5 later\n' "run touch $DIR/alive"
  wait_until test -e "$DIR/alive"
}

@test "fd:N: a descriptor that a socket has is refused" {
  run -2 "$TASUKI" --port=0 --ready=fd:3 -- true
  contains "$output" '--ready: descriptor 3 .*try 4'
}

probed_at_least() { [ "$(wc -l <"$DIR/probed")" -ge "$1" ]; }

# --- exec: ----------------------------------------------------------------------------------------

@test "exec: a worker is ready when the probe exits 0, and the probe is told whom it is about" {
  supervise --interval=0 --ready-interval=0.1 \
    --ready="exec:echo \$TASUKI_GENERATION \$TASUKI_PID >>$DIR/probed; test -e $DIR/open"
  wait_until test -s "$DIR/probed"
  [ "$(status .state)" = starting ]
  [ "$(head -n 1 "$DIR/probed")" = "1 $(pid_of 1)" ]
  touch "$DIR/open"
  wait_until serves 1
}

@test "exec: a probe that hangs is killed, with all that it started, and tried again" {
  supervise --interval=0 --ready-interval=0.1 --check-timeout=0.5 \
    --ready="exec:echo \$\$ >>$DIR/probed; test -e $DIR/open || { sleep 3600; true; }"
  wait_until probed_at_least 2
  wait_until gone "$(head -n 1 "$DIR/probed")"
  log_has 'probe: it timed out'
  touch "$DIR/open"
  wait_until serves 1
}

@test "exec: a probe runs no more once its worker is ready or has failed" {
  supervise --interval=0 --ready-interval=0.1 --ready="exec:echo \$TASUKI_GENERATION >>$DIR/probed; [ \$TASUKI_GENERATION != 2 ]" --ready-timeout=3
  wait_until serves 1
  deploy_fails
  local count
  count=$(wc -l <"$DIR/probed")
  sleep 0.5
  [ "$(wc -l <"$DIR/probed")" -eq "$count" ]
  serves 1
}

@test "exec: a probe that hangs does not keep the supervisor from stopping" {
  supervise --interval=0 --ready-interval=0 --ready="exec:echo \$\$ >$DIR/probe; sleep 3600; true"
  wait_until test -s "$DIR/probe"
  stop_supervisor 0
  wait_until gone "$(cat "$DIR/probe")"
}

@test "exec: no --ready-timeout passes by a probe that never says yes" {
  supervise --interval=0 --ready-interval=0.1 --ready="exec:[ \$TASUKI_GENERATION = 1 ]" --ready-timeout=3
  wait_until serves 1
  deploy_fails
  contains "$output" 'not ready'
}

# --- auto -----------------------------------------------------------------------------------------

@test "auto: a worker that says nothing is ready when it has lived for the interval" {
  supervise --ready=auto --interval=0.2
  wait_until serves 1
  deploy_succeeds
}

@test "auto: a worker that says READY=1 is ready before its interval is over" {
  script any 'notify READY=1'
  supervise --ready=auto --interval=3600
  wait_until serves 1
}

@test "auto: is what tasuki does when nothing is asked for" {
  script any 'notify READY=1'
  supervise --interval=3600
  wait_until serves 1
}

@test "auto: where the generation before said READY=1, a silent start is not mistaken for a good one" {
  script 1 'notify READY=1'
  supervise --interval=0.1 --ready-timeout=3
  wait_until serves 1
  deploy_fails
  contains "$output" 'not ready'
  wait_until serves 1
  was_never_signalled 1
}

@test "auto: a slow start after one that said READY=1 is waited for, beyond the interval" {
  script 1 'notify READY=1'
  script 2 'sleep 1' 'notify READY=1'
  supervise --interval=0.1
  wait_until serves 1
  deploy_succeeds
  [ "$(status '.generations[0].ready_after > 0.5')" = true ]
}

@test "auto: what is learnt is learnt from the generation that serves, not from one that failed" {
  script 2 'notify READY=1' 'sleep 0.2' 'exit 1'
  supervise --interval=0.2 --probation=2
  wait_until serves 1
  deploy_fails
  wait_until serves 1
  # Generation 1 never said a word, so neither has its successor to.
  "$TASUKI" restart app
}

@test "auto: the generation that replaces a crashed one must say READY=1 as that did" {
  script 1 'notify READY=1\nSTATUS=heard'
  supervise --interval=0.1 --ready-timeout=3
  wait_until status_is '.generations[0].text' 'heard'
  wait_until serves 1
  tell 1 'exit 1'
  wait_until log_has 'generation 2: worker [0-9]+ was not ready in time'
  run ! log_has 'generation 2: worker [0-9]+ is ready'
}

@test "auto: when the serving one says READY=1 late, while its successor starts, --ready-timeout holds for that one too" {
  supervise --interval=2 --ready-timeout=3
  wait_until serves 1
  in_background "$BATS_TEST_TMPDIR/restart" "$TASUKI" restart app
  wait_until begins 2
  tell 1 'notify READY=1'
  # Generation 2 says nothing. It may count as ready or as failed, but it may not hang in between.
  wait_until gone "$CLIENT"
}

# --- limits ---------------------------------------------------------------------------------------

@test "--ready-timeout=0 waits without end" {
  supervise --ready=notify --ready-timeout=0 --interval=0
  wait_until plays 1
  sleep 1
  [ "$(status .state)" = starting ]
  tell 1 'notify READY=1'
  wait_until serves 1
}

@test "a mode that is none is refused" {
  local mode
  for mode in soon fd: fd:x fd:-1 exec: ''; do
    run -2 "$TASUKI" --ready="$mode" -- true
    contains "$output" '--ready'
  done
}

@test "start_server keeps its own way: the interval, whatever the worker says" {
  script any 'notify-to @nobody-listens-here READY=1'
  start "$START_SERVER" --interval=0.3 --name=app --control="$SOCKET" -- "$ACTOR" "$DIR"
  wait_until serves 1
  [ "$(status '.generations[0].ready_after > 0.25')" = true ]
}
