#!/usr/bin/env bats
# Starman under the supervisor, with QUIT, its signal for a graceful stop: on TERM it kills its
# children in the middle of a request.
#
# Its graceful stop loses connections of its own accord: a child that is told to leave between
# accept() and the arrival of the request closes the connection unread (lib/StarmanDrain.pm says
# how). Under full load these are one or two a deploy, with any supervisor, and with Starman's own
# HUP and no supervisor at all. The two set-ups here are free of it: behind a proxy that asks once
# more, as Starman is mostly run, and with a module that mends the stop.
#
# Keep-alive is left to the proxy: a child that waits for the next request on a connection closes
# it on the signal, whenever that comes.

load helper

BODY= # any generation's
APP=$ROOT/packaging/examples/starman/app.psgi

# starman_on PORT [STARMAN-OPTION...]
starman_on() {
  supervise "--port=127.0.0.1:$1" --signal-on-hup=QUIT --signal-on-term=QUIT -- \
    starman --workers 5 "${@:2}" "$APP"
}

@test "Starman with a mended graceful stop loses nothing" {
  port=$(free_port)
  starman_on "$port" -I "$SERVERS/lib" -MStarmanDrain --disable-keepalive
  wait_until answers "http://127.0.0.1:$port/"

  wrk_during_deploys "$PID" "http://127.0.0.1:$port/" "$BODY"

  assert_no_loss "$REPORT"
  assert_generations_answered "$REPORT"
  generation_is_at_least "$((LEAST_DEPLOYS + 1))"
  assert_stops_without_trace "$PID"
}

@test "Starman as it is, behind nginx that asks again, loses nothing" {
  # The same server three times: nginx has somewhere to go when a connection is closed unread.
  port=$(free_port)
  backend=$(free_port)
  starman_on "$backend"
  supervisor=$PID
  wait_until answers "http://127.0.0.1:$backend/"
  server="127.0.0.1:$backend"
  start_nginx "$port" "$server" "proxy_next_upstream error timeout;" "$server" "$server"
  nginx=$PID

  wrk_during_deploys "$supervisor" "http://127.0.0.1:$port/" "$BODY"

  assert_no_loss "$REPORT"
  assert_generations_answered "$REPORT"
  generation_is_at_least "$((LEAST_DEPLOYS + 1))"
  kill -TERM "$nginx"
  wait_until gone "$nginx"
  assert_stops_without_trace "$supervisor"
}
