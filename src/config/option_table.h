/*
 * Every option of a start, once:
 *
 *   OPTION(identifier, name, section, value, start_server default, tasuki default, help,
 *          what takes the value)
 *
 * `section` is the one of a configuration file that the option is a key of, NULL for the command
 * line alone; `value` is what --help calls its value, NULL for an option without one. A default is
 * text, as a user would write it; NULL: none. The last column is the kind of the value and its field
 * in struct options (options.c has the macros, option.h the kinds), and may end in more members of
 * struct option. Included where a table of the options is needed.
 */
OPTION(port, "port", "listen", "ADDRESS", NULL, NULL,
       "listen on PORT, HOST:PORT, [IPV6]:PORT, or *:PORT for both families; uPORT: UDP; port 0: "
       "any free port; PORT=FD: the descriptor in the worker; socket options may follow, see "
       "below; may be repeated",
       SPECIAL(set_port), .is_repeatable = true)
OPTION(path, "path", "listen", "PATH", NULL, NULL,
       "listen on a unix socket; @NAME: an abstract one; socket options may follow, see below; "
       "may be repeated",
       SPECIAL(set_path), .is_repeatable = true)
OPTION(backlog, "backlog", "listen", "N", "0", "0",
       "queue length for connections that are not accepted yet; a socket's own backlog overrides "
       "it; 0: the system's SOMAXCONN",
       NUMBER(backlog, 0, INT32_MAX))
OPTION(inherit, "inherit", "listen", "LIST", "server-starter", "server-starter,systemd",
       "how tasuki tells workers about their sockets: server-starter, systemd (LISTEN_FDS), nginx "
       "(NGINX), einhorn (EINHORN_FD_COUNT), unicorn (UNICORN_FD), php-fpm (FPM_SOCKETS), several "
       "separated by commas, or none",
       SPECIAL(set_inherit))
OPTION(adopt, "adopt", "listen", "on|off|auto", "off", "auto",
       "give tasuki's socket to a server that binds one of these addresses itself; on: refuse to "
       "start where that is impossible; auto: adopt where possible",
       CHOICE(adopt))
OPTION(dir, "dir", "worker", "DIRECTORY", NULL, NULL,
       "run the command in this directory",
       TEXT(directory))
OPTION(interval, "interval", "deploy", "DURATION", "1", "1",
       "a worker that has run this long is ready; also the shortest time between two starts",
       DURATION(interval_ms))
OPTION(signal_on_hup, "signal-on-hup", "deploy", "SIGNAL", "TERM", "TERM",
       "signal for the old workers when a new generation is ready",
       SIGNAL(signal_on_hup))
OPTION(signal_on_term, "signal-on-term", "deploy", "SIGNAL", "TERM", "TERM",
       "signal for the workers when the supervisor gets TERM",
       SIGNAL(signal_on_term))
OPTION(kill_old_delay, "kill-old-delay", "deploy", "DURATION", NULL, NULL,
       "time from a new generation's readiness to the signal for the old workers; 0, or 5 with "
       "automatic restarts (variable: KILL_OLD_DELAY)",
       TEXT(kill_old_delay), .check = check_duration)
OPTION(ready, "ready", "deploy", "MODE", "delay", "auto",
       "when a worker is ready: delay (it has run for --interval), notify (it sends READY=1 to "
       "NOTIFY_SOCKET), listen (it listens on an adopted socket), fd:N (it writes a newline to "
       "descriptor N), exec:COMMAND (the probe exits with 0), auto (the same way as the previous "
       "worker: by READY=1, by listening or by --interval)",
       SPECIAL(set_ready))
OPTION(ready_timeout, "ready-timeout", "deploy", "DURATION", "60", "60",
       "a worker that is not ready after this time has failed; 0: no limit",
       DURATION(ready_timeout_ms))
OPTION(ready_interval, "ready-interval", "deploy", "DURATION", "1", "1",
       "longest pause between two runs of the --ready=exec: probe; the first pauses are shorter",
       DURATION(ready_interval_ms))
OPTION(check, "check", "deploy", "COMMAND", NULL, NULL,
       "run this command before a deploy starts anything; unless it exits with 0, the deploy "
       "fails",
       TEXT(check))
OPTION(check_timeout, "check-timeout", "deploy", "DURATION", "60", "60",
       "kill a check or a probe that runs longer; it has failed",
       DURATION(check_timeout_ms))
OPTION(probation, "probation", "deploy", "DURATION", "0", "0",
       "a new generation must run this long after it is ready before the old workers are "
       "signalled; if it dies or hangs, the old generation is current again",
       DURATION(probation_ms))
