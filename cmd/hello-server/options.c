/* The command line that options.h describes; HELP is its documentation. */
#include "options.h"

#include <err.h>
#include <getopt.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

static const char HELP[] =
    "Usage: hello-server [OPTION...]\n"
    "\n"
    "Answers every HTTP/1.1 GET, HEAD and POST with \"generation N pid P\". It takes its sockets\n"
    "from tasuki or start_server (SERVER_STARTER_PORT), says READY=1 to NOTIFY_SOCKET, and at\n"
    "SIGTERM or SIGQUIT stops accepting, answers what it has, and exits 0.\n"
    "\n"
    "  --port PORT               bind 127.0.0.1:PORT instead of using a supervisor's sockets;\n"
    "                            0: any free port, which is then logged\n"
    "  --idle-timeout SECONDS    how long a connection without a request stays open (default: 60)\n"
    "  --drain SECONDS           the same after SIGTERM (default: 5); a request that comes in "
    "that\n"
    "                            time is answered with \"Connection: close\"\n"
    "  --help                    this text\n"
    "\n"
    "For tests:\n"
    "  --ready-delay SECONDS     wait so long before accepting and saying READY=1\n"
    "  --response-delay SECONDS  take so long for every answer\n"
    "  --exit-after SECONDS      exit with status 1 after so long, whatever is going on\n"
    "\n"
    "  GET /environ, /fds and /signals answer with the environment, the open descriptors and\n"
    "  the blocked and ignored signals that the process was started with.\n"
    "\n"
    "Exit status: 0 all was served; 1 an error; 2 a bad command line, or no sockets.\n";

_Noreturn static void refuse_usage(const char *option, const char *wanted, const char *value)
{
    warnx("--%s wants %s, not \"%s\"", option, wanted, value);
    exit(EXIT_USAGE);
}

static double parse_seconds(const char *option, const char *value)
{
    char *end = NULL;
    double seconds = strtod(value, &end);
    if (end == value || *end != '\0' || !isfinite(seconds) || seconds < 0) {
        refuse_usage(option, "a number of seconds", value);
    }
    return seconds;
}

static int parse_port(const char *option, const char *value)
{
    char *end = NULL;
    long port = strtol(value, &end, 10);
    if (end == value || *end != '\0' || port < 0 || port > UINT16_MAX) {
        refuse_usage(option, "a port from 0 to 65535", value);
    }
    return (int)port;
}

struct options options_parse(int argc, char **argv)
{
    static const struct option names[] = {
        {"port", required_argument, NULL, 'p'},
        {"drain", required_argument, NULL, 'd'},
        {"idle-timeout", required_argument, NULL, 'i'},
        {"ready-delay", required_argument, NULL, 'r'},
        {"response-delay", required_argument, NULL, 'a'},
        {"exit-after", required_argument, NULL, 'x'},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    struct options options = {
        .port = NO_PORT, .drain_s = 5, .idle_timeout_s = 60, .exit_after_s = NEVER};
    int index = 0;
    int option = 0;
    while ((option = getopt_long(argc, argv, "", names, &index)) != -1) {
        const char *name = names[index].name;
        switch (option) {
        case 'p':
            options.port = parse_port(name, optarg);
            break;
        case 'd':
            options.drain_s = parse_seconds(name, optarg);
            break;
        case 'i':
            options.idle_timeout_s = parse_seconds(name, optarg);
            break;
        case 'r':
            options.ready_delay_s = parse_seconds(name, optarg);
            break;
        case 'a':
            options.response_delay_s = parse_seconds(name, optarg);
            break;
        case 'x':
            options.exit_after_s = parse_seconds(name, optarg);
            break;
        case 'h':
            fputs(HELP, stdout);
            exit(0);
        default:
            exit(EXIT_USAGE);
        }
    }
    if (optind < argc) {
        warnx("unexpected argument \"%s\"; see --help", argv[optind]);
        exit(EXIT_USAGE);
    }
    return options;
}
