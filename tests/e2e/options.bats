#!/usr/bin/env bats
# The command line: what is accepted in which form, and what is refused before anything is touched.

# shellcheck disable=SC2030,SC2031,SC2034 # each test is a process of its own; the helper reads these
load helper

# A directory with the files that the options of `refuse` name: a pid and a status file of another
# supervisor, and a stale socket, which a good command line would have replaced.
lay_out() {
  [ ! -d "$DIR/place" ] || return 0
  mkdir "$DIR/place"
  leave_stale_socket "$DIR/place/socket"
  echo 999999 >"$DIR/place/pid"
  echo 7:999999 >"$DIR/place/status"
  surroundings >"$DIR/before"
}

surroundings() {
  find "$DIR/place" -printf '%p %y %i %s %T@ %m\n' | sort
  cat "$DIR/place/pid" "$DIR/place/status"
}

untouched() {
  surroundings | diff "$DIR/before" -
}

# refuse REGEX OPTION...: the program ends with status 2 and one line on stderr that REGEX
# describes.
refuse() {
  local wants=$1 lines
  shift
  lay_out
  attempt "$PROGRAM" "$@" --path="$DIR/place/socket" --pid-file="$DIR/place/pid" \
    --status-file="$DIR/place/status" --log-file="$DIR/place/log" -- touch "$DIR/place/started"
  equal "$STATUS_CODE $*" "2 $*"
  mapfile -t lines <"$DIR/stderr"
  equal "${#lines[@]} line, $*" "1 line, $*"
  [[ ${lines[0]} =~ $wants ]] || equal "${lines[0]}" "$wants"
  [[ ${lines[0]} == "${PROGRAM##*/}: "* ]] || equal "${lines[0]}" "${PROGRAM##*/}: ..."
  [ ! -s "$DIR/stdout" ]
}

# refused REGEX OPTION...: the same, and everything is as it was before.
refused() {
  refuse "$@"
  untouched
}

# each_refused REGEX OPTION= VALUE...: each of the values is refused.
each_refused() {
  local wants=$1 option=$2 value
  shift 2
  for value; do
    refuse "$wants" "$option$value"
  done
  untouched
}

# environment_of GENERATION VARIABLE: what the worker has; "(unset)" if it has not.
environment_of() {
  tr '\0' '\n' <"/proc/$(pid_of "$1")/environ" | sed -n "s/^$2=//p;t found;b;:found q" |
    grep . || echo '(unset)'
}

# --- what is refused ---

@test "one file for two purposes is refused" {
  local pair
  for pair in 'status-file pid-file' 'log-file pid-file' 'log-file status-file'; do
    attempt "$PROGRAM" "--${pair#* }=$DIR/file" "--${pair% *}=$DIR/file" -- true
    equal "$STATUS_CODE $(cat "$DIR/stderr")" "2 ${PROGRAM##*/}: --${pair% *} and \
--${pair#* } name the same file: $DIR/file"
    absent "$DIR/file"
  done
}

@test "too few descriptors are told before anything needs them" {
  attempt bash -c 'ulimit -n 5; exec "$@"' bash "$PROGRAM" -- true
  equal "$STATUS_CODE" 1
  has "$DIR/stderr" 'Too many open files .needs [0-9]+ descriptors, see ulimit -n'
}

@test "a bad duration is refused by each option that takes one" {
  local option
  for option in interval kill-old-delay auto-restart-interval; do
    each_refused "--$option: expected a duration" "--$option=" '' x -1 +1 1x 1e3 0x10 nan inf 1,5 \
      '1 s' ' 1' '1 ' . 1.2.3 1m30s 367d 99999999999999999999
  done
}

@test "a bad number is refused by each option that takes one" {
  local option
  for option in backlog deploy-attempts; do
    each_refused "--$option: expected a number from 0 to 2147483647" "--$option=" '' x -1 1.5 0x10 \
      5s 2147483648 99999999999999999999
  done
}

@test "a bad signal is refused by each option that takes one" {
  local option
  for option in signal-on-hup signal-on-term; do
    each_refused "--$option: expected a signal" "--$option=" '' x TERMINATE SIG SIGSIGTERM 0 -1 65 \
      999999999999 15x 'TERM ' RTMIN-1 RTMAX+1 RTMIN+99 RTMIN+
  done
}

@test "a bad answer is refused by each option that takes yes or no" {
  local option
  for option in backoff enable-auto-restart; do
    each_refused "--$option: expected yes or no" "--$option=" '' maybe 2 y yess -1
  done
}

