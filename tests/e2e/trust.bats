#!/usr/bin/env bats
# Other users of the machine: what they put in the way of a service of root's, in directories that
# they may write to, is neither followed nor believed. What is rightly theirs goes on to work.

# shellcheck disable=SC2030,SC2031,SC2034 # each test is a process of its own; the helper reads these
load helper

# $THEIRS is a directory of the user nobody's, $SECRET a file of root's.
eval "$(declare -f setup | sed '1s/setup/setup_files/')"
setup() {
  [ "$(id -u)" -eq 0 ] || skip 'only root can play two users'
  setup_files
  THEIRS=$DIR/theirs
  SECRET=$DIR/secret
  install -d -o nobody "$THEIRS"
  echo secret >"$SECRET"
}

# their_link TARGET NAME: a link of nobody's in $THEIRS.
their_link() {
  ln -s "$1" "$THEIRS/$2"
  chown -h nobody "$THEIRS/$2"
}

# secret_is_kept: nobody has written to it.
secret_is_kept() {
  equal "$(cat "$SECRET")" secret
}

# variable GENERATION NAME: its value in the worker; "(unset)" where there is none.
variable() {
  tr '\0' '\n' <"/proc/$(pid_of "$1")/environ" | grep "^$2=" | cut -d= -f2- | grep . ||
    echo '(unset)'
}

# --- the log file ---

@test "a log file that is another user's link to a file of root's is refused" {
  their_link "$SECRET" log
  attempt "$TASUKI" --path="$SOCKET" --log-file="$THEIRS/log" -- "$HELLO"
  equal "$STATUS_CODE" 1
  has "$DIR/stderr" "^tasuki: cannot open log file $THEIRS/log: a link of user 65534 leads to secret of user 0 \(expected root's\)\$"
  secret_is_kept
}

@test "a log file that another user exchanges for such a link is not followed at a rotation" {
  supervise --interval=0 --log-file="$THEIRS/log"
  LOG=$THEIRS/log
  wait_serving 1
  mv "$THEIRS/log" "$THEIRS/log.1"
  their_link "$SECRET" log
  LOG=$THEIRS/log.1
  "$TASUKI" reopen hello-server || true
  wait_until log_has 'cannot open log file .*: a link of user 65534 leads to'
  kill -USR1 "$SUPERVISOR"
  wait_until at_least 2 'cannot open log file'
  secret_is_kept
  rm "$THEIRS/log"
  "$TASUKI" reopen hello-server
  LOG=$THEIRS/log
  wait_until log_has 'log file opened anew'
}

@test "a log file in another user's directory, and a link of root's to it, are written to" {
  : >"$THEIRS/log"
  chown nobody "$THEIRS/log"
  ln -s "$THEIRS/log" "$DIR/link"
  supervise --interval=0 --log-file="$DIR/link"
  LOG=$THEIRS/log
  wait_serving 1
}

@test "another user's link to a log of their own is followed" {
  : >"$THEIRS/log.1"
  chown nobody "$THEIRS/log.1"
  their_link log.1 log
  supervise --interval=0 --log-file="$THEIRS/log"
  LOG=$THEIRS/log.1
  wait_serving 1
}

@test "a log file that somebody else has made in a directory for everybody is refused" {
  install -d -m 1777 "$DIR/temporary"
  install -o nobody -m 666 /dev/null "$DIR/temporary/log"
  attempt "$TASUKI" --path="$SOCKET" --log-file="$DIR/temporary/log" -- "$HELLO"
  equal "$STATUS_CODE" 1
  has "$DIR/stderr" "^tasuki: cannot open log file $DIR/temporary/log: log belongs to user 65534 in a directory that everybody may write to \(expected root's\)\$"
}

@test "the log goes to /dev/stdout and to a FIFO that somebody reads" {
  start "$TASUKI" --path="$SOCKET" --interval=0 --log-file=/dev/stdout -- "$HELLO"
  wait_until log_has 'generation 1: worker .* started'
  mkfifo "$DIR/fifo"
  start_logged "$DIR/heard" cat "$DIR/fifo"
  start "$TASUKI" --path="$SOCKET.2" --interval=0 --log-file="$DIR/fifo" -- "$HELLO"
  wait_until file_has "$DIR/heard" 'generation 1: worker .* started'
}

# --- the envdir ---

@test "an envdir of another user's does not read root's files through a link" {
  mkdir "$THEIRS/env"
  chown nobody "$THEIRS/env"
  echo good >"$THEIRS/env/GOOD"
  their_link "$SECRET" env/X
  supervise --interval=0 --envdir="$THEIRS/env"
  wait_serving 1
  equal "$(variable 1 X)" '(unset)'
  equal "$(variable 1 GOOD)" good
  has "$LOG" "envdir $THEIRS/env: X: a link of user 65534 leads to secret of user 0"
}

@test "an envdir that another user exchanges for a link between two deploys is not followed" {
  install -d -o nobody "$THEIRS/env"
  install -d "$DIR/private"
  echo secret >"$DIR/private/X"
  supervise --interval=0 --envdir="$THEIRS/env"
  wait_serving 1
  rmdir "$THEIRS/env"
  their_link "$DIR/private" env
  kill -HUP "$SUPERVISOR"
  wait_serving 2
  equal "$(variable 2 X)" '(unset)'
  has "$LOG" "envdir $THEIRS/env: a link of user 65534 leads to private of user 0"
}

@test "an envdir as Kubernetes mounts it is read, through its links of root's" {
  mkdir -p "$DIR/env/..2026_11_26"
  echo one >"$DIR/env/..2026_11_26/X"
  ln -s ..2026_11_26 "$DIR/env/..data"
  ln -s ..data/X "$DIR/env/X"
  supervise --interval=0 --envdir="$DIR/env"
  wait_serving 1
  equal "$(variable 1 X)" one
  kill -HUP "$SUPERVISOR"
  wait_serving 2
  equal "$(variable 2 X)" one
}

@test "an envdir below a deploy user's own current link is read" {
  install -d -o nobody "$THEIRS/release" "$THEIRS/release/env"
  echo one >"$THEIRS/release/env/X"
  their_link release current
  supervise --interval=0 --envdir="$THEIRS/current/env"
  wait_serving 1
  equal "$(variable 1 X)" one
}

# --- the configuration file and standard input ---

@test "a configuration file is not read through another user's link to a file of root's" {
  printf '[service]\ncommand = %s\n' "$HELLO" >"$SECRET"
  their_link "$SECRET" service.ini
  attempt "$TASUKI" check --config="$THEIRS/service.ini"
  equal "$STATUS_CODE" 2
  has "$DIR/stderr" "cannot open $THEIRS/service.ini: a link of user 65534 leads to secret of user 0"
}

@test "--stdin is not opened through another user's link to a file of root's" {
  their_link "$SECRET" input
  attempt "$TASUKI" --user=nobody --stdin="$THEIRS/input" -- cat
  [ "$STATUS_CODE" -ne 0 ]
  has "$DIR/stderr" "--stdin: cannot open $THEIRS/input: a link of user 65534 leads to secret of user 0"
  lacks "$DIR/stdout" secret
}
