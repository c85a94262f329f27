#!/usr/bin/env bats
# What a worker starts with, which processes are workers and which are not, and what happens to
# those that are not.

# shellcheck disable=SC2030,SC2031,SC2034 # each test is a process of its own; the helper reads these
load helper

# page NAME: what hello-server tells of its own start.
page() {
  body "http://localhost/$1" --unix-socket "$SOCKET"
}

# has_only_its_own: the worker has its standard streams and the socket, and nothing else.
has_only_its_own() {
  page fds | sort -n >"$DIR/fds"
  equal "$(cut -d' ' -f1 "$DIR/fds" | tr '\n' ' ')" '0 1 2 3 '
  has "$DIR/fds" '^3 socket:'
}

# --- descriptors ---

@test "a worker has its standard streams and its sockets, in each generation" {
  supervise --interval=0
  wait_serving 1
  has_only_its_own
  kill -HUP "$SUPERVISOR"
  wait_serving 2
  has_only_its_own
  kill -KILL "$(pid_of 2)"
  wait_serving 3
  has_only_its_own
}

@test "descriptors that the supervisor was started with do not reach the worker" {
  exec 5<"$0" 6>"$DIR/six" 17<"$0" 200<"$0" 1000<"$0"
  supervise --interval=0 --log-file="| cat >>'$DIR/piped'"
  exec 5>&- 6>&- 17>&- 200>&- 1000>&-
  wait_serving 1
  has_only_its_own
}

@test "a descriptor that was asked for is the socket, even where the supervisor was started with one" {
  exec 7<"$0"
  PORT=$(free_port)
  supervise --interval=0 --port="127.0.0.1:$PORT=7"
  exec 7>&-
  wait_serving 1
  page fds >"$DIR/fds"
  has "$DIR/fds" '^7 socket:'
  equal "$(wc -l <"$DIR/fds")" 5
  answers "http://127.0.0.1:$PORT/"
}

@test "a supervisor that is started with its standard streams closed keeps its sockets clear of them" {
  "$TASUKI" --path="$SOCKET" --status-file="$STATUS_FILE" --pid-file="$PID_FILE" --interval=0 -- \
    "$HELLO" <&- >&- 2>&- 3>&- &
  SUPERVISOR=$!
  STARTED+=("$SUPERVISOR")
  wait_serving 1
  has_only_its_own
  equal "$(grep -c '^[012] /dev/null$' "$DIR/fds")" 3
  kill -HUP "$SUPERVISOR"
  wait_serving 2
  has_only_its_own
}

@test "a service can have sockets in the place of its standard streams" {
  PORT=$(free_port)
  supervise --interval=0 --port="127.0.0.1:$PORT=0"
  wait_serving 1
  page fds >"$DIR/fds"
  has "$DIR/fds" '^0 socket:'
  answers "http://127.0.0.1:$PORT/"
  kill -HUP "$SUPERVISOR"
  wait_serving 2
}

@test "two sockets that ask for each other's number both get it" {
  start "$TASUKI" --interval=0 --status-file="$STATUS_FILE" --port=127.0.0.1:0=4 \
    --port=127.0.0.1:0=3 --port=127.0.0.1:0 --path="$SOCKET" -- "$HELLO"
  wait_serving 1
  page environ >"$DIR/environ"
  has "$DIR/environ" '^SERVER_STARTER_PORT=127.0.0.1:[0-9]+=4;127.0.0.1:[0-9]+=3;127.0.0.1:[0-9]+=5;.*=6$'
  page fds >"$DIR/fds"
  equal "$(grep -c ' socket:' "$DIR/fds")" 4
}

@test "a service can have more sockets than the limit of open files that it is started with" {
  local ports=() i
  for i in {1..100}; do
    ports+=(--port=127.0.0.1:0)
  done
  make_worker worker <<END
#!/bin/sh
ls /proc/self/fd | wc -l >"$DIR/descriptors"
exec sleep 1000
END
  (
    ulimit -S -n 80
    exec "$TASUKI" --interval=0 "${ports[@]}" -- "$DIR/worker" </dev/null >>"$LOG" 2>&1 3>&-
  ) &
  STARTED+=("$!")
  wait_until test -s "$DIR/descriptors"
  equal "$(cat "$DIR/descriptors")" 104
}

# --- signals ---

@test "a worker starts with no signal ignored and none blocked, whatever the supervisor has" {
  start env --ignore-signal --block-signal "$TASUKI" --path="$SOCKET" --interval=0 \
    --status-file="$STATUS_FILE" --log-file="| cat >>'$DIR/piped'" -- "$HELLO"
  SUPERVISOR=$PID
  wait_serving 1
  equal "$(page signals | grep -c ':[[:space:]]0*$')" 2
  kill -HUP "$SUPERVISOR"
  wait_serving 2
  equal "$(page signals | grep -c ':[[:space:]]0*$')" 2
  kill -TERM "$SUPERVISOR"
  ended "$SUPERVISOR"
  equal "$STATUS_CODE" 0
}

