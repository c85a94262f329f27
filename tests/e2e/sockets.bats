#!/usr/bin/env bats
# The options of one socket, behind its address: what the worker's socket really is then, and what
# becomes of those that cannot be had.

# shellcheck disable=SC2030,SC2031,SC2034 # each test is a process of its own; the helper reads these
bats_require_minimum_version 1.5.0
load helper

# listen_on OPTION...: starts a worker on these sockets that does nothing but hold them.
listen_on() {
  make_worker holder <<'END'
#!/bin/sh
exec sleep 1000
END
  start "$TASUKI" --interval=0 "$@" -- "$DIR/holder"
  SUPERVISOR=$PID
  wait_until log_has 'worker [0-9]+ is ready'
}

# cannot_start REGEX OPTION...: the start fails with status 1 and says why in its one line.
cannot_start() {
  local reason=$1
  shift
  attempt "$TASUKI" "$@" -- touch "$DIR/started"
  equal "$STATUS_CODE" 1
  has "$DIR/stderr" "^tasuki: $reason"
  absent "$DIR/started"
}

# in_network COMMAND...: in a network namespace of its own, whose loopback is up; an address of
# link scope on it and a pair of interfaces are there, too.
in_network() {
  # shellcheck disable=SC2016 # for the inner shell to expand
  unshare -n sh -c 'ip link set lo up && ip -6 addr add fe80::1/64 dev lo nodad
    ip link add v0 type veth peer name v1 && ip link set v0 up && ip addr add 10.9.8.1/24 dev v0
    exec "$@"' sh "$@"
}

needs_network() {
  in_network true 2>/dev/null || skip 'no network namespaces here'
}

# A worker that writes the options of its descriptors 3, 4, … into $DIR/report: LEVEL OPTION VALUE.
reporting_worker() {
  make_worker reporter <<END
#!/usr/bin/python3
import os, socket
named = ['SO_TYPE', 'SO_REUSEPORT', 'SO_RCVBUF', 'SO_SNDBUF', 'SO_MARK', 'SO_ACCEPTCONN']
with open('$DIR/report.new', 'w') as report:
    for fd in range(3, 3 + int(os.environ['LISTEN_FDS'])):
        held = socket.socket(fileno=fd)
        for name in named:
            value = held.getsockopt(socket.SOL_SOCKET, getattr(socket, name))
            print(fd, name, value, file=report)
        device = held.getsockopt(socket.SOL_SOCKET, 25, 16).rstrip(b'\0').decode()
        print(fd, 'SO_BINDTODEVICE', device, file=report)
        if held.family != socket.AF_UNIX:
            print(fd, 'IP_FREEBIND', held.getsockopt(socket.IPPROTO_IP, 15), file=report)
        if held.family == socket.AF_INET6:
            value = held.getsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY)
            print(fd, 'IPV6_V6ONLY', value, file=report)
        if held.family != socket.AF_UNIX and held.type == socket.SOCK_STREAM:
            for name in ['TCP_NODELAY', 'TCP_DEFER_ACCEPT', 'TCP_FASTOPEN']:
                value = held.getsockopt(socket.IPPROTO_TCP, getattr(socket, name))
                print(fd, name, value, file=report)
        held.detach()
os.rename('$DIR/report.new', '$DIR/report')
os.execvp('sleep', ['sleep', '1000'])
END
}

# report_on OPTION...: starts it on these sockets and waits for its report.
report_on() {
  reporting_worker
  start "${IN[@]}" "$TASUKI" --interval=0 "$@" -- "$DIR/reporter"
  SUPERVISOR=$PID
  wait_until test -e "$DIR/report"
}

# reported FD OPTION VALUE
reported() {
  equal "$1 $2 $(awk -v fd="$1" -v option="$2" '$1 == fd && $2 == option { print $3 }' "$DIR/report")" \
    "$1 $2 $3"
}

# --- TCP and UDP ---

@test "the options of a TCP socket are those of the worker's socket, and its neighbour has none of them" {
  report_on --port=127.0.0.1:0 \
    --port=127.0.0.1:0,reuseport,freebind,defer-accept=5,fastopen=16,nodelay,rcvbuf=40K,sndbuf=30000
  local option
  for option in SO_REUSEPORT IP_FREEBIND TCP_NODELAY; do
    reported 3 "$option" 0
    reported 4 "$option" 1
  done
  reported 3 TCP_FASTOPEN 0
  reported 4 TCP_FASTOPEN 16
  reported 3 TCP_DEFER_ACCEPT 0
  reported 4 TCP_DEFER_ACCEPT 7 # as many seconds as the repeated packets take, 1, 2 and 4
  reported 4 SO_RCVBUF 81920    # the kernel doubles it
  reported 4 SO_SNDBUF 60000
}

