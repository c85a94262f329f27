#!/usr/bin/env bats
# The measure itself: a loss is seen, and a load that did not run is not taken for a good one.

bats_require_minimum_version 1.5.0
load helper

setup() {
  setup_directory
  port=$(free_port)
}

starlet_alone() {
  start_here env SERVER_STARTER_GENERATION=1 plackup --server Starlet --env deployment --max-workers=2 --host 127.0.0.1 \
    --port "$port" "$ROOT/packaging/examples/starlet/app.psgi"
  wait_until answers "http://127.0.0.1:$port/"
}

restart_starlet_alone() {
  kill -TERM "$PID"
  wait_until gone "$PID"
  starlet_alone
}

@test "wrk sees the gap of a restart without a supervisor" {
  starlet_alone
  wrk_in_background "http://127.0.0.1:$port/" $'generation 1\n'
  sleep 1
  restart_starlet_alone
  end_load "$LOAD"

  [ "$(reported requests "$REPORT")" -gt 0 ]
  run assert_no_loss "$REPORT"

  [ "$status" -ne 0 ]
  [[ "$output" =~ "is not 0" ]]
}

@test "wrk sees a wrong answer" {
  starlet_alone
  wrk_in_background "http://127.0.0.1:$port/" 'another answer
' --duration 1s
  wait "$LOAD" || true

  run assert_no_loss "$REPORT"

  [ "$status" -ne 0 ]
  [[ "$output" =~ "wrong is not 0" ]]
}

@test "a load without a report, or without requests, is not a good one" {
  touch "$DIR/empty"
  echo "RESULT requests=0 right=0 wrong=0 connect=0 read=0 write=0 status=0 timeout=0 generations=0" >"$DIR/none"

  run ! assert_no_loss "$DIR/missing"
  run ! assert_no_loss "$DIR/empty"
  run ! assert_no_loss "$DIR/none"
  run ! assert_h2load_lost_nothing "$DIR/empty" 1000 13
}

@test "h2load sees a server that is gone" {
  # The file of the socket stays behind; nobody listens on it.
  start_here env SERVER_STARTER_GENERATION=1 plackup --server Starlet --env deployment --max-workers=2 --listen "$DIR/socket" \
    "$ROOT/packaging/examples/starlet/app.psgi"
  wait_until answers http://localhost/ --unix-socket "$DIR/socket"
  h2load_round "$DIR/socket" 13
  kill -TERM "$PID"
  wait_until gone "$PID"

  run h2load_round "$DIR/socket" 13

  [ "$status" -ne 0 ]
}