@test "a bad port is refused" {
  each_refused '--port: (expected|unknown) ' --port= '' x 65536 99999999999 -1 80x x80 '80 81' 8080=x 8080= \
    8080=-1 8080=9999999999 8080=1=2 127.0.0.1 127.0.0.1: 127.0.0.1:x 127.0.0.1:65536 :80 u uu53 \
    127.0.0.1:uu53 '[::1]' '[::1]:' '[]:80' '[::1:80' '::1]:80' '*' '*:' '*:x' '*:80=7' \
    'a b:80' 'a;b:80' 80,81
}

@test "an IPv6 address that is none is refused like any other bad value" {
  each_refused '--port: ' --port= '[::zz]:80' '[1::2::3]:80' '[1:2:3:4:5:6:7:8:9]:80' '[12345::]:80' \
    '::::80'
}

@test "a host name that is longer than a host name can be is refused" {
  refused '--port: expected a host name of at most 253 bytes' "--port=$(printf 'a%.0s' {1..254}):80"
}

@test "a descriptor that is asked for twice is refused" {
  refused '--port: two sockets ask for descriptor 7' --port=0=7 --port=127.0.0.1:0=7
}

@test "a path that is too long for a unix socket is refused, and the limit is named" {
  refused '--path: .*at most 107 bytes.*108' "--path=/$(printf 'a%.0s' {1..107})"
}

@test "an empty path, and one that SERVER_STARTER_PORT cannot carry, are refused" {
  refused '--path: expected the path of a unix socket' --path=
  refused "--path: expected a path without ';'" "--path=$DIR/a;b"
}

@test "an empty value is refused by each option that takes a file or a directory" {
  local option
  for option in dir envdir pid-file status-file log-file; do
    refused "--$option: expected " "--$option="
  done
}

@test "a --log-file that is a bar without a command is refused" {
  local value
  for value in '|' '|  '; do
    attempt "$PROGRAM" --log-file="$value" -- touch "$DIR/started"
    equal "$STATUS_CODE $(cat "$DIR/stderr")" "2 tasuki: --log-file: expected a file or \"| COMMAND\", got '$value'"
    absent "$DIR/started"
  done
}

@test "a value that is missing is refused by each option that needs one" {
  local option
  for option in port path backlog dir interval signal-on-hup signal-on-term kill-old-delay \
    deploy-attempts auto-restart-interval backoff envdir pid-file status-file log-file; do
    attempt "$TASUKI" "--$option"
    equal "$option $STATUS_CODE $(wc -l <"$DIR/stderr")" "$option 2 1"
    has "$DIR/stderr" "--$option: expected "
  done
}

@test "a value where none belongs is refused" {
  local option
  for option in daemonize restart stop help version; do
    refused "--$option: expected no value" "--$option=1"
  done
}

@test "each option that makes sense once only is refused the second time" {
  local option
  for option in backlog=1 dir=/ interval=1 signal-on-hup=TERM signal-on-term=TERM kill-old-delay=1 \
    deploy-attempts=1 enable-auto-restart=yes auto-restart-interval=1 backoff=yes "envdir=$DIR" \
    "pid-file=$DIR/place/pid" "status-file=$DIR/place/status" "log-file=$DIR/place/log" daemonize \
    restart stop; do
    refused "--${option%%=*}: given twice" "--$option" "--$option"
  done
}

@test "an unknown option is refused" {
  local option
  for option in --nope --nope=1 --ports=80 -x -Q5 --PORT=80 --no-backoff; do
    refused "^tasuki: $option: unknown option" "$option"
  done
}

@test "an unknown option is refused with the nearest that there is" {
  refused '^tasuki: --prot=80: unknown option; did you mean --port[?]$' --prot=80
  refused '^tasuki: --log_file=x: unknown option; did you mean --log-file[?]$' --log_file=x
  refused '^tasuki: --stat-file=x: unknown option; did you mean --status-file[?]$' --stat-file=x
}

@test "an abbreviation of more than one option is refused, and they are named" {
  refused '^tasuki: --log is ambiguous: --log-file, --log-level, --log-format$' --log=x
  refused '^tasuki: --st is ambiguous: --start-limit, --stop-timeout, --stdin, --status-file, --stop$' --st
  refused '^tasuki: --signal-on is ambiguous: --signal-on-hup, --signal-on-term$' --signal-on=TERM
  refused '^tasuki: --p is ambiguous: --port, --path, ' -p
}

@test "--restart together with --stop is refused" {
  refused '--restart and --stop' --restart --stop
  refused '--restart and --stop' --stop --restart
}

