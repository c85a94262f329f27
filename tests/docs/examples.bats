#!/usr/bin/env bats
# The README's examples, as they stand there: each is run, loaded through a deploy, and stopped. In
# all of them 8080 becomes a port that is free.

load helper

setup() {
  cd "$BATS_TEST_TMPDIR" || return 1
  PATH=$BIN:$PATH
  PORT=$(free_port)
  URL=http://127.0.0.1:$PORT
  grep -oE '^<!-- file: [^ ]+ -->$' "$README" | cut -d' ' -f3 | while read -r file; do
    text=$(block file "$file" | with_port)
    printf '%s\n' "$text" >"$file"
  done
}

with_port() {
  sed "s/8080/$PORT/g"
}

needs() {
  for program in "$@"; do
    command -v "$program" >/dev/null || skip "$program is not installed"
  done
}

# get PATH [CURL-OPTION...]: what the server says, however long this machine needs for it.
get() {
  body "$URL$1" --max-time "$PATIENCE" "${@:2}"
}

# start_example NAME: starts it and waits until its first generation is ready.
start_example() {
  local command
  command=$(block example "$1" | with_port)
  [ -n "$command" ]
  start bash -c "exec $command"
  wait_until log_has 'generation 1: worker [0-9]+ is ready'
}

# deploy_under_load PATH [CURL-OPTION...]: every request until the end of the deploy is answered.
deploy_under_load() {
  local deadline=$((SECONDS + PATIENCE)) served=0
  kill -HUP "$PID"
  until log_has 'deploy 1 succeeded'; do
    get "$@" >last || {
      echo "a request failed after $served that were served"
      return 1
    }
    served=$((served + 1))
    [ "$SECONDS" -lt "$deadline" ]
  done
  get "$1" >last
}

# A supervisor that ends with another status than 0 fails the test.
stop_example() {
  kill -TERM "$PID"
  wait_until gone "$PID"
  wait "$PID"
}

# prove NAME [CURL-OPTION...]: the answers name the generation.
prove() {
  start_example "$1"
  get / | grep -qx 'generation 1'
  deploy_under_load / "${@:2}"
  grep -qx 'generation 2' last
  stop_example
}

@test "thirty seconds: hello-server, a deploy, and the end" {
  start bash -c "exec $(block example hello-server | with_port)"
  wait_until test -s hello.status
  block session hello-server | with_port | bash -e >answers
  grep -q '^generation 1 pid' answers
  grep -q '^generation 2 pid' answers
  wait "$PID"
}

@test "the configuration file" {
  tasuki check --config hello.ini
  start_example config
  get / | grep -q '^generation 1 pid'
  deploy_under_load /
  grep -q '^generation 2 pid' last
  stop_example
}

@test "C with the library" {
  # The flags are the source tree's; what is installed has its own test.
  # shellcheck disable=SC2317 # the block calls it
  pkg-config() {
    printf '%s\n' "-Wall -Wextra -Werror -I$ROOT/include $ROOT/src/client/libtasuki.c"
  }
  eval "$(block build c)"
  prove c
}

@test "C without the library" {
  cat >main.c <<'C'
#include <stdio.h>
int inherited_listener(void);
int main(void)
{
    printf("descriptor %d\n", inherited_listener());
    return 0;
}
C
  cc -Wall -Wextra -Werror -o without main.c descriptor.c
  ./without | grep -qx 'descriptor -1'
  SERVER_STARTER_PORT='8080=3;[::1]:8080=14' ./without | grep -qx 'descriptor 14'
}

@test "Perl" {
  needs perl
  perl -MServer::Starter -e 1 || skip "Server::Starter is not installed"
  prove perl
}

@test "Starlet" {
  needs plackup
  perl -MPlack::Handler::Starlet -e 1 || skip "Starlet is not installed"
  prove starlet
}

@test "Starman" {
  needs starman
  perl -MNet::Server::SS::PreFork -e 1 || skip "Net::Server::SS::PreFork is not installed"
  # Its graceful stop drops now and then a connection that it has just accepted, whoever stops it; so
  # ask again, as a proxy in front of it would.
  prove starman --retry 5 --retry-all-errors --retry-delay 0
}

@test "Python" {
  needs python3
  python3 -c 'import http.server' || skip "Python is not installed with its library"
  prove python3
}

@test "gunicorn" {
  needs gunicorn
  prove gunicorn
}

@test "Node" {
  needs node
  node -e 'process.exit("closeIdleConnections" in require("http").Server.prototype ? 0 : 1)' ||
    skip "this Node is too old"
  prove node
}

@test "Ruby" {
  needs ruby
  prove ruby
}

@test "puma" {
  needs puma
  prove puma
}

@test "nginx" {
  needs nginx
  [ "$(id -u)" -eq 0 ] || skip "Debian's nginx wants directories that are root's"
  start_example nginx
  get / | grep -qx hello
  deploy_under_load /
  stop_example
}

@test "h2o" {
  needs h2o
  start_example h2o
  deploy_under_load /h2o.conf
  stop_example
}