@test "an option that says no is as if it were not there" {
  report_on --port=127.0.0.1:0,reuseport=no,nodelay=no,defer-accept=0,fastopen=0
  local option
  for option in SO_REUSEPORT TCP_NODELAY TCP_DEFER_ACCEPT TCP_FASTOPEN; do
    reported 3 "$option" 0
  done
  lacks "$LOG" 'fastopen'
}

@test "the options of a UDP socket are those of the worker's socket" {
  report_on --port=127.0.0.1:u0,reuseport,rcvbuf=50000 --path="$SOCKET,type=datagram,sndbuf=20000"
  reported 3 SO_TYPE 2
  reported 3 SO_REUSEPORT 1
  reported 3 SO_RCVBUF 100000
  reported 4 SO_SNDBUF 40000
}

@test "mark, device and a socket of IPv6 for both families are the worker's, too" {
  needs_network
  IN=(in_network)
  report_on --port=127.0.0.1:0,mark=0x2a --port=0,device=lo --port='[::]:0,v6only=no,device=v0' \
    --port='[::1]:0'
  reported 3 SO_MARK 42
  reported 4 SO_BINDTODEVICE lo
  reported 5 SO_BINDTODEVICE v0
  reported 5 IPV6_V6ONLY 0
  reported 6 IPV6_V6ONLY 1
}

@test "two services share a port with reuseport, and not without" {
  local port
  port=$(free_port)
  listen_on --port="127.0.0.1:$port,reuseport"
  local first=$SUPERVISOR
  cannot_start "cannot listen on 127.0.0.1:$port: address already in use by process" \
    --port="127.0.0.1:$port"
  start_logged "$DIR/second" "$TASUKI" --name=second --interval=0 \
    --port="127.0.0.1:$port,reuseport" -- "$DIR/holder"
  wait_until file_has "$DIR/second" 'worker [0-9]+ is ready'
  alive "$first"
  equal "$(ss -Hltn "sport = :$port" | wc -l)" 2
}

@test "an IPv6 wildcard takes IPv4 with v6only=no, and not unless it says so" {
  [ -e /proc/net/if_inet6 ] || skip 'no IPv6 here'
  local port
  port=$(free_port)
  start "$TASUKI" --interval=0 --port="[::]:$port,v6only=no" -- "$HELLO"
  wait_until answers "http://127.0.0.1:$port/"
  wait_until answers "http://[::1]:$port/"
  cannot_start "cannot listen on 0.0.0.0:$port: address already in use by process ($PID|$(pid_of 1)) " \
    --port="$port"
  kill_started
  rm "$LOG"
  start "$TASUKI" --interval=0 --port="[::]:$port" -- "$HELLO"
  wait_until answers "http://[::1]:$port/"
  run ! answers "http://127.0.0.1:$port/"
}

@test "an address that no interface has is bound with freebind" {
  listen_on --port=192.0.2.1:0,freebind
  [[ $(variable SERVER_STARTER_PORT) == 192.0.2.1:*=3 ]]
}

@test "a socket of one device answers there and nowhere else" {
  needs_network
  # shellcheck disable=SC2016 # for the inner shell to expand
  in_network bash -c '. "$0"; setup
    start "$TASUKI" --interval=0 --port=7001,device=lo --port=7002,device=v0 -- "$HELLO"
    wait_until answers http://127.0.0.1:7001/ && ! answers http://127.0.0.1:7002/
    status=$?; kill_started; exit $status' "$ROOT/tests/e2e/helper.bash"
}

@test "an IPv6 address of link scope names its interface" {
  needs_network
  # shellcheck disable=SC2016 # for the inner shell to expand
  in_network bash -c '. "$0"; setup
    start "$TASUKI" --interval=0 --port="[fe80::1%lo]:7001" -- "$HELLO"
    wait_until answers "http://[fe80::1%25lo]:7001/" && ! answers "http://[::1]:7001/" &&
      has "$LOG" "listening on \[fe80::1%lo\]:7001 " &&
      ! "$TASUKI" --control=off --port="[fe80::1%lo]:7001" -- true 2>"$DIR/stderr" &&
      has "$DIR/stderr" "cannot listen on \[fe80::1%lo\]:7001: address already in use by process"
    status=$?; kill_started; exit $status' "$ROOT/tests/e2e/helper.bash"
}

