# What every compatibility test needs. One scenario is one test; SUT says which program it is run
# on, `reference` (Debian's libserver-starter-perl) or `ours`:
#
#   SUT=reference bats --jobs 2 --filter-tags '!ours' tests/compat
#   SUT=ours bats --jobs 2 --filter-tags '!reference' tests/compat
#
# A test with one of these tags says something about one of the two only.
# The worker is workers/recorder, which leaves in $RECORD what it was given and what signals came.
# shellcheck source=tests/helpers.bash
. "$(dirname "${BASH_SOURCE[0]}")/../helpers.bash"

SUT=${SUT:-ours}
case $SUT in
  reference) PROGRAM=$REFERENCE ;;
  ours) PROGRAM=$START_SERVER ;;
  *)
    echo "SUT is '$SUT', but must be 'reference' or 'ours'" >&2
    exit 1
    ;;
esac
# shellcheck disable=SC2034 # bats puts it before every test's name
BATS_TEST_NAME_PREFIX="$SUT: "
RECORDER=$ROOT/tests/compat/workers/recorder

setup() {
  RECORD=$BATS_TEST_TMPDIR/record
  PID_FILE=$BATS_TEST_TMPDIR/pid
  STATUS_FILE=$BATS_TEST_TMPDIR/status
  VARIABLES=$BATS_TEST_TMPDIR/env
  mkdir "$RECORD" "$VARIABLES"
}

teardown() {
  # Workers that linger are free to go, and those whose supervisor is dead must.
  rm -f "$RECORD"/linger*
  if [ -s "$PID_FILE" ]; then
    STARTED+=("$(cat "$PID_FILE")")
  fi
  kill_started
  touch "$RECORD/release"
}

# supervise [OPTION...]: starts the program under test with the recorder as its worker and leaves
# the supervisor's pid in $SUPERVISOR.
supervise() {
  start "$PROGRAM" "$@" -- "$RECORDER" "$RECORD"
  SUPERVISOR=$PID
}

# run_program [ARG...]: runs the program under test to its end, with its status in $STATUS_CODE
# and all that it said in $BATS_TEST_TMPDIR/output. It reads the file INPUT, if that is set.
run_program() {
  STATUS_CODE=0
  timeout --kill-after=5 "$PATIENCE" "$PROGRAM" "$@" <"${INPUT:-/dev/null}" \
    >"$BATS_TEST_TMPDIR/output" 2>&1 3>&- || STATUS_CODE=$?
  if [ "$STATUS_CODE" -eq 124 ] || [ "$STATUS_CODE" -eq 137 ]; then
    echo "did not end within $PATIENCE s: $PROGRAM $*"
    sed 's/^/output: /' "$BATS_TEST_TMPDIR/output"
    return 1
  fi
}

# wait_generation N: until the worker of generation N runs and has written down what it got.
wait_generation() {
  wait_until test -e "$RECORD/worker.$1"
}

# wait_ready N: the same, and until the status file lists it.
wait_ready() {
  wait_generation "$1"
  wait_until status_has "$1"
}

# deploy N: asks for a deploy and waits until the worker of generation N runs.
deploy() {
  kill -HUP "$SUPERVISOR"
  wait_generation "$1"
}

# field GENERATION KEY: one of the facts in worker.GENERATION.
field() { sed -n "s/^$2=//p" "$RECORD/worker.$1"; }

# pid_of GENERATION
pid_of() { field "$1" pid; }

# never_started GENERATION
never_started() { [ ! -e "$RECORD/worker.$1" ]; }

# worker_env GENERATION NAME: the variable's value, or "(unset)".
worker_env() {
  if grep -q "^$2=" "$RECORD/env.$1"; then
    sed -n "s/^$2=//p" "$RECORD/env.$1"
  else
    echo '(unset)'
  fi
}

# listed GENERATION: the keys of SERVER_STARTER_PORT without the descriptors.
listed() { worker_env "$1" SERVER_STARTER_PORT | sed 's/=[0-9]*\(;\|$\)/\1/g'; }

# socket GENERATION KEY: "FAMILY TYPE STATE ADDRESS PORT" of the socket that is told as KEY.
socket() {
  awk -v key="$2" '$1 == key { print $2, $3, $4, $5, $6 }' "$RECORD/sockets.$1"
}

# signals_of GENERATION: the names of the signals that it got, in their order.
signals_of() {
  awk -v generation="$1" '$1 == generation { printf "%s%s", sep, $2; sep = " " }' \
    "$RECORD/signals" 2>/dev/null || true
}

# has_signals GENERATION "NAME NAME...": true when it got exactly these.
has_signals() { [ "$(signals_of "$1")" = "$2" ]; }

# signal_time GENERATION: when its first signal came.
signal_time() { awk -v generation="$1" '$1 == generation { print $3; exit }' "$RECORD/signals"; }

# status_lists GENERATION...: the status file holds exactly these generations with their pids.
status_lists() {
  local generation
  [ -e "$STATUS_FILE" ] || return 1
  [ "$(sort "$STATUS_FILE")" = "$(for generation in "$@"; do
    echo "$generation:$(pid_of "$generation")"
  done | sort)" ]
}

# status_has GENERATION: it is one of those in the status file.
status_has() { file_has "$STATUS_FILE" "^$1:"; }

# lock_is_free FILE: nobody holds an flock on it.
lock_is_free() { flock --nonblock "$1" true; }
