#!/usr/bin/env bats
# Whatever the supervisor asks may hang: a file system, a process, a resolver, the user database. It
# goes on serving, and a stop is obeyed at once. dead_fs is a file system that does not answer: who
# looks into it cannot even be killed.

load helper

DEAD_FS=()

setup_file() {
  if [ "$(id -u)" != 0 ] || [ ! -w /dev/fuse ]; then
    skip "a file system that does not answer needs root and /dev/fuse"
  fi
}

teardown() {
  local directory
  kill_started
  for directory in "${DEAD_FS[@]}"; do
    umount -l "$directory" 2>/dev/null || true
  done
}

# mount_dead_fs DIRECTORY [PREFIX...]: nothing below it is ever found. PREFIX is put before the
# command, for another namespace.
mount_dead_fs() {
  local mounts
  mkdir -p "$1"
  start "${@:2}" "$TOOLS/dead_fs" "$1"
  mounts=/proc/$PID/mounts
  DEAD_FS+=("$1")
  wait_until file_has "$mounts" "^dead $1 "
}

# milliseconds: of a clock.
milliseconds() {
  local now=${EPOCHREALTIME/./}
  echo "${now%???}"
}

# is_prompt SINCE: hardly any time has passed, even on a busy machine. What hangs here takes ten
# seconds at least.
is_prompt() {
  local elapsed=$(($(milliseconds) - $1))
  echo "it took $elapsed ms"
  [ "$elapsed" -lt 3000 ]
}

# stops_at_once: TERM ends the service.
stops_at_once() {
  local since
  since=$(milliseconds)
  stop_service
  is_prompt "$since"
  [ "$STATUS_CODE" = 0 ]
}

@test "status answers while nobody can look at a worker, and says that its figures are unknown" {
  start unshare --mount "$TASUKI" --path="$SOCKET" --status-file="$STATUS_FILE" --interval=0 \
    --control="$DIR/control" -- sleep 1000
  SUPERVISOR=$PID
  wait_until status_is 1
  mount_dead_fs "/proc/$(pid_of 1)" nsenter --target "$SUPERVISOR" --mount
  local since
  for _ in 1 2; do
    since=$(milliseconds)
    attempt "$TASUKI" status --json --control="$DIR/control"
    is_prompt "$since"
    [ "$STATUS_CODE" = 0 ]
    grep -F '"memory":null' "$DIR/stdout"
    grep -F '"waiting":0' "$DIR/stdout"
  done
  stops_at_once
}
