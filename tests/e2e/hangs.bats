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

# use_silent_resolver: $IN_OWN is a mount namespace in which no name server answers.
use_silent_resolver() {
  printf 'nameserver 127.0.0.1\noptions timeout:30 attempts:3\n' >"$DIR/resolv.conf"
  printf 'hosts: dns\npasswd: files\ngroup: files\n' >"$DIR/nsswitch.conf"
  # A datagram that nobody reads is not refused. Port 53 of a network namespace is free.
  make_worker silent <<'END'
import os, socket, sys
server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
server.bind(("127.0.0.1", 53))
os.set_inheritable(server.fileno(), True)
os.execvp(sys.argv[1], sys.argv[1:])
END
  # shellcheck disable=SC2016 # another shell expands them
  IN_OWN=(unshare --mount --net sh -c 'ip link set lo up
    mount --bind "$0/resolv.conf" /etc/resolv.conf && mount --bind "$0/nsswitch.conf" /etc/nsswitch.conf
    exec python3 "$0/silent" "$@"' "$DIR")
}

# configure LINE...: a configuration file with these lines besides.
configure() {
  printf '%s\n' '[service]' 'command = sleep 1000' "$@" '[deploy]' 'interval = 0' >"$DIR/app.ini"
}

# run_configured [PREFIX...]: a service with that file. PREFIX is put before the command.
run_configured() {
  # A leak sanitizer stops every thread, and would wait for one that waits for a hanging child.
  start "$@" env ASAN_OPTIONS=detect_leaks=0:exitcode=99 \
    "$TASUKI" --config="$DIR/app.ini" --status-file="$STATUS_FILE" \
    --control="$DIR/control"
  SUPERVISOR=$PID
  wait_until status_is 1
}

# deploy_in_background: asks for a deploy; its outcome goes to $DIR/outcome.
deploy_in_background() {
  start_logged "$DIR/outcome" "$TASUKI" restart --control="$DIR/control"
  wait_until log_has 'deploy requested'
}

# fails_with SENTENCE: the deploy that hangs fails in the end, and the old worker is still there.
fails_with() {
  wait_until file_has "$DIR/outcome" "$1"
  wait_until log_has "$1"
  status_is 1
  alive "$(pid_of 1)"
}

@test "a stop is obeyed at once while a resolver does not answer" {
  use_silent_resolver
  configure
  run_configured "${IN_OWN[@]}"
  configure '[listen]' 'port = no-such-host.example:8080'
  deploy_in_background
  stops_at_once
}

@test "a deploy fails when a resolver does not answer, and a signal is served meanwhile" {
  use_silent_resolver
  configure
  run_configured "${IN_OWN[@]}"
  configure '[listen]' 'port = no-such-host.example:8080'
  deploy_in_background
  local since
  since=$(milliseconds)
  "$TASUKI" status --control="$DIR/control" >"$DIR/stdout"
  is_prompt "$since"
  fails_with 'cannot resolve host no-such-host.example: timed out after 10 s'
  stops_at_once
}

@test "a deploy fails when its configuration file is on a file system that does not answer" {
  configure
  run_configured
  mount_dead_fs "$DIR/dead"
  rm "$DIR/app.ini"
  ln -s "$DIR/dead/app.ini" "$DIR/app.ini"
  deploy_in_background
  fails_with 'cannot read .*app.ini: timed out after 10 s'
  deploy_in_background
  stops_at_once
}

@test "a deploy fails when a new socket is to be on a file system that does not answer" {
  configure
  run_configured
  mount_dead_fs "$DIR/dead"
  configure '[listen]' "path = $DIR/dead/socket"
  deploy_in_background
  fails_with "cannot reach $DIR/dead/socket: timed out after 10 s"
  deploy_in_background
  stops_at_once
}

@test "a deploy fails when the user database does not answer, and a crash needs no lookup" {
  mount_dead_fs "$DIR/dead"
  printf 'passwd: files\ngroup: files\n' >"$DIR/nsswitch.conf"
  cp /etc/passwd "$DIR/passwd"
  # /etc is a directory of the test's own, in which passwd can become a link that leads to nowhere.
  mkdir "$DIR/etc"
  cp -a /etc/ld.so.cache /etc/group "$DIR/passwd" "$DIR/nsswitch.conf" "$DIR/etc"
  # shellcheck disable=SC2016 # another shell expands them
  start unshare --mount sh -c 'mount --bind "$0/etc" /etc && exec "$@"' "$DIR" \
    "$TASUKI" --user=nobody --interval=0 --status-file="$STATUS_FILE" --control="$DIR/control" \
    -- sleep 1000
  SUPERVISOR=$PID
  wait_until status_is 1
  # ln(1) looks at what the link leads to.
  perl -e 'symlink $ARGV[0], $ARGV[1] and rename $ARGV[1], $ARGV[2] or die $!' \
    "$DIR/dead/passwd" "$DIR/etc/new" "$DIR/etc/passwd"
  deploy_in_background
  fails_with 'cannot read the user database: timed out after 10 s'
  kill -KILL "$(pid_of 1)"
  wait_until started 2
  deploy_in_background
  stops_at_once
}

@test "a command on a file system that does not answer fails the deploy, and holds up nothing" {
  configure
  run_configured
  mount_dead_fs "$DIR/dead"
  sed -i "s|^command = .*|command = $DIR/dead/server|" "$DIR/app.ini"
  deploy_in_background
  local since
  since=$(milliseconds)
  "$TASUKI" status --control="$DIR/control" >"$DIR/stdout"
  is_prompt "$since"
  fails_with 'its command was not executed within 10 s'
  deploy_in_background
  sleep 0.5
  stops_at_once
}

@test "a working directory on a file system that does not answer holds up neither a worker nor a check" {
  configure
  run_configured
  mount_dead_fs "$DIR/dead"
  configure '[worker]' "dir = $DIR/dead/release" 'parent-death-signal = KILL'
  deploy_in_background
  fails_with 'its command was not executed within 10 s'
  sed -i 's|^\[deploy\]|&\ncheck = true\ncheck-timeout = 1|' "$DIR/app.ini"
  deploy_in_background
  wait_until file_has "$DIR/outcome" 'took too long and cannot be killed'
  deploy_in_background
  stops_at_once
}

@test "a check that waits for a file system that does not answer is left behind" {
  configure
  run_configured
  mount_dead_fs "$DIR/dead"
  configure
  sed -i "s|^\[deploy\]|&\ncheck = exec cat $DIR/dead/file\ncheck-timeout = 1|" "$DIR/app.ini"
  deploy_in_background
  fails_with 'the check took too long and cannot be killed; it is left behind'
  stops_at_once
}
