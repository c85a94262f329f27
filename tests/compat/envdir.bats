#!/usr/bin/env bats
# --envdir and ENVDIR: one file a variable, read afresh for each deploy.

# shellcheck disable=SC2030,SC2031 # each test is a process of its own, and means to be
load helper

@test "each file in the envdir is a variable of the worker" {
  echo tea >"$VARIABLES/DRINK"
  echo rice >"$VARIABLES/FOOD"
  supervise --interval=0 --envdir="$VARIABLES"
  wait_generation 1
  equal "$(worker_env 1 DRINK)" tea
  equal "$(worker_env 1 FOOD)" rice
}

@test "the variable ENVDIR names the envdir as well" {
  echo tea >"$VARIABLES/DRINK"
  export ENVDIR=$VARIABLES
  supervise --interval=0
  wait_generation 1
  equal "$(worker_env 1 DRINK)" tea
  equal "$(worker_env 1 ENVDIR)" "$VARIABLES"
}

@test "--envdir goes before ENVDIR, and the worker is told of it" {
  mkdir "$BATS_TEST_TMPDIR/other"
  echo tea >"$VARIABLES/DRINK"
  echo coffee >"$BATS_TEST_TMPDIR/other/DRINK"
  export ENVDIR=$BATS_TEST_TMPDIR/other
  supervise --interval=0 --envdir="$VARIABLES"
  wait_generation 1
  equal "$(worker_env 1 DRINK)" tea
  equal "$(worker_env 1 ENVDIR)" "$VARIABLES"
}

@test "without an envdir the worker has no ENVDIR" {
  supervise --interval=0
  wait_generation 1
  equal "$(worker_env 1 ENVDIR)" '(unset)'
}

@test "a file goes before a variable of the supervisor" {
  export DRINK=water
  echo tea >"$VARIABLES/DRINK"
  supervise --interval=0 --envdir="$VARIABLES"
  wait_generation 1
  equal "$(worker_env 1 DRINK)" tea
}

@test "a changed file is a changed variable at the next deploy" {
  echo tea >"$VARIABLES/DRINK"
  supervise --interval=0 --envdir="$VARIABLES"
  wait_generation 1
  echo coffee >"$VARIABLES/DRINK"
  deploy 2
  equal "$(worker_env 1 DRINK)" tea
  equal "$(worker_env 2 DRINK)" coffee
}

@test "a file that is added is a variable from the next deploy on, and no more once it is removed" {
  supervise --interval=0 --envdir="$VARIABLES"
  wait_generation 1
  echo tea >"$VARIABLES/DRINK"
  deploy 2
  rm "$VARIABLES/DRINK"
  deploy 3
  equal "$(worker_env 1 DRINK)" '(unset)'
  equal "$(worker_env 2 DRINK)" tea
  equal "$(worker_env 3 DRINK)" '(unset)'
}

@test "when a file that was added is removed, the supervisor's own value is back" {
  export DRINK=water
  supervise --interval=0 --envdir="$VARIABLES"
  wait_generation 1
  echo tea >"$VARIABLES/DRINK"
  deploy 2
  rm "$VARIABLES/DRINK"
  deploy 3
  equal "$(worker_env 2 DRINK)" tea
  equal "$(worker_env 3 DRINK)" water
}

@test "the envdir is read afresh when a dead worker is replaced" {
  echo tea >"$VARIABLES/DRINK"
  supervise --interval=0 --envdir="$VARIABLES" --status-file="$STATUS_FILE"
  wait_ready 1
  echo coffee >"$VARIABLES/DRINK"
  kill -KILL "$(pid_of 1)"
  wait_generation 2
  equal "$(worker_env 2 DRINK)" coffee
}

@test "only the first line counts, without its newline, with all else" {
  printf 'first  line \t\nsecond line\n' >"$VARIABLES/LINES"
  printf 'no newline' >"$VARIABLES/OPEN"
  printf 'a=b;c "d"\r\n' >"$VARIABLES/SIGNS"
  supervise --interval=0 --envdir="$VARIABLES"
  wait_generation 1
  equal "$(worker_env 1 LINES)" "$(printf 'first  line \t')"
  equal "$(worker_env 1 OPEN)" 'no newline'
  equal "$(worker_env 1 SIGNS)" "$(printf 'a=b;c "d"\r')"
}

@test "an empty file says nothing about its variable" {
  export DRINK=water
  : >"$VARIABLES/DRINK"
  : >"$VARIABLES/FOOD"
  supervise --interval=0 --envdir="$VARIABLES"
  wait_generation 1
  equal "$(worker_env 1 DRINK)" water
  equal "$(worker_env 1 FOOD)" '(unset)'
}

@test "a file that is one empty line is an empty variable" {
  export DRINK=water
  echo >"$VARIABLES/DRINK"
  supervise --interval=0 --envdir="$VARIABLES"
  wait_generation 1
  equal "$(worker_env 1 DRINK)" ''
}

@test "files whose name begins with a dot are left alone" {
  echo tea >"$VARIABLES/.DRINK"
  supervise --interval=0 --envdir="$VARIABLES"
  wait_generation 1
  equal "$(grep -c '^\.DRINK=' "$RECORD/env.1")" 0
}

@test "a directory in the envdir is no variable, and no harm" {
  mkdir "$VARIABLES/SUBDIR"
  echo tea >"$VARIABLES/DRINK"
  supervise --interval=0 --envdir="$VARIABLES"
  wait_generation 1
  equal "$(worker_env 1 DRINK)" tea
  equal "$(worker_env 1 SUBDIR)" '(unset)'
}

@test "an envdir that is missing is no error, and is read once it is there" {
  supervise --interval=0 --envdir="$VARIABLES/later"
  wait_generation 1
  equal "$(worker_env 1 ENVDIR)" "$VARIABLES/later"
  mkdir "$VARIABLES/later"
  echo tea >"$VARIABLES/later/DRINK"
  deploy 2
  equal "$(worker_env 2 DRINK)" tea
}

@test "the supervisor's numbers are not the envdir's to change" {
  local port
  port=$(free_port)
  echo 77 >"$VARIABLES/SERVER_STARTER_GENERATION"
  echo nonsense >"$VARIABLES/SERVER_STARTER_PORT"
  supervise --interval=0 --envdir="$VARIABLES" --port="$port"
  wait_generation 1
  equal "$(listed 1)" "$port"
}
