#!/usr/bin/env bats
# The other column of the table: the same servers below the same supervisor without adoption. Nobody
# holds their address, so that the first generation can bind it; then they are deployed three times.
# Nothing is judged here; tests/adoption/table counts.

# shellcheck source-path=SCRIPTDIR/..
load ../helper

setup_file() {
  build_programs
}

deploys_end() {
  [ "$(grep -cE '(deploy [0-9]+ (succeeded|failed))' "$LOG")" -ge "$1" ]
}

# measure SERVER: deploys it three times, each when the last one has ended, or after ten seconds.
measure() {
  local deploy
  describe "$1"
  # shellcheck disable=SC2034 # the helper reads it
  INTERVAL=1
  start_below --adopt=off
  wait_until generation_is_at_least 1
  wait_until is_answered
  load_begins
  for deploy in 1 2 3; do
    kill -HUP "$SUPERVISOR"
    patiently 100 deploys_end "$deploy" || true
  done
  load_ends
  keep_for_the_table "$1.without"
  if [ -n "${ADOPTION_RECORDS:-}" ]; then
    cat "$LOG" >>"$ADOPTION_RECORDS/$1.without"
  fi
}

@test "http_server is deployed three times without adoption" {
  measure http_server
}

@test "gunicorn is deployed three times without adoption" {
  measure gunicorn
}

@test "gunicorn_unix is deployed three times without adoption" {
  measure gunicorn_unix
}

@test "uvicorn is deployed three times without adoption" {
  measure uvicorn
}

@test "node_http is deployed three times without adoption" {
  measure node_http
}

@test "node_cluster is deployed three times without adoption" {
  measure node_cluster
}

@test "go is deployed three times without adoption" {
  measure go
}

@test "nginx is deployed three times without adoption" {
  measure nginx
}

@test "apache is deployed three times without adoption" {
  measure apache
}

@test "php is deployed three times without adoption" {
  measure php
}

@test "redis is deployed three times without adoption" {
  measure redis
}

@test "threads is deployed three times without adoption" {
  measure threads
}

@test "wrapped is deployed three times without adoption" {
  measure wrapped
}

@test "udp_echo is deployed three times without adoption" {
  measure udp_echo
}
