/* What hello-server was asked to do. options.c holds the text of --help. */
#ifndef HELLO_OPTIONS_H
#define HELLO_OPTIONS_H

enum {
    EXIT_USAGE = 2,
    NO_PORT = -1,
    NEVER = -1,
};

struct options {
    int port; /* to bind by itself; NO_PORT: use the supervisor's listeners */
    double drain_s;
    double idle_timeout_s;

    /* For tests. */
    double ready_delay_s;
    double response_delay_s;
    double exit_after_s; /* NEVER, or how long */
};

/* Parses the command line. Does not return if it is wrong (EXIT_USAGE) or asks for --help (0). */
struct options options_parse(int argc, char **argv);

#endif
