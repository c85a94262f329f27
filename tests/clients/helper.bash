# shellcheck shell=bash disable=SC2034 # the variables are for the tests
#
# For the tests of the client commands: supervisors that play a script (tests/tools/fake_supervisor.c).
# shellcheck source=SCRIPTDIR/../helpers.bash
source "$(dirname "${BASH_SOURCE[0]}")/../helpers.bash"

# fake NAME: starts a fake supervisor of that name with the script on standard input, and waits until
# it listens. Its pid is in $PID, what it was asked in $BATS_TEST_TMPDIR/NAME.requests.
fake() {
  cat >"$BATS_TEST_TMPDIR/$1.script"
  start_logged "$BATS_TEST_TMPDIR/$1.requests" \
    "$TOOLS/fake_supervisor" "$TASUKI_RUNTIME_DIR/$1.sock" "$BATS_TEST_TMPDIR/$1.script"
  wait_until test -S "$TASUKI_RUNTIME_DIR/$1.sock"
}

# asked NAME REQUEST: true when that supervisor has been asked this.
asked() {
  grep -Fxq -- "$2" "$BATS_TEST_TMPDIR/$1.requests"
}

# stale NAME: a socket that nobody listens on.
stale() {
  perl -MIO::Socket::UNIX -e 'IO::Socket::UNIX->new(Type => SOCK_STREAM, Local => $ARGV[0]) or die' \
    "$TASUKI_RUNTIME_DIR/$1.sock"
}

# on_terminal COLUMNS COMMAND: runs it on a terminal of that width; what it writes there is on standard
# output, its exit status is kept.
on_terminal() {
  TERM=xterm script --quiet --return --command "stty cols $1; exec $2" /dev/null </dev/null
}

# screen: what is left to be seen of standard input after carriage returns and erased lines.
screen() {
  sed -e 's/\r$//' -e 's/.*\r\x1b\[K//'
}

# widest: the number of columns of the widest line of standard input.
widest() {
  wc --max-line-length
}

# The lines of a deploy that succeeds, and of one that fails, for a script.
deploy_begins='{"event":"deploy-started","time":"@0","deploy":3,"cause":"request"}
{"event":"spawned","time":"@0","generation":4,"pid":1234}
{"event":"worker-status","time":"@0","generation":4,"pid":1234,"text":"loading models"}'
deploy_succeeds='{"event":"ready","time":"@0","generation":4,"pid":1234,"seconds":0.8}
{"event":"retiring","time":"@0","generation":4,"seconds":0}
{"event":"signalled","time":"@0","generation":3,"pid":1100,"signal":"TERM"}
{"event":"draining","time":"@0","generation":3,"pid":1100,"connections":12}
{"event":"left","time":"@0","generation":3,"pid":1100,"exit_status":0}
{"event":"deploy-succeeded","time":"@0","deploy":3,"generation":4}
{"result":"succeeded","deploy":3,"generation":4,"seconds":1.9}'
deploy_fails='{"event":"start-failed","time":"@0","generation":4,"pid":1234,"exit_status":1}
{"event":"deploy-failed","time":"@0","deploy":3,"reason":"the new worker died before it was ready"}'
status_of_app='{"status":{"name":"app","pid":1200,"version":"0.1.0","command":["./app","--config","app.conf"],
"started":"@-260000","state":"serving","generations":[
{"number":3,"state":"stopping","pid":1100,"current":false,"started":"@-7300","ready_after":1.1,"text":null,"memory":62914560,"connections":3},
{"number":4,"state":"serving","pid":1234,"current":true,"started":"@-190","ready_after":0.8123,"text":"12 \u001b[31mclients","memory":47185920,"connections":12}],
"listeners":[{"name":"127.0.0.1:8080","type":"tcp","fd":3,"waiting":2,"backlog":4096,"connections":15},
{"name":"127.0.0.1:53","type":"udp","fd":4,"waiting":null,"backlog":null,"connections":null}],
"deploy":null,"deploys":[
{"id":3,"cause":"request","started":"@-191","seconds":1.9,"outcome":"succeeded","reason":null,"generation":4},
{"id":2,"cause":"time","started":"@-7300","seconds":60.2,"outcome":"failed","reason":"the new worker died before it was ready, in each of the attempts that it had","generation":null}]}}
{"result":"ok"}'
status_of_app=${status_of_app//$',\n'/,}
status_of_app=${status_of_app//$'[\n'/[}
