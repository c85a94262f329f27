# Shared by the tests of what a deploy tells: a supervisor named "app" whose worker is
# workers/actor, which does what the test writes down for it, and how its control socket is asked.
# shellcheck shell=bash disable=SC2034 # the variables are for the tests
# shellcheck source=SCRIPTDIR/../helpers.bash
source "$(dirname "${BASH_SOURCE[0]}")/../helpers.bash"

ACTOR=$ROOT/tests/truth/workers/actor

SERVICE=app

setup_directory() {
  DIR=$BATS_TEST_TMPDIR/stage
  mkdir "$DIR"
  export TASUKI_RUNTIME_DIR=$BATS_TEST_TMPDIR/run
  mkdir "$TASUKI_RUNTIME_DIR"
  SOCKET=$TASUKI_RUNTIME_DIR/app.sock
  LOG=$BATS_TEST_TMPDIR/log
}

setup() {
  setup_directory
}

teardown() {
  kill_started
  rm -rf "$DIR"
  no_sanitizer_reports
}

# --- the supervisor and its workers ---------------------------------------------------------------

# supervise OPTION...: tasuki named app, with an actor; its pid is in $SUPERVISOR.
supervise() {
  supervise_command "$@" -- "$ACTOR" "$DIR"
}

# supervise_command OPTION... -- COMMAND...: the same with another worker.
supervise_command() {
  start "$TASUKI" run --name=app "$@"
  SUPERVISOR=$PID
}

# script N LINE...: what generation N does at its start ("any": each that has no script of its own).
script() {
  local file=$DIR/start.$1
  [ "$1" != any ] || file=$DIR/start
  shift
  printf '%s\n' "$@" >"$file"
}

# tell N LINE...: what the worker of generation N is to do now.
tell() {
  local fifo=$DIR/do.$1
  shift
  wait_until test -p "$fifo"
  printf '%s\n' "$@" >"$fifo"
}

# plays N: true when the worker of generation N has come to the end of its script.
plays() { [ -s "$DIR/worker.$1" ]; }

# begins N: true when the worker of generation N runs.
begins() { [ -s "$DIR/starting.$1" ]; }

# pid_of N, child_of N, orphan_of N
pid_of() { cat "$DIR/starting.$1"; }
child_of() { cat "$DIR/child.$1"; }
orphan_of() { cat "$DIR/orphan.$1"; }

never_began() { [ ! -e "$DIR/starting.$1" ]; }

# was_signalled N SIGNAL, was_never_signalled N
was_signalled() { file_has "$DIR/signals" "^$1 $2\$"; }
was_never_signalled() { ! file_has "$DIR/signals" "^$1 "; }

# serves N: true when the current generation is N, and it has no other beside it.
serves() {
  [ "$(status '[.generations[] | "\(.number) \(.state)"] | join(",")')" = "$1 serving" ]
}

# current_is N: true when the current generation is N.
current_is() { [ "$(status '.generations[] | select(.current) | .number')" = "$1" ]; }

# --- asking ---------------------------------------------------------------------------------------

# ask LINE: a request on the control socket; prints what comes back.
ask() {
  printf '%s\n' "$1" | socat -t "$PATIENCE" - "UNIX-CONNECT:$SOCKET"
}

# status FILTER: what jq makes of the supervisor's status.
status() {
  ask status 2>/dev/null | head -n 1 | jq -r ".status | $1"
}

# status_is FILTER VALUE, status_matches FILTER REGEX
status_is() { [ "$(status "$1")" = "$2" ]; }
status_matches() { [[ "$(status "$1")" =~ $2 ]]; }

# log_counts REGEX N: true when so many lines of the log match.
log_counts() { [ "$(count_in "$LOG" "$1")" -eq "$2" ]; }

# in_background FILE COMMAND...: runs a client; its pid is in $CLIENT, what it says in FILE.
in_background() {
  start_logged "$@"
  CLIENT=$PID
}

# follows FILE: true when the client that writes FILE hears what generation 1 says. (The same text
# twice is no news, so each try has its own.)
follows() {
  tell 1 "notify STATUS=begin $((SAID = ${SAID:-0} + 1))"
  file_has "$1" begin
}

# at_most EARLIER LATER SECONDS
at_most() { awk -v a="$1" -v b="$2" -v s="$3" 'BEGIN { exit !(b - a <= s) }'; }

