# Shared by every bats file: where the programs are, how to start one and be sure that it ends, how
# to wait for a condition instead of a guessed time, and what a test asks and asserts. A suite whose
# tests have more in common keeps that in a helper.bash of its own, which sources this one.
#
# TASUKI_BIN_DIR names the directory of the programs under test (default: the dev build, which
# carries the sanitizers).

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
BIN=${TASUKI_BIN_DIR:-$ROOT/build/dev/bin}
TOOLS=${TASUKI_TOOLS_DIR:-$(dirname "$BIN")/tools}
TASUKI=$BIN/tasuki
START_SERVER=$BIN/start_server
HELLO=$BIN/hello-server
# The reference: Debian's libserver-starter-perl.
REFERENCE=${REFERENCE:-/usr/bin/start_server}
export ROOT BIN TOOLS TASUKI START_SERVER HELLO REFERENCE
export ASAN_OPTIONS=${ASAN_OPTIONS:-detect_leaks=1:abort_on_error=0:exitcode=99}
export UBSAN_OPTIONS=${UBSAN_OPTIONS:-print_stacktrace=1:exitcode=99}

# Control sockets go where no other test looks.
export TASUKI_RUNTIME_DIR=${BATS_TEST_TMPDIR:-${TMPDIR:-/tmp}}

# What a supervisor reads from its environment, or its workers inherit, is what the test says.
unset ENVDIR ENABLE_AUTO_RESTART AUTO_RESTART_INTERVAL KILL_OLD_DELAY SERVER_STARTER_PORT \
  SERVER_STARTER_GENERATION NOTIFY_SOCKET WATCHDOG_USEC WATCHDOG_PID LISTEN_FDS LISTEN_PID LISTEN_FDNAMES \
  JOURNAL_STREAM NO_COLOR

# How long wait_until waits before it gives up, in seconds. A bound against hanging, not a timing
# test: it is kept by a machine with twenty times more to do than it has processors.
PATIENCE=${PATIENCE:-60}

# After that many seconds bats ends a test, whatever it is doing.
BATS_TEST_TIMEOUT=${BATS_TEST_TIMEOUT:-300}

# Every background process that a test started; kill_started ends them by pid.
STARTED=()

# start COMMAND [ARG...]: runs it in the background with its output in $BATS_TEST_TMPDIR/log,
# and leaves its pid in $PID.
start() {
  start_logged "$BATS_TEST_TMPDIR/log" "$@"
}

# start_logged FILE COMMAND [ARG...]: the same with a log of your own.
start_logged() {
  local log=$1
  shift
  "$@" </dev/null >>"$log" 2>&1 3>&- &
  PID=$!
  STARTED+=("$PID")
}

# teardown: what most suites need; the others define their own.
teardown() {
  kill_started
  no_sanitizer_reports
}

# no_sanitizer_reports: fails, and shows them, if a sanitizer has found something in a program of
# this test.
no_sanitizer_reports() {
  ! grep -Eh 'Sanitizer|runtime error:' "$BATS_TEST_TMPDIR"/*log* 2>/dev/null
}

# kill_started: ends what the test has started. Asks politely, waits, and only then kills; children of a killed
# supervisor are ended as well.
kill_started() {
  local pid child children
  for pid in "${STARTED[@]}"; do
    kill -0 "$pid" 2>/dev/null || continue
    children=$(descendants "$pid")
    kill -TERM "$pid" 2>/dev/null || true
    if ! patiently 50 gone "$pid"; then
      kill -KILL "$pid" 2>/dev/null || true
    fi
    for child in $children; do
      kill -KILL "$child" 2>/dev/null || true
    done
  done
  STARTED=()
}

# all_children PID: the pids of PID's children, a line each.
all_children() {
  cat "/proc/$1/task/"*/children 2>/dev/null | xargs --no-run-if-empty --max-args=1
}

