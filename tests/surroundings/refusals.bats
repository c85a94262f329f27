#!/usr/bin/env bats
# Surroundings that cannot be had: refused before anything is bound, or failing the start with the
# step and the reason; no worker ever runs with more rights than were asked for.

# shellcheck disable=SC2030,SC2031,SC2034 # each test is a process of its own; the helper reads these
load helper

@test "a value that makes no sense is refused" {
  local value
  for value in '' 8 1000 0x1 -1 ' 7' 07a 00000000001000; do
    refused '--umask: expected an octal number from 0 to 777' "--umask=$value"
  done
  for value in '' x -1 1: :1 1:2:3 infinit Infinity 1k 1.5 99999999999999999999; do
    refused '--limit-nofile: expected N, SOFT:HARD or infinity' "--limit-nofile=$value"
  done
  refused '--limit-core: expected a soft limit no higher than the hard one' --limit-core=2:1
  refused '--limit-core: expected a soft limit no higher' --limit-core=infinity:1
  for value in '' x -21 20 +-1 1.0; do
    refused '--nice: expected a number from -20 to 19' "--nice=$value"
  done
  for value in '' -1001 1001 --1; do
    refused '--oom-score-adj: expected a number from -1000 to 1000' "--oom-score-adj=$value"
  done
  for value in '' A =b; do
    refused '--environment: expected NAME=VALUE' "--environment=$value"
  done
  refused '--parent-death-signal: expected a signal' --parent-death-signal=NONE
  refused '--no-new-privileges: expected yes or no' --no-new-privileges=maybe
  refused '--clear-environment: expected yes or no' --clear-environment=maybe
}

@test "a user and a group that do not exist are refused by name" {
  refused "--user: there is no user 'no-such-user'" --user=no-such-user
  refused '--user: expected USER, got nothing' --user=
  refused '--user: user 54321 is not in the user database: --group is needed' --user=54321
  refused "--user: there is no user '4294967295'" --user=4294967295 --group=0
  refused "--group: there is no group 'no-such-group'" --group=no-such-group
  refused "--supplementary-groups: there is no group 'nil'" --supplementary-groups=0,nil
  refused '--supplementary-groups: expected groups separated by commas' --supplementary-groups=0,,1
}

@test "a file for standard input that is not there, or a directory, is refused" {
  refused "--stdin: cannot open $DIR/none: No such file" --stdin="$DIR/none"
  refused "--stdin: cannot open $DIR: Is a directory" --stdin="$DIR"
}

@test "who is not root is told what it takes" {
  needs_root
  AS=("${AS_NOBODY[@]}")
  install -m 755 "$TASUKI" "$DIR/tasuki"
  TASUKI=$DIR/tasuki
  refused "--user: running workers as user root \(0\) needs root.*the supervisor runs as user $NOBODY" --user=root
  refused '--user: running workers as user 54321' --user=54321 --group="$NOGROUP"
  refused "--group: running workers with group 0 needs root.*the supervisor runs as user $NOBODY" --group=0
  refused '--supplementary-groups: changing them needs root' --supplementary-groups=0
  refused '--nice: cannot set.* to -20: Permission denied.*CAP_SYS_NICE' --nice=-20
  refused '--oom-score-adj: cannot set.* to -1000: Permission denied.*CAP_SYS_RES' \
    --oom-score-adj=-1000
  refused '--limit-nofile: cannot set.* to infinity: Operation not permitted' --limit-nofile=infinity
  refused '--limit-nofile: cannot set.* to 1000000000: Operation not permitted' \
    --limit-nofile=1:1000000000
  AS=(setpriv --reuid="$NOBODY" --regid="$NOGROUP" --groups=0 --)
  refused '--supplementary-groups: changing them needs root' --user=nobody
}

@test "who is not root may name what it is" {
  needs_root
  install -m 755 "$TASUKI" "$DIR/tasuki"
  start "${AS_NOBODY[@]}" "$DIR/tasuki" --control=off --status-file="$DIR/open/status" --user=nobody \
    --group="$NOGROUP" --supplementary-groups= --nice=3 --stdin=null -- "${WORKER[@]}"
  STATUS_FILE=$DIR/open/status
  wait_until status_is 1
  equal "$(told Uid) / $(told Groups)" "$(four "$NOBODY") / "
}

@test "tasuki check says it, too, and who the workers would be" {
  attempt "$TASUKI" check --user=no-such-user -- true
  equal "$STATUS_CODE $(cat "$DIR/stderr")" "2 tasuki: --user: there is no user 'no-such-user'"
  attempt "$TASUKI" check --stdin="$DIR/none" -- true
  equal "$STATUS_CODE" 2
  attempt "$TASUKI" check --user="$(id -u)" --group="$(id -g)" -- true
  has "$DIR/stdout" "^runs as +user .*$(id -u)\)?, group $(id -g)\$"
}

@test "a directory that only the supervisor may enter fails the start of another user's worker" {
  needs_root
  mkdir -m 700 "$DIR/private"
  attempt "$TASUKI" --control=off --user=nobody --dir="$DIR/private" -- true
  equal "$STATUS_CODE" 126
  has "$DIR/stderr" "cannot change to directory $DIR/private: Permission denied"
}

@test "a command that only the supervisor may execute fails the start of another user's worker" {
  needs_root
  mkdir -m 700 "$DIR/private"
  install -m 755 /bin/true "$DIR/private/server"
  attempt "$TASUKI" --control=off --user=nobody -- "$DIR/private/server"
  equal "$STATUS_CODE" 126
  has "$DIR/stderr" "cannot execute $DIR/private/server: permission denied"
  attempt env PATH="$DIR/private:$PATH" "$TASUKI" --control=off --user=nobody -- server
  equal "$STATUS_CODE" 126
  has "$DIR/stderr" 'the file found in PATH is not executable'
}

@test "a deploy after the user was removed fails with the reason, and the old worker serves on" {
  own_users
  echo 'runner:x:54321:54321::/:/bin/sh' >>"$DIR/passwd"
  start "${IN_OWN[@]}" "$TASUKI" --path="$SOCKET" --status-file="$STATUS_FILE" \
    --control="$DIR/control" --interval=0.1 --user=runner -- "${WORKER[@]}"
  wait_serving 1
  cp /etc/passwd "$DIR/before"
  cat "$DIR/before" >"$DIR/passwd" # into the file that is mounted
  attempt "${RESTART[@]}"
  equal "$STATUS_CODE" 1
  grep -hq "there is no user 'runner'" "$DIR/stdout" "$DIR/stderr"
  wait_serving 1
  echo 'runner:x:54399:54321::/:/bin/sh' >>"$DIR/passwd"
  attempt "${RESTART[@]}"
  equal "$STATUS_CODE" 0
  wait_serving 2
  equal "$(told Uid 2)" "$(four 54399)"
}

@test "a deploy after the standard input was removed fails with the reason" {
  touch "$DIR/input"
  serve --stdin="$DIR/input"
  rm "$DIR/input"
  attempt "${RESTART[@]}"
  equal "$STATUS_CODE" 1
  log_has "--stdin: cannot open $DIR/input: No such file or directory"
  serves 1
}
