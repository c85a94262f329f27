#!/usr/bin/env bats
# Sockets from above, as systemd hands them to the service of a .socket unit. The real
# systemd-socket-activate opens them, and starts the supervisor at the first connection.

bats_require_minimum_version 1.5.0
load helper

# activate OPTION... -- [OPTION...]: what comes before the -- is systemd-socket-activate's, with
# which it listens on $PORT and $SOCKET, too; what comes behind is the supervisor's. Returns when
# generation 1 serves; the supervisor is then the process that systemd-socket-activate was.
activate() {
  local options=(--listen="127.0.0.1:$PORT" --listen="$SOCKET")
  while [ "$1" != -- ]; do
    options+=("$1")
    shift
  done
  shift
  activate_alone "${options[@]}" -- "$@"
  wait_until answers http://localhost/ --unix-socket "$SOCKET"
  wait_until started 1
}

# activate_alone OPTION... -- [OPTION...]: the same with nothing but these options, and no waiting.
activate_alone() {
  local options=()
  while [ "$1" != -- ]; do
    options+=("$1")
    shift
  done
  shift
  start systemd-socket-activate --setenv=TASUKI_RUNTIME_DIR --setenv=ASAN_OPTIONS \
    --setenv=UBSAN_OPTIONS "${options[@]}" \
    "$PROGRAM" --interval=0 --pid-file="$PID_FILE" --status-file="$STATUS_FILE" "$@" -- "$HELLO"
  SUPERVISOR=$PID
}

# sockets PORT: how many sockets listen there.
sockets() {
  ss --no-header --listening --tcp --numeric "sport = :$1" | wc -l
}

@test "sockets from above are the listeners where no option names any, and stay when the service ends" {
  PORT=$(free_port)
  activate --fdname=web:local --
  equal "$(variable SERVER_STARTER_PORT)" "127.0.0.1:$PORT=3;$SOCKET=4"
  equal "$(variable LISTEN_FDS)" 2
  equal "$(variable LISTEN_FDNAMES)" web:local
  equal "$(variable LISTEN_PID)" "$(pid_of 1)"
  answers "http://127.0.0.1:$PORT/"
  kill -HUP "$SUPERVISOR"
  wait_until started 2
  wait_until answers "http://127.0.0.1:$PORT/"
  stop_service
  equal "$STATUS_CODE" 0
  [ -S "$SOCKET" ]
}

@test "options that name the same address take the socket from above, in their own order" {
  PORT=$(free_port)
  local other
  other=$(free_port)
  activate --fdname=web:local -- --port="127.0.0.1:$other" --path="$SOCKET" --port="127.0.0.1:$PORT"
  equal "$(variable SERVER_STARTER_PORT)" "127.0.0.1:$other=3;127.0.0.1:$PORT=4;$SOCKET=5"
  equal "$(variable LISTEN_FDNAMES)" unknown:web:local
  equal "$(sockets "$PORT")" 1
  answers "http://127.0.0.1:$PORT/"
  stop_service
  [ -S "$SOCKET" ]
}

@test "those that no option names follow behind, around the numbers that were asked for" {
  PORT=$(free_port)
  local other
  other=$(free_port)
  activate -- --port="127.0.0.1:$other=4"
  equal "$(variable SERVER_STARTER_PORT)" "127.0.0.1:$other=4;127.0.0.1:$PORT=3;$SOCKET=5"
  answers "http://127.0.0.1:$PORT/"
  answers "http://127.0.0.1:$other/"
}

@test "those from a service manager's store are known by their names: what no option asks for is closed" {
  PORT=$(free_port)
  activate_alone --listen="127.0.0.1:$PORT" --listen="$SOCKET" --fdname="tasuki,tcp,one:tasuki,unix,two" \
    -- --port="127.0.0.1:$PORT,backlog=7"
  wait_until answers "http://127.0.0.1:$PORT/"
  equal "$(variable SERVER_STARTER_PORT)" "127.0.0.1:$PORT=3"
  equal "$(variable LISTEN_FDNAMES)" '(unset)'
  equal "$(sockets "$PORT")" 1
  equal "$(ss --no-header --listening --tcp --numeric "sport = :$PORT" | awk '{ print $3 }')" 7
  file_has "$LOG" "listening on 127.0.0.1:$PORT \\(fd 3 in workers, kept open\\)"
  file_has "$LOG" 'closing tasuki,unix,two: it was kept open'
  run ! answers http://localhost/ --unix-socket "$SOCKET"
}

@test "a socket of both families, as ListenStream=PORT has it, is that of PORT and of *:PORT" {
  local address
  for address in "" '*:'; do
    PORT=$(free_port)
    : >"$LOG"
    activate_alone --listen="$PORT" -- --port="$address$PORT"
    wait_until answers "http://127.0.0.1:$PORT/"
    answers "http://[::1]:$PORT/"
    equal "$(variable SERVER_STARTER_PORT)" "$PORT=3"
    equal "$(sockets "$PORT")" 1
    stop_service
  done
}

@test "sockets from above outlive deploys under load, and nothing is lost" {
  PORT=$(free_port)
  activate -- --ready=notify
  h2load --h1 --requests=5000 --clients=8 --threads=1 "http://127.0.0.1:$PORT/" \
    </dev/null >"$DIR/load" 2>&1 3>&- &
  local load=$! number
  STARTED+=("$load")
  for number in 2 3 4; do
    kill -HUP "$SUPERVISOR"
    wait_until started "$number"
  done
  ended "$load"
  has "$DIR/load" '^requests: 5000 total, 5000 started, 5000 done, 5000 succeeded, 0 failed, 0 errored, 0 timeout$'
}

@test "what LISTEN_PID says is another's is ignored, and never reaches a worker" {
  start env LISTEN_PID=1 LISTEN_FDS=7 LISTEN_FDNAMES=x "$PROGRAM" --interval=0 --path="$SOCKET" \
    --inherit=server-starter --pid-file="$PID_FILE" --status-file="$STATUS_FILE" -- "$HELLO"
  wait_serving 1
  equal "$(variable SERVER_STARTER_PORT)" "$SOCKET=3"
  run ! grep -z '^LISTEN_' "/proc/$(pid_of 1)/environ"
}

# told COUNT [OPTION...]: a supervisor that is told so, with nothing above descriptor 2 but a file at 3.
told() {
  # shellcheck disable=SC2016 # sh expands it
  attempt sh -c 'count=$1 && shift && LISTEN_PID=$$ LISTEN_FDS=$count exec "$@" 3<"$0"' "$BATS_TEST_FILENAME" \
    "$1" "$PROGRAM" "${@:2}" -- true
}

@test "nonsense from above ends the start with status 2 and the reason, before anything is done" {
  told many --pid-file="$PID_FILE"
  equal "$STATUS_CODE" 2
  has "$DIR/stderr" "^tasuki: LISTEN_FDS: expected the number of sockets, got 'many'$"
  told 1 --pid-file="$PID_FILE"
  equal "$STATUS_CODE" 2
  has "$DIR/stderr" '^tasuki: LISTEN_FDS: expected a socket at descriptor 3, got a file$'
  [ ! -e "$PID_FILE" ]
}

# refuses URL REGEX: asked there, the supervisor ends with this in its log.
refuses() {
  ! answers "$1" && log_has "$2"
}

@test "the readiness descriptor must be none of theirs" {
  PORT=$(free_port)
  activate_alone --listen="127.0.0.1:$PORT" -- --ready=fd:3
  wait_until refuses "http://127.0.0.1:$PORT/" 'descriptor 3 is a socket.s'
  ended "$PID"
  equal "$STATUS_CODE" 1
}