# --- processes that are no workers ---

@test "an orphan that comes to the supervisor is reaped, and is never mistaken for a worker" {
  make_worker worker <<END
#!/bin/sh
( (sleep 0.2; exit 9) & )
( (exit 8) & )
exec '$HELLO'
END
  start "$TOOLS/e2e_parent" "$TASUKI" --path="$SOCKET" --interval=0 \
    --status-file="$STATUS_FILE" -- "$DIR/worker"
  SUPERVISOR=$PID
  wait_serving 1
  wait_until children_are "$SUPERVISOR" 1
  equal "$(children "$SUPERVISOR")" "$(pid_of 1)"
  status_is 1
  lacks "$LOG" 'exited|generation 2'
}

@test "a child that was there before the supervisor is reaped, and is never mistaken for a worker" {
  # shellcheck disable=SC2016 # for the inner shell to expand
  start sh -c 'sleep 0.3 & exec "$@"' sh "$TASUKI" --path="$SOCKET" --interval=0 \
    --status-file="$STATUS_FILE" -- "$HELLO"
  SUPERVISOR=$PID
  wait_serving 1
  wait_until children_are "$SUPERVISOR" 1
  status_is 1
  lacks "$LOG" 'exited|generation 2'
}

@test "a child that died before the supervisor was executed is reaped as well" {
  start "$TOOLS/e2e_parent" "$TASUKI" --path="$SOCKET" --interval=0 \
    --status-file="$STATUS_FILE" -- "$HELLO"
  SUPERVISOR=$PID
  wait_serving 1
  wait_until children_are "$SUPERVISOR" 1
}

@test "as PID 1 it serves, reaps its orphans, deploys, and stops with status 0" {
  unshare --pid --fork --mount-proc true 2>/dev/null || skip 'no PID namespace can be had here'
  local namespace
  make_worker worker <<END
#!/bin/sh
( (sleep 0.2; exit 9) & )
exec '$HELLO'
END
  start unshare --pid --fork --mount-proc "$TASUKI" --path="$SOCKET" --interval=0 \
    --status-file="$STATUS_FILE" -- "$DIR/worker"
  namespace=$PID
  wait_serving 1
  SUPERVISOR=$(children "$namespace" | tr -d ' ')
  STARTED=("$SUPERVISOR" "$namespace")
  has "$LOG" '^[0-9T:.Z-]+ tasuki\[1\]: '
  wait_until children_are "$SUPERVISOR" 1
  lacks "$LOG" 'exited|generation 2'
  kill -HUP "$SUPERVISOR"
  wait_serving 2
  wait_until log_has 'deploy 1 succeeded'
  kill -TERM "$SUPERVISOR"
  ended "$namespace"
  equal "$STATUS_CODE" 0
  lacks "$LOG" 'generation 3'
}

@test "a hundred orphans that die in one moment are all reaped" {
  make_worker worker <<END
#!/bin/sh
i=0
while [ \$i -lt 100 ]; do
  ( (until [ -e '$DIR/die' ]; do sleep 0.1; done) & )
  i=\$((i + 1))
done
: >'$DIR/forked'
exec '$HELLO'
END
  start "$TOOLS/e2e_parent" "$TASUKI" --path="$SOCKET" --interval=0 \
    --status-file="$STATUS_FILE" -- "$DIR/worker"
  SUPERVISOR=$PID
  wait_until test -e "$DIR/forked"
  touch "$DIR/die"
  wait_until children_are "$SUPERVISOR" 1
  wait_until serves 1
  status_is 1
}

# --- the supervisor killed ---

@test "when the supervisor is killed, its workers serve on, and a new one names the one in its way" {
  supervise --interval=0
  wait_serving 1
  local worker
  worker=$(pid_of 1)
  STARTED+=("$worker")
  kill -KILL "$SUPERVISOR"
  ended "$SUPERVISOR"
  serves 1
  attempt "$TASUKI" --path="$SOCKET" --pid-file="$PID_FILE" -- "$HELLO"
  equal "$STATUS_CODE" 1
  has "$DIR/stderr" "$SOCKET.*process $worker "
  serves 1
  kill -TERM "$worker"
  wait_until gone "$worker"
  rm "$LOG"
  supervise --interval=0
  wait_serving 1
}

@test "a worker that asks for a signal at its parent's death gets it when the supervisor dies, and not before" {
  WORKER=("$TOOLS/follower")
  supervise --interval=0.05
  local i
  for ((i = 1; i <= 20; i++)); do
    wait_until status_is "$i"
    kill -HUP "$SUPERVISOR"
  done
  wait_until status_is 21
  equal "$(count 'KILL')" 0
  kill -KILL "$SUPERVISOR"
  wait_until gone "$(pid_of 21)"
}
