#!/usr/bin/env bats
# --path: unix sockets in the file system.

# shellcheck disable=SC2030,SC2031 # each test is a process of its own, and means to be
load helper

# serves FILE: the worker behind the unix socket answers.
serves() { body http://unix/ --unix-socket "$1"; }

# stale_socket FILE: a socket file whose server is gone.
stale_socket() {
  perl -MSocket -e 'socket my $s, AF_UNIX, SOCK_STREAM, 0; bind $s, pack_sockaddr_un shift or die' "$1"
}

@test "a path is a listening unix socket, told by its path" {
  supervise --interval=0 --path="$BATS_TEST_TMPDIR/web"
  wait_generation 1
  equal "$(listed 1)" "$BATS_TEST_TMPDIR/web"
  equal "$(socket 1 "$BATS_TEST_TMPDIR/web")" "unix stream listening $BATS_TEST_TMPDIR/web -"
  equal "$(serves "$BATS_TEST_TMPDIR/web")" 1
}

@test "several paths are bound in their order" {
  supervise --interval=0 --path="$BATS_TEST_TMPDIR/b" --path="$BATS_TEST_TMPDIR/a"
  wait_generation 1
  equal "$(listed 1)" "$BATS_TEST_TMPDIR/b;$BATS_TEST_TMPDIR/a"
  equal "$(serves "$BATS_TEST_TMPDIR/a")" 1
  equal "$(serves "$BATS_TEST_TMPDIR/b")" 1
}

@test "the socket's mode is 0777 whatever the umask is, and the worker keeps that umask" {
  umask 077
  supervise --interval=0 --path="$BATS_TEST_TMPDIR/web"
  wait_generation 1
  equal "$(stat -c %a "$BATS_TEST_TMPDIR/web")" 777
  equal "$(field 1 umask)" 077
}

@test "the socket stays over deploys and is removed at the end" {
  supervise --interval=0 --path="$BATS_TEST_TMPDIR/web"
  wait_generation 1
  deploy 2
  wait_until has_signals 1 TERM
  equal "$(serves "$BATS_TEST_TMPDIR/web")" 2
  stop_supervisor
  absent "$BATS_TEST_TMPDIR/web"
}

@test "the socket is removed at the end after INT as well" {
  supervise --interval=0 --path="$BATS_TEST_TMPDIR/web"
  wait_generation 1
  kill -INT "$SUPERVISOR"
  wait_until gone "$SUPERVISOR"
  absent "$BATS_TEST_TMPDIR/web"
}

@test "a stale socket is replaced" {
  stale_socket "$BATS_TEST_TMPDIR/web"
  supervise --interval=0 --path="$BATS_TEST_TMPDIR/web"
  wait_generation 1
  equal "$(serves "$BATS_TEST_TMPDIR/web")" 1
}

@test "what is no socket any more is not removed at the end" {
  supervise --interval=0 --path="$BATS_TEST_TMPDIR/web"
  wait_generation 1
  rm "$BATS_TEST_TMPDIR/web"
  echo mine >"$BATS_TEST_TMPDIR/web"
  stop_supervisor
  equal "$(cat "$BATS_TEST_TMPDIR/web")" mine
}

@test "a relative path belongs to the supervisor's directory and is told as it was given" {
  mkdir "$BATS_TEST_TMPDIR/elsewhere"
  cd "$BATS_TEST_TMPDIR"
  supervise --interval=0 --path=web --dir="$BATS_TEST_TMPDIR/elsewhere"
  wait_generation 1
  equal "$(listed 1)" web
  equal "$(serves "$BATS_TEST_TMPDIR/web")" 1
  stop_supervisor
  absent "$BATS_TEST_TMPDIR/web"
}

@test "a path that cannot be bound is an error, and no worker starts" {
  run_program --path="$BATS_TEST_TMPDIR/missing/web" -- "$RECORDER" "$RECORD"
  [ "$STATUS_CODE" -ne 0 ]
  never_started 1
}
