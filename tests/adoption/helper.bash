# Shared by the tests that restart servers which know nothing of their supervisor: how one is started
# below it, put under load, deployed again and again, and what the report of the load must say.
# shellcheck shell=bash disable=SC2154 # the catalogue sets TITLE, COMMAND, ...
# shellcheck source=SCRIPTDIR/../helpers.bash
source "$(dirname "${BASH_SOURCE[0]}")/../helpers.bash"
# shellcheck source=SCRIPTDIR/build.bash
source "$(dirname "${BASH_SOURCE[0]}")/build.bash"
# shellcheck source=SCRIPTDIR/catalogue.bash
source "$(dirname "${BASH_SOURCE[0]}")/catalogue.bash"

SERVERS=$ROOT/tests/adoption/servers

# How many HUPs each server gets. A sanitizer's build is asked for fewer.
HUPS=${HUPS:-10}
INTERVAL=0.3

setup() {
  skip_where_the_kernel_refuses
  DIR=$(realpath "$BATS_TEST_TMPDIR")/here
  mkdir "$DIR"
  STATUS=$DIR/status
  REPORT=$DIR/report
  # shellcheck disable=SC2034 # the tests read it
  LOG=$BATS_TEST_TMPDIR/log
  port=$(free_port)
  export PYTHONDONTWRITEBYTECODE=1
}

teardown() {
  end_everything
  no_sanitizer_reports
}

# Skips for what the kernel says, not for what the program under test says: that it refuses where it need
# not would be a fault. Below somebody else's filter only a trial tells.
skip_where_the_kernel_refuses() {
  local reason
  if ! grep -qw user_notif /proc/sys/kernel/seccomp/actions_avail 2>/dev/null; then
    skip "this kernel's seccomp has no notifications"
  fi
  # shellcheck disable=SC2016 # the shell below expands it
  if grep -q '^Seccomp:[[:space:]]*2' /proc/self/status &&
    ! reason=$(timeout 5 "$TASUKI" --control=off --adopt=on --port=127.0.0.1:0 -- sh -c 'kill $PPID' 2>&1); then
    skip "below another filter: $reason"
  fi
}

# is_alone N: true when generation N serves and every older one has left.
is_alone() { [ "$(cut -d: -f1 "$STATUS" 2>/dev/null)" = "$1" ]; }

# --- a server ------------------------------------------------------------------------------------

# supervise SERVER [OPTION...]: one of the catalogue below tasuki, which holds its address.
supervise() {
  local server=$1
  shift
  describe "$server"
  start_below "$HOLD" --adopt=on "$@"
  wait_until generation_is_at_least 1
  wait_until is_answered
}

start_below() {
  start env -C "$DIR" "$TASUKI" --name=app --interval="$INTERVAL" --status-file="$STATUS" \
    "${OPTIONS[@]}" "$@" -- "${COMMAND[@]}"
  SUPERVISOR=$PID
}

# is_answered: true when one request is.
is_answered() {
  timeout --signal=TERM 0.2 "$PROGRAMS/load" --new 1 --kept 0 "${LOAD[@]}" --timeout 1000 "$ADDRESS" 2>/dev/null |
    grep -q '^RESULT new .* ok=[1-9]'
}

load_begins() {
  "$PROGRAMS/load" "${LOAD[@]}" "$ADDRESS" </dev/null >"$REPORT" 2>"$REPORT.losses" 3>&- &
  LOAD_PID=$!
  STARTED+=("$LOAD_PID")
}

load_ends() {
  kill -TERM "$LOAD_PID"
  wait_until gone "$LOAD_PID"
  wait "$LOAD_PID"
}

# deploy_again_and_again: HUP after HUP, each when the generation before serves and has had its share
# of the load. The pause is the profile of the load, not a guess how long something takes.
deploy_again_and_again() {
  local hup
  for ((hup = 1; hup <= HUPS; hup++)); do
    sleep 0.25
    kill -HUP "$SUPERVISOR"
    wait_until generation_is_at_least $((hup + 1))
  done
  wait_until is_alone $((HUPS + 1))
}

# deploy_under_load SERVER [OPTION...]: all of it. The report is in $REPORT.
deploy_under_load() {
  supervise "$@"
  load_begins
  deploy_again_and_again
  load_ends
  cat "$REPORT" "$REPORT.losses"
  keep_for_the_table "$1"
}

# --- what the load saw ---------------------------------------------------------------------------

# reported KIND FIELD: a number of its report.
reported() {
  sed -n "s/^RESULT $1 .*\\b$2=\\([0-9][0-9]*\\)\\b.*/\\1/p" "$REPORT"
}

is_zero() {
  [ "$(reported "$1" "$2")" = 0 ] || {
    echo "on $1 connections, $2 is not 0"
    return 1
  }
}

# Of every server, whatever it does with what it has begun: each connection was taken, each answer
# that came whole was right, none was waited for in vain, and there were enough of them.
assert_nobody_was_refused() {
  local kind
  for kind in new kept; do
    is_zero "$kind" refused
    is_zero "$kind" wrong
    is_zero "$kind" late
    [ "$(reported "$kind" ok)" -ge $((HUPS * 3)) ]
  done
}

# Of servers with a graceful stop: what an old generation had begun was finished, too. A request on a
# kept connection may cross with the server's closing it, and then has no answer of any server.
assert_nothing_was_lost() {
  is_zero new unanswered
  is_zero new cut
  is_zero kept cut
}

assert_stops_without_trace() {
  local path=()
  [ "$HOLD" = "${HOLD#--path=}" ] || path=("${HOLD#--path=}")
  assert_leaves_no_trace "$SUPERVISOR" "${path[@]}"
}

# keep_for_the_table SERVER: where tests/adoption/table asks for it.
keep_for_the_table() {
  if [ -n "${ADOPTION_RECORDS:-}" ]; then
    cp "$REPORT" "$ADOPTION_RECORDS/$1"
  fi
}
