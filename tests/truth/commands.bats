#!/usr/bin/env bats
# tasuki restart, status, stop, reopen, signal and events, against a real supervisor.

# shellcheck disable=SC2016,SC2030,SC2031 # sh and jq expand them; each test is a process of its own
bats_require_minimum_version 1.5.0
load helper

setup() {
  setup_directory
  script any 'notify READY=1'
}

ready_workers() {
  supervise --ready=notify --interval=0.1 "$@"
  wait_until serves 1
}

# --- restart --------------------------------------------------------------------------------------

@test "restart: exits 0 when only the new generation is left" {
  ready_workers
  run -0 "$TASUKI" restart app
  contains "$output" 'deploy 1 succeeded: generation 2 is serving'
  serves 2
  gone "$(pid_of 1)"
}

@test "restart: without a name it is the only one that is meant" {
  ready_workers
  run -0 "$TASUKI" restart
  serves 2
}

@test "restart: without a name, of two none is taken" {
  ready_workers
  start "$TASUKI" --name=other --ready=delay --interval=0 -- sleep 3600
  wait_until "$TASUKI" status other
  run -2 "$TASUKI" restart
  contains "$output" 'app, other'
  serves 1
}

@test "restart: exits 1 when the deploy has failed, with the reason and the worker's last words" {
  ready_workers
  script 2 'say Traceback: the last words' 'exit 3'
  run -1 "$TASUKI" restart app
  contains "$output" 'failed: ' 'Traceback: the last words' 'generation 1 is still serving'
}

@test "restart: exits 3 when there is no such supervisor" {
  run -3 "$TASUKI" restart app
  contains "$output" "no supervisor 'app' is running"
  run -3 "$TASUKI" restart
}

@test "restart: exits 3 when the supervisor is killed in the middle" {
  ready_workers
  script 2 'silent'
  in_background "$BATS_TEST_TMPDIR/restart" "$TASUKI" restart app
  wait_until begins 2
  kill -KILL "$SUPERVISOR"
  ends_with 3 "$CLIENT"
  kill -KILL "$(pid_of 1)" "$(pid_of 2)"
}

@test "restart: exits 4 when --timeout has passed, and the deploy goes on" {
  ready_workers
  script 2 "run until test -e $DIR/go; do sleep 0.05; done" 'notify READY=1'
  run -4 "$TASUKI" restart --timeout=0.5 app
  contains "$output" 'timeout'
  touch "$DIR/go"
  wait_until serves 2
}

@test "restart: exits 5 when it is overtaken by a stop" {
  ready_workers
  script 2 'silent'
  in_background "$BATS_TEST_TMPDIR/restart" "$TASUKI" restart app
  wait_until begins 2
  kill -TERM "$SUPERVISOR"
  ends_with 5 "$CLIENT"
  contains "$(cat "$BATS_TEST_TMPDIR/restart")" 'the service is stopping'
  ends_with 0 "$SUPERVISOR"
}

@test "restart: one that comes while the supervisor stops exits 5" {
  ready_workers
  tell 1 'ignore TERM' "run touch $DIR/ignores"
  wait_until test -e "$DIR/ignores"
  kill -TERM "$SUPERVISOR"
  wait_until log_has 'sent TERM'
  run -5 "$TASUKI" restart app
  tell 1 'exit 0'
  ends_with 0 "$SUPERVISOR"
}

@test "restart: the worker's own STATUS= is among what is told" {
  ready_workers
  script 2 'notify STATUS=warming the cache' 'notify READY=1'
  run -0 "$TASUKI" restart app
  contains "$output" 'warming the cache' 'is ready after'
}

@test "restart: connections that an old worker still has are told while it lingers" {
  local port
  port=$(free_port)
  supervise_command --ready=notify --port="127.0.0.1:$port" -- "$HELLO" --response-delay 3
  wait_until serves 1
  in_background "$BATS_TEST_TMPDIR/curl" curl --silent --fail --max-time 30 "http://127.0.0.1:$port/"
  local curl=$CLIENT
  wait_until status_is '.generations[0].connections' '1'
  run -0 "$TASUKI" restart app
  contains "$output" 'has 1 connection left'
  ends_with 0 "$curl"
}

