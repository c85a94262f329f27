#!/usr/bin/env bats
# Other users of the machine: what they put in the way of a service of root's, in directories that
# they may write to, is neither followed nor believed. What is rightly theirs goes on to work.

# shellcheck disable=SC2030,SC2031,SC2034 # each test is a process of its own; the helper reads these
load helper

# $THEIRS is a directory of the user nobody's, $SECRET a file of root's.
eval "$(declare -f setup | sed '1s/setup/setup_files/')"
setup() {
  needs_root
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

# as_stranger COMMAND...: runs it in the background as nobody, in $THEIRS; its pid is in $PID.
as_stranger() {
  start_logged "$DIR/stranger" env --chdir="$THEIRS" setpriv --reuid=nobody --clear-groups -- "$@"
}

# start_bystander: a process of root's that has nothing to do with it, in $BYSTANDER.
start_bystander() {
  start sleep 1000
  BYSTANDER=$PID
}

# secret_is_kept: nobody has written to it.
secret_is_kept() {
  equal "$(cat "$SECRET")" secret
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
  wait_until log_has_at_least 2 'cannot open log file'
  secret_is_kept
  rm "$THEIRS/log"
  "$TASUKI" reopen hello-server
  LOG=$THEIRS/log
  wait_until log_has 'log file reopened'
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
  has "$DIR/stderr" "^tasuki: cannot open log file $DIR/temporary/log: log belongs to user 65534 in a world-writable directory \(expected root's\)\$"
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
  equal "$(variable X 1)" '(unset)'
  equal "$(variable GOOD 1)" good
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
  equal "$(variable X 2)" '(unset)'
  has "$LOG" "envdir $THEIRS/env: a link of user 65534 leads to private of user 0"
}

@test "an envdir as Kubernetes mounts it is read, through its links of root's" {
  mkdir -p "$DIR/env/..2026_11_26"
  echo one >"$DIR/env/..2026_11_26/X"
  ln -s ..2026_11_26 "$DIR/env/..data"
  ln -s ..data/X "$DIR/env/X"
  supervise --interval=0 --envdir="$DIR/env"
  wait_serving 1
  equal "$(variable X 1)" one
  kill -HUP "$SUPERVISOR"
  wait_serving 2
  equal "$(variable X 2)" one
}

@test "an envdir below a deploy user's own current link is read" {
  install -d -o nobody "$THEIRS/release" "$THEIRS/release/env"
  echo one >"$THEIRS/release/env/X"
  their_link release current
  supervise --interval=0 --envdir="$THEIRS/current/env"
  wait_serving 1
  equal "$(variable X 1)" one
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

# --- the pid file ---

@test "a pid file that is another user's link to a file of root's is refused, and the file kept" {
  their_link "$SECRET" pid
  attempt "$TASUKI" --path="$SOCKET" --pid-file="$THEIRS/pid" -- "$HELLO"
  equal "$STATUS_CODE" 1
  has "$DIR/stderr" "^tasuki: cannot open pid file $THEIRS/pid: a link of user 65534 leads to secret of user 0 \(expected root's\)\$"
  secret_is_kept
}

@test "--stop and --restart do not signal whom another user's pid file names" {
  start_bystander
  echo "$BYSTANDER" >"$THEIRS/pid"
  echo "1:$BYSTANDER" >"$THEIRS/status"
  chown nobody "$THEIRS/pid" "$THEIRS/status"
  as_stranger flock pid sleep 1000
  wait_until is_locked "$THEIRS/pid"
  attempt "$TASUKI" --stop --pid-file="$THEIRS/pid"
  equal "$STATUS_CODE" 1
  has "$DIR/stderr" "^tasuki: pid file $THEIRS/pid names process $BYSTANDER, which does not hold its lock \(expected the supervisor\)\$"
  attempt "$TASUKI" --restart --pid-file="$THEIRS/pid" --status-file="$THEIRS/status"
  equal "$STATUS_CODE" 1
  alive "$BYSTANDER"
}

@test "--stop does not signal another user's victim either that was made to lock the pid file" {
  install -o nobody /dev/null "$THEIRS/pid"
  start flock "$THEIRS/pid" sleep 1000
  wait_until is_locked "$THEIRS/pid"
  local victim=$PID
  echo "$victim" >"$THEIRS/pid"
  attempt "$TASUKI" --stop --pid-file="$THEIRS/pid"
  equal "$STATUS_CODE" 1
  has "$DIR/stderr" "^tasuki: pid file $THEIRS/pid belongs to user 65534, but names process $victim of another user \(expected"
  alive "$victim"
}

@test "root stops and restarts another user's service by that user's files" {
  as_stranger "$TASUKI" --interval=0 --pid-file=pid --status-file=status -- sleep 1000
  wait_until file_has "$THEIRS/status" '^1:'
  attempt "$TASUKI" --restart --pid-file="$THEIRS/pid" --status-file="$THEIRS/status"
  equal "$STATUS_CODE" 0
  attempt "$TASUKI" --stop --pid-file="$THEIRS/pid"
  equal "$STATUS_CODE" 0
  absent "$THEIRS/pid"
}

@test "--stop returns while another user's lock is on the pid file, and the next start is not kept away" {
  PID_FILE=$THEIRS/pid
  supervise --interval=0
  wait_serving 1
  as_stranger flock pid sleep 1000
  attempt "${STOP[@]/#--pid-file=*/--pid-file=$PID_FILE}"
  equal "$STATUS_CODE" 0
  ended "$SUPERVISOR"
  : >"$PID_FILE"
  as_stranger flock --shared pid sleep 1000
  wait_until is_locked "$PID_FILE"
  rm "$LOG"
  supervise --interval=0
  wait_serving 1
  equal "$(cat "$PID_FILE")" "$SUPERVISOR"
}

# --- the status file ---

@test "a FIFO under the name that the status file is written by holds nothing up" {
  STATUS_FILE=$THEIRS/status
  supervise --interval=0
  wait_serving 1
  mkfifo "$STATUS_FILE.$SUPERVISOR"
  kill -HUP "$SUPERVISOR"
  wait_serving 2
  stop_service
  equal "$STATUS_CODE" 0
}

@test "a status file is not written where another user's link leads to" {
  mkdir "$DIR/private"
  install -d -o nobody "$THEIRS/run"
  STATUS_FILE=$THEIRS/run/status
  supervise --interval=0
  wait_serving 1
  mv "$THEIRS/run" "$THEIRS/away"
  their_link "$DIR/private" run
  kill -HUP "$SUPERVISOR"
  wait_until log_has "cannot write status file $STATUS_FILE: a link of user 65534 leads to private of user 0"
  wait_until serves 2
  stop_service
  equal "$(ls -A "$DIR/private")" ''
}

# --- the control socket ---

# squat DIRECTORY NAME: nobody listens there, as a supervisor would; and answers nothing.
squat() {
  # shellcheck disable=SC2016 # they are Perl's
  (cd "$1" && exec setpriv --reuid=nobody --clear-groups -- perl -MIO::Socket::UNIX -e '
    $SIG{PIPE} = "IGNORE";
    my $s = IO::Socket::UNIX->new(Type => SOCK_STREAM, Local => $ARGV[0], Listen => 9) or die;
    while (my $c = $s->accept) { print {$c} "{\"result\":\"ok\"}\n"; close $c }' "$2.sock") \
    </dev/null >>"$DIR/stranger" 2>&1 3>&- &
  STARTED+=("$!")
  wait_until test -S "$1/$2.sock"
}

@test "root's client does not believe another user's socket in a directory for everybody" {
  export TASUKI_RUNTIME_DIR=$DIR/temporary
  install -d -m 1777 "$TASUKI_RUNTIME_DIR"
  squat "$TASUKI_RUNTIME_DIR" app
  local words
  for words in 'status app' 'stop app' 'restart app' 'status' 'stop' "status --control=$TASUKI_RUNTIME_DIR/app.sock"; do
    # shellcheck disable=SC2086 # words
    attempt "$TASUKI" $words
    equal "$words: $STATUS_CODE" "$words: 3"
    has "$DIR/stderr" "^tasuki: .*$TASUKI_RUNTIME_DIR/app.sock: a process of user 65534 answers \\(expected root's"
  done
  supervise --interval=0 --name=mine
  wait_serving 1
  attempt "$TASUKI" status --json
  equal "$STATUS_CODE" 0
  has "$DIR/stdout" '"name": ?"mine"'
}

@test "root's client does not believe the directory either that another user has made there first" {
  install -d -m 1777 "$DIR/temporary"
  export TASUKI_RUNTIME_DIR=$DIR/temporary/tasuki
  install -d -o nobody "$TASUKI_RUNTIME_DIR"
  squat "$TASUKI_RUNTIME_DIR" app
  attempt "$TASUKI" stop app
  equal "$STATUS_CODE" 3
  has "$DIR/stderr" 'app.sock: a process of user 65534 answers \(expected root'
  supervise --interval=0
  wait_serving 1
  has "$LOG" "warning: continuing without a control socket: directory of control sockets $TASUKI_RUNTIME_DIR: tasuki belongs to user 65534 in a world-writable directory \(expected root's\)\$"
}

@test "a supervisor does not take over another user's control socket, and serves without" {
  export TASUKI_RUNTIME_DIR=$DIR/temporary
  install -d -m 1777 "$TASUKI_RUNTIME_DIR"
  leave_stale_socket "$TASUKI_RUNTIME_DIR/app.sock"
  chown nobody "$TASUKI_RUNTIME_DIR/app.sock"
  supervise --interval=0 --name=app
  wait_serving 1
  has "$LOG" "warning: continuing without a control socket: control socket $TASUKI_RUNTIME_DIR/app.sock: it belongs to user 65534 \(expected root's"
  stop_service
  test -S "$TASUKI_RUNTIME_DIR/app.sock"
}

@test "root speaks to another user's supervisor in that user's directory" {
  as_stranger "$TASUKI" --interval=0 --control=app.sock -- sleep 1000
  wait_until test -S "$THEIRS/app.sock"
  attempt "$TASUKI" status --control="$THEIRS/app.sock"
  equal "$STATUS_CODE" 0
  TASUKI_RUNTIME_DIR=$THEIRS attempt "$TASUKI" stop app
  equal "$STATUS_CODE" 0
}

# --- unix sockets ---

@test "no socket is removed or made where another user's link leads to" {
  install -d "$DIR/private"
  leave_stale_socket "$DIR/private/socket"
  their_link "$DIR/private" run
  attempt "$TASUKI" --path="$THEIRS/run/socket" -- "$HELLO"
  equal "$STATUS_CODE" 1
  has "$DIR/stderr" "^tasuki: cannot listen on $THEIRS/run/socket: a link of user 65534 leads to private of user 0 \(expected root's\)\$"
  test -S "$DIR/private/socket"
}

@test "at the end no socket is removed where another user's link leads to by then" {
  install -d -o nobody "$THEIRS/run"
  SOCKET=$THEIRS/run/socket
  supervise --interval=0
  wait_serving 1
  mv "$THEIRS/run" "$DIR/private"
  chown root "$DIR/private"
  their_link "$DIR/private" run
  stop_service
  equal "$STATUS_CODE" 0
  test -S "$DIR/private/socket"
}