@test "with defer-accept a connection waits for its first bytes before it waits for the server" {
  local port
  port=$(free_port)
  listen_on --port="127.0.0.1:$port,defer-accept=30"
  exec 9<>"/dev/tcp/127.0.0.1/$port"
  equal "$(ss -Hltn "sport = :$port" | awk '{ print $2 }')" 0
  echo >&9
  wait_until queue_has "$port" 1
  exec 9>&-
}

# queue_has PORT N: so many connections wait there.
queue_has() {
  [ "$(ss -Hltn "sport = :$1" | awk '{ print $2 }')" = "$2" ]
}

@test "fastopen warns where the system does not let servers do it, and not where it does" {
  needs_network
  # shellcheck disable=SC2016 # for the inner shell to expand
  in_network bash -c '. "$0"; setup
    for allowed in 1 3; do
      echo "$allowed" >/proc/sys/net/ipv4/tcp_fastopen || exit
      start_logged "$DIR/log$allowed" "$TASUKI" --interval=0 --port=7001,fastopen=5 -- sleep 100
      wait_until file_has "$DIR/log$allowed" "is ready"
      kill_started
    done
    has "$DIR/log1" "fastopen has no effect while the system.s net.ipv4.tcp_fastopen is 1" &&
      lacks "$DIR/log3" "no effect"' "$ROOT/tests/e2e/helper.bash"
}

# --- backlog ---

# backlog_of FILTER: the queue's limit, of a listening socket.
backlog_of() {
  ss -Hltn "$@" | awk '{ print $3 }'
}

@test "each socket has its own backlog, and the rest have that of --backlog" {
  listen_on --backlog=9 --port=127.0.0.1:0,backlog=5 --port=127.0.0.1:0 \
    --path="$SOCKET,backlog=3" --path="$DIR/other"
  local ports
  ports=$(variable SERVER_STARTER_PORT)
  [[ $ports =~ ^127.0.0.1:([0-9]+)=3\;127.0.0.1:([0-9]+)=4\; ]]
  equal "$(backlog_of "sport = :${BASH_REMATCH[1]}")" 5
  [[ $ports =~ ^127.0.0.1:([0-9]+)=3\;127.0.0.1:([0-9]+)=4\; ]]
  equal "$(backlog_of "sport = :${BASH_REMATCH[2]}")" 9
  equal "$(ss -Hlx src "$SOCKET" | awk '{ print $4 }')" 3
  equal "$(ss -Hlx src "$DIR/other" | awk '{ print $4 }')" 9
}

@test "a backlog above the system's limit is warned of with both numbers, and is the limit" {
  local most
  most=$(cat /proc/sys/net/core/somaxconn)
  listen_on --port=127.0.0.1:0,backlog=$((most + 1)) --path="$SOCKET,backlog=$most"
  log_has "warning: .*127.0.0.1:[0-9]+: a backlog of $((most + 1)) is above the system's net.core.somaxconn \($most\)\$"
  equal "$(count 'a backlog of')" 1
  equal "$(backlog_of "sport = :$(variable SERVER_STARTER_PORT | sed 's/.*127.0.0.1:\([0-9]*\)=3.*/\1/')")" "$most"
}

# --- the rights of a path ---

@test "a path has the mode, the user and the group that were asked for" {
  needs_root
  umask 077
  listen_on --path="$SOCKET,mode=0640,user=daemon,group=12345" --path="$DIR/bare" \
    --path="$DIR/mode,mode=600" --path="$DIR/owner,user=54321"
  equal "$(stat -c '%a %U %g' "$SOCKET")" '640 daemon 12345'
  equal "$(stat -c '%a %u %g' "$DIR/bare")" '777 0 0'
  equal "$(stat -c '%a' "$DIR/mode")" 600
  equal "$(stat -c '%a %u %g' "$DIR/owner")" '777 54321 0'
  kill -TERM "$SUPERVISOR"
  ended "$SUPERVISOR"
  absent "$SOCKET" "$DIR/bare" "$DIR/mode" "$DIR/owner"
}

