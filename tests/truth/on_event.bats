#!/usr/bin/env bats
# --on-event: a command for each event, with its facts in the environment, never in the way.

# shellcheck disable=SC2016,SC2030,SC2031 # sh and jq expand them; each test is a process of its own
bats_require_minimum_version 1.5.0
load helper

setup() {
  setup_directory
  script any 'notify READY=1'
}

# notes: a command that appends a line of facts; one write, so that lines stay whole.
notes="printf '%s generation=%s pid=%s deploy=%s status=%s signal=%s cause=%s reason=%s\\n' \"\$TASUKI_EVENT\" \"\$TASUKI_GENERATION\" \"\$TASUKI_PID\" \"\$TASUKI_DEPLOY\" \"\$TASUKI_STATUS\" \"\$TASUKI_SIGNAL\" \"\$TASUKI_CAUSE\" \"\$TASUKI_REASON\""

noted() { file_has "$DIR/notes" "$1"; }

@test "each event comes with its facts" {
  supervise --ready=notify --interval=0.1 --on-event="$notes >>$DIR/notes"
  wait_until noted "^ready generation=1 pid=[0-9]+ "
  wait_until serves 1
  deploy_succeeds
  wait_until noted '^deploy-started .*deploy=1 .*cause=request'
  wait_until noted "^ready generation=2 pid=$(pid_of 2) "
  wait_until noted '^deploy-succeeded generation=2 .*deploy=1'
  wait_until noted "^left generation=1 pid=$(pid_of 1) .*status=0 signal= "
  script 3 'exit 7'
  deploy_fails
  wait_until noted "^start-failed generation=3 pid=$(pid_of 3) .*status=7 signal= "
  wait_until noted '^deploy-failed .*deploy=2 .*reason=.*died'
  tell 2 'kill KILL'
  wait_until noted "^crashed generation=2 pid=$(pid_of 2) .*status= signal=KILL "
}

@test "facts of one event are not handed on with the next" {
  TASUKI_REASON=old TASUKI_EVENT=old TASUKI_DEPLOY=99 \
    supervise --ready=notify --interval=0.1 --on-event="$notes >>$DIR/notes"
  wait_until noted '^ready generation=1 pid=[0-9]+ deploy= status= signal= cause= reason=$'
}

@test "a command that hangs is not in the way of the service, nor of the deploys" {
  supervise --ready=notify --interval=0.1 --on-event='sleep 3600'
  wait_until serves 1
  for _ in 1 2 3 4; do deploy_succeeds; done
  serves 5
  log_has 'on-event: 16 commands are still running; skipping events'
  # So many run at once, and not more.
  [ "$(children "$SUPERVISOR" | wc -w)" -le 17 ]
}

@test "commands that hang are gone when the supervisor is" {
  supervise --ready=notify --interval=0.1 --on-event="echo \$\$ >>$DIR/pids; exec sleep 3600"
  wait_until serves 1
  wait_until test -s "$DIR/pids"
  local commands
  commands=$(cat "$DIR/pids")
  stop_supervisor 0
  for pid in $commands; do wait_until gone "$pid"; done
}

@test "a command that fails, or is none, changes nothing" {
  supervise --ready=notify --interval=0.1 --on-event='no-such-command-anywhere; exit 1'
  wait_until serves 1
  deploy_succeeds
  serves 2
}

@test "a command that says something says it in the log" {
  supervise --ready=notify --interval=0.1 --on-event='echo "alert: $TASUKI_EVENT"'
  wait_until log_has '^alert: ready$'
}

@test "a command that writes without end, or reads, blocks nobody" {
  supervise --ready=notify --interval=0.1 --on-event='[ "$TASUKI_EVENT" = left ] || exit 0; read -r line; yes | head -n 100000 >/dev/null'
  wait_until serves 1
  deploy_succeeds
  deploy_succeeds
}

@test "the event that the supervisor gave up reaches its command, although the supervisor ends" {
  script any 'exit 1'
  supervise --interval=0.1 --start-limit=2/1h \
    --on-event="[ \"\$TASUKI_EVENT\" != gave-up ] || { sleep 0.3; touch $DIR/alerted; }"
  ends_with 10 "$SUPERVISOR"
  wait_until test -e "$DIR/alerted"
}

@test "the last events of a stop reach their commands" {
  supervise --ready=notify --interval=0.1 --on-event="sleep 0.2; $notes >>$DIR/notes"
  wait_until serves 1
  stop_supervisor 0
  wait_until noted '^stopping '
  wait_until noted '^left generation=1 '
}
