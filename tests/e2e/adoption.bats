#!/usr/bin/env bats
# Servers that bind for themselves: what they ask of the system in every odd way, and what they get.
# The server is tools/binder or tools/path_binder, which checks what it finds and then serves.

load helper

# adopt OPTION... -- SCENARIO [ADDRESS...]: the service, with such a server; without an address it
# is $PORT, or $SOCKET. INTERVAL is so long that no server is ready by its age, unless said.
adopt() {
  local options=() binder=binder addresses=("$PORT")
  while [ "$1" != -- ]; do
    [[ $1 != --path=* ]] || binder=path_binder addresses=("$SOCKET")
    options+=("$1")
    shift
  done
  [ $# -eq 2 ] || addresses=("${@:3}")
  start "$TASUKI" --name=app --control="$DIR/control" --interval="${INTERVAL:-3600}" --ready-timeout="$PATIENCE" \
    --status-file="$STATUS_FILE" "${options[@]}" -- "$TOOLS/$binder" "$2" "${addresses[@]}"
  SUPERVISOR=$PID
}

# on_port SCENARIO [OPTION...]: on the loopback address; it does as the scenario expects, over a
# deploy, and is answered by the generation that serves.
on_port() {
  PORT=$(free_port)
  adopt --port="127.0.0.1:$PORT" "${@:2}" -- "$1"
  does_as_expected 1
  "$TASUKI" restart --control="$DIR/control" --timeout="$((PATIENCE * 2))"
  does_as_expected 2
  equal "$(answered_by)" "$(pid_of 2)"
}

# on_path SCENARIO [OPTION...]: the same on a unix socket.
on_path() {
  adopt --path="$SOCKET" "${@:2}" -- "$1"
  does_as_expected 1
  "$TASUKI" restart --control="$DIR/control" --timeout="$((PATIENCE * 2))"
  does_as_expected 2
  equal "$(answered_by "UNIX-CONNECT:$SOCKET")" "$(pid_of 2)"
}

# does_as_expected N: so many servers have got through their scenario, and none has failed.
does_as_expected() {
  wait_until at_least_or_failed "$1"
  run ! grep -E 'unexpected|Sanitizer|runtime error' "$LOG"
}

at_least_or_failed() {
  log_has_at_least "$1" '^as expected' || log_has '^unexpected'
}

# answered_by [ADDRESS]: the pid that whoever serves there says.
answered_by() {
  socat -u -T 5 "${1:-TCP:127.0.0.1:$PORT}" - | sed -n 's/^pid //p'
}

# told_once REGEX
told_once() {
  equal "$(count "$1")" 1
}

setup_file() {
  bats_require_minimum_version 1.5.0
}

# --- sockets --------------------------------------------------------------------------------------

@test "a server that binds gets tasuki's socket, blocking and inherited as it asked, and is ready when it listens" {
  on_port plain
  log_has "generation 1: worker [0-9]+ bound 127.0.0.1:$PORT .using tasuki.s socket."
}

@test "close-on-exec and O_NONBLOCK come out as the server asked" {
  on_port flags
}

@test "a socket that was nonblocking is blocking again for a server that asks for that" {
  on_port blocking-again
}

@test "a new generation that makes its socket nonblocking late does not block the old one meanwhile" {
  on_port nonblocking-later
}

@test "options that the server set before it bound hold for tasuki's socket" {
  on_port options
}

@test "bad pointers, lengths and descriptors get the kernel's own answers" {
  on_port faults
}

@test "a server that closes and binds again gets it again" {
  on_port close-and-bind-again
}

@test "duplicates from after the bind are tasuki's socket" {
  on_port duplicates
}

@test "to shut the listening socket down does the next generation no harm" {
  on_port shut-down
}

@test "calls of the 32-bit ABI are let through, never misread" {
  on_port foreign-calls
}

@test "the queue keeps the length that the operator gave it, whatever the server says" {
  on_port plain --backlog=77
  [[ $(ss -Hltn "sport = :$PORT" | awk '{ print $3 }') == 77 ]]
}

@test "16 threads that bind at once each get it" {
  on_port threads
  log_has "generation 2: worker $(pid_of 2) bound 127.0.0.1:$PORT .using tasuki.s socket."
}

@test "thousands of binds with signals in between are all answered" {
  on_port storm
}

@test "a process that dies in the middle of its call takes nothing with it" {
  on_port deaths
}

@test "one that binds in a forked child gets it" {
  PORT=$(free_port)
  local child
  adopt --port="127.0.0.1:$PORT" --kill-mode=group -- in-a-forked-child
  does_as_expected 1
  child=$(answered_by)
  [ "$child" != "$(pid_of 1)" ]
  log_has "generation 1: process $child of worker $(pid_of 1) bound 127.0.0.1:$PORT .using tasuki.s socket."
}

@test "children that each bind, as with SO_REUSEPORT, each get it" {
  PORT=$(free_port)
  adopt --port="127.0.0.1:$PORT" --kill-mode=group --kill-timeout=1 -- children
  does_as_expected 2
  [ "$(answered_by)" != "$(pid_of 1)" ]
}

@test "one that has given up root before it binds gets it" {
  [ "$(id -u)" -eq 0 ] || skip "not root"
  on_port as-another-user
}

@test "UDP: the bind is what the readiness is" {
  PORT=$(free_port)
  adopt --port="127.0.0.1:u$PORT" -- datagrams
  does_as_expected 1
  "$TASUKI" restart --control="$DIR/control"
  does_as_expected 2
  equal "$(socat -T 5 - "UDP:127.0.0.1:$PORT" <<<hello)" hello
}

@test "a server that binds one socket for both families gets the listener" {
  PORT=$(free_port)
  adopt --port="$PORT" -- both-families
  does_as_expected 1
  equal "$(answered_by)" "$(pid_of 1)"
}

# --- paths ----------------------------------------------------------------------------------------

@test "whatever a server does to the path of its socket, it stays, and the supervisor removes it" {
  on_path paths
  stop_service
  equal "$STATUS_CODE" 0
  absent "$SOCKET"
}

@test "the same file by another path is the same address" {
  on_path relative-path
}

@test "a server that renames its own socket over the path replaces tasuki's, and the log says so" {
  INTERVAL=0.5 on_path renamed-over --ready=delay
  log_has "replaced $SOCKET with its own socket"
}

@test "without adoption the path is the server's, as ever" {
  INTERVAL=0.2 adopt --path="$SOCKET" --adopt=off -- plain
  wait_until log_has 'unexpected: not so: bind_to.*Address already in use'
}

# --- which addresses are tasuki's --------------------------------------------------------------------

@test "a server that wants a single address does not get a wildcard, and the log says why" {
  PORT=$(free_port)
  INTERVAL=0.2 adopt --port="$PORT" -- plain
  wait_until log_has "worker [0-9]+ bound the port of $PORT on an address that tasuki does not listen on"
  wait_until log_has 'unexpected: not so: bind_to.*Address already in use'
}

@test "a listener that the server did not take is named in the log and in the status" {
  PORT=$(free_port)
  local other
  other=$(free_port)
  INTERVAL=0.1 adopt --port="127.0.0.1:$PORT" --port="127.0.0.1:$other" -- plain
  wait_until log_has "generation 1: no worker accepts on 127.0.0.1:$other; connections wait"
  run -0 "$TASUKI" status --control="$DIR/control"
  equal "$(grep -A1 "127.0.0.1:$other" <<<"$output" | grep -c 'no worker of the current generation accepts')" 1
  equal "$(grep -c 'no worker of the current generation accepts' <<<"$output")" 1
}

@test "the next generation is ready when it listens wherever the last one did" {
  PORT=$(free_port)
  local other
  other=$(free_port)
  adopt --port="127.0.0.1:$PORT" --port="127.0.0.1:$other" --ready=listen -- several "$PORT" "$other"
  does_as_expected 1
  "$TASUKI" restart --control="$DIR/control"
  [ "$(grep -n "worker $(pid_of 2) bound 127.0.0.1:$other" "$LOG" | cut -d: -f1)" -lt \
    "$(grep -n "worker $(pid_of 2) is ready" "$LOG" | cut -d: -f1)" ]
}

@test "--ready=listen: a new generation that does not listen in time has failed, and the old one serves on" {
  PORT=$(free_port)
  make_worker server <<END
#!/bin/sh
[ "\$SERVER_STARTER_GENERATION" = 1 ] || exec sleep 3600
exec '$TOOLS/binder' plain $PORT
END
  start "$TASUKI" --name=app --control="$DIR/control" --port="127.0.0.1:$PORT" --ready=listen \
    --ready-timeout=1 -- "$DIR/server"
  does_as_expected 1
  run -1 "$TASUKI" restart --control="$DIR/control"
  equal "$(answered_by)" "$(pid_of 1)"
}

@test "--ready=listen wants adoption, and something to adopt" {
  run -2 "$TASUKI" --port=0 --adopt=off --ready=listen -- true
  [[ $output == *--ready=listen*--adopt* ]]
  run -2 "$START_SERVER" --port=0 --ready=listen -- true
  [[ $output == *--ready=listen*--adopt* ]]
  run -1 "$TASUKI" --ready=listen -- true
  [[ $output == *--ready=listen*--port* ]]
}

@test "a server that takes its descriptor by its number is not taken for one that binds" {
  PORT=$(free_port)
  INTERVAL=0.3 adopt --port="127.0.0.1:$PORT" --backlog=77 -- aware
  does_as_expected 1
  wait_until log_has 'generation 1: worker [0-9]+ is ready'
  [[ $(ss -Hltn "sport = :$PORT" | awk '{ print $3 }') == 1 ]]
  run ! log_has 'no worker accepts|bound'
}

# --- where it cannot be done ----------------------------------------------------------------------

@test "--adopt=on refuses to start where it cannot be done, and auto goes on without, and says so once" {
  PORT=$(free_port)
  run -1 "$TOOLS/no_seccomp" "$TASUKI" --adopt=on --port="127.0.0.1:$PORT" --control=off -- true
  [[ $output == *'--adopt=on: the use of seccomp is not permitted here'* ]]
  start "$TOOLS/no_seccomp" "$TASUKI" --name=app --control="$DIR/control" --interval=0.2 \
    --port="127.0.0.1:$PORT" -- "$TOOLS/binder" aware "$PORT"
  does_as_expected 1
  wait_until log_has 'worker [0-9]+ is ready'
  "$TASUKI" restart --control="$DIR/control"
  told_once 'adoption is off: the use of seccomp is not permitted'
}

@test "below another filter with a listener --adopt=on refuses, and says why" {
  run -1 "$TOOLS/no_seccomp" --busy "$TASUKI" --adopt=on --port=0 --control=off -- true
  [[ $output == *'--adopt=on: another filter with a listener is there already'* ]]
}

@test "without CAP_SYS_ADMIN it works, and the log says once what it costs" {
  [ "$(id -u)" -eq 0 ] || skip "not root"
  PORT=$(free_port)
  chmod 777 "$DIR"
  start setpriv --bounding-set=-sys_admin --inh-caps=-sys_admin "$TASUKI" --name=app \
    --control="$DIR/control" --port="127.0.0.1:$PORT" -- "$TOOLS/binder" plain "$PORT"
  does_as_expected 1
  "$TASUKI" restart --control="$DIR/control"
  does_as_expected 2
  told_once 'no_new_privs'
  grep -q '^NoNewPrivs:[[:space:]]*1' "/proc/$(pid_of 2)/status"
}

# blind_on SCENARIO ADDRESS-OPTION OPTION...: on $ADDRESS, where ptrace is not permitted, as in a
# container.
blind_on() {
  local binder=binder
  [[ $2 != --path=* ]] || binder=path_binder
  start "$TOOLS/no_seccomp" --blind setpriv --bounding-set=-sys_admin,-sys_ptrace \
    --inh-caps=-sys_admin,-sys_ptrace "$TASUKI" --name=app --control="$DIR/control" \
    --interval=3600 --ready-timeout="$PATIENCE" "${@:2}" -- "$TOOLS/$binder" "$1" "$ADDRESS"
  SUPERVISOR=$PID
  does_as_expected 1
  "$TASUKI" restart --control="$DIR/control" --timeout="$((PATIENCE * 2))"
  does_as_expected 2
}

@test "in a container, where nothing may be traced, it works, too, but for carried options" {
  [ "$(id -u)" -eq 0 ] || skip "not root"
  ADDRESS=$(free_port)
  blind_on flags --port="127.0.0.1:$ADDRESS"
}

@test "in a container a server that runs as another user gets it" {
  [ "$(id -u)" -eq 0 ] || skip "not root"
  ADDRESS=$(free_port)
  blind_on plain --port="127.0.0.1:$ADDRESS" --user=nobody
  grep -q '^Uid:[[:space:]]*65534' "/proc/$(pid_of 2)/status"
  run ! log_has 'cannot adopt'
}

@test "in a container the path of another user's server stays, too" {
  [ "$(id -u)" -eq 0 ] || skip "not root"
  local directory # that the other user may look into
  directory=$(mktemp --directory /tmp/tasuki-adoption.XXXXXX)
  chmod 755 "$directory"
  ADDRESS=$directory/socket
  blind_on plain --path="$ADDRESS" --user=nobody
  equal "$(answered_by "UNIX-CONNECT:$ADDRESS")" "$(pid_of 2)"
  stop_service
  rmdir "$directory"
}

@test "with CAP_SYS_ADMIN setuid programs keep their rights" {
  [ "$(id -u)" -eq 0 ] || skip "not root"
  on_port plain
  grep -q '^NoNewPrivs:[[:space:]]*0' "/proc/$(pid_of 2)/status"
  run ! log_has no_new_privs
}

# outlives_supervisor OPTION: the server goes on as the scenario says, and its worker's pid is in $worker.
outlives_supervisor() {
  adopt "$1" -- orphaned
  wait_until log_has '^waits'
  worker=$(pid_of 1)
  STARTED+=("$worker")
  kill -KILL "$SUPERVISOR"
  does_as_expected 1
}

@test "when the supervisor is killed, the server binds again, and shutdown harms nothing" {
  PORT=$(free_port)
  outlives_supervisor --port="127.0.0.1:$PORT"
  equal "$(answered_by)" "$worker"
}

@test "when the supervisor is killed, the path is still not the server's to remove" {
  outlives_supervisor --path="$SOCKET"
  equal "$(answered_by "UNIX-CONNECT:$SOCKET")" "$worker"
}

@test "start_server adopts nothing unless it is asked to" {
  PORT=$(free_port)
  start "$START_SERVER" --port="127.0.0.1:$PORT" --interval=0.2 -- "$TOOLS/binder" plain "$PORT"
  wait_until log_has 'unexpected: not so: bind_to.*Address already in use'
  kill_started
  start "$START_SERVER" --port="127.0.0.1:$PORT" --adopt=on -- "$TOOLS/binder" plain "$PORT"
  wait_until log_has '^as expected'
  wait_until answered_by
}
