#!/usr/bin/env bats
# A deploy reads the file again, and what is wrong with it is the deploy's failure.

load helper

@test "the next generation gets what the file says now: command, environment, directory" {
  mkdir other
  web '[service]' "$(speaker one)" '[deploy]' 'interval = 0'
  supervise
  wait_until says "one  $DIR"
  web '[service]' "$(speaker two)" '[deploy]' 'interval = 0' '[worker]' "dir = $DIR/other" \
    'environment = GREETING=hello'
  deploy_succeeds
  wait_until says "two hello $DIR/other"
  [ "$("$TASUKI" status --json web | jq -r '.command[-1]')" = two ]
  stop_supervisor 0
}

@test "the timeouts and the way to be ready are the new file's" {
  web '[service]' 'command = sleep 1000' '[deploy]' 'interval = 0'
  supervise
  web '[service]' 'command = sleep 1000' '[deploy]' 'ready = notify' 'ready-timeout = 200ms'
  deploy_fails
  contains "$output" 'was not ready in time'
  web '[service]' "command = sh -c 'systemd-notify --ready && exec sleep 1000'" \
    '[deploy]' 'ready = notify' 'ready-timeout = 30'
  deploy_succeeds
  stop_supervisor 0
}

@test "a file that no longer parses fails the deploy with file, line and reason, every one" {
  web '[service]' "$(speaker one)" '[deploy]' 'interval = 0'
  supervise
  old=$(current)
  web '[service]' "$(speaker two)" '[depoly]' 'interval = x' '[deploy]' 'interval = x'
  deploy_fails
  contains "$output" 'the configuration file cannot be used' \
    'web.ini:3: unknown section \[depoly\]; did you mean \[deploy\]\?' \
    'web.ini:6: interval: expected a duration' 'generation 1 is still serving'
  log_has 'error: web.ini:3: unknown section'
  log_has 'error: web.ini:6: interval'
  [ "$(current)" = "$old" ]
  [ "$("$TASUKI" status --json web | jq -r '.deploys[0].reason')" = 'the configuration file cannot be used' ]
  rm web.ini
  deploy_fails
  contains "$output" 'cannot open web.ini: No such file or directory'
  stop_supervisor 0
}

@test "what parses but makes no sense fails the deploy as well" {
  web '[service]' "$(speaker one)" '[deploy]' 'interval = 0'
  supervise
  web '[service]' "$(speaker two)" '[deploy]' 'interval = 0' '[worker]' 'user = nobody-of-this-name'
  deploy_fails
  contains "$output" 'nobody-of-this-name' 'generation 1 is still serving'
  web '[service]' '[deploy]' 'interval = 0'
  deploy_fails
  contains "$output" 'missing command; usage: '
  stop_supervisor 0
}

@test "a crash brings back what served, whatever the file says by now" {
  web '[service]' "$(speaker one)" '[deploy]' 'interval = 0'
  supervise
  wait_until says "one  $DIR"
  web '[service]' "$(speaker two)" '[deploy]' 'interval = 0'
  kill -KILL "$(current)"
  wait_until says "one  $DIR" 2
  web 'rubbish'
  kill -KILL "$(current)"
  wait_until says "one  $DIR" 3
  says "two  $DIR" 0
  stop_supervisor 0
}

@test "after a deploy that failed, a crash brings back what served before it" {
  web '[service]' "$(speaker one)" '[deploy]' 'interval = 0'
  supervise
  wait_until says "one  $DIR"
  web '[service]' 'command = false' '[deploy]' 'interval = 1' 'start-limit = 1/60'
  deploy_fails
  kill -KILL "$(current)"
  wait_until says "one  $DIR" 2
  stop_supervisor 0
}

@test "a check runs on what the file says now, and only if that can be used" {
  web '[service]' "$(speaker one)" '[deploy]' 'interval = 0'
  supervise
  web '[service]' "$(speaker two)" '[deploy]' 'interval = 0' 'check = echo ran >>checks'
  deploy_succeeds
  [ "$(wc -l <checks)" -eq 1 ]
  web '[service]' "$(speaker two)" '[deploy]' 'intervall = 0' 'check = echo ran >>checks'
  deploy_fails
  [ "$(wc -l <checks)" -eq 1 ]
  web '[service]' "$(speaker three)" '[deploy]' 'interval = 0' 'check = echo no such thing && exit 3'
  deploy_fails
  contains "$output" 'the check failed' 'no such thing'
  web '[service]' "$(speaker four)" '[deploy]' 'interval = 0'
  deploy_succeeds
  wait_until says "four  $DIR"
  stop_supervisor 0
}

@test "a second request during a deploy has the file read once more" {
  web '[service]' "$(speaker one)" '[deploy]' 'interval = 0'
  supervise
  mkfifo gate
  web '[service]' "$(speaker two)" '[deploy]' 'interval = 0' 'check = echo in >>checks && read x <gate'
  kill -HUP "$SUPERVISOR"
  wait_until test -s checks
  web '[service]' "$(speaker three)" '[deploy]' 'interval = 0'
  kill -HUP "$SUPERVISOR"
  wait_until log_has 'deploy [0-9]+ is queued'
  echo go >gate
  wait_until says "three  $DIR"
  wait_until log_has 'deploy 2 succeeded: only generation 3 is running'
  stop_supervisor 0
}

@test "a request between two attempts has the file read once more" {
  web '[service]' "$(speaker one)" '[deploy]' 'interval = 0' 'deploy-attempts = 0'
  supervise
  web '[service]' 'command = false' '[deploy]' 'interval = 60' 'deploy-attempts = 0'
  kill -HUP "$SUPERVISOR"
  wait_until log_has 'restarting in'
  web '[service]' "$(speaker two)" '[deploy]' 'interval = 0'
  deploy_succeeds
  wait_until says "two  $DIR"
  stop_supervisor 0
}

@test "a stop during a deploy ends all of it" {
  port=$(free_port)
  web '[service]' "$(speaker one)" '[deploy]' 'interval = 0'
  supervise
  web '[service]' "$(speaker two)" '[listen]' "port = 127.0.0.1:$port" '[deploy]' 'check = echo >in; sleep 1000'
  kill -HUP "$SUPERVISOR"
  wait_until test -e in
  stop_supervisor 0
  run ss --listening --tcp --no-header "sport = :$port"
  [ -z "$output" ]
}

@test "what a running supervisor cannot change is told in one line" {
  web '[service]' "$(speaker one)" '[deploy]' 'interval = 0'
  supervise
  web '[service]' "$(speaker two)" 'pid-file = web.pid' '[log]' 'log-level = debug' '[deploy]' 'interval = 0'
  deploy_succeeds
  [ "$(grep -c 'take effect after a stop and start: log-level, pid-file$' "$LOG")" -eq 1 ] ||
    [ "$(grep -c 'take effect after a stop and start: pid-file, log-level$' "$LOG")" -eq 1 ]
  [ ! -e web.pid ]
  stop_supervisor 0
}

@test "a restart names its supervisor by the file" {
  web '[service]' "$(speaker one)" '[deploy]' 'interval = 0'
  supervise
  "$TASUKI" restart --config web.ini
  "$TASUKI" status --config "$DIR/web.ini"
  web '[service]' 'rubbish'
  run "$TASUKI" restart --config web.ini
  [ "$status" -eq 1 ]
  contains "$output" 'web.ini:2: expected KEY = VALUE'
  "$TASUKI" stop --config web.ini
  ended "$SUPERVISOR"
  [ "$STATUS_CODE" -eq 0 ]
}