@test "restart: --json is the stream of events, and the result at its end" {
  ready_workers
  "$TASUKI" restart --json app >"$BATS_TEST_TMPDIR/json"
  [ "$(jq -r 'select(.event) | .event' "$BATS_TEST_TMPDIR/json" | paste -sd,)" = deploy-started,spawned,ready,signalled,left,deploy-succeeded ]
  [ "$(tail -n 1 "$BATS_TEST_TMPDIR/json" | jq -r '"\(.result) \(.deploy) \(.generation)"')" = 'succeeded 1 2' ]
}

@test "restart: interrupting the client leaves the deploy alone" {
  ready_workers
  script 2 "run until test -e $DIR/go; do sleep 0.05; done" 'notify READY=1'
  in_background "$BATS_TEST_TMPDIR/restart" env --default-signal=INT "$TASUKI" restart app
  wait_until begins 2
  kill -INT "$CLIENT"
  ends_with 130 "$CLIENT"
  touch "$DIR/go"
  wait_until serves 2
}

@test "restart: a reader that goes away does not make it misreport" {
  ready_workers
  run bash -c "'$TASUKI' restart --json app | head -n 1"
  wait_until serves 2
}

@test "--restart learns of a failed deploy where the supervisor has a control socket" {
  ready_workers --pid-file="$BATS_TEST_TMPDIR/pid" --status-file="$BATS_TEST_TMPDIR/status"
  script 2 'run echo no luck >&2' 'exit 3'
  run -1 timeout 60 "$TASUKI" --restart --pid-file="$BATS_TEST_TMPDIR/pid" --status-file="$BATS_TEST_TMPDIR/status"
  [[ $output == *"app: deploy 1 failed: "*"no luck"*"generation 1 is still serving"* ]]
  serves 1
}

@test "start_server --restart keeps its own contract beside it" {
  ready_workers --pid-file="$BATS_TEST_TMPDIR/pid" --status-file="$BATS_TEST_TMPDIR/status"
  run -0 "$START_SERVER" --restart --pid-file="$BATS_TEST_TMPDIR/pid" --status-file="$BATS_TEST_TMPDIR/status"
  wait_until serves 2
}

# --- HUP ------------------------------------------------------------------------------------------

@test "HUP does what restart does: its outcome is in the log and in the history of status" {
  ready_workers
  kill -HUP "$SUPERVISOR"
  wait_until log_has 'deploy 1 succeeded'
  script 3 'exit 3'
  kill -HUP "$SUPERVISOR"
  wait_until log_has 'deploy 2 failed: .*died'
  [ "$(status '[.deploys[] | "\(.id) \(.cause) \(.outcome) \(.generation)"] | join(";")')" = '2 request failed null;1 request succeeded 2' ]
  [ "$(status '.deploys[0].reason')" != null ]
  run -0 "$TASUKI" status app
  contains "$output" '2 +request .*failed: ' '1 +request .*succeeded: generation 2'
}

@test "the history is of the last deploys, newest first, and does not grow for ever" {
  supervise --ready=notify --interval=0
  wait_until serves 1
  local i
  for i in {2..22}; do
    kill -HUP "$SUPERVISOR"
    wait_until current_is "$i"
    wait_until log_has "deploy $((i - 1)) succeeded"
  done
  [ "$(status '.deploys | length')" -le 20 ]
  [ "$(status '.deploys | length')" -ge 10 ]
  [ "$(status '[.deploys[].id] == ([.deploys[].id] | sort | reverse)')" = true ]
  [ "$(status '.deploys[0].id')" = 21 ]
}

# --- status ---------------------------------------------------------------------------------------

@test "status: exits 0 when it is running and 3 when not" {
  run -3 "$TASUKI" status app
  run -3 "$TASUKI" status
  ready_workers
  run -0 "$TASUKI" status app
  contains "$output" '^app: serving'
  stop_supervisor 0
  run -3 "$TASUKI" status app
}

@test "status: all of them in a table when there are several and none is named" {
  ready_workers
  start "$TASUKI" --name=other --ready=delay --interval=0 -- sleep 3600
  wait_until "$TASUKI" status other
  run -0 "$TASUKI" status
  contains "$output" '^NAME +STATE' '^app +serving' '^other +serving'
}

