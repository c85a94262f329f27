#!/usr/bin/env bats
# What is bound: which forms of --port and --path become which sockets, and what stands in the way.

# shellcheck disable=SC2030,SC2031,SC2034 # each test is a process of its own; the helper reads these
load helper

# listen_on OPTION...: starts the service on these and waits until it is up; the worker's view of
# its sockets is in $PORTS.
listen_on() {
  start "$TASUKI" --interval=0 --status-file="$STATUS_FILE" "$@" -- "$HELLO"
  SUPERVISOR=$PID
  wait_until log_has 'worker [0-9]+ is ready'
  PORTS=$(tr '\0' '\n' <"/proc/$(pid_of 1)/environ" | sed -n 's/^SERVER_STARTER_PORT=//p')
}

# cannot_start REGEX OPTION...: the start fails with status 1 and says why in one line.
cannot_start() {
  local reason=$1
  shift
  attempt "$TASUKI" --pid-file="$DIR/other-pid" --status-file="$DIR/other-status" "$@" -- \
    touch "$DIR/started"
  equal "$STATUS_CODE" 1
  has "$DIR/stderr" "^tasuki: $reason"
  equal "$(wc -l <"$DIR/stderr")" 1
  absent "$DIR/other-pid" "$DIR/other-status" "$DIR/started"
}

has_ipv6() {
  [ -e /proc/net/if_inet6 ] && grep -q ' lo$' /proc/net/if_inet6
}

# --- paths ---

@test "a stale socket is replaced" {
  leave_stale_socket "$SOCKET"
  listen_on --path="$SOCKET"
  wait_until serves 1
}

@test "a stale datagram socket is replaced, too" {
  perl -MSocket -e 'socket my $s, AF_UNIX, SOCK_DGRAM, 0 or die $!;
    bind $s, pack_sockaddr_un(shift) or die $!' "$SOCKET"
  listen_on --path="$SOCKET"
  wait_until serves 1
}

@test "a regular file, a directory, a FIFO, a symbolic link in the place of a socket: each stays" {
  local kind before
  leave_stale_socket "$DIR/stale"
  for kind in file empty directory fifo link-to-file link-to-socket dangling; do
    rm -rf "$SOCKET"
    case $kind in
      file) echo content >"$SOCKET" ;;
      empty) : >"$SOCKET" ;;
      directory) mkdir "$SOCKET" ;;
      fifo) mkfifo "$SOCKET" ;;
      link-to-file) ln -s "$0" "$SOCKET" ;;
      link-to-socket) ln -s "$DIR/stale" "$SOCKET" ;;
      dangling) ln -s "$DIR/nowhere" "$SOCKET" ;;
    esac
    before=$(identity "$SOCKET")
    cannot_start "cannot listen on $SOCKET: .*not a socket" --path="$SOCKET"
    equal "$kind $(identity "$SOCKET")" "$kind $before"
    [ -S "$DIR/stale" ]
  done
}

@test "a socket on which somebody answers stays, and its owner is named" {
  supervise --interval=0
  wait_serving 1
  local before
  before=$(identity "$SOCKET")
  attempt "$TASUKI" --path="$SOCKET" -- touch "$DIR/started"
  equal "$STATUS_CODE" 1
  has "$DIR/stderr" "^tasuki: cannot listen on $SOCKET: .*process ($SUPERVISOR|$(pid_of 1)) \((tasuki|hello-server)\)"
  absent "$DIR/started"
  equal "$(identity "$SOCKET")" "$before"
  serves 1
}

@test "a living datagram socket stays as well" {
  # shellcheck disable=SC2016 # for perl to expand
  start perl -MSocket -e 'socket my $s, AF_UNIX, SOCK_DGRAM, 0 or die $!;
    bind $s, pack_sockaddr_un(shift) or die $!; sleep' "$SOCKET"
  wait_until test -S "$SOCKET"
  cannot_start "cannot listen on $SOCKET: .*process $PID \(perl\)" --path="$SOCKET"
  [ -S "$SOCKET" ]
}

