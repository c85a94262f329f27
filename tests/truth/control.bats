#!/usr/bin/env bats
# The control socket: where it is, who may ask, and that no client is ever in the way.

# shellcheck disable=SC2016,SC2030,SC2031 # sh and jq expand them; each test is a process of its own
bats_require_minimum_version 1.5.0
load helper

setup() {
  setup_directory
  script any 'notify READY=1'
}

RUDE=$BATS_TEST_DIRNAME/workers/client

sockets_of_supervisor() { find "/proc/$SUPERVISOR/fd" -lname 'socket:*' | wc -l; }
descriptors_of_supervisor() { find "/proc/$SUPERVISOR/fd" -mindepth 1 | wc -l; }
supervisor_has_descriptors() { [ "$(descriptors_of_supervisor)" -eq "$1" ]; }
supervisor_has_sockets() { [ "$(sockets_of_supervisor)" -ge "$1" ]; }

# --- where it is ----------------------------------------------------------------------------------

@test "the socket is the owner's alone, whatever the umask" {
  local mask
  for mask in 000 077 777; do
    (
      umask "$mask"
      exec "$TASUKI" --name="mask$mask" --ready=delay -- sleep 3600
    ) </dev/null >>"$LOG" 2>&1 3>&- &
    STARTED+=("$!")
    wait_until "$TASUKI" status "mask$mask"
    [ "$(stat -c %a "$TASUKI_RUNTIME_DIR/mask$mask.sock")" = 600 ]
  done
}

@test "its name is the command's base name unless --name says otherwise" {
  start "$TASUKI" -- "$ACTOR" "$DIR"
  wait_until test -S "$TASUKI_RUNTIME_DIR/actor.sock"
  supervise
  wait_until test -S "$TASUKI_RUNTIME_DIR/app.sock"
}

@test "a command with strange characters in its name gets a name without them" {
  cp "$ACTOR" "$DIR/-my server;1"
  start "$TASUKI" -- "$DIR/-my server;1" "$DIR"
  wait_until test -S "$TASUKI_RUNTIME_DIR/_my_server_1.sock"
}

@test "its directory is made: TASUKI_RUNTIME_DIR, or tasuki/ in XDG_RUNTIME_DIR for who is not root" {
  rmdir "$TASUKI_RUNTIME_DIR"
  supervise
  wait_until test -S "$SOCKET"
  [ "$(id -u)" -eq 0 ] || skip "needs root, to become somebody else"
  mkdir "$BATS_TEST_TMPDIR/xdg"
  chmod a+x "$BATS_RUN_TMPDIR" "$(dirname "$BATS_TEST_TMPDIR")"
  chmod -R a+rX "$BATS_TEST_TMPDIR"
  chmod 777 "$BATS_TEST_TMPDIR/xdg"
  start env -u TASUKI_RUNTIME_DIR XDG_RUNTIME_DIR="$BATS_TEST_TMPDIR/xdg" \
    setpriv --reuid=65534 --regid=65534 --clear-groups "$TASUKI" --name=other -- sleep 3600
  wait_until test -S "$BATS_TEST_TMPDIR/xdg/tasuki/other.sock"
  [ "$(stat -c %a "$BATS_TEST_TMPDIR/xdg/tasuki")" = 700 ]
  # Root may ask another user's supervisor; another user may not ask root's.
  "$TASUKI" status --control="$BATS_TEST_TMPDIR/xdg/tasuki/other.sock"
  chmod 777 "$SOCKET" "$TASUKI_RUNTIME_DIR"
  run setpriv --reuid=65534 --regid=65534 --clear-groups "$TASUKI" status --control="$SOCKET"
  [ "$status" -ne 0 ]
  contains "$output" 'permission denied'
}

@test "--control=PATH puts it elsewhere, and the commands find it there" {
  supervise --control="$BATS_TEST_TMPDIR/elsewhere"
  wait_until "$TASUKI" status --control="$BATS_TEST_TMPDIR/elsewhere"
  [ ! -e "$SOCKET" ]
}

@test "--control=off: there is none, and nothing is said of it" {
  supervise --control=off
  wait_until plays 1
  [ -z "$(ls "$TASUKI_RUNTIME_DIR")" ]
  run ! log_has control
}

@test "start_server has none unless it is asked for one" {
  script any
  start "$START_SERVER" -- "$ACTOR" "$DIR"
  wait_until plays 1
  [ -z "$(ls "$TASUKI_RUNTIME_DIR")" ]
}

@test "a directory that cannot be had costs a warning, not the service" {
  rmdir "$TASUKI_RUNTIME_DIR"
  touch "$TASUKI_RUNTIME_DIR"
  supervise
  wait_until plays 1
  log_has 'without a control socket: .*Not a directory'
  wait_until log_has 'generation 1: worker [0-9]+ is ready'
  kill -HUP "$SUPERVISOR"
  wait_until log_has 'deploy 1 succeeded'
  stop_supervisor 0
}

