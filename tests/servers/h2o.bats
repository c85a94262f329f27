#!/usr/bin/env bats
# h2o in its three modes: as a worker under the supervisor, and in the modes master and daemon, in
# which it executes $H2O_ROOT/share/h2o/start_server itself.
#
# h2o compares its configuration with its sockets (getsockname) and starts only if they are the same
# set: `listen: PORT` means 0.0.0.0 and [::], and both must be there.
#
# Its graceful stop loses nothing with keep-alive either: it closes a connection with an answer
# that says so, never an idle one before its timeout.

load helper

BODY='h2o is right
'

setup() {
  setup_directory
  mkdir "$DIR/documents"
  printf '%s' "$BODY" >"$DIR/documents/index.html"
}

# configure_h2o LINE...: a configuration with these lines, and the documents.
configure_h2o() {
  {
    # Otherwise root becomes "nobody", who cannot read this directory.
    if [ "$(id -u)" -eq 0 ]; then
      echo "user: root"
    fi
    printf '%s\n' "$@"
    cat <<EOF
num-threads: 2
hosts:
  default:
    paths:
      /:
        file.dir: $DIR/documents
EOF
  } >"$DIR/h2o.conf"
}

# start_h2o_itself MODE: h2o -m MODE, which finds the program under test as its start_server.
start_h2o_itself() {
  mkdir -p "$DIR/root/share/h2o"
  ln -s /usr/share/h2o/* "$DIR/root/share/h2o/"
  ln -sf "$SUPERVISOR" "$DIR/root/share/h2o/start_server"
  start_here env H2O_ROOT="$DIR/root" h2o -m "$1" -c "$DIR/h2o.conf"
}

listen_on() {
  printf '%s\n' "listen:" "  host: $1" "  port: $2"
}

listen_on_path() {
  printf '%s\n' "listen:" "  type: unix" "  port: $1"
}

@test "h2o loses nothing when each request is a new connection" {
  port=$(free_port)
  configure_h2o "$(listen_on 127.0.0.1 "$port")"
  supervise "--port=127.0.0.1:$port" -- h2o -c "$DIR/h2o.conf"
  wait_until answers "http://127.0.0.1:$port/"

  wrk_during_deploys "$PID" "http://127.0.0.1:$port/" "$BODY" -H 'Connection: close'

  assert_no_loss "$REPORT"
  generation_is_at_least "$((LEAST_DEPLOYS + 1))"
  h2o_started_at_least "$DIR/log" "$((LEAST_DEPLOYS + 1))"
  assert_stops_without_trace "$PID"
}

@test "h2o loses nothing with keep-alive" {
  port=$(free_port)
  configure_h2o "$(listen_on 127.0.0.1 "$port")"
  supervise "--port=127.0.0.1:$port" -- h2o -c "$DIR/h2o.conf"
  wait_until answers "http://127.0.0.1:$port/"

  wrk_during_deploys "$PID" "http://127.0.0.1:$port/" "$BODY"

  assert_no_loss "$REPORT"
  generation_is_at_least "$((LEAST_DEPLOYS + 1))"
  h2o_started_at_least "$DIR/log" "$((LEAST_DEPLOYS + 1))"
  assert_stops_without_trace "$PID"
}

@test "h2o on a unix socket answers every request" {
  configure_h2o "$(listen_on_path "$DIR/socket")"
  supervise "--path=$DIR/socket" --backlog=16384 -- h2o -c "$DIR/h2o.conf"
  wait_until answers http://localhost/ --unix-socket "$DIR/socket"

  h2load_during_deploys "$PID" "$DIR/socket" "${#BODY}"

  generation_is_at_least "$((LEAST_DEPLOYS + 1))"
  assert_stops_without_trace "$PID"
  [ ! -e "$DIR/socket" ]
}

@test "h2o -m master runs on this start_server and loses nothing, in both families" {
  # start_server --pid-file=… --port=0.0.0.0:PORT --port=[::]:PORT -- h2o -c FILE
  port=$(free_port)
  configure_h2o "listen: $port" "pid-file: $PID_FILE"
  start_h2o_itself master
  wait_until answers "http://127.0.0.1:$port/"
  wait_until answers "http://[::1]:$port/"
  [ "$(cat "$PID_FILE")" = "$PID" ]

  wrk_in_background "http://[::1]:$port/" "$BODY"
  other_load=$LOAD
  other_report=$DIR/wrk.other
  mv "$REPORT" "$other_report"
  wrk_during_deploys "$PID" "http://127.0.0.1:$port/" "$BODY" -H 'Connection: close'
  end_load "$other_load"

  assert_no_loss "$REPORT"
  assert_no_loss "$other_report"
  h2o_started_at_least "$DIR/log" "$((LEAST_DEPLOYS + 1))"
  assert_stops_without_trace "$PID"
}

@test "h2o -m daemon runs on this start_server and loses nothing, on its port and its path" {
  # start_server --pid-file=… --log-file=… --daemonize --path=… --port=… -- h2o -c FILE
  port=$(free_port)
  configure_h2o "$(listen_on_path "$DIR/socket")" "$(listen_on 127.0.0.1 "$port")" \
    "pid-file: $PID_FILE" "error-log: $DIR/h2o.log"
  start_h2o_itself daemon
  wait_until gone "$PID"
  wait "$PID"
  wait_until answers "http://127.0.0.1:$port/"
  daemon=$(cat "$PID_FILE")

  wrk_in_background "http://127.0.0.1:$port/" "$BODY"
  h2load_during_deploys "$daemon" "$DIR/socket" "${#BODY}"
  end_load "$LOAD"

  assert_no_loss "$REPORT"
  h2o_started_at_least "$DIR/h2o.log" "$((LEAST_DEPLOYS + 1))"
  kill -TERM "$daemon"
  wait_until gone "$daemon"
  assert_nothing_left
  [ ! -e "$DIR/socket" ]
}

@test "h2o -m daemon writes its log through a command" {
  # start_server --log-file='|cat >…' --daemonize …
  port=$(free_port)
  configure_h2o "$(listen_on 127.0.0.1 "$port")" "pid-file: $PID_FILE" \
    "error-log: '|cat >$DIR/h2o.log'"

  start_h2o_itself daemon

  wait_until answers "http://127.0.0.1:$port/"
  wait_until h2o_started_at_least "$DIR/h2o.log" 1
  daemon=$(cat "$PID_FILE")
  kill -TERM "$daemon"
  wait_until gone "$daemon"
  assert_nothing_left
}

@test "h2o with a bare listen port finds both families behind --port *:PORT" {
  if [ "$(realpath "$SUPERVISOR")" = "$(realpath "$REFERENCE")" ]; then
    skip "the reference does not know *:PORT"
  fi
  port=$(free_port)
  configure_h2o "listen: $port"
  supervise "--port=*:$port" -- h2o -c "$DIR/h2o.conf"
  wait_until answers "http://127.0.0.1:$port/"

  wrk_during_deploys "$PID" "http://[::1]:$port/" "$BODY" -H 'Connection: close'

  answers "http://127.0.0.1:$port/"
  assert_no_loss "$REPORT"
  generation_is_at_least "$((LEAST_DEPLOYS + 1))"
  assert_stops_without_trace "$PID"
}
