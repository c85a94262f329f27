#!/usr/bin/env bats
# A command that cannot be executed at all: told at once with its path and the reason at the first
# start; at a later deploy, the deploy fails and the old generation stays.

# shellcheck disable=SC2030,SC2031,SC2034 # each test is a process of its own; the helper reads these
load helper

# make_foreign PATH: a good ELF program, but for a machine that there is not.
make_foreign() {
  cp "$HELLO" "$1"
  printf '\xfe\xfe' | dd of="$1" bs=1 seek=18 conv=notrunc status=none
}

# make_bad KIND: something at $DIR/command that cannot be executed.
make_bad() {
  rm -rf "$DIR/command"
  case $1 in
    missing) ;;
    dangling) ln -s "$DIR/nowhere" "$DIR/command" ;;
    loop) ln -s "$DIR/command" "$DIR/command" ;;
    directory) mkdir "$DIR/command" ;;
    plain) printf '#!/bin/sh\nexec sleep 1000\n' >"$DIR/command" ;;
    foreign) make_foreign "$DIR/command" ;;
    garbage) printf '\1\2\0\3' >"$DIR/command" && chmod +x "$DIR/command" ;;
    empty) : >"$DIR/command" && chmod +x "$DIR/command" ;;
    interpreter)
      printf '#!%s\n' "$DIR/no-such-shell" >"$DIR/command"
      chmod +x "$DIR/command"
      ;;
    fifo) mkfifo -m 777 "$DIR/command" ;;
  esac
}

# Each kind with the exit status and the words of its reason.
KINDS='
missing     127 not found
dangling    127 not found
loop        126 symbolic links
directory   126 permission denied
plain       126 permission denied
foreign     126 wrong format
garbage     126 wrong format
empty       126 wrong format
interpreter 126 interpreter
fifo        126 permission denied
'

# each_kind FUNCTION: calls FUNCTION KIND STATUS REASON for each.
each_kind() {
  local kind status reason
  while read -r kind status reason; do
    [ -z "$kind" ] || "$1" "$kind" "$status" "$reason"
  done <<<"$KINDS"
}

# --- the first start ---

# first_start STATUS REGEX OPTION... -- COMMAND: ends with this status and tells why in one line.
first_start() {
  local status=$1 reason=$2
  shift 2
  attempt "$PROGRAM" --path="$SOCKET" --pid-file="$PID_FILE" --status-file="$STATUS_FILE" "$@"
  equal "$STATUS_CODE" "$status"
  has "$DIR/stderr" "$reason"
  equal "$(grep -c cannot "$DIR/stderr")" 1
  nothing_left
}

start_of_kind() {
  make_bad "$1"
  first_start "$2" "cannot execute $DIR/command: .*$3" -- "$DIR/command" argument
}

@test "at the first start tasuki tells what cannot be executed and why, and ends" {
  each_kind start_of_kind
}

@test "at the first start start_server tells what cannot be executed and why, and ends" {
  PROGRAM=$START_SERVER
  each_kind start_of_kind
}

@test "a bare command that PATH does not have is told with the PATH" {
  PATH=$DIR/bin:$PATH first_start 127 "cannot execute no-such-command: .*$DIR/bin" -- no-such-command
}

@test "a bare command that PATH has, but not executable, is told as such" {
  mkdir "$DIR/bin"
  echo true >"$DIR/bin/some-command"
  PATH=$PATH:$DIR/bin first_start 126 'cannot execute some-command: .*not executable' -- some-command
}

@test "a --dir that cannot be entered ends the first start with its path and the reason" {
  first_start 126 "directory $DIR/nowhere: No such file or directory" --dir="$DIR/nowhere" -- "$HELLO"
  : >"$DIR/file"
  first_start 126 "directory $DIR/file: Not a directory" --dir="$DIR/file" -- "$HELLO"
}

@test "the reason is told even where the path is very long" {
  local directory
  directory=$DIR/$(printf 'a%.0s' {1..250})/$(printf 'b%.0s' {1..250})
  first_start 127 'cannot execute /.*: not found' -- "$directory/command"
  first_start 126 'directory /.*: No such file or directory' --dir="$directory" -- "$HELLO"
}

@test "with --daemonize it is the command that was called that tells, and ends with the status" {
  daemon_of_kind() {
    make_bad "$1"
    attempt "$PROGRAM" --daemonize --log-file="$DIR/logfile" --path="$SOCKET" \
      --pid-file="$PID_FILE" --status-file="$STATUS_FILE" -- "$DIR/command"
    equal "$1 $STATUS_CODE" "$1 $2"
    has "$DIR/stderr" "^${PROGRAM##*/}: cannot execute $DIR/command: .*$3"
    equal "$(wc -l <"$DIR/stderr")" 1
    has "$DIR/logfile" "cannot execute $DIR/command: .*$3"
  }
  each_kind daemon_of_kind
  PROGRAM=$START_SERVER
  daemon_of_kind missing 127 'not found'
}

@test "with --daemonize nothing is left any more when the command that was called has ended" {
  # The supervisor's end waits for its log command, and this one takes its time.
  attempt "$TASUKI" --daemonize --log-file='| cat >/dev/null; sleep 0.5' --path="$SOCKET" \
    --pid-file="$PID_FILE" --status-file="$STATUS_FILE" -- "$DIR/no-such-command"
  equal "$STATUS_CODE" 127
  has "$DIR/stderr" "^tasuki: cannot execute $DIR/no-such-command: not found"
  nothing_left
}