@test "a --control that fails is an error, and nothing is started" {
  local path
  touch "$BATS_TEST_TMPDIR/file"
  for path in "$BATS_TEST_TMPDIR/no/such/place" "$BATS_TEST_TMPDIR/file" "$(printf '/tmp/%0120d' 1)"; do
    run "$TASUKI" --control="$path" -- "$ACTOR" "$DIR"
    [ "$status" -eq 1 ] || [ "$status" -eq 2 ]
    contains "$output" 'control'
  done
  never_began 1
}

@test "a --control that fails is told to who started a daemon" {
  run -1 "$TASUKI" --daemonize --log-file="$LOG" --control="$BATS_TEST_TMPDIR/no/such/place" -- "$ACTOR" "$DIR"
  contains "$output" 'control socket'
}

@test "a second supervisor of the same name leaves the first one its socket" {
  supervise
  wait_until serves 1
  start_logged "$BATS_TEST_TMPDIR/log2" "$TASUKI" --name=app --ready=delay --interval=0 -- sleep 3600
  wait_until file_has "$BATS_TEST_TMPDIR/log2" 'another supervisor uses it'
  wait_until file_has "$BATS_TEST_TMPDIR/log2" 'is ready'
  kill -TERM "$PID"
  ends_with 0 "$PID"
  [ "$(status .pid)" = "$SUPERVISOR" ]
}

@test "the socket of a supervisor that was killed is taken over by the next" {
  supervise
  wait_until serves 1
  kill -KILL "$SUPERVISOR"
  wait_until gone "$SUPERVISOR"
  kill -KILL "$(pid_of 1)"
  rm "$DIR"/do.* "$DIR"/worker.* "$DIR"/starting.*
  supervise
  wait_until serves 1
  stop_supervisor 0
  [ ! -e "$SOCKET" ]
}

@test "a supervisor whose socket somebody removed serves on, deploys, and stops" {
  supervise
  wait_until serves 1
  rm "$SOCKET"
  kill -HUP "$SUPERVISOR"
  wait_until log_has 'deploy 1 succeeded'
  stop_supervisor 0
}

@test "workers, probes and commands on the side get no descriptor of the control socket" {
  supervise --check="ls -l /proc/self/fd >$DIR/check.fds" --on-event="ls -l /proc/self/fd >$DIR/event.fds"
  wait_until serves 1
  # A client that waits has a descriptor in the supervisor when the next worker is made.
  in_background "$BATS_TEST_TMPDIR/events" "$TASUKI" events app
  wait_until supervisor_has_sockets 2
  deploy_succeeds
  ls -l "/proc/$(pid_of 2)/fd" >"$DIR/worker.fds"
  run ! grep -E 'socket:|eventpoll|signalfd' "$DIR/check.fds" "$DIR/event.fds" "$DIR/worker.fds"
}

# --- clients that misbehave -----------------------------------------------------------------------

@test "rubbish is answered with an error, and nobody else notices" {
  supervise
  wait_until serves 1
  local line
  for line in '' 'restart now' 'RESTART' ' restart' $'restart\r' 'stop please' 'signal' 'signal ' 'signal NOPE' \
    '{"request":"stop"}' $'\xff\xfe' 'GET / HTTP/1.1' 'status status'; do
    run ask "$line"
    [ "$(tail -n 1 <<<"$output" | jq -r .result)" = error ]
  done
  serves 1
  never_began 2
}

@test "only the first line of a connection is a request" {
  supervise
  wait_until serves 1
  run ask $'status\nstop\nrestart'
  sleep 0.3
  serves 1
}

@test "a request that is cut off is none" {
  supervise
  wait_until serves 1
  printf 'restart' | socat -t 1 - "UNIX-CONNECT:$SOCKET"
  printf 'sto' | socat -t 1 - "UNIX-CONNECT:$SOCKET"
  serves 1
  run ! log_has 'requested'
}

@test "a megabyte is answered with an error, and costs the supervisor nothing" {
  supervise
  wait_until serves 1
  run bash -c "head -c 1048576 /dev/zero | tr '\0' x | socat -t 5 - 'UNIX-CONNECT:$SOCKET'"
  run bash -c "head -c 1048576 /dev/urandom | socat -t 5 - 'UNIX-CONNECT:$SOCKET'"
  deploy_succeeds
}

@test "three hundred clients that say nothing are not in the way of one that does" {
  supervise
  wait_until serves 1
  in_background "$BATS_TEST_TMPDIR/clients" "$RUDE" mute "$SOCKET" 300 "$DIR/connected"
  wait_until test -e "$DIR/connected"
  deploy_succeeds
}

