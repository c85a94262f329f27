/*
 * Every option, once:
 *
 *   OPTION(identifier, section, name, argument, value, repeatable, start_server default,
 *          tasuki default, help)
 *
 * `section` is the one of a configuration file that the option is a key of, NULL for the command
 * line alone; `argument` is NONE, REQUIRED or OPTIONAL, `value` what --help calls it. A default is
 * text, as a user would write it; NULL where there is none. The identifier's function
 * set_IDENTIFIER in option_value.c takes the value. Included where a table of the options is
 * needed.
 */
OPTION(port, "listen", "port", REQUIRED, "ADDRESS", true, NULL, NULL,
       "listen on PORT, HOST:PORT, [IPV6]:PORT, or *:PORT for both families; u before the port: "
       "UDP; port 0: any free one; =FD behind it: the descriptor that the worker gets; socket "
       "options may follow, see below; may be repeated")
OPTION(path, "listen", "path", REQUIRED, "PATH", true, NULL, NULL,
       "listen on a unix socket; @NAME: on an abstract one; socket options may follow, see below; "
       "may be repeated")
OPTION(backlog, "listen", "backlog", REQUIRED, "N", false, "0", "0",
       "length of the queue of connections not yet accepted, where a socket asks for none of its "
       "own; 0: the system's SOMAXCONN")
OPTION(inherit, "listen", "inherit", REQUIRED, "LIST", false, "server-starter",
       "server-starter,systemd",
       "how the workers are told of their sockets: server-starter, systemd (LISTEN_FDS), nginx "
       "(NGINX), einhorn (EINHORN_FD_COUNT), unicorn (UNICORN_FD), php-fpm (FPM_SOCKETS), with "
       "commas between them, or none")
OPTION(adopt, "listen", "adopt", REQUIRED, "on|off|auto", false, "off", "auto",
       "a server that binds one of these addresses by itself gets the socket that is held; on: or "
       "refuse to start; auto: where that can be done")
OPTION(dir, "worker", "dir", REQUIRED, "DIRECTORY", false, NULL, NULL,
       "start the command in this directory")
OPTION(interval, "deploy", "interval", REQUIRED, "DURATION", false, "1", "1",
       "a worker that has lived this long is ready; also the least time between two starts of one "
       "that dies")
OPTION(signal_on_hup, "deploy", "signal-on-hup", REQUIRED, "SIGNAL", false, "TERM", "TERM",
       "what an older generation gets when a new one has taken over")
OPTION(signal_on_term, "deploy", "signal-on-term", REQUIRED, "SIGNAL", false, "TERM", "TERM",
       "what the workers get when the supervisor gets TERM")
OPTION(kill_old_delay, "deploy", "kill-old-delay", REQUIRED, "DURATION", false, NULL, NULL,
       "time between the new generation's being ready and the signal to the older ones; 0, but 5 "
       "with automatic restarts (variable: KILL_OLD_DELAY)")
OPTION(ready, "deploy", "ready", REQUIRED, "MODE", false, "delay", "auto",
       "when a worker is ready: delay (it has lived for --interval), notify (it says READY=1 to "
       "NOTIFY_SOCKET), listen (it listens on an adopted socket), fd:N (it writes a newline to "
       "descriptor N), exec:COMMAND (the probe exits 0), auto (it says so or listens where the one "
       "before did, else by --interval)")
OPTION(ready_timeout, "deploy", "ready-timeout", REQUIRED, "DURATION", false, "60", "60",
       "a worker that is not ready by then has failed; 0: wait without end")
OPTION(ready_interval, "deploy", "ready-interval", REQUIRED, "DURATION", false, "1", "1",
       "longest pause between two runs of the probe of --ready=exec:; the first are shorter")
OPTION(check, "deploy", "check", REQUIRED, "COMMAND", false, NULL, NULL,
       "run this before a deploy starts anything; unless it exits 0, the deploy fails")
OPTION(check_timeout, "deploy", "check-timeout", REQUIRED, "DURATION", false, "60", "60",
       "a check, or a probe, that takes longer is killed and counts as failed")