# descendants PID: the pids below PID, nearest first.
descendants() {
  local child
  all_children "$1" | while read -r child; do
    printf '%s\n' "$child"
    descendants "$child"
  done
}

# is_companion PID
is_companion() {
  [ "$(cat "/proc/$1/comm" 2>/dev/null)" = companion ]
}

# children PID: the same but for companions: workers have one each.
children() {
  local child
  all_children "$1" | while read -r child; do
    is_companion "$child" || printf '%s\n' "$child"
  done
}

# companions PID: the pids of the companions among PID's children.
companions() {
  local child
  all_children "$1" | while read -r child; do
    ! is_companion "$child" || printf '%s\n' "$child"
  done
}

# gone PID: true when the process has ended (a zombie has ended too).
gone() {
  ! kill -0 "$1" 2>/dev/null || grep -q '^State:[[:space:]]*Z' "/proc/$1/status" 2>/dev/null
}

# patiently TENTHS COMMAND...: true as soon as COMMAND is, false after that many tenths of a second.
patiently() {
  local left=$1
  shift
  until "$@" >/dev/null 2>&1; do
    ((left-- > 0)) || return 1
    sleep 0.1
  done
}

# wait_until COMMAND...: waits for a condition; when it does not come, shows the log and fails.
wait_until() {
  patiently $((PATIENCE * 10)) "$@" && return 0
  echo "waited ${PATIENCE} s in vain for: $*"
  if [ -f "$BATS_TEST_TMPDIR/log" ]; then
    sed 's/^/log: /' "$BATS_TEST_TMPDIR/log"
  fi
  return 1
}

# file_has FILE REGEX, log_has REGEX
file_has() {
  grep -Eq -- "$2" "$1" 2>/dev/null
}
log_has() {
  file_has "${LOG:-$BATS_TEST_TMPDIR/log}" "$1"
}

# count_in FILE REGEX: how many lines are like this.
count_in() {
  grep -Ec -- "$2" "$1" || true
}

# count REGEX: how many lines of the log are like this.
count() {
  count_in "${LOG:-$BATS_TEST_TMPDIR/log}" "$1"
}

# log_has_at_least NUMBER REGEX: so many lines of the log are like this.
log_has_at_least() {
  [ "$(count "$2")" -ge "$1" ]
}

# has FILE REGEX: like file_has, and shows the file if it has not.
has() {
  file_has "$1" "$2" && return
  echo "no '$2' in $1:"
  sed 's/^/  /' "$1"
  return 1
}

# lacks FILE REGEX: no line of the file is like this; shows those that are.
lacks() {
  ! grep -E -- "$2" "$1"
}

# contains TEXT REGEX...: each is found in TEXT.
contains() {
  local text=$1 regex
  shift
  for regex in "$@"; do
    grep -Eq -- "$regex" <<<"$text" || {
      echo "not found: $regex"
      return 1
    }
  done
}

# equal ACTUAL EXPECTED
equal() {
  [ "$1" = "$2" ] && return
  printf 'got:      %s\nexpected: %s\n' "$1" "$2"
  return 1
}

# absent FILE...: none of them is there.
absent() {
  local file
  for file in "$@"; do
    if [ -e "$file" ] || [ -L "$file" ]; then
      echo "still there: $file"
      return 1
    fi
  done
}

# uptime_now: a clock that nobody sets, in seconds.
uptime_now() {
  cut -d ' ' -f 1 /proc/uptime
}

# at_least EARLIER LATER SECONDS: LATER is that much later, or more. Both clocks are cut to 10 ms.
at_least() {
  awk -v earlier="$1" -v later="$2" -v seconds="$3" 'BEGIN { exit !(later - earlier >= seconds - 0.05) }' && return
  echo "only from $1 to $2, not $3 s"
  return 1
}