@test "a command that fails at once is tried again: only one that cannot be executed ends the start" {
  WORKER=(sh -c 'exit 127')
  supervise --interval=0
  wait_until log_has_at_least 3 'exited unexpectedly \(status 127\)'
  alive "$SUPERVISOR"
}

# --- a later deploy ---

# deploys_of_each_kind: the service survives each kind of bad command, and goes on.
deploys_of_each_kind() {
  local generation=1
  cp "$HELLO" "$DIR/hello"
  ln -s "$DIR/hello" "$DIR/command"
  WORKER=("$DIR/command")
  supervise --interval=0
  wait_serving 1
  deploy_of_kind() {
    make_bad "$1"
    kill -HUP "$SUPERVISOR"
    generation=$((generation + 1))
    wait_until log_has "generation $generation: cannot execute $DIR/command: .*$3"
    wait_until log_has_at_least $((generation - 1)) 'deploy [0-9]+ failed: .*cannot be executed'
    status_is 1
    serves 1
    alive "$SUPERVISOR"
  }
  each_kind deploy_of_kind
  rm -rf "$DIR/command"
  ln -s "$DIR/hello" "$DIR/command"
  kill -HUP "$SUPERVISOR"
  wait_serving $((generation + 1))
}

@test "at a later deploy tasuki tells what cannot be executed, and the old generation stays" {
  deploys_of_each_kind
}

@test "at a later deploy start_server tells what cannot be executed, and the old generation stays" {
  PROGRAM=$START_SERVER
  deploys_of_each_kind
}

@test "at a later deploy a --dir that is gone fails the deploy, and the old generation stays" {
  mkdir "$DIR/home"
  supervise --interval=0 --dir="$DIR/home"
  wait_serving 1
  rmdir "$DIR/home"
  kill -HUP "$SUPERVISOR"
  wait_until log_has 'deploy 1 failed'
  log_has "directory $DIR/home: No such file or directory"
  status_is 1
  serves 1
  mkdir "$DIR/home"
  kill -HUP "$SUPERVISOR"
  wait_serving 3
}

@test "when the current worker dies while the command is gone, the supervisor keeps trying" {
  local program
  for program in "$TASUKI" "$START_SERVER"; do
    PROGRAM=$program
    cp "$HELLO" "$DIR/command"
    WORKER=("$DIR/command")
    supervise --interval=0
    wait_serving 1
    rm "$DIR/command"
    kill -KILL "$(pid_of 1)"
    wait_until log_has_at_least 2 "cannot execute $DIR/command: not found"
    alive "$SUPERVISOR"
    cp "$HELLO" "$DIR/command.new"
    mv "$DIR/command.new" "$DIR/command"
    wait_until file_has "$STATUS_FILE" '^[2-9]'
    wait_until answers http://localhost/ --unix-socket "$SOCKET"
    stop_service
    equal "$STATUS_CODE" 0
    rm "$LOG"
  done
}

# --- what is executed after all ---

@test "a script without an interpreter line is given to the shell, with its arguments" {
  # shellcheck disable=SC2016 # for the script to expand
  printf 'printf "%%s|" "$0" "$@" >"%s/arguments"\nexec sleep 1000\n' "$DIR" >"$DIR/script"
  chmod +x "$DIR/script"
  start "$TASUKI" --interval=0 -- "$DIR/script" a 'b c' ''
  wait_until file_has "$DIR/arguments" 'c[|][|]$'
  equal "$(cat "$DIR/arguments")" "$DIR/script|a|b c||"
}

@test "a script without an interpreter line is found in PATH, too" {
  mkdir "$DIR/bin"
  printf ': >"%s/ran"\nexec sleep 1000\n' "$DIR" >"$DIR/bin/some-script"
  chmod +x "$DIR/bin/some-script"
  PATH=$PATH:$DIR/bin start "$TASUKI" --interval=0 -- some-script
  wait_until test -e "$DIR/ran"
}

@test "what is not executable in PATH is passed over for what is, further on" {
  mkdir "$DIR/one" "$DIR/two" "$DIR/three"
  mkdir "$DIR/one/some-command"
  : >"$DIR/two/some-command"
  printf '#!/bin/sh\n: >"%s/ran"\nexec sleep 1000\n' "$DIR" >"$DIR/three/some-command"
  chmod +x "$DIR/three/some-command"
  PATH=$DIR/one:$DIR/two:$DIR/three:$PATH start "$TASUKI" --interval=0 -- some-command
  wait_until test -e "$DIR/ran"
}

@test "a bare command is looked up in the PATH that the worker gets from the envdir" {
  mkdir "$DIR/bin" "$DIR/env"
  printf '#!/bin/sh\n: >"%s/ran"\nexec sleep 1000\n' "$DIR" >"$DIR/bin/some-command"
  chmod +x "$DIR/bin/some-command"
  echo "$DIR/bin:$PATH" >"$DIR/env/PATH"
  start "$TASUKI" --interval=0 --envdir="$DIR/env" -- some-command
  wait_until test -e "$DIR/ran"
}

@test "a relative command is looked up in --dir" {
  mkdir "$DIR/home"
  printf '#!/bin/sh\n: >ran\nexec sleep 1000\n' >"$DIR/home/command"
  chmod +x "$DIR/home/command"
  start "$TASUKI" --interval=0 --dir="$DIR/home" -- ./command
  wait_until test -e "$DIR/home/ran"
}