OPTION(probation, "deploy", "probation", REQUIRED, "DURATION", false, "0", "0",
       "a new generation must live this long after it is ready before the older ones are "
       "signalled; if it dies or hangs, the older one is current again")
OPTION(deploy_attempts, "deploy", "deploy-attempts", REQUIRED, "N", false, "0", "1",
       "how many new generations a deploy tries before it has failed; 0: without end")
OPTION(kill_timeout, "deploy", "kill-timeout", REQUIRED, "DURATION", false, "0", "0",
       "a worker that has not left so long after it was told to is killed; 0: never")
OPTION(kill_mode, "deploy", "kill-mode", REQUIRED, "process|group", false, "process", "process",
       "what is killed then: the worker, or its whole process group, which it then has to itself, "
       "and what is left of the group when the worker has ended")
OPTION(max_old, "deploy", "max-old", REQUIRED, "N", false, "0", "0",
       "when more than N older generations linger, the oldest is killed; 0: no limit")
OPTION(start_limit, "deploy", "start-limit", REQUIRED, "N/DURATION", false, NULL, NULL,
       "give up, with exit status 10, when the worker has died N times within DURATION")
OPTION(stop_timeout, "deploy", "stop-timeout", REQUIRED, "DURATION", false, "0", "0",
       "kill who is left so long after a stop has begun; 0: never. To be less than what a "
       "container's runtime gives")
OPTION(exit_with_worker, "service", "exit-with-worker", OPTIONAL, "yes|no", false, NULL, NULL,
       "when the worker ends by itself, end with its exit status, or 128+N for signal N, instead "
       "of starting another")
OPTION(forward, "service", "forward", REQUIRED, "SIGNAL,...", false, "USR2,WINCH", "USR2,WINCH",
       "signals that are handed on to the current worker; none: none")
OPTION(watchdog, "deploy", "watchdog", REQUIRED, "DURATION", false, "0", "0",
       "replace a worker that has not said WATCHDOG=1 to NOTIFY_SOCKET for so long; 0: off")
OPTION(restart_on_change, "deploy", "restart-on-change", REQUIRED, "PATH", true, NULL, NULL,
       "deploy when this file, or a file in this directory, has changed; may be repeated")
OPTION(enable_auto_restart, "deploy", "enable-auto-restart", OPTIONAL, "yes|no", false, NULL, NULL,
       "deploy by time (variable: ENABLE_AUTO_RESTART)")
OPTION(auto_restart_interval, "deploy", "auto-restart-interval", REQUIRED, "DURATION", false, NULL,
       NULL, "how often, 360 unless given (variable: AUTO_RESTART_INTERVAL)")
OPTION(backoff, "deploy", "backoff", REQUIRED, "yes|no", false, "no", "yes",
       "let the pauses between starts of a worker that keeps dying double, up to 30 s")
OPTION(envdir, "worker", "envdir", REQUIRED, "DIRECTORY", false, NULL, NULL,
       "a directory of variables for the workers, a file each, read at every start (variable: "
       "ENVDIR)")
OPTION(user, "worker", "user", REQUIRED, "USER", false, NULL, NULL,
       "the workers' user, by name or number, with its groups; the supervisor stays what it is")
OPTION(group, "worker", "group", REQUIRED, "GROUP", false, NULL, NULL,
       "the workers' group, by name or number; the user's own unless given")
OPTION(supplementary_groups, "worker", "supplementary-groups", REQUIRED, "LIST", false, NULL, NULL,
       "exactly these groups besides, with commas between them; nothing: none")
OPTION(umask, "worker", "umask", REQUIRED, "MASK", false, NULL, NULL,
       "the workers' file mode creation mask, octal")
OPTION(limit_nofile, "worker", "limit-nofile", REQUIRED, "LIMIT", false, NULL, NULL,
       "how many files a worker may have open: N, SOFT:HARD, or infinity")
OPTION(limit_core, "worker", "limit-core", REQUIRED, "LIMIT", false, NULL, NULL,
       "the size of a worker's core dump in bytes: N, SOFT:HARD, or infinity")