@test "status: has every field that scripts were promised" {
  local port
  port=$(free_port)
  ready_workers --port="127.0.0.1:$port" --path="$BATS_TEST_TMPDIR/socket"
  deploy_succeeds
  "$TASUKI" status --json app >"$BATS_TEST_TMPDIR/json"
  jq -e --arg port "127.0.0.1:$port" --arg pid "$(pid_of 2)" '
    .name == "app" and (.pid | type) == "number" and (.version | type) == "string"
    and (.command | length) == 2 and .started > 1e9 and .state == "serving" and .deploy == null
    and (.generations == [.generations[0]])
    and (.generations[0] | .number == 2 and .state == "serving" and (.pid | tostring) == $pid and .current
      and .started > 1e9 and .ready_after >= 0 and has("text") and .memory > 0 and .connections == 0)
    and (.listeners | length) == 2
    and (.listeners[0] | .name == $port and .type == "tcp" and .fd == 3 and .waiting == 0 and .backlog > 0
      and .connections == 0)
    and (.listeners[1] | .type == "unix" and .fd == 4 and .waiting == 0)
    and (.deploys[0] | .id == 1 and .cause == "request" and .started > 1e9 and .seconds > 0
      and .outcome == "succeeded" and .reason == null and .generation == 2)
  ' "$BATS_TEST_TMPDIR/json" || {
    cat "$BATS_TEST_TMPDIR/json"
    return 1
  }
}

@test "status: a deploy under way is shown with its cause, its age and its attempt" {
  ready_workers
  script 2 'silent'
  kill -HUP "$SUPERVISOR"
  wait_until begins 2
  [ "$(status '.deploy | .id == 1 and .cause == "request" and .seconds >= 0 and .attempt == 1')" = true ]
  run -0 "$TASUKI" status app
  contains "$output" 'Deploy 1 \(by request\) is under way' '2 +starting'
}

@test "status: connections that wait in the queue, and those that are taken, are counted" {
  local port
  port=$(free_port)
  ready_workers --port="127.0.0.1:$port"
  tell 1 'deaf' "run touch $DIR/deaf"
  wait_until test -e "$DIR/deaf"
  exec 7<>"/dev/tcp/127.0.0.1/$port" 8<>"/dev/tcp/127.0.0.1/$port"
  wait_until status_is '.listeners[0].waiting' '2'
  exec 7>&- 8>&-
}

@test "status: is answered while a deploy hangs, while it stops, and a thousand times" {
  ready_workers
  script 2 'silent'
  kill -HUP "$SUPERVISOR"
  wait_until begins 2
  for _ in {1..100}; do "$TASUKI" status --json app >/dev/null; done
  tell 1 'ignore TERM' "run touch $DIR/ignores"
  wait_until test -e "$DIR/ignores"
  kill -TERM "$SUPERVISOR"
  wait_until status_is .state stopping
  tell 1 'exit 0'
  ends_with 0 "$SUPERVISOR"
}

@test "status: a path with bytes that are not UTF-8 is shown all the same" {
  ready_workers --path="$BATS_TEST_TMPDIR/$(printf 'sock\377et')"
  [ "$(status '.listeners | length')" = 1 ]
  [ "$(status '.listeners[0].type')" = unix ]
}

# --- stop, reopen, signal, events -----------------------------------------------------------------

@test "stop: ends the workers and the supervisor, and comes back when both are gone" {
  ready_workers
  run -0 "$TASUKI" stop app
  gone "$SUPERVISOR"
  gone "$(pid_of 1)"
  was_signalled 1 TERM
  ends_with 0 "$SUPERVISOR"
  run -3 "$TASUKI" stop app
}

@test "stop: waits for a worker that takes its time, at most --timeout" {
  ready_workers
  tell 1 'ignore TERM' "run touch $DIR/ignores"
  wait_until test -e "$DIR/ignores"
  run -4 "$TASUKI" stop --timeout=0.5 app
  run ! gone "$SUPERVISOR"
  in_background "$BATS_TEST_TMPDIR/stop" "$TASUKI" stop app
  wait_until log_counts 'stop requested' 2
  tell 1 'exit 0'
  ends_with 0 "$CLIENT"
}