# free_port: a TCP port of 127.0.0.1 that nobody has just now, below the range that the kernel
# hands out by itself, so that no client connection takes it in between.
free_port() {
  local port
  while :; do
    port=$((10000 + (RANDOM * 32768 + RANDOM) % 20000))
    if ! (exec 9<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then
      printf '%s\n' "$port"
      return
    fi
  done
}

# ended PID: waits for a process of this test to end and leaves its status in $STATUS_CODE.
# (Not a function that prints the status: only the shell that started a process can wait for it.)
ended() {
  wait_until gone "$1" || return 1
  STATUS_CODE=0
  wait "$1" || STATUS_CODE=$?
}

# ends_with STATUS PID: waits for a process of this test; true when it exits so.
ends_with() {
  ended "$2" || return 1
  [ "$STATUS_CODE" = "$1" ] && return
  echo "process $2 exited with status $STATUS_CODE, expected $1"
  return 1
}

# stop_supervisor [STATUS]: TERM for $SUPERVISOR, and waits until it has ended. Its exit status is in
# $STATUS_CODE, and must be STATUS if that is given.
stop_supervisor() {
  kill -TERM "$SUPERVISOR"
  if [ $# -gt 0 ]; then
    ends_with "$1" "$SUPERVISOR"
  else
    ended "$SUPERVISOR"
  fi
}

# deploy_succeeds, deploy_fails: tasuki restart for $SERVICE; what it says is in $output.
deploy_succeeds() {
  ends_a_deploy_with 0
}
deploy_fails() {
  ends_a_deploy_with 1
}
ends_a_deploy_with() {
  run "$TASUKI" restart "$SERVICE"
  # shellcheck disable=SC2154 # run sets them
  echo "$output"
  # shellcheck disable=SC2154
  [ "$status" -eq "$1" ]
}

# processes_here: the pids of all processes that live in the test's directory $DIR, orphans too.
processes_here() {
  find /proc -maxdepth 2 -name cwd '(' -lname "$DIR" -o -lname "$DIR/*" ')' -printf '%h\n' 2>/dev/null |
    sed 's|^/proc/||'
}

nobody_is_here() {
  [ -z "$(processes_here)" ]
}

# end_everything: kill_started, and an end to the orphans in $DIR.
end_everything() {
  local pid
  kill_started
  for pid in $(processes_here); do
    kill -KILL "$pid" 2>/dev/null || true
  done
}

# assert_leaves_no_trace PID FILE...: TERM ends the supervisor with status 0 and everything that it
# started; the files are gone. Waits, since a helper of a server may end a moment after the server.
assert_leaves_no_trace() {
  kill -TERM "$1"
  ends_with 0 "$1" || return 1
  wait_until nobody_is_here || return 1
  absent "${@:2}"
}

# newest_generation: the highest number in the status file $STATUS, 0 without one.
newest_generation() {
  sort -n "$STATUS" 2>/dev/null | sed -n '$s/:.*//p' | grep . || echo 0
}

generation_is_at_least() {
  [ "$(newest_generation)" -ge "$1" ]
}

# needs_root, needs_namespaces OPTION-OF-UNSHARE...: skips a test where the machine does not give that.
needs_root() {
  [ "$(id -u)" -eq 0 ] || skip 'needs root'
}
needs_namespaces() {
  unshare "$@" --fork true 2>/dev/null || skip "needs the right to make namespaces ($*)"
}

# answers URL [CURL-OPTION...]: true when the server answers.
answers() {
  curl --silent --fail --max-time 5 --output /dev/null "${@:2}" "$1"
}

# body URL [CURL-OPTION...]: what the server says.
body() {
  curl --silent --fail --max-time "$PATIENCE" "${@:2}" "$1"
}

# copy_example NAME DIRECTORY: this one of packaging/examples there, on $PORT instead of 8080.
# shellcheck disable=SC2153 # the tests set it
copy_example() {
  cp -r "$ROOT/packaging/examples/$1" "$2" && find "$2" -type f -exec sed -i "s/8080/$PORT/g" {} +
}
