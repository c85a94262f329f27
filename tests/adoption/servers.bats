#!/usr/bin/env bats
# Servers that bind for themselves and know nothing of their supervisor, as their users start them,
# deployed ten times under load. No connection may be refused, by any of them. What an old generation
# had begun when it was told to leave is its own to finish: those with a graceful stop must, of the
# others RESULTS.md says how much they dropped (tests/adoption/table).
#
# HUPS=N asks for another number of deploys.

bats_require_minimum_version 1.5.0
load helper

# bats test_tags=few
@test "without adoption the same server dies of the address that the supervisor holds" {
  describe http_server
  start_below "$HOLD" --adopt=off
  wait_until log_has 'Address already in use'
  run ! is_answered
}

# bats test_tags=few
@test "python3 -m http.server: nobody is refused" {
  deploy_under_load http_server
  assert_nobody_was_refused
  assert_stops_without_trace
}

@test "gunicorn: nobody is refused, and nothing that it had begun is lost" {
  deploy_under_load gunicorn
  assert_nobody_was_refused
  assert_nothing_was_lost
  assert_stops_without_trace
}

@test "gunicorn on a unix socket, which it removes when it starts and when it leaves: nobody is refused" {
  deploy_under_load gunicorn_unix
  assert_nobody_was_refused
  assert_nothing_was_lost
  assert_stops_without_trace
}

@test "uvicorn: nobody is refused" {
  deploy_under_load uvicorn
  assert_nobody_was_refused
  assert_stops_without_trace
}

# bats test_tags=few
@test "Node's http: nobody is refused" {
  deploy_under_load node_http
  assert_nobody_was_refused
  assert_stops_without_trace
}

@test "Node's cluster, whose primary binds for its workers: nobody is refused" {
  deploy_under_load node_cluster
  assert_nobody_was_refused
  assert_stops_without_trace
}

@test "a static Go program: nobody is refused, and nothing that it had begun is lost" {
  deploy_under_load go
  assert_nobody_was_refused
  assert_nothing_was_lost
  assert_stops_without_trace
}

@test "nginx: nobody is refused, and nothing that it had begun is lost" {
  deploy_under_load nginx
  assert_nobody_was_refused
  assert_nothing_was_lost
  assert_stops_without_trace
}

@test "Apache httpd: nobody is refused, and nothing that it had begun is lost" {
  deploy_under_load apache
  assert_nobody_was_refused
  assert_nothing_was_lost
  assert_stops_without_trace
}

@test "php -S: nobody is refused" {
  deploy_under_load php
  assert_nobody_was_refused
  assert_stops_without_trace
}

@test "redis-server: nobody is refused" {
  deploy_under_load redis
  assert_nobody_was_refused
  assert_stops_without_trace
}

# bats test_tags=few
@test "a C server whose threads each bind with SO_REUSEPORT: nobody is refused, and nothing is lost" {
  deploy_under_load threads
  assert_nobody_was_refused
  assert_nothing_was_lost
  assert_stops_without_trace
}

@test "a server two processes below the worker: nobody is refused, and nothing is lost" {
  deploy_under_load wrapped
  assert_nobody_was_refused
  assert_nothing_was_lost
  assert_stops_without_trace
}

# bats test_tags=few
@test "a UDP echo: nobody is refused" {
  deploy_under_load udp_echo
  assert_nobody_was_refused
  assert_stops_without_trace
}
