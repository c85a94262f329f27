#!/usr/bin/env bats
# Real servers take their sockets in the convention that they know, and are replaced under load.

# shellcheck disable=SC2034,SC2153 # the helper reads BODY and EXAMPLE, and sets STATUS
bats_require_minimum_version 1.5.0
load helper

setup() {
  setup_directory
  PORT=$(free_port)
  FRONT=$(free_port)
  export PYTHONDONTWRITEBYTECODE=1
}

@test "nginx takes its sockets from NGINX" {
  needs_root # Debian's nginx wants directories that are root's
  BODY=$'hello\n'
  serve nginx "$(has_children)"
  replace_under_load
}

@test "gunicorn takes its sockets from LISTEN_FDS" {
  serve gunicorn "$(answers_itself)"
  replace_under_load
}

@test "puma takes its sockets from LISTEN_FDS" {
  serve puma "$(answers_itself)"
  replace_under_load
}

@test "unicorn takes its sockets from UNICORN_FD" {
  serve unicorn "$(answers_itself)"
  replace_under_load
}

@test "php-fpm takes its sockets from FPM_SOCKETS, behind nginx" {
  pass_to_php_fpm
  PHP_FPM=$(php_fpm) serve php-fpm
  replace_under_load "$FRONT"
}

@test "uvicorn takes its socket by number, behind nginx" {
  serve uvicorn "$(answers_itself)"
  replace_under_load "$FRONT"
}

@test "hypercorn takes its socket by number, behind nginx" {
  serve hypercorn "$(answers_itself)"
  replace_under_load "$FRONT"
}

@test "a Node server takes its socket by number, and is not adopted" {
  mkdir "$DIR/by-number"
  sed 's/server.listen(8080)/server.listen({ fd: 3 })/' "$ROOT/packaging/examples/node/server.js" >"$DIR/by-number/server.js"
  grep -q 'fd: 3' "$DIR/by-number/server.js"
  EXAMPLE=by-number
  start_here "$TASUKI" --name=by-number --adopt=off --interval=0.2 --port="127.0.0.1:$PORT" --status-file="$STATUS" \
    "$(answers_itself)" -- node "$DIR/by-number/server.js"
  start_front
  wait_until answers "http://127.0.0.1:$FRONT/"
  replace_under_load
}

@test "HAProxy takes its socket by number" {
  serve haproxy "$(answers_itself)"
  replace_under_load
}
