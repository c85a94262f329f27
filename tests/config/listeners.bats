#!/usr/bin/env bats
# Listeners change with a deploy: new ones are bound before it starts anything, those that stay are
# the very same, and one that is no longer asked for is closed when nobody has it any more.

# shellcheck disable=SC2030,SC2031 # each test is a process of its own
load helper

# serve LINE...: the file of a hello-server with these listeners.
serve() {
  web '[service]' "command = $HELLO --drain 0.2 $DRAIN" '[deploy]' 'interval = 0' 'ready = notify' "$@"
}

# socket_of PORT: the inode of the supervisor's listening socket; nothing if there is none.
socket_of() {
  awk -v port="$(printf ':%04X' "$1")" '$4 == "0A" && $2 ~ port "$" { print $10 }' /proc/net/tcp
}

is_closed() { [ -z "$(socket_of "$1")" ]; }

generation_at() {
  [ "$(body "http://127.0.0.1:$1/" | cut -d' ' -f2)" = "$2" ]
}

@test "a new one is served, one that stays is the same socket, a removed one is closed" {
  a=$(free_port) b=$(free_port) c=$(free_port)
  serve '[listen]' "port = 127.0.0.1:$a" "port = 127.0.0.1:$b" "path = $DIR/old.sock"
  supervise
  kept=$(socket_of "$a")
  serve '[listen]' "port = 127.0.0.1:$c" "port = 127.0.0.1:$a" "path = $DIR/new.sock"
  deploy_succeeds
  generation_at "$a" 2
  generation_at "$c" 2
  [ "$(socket_of "$a")" = "$kept" ]
  is_closed "$b"
  [ ! -e old.sock ]
  [ "$(body http://localhost/ --unix-socket new.sock | cut -d' ' -f2)" = 2 ]
  [ "$("$TASUKI" status --json web | jq -r '[.listeners[].name] | join(" ")')" = \
    "127.0.0.1:$c 127.0.0.1:$a $DIR/new.sock" ]
  stop_supervisor 0
  [ ! -e new.sock ]
}

@test "a removed one stays open for as long as a generation has it" {
  a=$(free_port) b=$(free_port)
  serve '[listen]' "port = 127.0.0.1:$a" "port = 127.0.0.1:$b" "path = $DIR/old.sock" \
    '[deploy]' 'signal-on-hup = CONT'
  supervise
  old=$(current)
  serve '[listen]' "port = 127.0.0.1:$a" '[deploy]' 'signal-on-hup = CONT'
  kill -HUP "$SUPERVISOR"
  wait_until log_has 'generation 1: sent CONT to worker'
  generation_at "$b" 1
  [ -S old.sock ]
  kill -TERM "$old"
  wait_until is_closed "$b"
  wait_until test ! -e old.sock
  stop_supervisor 0
}

@test "one that cannot be bound fails the deploy, and nothing has changed" {
  a=$(free_port) b=$(free_port) c=$(free_port)
  serve '[listen]' "port = 127.0.0.1:$a" "path = $DIR/old.sock"
  supervise
  before=$("$TASUKI" status --json web | jq -c '[.listeners[] | {name, fd}]')
  start_logged "$BATS_TEST_TMPDIR/other" "$HELLO" --port "$c"
  wait_until answers "http://127.0.0.1:$c/"
  serve '[listen]' "port = 127.0.0.1:$b" "port = 127.0.0.1:$c"
  deploy_fails
  contains "$output" 'a listener could not be opened' "cannot listen on 127.0.0.1:$c: address already in use" \
    'generation 1 is still serving'
  is_closed "$b"
  [ -S old.sock ]
  generation_at "$a" 1
  [ "$("$TASUKI" status --json web | jq -c '[.listeners[] | {name, fd}]')" = "$before" ]
  stop_supervisor 0
}

@test "a deploy that fails later closes what it has opened, and keeps what served" {
  a=$(free_port) b=$(free_port)
  serve '[listen]' "port = 127.0.0.1:$a"
  supervise
  kept=$(socket_of "$a")
  web '[service]' 'command = false' '[listen]' "port = 127.0.0.1:$b" "path = $DIR/new.sock" \
    '[deploy]' 'ready = notify'
  deploy_fails
  is_closed "$b"
  [ ! -e new.sock ]
  [ "$(socket_of "$a")" = "$kept" ]
  kill -KILL "$(current)"
  wait_until log_has 'generation 3: worker [0-9]+ is ready'
  generation_at "$a" 3
  stop_supervisor 0
}

@test "one that somebody who lingers still has is shared, not bound again" {
  a=$(free_port) b=$(free_port)
  serve '[listen]' "port = 127.0.0.1:$a"
  supervise
  web '[service]' "command = sh -c 'trap : TERM; while :; do sleep 0.1; done'" \
    '[listen]' "port = 127.0.0.1:$a" "port = 127.0.0.1:$b" '[deploy]' 'ready = notify' 'ready-timeout = 0.2'
  deploy_fails
  contains "$output" 'was not ready in time'
  lingering=$(socket_of "$b")
  [ -n "$lingering" ]
  serve '[listen]' "port = 127.0.0.1:$b" "port = 127.0.0.1:$a"
  kill -HUP "$SUPERVISOR"
  wait_until log_has 'generation 3: worker [0-9]+ is ready'
  [ "$(socket_of "$b")" = "$lingering" ]
  kill -KILL "$("$TASUKI" status --json web | jq '.generations[] | select(.number == 2) | .pid')"
  wait_until log_has 'deploy 2 succeeded'
  generation_at "$b" 3
  [ "$(socket_of "$b")" = "$lingering" ]
  stop_supervisor 0
}

@test "connections that wait in the queue of one that stays are served by the next generation" {
  a=$(free_port) b=$(free_port)
  web '[service]' 'command = sleep 1000' '[listen]' "port = 127.0.0.1:$a" '[deploy]' 'interval = 0'
  supervise
  curl --silent --max-time "$PATIENCE" "http://127.0.0.1:$a/" >answer 3>&- &
  client=$!
  STARTED+=("$client")
  wait_until sh -c "'$TASUKI' status --json web | jq -e '.listeners[0].waiting == 1'"
  serve '[listen]' "port = 127.0.0.1:$b" "port = 127.0.0.1:$a"
  deploy_succeeds
  wait "$client"
  grep -q '^generation 2 ' answer
  stop_supervisor 0
}

@test "the descriptors of the workers are those of the new file" {
  a=$(free_port) b=$(free_port)
  serve '[listen]' "port = 127.0.0.1:$a" "port = 127.0.0.1:$b"
  supervise
  serve '[listen]' "port = 127.0.0.1:$b" "port = 127.0.0.1:$a=9"
  deploy_succeeds
  body "http://127.0.0.1:$a/environ" | tr '\0' '\n' |
    grep -qx "SERVER_STARTER_PORT=127.0.0.1:$b=3;127.0.0.1:$a=9"
  generation_at "$a" 2
  generation_at "$b" 2
  stop_supervisor 0
}

@test "of one that stays the backlog changes at once, and other options are told to wait" {
  a=$(free_port)
  serve '[listen web]' "port = 127.0.0.1:$a" 'backlog = 10'
  supervise
  serve '[listen web]' "port = 127.0.0.1:$a" 'backlog = 20' 'rcvbuf = 64K'
  deploy_succeeds
  [ "$("$TASUKI" status --json web | jq '.listeners[0].backlog')" -eq 20 ]
  log_has "warning: 127.0.0.1:$a stays open: its changed options take effect after a stop and start"
  stop_supervisor 0
}

@test "under load nothing is lost on one that stays while others come and go" {
  a=$(free_port) b=$(free_port)
  DRAIN='--drain 5' serve '[listen]' "port = 127.0.0.1:$a"
  supervise
  kept=$(socket_of "$a")
  wrk --threads 1 --connections 16 --duration 5s --timeout "${PATIENCE}s" "http://127.0.0.1:$a/" \
    >load 2>&1 3>&- &
  load=$!
  STARTED+=("$load")
  generation=1
  while ! gone "$load"; do
    generation=$((generation + 1))
    if ((generation % 2 == 0)); then
      DRAIN='--drain 5' serve '[listen]' "port = 127.0.0.1:$b" "port = 127.0.0.1:$a"
    else
      DRAIN='--drain 5' serve '[listen]' "port = 127.0.0.1:$a" "path = $DIR/x.sock"
    fi
    deploy_succeeds
    [ "$((generation % 2))" -ne 0 ] || generation_at "$b" "$generation"
    [ "$((generation % 2))" -eq 0 ] || is_closed "$b"
  done
  ended "$load"
  cat load
  [ "$STATUS_CODE" -eq 0 ]
  [ "$generation" -ge 3 ]
  grep -Eq '[1-9][0-9]* requests in' load
  run grep -E 'Socket errors|Non-2xx' load
  [ "$status" -eq 1 ]
  [ "$(socket_of "$a")" = "$kept" ]
  stop_supervisor 0
}
