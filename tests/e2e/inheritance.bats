#!/usr/bin/env bats
# How a worker is told of its sockets, as it finds it in its environment.

bats_require_minimum_version 1.5.0
load helper

# serve OPTION...: two sockets, and a supervisor that was itself started with such variables.
serve() {
  start env NGINX='9;' UNICORN_FD=9 EINHORN_FD_0=9 LISTEN_FDS=9 LISTEN_PID=1 LISTEN_FDNAMES=above \
    "$PROGRAM" --interval=0 --pid-file="$PID_FILE" --status-file="$STATUS_FILE" \
    --port=127.0.0.1:0 --path="$SOCKET" "$@" -- "$HELLO"
  SUPERVISOR=$PID
  wait_serving 1
}

told() {
  tr '\0' '\n' <"/proc/$(pid_of 1)/environ" | grep -E '^(NGINX|UNICORN_FD|EINHORN_|FPM_SOCKETS|LISTEN_|SERVER_STARTER_)' | sort
}

@test "tasuki hands sockets on in the words of systemd and Server::Starter, and nothing from above" {
  serve
  told >"$DIR/told"
  equal "$(variable LISTEN_PID 1)" "$(pid_of 1)"
  equal "$(sed 's/=.*//' "$DIR/told" | xargs)" \
    'LISTEN_FDS LISTEN_PID SERVER_STARTER_GENERATION SERVER_STARTER_PORT'
  has "$DIR/told" "^LISTEN_FDS=2\$"
  has "$DIR/told" "^SERVER_STARTER_PORT=127.0.0.1:[0-9]+=3;$SOCKET=4\$"
}

@test "start_server hands sockets on as the original does, and nothing from above" {
  PROGRAM=$START_SERVER
  serve
  told >"$DIR/told"
  equal "$(sed 's/=.*//' "$DIR/told" | xargs)" 'SERVER_STARTER_GENERATION SERVER_STARTER_PORT'
}

@test "each generation finds its own pid in LISTEN_PID" {
  serve
  kill -HUP "$SUPERVISOR"
  wait_serving 2
  equal "$(variable LISTEN_PID 2)" "$(pid_of 2)"
  equal "$(variable SERVER_STARTER_GENERATION 2)" 2
}

@test "the other conventions are written when they are asked for, and no others then" {
  serve --inherit=server-starter,nginx,einhorn,unicorn,php-fpm
  equal "$(variable NGINX 1)" '3;4;'
  equal "$(variable UNICORN_FD 1)" 3,4
  equal "$(variable EINHORN_FD_COUNT 1)" 2
  equal "$(variable EINHORN_FD_1 1)" 4
  equal "$(variable EINHORN_FD_FAMILY_1 1)" AF_UNIX
  equal "$(variable EINHORN_MASTER_PID 1)" "$SUPERVISOR"
  [[ "$(variable FPM_SOCKETS 1)" =~ ^127.0.0.1:[0-9]+=3,$SOCKET=4$ ]]
  run ! grep -zE '^LISTEN_' "/proc/$(pid_of 1)/environ"
}

@test "where the numbers have a gap, LISTEN_FDS is not set, and a line says so" {
  serve --port=127.0.0.1:0=7
  wait_until log_has "not setting LISTEN_FDS: .* descriptor 5 is not a socket"
  run ! grep -zE '^LISTEN_' "/proc/$(pid_of 1)/environ"
}

@test "an unknown convention is refused with the names of all" {
  attempt "$TASUKI" --inherit=systemd,upstart -- true
  equal "$STATUS_CODE" 2
  has "$DIR/stderr" "^tasuki: --inherit: expected a list of server-starter, systemd, .* got 'upstart'$"
}