@test "a living socket whose queue is full stays as well" {
  # shellcheck disable=SC2016 # for perl to expand
  start perl -MSocket -e 'socket my $s, AF_UNIX, SOCK_STREAM, 0 or die $!;
    bind $s, pack_sockaddr_un($ARGV[0]) or die $!; listen $s, 0 or die $!;
    socket my $c, AF_UNIX, SOCK_STREAM, 0 or die $!;
    connect $c, pack_sockaddr_un($ARGV[0]) or die $!;
    open my $f, ">", $ARGV[1] or die $!; sleep' "$SOCKET" "$DIR/full"
  wait_until test -e "$DIR/full"
  cannot_start "cannot listen on $SOCKET: .*process $PID \(perl\)" --path="$SOCKET"
  [ -S "$SOCKET" ]
}

@test "a path in a directory that is missing is an error" {
  cannot_start "cannot listen on $DIR/no/socket: No such file or directory" --path="$DIR/no/socket"
}

@test "a path through a file is an error" {
  : >"$DIR/file"
  cannot_start "cannot listen on $DIR/file/socket: Not a directory" --path="$DIR/file/socket"
}

@test "the longest path that fits is bound" {
  cd "$DIR"
  local path
  path=$(printf 'a%.0s' {1..107})
  listen_on --path="$path"
  wait_until answers http://localhost/ --unix-socket "$path"
  kill -TERM "$SUPERVISOR"
  ended "$SUPERVISOR"
  absent "$path"
}

@test "a path with blanks, an equals sign and a colon in it reaches the worker whole" {
  listen_on --path="$DIR/a b=7:c"
  equal "$PORTS" "$DIR/a b=7:c=3"
  wait_until answers http://localhost/ --unix-socket "$DIR/a b=7:c"
}

@test "when one address cannot be bound, the sockets that were bound before are gone again" {
  cannot_start "cannot listen on $DIR/no/socket" --port=127.0.0.1:0 --path="$SOCKET" \
    --path="$DIR/no/socket"
  absent "$SOCKET"
}

@test "the same path twice is an error, and nothing stays of it" {
  cannot_start "cannot listen on $SOCKET" --path="$SOCKET" --path="$SOCKET"
  absent "$SOCKET"
}

# --- ports ---

@test "a port in use names the address and the process that has it" {
  local port form
  port=$(free_port)
  listen_on --port="127.0.0.1:$port"
  for form in "127.0.0.1:$port" "$port" "localhost:$port"; do
    cannot_start "cannot listen on [0-9.]+:$port: address already in use by process ($SUPERVISOR|$(pid_of 1)) \((tasuki|hello-server)\)" \
      --port="$form"
  done
  wait_until answers "http://127.0.0.1:$port/"
}

@test "a UDP port in use names the address and the process that has it" {
  local port
  port=$(free_port)
  listen_on --port="127.0.0.1:u$port"
  cannot_start "cannot listen on 127.0.0.1:$port: address already in use by process ($SUPERVISOR|$(pid_of 1)) " \
    --port="127.0.0.1:u$port"
}

@test "an IPv6 port in use names the address and the process that has it" {
  has_ipv6 || skip 'no IPv6 here'
  local port
  port=$(free_port)
  listen_on --port="[::1]:$port"
  cannot_start "cannot listen on \[::1\]:$port: address already in use by process ($SUPERVISOR|$(pid_of 1)) " \
    --port="[::1]:$port"
}

@test "a TCP and a UDP socket can have the same port" {
  local port
  port=$(free_port)
  listen_on --port="127.0.0.1:$port" --port="127.0.0.1:u$port"
  equal "$PORTS" "127.0.0.1:$port=3;127.0.0.1:$port=4"
  wait_until answers "http://127.0.0.1:$port/"
}

@test "*:PORT serves both families on one port" {
  has_ipv6 || skip 'no IPv6 here'
  local port
  port=$(free_port)
  listen_on --port="*:$port"
  equal "$PORTS" "$port=3;[::]:$port=4"
  wait_until answers "http://127.0.0.1:$port/"
  wait_until answers "http://[::1]:$port/"
}