OPTION(deploy_attempts, "deploy-attempts", "deploy", "N", "0", "1",
       "how many new generations a deploy tries before it fails; 0: no limit",
       NUMBER(deploy_attempts, 0, INT32_MAX))
OPTION(kill_timeout, "kill-timeout", "deploy", "DURATION", "0", "0",
       "kill a worker that is still running this long after its signal; 0: never",
       DURATION(kill_timeout_ms))
OPTION(kill_mode, "kill-mode", "deploy", "process|group", "process", "process",
       "what to kill then: the worker, or its process group; with group, each worker has a "
       "process group of its own, and the rest of the group dies with it",
       SPECIAL(set_kill_mode))
OPTION(max_old, "max-old", "deploy", "N", "0", "0",
       "kill the oldest when more than N old generations are running; 0: no limit",
       NUMBER(max_old, 0, INT32_MAX))
OPTION(start_limit, "start-limit", "deploy", "N/DURATION", NULL, NULL,
       "give up with exit status 10 when the worker dies N times within DURATION",
       SPECIAL(set_start_limit))
OPTION(stop_timeout, "stop-timeout", "deploy", "DURATION", "0", "0",
       "kill workers that are still running this long after a stop began; 0: never; keep it "
       "below the container runtime's own limit",
       DURATION(stop_timeout_ms))
OPTION(exit_with_worker, "exit-with-worker", "service", "yes|no", NULL, NULL,
       "when the worker exits by itself, exit with its status, or 128+N for signal N, instead of "
       "starting another",
       FLAG(exit_with_worker))
OPTION(forward, "forward", "service", "SIGNAL,...", "USR2,WINCH", "USR2,WINCH",
       "signals to forward to the current worker; none: no signal",
       SPECIAL(set_forward), FIXED)
OPTION(watchdog, "watchdog", "deploy", "DURATION", "0", "0",
       "replace a worker that has not sent WATCHDOG=1 to NOTIFY_SOCKET for this long; 0: off",
       DURATION(watchdog_ms))
OPTION(restart_on_change, "restart-on-change", "deploy", "PATH", NULL, NULL,
       "deploy when this file, or a file in this directory, changes; may be repeated",
       LIST(watched_paths))
OPTION(enable_auto_restart, "enable-auto-restart", "deploy", "yes|no", NULL, NULL,
       "deploy at regular intervals (variable: ENABLE_AUTO_RESTART)",
       SPECIAL(set_enable_auto_restart), .alone = "yes")
OPTION(auto_restart_interval, "auto-restart-interval", "deploy", "DURATION", NULL, NULL,
       "time between these deploys; default: 360 (variable: AUTO_RESTART_INTERVAL)",
       TEXT(auto_restart_interval), .check = check_duration)
OPTION(backoff, "backoff", "deploy", "yes|no", "no", "yes",
       "double the pause between starts of a worker that keeps dying, up to 30 s",
       ANSWER(backoff))
OPTION(envdir, "envdir", "worker", "DIRECTORY", NULL, NULL,
       "a directory with variables for the workers, one file each, read at every start "
       "(variable: ENVDIR)",
       TEXT(envdir))
OPTION(user, "user", "worker", "USER", NULL, NULL,
       "run the workers as this user, by name or number, with its groups; the supervisor's own "
       "user does not change",
       TEXT(surroundings.identity.user))
OPTION(group, "group", "worker", "GROUP", NULL, NULL,
       "run the workers with this group, by name or number; default: the user's own",
       TEXT(surroundings.identity.group))
OPTION(supplementary_groups, "supplementary-groups", "worker", "LIST", NULL, NULL,
       "the workers' only supplementary groups, separated by commas; empty: none",
       TEXT(surroundings.identity.supplementary_groups), .check = check_groups)
OPTION(umask, "umask", "worker", "MASK", NULL, NULL,
       "the workers' file mode creation mask, octal",
       SPECIAL(set_umask))
OPTION(limit_nofile, "limit-nofile", "worker", "LIMIT", NULL, NULL,
       "how many files a worker may have open: N, SOFT:HARD, or infinity",
       LIMIT(surroundings.open_files))
OPTION(limit_core, "limit-core", "worker", "LIMIT", NULL, NULL,
       "the size of a worker's core dump in bytes: N, SOFT:HARD, or infinity",
       LIMIT(surroundings.core))