@test "a client that stops reading while a thousand events pile up holds up nobody" {
  supervise --interval=0
  wait_until serves 1
  in_background "$BATS_TEST_TMPDIR/clients" "$RUDE" deaf "$SOCKET" 5 "$DIR/connected" events
  wait_until test -e "$DIR/connected"
  in_background "$BATS_TEST_TMPDIR/events" "$TASUKI" events --json app
  local attentive=$CLIENT
  wait_until follows "$BATS_TEST_TMPDIR/events"
  [ "$(sockets_of_supervisor)" -ge 7 ]
  # A line is some 300 bytes, so that these overflow the queue of who reads nothing. Who reads gets
  # them in portions that fit.
  local i
  for i in {1..8}; do
    tell 1 "shout $i 1000"
    wait_until file_has "$BATS_TEST_TMPDIR/events" "shouted $i 1000\""
    [ "$(count_in "$BATS_TEST_TMPDIR/events" "shouted $i ")" -eq 1000 ]
  done
  # The five are gone, and only they.
  [ "$(sockets_of_supervisor)" -le 4 ]
  deploy_succeeds
  kill -0 "$attentive"
}

@test "twenty clients that wait for one deploy get exactly one outcome each, the same" {
  local i clients=()
  supervise
  wait_until serves 1
  # The first deploy is under way, so that those that come now wait together for the next.
  script 2 "run until test -e $DIR/go; do sleep 0.05; done" 'notify READY=1'
  kill -HUP "$SUPERVISOR"
  wait_until begins 2
  for i in {1..20}; do
    in_background "$BATS_TEST_TMPDIR/client.$i" "$TASUKI" restart --json app
    clients+=("$CLIENT")
  done
  wait_until log_counts 'deploy requested' 20
  touch "$DIR/go"
  for i in "${clients[@]}"; do ends_with 0 "$i"; done
  for i in {1..20}; do
    [ "$(jq -r 'select(.result) | "\(.result) \(.deploy) \(.generation)"' "$BATS_TEST_TMPDIR/client.$i")" = 'succeeded 2 3' ]
  done
  serves 3
}

@test "twenty clients that wait for a deploy that fails are told so, once each" {
  local i clients=()
  supervise
  wait_until serves 1
  script 2 "run until test -e $DIR/go; do sleep 0.05; done" 'notify READY=1'
  script 3 'say it was me' 'exit 1'
  kill -HUP "$SUPERVISOR"
  wait_until begins 2
  for i in {1..20}; do
    in_background "$BATS_TEST_TMPDIR/client.$i" "$TASUKI" restart --json app
    clients+=("$CLIENT")
  done
  wait_until log_counts 'deploy requested' 20
  touch "$DIR/go"
  for i in "${clients[@]}"; do ends_with 1 "$i"; done
  for i in {1..20}; do
    [ "$(jq -r 'select(.result) | "\(.result) \(.generation) \(.last_words)"' "$BATS_TEST_TMPDIR/client.$i")" = 'failed 2 it was me' ]
  done
}

@test "a client that vanishes in the middle changes nothing for the deploy, nor for the others" {
  supervise
  wait_until serves 1
  script 2 "run until test -e $DIR/go; do sleep 0.05; done" 'notify READY=1'
  in_background "$BATS_TEST_TMPDIR/one" "$TASUKI" restart app
  local one=$CLIENT
  wait_until begins 2
  in_background "$BATS_TEST_TMPDIR/other" "$TASUKI" restart app
  local other=$CLIENT
  wait_until log_has 'deploy [0-9]+ is queued'
  kill -KILL "$one"
  wait_until gone "$one"
  touch "$DIR/go"
  ends_with 0 "$other"
  [ "$(status '[.deploys[].outcome] | join(",")')" = succeeded,succeeded ]
}

@test "a client that asks and hangs up at once has asked all the same" {
  supervise
  wait_until serves 1
  "$RUDE" hang-up "$SOCKET" 1 "$DIR/connected" restart
  wait_until serves 2
}

@test "a thousand clients that connect and vanish leave nothing behind" {
  supervise
  wait_until serves 1
  local before
  before=$(descriptors_of_supervisor)
  "$RUDE" hang-up "$SOCKET" 1000 "$DIR/connected"
  "$RUDE" hang-up "$SOCKET" 200 "$DIR/connected" status
  wait_until supervisor_has_descriptors "$before"
  serves 1
}

@test "a supervisor that has no descriptors left turns clients away, and deploys again later" {
  prlimit --nofile=64 "$TASUKI" --name=app --ready=notify --interval=0 -- "$ACTOR" "$DIR" </dev/null >>"$LOG" 2>&1 3>&- &
  SUPERVISOR=$!
  STARTED+=("$SUPERVISOR")
  wait_until serves 1
  in_background "$BATS_TEST_TMPDIR/clients" "$RUDE" mute "$SOCKET" 100 "$DIR/connected"
  wait_until test -e "$DIR/connected"
  kill -KILL "$CLIENT"
  wait_until "$TASUKI" status app
  deploy_succeeds
}
