#!/usr/bin/env bats
# Which signal goes to whom, and how the supervisor ends.

# shellcheck disable=SC2030,SC2031 # each test is a process of its own, and means to be
load helper

@test "HUP sends TERM to the old worker only" {
  supervise --interval=0 --status-file="$STATUS_FILE"
  wait_generation 1
  deploy 2
  wait_until status_lists 2
  has_signals 1 TERM
  has_signals 2 ''
}

@test "TERM sends TERM to the worker, and the supervisor ends with status 0 after it" {
  touch "$RECORD/linger"
  supervise --interval=0
  wait_generation 1
  kill -TERM "$SUPERVISOR"
  wait_until has_signals 1 TERM
  kill -0 "$SUPERVISOR"
  touch "$RECORD/release"
  ended "$SUPERVISOR"
  equal "$STATUS_CODE" 0
  gone "$(pid_of 1)"
}

@test "INT sends TERM to the worker, and the supervisor ends with status 0" {
  supervise --interval=0
  wait_generation 1
  kill -INT "$SUPERVISOR"
  ended "$SUPERVISOR"
  equal "$STATUS_CODE" 0
  has_signals 1 TERM
}

@test "--signal-on-hup is for the old worker, TERM stays for the stop" {
  supervise --interval=0 --signal-on-hup=USR1
  wait_generation 1
  deploy 2
  wait_until has_signals 1 USR1
  stop_supervisor
  has_signals 2 TERM
  equal "$STATUS_CODE" 0
}

@test "--signal-on-term is for the stop, TERM stays for the old worker" {
  supervise --interval=0 --signal-on-term=QUIT
  wait_generation 1
  deploy 2
  wait_until has_signals 1 TERM
  stop_supervisor
  has_signals 2 QUIT
  equal "$STATUS_CODE" 0
}

@test "INT sends TERM whatever --signal-on-term says" {
  supervise --interval=0 --signal-on-hup=USR1 --signal-on-term=QUIT
  wait_generation 1
  kill -INT "$SUPERVISOR"
  ended "$SUPERVISOR"
  has_signals 1 TERM
}

@test "signal names may begin with SIG" {
  supervise --interval=0 --signal-on-hup=SIGUSR1 --signal-on-term=SIGINT
  wait_generation 1
  deploy 2
  wait_until has_signals 1 USR1
  stop_supervisor
  has_signals 2 INT
}

@test "signal names may be in small letters or mixed" {
  supervise --interval=0 --signal-on-hup=sigusr2 --signal-on-term=Quit
  wait_generation 1
  deploy 2
  wait_until has_signals 1 USR2
  stop_supervisor
  has_signals 2 QUIT
}

@test "an old worker that lingers gets the signal again at the next deploy" {
  touch "$RECORD/linger.1"
  supervise --interval=0 --signal-on-hup=USR1
  wait_generation 1
  deploy 2
  wait_until has_signals 1 USR1
  deploy 3
  wait_until has_signals 1 "USR1 USR1"
  wait_until has_signals 2 USR1
}

@test "a stop signals every generation that is left" {
  touch "$RECORD/linger.1" "$RECORD/linger.2"
  supervise --interval=0 --signal-on-hup=USR1 --signal-on-term=QUIT
  wait_generation 1
  deploy 2
  wait_until has_signals 1 USR1
  deploy 3
  wait_until has_signals 2 USR1
  kill -TERM "$SUPERVISOR"
  wait_until has_signals 1 "USR1 USR1 QUIT"
  wait_until has_signals 2 "USR1 QUIT"
  wait_until has_signals 3 QUIT
  touch "$RECORD/release"
  ended "$SUPERVISOR"
  equal "$STATUS_CODE" 0
}

@test "the supervisor waits for old workers too before it ends" {
  touch "$RECORD/linger.1"
  supervise --interval=0 --status-file="$STATUS_FILE"
  wait_generation 1
  deploy 2
  wait_until has_signals 1 TERM
  kill -TERM "$SUPERVISOR"
  wait_until gone "$(pid_of 2)"
  wait_until status_lists 1
  kill -0 "$SUPERVISOR"
  touch "$RECORD/release.1"
  ended "$SUPERVISOR"
  equal "$STATUS_CODE" 0
}

@test "a HUP after the stop was asked for starts nothing" {
  touch "$RECORD/linger"
  supervise --interval=0
  wait_generation 1
  kill -TERM "$SUPERVISOR"
  wait_until has_signals 1 TERM
  kill -HUP "$SUPERVISOR"
  touch "$RECORD/release"
  ended "$SUPERVISOR"
  equal "$STATUS_CODE" 0
  never_started 2
}

@test "a TERM within the interval stops at once" {
  supervise --interval=600
  wait_generation 1
  stop_supervisor
  equal "$STATUS_CODE" 0
  has_signals 1 TERM
}

@test "a TERM within a deploy's interval stops both generations at once" {
  supervise --interval=1 --status-file="$STATUS_FILE"
  wait_ready 1
  kill -HUP "$SUPERVISOR"
  wait_generation 2
  stop_supervisor
  equal "$STATUS_CODE" 0
  has_signals 1 TERM || has_signals 1 'TERM TERM'
  has_signals 2 TERM
  never_started 3
}

@test "a stop ends a supervisor whose worker keeps dying" {
  touch "$RECORD/fail"
  supervise --interval=1
  wait_generation 2
  stop_supervisor
  equal "$STATUS_CODE" 0
}