OPTION(nice, "worker", "nice", REQUIRED, "N", false, NULL, NULL,
       "the workers' nice value, -20 to 19")
OPTION(oom_score_adj, "worker", "oom-score-adj", REQUIRED, "N", false, NULL, NULL,
       "how readily the kernel kills a worker when memory runs out, -1000 to 1000")
OPTION(no_new_privileges, "worker", "no-new-privileges", OPTIONAL, "yes|no", false, NULL, NULL,
       "nothing that a worker executes gains rights, setuid programs included")
OPTION(parent_death_signal, "worker", "parent-death-signal", REQUIRED, "SIGNAL", false, NULL, NULL,
       "what the workers get when the supervisor dies, however that happens")
OPTION(environment, "worker", "environment", REQUIRED, "NAME=VALUE", true, NULL, NULL,
       "a variable of the workers; may be repeated")
OPTION(clear_environment, "worker", "clear-environment", OPTIONAL, "yes|no", false, NULL, NULL,
       "hand nothing of the supervisor's own environment on, but a PATH")
OPTION(stdin, "worker", "stdin", REQUIRED, "null|inherit|FILE", false, NULL, NULL,
       "the workers' standard input; the supervisor's unless given")
OPTION(pid_file, "service", "pid-file", REQUIRED, "FILE", false, NULL, NULL,
       "write the supervisor's pid here and keep the file locked")
OPTION(status_file, "service", "status-file", REQUIRED, "FILE", false, NULL, NULL,
       "keep the generations and their pids here, GENERATION:PID a line")
OPTION(log_file, "log", "log-file", REQUIRED, "FILE", false, NULL, NULL,
       "append standard output and error to FILE, or pipe them to a command: \"| COMMAND\"")
OPTION(log_level, "log", "log-level", REQUIRED, "error|warning|info|debug", false, "info", "info",
       "which lines the supervisor writes: those of this level and the more urgent ones")
OPTION(log_format, "log", "log-format", REQUIRED, "text|json", false, "text", "text",
       "how the supervisor's lines look; json: an object a line")
OPTION(syslog, "log", "syslog", OPTIONAL, "FACILITY", false, NULL, NULL,
       "send the supervisor's lines to syslog, not to standard error; as daemon unless given")
OPTION(syslog_tag, "log", "syslog-tag", REQUIRED, "TAG", false, NULL, NULL,
       "the name that they have there (needs --syslog); the program's unless given")
OPTION(capture, "log", "capture", REQUIRED, "on|off|auto", false, "off", "auto",
       "copy the workers' output through the supervisor, so that a failed worker's last words "
       "can always be shown; auto: only as PID 1")
OPTION(on_event, "service", "on-event", REQUIRED, "COMMAND", false, NULL, NULL,
       "run this for each event, with its facts in TASUKI_ variables")
OPTION(name, "service", "name", REQUIRED, "NAME", false, NULL, NULL,
       "the service's name for its control socket; the command's base name unless given")
OPTION(control, "service", "control", REQUIRED, "PATH|off", false, "off", NULL,
       "the control socket; unless given, NAME.sock in /run/tasuki or $XDG_RUNTIME_DIR/tasuki")
OPTION(daemonize, "service", "daemonize", NONE, NULL, false, NULL, NULL,
       "go into the background (needs --log-file)")
OPTION(config, NULL, "config", REQUIRED, "FILE", false, NULL, NULL,
       "read the options from FILE, and at each deploy again, see tasuki.ini(5); what the command "
       "line says goes before it")
OPTION(restart, NULL, "restart", NONE, NULL, false, NULL, NULL,
       "deploy, and wait until only the new generation is left (needs --pid-file, --status-file)")
OPTION(stop, NULL, "stop", NONE, NULL, false, NULL, NULL,
       "stop the supervisor, and wait until it has ended (needs --pid-file)")
OPTION(help, NULL, "help", NONE, NULL, false, NULL, NULL, "show this help")
OPTION(version, NULL, "version", NONE, NULL, false, NULL, NULL, "show the version")
