#!/usr/bin/env bats
# What a worker of an unprivileged user, or anybody else on the host, can do to the supervisor: it
# serves on, answers and stops. Each attack stopped a supervisor that touched what came from a
# worker itself.

load helper

setup() {
  set_up_attack
}

teardown() {
  tear_down_attack
}

setup_file() {
  bats_require_minimum_version 1.5.0
}

# withstands ATTACK: the client loses nothing, the supervisor answers, deploys, and stops.
withstands() {
  serve "$1"
  measure "$PORT"
  nothing_is_lost
  stop_is_obeyed
}

@test "nobody attacks: the figures to compare with" {
  withstands none
}

@test "an address in memory that never answers holds up nobody but its worker" {
  needs_fuse
  withstands memory
}

@test "a descriptor whose close never ends holds up nobody but its worker" {
  needs_fuse
  withstands descriptor
}

@test "a bind by a thread that gets no processor holds up nobody" {
  withstands idle
}

@test "a connection with unsent data, closed in the middle of its bind, holds up nobody" {
  withstands lingering
}

# notify_address PID
notify_address() {
  tr '\0' '\n' <"/proc/$1/environ" | sed -n 's/^NOTIFY_SOCKET=//p'
}

# sends_sockets PID: somebody else sends them to that worker's NOTIFY_SOCKET.
sends_sockets() {
  start setpriv --reuid=games --regid=games --clear-groups "$HOSTILE" senders \
    "$(notify_address "$1")" "$((SECONDS_EACH + 3 * PATIENCE))"
  wait_until log_has '^attacks'
}

@test "sockets with unsent data, sent to NOTIFY_SOCKET by anybody, hold up nobody: a server on a port" {
  serve none
  sends_sockets "$(worker_of 1)"
  measure "$PORT"
  nothing_is_lost
  stop_is_obeyed
}

@test "the same for a server on a path, which removes files for each request, and for its deploy" {
  local path=$DIR/socket
  supervise --user=nobody --interval=3600 --path="$path,mode=0666" -- "$HOSTILE" none "$path"
  wait_until log_has 'worker [0-9]+ is ready'
  sends_sockets "$(worker_of 1)"
  measure "$path"
  nothing_is_lost
  "$TASUKI" restart --control="$DIR/control" --timeout=60
  stop_is_obeyed
}

@test "what an old generation left behind does not get the socket of a newer one" {
  export GO=$DIR/go
  LEFTOVER_PORT=$(free_port)
  export LEFTOVER_PORT
  cat >"$DIR/app.ini" <<INI
[service]
command = $HOSTILE leftover $PORT
[worker]
user = nobody
[deploy]
interval = 3600
[listen web]
port = 127.0.0.1:$PORT
INI
  supervise --config="$DIR/app.ini"
  wait_until log_has '^left behind'
  cat >"$DIR/app.ini" <<INI
[service]
command = $HOSTILE none $LEFTOVER_PORT
[worker]
user = games
[deploy]
interval = 3600
[listen other]
port = 127.0.0.1:$LEFTOVER_PORT
INI
  "$TASUKI" restart --control="$DIR/control" --timeout=60
  touch "$GO"
  wait_until log_has '^leftover: bind'
  log_has '^leftover: bind Address already in use'
  kill -KILL "$(sed -n 's/^left behind //p' "$LOG")"
}

@test "a companion that its worker's user kills harms that generation alone, and the log says so once" {
  serve none
  local companion
  companion=$(companions "$SUPERVISOR")
  setpriv --reuid=nobody --regid=nogroup --clear-groups kill -KILL "$companion"
  wait_until log_has "generation 1: the companion .pid $companion. of worker [0-9]+ was killed by KILL"
  "$KNOCK" "$PORT" 1 >"$BATS_TEST_TMPDIR/figures"
  grep -E '^requests [1-9][0-9]* lost 0 ' "$BATS_TEST_TMPDIR/figures"
  "$TASUKI" restart --control="$DIR/control" --timeout=60
  wait_until log_has 'generation 2: worker [0-9]+ bound'
  equal "$(count 'companion')" 1
  stop_is_obeyed
}

@test "a companion that is stopped does not hold up the stop" {
  serve none
  kill -STOP "$(companions "$SUPERVISOR")"
  stop_is_obeyed
}
