#include "help.h"

#include "command_table.h"
#include "options.h"
#include "text.h"

#include <stdio.h>

#define WIDTH 80

static void print_text(const char *text)
{
    printf("%8s", "");
    text_print_wrapped(stdout, text, 8, WIDTH);
}

/* --- options ---------------------------------------------------------------------------------- */

static void print_option(const struct option *option, enum personality personality)
{
    char text[1024];
    const char *value = option->defaults[personality];
    if (option->value == NULL) {
        printf("  --%s\n", option->name);
    } else {
        bool may_stand_alone = option->alone != NULL;
        printf("  --%s%s=%s%s\n", option->name, may_stand_alone ? "[" : "", option->value,
               may_stand_alone ? "]" : "");
    }
    snprintf(text, sizeof text, "%s%s%s%s", option->help, value != NULL ? " (default: " : "",
             value != NULL ? value : "", value != NULL ? ")" : "");
    print_text(text);
}

static void print_options(const struct option_table *table, enum personality personality)
{
    printf("\nOptions:\n");
    for (const struct option *option = option_next(table, NULL); option != NULL;
         option = option_next(table, option)) {
        print_option(option, personality);
    }
}

static void print_listener_option(const struct listener_option_row *row)
{
    char text[256];
    bool may_stand_alone = row->alone >= 0;
    printf("  %s%s=%s%s\n", row->name, may_stand_alone ? "[" : "", row->value,
           may_stand_alone ? "]" : "");
    snprintf(text, sizeof text, "%s: %s", row->applies_to, row->help);
    print_text(text);
}

/* --- a start ---------------------------------------------------------------------------------- */

void help_print(enum personality personality)
{
    const char *name = personality_name(personality);
    printf(
        "Usage: %s [OPTIONS] -- COMMAND [ARGUMENTS]\n"
        "       %s --restart --pid-file=FILE --status-file=FILE\n"
        "       %s --stop --pid-file=FILE\n\n"
        "Binds a service's sockets once and gives them to each generation of COMMAND. On HUP it\n"
        "starts a new generation and retires the old one, so that no request is lost.\n",
        name, name, name);
    print_options(&options_table, personality);
    printf("\nOptions of one socket follow its address: --port=8080,backlog=4096,nodelay\n\n"
           "Socket options:\n");
    for (int i = 0; i < LISTENER_OPTION_COUNT; i++) {
        print_listener_option(&listener_option_rows[i]);
    }
    printf("\nDurations are in seconds, or have a unit: 5, 0.2, 300ms, 2m.\n\n"
           "Signals:\n"
           "  HUP        start a new generation; when it is ready, retire the old ones\n"
           "  TERM       send --signal-on-term to the workers, wait for them, exit\n"
           "  INT, QUIT  send TERM to the workers, wait for them, exit\n"
           "  USR1       reopen the log file\n"
           "It forwards the signals of --forward to the current worker.\n\n"
           "Exit status:\n"
           "  0    stopped on request\n"
           "  1    the service could not be set up, or the request (--restart, --stop) failed\n"
           "  2    usage error\n"
           "  10   gave up: the worker died too often for --start-limit\n"
           "  N    with --exit-with-worker, the worker's own, or 128+N for signal N\n"
           "  126  the command was found, but could not be executed, or --dir does not exist\n"
           "  127  the command was not found\n");
    if (personality == PERSONALITY_TASUKI) {
        printf("\nCommands:\n");
        for (int i = 0; i < COMMANDS; i++) {
            printf("  %-8s  %s\n", command_rows[i].name, command_rows[i].summary);
        }
        printf("  check     show what a start with these options would do, without starting\n");
    }
}

/* --- a command -------------------------------------------------------------------------------- */

static void print_statuses(const struct command *command)
{
    const struct {
        int status;
        const char *text;
    } statuses[] = {
        {COMMAND_DONE, command->done},
        {COMMAND_FAILED, command->failed},
        {COMMAND_BAD_USAGE, "usage error"},
        {COMMAND_NOT_RUNNING, "no such supervisor is running"},
        {COMMAND_TIMED_OUT, command->timed_out},
        {COMMAND_OVERTAKEN, command->overtaken},
        {COMMAND_INTERRUPTED, command->interrupted},
    };
    printf("\nExit status:\n");
    for (size_t i = 0; i < sizeof statuses / sizeof statuses[0]; i++) {
        if (statuses[i].text != NULL) {
            printf("  %-3d  %s\n", statuses[i].status, statuses[i].text);
        }
    }
}

void help_print_command(const struct command *command)
{
    const struct option_table options = command_options(command);
    printf("Usage: tasuki %s [OPTIONS] %s[NAME]\n\n", command->name,
           command->takes_signal ? "SIGNAL " : "");
    text_print_wrapped(stdout, command->help, 0, WIDTH);
    printf("\nNAME is the service's --name, or its command's base name. Leave it out when\n"
           "only one supervisor runs for this user.\n");
    print_options(&options, PERSONALITY_TASUKI);
    print_statuses(command);
}
