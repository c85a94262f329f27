#!/usr/bin/env bats
# --port and --backlog: what is bound, and what the worker is told about it.

# shellcheck disable=SC2030,SC2031 # each test is a process of its own, and means to be
load helper

@test "a bare port is bound on IPv4's wildcard and listens" {
  local port
  port=$(free_port)
  supervise --interval=0 --port="$port"
  wait_generation 1
  equal "$(listed 1)" "$port"
  equal "$(socket 1 "$port")" "inet stream listening 0.0.0.0 $port"
  equal "$(body "http://127.0.0.1:$port/")" 1
}

@test "a host and a port are bound there only" {
  local port
  port=$(free_port)
  supervise --interval=0 --port="127.0.0.1:$port"
  wait_generation 1
  equal "$(listed 1)" "127.0.0.1:$port"
  equal "$(socket 1 "127.0.0.1:$port")" "inet stream listening 127.0.0.1 $port"
}

@test "a host name is resolved, and told as it was given" {
  local port
  port=$(free_port)
  supervise --interval=0 --port="localhost:$port"
  wait_generation 1
  equal "$(listed 1)" "localhost:$port"
  equal "$(socket 1 "localhost:$port")" "inet stream listening 127.0.0.1 $port"
}

@test "an IPv6 address in brackets is bound for IPv6 only" {
  local port
  port=$(free_port)
  supervise --interval=0 --port="[::1]:$port"
  wait_generation 1
  equal "$(listed 1)" "[::1]:$port"
  equal "$(socket 1 "[::1]:$port")" "inet6only stream listening ::1 $port"
  equal "$(body "http://[::1]:$port/")" 1
}

@test "an IPv6 address without brackets is told with them" {
  local port
  port=$(free_port)
  supervise --interval=0 --port="::1:$port"
  wait_generation 1
  equal "$(listed 1)" "[::1]:$port"
  equal "$(socket 1 "[::1]:$port")" "inet6only stream listening ::1 $port"
}

@test "an IPv4 address in brackets is told without them" {
  local port
  port=$(free_port)
  supervise --interval=0 --port="[127.0.0.1]:$port"
  wait_generation 1
  equal "$(listed 1)" "127.0.0.1:$port"
}

@test "both families' wildcards can be given for one port" {
  local port
  port=$(free_port)
  supervise --interval=0 --port="$port" --port="[::]:$port"
  wait_generation 1
  equal "$(listed 1)" "$port;[::]:$port"
  equal "$(socket 1 "$port")" "inet stream listening 0.0.0.0 $port"
  equal "$(socket 1 "[::]:$port")" "inet6only stream listening :: $port"
}

@test "a port with u before it is UDP, and told without the u" {
  local port
  port=$(free_port)
  supervise --interval=0 --port="u$port"
  wait_generation 1
  equal "$(listed 1)" "$port"
  equal "$(socket 1 "$port")" "inet dgram idle 0.0.0.0 $port"
}

@test "UDP is bound on a host as well, in both families" {
  local port
  port=$(free_port)
  supervise --interval=0 --port="127.0.0.1:u$port" --port="[::1]:u$port"
  wait_generation 1
  equal "$(listed 1)" "127.0.0.1:$port;[::1]:$port"
  equal "$(socket 1 "127.0.0.1:$port")" "inet dgram idle 127.0.0.1 $port"
  equal "$(socket 1 "[::1]:$port")" "inet6only dgram idle ::1 $port"
}

@test "=N puts the socket at descriptor N" {
  local first second third
  first=$(free_port)
  second=$(free_port)
  third=$(free_port)
  supervise --interval=0 --port="$first=27" --port="127.0.0.1:$second=29" --port="[::1]:$third=31"
  wait_generation 1
  equal "$(worker_env 1 SERVER_STARTER_PORT)" "$first=27;127.0.0.1:$second=29;[::1]:$third=31"
  equal "$(socket 1 "$first")" "inet stream listening 0.0.0.0 $first"
  equal "$(socket 1 "127.0.0.1:$second")" "inet stream listening 127.0.0.1 $second"
  equal "$(socket 1 "[::1]:$third")" "inet6only stream listening ::1 $third"
}