@test "--restart and --stop without the files that they need are refused" {
  attempt "$TASUKI" --restart --pid-file="$PID_FILE"
  equal "$STATUS_CODE" 2
  has "$DIR/stderr" '--restart needs --pid-file and --status-file'
  attempt "$TASUKI" --restart --status-file="$STATUS_FILE"
  equal "$STATUS_CODE" 2
  attempt "$TASUKI" --stop
  equal "$STATUS_CODE" 2
  has "$DIR/stderr" '--stop needs --pid-file'
}

@test "--daemonize without --log-file is refused" {
  attempt "$TASUKI" --daemonize --path="$SOCKET" --pid-file="$PID_FILE" -- "$HELLO"
  equal "$STATUS_CODE" 2
  has "$DIR/stderr" '--daemonize needs --log-file'
  nothing_left
}

@test "no command, or an empty one, is refused" {
  local command
  for command in '' '--' 'run' 'run --'; do
    # shellcheck disable=SC2086 # words
    attempt "$TASUKI" $command
    equal "$STATUS_CODE $(wc -l <"$DIR/stderr")" "2 1"
    has "$DIR/stderr" 'missing command; usage: tasuki \[OPTIONS\] -- COMMAND'
  done
  attempt "$TASUKI" --path="$SOCKET" -- ''
  equal "$STATUS_CODE" 2
  absent "$SOCKET"
}

@test "a refusal stays one line, whatever the value holds" {
  refused '--interval: expected a duration' --interval=$'1\n2'
  refused '--port: expected ' --port=$'80\n\n81'
  refused '--interval: expected a duration' "--interval=$(printf 'x%.0s' {1..10000})"
  refused 'unknown option' --no$'\n'such
}

@test "start_server refuses in the same way, under its own name" {
  PROGRAM=$START_SERVER
  refused '^start_server: --interval: expected a duration' --interval=x
  refused '^start_server: --nope: unknown option' --nope
}

@test "a variable that makes no sense is refused like the option of its name" {
  export KILL_OLD_DELAY=soon
  refused 'KILL_OLD_DELAY: expected a duration'
  unset KILL_OLD_DELAY
  export AUTO_RESTART_INTERVAL=-5
  refused 'AUTO_RESTART_INTERVAL: expected a duration'
}

@test "a variable in the envdir that makes no sense is refused at the first start" {
  mkdir "$DIR/env"
  echo 5x >"$DIR/env/KILL_OLD_DELAY"
  refused 'KILL_OLD_DELAY: expected a duration' --envdir="$DIR/env"
}

@test "an option overrides a variable that makes no sense" {
  export KILL_OLD_DELAY=soon
  supervise --interval=0 --kill-old-delay=0
  wait_serving 1
}

# --- what is accepted ---

@test "a value follows its option after = or as the next word" {
  start "$TASUKI" --path "$SOCKET" --pid-file "$PID_FILE" --status-file="$STATUS_FILE" \
    --interval 0.1 --backlog 5 --signal-on-hup USR1 --kill-old-delay=0 -- "$HELLO"
  SUPERVISOR=$PID
  wait_serving 1
  stop_service
  equal "$STATUS_CODE" 0
}

@test "an option can be abbreviated as long as it is clear" {
  supervise --int=0.1 --backl=5 --dep=1
  wait_serving 1
}

@test "durations are seconds, with a fraction or a unit" {
  local duration
  for duration in 0 0.2 .2 2. 300ms 2s 2m 2min 1h 1d 366d; do
    attempt "$TASUKI" --interval="$duration" --kill-old-delay="$duration" --help
    equal "$duration $STATUS_CODE" "$duration 0"
  done
  supervise --interval=300ms --kill-old-delay=2m
  wait_serving 1
  kill -HUP "$SUPERVISOR"
  wait_until log_has 'signalling older workers in 120 s'
}

@test "a signal is given with or without SIG, in any case, or by its number" {
  local signal
  for signal in TERM SIGTERM term sigterm SigTerm 15 USR1 winch RTMIN RTMIN+3 SIGRTMAX-1 rtmax; do
    attempt "$TASUKI" --signal-on-hup="$signal" --signal-on-term="$signal" --help
    equal "$signal $STATUS_CODE" "$signal 0"
  done
}