@test "*:0 chooses one port for both families" {
  has_ipv6 || skip 'no IPv6 here'
  local port
  listen_on --port='*:0'
  port=${PORTS%%=*}
  [ "$port" -gt 0 ]
  equal "$PORTS" "$port=3;[::]:$port=4"
  log_has "listening on 0.0.0.0:$port \\("
  wait_until answers "http://127.0.0.1:$port/"
  wait_until answers "http://[::1]:$port/"
}

@test "*:uPORT is UDP in both families" {
  has_ipv6 || skip 'no IPv6 here'
  listen_on --port='*:u0'
  [[ $PORTS =~ ^([0-9]+)=3\;\[::\]:([0-9]+)=4$ ]]
  equal "${BASH_REMATCH[1]}" "${BASH_REMATCH[2]}"
}

@test "*:PORT stands beside other addresses, and each gets its number in the order of the options" {
  has_ipv6 || skip 'no IPv6 here'
  listen_on --port=127.0.0.1:0 --port='*:0' --port=127.0.0.1:0=5 --path="$SOCKET"
  [[ $PORTS =~ ^127.0.0.1:[0-9]+=3\;[0-9]+=4\;\[::\]:[0-9]+=6\;127.0.0.1:[0-9]+=5\;.*=7$ ]] ||
    equal "$PORTS" '3, 4, 6, 5, 7'
}

@test "port 0 is logged and told as the port that the system chose, and serves" {
  listen_on --port=0 --port=127.0.0.1:0 --port=localhost:0=9
  [[ $PORTS =~ ^([0-9]+)=3\;127.0.0.1:([0-9]+)=4\;localhost:([0-9]+)=9$ ]]
  local port
  for port in "${BASH_REMATCH[@]:1}"; do
    [ "$port" -gt 0 ]
    log_has "listening on ([a-z0-9.]+:)?$port \\("
    wait_until answers "http://127.0.0.1:$port/"
  done
}

@test "port 0 stays the same port over deploys" {
  listen_on --port=127.0.0.1:0
  local before=$PORTS
  kill -HUP "$SUPERVISOR"
  wait_until started 2
  wait_until log_has 'deploy 1 succeeded'
  equal "$(tr '\0' '\n' <"/proc/$(pid_of 2)/environ" | sed -n 's/^SERVER_STARTER_PORT=//p')" "$before"
  wait_until answers "http://${before%=*}/"
}

@test "=FD is the number that the worker gets, for TCP and UDP, with hosts and without" {
  listen_on --port=0=11 --port=127.0.0.1:0=12 --port=127.0.0.1:u0=13 --port=u0=30 --port=127.0.0.1:0
  [[ $PORTS =~ ^[0-9]+=11\;127.0.0.1:[0-9]+=12\;127.0.0.1:[0-9]+=13\;[0-9]+=30\;127.0.0.1:[0-9]+=3$ ]] ||
    equal "$PORTS" '11, 12, 13, 30, 3'
  local fd
  for fd in 11 12 13 30 3; do
    [[ $(readlink "/proc/$(pid_of 1)/fd/$fd") == socket:* ]]
  done
}

@test "=FD beyond the limit of open files is an error before anything is bound" {
  # shellcheck disable=SC2016 # for the inner shell to expand
  attempt sh -c 'ulimit -n 100; exec "$@"' sh "$TASUKI" --path="$SOCKET" --pid-file="$PID_FILE" \
    --port=127.0.0.1:0=100 -- touch "$DIR/started"
  [ "$STATUS_CODE" -ne 0 ]
  has "$DIR/stderr" '100 .*limit of open files'
  absent "$SOCKET" "$PID_FILE" "$DIR/started"
}

@test "a host that is not this machine's is an error that names the address" {
  cannot_start 'cannot listen on 192.0.2.1:0: Cannot assign requested address' --port=192.0.2.1:0
}