@test "a path never has wider rights than asked for: nobody may connect until it has its owner" {
  needs_root
  ASAN_OPTIONS=$ASAN_OPTIONS:detect_leaks=0 attempt strace -o "$DIR/trace" \
    -e trace=umask,bind,fchownat,chmod,listen "$TASUKI" --control=off --port=127.0.0.1:0 \
    --path="$SOCKET,mode=0660,user=daemon,group=12345" --path="$DIR/mode,mode=0640" -- /nonexistent
  equal "$(grep -A6 "umask(0777)" "$DIR/trace" | sed 's/ *= .*//; s/([0-9]*, "",/(FD, "",/; s/{.*}, [0-9]*/PATH/; s/[0-9]*, PATH/FD, PATH/; s/fd\/[0-9]*/fd\/FD/; s/listen(.*/listen/; s/umask(0[0-9]*)/&/' | head -7 | sed '3s/.*/umask/')" \
    'umask(0777)
bind(FD, PATH)
umask
fchownat(FD, "", 1, -1, AT_EMPTY_PATH)
fchownat(FD, "", -1, 12345, AT_EMPTY_PATH)
chmod("/proc/self/fd/FD", 0660)
listen'
  grep -A1 'umask(0137)' "$DIR/trace" | grep -q "bind(.*$DIR/mode"
}

@test "a user or a group that is not there is an error, and nothing is bound" {
  cannot_start "cannot listen on $SOCKET: there is no user 'nobody-such'" \
    --path="$DIR/first" --path="$SOCKET,user=nobody-such"
  absent "$DIR/first" "$SOCKET"
  cannot_start "cannot listen on $SOCKET: there is no group 'nobody-such'" \
    --path="$SOCKET,group=nobody-such"
}

@test "who is not root cannot give a path away, and it is gone again" {
  needs_root
  local place
  place=$(mktemp -d)
  chmod 777 "$place"
  attempt setpriv --reuid=65534 --regid=65534 --clear-groups "$TASUKI" --control=off \
    --path="$place/socket,user=daemon" -- true
  rmdir "$place" # it is empty
  equal "$STATUS_CODE" 1
  has "$DIR/stderr" "^tasuki: cannot listen on $place/socket: cannot set its user: Operation not permitted"
}

# --- unix sockets without a file, and of other types ---

@test "an abstract socket serves, has no file, and its owner is named" {
  local name="@tasuki test=$$;"
  name=${name%;}
  start "$TASUKI" --interval=0 --name=abstract --path="$name" -- "$HELLO"
  wait_until answers http://localhost/ --abstract-unix-socket "${name#@}"
  equal "$(variable SERVER_STARTER_PORT)" "$name=3"
  absent "$name"
  log_has "listening on $name \\(.*fd 3 in workers"
  equal "$("$TASUKI" status --json abstract | jq -c '.listeners[] | [.type, .name]')" \
    "[\"unix\",\"$name\"]"
  cannot_start "cannot listen on $name: address already in use by process ($PID|$(pid_of 1)) \((tasuki|hello-server)\)" \
    --path="$name"
  kill -HUP "$PID"
  wait_until log_has 'deploy 1 succeeded'
  wait_until answers http://localhost/ --abstract-unix-socket "${name#@}"
}

@test "an at sign behind a dot is a file" {
  cd "$DIR"
  listen_on --path=./@file
  [ -S "$DIR/@file" ]
}

