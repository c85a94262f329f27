#!/usr/bin/env bats
# The examples of packaging/examples and of the README: each is run as it stands there, loaded through
# a deploy, and stopped. In all of them 8080 becomes a port that is free.

load helper

setup() {
  cd "$BATS_TEST_TMPDIR" || return 1
  PATH=$BIN:$PATH
  PORT=$(free_port)
  URL=http://127.0.0.1:$PORT
  export PYTHONDONTWRITEBYTECODE=1
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

get_answers() {
  get / >/dev/null
}

# generation_answers N: true when generation N does.
generation_answers() {
  get / | grep -q "^generation $1\b"
}

# start_example NAME [OPTION...]: that of packaging/examples, until its first generation is ready.
start_example() {
  [ -d "$1" ] || copy_example "$1" "$1"
  start "./$1/run" "${@:2}"
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
  ends_with 0 "$PID"
}

# answering: an option for a server that does not say when it is ready: when its own generation does.
# shellcheck disable=SC2016 # sh expands the generation
answering() {
  printf -- '--ready=exec:curl -s %s/ | grep -qx "generation $TASUKI_GENERATION"' "$URL"
}

# prove NAME [OPTION...]: the answers name the generation.
prove() {
  start_example "$@"
  wait_until generation_answers 1
  deploy_under_load / "${CURL[@]}"
  grep -q '^generation 2\b' last
  stop_example
}

@test "each example is run by a test" {
  for example in "$ROOT"/packaging/examples/*/; do
    grep -qE "(prove|start_example) $(basename "$example")\b" "$BATS_TEST_FILENAME" ||
      grep -qE "serve $(basename "$example")\b" "$ROOT/tests/inherit/servers.bats"
  done
}

@test "hello-server" {
  prove hello-server
}

@test "C with the library" {
  copy_example c c
  # The flags are the source tree's; what is installed has its own test.
  # shellcheck disable=SC2317 # the command calls it
  pkg-config() {
    printf '%s\n' "-Wall -Wextra -Werror -I$ROOT/include $ROOT/src/client/libtasuki.c"
  }
  (cd c && eval "$(sed -n 's/^#   cc /cc /p' run)")
  prove c
}

@test "C without the library, as tasuki-servers(7) shows it" {
  {
    printf '%s\n' '#include <stdio.h>' '#include <stdlib.h>' '#include <string.h>' 'int main(void)' '{'
    sed -n '/^const char \*ports/,/^\.Ed/p' "$MANUALS/tasuki-servers.7" | sed '$d'
    printf '%s\n' 'printf("descriptor %d\n", fd);' 'return 0;' '}'
  } >main.c
  cc -Wall -Wextra -Werror -o without main.c
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
  CURL=(--retry 5 --retry-all-errors --retry-delay 0)
  prove starman
}

@test "Go" {
  needs go
  copy_example go go
  (cd go && env GO111MODULE=off GOCACHE="$ROOT/build/adoption/go-cache" go build -o hello main.go)
  prove go --adopt on
}

@test "Python" {
  needs python3
  python3 -c 'import http.server' || skip "Python is not installed with its library"
  prove python --adopt on
}

@test "gunicorn" {
  needs gunicorn
  prove gunicorn "$(answering)"
}

@test "Node" {
  needs node
  node -e 'process.exit("closeIdleConnections" in require("http").Server.prototype ? 0 : 1)' ||
    skip "this Node is too old"
  prove node --adopt on
}

@test "Ruby" {
  needs ruby
  prove ruby "$(answering)"
}

@test "puma" {
  needs puma
  # Now and then, on a busy machine, puma 5.6 does not answer one of its last requests when it stops.
  CURL=(--retry 1 --retry-all-errors)
  prove puma "$(answering)"
}

@test "h2o" {
  needs h2o
  copy_example h2o h2o
  start_example h2o
  wait_until get /h2o.conf
  deploy_under_load /h2o.conf
  stop_example
}

@test "Apache httpd" {
  needs apache2
  needs_root # its user is www-data
  copy_example apache apache
  start_example apache --adopt on
  wait_until get_answers
  deploy_under_load /
  stop_example
}

@test "redis-server" {
  needs redis-server redis-cli
  start_example redis --adopt on
  redis-cli -p "$PORT" ping | grep -qx PONG
  kill -HUP "$PID"
  wait_until log_has 'deploy 1 succeeded'
  redis-cli -p "$PORT" ping | grep -qx PONG
  stop_example
}

# --- the README -------------------------------------------------------------------------------------

# without_numbers: without what may differ between two runs: pids, times, and what a worker says at its
# end, which may not be heard any more.
without_numbers() {
  sed -E '/ says: /d; s/(worker|pid) [0-9]+/\1 N/g; s/[0-9.]+ (ms|s)\b/N ms/g' | sort
}

@test "the README's capture is what the program prints" {
  stated=$(sed -n '/^<!-- capture -->/,/^```$/p' "$README" | sed '1,2d; $d')
  mkdir here
  said=$(capture "$PWD/here" "$PORT" <<<"$stated")
  # Write it with tests/docs/refresh.
  same README "$(without_numbers <<<"$said")" "$(without_numbers <<<"$stated")"
}

@test "the README's first service, in two terminals" {
  needs python3
  start bash -c "exec $(block run first | with_port)"
  wait_until get_answers
  block run commands | bash -e >said
  grep -q 'web: deploy 1 succeeded' said
  ends_with 0 "$PID"
}

@test "the README's probe" {
  start bash -c "exec $(block run probe | with_port)"
  wait_until log_has 'generation 1: worker [0-9]+ is ready'
  deploy_under_load /
  grep -q '^generation 2 pid' last
  stop_example
}

# release NAME: /srv/app/releases/NAME of the README, in this directory, with hello-server.
release() {
  mkdir -p "srv/app/releases/$1"
  cp "$HELLO" "srv/app/releases/$1/hello-server"
}

@test "the README's configuration file, releases and deploy script" {
  needs_root # it has a user for the workers
  chmod a+rx . .. ../..
  for file in app.ini deploy; do
    text=$(block file "$file" | with_port)
    printf '%s\n' "${text//\/srv\/app/$PWD/srv/app}" >"$file"
  done
  release 1
  release 2
  mkdir -p srv/app/releases/broken
  ln -s releases/1 srv/app/current
  tasuki check --config app.ini
  start tasuki run --config app.ini
  wait_until generation_answers 1
  sh deploy 2
  [ "$(readlink srv/app/current)" = releases/2 ]
  generation_answers 2
  run sh deploy broken
  [ "$status" -eq 1 ]
  [ "$(readlink srv/app/current)" = releases/2 ]
  generation_answers 2
  stop_example
}
