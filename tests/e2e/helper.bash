# What the end-to-end tests share: where a test's files are, how to start the service, and how to
# see in which state it is. The worker is hello-server behind a unix socket, so that tests that run
# side by side cannot take each other's ports.
# shellcheck source=tests/helpers.bash
. "$(dirname "${BASH_SOURCE[0]}")/../helpers.bash"

# shellcheck disable=SC2034 # the tests read these
setup() {
  DIR=$BATS_TEST_TMPDIR
  LOG=$DIR/log
  SOCKET=$DIR/socket
  PID_FILE=$DIR/pid
  STATUS_FILE=$DIR/status
  PROGRAM=$TASUKI
  WORKER=("$HELLO")
  RESTART=("$TASUKI" --restart --pid-file="$PID_FILE" --status-file="$STATUS_FILE")
  STOP=("$TASUKI" --stop --pid-file="$PID_FILE")
}

teardown() {
  touch "$DIR/release"
  adopt_daemon
  kill_started
  no_sanitizer_reports
}

# adopt_daemon: a daemon is no child of the test, but it ends with the test all the same.
adopt_daemon() {
  local pid
  pid=$(cat "$PID_FILE" 2>/dev/null || true)
  if [ -n "$pid" ] && [ "/proc/$pid/exe" -ef "$TASUKI" ]; then
    STARTED+=("$pid")
  fi
}

# supervise [OPTION...]: starts $PROGRAM with ${WORKER[@]} and leaves its pid in $SUPERVISOR.
supervise() {
  start "$PROGRAM" --path="$SOCKET" --pid-file="$PID_FILE" --status-file="$STATUS_FILE" "$@" -- \
    "${WORKER[@]}"
  SUPERVISOR=$PID
}

# attempt COMMAND [ARG...]: runs a command that is expected to end; its exit status is in
# $STATUS_CODE, what it said in $DIR/stdout and $DIR/stderr.
attempt() {
  STATUS_CODE=0
  # shellcheck disable=SC2034 # the tests read it
  timeout -k 5 "$PATIENCE" "$@" </dev/null >"$DIR/stdout" 2>"$DIR/stderr" 3>&- || STATUS_CODE=$?
}

# stop_service [STATUS]: see stop_supervisor.
stop_service() {
  stop_supervisor "$@"
}

# make_worker NAME <<BODY: an executable script $DIR/NAME.
make_worker() {
  cat >"$DIR/$1"
  chmod +x "$DIR/$1"
}

# use_failing_worker: a worker that exits with status 3 at once while $DIR/fail exists.
use_failing_worker() {
  make_worker worker <<END
#!/bin/sh
[ ! -e '$DIR/fail' ] || exit 3
exec '$HELLO'
END
  WORKER=("$DIR/worker")
}

# use_lingering_worker: a worker that lives until $DIR/release exists, and notes each TERM that it
# gets in $DIR/signals. It says "up" in $DIR/up.GENERATION when it is ready for them.
use_lingering_worker() {
  make_worker worker <<END
#!/bin/sh
trap 'echo "\$SERVER_STARTER_GENERATION TERM" >>"$DIR/signals"' TERM
: >"$DIR/up.\$SERVER_STARTER_GENERATION"
until [ -e "$DIR/release" ]; do sleep 0.05; done
END
  WORKER=("$DIR/worker")
}

# status_is GENERATION...: the status file lists exactly these.
status_is() {
  [ "$(cut -d: -f1 "$STATUS_FILE" 2>/dev/null | sort -n | tr '\n' ' ')" = "$* " ]
}

# workers: the pid of every worker that the log tells of.
workers() {
  sed -n 's/.*generation [0-9]*: worker \([0-9]*\) started.*/\1/p' "$LOG"
}

# pid_of GENERATION: its worker, as the log has it.
pid_of() {
  sed -n "s/.*generation $1: worker \([0-9]*\) started.*/\1/p" "$LOG"
}

# started GENERATION: it has a worker.
started() {
  [ -n "$(pid_of "$1")" ]
}

# serves GENERATION: a worker of it answers on the socket.
serves() {
  [[ $(body http://localhost/ --unix-socket "$SOCKET") == "generation $1 pid "* ]]
}

# wait_serving GENERATION: until it is the only one, and answers.
wait_serving() {
  wait_until status_is "$1"
  wait_until serves "$1"
}

# alive PID
alive() {
  ! gone "$1"
}

# is_locked FILE: somebody holds an flock on it.
is_locked() {
  ! flock --nonblock "$1" true
}

# nothing_left: what the supervisor made for itself is gone.
nothing_left() {
  absent "$SOCKET" "$PID_FILE" "$STATUS_FILE"
}

# children_are PID COUNT: that many children, dead ones that nobody has waited for included.
children_are() {
  [ "$(children "$1" | wc -w)" -eq "$2" ]
}

# leave_stale_socket PATH: what a server leaves behind that was killed.
leave_stale_socket() {
  perl -MSocket -e 'socket my $s, AF_UNIX, SOCK_STREAM, 0 or die $!;
    bind $s, pack_sockaddr_un(shift) or die $!' "$1"
}

# variable NAME [GENERATION]: of that generation's worker; "(unset)" if it does not have it.
variable() {
  tr '\0' '\n' <"/proc/$(pid_of "${2:-1}")/environ" | sed -n "s/^$1=//p;t found;b;:found q" |
    grep . || echo '(unset)'
}

# identity FILE: which file it is, and what it holds.
identity() {
  stat -c '%i %F %s %y' "$1"
  [ ! -f "$1" ] || cat "$1"
}