OPTION(nice, "nice", "worker", "N", NULL, NULL,
       "the workers' nice value, -20 to 19",
       SPECIAL(set_nice))
OPTION(oom_score_adj, "oom-score-adj", "worker", "N", NULL, NULL,
       "how readily the kernel kills a worker when memory runs out, -1000 to 1000",
       TEXT(surroundings.oom_score_adj), .check = check_oom_score_adj)
OPTION(no_new_privileges, "no-new-privileges", "worker", "yes|no", NULL, NULL,
       "workers gain no privileges from what they execute, setuid programs included",
       FLAG(surroundings.no_new_privileges))
OPTION(parent_death_signal, "parent-death-signal", "worker", "SIGNAL", NULL, NULL,
       "signal for the workers when the supervisor dies for any reason",
       SIGNAL(surroundings.parent_death_signal))
OPTION(environment, "environment", "worker", "NAME=VALUE", NULL, NULL,
       "a variable for the workers; may be repeated",
       LIST(variables), .check = check_variable)
OPTION(clear_environment, "clear-environment", "worker", "yes|no", NULL, NULL,
       "give the workers none of the supervisor's environment except PATH",
       FLAG(clear_environment))
OPTION(stdin, "stdin", "worker", "null|inherit|FILE", NULL, NULL,
       "the workers' standard input; default: the supervisor's",
       SPECIAL(set_stdin))
OPTION(pid_file, "pid-file", "service", "FILE", NULL, NULL,
       "write the supervisor's pid to this file and keep the file locked",
       TEXT(pid_file), FIXED)
OPTION(status_file, "status-file", "service", "FILE", NULL, NULL,
       "keep the generations and their pids in this file, GENERATION:PID on each line",
       TEXT(status_file), FIXED)
OPTION(log_file, "log-file", "log", "FILE", NULL, NULL,
       "append standard output and error to FILE, or pipe them to a command: \"| COMMAND\"",
       TEXT(log_file), .check = check_log_file, FIXED)
OPTION(log_level, "log-level", "log", "error|warning|info|debug", "info", "info",
       "least urgent level of the lines that the supervisor writes",
       CHOICE(log.level), FIXED)
OPTION(log_format, "log-format", "log", "text|json", "text", "text",
       "format of the supervisor's lines; json: one object on each line",
       CHOICE(log.format), FIXED)
OPTION(syslog, "syslog", "log", "FACILITY", NULL, NULL,
       "send the supervisor's lines to syslog instead of standard error; default facility: daemon",
       SPECIAL(set_syslog), .alone = "daemon", FIXED)
OPTION(syslog_tag, "syslog-tag", "log", "TAG", NULL, NULL,
       "the lines' tag in syslog (needs --syslog); default: the program's name",
       TEXT(log.syslog_tag), .check = check_syslog_tag, FIXED)
OPTION(capture, "capture", "log", "on|off|auto", "off", "auto",
       "copy the workers' output through the supervisor, so that a failed worker's last lines "
       "can always be shown; auto: only as PID 1",
       CHOICE(capture))
OPTION(on_event, "on-event", "service", "COMMAND", NULL, NULL,
       "run this command for each event; TASUKI_ variables say what happened",
       TEXT(on_event))
OPTION(name, "name", "service", "NAME", NULL, NULL,
       "name of the service and of its control socket; default: the command's base name",
       TEXT(name), .check = check_name, FIXED)
OPTION(control, "control", "service", "PATH|off", "off", NULL,
       "the control socket; default: NAME.sock in /run/tasuki or $XDG_RUNTIME_DIR/tasuki",
       TEXT(control), .check = check_control, FIXED)
OPTION(daemonize, "daemonize", "service", NULL, NULL, NULL,
       "run in the background (needs --log-file)",
       FLAG(daemonize), FIXED)
OPTION(config, "config", NULL, "FILE", NULL, NULL,
       "read options from FILE, now and at each deploy, see tasuki.ini(5); the command line "
       "overrides it",
       TEXT(config))
OPTION(restart, "restart", NULL, NULL, NULL, NULL,
       "deploy, and wait until only the new generation is running (needs --pid-file, "
       "--status-file)",
       FLAG(is_restart))
OPTION(stop, "stop", NULL, NULL, NULL, NULL,
       "stop the supervisor, and wait until it has exited (needs --pid-file)",
       FLAG(is_stop))
OPTION(help, "help", NULL, NULL, NULL, NULL,
       "show this help",
       FLAG(is_help))
OPTION(version, "version", NULL, NULL, NULL, NULL,
       "show the version",
       FLAG(is_version))
