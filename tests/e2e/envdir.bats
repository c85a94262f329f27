#!/usr/bin/env bats
# The envdir when something is wrong in it: it is reported, all else in it counts, and the deploy
# goes on.

# shellcheck disable=SC2030,SC2031,SC2034 # each test is a process of its own; the helper reads these
load helper

# supervise_with_variables OPTION...: with the envdir $DIR/env, in which GOOD is a variable.
supervise_with_variables() {
  mkdir "$DIR/env"
  echo one >"$DIR/env/GOOD"
  supervise --interval=0 --envdir="$DIR/env" "$@"
  wait_serving 1
}

# deploy GENERATION: asks for a deploy, and waits until this generation serves alone.
deploy() {
  kill -HUP "$SUPERVISOR"
  wait_serving "$1"
}

@test "a file that cannot be read is reported, and the rest counts" {
  supervise_with_variables
  ln -s "$DIR/env/BROKEN" "$DIR/env/BROKEN"
  ln -s "$DIR/nowhere" "$DIR/env/NOWHERE"
  echo two >"$DIR/env/GOOD"
  deploy 2
  equal "$(variable GOOD 2)" two
  equal "$(variable BROKEN 2)" '(unset)'
  log_has "error: envdir $DIR/env: (BROKEN|NOWHERE): "
}

@test "a file that may not be read is reported, and the rest counts" {
  # Root may read everything, unless it has given that up.
  local caps=-dac_override,-dac_read_search unprivileged=()
  if [ "$(id -u)" -eq 0 ]; then
    unprivileged=(setpriv --inh-caps="$caps" --bounding-set="$caps")
    "${unprivileged[@]}" true || skip 'no capability can be given up here'
  fi
  mkdir "$DIR/env"
  echo two >"$DIR/env/GOOD"
  echo secret >"$DIR/env/SECRET"
  chmod 000 "$DIR/env/SECRET"
  start "${unprivileged[@]}" "$TASUKI" --path="$SOCKET" --status-file="$STATUS_FILE" --interval=0 \
    --envdir="$DIR/env" -- "$HELLO"
  wait_serving 1
  equal "$(variable GOOD 1)" two
  equal "$(variable SECRET 1)" '(unset)'
  log_has "envdir $DIR/env: SECRET: Permission denied"
}

@test "a FIFO does not hold up a deploy, with a writer or without" {
  supervise_with_variables
  mkfifo "$DIR/env/PIPE"
  deploy 2
  equal "$(variable PIPE 2)" '(unset)'
  # A writer that says nothing.
  exec 8<>"$DIR/env/PIPE"
  deploy 3
  exec 8>&-
  equal "$(variable PIPE 3)" '(unset)'
  equal "$(variable GOOD 3)" one
}

@test "a socket and a device do not hold up a deploy" {
  supervise_with_variables
  leave_stale_socket "$DIR/env/SOCKET"
  ln -s /dev/zero "$DIR/env/ZERO"
  ln -s /dev/tty "$DIR/env/TERMINAL"
  deploy 2
  equal "$(variable GOOD 2)" one
  equal "$(variable ZERO 2)" '(unset)'
  log_has "error: envdir $DIR/env: "
}

@test "a huge value reaches the worker whole, one that is larger than can be is reported" {
  supervise_with_variables
  head -c 100000 /dev/zero | tr '\0' x >"$DIR/env/HUGE"
  deploy 2
  equal "$(variable HUGE 2 | wc -c)" 100001
  head -c 200000 /dev/zero | tr '\0' x >"$DIR/env/HUGE"
  deploy 3
  equal "$(variable HUGE 3)" '(unset)'
  equal "$(variable GOOD 3)" one
  log_has "envdir $DIR/env: HUGE: the value is longer than"
}

@test "more than can be handed on fails the deploy, and the old generation stays" {
  supervise_with_variables
  local i
  # Room for arguments and environment is a quarter of the stack's limit, 6 MB at most (execve(2)).
  for i in {1..100}; do
    head -c 100000 /dev/zero | tr '\0' x >"$DIR/env/HUGE$i"
  done
  kill -HUP "$SUPERVISOR"
  wait_until log_has 'deploy 1 failed'
  log_has "cannot execute $HELLO: Argument list too long"
  serves 1
  status_is 1
  rm "$DIR"/env/HUGE*
  deploy 3
}

@test "thousands of variables reach the worker" {
  supervise_with_variables
  local i
  for i in {1..3000}; do
    echo "$i" >"$DIR/env/VARIABLE_$i"
  done
  deploy 2
  equal "$(tr '\0' '\n' <"/proc/$(pid_of 2)/environ" | grep -c '^VARIABLE_')" 3000
  equal "$(variable VARIABLE_3000 2)" 3000
}

@test "names that cannot be variables' are left alone" {
  supervise_with_variables
  echo wrong >"$DIR/env/A=B"
  echo right >"$DIR/env/a b"
  deploy 2
  equal "$(variable 'a b' 2)" right
  equal "$(tr '\0' '\n' <"/proc/$(pid_of 2)/environ" | grep -c '^A=')" 0
}

@test "an envdir that is no directory is reported, and the deploy goes on without it" {
  supervise_with_variables
  rm -r "$DIR/env"
  echo file >"$DIR/env"
  deploy 2
  log_has "envdir $DIR/env: .*Not a directory"
  equal "$(variable GOOD 2)" '(unset)'
}

@test "a KILL_OLD_DELAY that makes no sense at a later deploy is reported, and the previous value stays" {
  local value generation=1
  supervise_with_variables --kill-old-delay=0
  for value in soon -1 1x 99999999999d; do
    echo "$value" >"$DIR/env/KILL_OLD_DELAY"
    generation=$((generation + 1))
    deploy "$generation"
    log_has "KILL_OLD_DELAY: expected a duration.*'?$value'?; keeping the previous value"
  done
  echo 1h >"$DIR/env/KILL_OLD_DELAY"
  kill -HUP "$SUPERVISOR"
  wait_until status_is 5 6
  echo soon >"$DIR/env/KILL_OLD_DELAY"
  kill -TERM "$(pid_of 5)"
  wait_until status_is 6
  kill -HUP "$SUPERVISOR"
  wait_until status_is 6 7
  wait_until log_has_at_least 2 'signalling older workers in 3600 s'
  alive "$(pid_of 6)"
}

@test "an AUTO_RESTART_INTERVAL that makes no sense at a later deploy is reported as well" {
  supervise_with_variables --enable-auto-restart --auto-restart-interval=1h --kill-old-delay=0
  echo never >"$DIR/env/AUTO_RESTART_INTERVAL"
  deploy 2
  log_has "AUTO_RESTART_INTERVAL: expected a duration.*never.*; keeping the previous value"
}

@test "an empty or removed KILL_OLD_DELAY means what it meant without the envdir" {
  supervise_with_variables --kill-old-delay=0
  echo 1h >"$DIR/env/KILL_OLD_DELAY"
  kill -HUP "$SUPERVISOR"
  wait_until status_is 1 2
  rm "$DIR/env/KILL_OLD_DELAY"
  kill -TERM "$(pid_of 1)"
  wait_until status_is 2
  deploy 3
}