@test "the signals are the ones that workers get" {
  make_worker worker <<END
#!/bin/sh
trap 'echo "\$SERVER_STARTER_GENERATION usr1" >>"$DIR/signals"; exit' USR1
trap 'echo "\$SERVER_STARTER_GENERATION winch" >>"$DIR/signals"; exit' WINCH
: >"$DIR/up.\$SERVER_STARTER_GENERATION"
while :; do sleep 0.05; done
END
  WORKER=("$DIR/worker")
  supervise --interval=0 --signal-on-hup=sigusr1 --signal-on-term=Winch
  wait_until test -e "$DIR/up.1"
  kill -HUP "$SUPERVISOR"
  wait_until test -e "$DIR/up.2"
  wait_until status_is 2
  stop_service
  equal "$(cat "$DIR/signals")" "$(printf '1 usr1\n2 winch')"
}

@test "tasuki run is tasuki" {
  start "$TASUKI" run --path="$SOCKET" --status-file="$STATUS_FILE" --interval=0.1 -- "$HELLO"
  wait_serving 1
}

@test "run is a word of tasuki's only: to start_server it is a command" {
  attempt "$START_SERVER" run
  equal "$STATUS_CODE" 127
  has "$DIR/stderr" 'cannot execute run: not found'
}

@test "after -- everything is the command's, options and run included" {
  make_worker worker <<END
#!/bin/sh
printf '%s|' "\$@" >"$DIR/arguments.new"
mv "$DIR/arguments.new" "$DIR/arguments"
exec sleep 1000
END
  start "$TASUKI" --interval=0 -- "$DIR/worker" --port=1 '' 'a b' -- run --help
  wait_until test -e "$DIR/arguments"
  equal "$(cat "$DIR/arguments")" '--port=1||a b|--|run|--help|'
}

@test "--help exits with 0 and tells of every option, under either name" {
  local program name
  for program in "$TASUKI" "$START_SERVER"; do
    attempt "$program" --help
    equal "$STATUS_CODE" 0
    equal "$(cat "$DIR/stderr")" ""
    for name in port path backlog dir interval signal-on-hup signal-on-term kill-old-delay \
      deploy-attempts enable-auto-restart auto-restart-interval backoff envdir pid-file \
      status-file log-file daemonize restart stop help version; do
      has "$DIR/stdout" "^ *--$name([ =[]|\$)"
    done
    has "$DIR/stdout" "^Usage: $(basename "$program") "
    for name in HUP TERM INT QUIT USR1; do
      has "$DIR/stdout" "$name"
    done
  done
}

@test "every option that --help tells of is an option" {
  local option
  "$TASUKI" --help | sed -n 's/^ *--\([a-z-]*\).*/\1/p' >"$DIR/told"
  [ "$(wc -l <"$DIR/told")" -ge 21 ]
  while read -r option; do
    attempt "$TASUKI" "--$option="
    lacks "$DIR/stderr" 'unknown option|is ambiguous'
  done <"$DIR/told"
}

@test "the help of either name has its own defaults" {
  local attempts='[(]default:[[:space:]]+'
  "$TASUKI" --help | tr -s ' \n' '  ' >"$DIR/tasuki.help"
  "$START_SERVER" --help | tr -s ' \n' '  ' >"$DIR/start_server.help"
  has "$DIR/tasuki.help" "--deploy-attempts=N [^(]*${attempts}1[)]"
  has "$DIR/start_server.help" "--deploy-attempts=N [^(]*${attempts}0[)]"
}

@test "--help and --version fail when they cannot be written" {
  local option
  for option in --help --version; do
    STATUS_CODE=0
    "$TASUKI" "$option" >/dev/full 2>&1 || STATUS_CODE=$?
    equal "$option $STATUS_CODE" "$option 1"
  done
}

@test "--version exits with 0 and says the version" {
  attempt "$TASUKI" --version
  equal "$STATUS_CODE" 0
  has "$DIR/stdout" '^tasuki [0-9]+\.[0-9]+\.[0-9]+$'
  equal "$(wc -l <"$DIR/stdout")" 1
}

@test "--help and --version start nothing and touch nothing" {
  local option
  for option in --help --version; do
    attempt "$TASUKI" "$option" --path="$SOCKET" --pid-file="$PID_FILE" \
      --status-file="$STATUS_FILE" --log-file="$DIR/logfile" -- touch "$DIR/started"
    equal "$STATUS_CODE" 0
    absent "$SOCKET" "$PID_FILE" "$STATUS_FILE" "$DIR/logfile" "$DIR/started"
  done
}

@test "the options that variables name reach the worker under these names" {
  supervise --interval=0 --kill-old-delay=1.5 --auto-restart-interval=2m --enable-auto-restart
  wait_serving 1
  equal "$(environment_of 1 KILL_OLD_DELAY)" 1.5
  equal "$(environment_of 1 AUTO_RESTART_INTERVAL)" 2m
  equal "$(environment_of 1 ENABLE_AUTO_RESTART)" 1
}
