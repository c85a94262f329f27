#include "command_table.h"

#include <string.h>

/* --- options ---------------------------------------------------------------------------------- */

enum { TAKES_JSON = 1 << 0, TAKES_TIMEOUT = 1 << 1 };

static const struct option option_rows[] = {
    {"control", .value = "PATH", .help = "the supervisor with this control socket",
     OPTION_TAKES_TEXT(struct command_request, control)},
    {"config", .value = "FILE",
     .help = "the supervisor of the service with this configuration file",
     OPTION_TAKES_TEXT(struct command_request, config)},
    {"json", .help = "print the supervisor's replies as they are, one JSON object on each line",
     .alone = "yes", .needs = TAKES_JSON, OPTION_TAKES_ANSWER(struct command_request, json)},
    {"timeout", .value = "DURATION",
     .help = "wait no longer than this: 5, 0.2, 300ms or 2m; the supervisor continues",
     .needs = TAKES_TIMEOUT, OPTION_TAKES_DURATION(struct command_request, timeout_ms)},
    {"help", .help = "show this help", .alone = "yes",
     OPTION_TAKES_ANSWER(struct command_request, help)},
};

_Static_assert(sizeof option_rows / sizeof option_rows[0] == COMMAND_OPTIONS, "one row each");

struct option_table command_options(const struct command *command)
{
    return (struct option_table){
        .rows = option_rows, .count = COMMAND_OPTIONS, .has = command->takes};
}

/* --- commands --------------------------------------------------------------------------------- */

static const char could_not[] = "the supervisor refused or does not answer";
static const char still_going[] = "interrupted; the supervisor continues";

const struct command command_rows[COMMANDS] = {
    {.name = "restart",
     .summary = "deploy: start a new generation, and wait for the outcome",
     .help =
         "Starts the next generation and waits until the deploy has succeeded (the new "
         "generation is serving, the old one has exited) or failed (the old one is still serving). "
         "On a terminal, one line shows the progress; elsewhere each event is a line.",
     .done = "the deploy succeeded",
     .failed = "the deploy failed; the old generation is still serving",
     .timed_out = "--timeout passed; the deploy continues",
     .overtaken = "the deploy was cancelled by a stop",
     .interrupted = still_going,
     .takes = TAKES_JSON | TAKES_TIMEOUT,
     .run = restart_command},
    {.name = "status",
     .summary = "show a supervisor, its generations, listeners and deploys",
     .help = "Shows one supervisor in detail. Without a name, and with several supervisors running "
             "for this user, it shows a table of them.",
     .done = "it is running",
     .failed = could_not,
     .takes = TAKES_JSON,
     .run = status_command},
    {.name = "stop",
     .summary = "stop the workers and the supervisor, and wait until they have exited",
     .help =
         "Stops the workers and the supervisor, as TERM does, and waits until they have exited.",
     .done = "the supervisor has exited",
     .failed = could_not,
     .timed_out = "--timeout passed; the stop continues",
     .interrupted = still_going,
     .takes = TAKES_JSON | TAKES_TIMEOUT,
     .run = stop_command},
    {.name = "reopen",
     .summary = "reopen the log file, after a rotation",
     .help = "The supervisor reopens its log file, as on USR1.",
     .done = "the log file is open",
     .failed = could_not,
     .run = reopen_command},
    {.name = "signal",
     .summary = "send a signal to the current workers",
     .help = "Sends SIGNAL (USR1, SIGUSR1 or its number) to the workers of the current generation.",
     .done = "the signal was sent",
     .failed = could_not,
     .takes_signal = true,
     .run = signal_command},
    {.name = "events",
     .summary = "print events as they happen",
     .help = "Prints each event as a line, until it is interrupted or the supervisor exits.",
     .done = "the supervisor was stopped",
     .failed = could_not,
     .takes = TAKES_JSON,
     .run = events_command},
};

const struct command *command_find(const char *word)
{
    for (size_t i = 0; i < COMMANDS; i++) {
        if (strcmp(command_rows[i].name, word) == 0) {
            return &command_rows[i];
        }
    }
    return NULL;
}