@test "datagram and seqpacket sockets are what they are called, and status knows their queues" {
  start "$TASUKI" --interval=0 --name=types --path="$SOCKET,type=datagram" \
    --path="$DIR/packets,type=seqpacket" --path="@types-$$,type=seqpacket,backlog=4" \
    --path="@types-$$" -- sleep 1000
  wait_until log_has 'is ready'
  perl -MSocket -e 'socket my $s, AF_UNIX, SOCK_DGRAM, 0 or die $!;
    send $s, "x", 0, pack_sockaddr_un(shift) or die $!' "$SOCKET"
  # shellcheck disable=SC2016 # for perl to expand
  start perl -MSocket -e 'socket my $s, AF_UNIX, SOCK_SEQPACKET, 0 or die $!;
    connect $s, pack_sockaddr_un("\0$ARGV[0]") or die $!;
    open my $f, ">", $ARGV[1] or die $!; sleep' "types-$$" "$DIR/connected"
  wait_until test -e "$DIR/connected"
  local most
  most=$(cat /proc/sys/net/core/somaxconn)
  [ "$most" -lt 4096 ] || most=4096
  equal "$("$TASUKI" status --json types |
    jq -c '.listeners[] | [.fd, .type, .waiting, .backlog, .connections, .name]')" \
    "[3,\"unix-datagram\",null,null,null,\"$SOCKET\"]
[4,\"unix-seqpacket\",0,$most,0,\"$DIR/packets\"]
[5,\"unix-seqpacket\",1,4,0,\"@types-$$\"]
[6,\"unix\",0,$most,0,\"@types-$$\"]"
}

@test "a living datagram or seqpacket socket stays, and its owner is named; a stale one is replaced" {
  listen_on --path="$SOCKET,type=datagram" --path="$DIR/packets,type=seqpacket"
  cannot_start "cannot listen on $SOCKET: address already in use by process ($SUPERVISOR|$(pid_of 1)) " \
    --path="$SOCKET,type=datagram"
  cannot_start "cannot listen on $DIR/packets: address already in use by process" \
    --path="$DIR/packets,type=seqpacket"
  [ -S "$SOCKET" ]
  local worker
  worker=$(pid_of 1)
  kill -KILL "$SUPERVISOR" "$worker"
  wait_until gone "$SUPERVISOR"
  wait_until gone "$worker"
  [ -S "$SOCKET" ]
  rm "$LOG"
  listen_on --path="$SOCKET,type=datagram" --path="$DIR/packets,type=seqpacket"
}

# --- names and mistakes ---

@test "a socket's name is its name in LISTEN_FDNAMES" {
  listen_on --port=127.0.0.1:0,name=web --path="$SOCKET" --path="$DIR/admin,name=admin,mode=0600"
  equal "$(variable LISTEN_FDNAMES)" 'web:unknown:admin'
}

@test "a comma in a path is part of it unless an option follows" {
  listen_on --path="$DIR/a,b" --path="$DIR/c,d,mode=0600"
  [ -S "$DIR/a,b" ]
  equal "$(stat -c %a "$DIR/c,d")" 600
}

@test "mistakes are refused before anything is bound, and a near option is suggested" {
  local row
  while IFS='|' read -r option reason; do
    attempt "$TASUKI" --path="$SOCKET" "$option" -- touch "$DIR/started"
    equal "$option $STATUS_CODE" "$option 2"
    has "$DIR/stderr" "$reason"
    absent "$SOCKET" "$DIR/started"
  done <<END
--port=8080,mode=0660|--port: mode applies to unix sockets with a path, not to TCP on IPv4, in '8080,mode=0660'
--path=/x,moed=0660|--path: unknown socket option 'moed'; did you mean mode., in '/x,moed=0660'
--path=@x,mode=0660|--path: mode applies to unix sockets with a path, not to abstract unix sockets
--port=80,backlog=many|--port: backlog: expected a number from 1 to [0-9]+, got 'many'
END
}

@test "an option that the system refuses names the socket, the option and the reason, and nothing is bound" {
  cannot_start 'cannot listen on 127.0.0.1:0: cannot set device=no-such-if: No such device' \
    --path="$SOCKET" --port=127.0.0.1:0,device=no-such-if
  absent "$SOCKET"
}

@test "mark without the right to it is refused" {
  needs_root
  attempt setpriv --reuid=65534 --regid=65534 --clear-groups "$TASUKI" --control=off \
    --port=127.0.0.1:0,mark=5 -- true
  equal "$STATUS_CODE" 1
  has "$DIR/stderr" '^tasuki: cannot listen on 127.0.0.1:0: cannot set mark=5: Operation not permitted'
}

@test "a buffer above the system's limit is that limit without privileges, and a warning has both numbers" {
  needs_root
  local most
  most=$(cat /proc/sys/net/core/rmem_max)
  chmod 777 "$DIR"
  start setpriv --reuid=65534 --regid=65534 --clear-groups "$TASUKI" --control=off --interval=0 \
    --port="127.0.0.1:0,rcvbuf=$((most + 4096))" -- sleep 100
  wait_until log_has "warning: .*: rcvbuf=$((most + 4096)) is above the system's net.core.rmem_max \($most\)\$"
}

@test "check shows what was understood" {
  attempt "$TASUKI" check --port=8080=7,backlog=4096,nodelay --path="@name,type=seqpacket" \
    --path="/run/a,b,mode=0660" -- true
  equal "$STATUS_CODE" 0
  has "$DIR/stdout" '^listen +TCP port 8080, every IPv4 address, fd 7 in workers, backlog=4096, nodelay$'
  has "$DIR/stdout" '^listen +abstract unix seqpacket socket @name, type=seqpacket$'
  has "$DIR/stdout" '^listen +unix socket /run/a,b, mode=0660$'
}

@test "check finds an owner of a path that is not there" {
  attempt "$TASUKI" check --path="$SOCKET,group=root,user=nobody-such" -- true
  equal "$STATUS_CODE" 2
  has "$DIR/stderr" "^tasuki: cannot listen on $SOCKET: there is no user 'nobody-such'"
}