@test "stop: overtakes a deploy" {
  ready_workers
  script 2 'silent'
  in_background "$BATS_TEST_TMPDIR/restart" "$TASUKI" restart app
  wait_until begins 2
  run -0 "$TASUKI" stop app
  ends_with 5 "$CLIENT"
  ends_with 0 "$SUPERVISOR"
}

@test "stop: --signal-on-term is what the workers get" {
  ready_workers --signal-on-term=USR2
  in_background "$BATS_TEST_TMPDIR/stop" "$TASUKI" stop app
  wait_until was_signalled 1 USR2
  tell 1 'exit 0'
  ends_with 0 "$CLIENT"
}

@test "reopen: the log file is opened anew" {
  supervise --ready=notify --log-file="$BATS_TEST_TMPDIR/service.log"
  wait_until serves 1
  mv "$BATS_TEST_TMPDIR/service.log" "$BATS_TEST_TMPDIR/service.log.1"
  run -0 "$TASUKI" reopen app
  file_has "$BATS_TEST_TMPDIR/service.log" 'log file reopened'
}

@test "reopen: one that fails is told, with the reason, and the log before stays" {
  mkdir "$BATS_TEST_TMPDIR/place"
  supervise --ready=notify --log-file="$BATS_TEST_TMPDIR/place/log"
  wait_until serves 1
  mv "$BATS_TEST_TMPDIR/place" "$BATS_TEST_TMPDIR/moved"
  run -1 "$TASUKI" reopen app
  contains "$output" 'No such file'
  deploy_succeeds
  file_has "$BATS_TEST_TMPDIR/moved/log" 'deploy 1 succeeded'
}

@test "signal: goes to the current worker, to it alone" {
  ready_workers
  tell 1 'ignore TERM' "run touch $DIR/ignores"
  wait_until test -e "$DIR/ignores"
  kill -HUP "$SUPERVISOR"
  wait_until current_is 2
  run -0 "$TASUKI" signal USR1 app
  wait_until was_signalled 2 USR1
  was_never_signalled 1
  run -0 "$TASUKI" signal SIGUSR2 app
  wait_until was_signalled 2 USR2
}

@test "signal: a signal that is none, or nobody to send it to, is an error" {
  ready_workers
  run -2 "$TASUKI" signal NOPE app
  run -2 "$TASUKI" signal
  run -3 "$TASUKI" signal USR1 another
  stop_supervisor 0
  script any
  rm -f "$DIR"/do.* "$DIR"/starting.* "$DIR"/worker.*
  supervise --ready=notify
  wait_until begins 1
  run -1 "$TASUKI" signal USR1 app
  contains "$output" 'no generation is serving'
}

@test "events: are told as they happen, until the supervisor ends" {
  ready_workers
  in_background "$BATS_TEST_TMPDIR/events" "$TASUKI" events --json app
  wait_until follows "$BATS_TEST_TMPDIR/events"
  deploy_succeeds
  stop_supervisor 0
  ends_with 0 "$CLIENT"
  [ "$(jq -r 'select(.event != "worker-status") | .event' "$BATS_TEST_TMPDIR/events" | paste -sd,)" = \
    deploy-started,spawned,ready,signalled,left,deploy-succeeded,stopping,signalled,left ]
  jq -es 'all(.[]; .time > 1e9)' "$BATS_TEST_TMPDIR/events"
}

@test "events: in words, for people" {
  ready_workers
  in_background "$BATS_TEST_TMPDIR/events" "$TASUKI" events app
  wait_until follows "$BATS_TEST_TMPDIR/events"
  deploy_succeeds
  wait_until file_has "$BATS_TEST_TMPDIR/events" '^[0-9:]{8}  deploy 1 succeeded'
}

@test "check: says what would be done, and binds and starts nothing" {
  run -0 "$TASUKI" check --port=127.0.0.1:1 --check=false --ready=notify -- "$ACTOR" "$DIR"
  contains "$output" '^listen +TCP 127.0.0.1:1$' '^check +false$' '^ready +notify$'
  never_began 1
  run -2 "$TASUKI" check --port=nonsense -- "$ACTOR" "$DIR"
}
