# Shared by the tests of the configuration file: a service "web" whose file a test writes, and what
# its workers say of what they were started with.
# shellcheck shell=bash disable=SC2034 # the variables are for the tests
# shellcheck source=SCRIPTDIR/../helpers.bash
source "$(dirname "${BASH_SOURCE[0]}")/../helpers.bash"

SERVICE=web

setup() {
  DIR=$(realpath "$BATS_TEST_TMPDIR")/stage
  mkdir "$DIR"
  cd "$DIR" || return 1
  export TASUKI_RUNTIME_DIR=$BATS_TEST_TMPDIR
  LOG=$BATS_TEST_TMPDIR/log
}

# web LINE...: writes the configuration file.
web() {
  printf '%s\n' "$@" >web.ini
}

# A command for the file: says so, with a variable and its directory, and stays.
speaker() {
  printf '%s\n' "command = sh -c 'echo \"\$0 \$GREETING \$PWD\" >>$DIR/said; exec sleep 1000' $1"
}

# supervise: starts the service, and waits until its first generation is ready.
supervise() {
  start "$TASUKI" run --config web.ini "$@"
  SUPERVISOR=$PID
  wait_until log_has 'generation 1: worker [0-9]+ is ready'
}

# says TEXT [N]: true when workers have said that, N times (default: once). One that is told to leave
# at once may say nothing.
says() { [ "$(grep -cxF -- "$1" said 2>/dev/null)" -eq "${2:-1}" ]; }

# current: the pid of the current worker.
current() {
  "$TASUKI" status --json web | jq -r '.generations[] | select(.current) | .pid'
}

