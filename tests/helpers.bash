# Shared by every bats file: where the programs are, how to start one and be sure that it ends,
# and how to wait for a condition instead of a guessed time.
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

# How long wait_until waits before it gives up. A bound against hanging, not a timing test.
PATIENCE=${PATIENCE:-30}

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

# Call this from teardown. Asks politely, waits, and only then kills; children of a killed
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

# descendants PID: the pids below PID, nearest first.
descendants() {
  local child
  # shellcheck disable=SC2013 # pids are words
  for child in $(cat "/proc/$1/task/"*/children 2>/dev/null); do
    printf '%s\n' "$child"
    descendants "$child"
  done
}

# children PID: the pids of PID's direct children.
children() {
  cat "/proc/$1/task/"*/children 2>/dev/null || true
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
  file_has "$BATS_TEST_TMPDIR/log" "$1"
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
  wait_until gone "$1"
  STATUS_CODE=0
  # shellcheck disable=SC2034 # the tests read it
  wait "$1" || STATUS_CODE=$?
}

# answers URL [CURL-OPTION...]: true when the server answers.
answers() {
  curl --silent --fail --max-time 5 --output /dev/null "${@:2}" "$1"
}

# body URL [CURL-OPTION...]: what the server says.
body() {
  curl --silent --fail --max-time 5 "${@:2}" "$1"
}