@test "blanks around the parts of an address do not matter" {
  listen_on --port=' 127.0.0.1 : 0 = 7 '
  [[ $PORTS =~ ^127.0.0.1:[0-9]+=7$ ]] || equal "$PORTS" '127.0.0.1:PORT=7'
}

# --- servers that bind for themselves ---

# The hint that every newcomer needs.
HINT='hint: .*the server must take the socket from'

@test "a worker that dies since its address is in use gets the hint, once" {
  local port
  port=$(free_port)
  start "$TASUKI" --adopt=off --interval=0.1 --backoff=no --port="127.0.0.1:$port" -- "$HELLO" --port "$port"
  wait_until log_has_at_least 3 'exited with status 1 before it was ready'
  log_has "$HINT tasuki .*tasuki-servers"
  equal "$(count 'hint:')" 1
}

@test "it gets the hint with --interval=0, too" {
  local port
  port=$(free_port)
  start "$TASUKI" --adopt=off --interval=0 --backoff=no --port="127.0.0.1:$port" -- "$HELLO" --port "$port"
  wait_until log_has_at_least 3 'exited unexpectedly \(status 1\)'
  log_has "$HINT tasuki"
}

@test "it gets the hint in a log file, under the name of start_server" {
  local port
  port=$(free_port)
  start "$START_SERVER" --interval=0.1 --port="127.0.0.1:$port" --log-file="$DIR/logfile" -- \
    "$HELLO" --port "$port"
  wait_until file_has "$DIR/logfile" "$HINT start_server"
}

@test "the hint is given in the words of other runtimes, too" {
  local words
  for words in '[Errno 98] Address already in use' 'bind: address already in use' \
    'Error: listen EADDRINUSE: address already in use :::80' 'Address in use'; do
    # shellcheck disable=SC2016 # for the inner shell to expand
    start "$TASUKI" --adopt=off --interval=0.1 --port=127.0.0.1:0 -- sh -c 'echo "$0" >&2; exit 1' "$words"
    wait_until log_has "$HINT"
    kill_started
    rm "$LOG"
  done
}

@test "where servers are adopted, the hint is that they must bind an address of tasuki's" {
  local port
  port=$(free_port)
  start "$TASUKI" --interval=0.1 --port="$port" -- "$HELLO" --port "$port" # of 127.0.0.1 alone
  wait_until log_has 'hint: the address is in use: .* must bind an address that tasuki has a socket for.*tasuki-adoption\(7\)'
}

@test "a worker that dies of something else gets no hint" {
  start "$TASUKI" --adopt=off --interval=0.1 --backoff=no --port=127.0.0.1:0 -- \
    sh -c 'echo out of luck >&2; exit 1'
  wait_until log_has_at_least 3 'exited with status 1 before it was ready'
  lacks "$LOG" 'hint'
}

@test "a worker that is killed gets no hint where its words cannot be read back" {
  mkfifo "$DIR/pipe"
  cat "$DIR/pipe" >"$LOG" 3>&- &
  STARTED+=("$!")
  # shellcheck disable=SC2016 # for the inner shell to expand
  start_logged "$DIR/pipe" "$TASUKI" --interval=0 --backoff=no --port=127.0.0.1:0 -- sh -c 'kill -USR1 $$'
  wait_until log_has_at_least 3 'was killed unexpectedly \(USR1\)'
  lacks "$LOG" 'hint'
}

@test "where a worker's words cannot be read back, the hint is a question of what it said" {
  mkfifo "$DIR/pipe"
  cat "$DIR/pipe" >"$LOG" 3>&- &
  STARTED+=("$!")
  start_logged "$DIR/pipe" "$TASUKI" --adopt=off --interval=0.1 --backoff=no --port=127.0.0.1:0 -- \
    sh -c 'echo Address already in use; exit 1'
  wait_until log_has_at_least 3 'exited with status 1 before it was ready'
  log_has 'hint: if the worker.s address is already in use'
  equal "$(count 'hint:')" 1
}