@test "=N works for UDP, and beside ports without it" {
  local first second
  first=$(free_port)
  second=$(free_port)
  supervise --interval=0 --port="u$first=27" --port="127.0.0.1:$second"
  wait_generation 1
  equal "$(listed 1)" "$first;127.0.0.1:$second"
  equal "$(socket 1 "$first")" "inet dgram idle 0.0.0.0 $first"
  equal "$(socket 1 "127.0.0.1:$second")" "inet stream listening 127.0.0.1 $second"
}

@test "ports come in the order of the options, then paths in theirs" {
  local first second
  first=$(free_port)
  second=$(free_port)
  supervise --interval=0 --path="$BATS_TEST_TMPDIR/b" --port="127.0.0.1:$first" \
    --path="$BATS_TEST_TMPDIR/a" --port="$second"
  wait_generation 1
  equal "$(listed 1)" "127.0.0.1:$first;$second;$BATS_TEST_TMPDIR/b;$BATS_TEST_TMPDIR/a"
}

@test "without ports and paths SERVER_STARTER_PORT is there and empty" {
  supervise --interval=0
  wait_generation 1
  equal "$(worker_env 1 SERVER_STARTER_PORT)" ""
}

@test "an option's value may also be the next argument" {
  local port
  port=$(free_port)
  supervise --interval 0 --port "$port" --pid-file "$PID_FILE"
  wait_generation 1
  equal "$(listed 1)" "$port"
  equal "$(cat "$PID_FILE")" "$SUPERVISOR"
}

@test "each generation gets the same sockets under the same numbers" {
  local port
  port=$(free_port)
  supervise --interval=0 --port="$port" --port="127.0.0.1:u$port" --path="$BATS_TEST_TMPDIR/web"
  wait_generation 1
  deploy 2
  equal "$(worker_env 2 SERVER_STARTER_PORT)" "$(worker_env 1 SERVER_STARTER_PORT)"
  equal "$(cat "$RECORD/sockets.2")" "$(cat "$RECORD/sockets.1")"
}

@test "a port can be bound again at once after a stop, in spite of old connections" {
  local port
  port=$(free_port)
  supervise --interval=0 --port="$port"
  wait_generation 1
  # The worker closes first, so the connection stays in TIME_WAIT on its side.
  equal "$(body "http://127.0.0.1:$port/")" 1
  stop_supervisor
  rm "$RECORD/worker.1"
  supervise --interval=0 --port="$port"
  wait_generation 1
  equal "$(body "http://127.0.0.1:$port/")" 1
}

@test "a port in use is an error, and no worker starts" {
  local port
  port=$(free_port)
  supervise --interval=0 --port="$port"
  wait_generation 1
  mkdir "$BATS_TEST_TMPDIR/other"
  run_program --port="$port" -- "$RECORDER" "$BATS_TEST_TMPDIR/other"
  [ "$STATUS_CODE" -ne 0 ]
  [ ! -e "$BATS_TEST_TMPDIR/other/worker.1" ]
}

@test "a port that is none is an error, and no worker starts" {
  local bad
  for bad in web 127.0.0.1 127.0.0.1: 8080=x '[::1]' ''; do
    run_program --port="$bad" -- "$RECORDER" "$RECORD"
    [ "$STATUS_CODE" -ne 0 ]
    never_started 1
  done
}

@test "--backlog is the backlog of TCP and unix sockets" {
  local port
  port=$(free_port)
  supervise --interval=0 --port="127.0.0.1:$port" --path="$BATS_TEST_TMPDIR/web" --backlog=37
  wait_generation 1
  equal "$(ss -lntH "sport = :$port" | awk '{ print $3 }')" 37
  equal "$(ss -lxH "src = $BATS_TEST_TMPDIR/web" | awk '{ print $4 }')" 37
}

@test "the backlog is SOMAXCONN when not given" {
  local port expected
  port=$(free_port)
  expected=$(cat /proc/sys/net/core/somaxconn)
  if [ "$expected" -gt 4096 ]; then
    expected=4096
  fi
  supervise --interval=0 --port="127.0.0.1:$port"
  wait_generation 1
  equal "$(ss -lntH "sport = :$port" | awk '{ print $3 }')" "$expected"
}
