#include "listener_option.h"
#include "option_value.h"

#include <string.h>

static void print_wrapped(FILE *stream, const char *text, int indent, int width)
{
    int column = indent;
    while (*text != '\0') {
        int length = (int)strcspn(text, " ");
        if (column > indent && column + 1 + length > width) {
            fprintf(stream, "\n%*s", indent, "");
            column = indent;
        } else if (column > indent) {
            fputc(' ', stream);
            column++;
        }
        fprintf(stream, "%.*s", length, text);
        column += length;
        text += length;
        text += strspn(text, " ");
    }
    fputc('\n', stream);
}

static void print_option(FILE *stream, const struct option_row *row, enum personality personality)
{
    fprintf(stream, "  --%s", row->name);
    if (row->argument == REQUIRED) {
        fprintf(stream, "=%s", row->value);
    } else if (row->argument == OPTIONAL) {
        fprintf(stream, "[=%s]", row->value);
    }
    fprintf(stream, "\n%8s", "");
    char text[1024];
    const char *value = row->defaults[personality];
    snprintf(text, sizeof text, "%s%s%s%s", row->help, value != NULL ? " (default: " : "",
             value != NULL ? value : "", value != NULL ? ")" : "");
    print_wrapped(stream, text, 8, 80);
}

static void print_listener_option(FILE *stream, const struct listener_option_row *row)
{
    char text[256];
    bool may_stand_alone = row->alone >= 0;
    fprintf(stream, "  %s%s=%s%s\n%8s", row->name, may_stand_alone ? "[" : "", row->value,
            may_stand_alone ? "]" : "", "");
    snprintf(text, sizeof text, "%s: %s", row->applies_to, row->help);
    print_wrapped(stream, text, 8, 80);
}

void options_print_help(FILE *stream, enum personality personality)
{
    const char *name = personality_name(personality);
    fprintf(
        stream,
        "Usage: %s [OPTION...] -- COMMAND [ARGUMENT...]\n"
        "       %s --restart --pid-file=FILE --status-file=FILE\n"
        "       %s --stop --pid-file=FILE\n\n"
        "Binds a service's sockets once and hands them to each generation of COMMAND. On HUP it\n"
        "starts a new generation and retires the old one, so that no request is lost.\n\n"
        "Options:\n",
        name, name, name);
    for (int i = 0; i < OPTION_COUNT; i++) {
        print_option(stream, &option_rows[i], personality);
    }
    fprintf(stream, "\nOf one socket, behind its address: --port=8080,backlog=4096,nodelay\n\n"
                    "Socket options:\n");
    for (int i = 0; i < LISTENER_OPTION_COUNT; i++) {
        print_listener_option(stream, &listener_option_rows[i]);
    }
    fprintf(stream,
            "\nDurations are seconds, with a fraction or a unit if you like: 5, 0.2, 300ms, 2m.\n\n"
            "Signals:\n"
            "  HUP        start a new generation; once it is ready, retire the older ones\n"
            "  TERM       send --signal-on-term to the workers, wait for them, exit\n"
            "  INT, QUIT  send TERM to the workers, wait for them, exit\n"
            "  USR1       open the log file anew\n"
            "Those of --forward are handed on to the worker.\n\n"
            "Exit status:\n"
            "  0    stopped as it was asked to\n"
            "  1    the service could not be set up, or the request (--restart, --stop) failed\n"
            "  2    bad options\n"
            "  10   gave up: the worker died too often for --start-limit\n"
            "  N    with --exit-with-worker, the worker's own, or 128+N for signal N\n"
            "  126  the command was found, but could not be executed, or --dir was not there\n"
            "  127  the command was not found\n");
}
