#!/usr/bin/env bats
# Starlet under the supervisor. Its children only note a TERM and leave between two connections,
# and its master repeats the signal each second, so nothing is lost in a graceful stop, with
# keep-alive either: the last answer on a connection says that it closes.

load helper

BODY= # any generation's
APP=$ROOT/packaging/examples/starlet/app.psgi
# "generation N" and a newline: there are fewer than ten.
LENGTH=13

# starlet_on LISTENER-OPTION... [-- STARLET-OPTION...]
starlet_on() {
  local listeners=()
  while [ $# -gt 0 ] && [ "$1" != -- ]; do
    listeners+=("$1")
    shift
  done
  supervise "${listeners[@]}" -- \
    plackup --server Starlet --env deployment --max-workers=5 "${@:2}" "$APP"
}

@test "Starlet on a port loses nothing when each request is a new connection" {
  port=$(free_port)
  starlet_on "--port=127.0.0.1:$port"
  wait_until answers "http://127.0.0.1:$port/"

  # One request a connection is Starlet's default: it answers "Connection: close".
  wrk_during_deploys "$PID" "http://127.0.0.1:$port/" "$BODY"

  assert_no_loss "$REPORT"
  assert_generations_answered "$REPORT"
  generation_is_at_least "$((LEAST_DEPLOYS + 1))"
  assert_stops_without_trace "$PID"
}

@test "Starlet on a port loses nothing with keep-alive" {
  port=$(free_port)
  starlet_on "--port=127.0.0.1:$port" -- --max-keepalive-reqs=100 --max-reqs-per-child=10000
  wait_until answers "http://127.0.0.1:$port/"

  wrk_during_deploys "$PID" "http://127.0.0.1:$port/" "$BODY"

  assert_no_loss "$REPORT"
  assert_generations_answered "$REPORT"
  generation_is_at_least "$((LEAST_DEPLOYS + 1))"
  assert_stops_without_trace "$PID"
}

@test "Starlet on two ports loses nothing on either" {
  # With more than one listener, Starlet makes them non-blocking and waits in select().
  port=$(free_port)
  other=$(free_port)
  starlet_on "--port=127.0.0.1:$port" "--port=127.0.0.1:$other"
  wait_until answers "http://127.0.0.1:$port/"
  wait_until answers "http://127.0.0.1:$other/"

  wrk_in_background "http://127.0.0.1:$other/" "$BODY"
  other_load=$LOAD
  other_report=$DIR/wrk.other
  mv "$REPORT" "$other_report"
  wrk_during_deploys "$PID" "http://127.0.0.1:$port/" "$BODY"
  end_load "$other_load"

  assert_no_loss "$REPORT"
  assert_no_loss "$other_report"
  generation_is_at_least "$((LEAST_DEPLOYS + 1))"
  assert_stops_without_trace "$PID"
}

@test "Starlet on a unix socket answers every request" {
  starlet_on "--path=$DIR/socket" --backlog=16384
  wait_until answers http://localhost/ --unix-socket "$DIR/socket"

  h2load_during_deploys "$PID" "$DIR/socket" "$LENGTH"

  generation_is_at_least "$((LEAST_DEPLOYS + 1))"
  assert_stops_without_trace "$PID"
  [ ! -e "$DIR/socket" ]
}

@test "Starlet on a unix socket behind nginx loses nothing" {
  # nginx opens a connection for each request and may not try again: what Starlet loses, wrk sees
  # as a 502. The backlog matters: where a full one makes a TCP client wait, connect() to a unix
  # socket fails at once.
  port=$(free_port)
  starlet_on "--path=$DIR/socket" --backlog=16384
  supervisor=$PID
  wait_until answers http://localhost/ --unix-socket "$DIR/socket"
  start_nginx "$port" "unix:$DIR/socket" "proxy_next_upstream off;"
  nginx=$PID

  wrk_during_deploys "$supervisor" "http://127.0.0.1:$port/" "$BODY"

  assert_no_loss "$REPORT"
  assert_generations_answered "$REPORT"
  generation_is_at_least "$((LEAST_DEPLOYS + 1))"
  kill -TERM "$nginx"
  wait_until gone "$nginx"
  assert_stops_without_trace "$supervisor"
}
