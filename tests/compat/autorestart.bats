#!/usr/bin/env bats
# Restarts by time, and the delay before an old worker is signalled: as options, as variables,
# and as files in the envdir.

# shellcheck disable=SC2030,SC2031 # each test is a process of its own, and means to be
load helper

# auto_restarted_after SECONDS [OPTION...]: a supervisor with these options deploys by itself, not
# before that time. The reference counts the clock's whole seconds, so 2 can be little more than 1.
auto_restarted_after() {
  local seconds=$1 begun
  shift
  begun=$(uptime_now)
  supervise --interval=0 "$@"
  wait_generation 2
  at_least "$begun" "$(field 2 time)" "$((seconds - 1))"
  wait_until has_signals 1 TERM
}

# delayed SECONDS: a deploy under the running supervisor signals the old worker so much later.
delayed() {
  local asked
  wait_generation 1
  asked=$(uptime_now)
  deploy 2
  wait_until has_signals 1 TERM
  at_least "$asked" "$(signal_time 1)" "$1"
}

@test "--enable-auto-restart deploys by time, without being asked" {
  auto_restarted_after 2 --enable-auto-restart --auto-restart-interval=2 --kill-old-delay=0
  wait_generation 3
  wait_until has_signals 2 TERM
}

@test "the variables ENABLE_AUTO_RESTART and AUTO_RESTART_INTERVAL do the same" {
  export ENABLE_AUTO_RESTART=1 AUTO_RESTART_INTERVAL=2 KILL_OLD_DELAY=0
  auto_restarted_after 2
}

@test "files of these names in the envdir do the same" {
  echo 1 >"$VARIABLES/ENABLE_AUTO_RESTART"
  echo 2 >"$VARIABLES/AUTO_RESTART_INTERVAL"
  echo 0 >"$VARIABLES/KILL_OLD_DELAY"
  auto_restarted_after 2 --envdir="$VARIABLES"
}

@test "an AUTO_RESTART_INTERVAL that is new in the envdir counts from the next deploy on" {
  supervise --interval=0 --enable-auto-restart --auto-restart-interval=3600 --kill-old-delay=0 \
    --envdir="$VARIABLES"
  wait_generation 1
  echo 1 >"$VARIABLES/AUTO_RESTART_INTERVAL"
  deploy 2
  wait_generation 3
}

@test "auto-restart waits for an old worker that lingers, but only for another interval" {
  touch "$RECORD/linger.1"
  supervise --interval=0 --enable-auto-restart --auto-restart-interval=2 --kill-old-delay=0
  wait_generation 3
  at_least "$(field 2 time)" "$(field 3 time)" 2.5
  wait_until has_signals 1 "TERM TERM"
}

@test "a deploy by hand is possible with auto-restart" {
  supervise --interval=0 --enable-auto-restart --auto-restart-interval=3600 --kill-old-delay=0
  wait_generation 1
  deploy 2
  wait_until has_signals 1 TERM
}

@test "a stop is possible with auto-restart" {
  supervise --interval=0 --enable-auto-restart --auto-restart-interval=3600
  wait_generation 1
  stop_supervisor
  equal "$STATUS_CODE" 0
}

@test "--kill-old-delay is the time from the new worker's readiness to the old one's signal" {
  supervise --interval=1 --kill-old-delay=2
  delayed 3
}

@test "the variable KILL_OLD_DELAY does the same" {
  export KILL_OLD_DELAY=2
  supervise --interval=0
  delayed 2
}

@test "a KILL_OLD_DELAY that is new in the envdir counts from the next deploy on" {
  supervise --interval=0 --envdir="$VARIABLES"
  wait_generation 1
  echo 2 >"$VARIABLES/KILL_OLD_DELAY"
  delayed 2
}

@test "a KILL_OLD_DELAY in the envdir goes before the option" {
  echo 3 >"$VARIABLES/KILL_OLD_DELAY"
  supervise --interval=0 --envdir="$VARIABLES" --kill-old-delay=1
  delayed 3
}

@test "the delay is 5 seconds with auto-restart" {
  supervise --interval=0 --enable-auto-restart --auto-restart-interval=3600
  delayed 5
}

@test "both generations are in the status file during the delay" {
  export WATCHED_STATUS=$STATUS_FILE
  supervise --interval=0 --kill-old-delay=1 --status-file="$STATUS_FILE"
  wait_generation 1
  deploy 2
  wait_until has_signals 1 TERM
  printf '1:%s\n2:%s\n' "$(pid_of 1)" "$(pid_of 2)" | cmp - "$RECORD/status.1"
  wait_until status_lists 2
}

@test "the worker is told of the options by the variables' names" {
  supervise --interval=0 --envdir="$VARIABLES" --enable-auto-restart --auto-restart-interval=1234 \
    --kill-old-delay=7
  wait_generation 1
  equal "$(worker_env 1 ENVDIR)" "$VARIABLES"
  equal "$(worker_env 1 ENABLE_AUTO_RESTART)" 1
  equal "$(worker_env 1 AUTO_RESTART_INTERVAL)" 1234
  equal "$(worker_env 1 KILL_OLD_DELAY)" 7
}

@test "the worker is told of nothing when no such option is given" {
  local name
  supervise --interval=0
  wait_generation 1
  for name in ENVDIR ENABLE_AUTO_RESTART AUTO_RESTART_INTERVAL KILL_OLD_DELAY; do
    equal "$name $(worker_env 1 "$name")" "$name (unset)"
  done
}

@test "the options go before the variables" {
  export KILL_OLD_DELAY=9 AUTO_RESTART_INTERVAL=99
  supervise --interval=0 --kill-old-delay=1 --auto-restart-interval=11
  wait_generation 1
  equal "$(worker_env 1 KILL_OLD_DELAY)" 1
  equal "$(worker_env 1 AUTO_RESTART_INTERVAL)" 11
}
