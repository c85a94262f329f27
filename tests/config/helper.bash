# Shared by the tests of the configuration file: a service "web" whose file a test writes, and what
# its workers say of what they were started with.
# shellcheck shell=bash disable=SC2034 # the variables are for the tests
# shellcheck source=SCRIPTDIR/../helpers.bash
source "$(dirname "${BASH_SOURCE[0]}")/../helpers.bash"

setup_directory() {
  DIR=$(realpath "$BATS_TEST_TMPDIR")/stage
  mkdir "$DIR"
  cd "$DIR" || return 1
  export TASUKI_RUNTIME_DIR=$BATS_TEST_TMPDIR
  LOG=$BATS_TEST_TMPDIR/log
  unset ENVDIR ENABLE_AUTO_RESTART AUTO_RESTART_INTERVAL KILL_OLD_DELAY NOTIFY_SOCKET LISTEN_FDS
}

# Ends everything, and fails the test if a sanitizer has found something on the way.
tear_down() {
  kill_started
  ! grep -Eh 'Sanitizer|runtime error:' "$BATS_TEST_TMPDIR"/*log* 2>/dev/null
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

# deploys, fails_to_deploy: what tasuki restart says is in $output.
deploys() {
  run "$TASUKI" restart web
  # shellcheck disable=SC2154
  echo "$output"
  # shellcheck disable=SC2154
  [ "$status" -eq 0 ]
}
fails_to_deploy() {
  run "$TASUKI" restart web
  echo "$output"
  [ "$status" -eq 1 ]
}

# says TEXT [N]: true when workers have said that, N times (default: once). One that is told to leave
# at once may say nothing.
says() { [ "$(grep -cxF -- "$1" said 2>/dev/null)" -eq "${2:-1}" ]; }

# current: the pid of the current worker.
current() {
  "$TASUKI" status --json web | jq -r '.generations[] | select(.current) | .pid'
}

# stops_well: TERM; the supervisor must exit with 0.
stops_well() {
  kill -TERM "$SUPERVISOR"
  ended "$SUPERVISOR"
  [ "$STATUS_CODE" -eq 0 ]
}

# contains PATTERN...: each is found in $output.
contains() {
  local pattern
  for pattern in "$@"; do
    grep -Eq -- "$pattern" <<<"$output" || {
      echo "not found: $pattern"
      return 1
    }
  done
}
