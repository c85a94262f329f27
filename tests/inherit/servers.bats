#!/usr/bin/env bats
# Real servers take their sockets in the convention that they know, and are replaced under load.

bats_require_minimum_version 1.5.0
load helper

setup() {
  setup_directory
  PORT=$(free_port)
  FRONT=$(free_port)
  export PYTHONDONTWRITEBYTECODE=1
}

@test "nginx takes its sockets from NGINX" {
  nginx_configuration
  serve "$(has_children)" --inherit=server-starter,nginx --signal-on-hup=QUIT \
    --signal-on-term=QUIT -- nginx -p "$DIR/" -c "$DIR/nginx.conf" -e stderr
  replace_under_load
}

@test "gunicorn takes its sockets from LISTEN_FDS" {
  serve "$(answers_itself)" --dir="$APPS" -- gunicorn --workers 2 app:wsgi
  replace_under_load
}

@test "puma takes its sockets from LISTEN_FDS" {
  serve "$(answers_itself)" --dir="$APPS" -- puma --bind "tcp://127.0.0.1:$PORT" --threads 2:2 config.ru
  replace_under_load
}

@test "unicorn takes its sockets from UNICORN_FD" {
  serve "$(answers_itself)" --inherit=server-starter,unicorn --dir="$APPS" --signal-on-hup=QUIT \
    --signal-on-term=QUIT -- unicorn --listen "127.0.0.1:$PORT" config.ru
  replace_under_load
}

@test "php-fpm takes its sockets from FPM_SOCKETS, behind nginx" {
  php_fpm_configuration
  serve --inherit=server-starter,php-fpm --signal-on-hup=QUIT --signal-on-term=QUIT -- \
    "$(php_fpm)" --nodaemonize --fpm-config "$DIR/fpm.conf"
  replace_under_load "$FRONT"
}

@test "uvicorn takes its socket by number, behind nginx" {
  serve "$(answers_itself)" -- uvicorn --app-dir "$APPS" --fd 3 --no-access-log app:asgi
  replace_under_load "$FRONT"
}

@test "hypercorn takes its socket by number, behind nginx" {
  serve "$(answers_itself)" --dir="$APPS" -- hypercorn --bind fd://3 app:asgi
  replace_under_load "$FRONT"
}

@test "a Node server takes its socket by number" {
  serve "$(answers_itself)" -- node "$APPS/server.js"
  replace_under_load
}

@test "HAProxy takes its socket by number" {
  haproxy_configuration
  serve "$(answers_itself)" --signal-on-hup=USR1 --signal-on-term=USR1 -- haproxy -db -f "$DIR/haproxy.conf"
  replace_under_load
}
