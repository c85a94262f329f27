#!/usr/bin/env bats
# The static build: it and a static server in a root directory that has nothing else, read-only,
# without /proc, as the first process of a pid namespace.

bats_require_minimum_version 1.5.0
load ../helpers

STATIC=$ROOT/build/static/bin

setup() {
  EMPTY=$BATS_TEST_TMPDIR/empty
  mkdir "$EMPTY"
  cp "$STATIC/tasuki" "$STATIC/hello-server" "$EMPTY"
  chmod 755 "$EMPTY"
}

# needs_containment: skips a test where the machine does not let this user make what contain makes. The
# program has no part in that, so that one that does not start is no reason.
needs_containment() {
  local reason
  # shellcheck disable=SC2016 # the inner shell expands it
  reason=$(unshare --mount --pid --fork --kill-child sh -c '
    mount --bind "$1" "$1" && mount -o remount,ro,bind "$1"' sh "$EMPTY" 2>&1) ||
    skip "needs a read-only root of its own: $reason"
}

# contain OPTION-OF-CHROOT... -- COMMAND...: runs it as process 1 in the empty root.
contain() {
  local chroot_options=()
  while [ "$1" != -- ]; do
    chroot_options+=("$1")
    shift
  done
  shift
  # shellcheck disable=SC2016 # the inner shell expands it
  unshare --mount --pid --fork --kill-child sh -c '
    mount --bind "$1" "$1" && mount -o remount,ro,bind "$1" || exit 99
    root=$1 options=$2
    shift 2
    exec chroot $options "$root" "$@"' sh "$EMPTY" "${chroot_options[*]}" "$@"
}

# start_contained OPTION-OF-CHROOT... -- COMMAND...: the same in the background, with the pid of the
# namespace's first process, as it is out here, in $INIT.
start_contained() {
  needs_containment
  contain "$@" </dev/null >>"$BATS_TEST_TMPDIR/log" 2>&1 3>&- &
  PID=$!
  STARTED+=("$PID")
  wait_until log_has 'generation 1: worker .* is ready'
  # A function in the background is a shell of its own, above unshare, above the first process.
  INIT=$(pgrep --parent "$(pgrep --parent "$PID" --exact unshare)")
}

stop_contained() {
  kill -TERM "$INIT"
  ended "$PID"
  [ "$STATUS_CODE" -eq 0 ]
  log_has 'exiting with status 0'
}

says() {
  [ "$(body "$1")" != '' ] && body "$1" | grep -q "^generation $2 "
}

@test "the static program needs no file of the machine, and is hardened" {
  local program
  for program in tasuki hello-server; do
    readelf -W -h -l -d "$STATIC/$program" >"$BATS_TEST_TMPDIR/elf"
    ! grep -qE 'INTERP|NEEDED' "$BATS_TEST_TMPDIR/elf"
    grep -qE 'Type: +DYN' "$BATS_TEST_TMPDIR/elf"
    grep -q 'GNU_RELRO' "$BATS_TEST_TMPDIR/elf"
    grep -qE 'GNU_STACK .* RW ' "$BATS_TEST_TMPDIR/elf"
  done
}

@test "in an empty read-only root without /proc it serves, deploys and stops" {
  local port
  port=$(free_port)
  start_contained -- /tasuki --port "127.0.0.1:$port" -- /hello-server
  says "http://127.0.0.1:$port/" 1
  kill -HUP "$INIT"
  wait_until log_has 'deploy 1 succeeded'
  says "http://127.0.0.1:$port/" 2
  [ "$(grep -c 'without a control socket' "$BATS_TEST_TMPDIR/log")" -eq 1 ]
  stop_contained
}

@test "any user will do" {
  local port
  port=$(free_port)
  start_contained --userspec=65534:65534 -- /tasuki --port "localhost:$port" -- /hello-server
  [ "$(stat --format=%u "/proc/$INIT")" = 65534 ]
  says "http://127.0.0.1:$port/" 1
  kill -HUP "$INIT"
  wait_until log_has 'deploy 1 succeeded'
  says "http://127.0.0.1:$port/" 2
  stop_contained
}

@test "in an empty root a worker that dies is replaced, and a start that fails says why" {
  local port worker
  port=$(free_port)
  start_contained -- /tasuki --port "127.0.0.1:$port" -- /hello-server
  worker=$(pgrep --parent "$INIT" --exact hello-server)
  kill -KILL "$worker"
  wait_until log_has 'generation 2: worker .* is ready'
  says "http://127.0.0.1:$port/" 2
  stop_contained
  run -127 contain -- /tasuki -- /no-such-server
  [[ $output == *'/no-such-server'* ]]
}

@test "as process 1 without a command it says what it expects" {
  needs_containment
  run -2 contain -- /tasuki --port 8080
  [[ $output == 'tasuki: missing command; usage: tasuki [OPTIONS] -- COMMAND [ARGUMENTS]' ]]
}

@test "a name of a host is refused, with what is expected instead" {
  needs_containment
  run -1 contain -- /tasuki --port example:80 -- /hello-server
  [[ $output == "tasuki: cannot resolve host 'example': this static build takes only numeric addresses and localhost" ]]
}

@test "users are found in /etc/passwd, and nowhere else" {
  needs_containment
  run -2 contain -- /tasuki --user=app -- /hello-server
  [[ $output == "tasuki: --user: there is no user 'app' in /etc/passwd" ]]
  mkdir "$EMPTY/etc"
  echo 'app:x:4711:4712::/:/none' >"$EMPTY/etc/passwd"
  echo 'extra:x:4713:app' >"$EMPTY/etc/group"
  local port worker
  port=$(free_port)
  start_contained -- /tasuki --port "127.0.0.1:$port" --user=app -- /hello-server
  worker=$(pgrep --parent "$INIT" --exact hello-server)
  grep -qE '^Uid:\s+4711\s+4711\s' "/proc/$worker/status"
  grep -qE '^Gid:\s+4712\s+4712\s' "/proc/$worker/status"
  grep -qE '^Groups:.*\b4713\b' "/proc/$worker/status"
  stop_contained
}

@test "what needs a /proc is refused where there is none, and says so" {
  needs_containment
  run -2 contain -- /tasuki --port=127.0.0.1:0 --oom-score-adj=5 -- /hello-server
  [[ $output == *"--oom-score-adj: cannot set it to 5: No such file or directory (needs /proc; "* ]]
  mkdir "$EMPTY/sockets"
  run -1 chroot "$EMPTY" /tasuki --path=/sockets/app.sock,group=4 -- /hello-server
  [[ $output == *"cannot listen on /sockets/app.sock: cannot set its mode without /proc: No such file or directory" ]]
}
