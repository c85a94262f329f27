#include "commands.h"

#include "command.h"
#include "command_table.h"
#include "duration.h"
#include "error.h"
#include "signal_name.h"
#include "text.h"

#include <getopt.h>
#include <locale.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

/* --- options -----------------------------------------------------------------------------------
 */

const struct command_option command_options[COMMAND_OPTIONS] = {
    [COMMAND_OPTION_CONTROL] = {"control", "PATH", "the supervisor whose control socket this is"},
    [COMMAND_OPTION_CONFIG] = {"config", "FILE",
                               "the supervisor of the service whose configuration file this is"},
    [COMMAND_OPTION_JSON] = {"json", NULL,
                             "print what the supervisor says as it is, a JSON object a line"},
    [COMMAND_OPTION_TIMEOUT] =
        {"timeout", "DURATION",
         "wait no longer than this: 5, 0.2, 300ms or 2m; what was asked for goes on"},
    [COMMAND_OPTION_HELP] = {"help", NULL, "show this help"},
};

#define TAKES_ALWAYS                                                                               \
    (COMMAND_TAKES(COMMAND_OPTION_CONTROL) | COMMAND_TAKES(COMMAND_OPTION_CONFIG) |                \
     COMMAND_TAKES(COMMAND_OPTION_HELP))

/* --- commands ----------------------------------------------------------------------------------
 */

static const char could_not[] = "the supervisor could not do it, or does not answer";

const struct command command_rows[COMMANDS] = {
    {.name = "restart",
     .summary = "deploy: start a new generation, and wait for the outcome",
     .help = "Starts the next generation and stays until the deploy has succeeded (the new one "
             "serves and the old one is gone) or failed (the old one serves on). On a terminal one "
             "line shows what happens as it happens; elsewhere every event is a line.",
     .done = "the deploy succeeded",
     .failed = "the deploy failed; the old generation serves on",
     .timed_out = "--timeout passed; the deploy goes on",
     .overtaken = "the deploy was overtaken by a stop",
     .takes =
         TAKES_ALWAYS | COMMAND_TAKES(COMMAND_OPTION_JSON) | COMMAND_TAKES(COMMAND_OPTION_TIMEOUT),
     .run = restart_command},
    {.name = "status",
     .summary = "show a supervisor, its generations, listeners and deploys",
     .help = "Shows one supervisor in detail, or a table of all that run for this user when there "
             "are several and none is named.",
     .done = "it is running",
     .failed = could_not,
     .takes = TAKES_ALWAYS | COMMAND_TAKES(COMMAND_OPTION_JSON),
     .run = status_command},
    {.name = "stop",
     .summary = "stop the workers and the supervisor, and wait until they have ended",
     .help = "Stops the workers and the supervisor, as TERM does, and waits until they have ended.",
     .done = "it has ended",
     .failed = could_not,
     .timed_out = "--timeout passed; it goes on stopping",
     .takes =
         TAKES_ALWAYS | COMMAND_TAKES(COMMAND_OPTION_JSON) | COMMAND_TAKES(COMMAND_OPTION_TIMEOUT),
     .run = stop_command},
    {.name = "reopen",
     .summary = "open the log file anew, after it was moved away",
     .help = "Has the supervisor open its log file anew, as USR1 does: after a log rotation, for "
             "one.",
     .done = "done",
     .failed = could_not,
     .takes = TAKES_ALWAYS,
     .run = reopen_command},
    {.name = "signal",
     .summary = "send a signal to the current workers",
     .help = "Sends SIGNAL (USR1, SIGUSR1 or its number) to the workers of the current generation.",
     .done = "sent",
     .failed = could_not,
     .takes = TAKES_ALWAYS,
     .takes_signal = true,
     .run = signal_command},
    {.name = "events",
     .summary = "follow what happens",
     .help = "Prints what happens as it happens, a line each, until it is interrupted or the "
             "supervisor ends.",
     .done = "the supervisor was stopped",
     .failed = could_not,
     .takes = TAKES_ALWAYS | COMMAND_TAKES(COMMAND_OPTION_JSON),
     .run = events_command},
};

static const struct command *find(const char *word)
{
    for (size_t i = 0; i < COMMANDS; i++) {
        if (strcmp(command_rows[i].name, word) == 0) {
            return &command_rows[i];
        }
    }
    return NULL;
}

bool command_is_known(const char *word)
{
    return find(word) != NULL;
}

/* --- help --------------------------------------------------------------------------------------
 */

void commands_print(FILE *stream)
{
    for (size_t i = 0; i < COMMANDS; i++) {
        fprintf(stream, "  %-8s  %s\n", command_rows[i].name, command_rows[i].summary);
    }
}

static void print_statuses(const struct command *command)
{
    const struct {
        int status;
        const char *text;
    } statuses[] = {
        {COMMAND_DONE, command->done},
        {COMMAND_FAILED, command->failed},
        {COMMAND_BAD_USAGE, "bad options or words"},
        {COMMAND_NOT_RUNNING, "no such supervisor is running"},
        {COMMAND_TIMED_OUT, command->timed_out},
        {COMMAND_OVERTAKEN, command->overtaken},
        {COMMAND_INTERRUPTED,
         command->timed_out != NULL ? "interrupted; what was asked for goes on" : NULL},
    };
    printf("\nExit status:\n");
    for (size_t i = 0; i < sizeof statuses / sizeof statuses[0]; i++) {
        if (statuses[i].text != NULL) {
            printf("  %-3d  %s\n", statuses[i].status, statuses[i].text);
        }
    }
}

static void print_help(const struct command *command)
{
    printf("Usage: tasuki %s [OPTION...] %s[NAME]\n\n", command->name,
           command->takes_signal ? "SIGNAL " : "");
    text_print_wrapped(stdout, command->help, 0, 80);
    printf("\nNAME is the service's: what --name gave it, or its command's base name. It may\n"
           "be left out when one supervisor runs for this user.\n\nOptions:\n");
    for (int i = 0; i < COMMAND_OPTIONS; i++) {
        if (command->takes & COMMAND_TAKES(i)) {
            char left[40];
            snprintf(left, sizeof left, "--%s%s%s", command_options[i].name,
                     command_options[i].value != NULL ? "=" : "",
                     command_options[i].value != NULL ? command_options[i].value : "");
            printf("  %-20s  ", left);
            text_print_wrapped(stdout, command_options[i].help, 24, 80);
        }
    }
    print_statuses(command);
}

/* --- parsing -----------------------------------------------------------------------------------
 */

int command_fail(int status, const char *format, ...)
{
    char line[1024];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    text_clean(line);
    fflush(stdout);
    fprintf(stderr, "tasuki: %s\n", line);
    return status;
}

/* getopt_long's values: above every character, so that they are never taken for one. */
#define FIRST_VALUE 256

static int set_option(struct command_request *request, int option, const char *value,
                      struct error *error)
{
    switch (option) {
    case COMMAND_OPTION_CONTROL:
        request->control = value;
        return *value != '\0' ? 0 : error_set(error, "expected a path, got nothing");
    case COMMAND_OPTION_CONFIG:
        request->config = value;
        return *value != '\0' ? 0 : error_set(error, "expected a file, got nothing");
    case COMMAND_OPTION_JSON:
        request->json = true;
        return 0;
    case COMMAND_OPTION_TIMEOUT:
        return duration_parse(value, &request->timeout_ms, error);
    default:
        return 0;
    }
}

static size_t make_long_options(const struct command *command, struct option *long_options)
{
    size_t count = 0;
    for (int i = 0; i < COMMAND_OPTIONS; i++) {
        if (command->takes & COMMAND_TAKES(i)) {
            long_options[count++] = (struct option){
                .name = command_options[i].name,
                .has_arg = command_options[i].value != NULL ? required_argument : no_argument,
                .val = FIRST_VALUE + i};
        }
    }
    long_options[count] = (struct option){.name = NULL};
    return count;
}

/* What getopt_long did not take: it tells which option, not why. */
static int explain_refusal(const struct command *command, int result, const char *argument,
                           struct error *error)
{
    if (result == ':') {
        int option = optopt - FIRST_VALUE;
        return error_set(error, "--%s: expected %s", command_options[option].name,
                         command_options[option].value);
    }
    if (optopt >= FIRST_VALUE) {
        return error_set(error, "--%s: expected no value, got '%s'",
                         command_options[optopt - FIRST_VALUE].name, argument);
    }
    return error_set(error, "%s: no such option of '%s' (see tasuki %s --help)", argument,
                     command->name, command->name);
}

static int parse_words(const struct command *command, struct command_request *request,
                       char *const words[], struct error *error)
{
    if (command->takes_signal) {
        if (*words == NULL) {
            return error_set(error, "expected the signal to send");
        }
        request->signal = *words++;
        if (signal_parse(request->signal, error) < 0) {
            return -1;
        }
    }
    request->name = *words;
    if (*words != NULL && words[1] != NULL) {
        return error_set(error, "expected one name, got another: '%s'", words[1]);
    }
    if ((request->name != NULL) + (request->control != NULL) + (request->config != NULL) > 1) {
        return error_set(error, "expected one of a name, --control and --config, got more");
    }
    return 0;
}

static int parse(const struct command *command, struct command_request *request, bool *help,
                 int argc, char *argv[], struct error *error)
{
    struct option long_options[COMMAND_OPTIONS + 1];
    unsigned seen = 0;
    make_long_options(command, long_options);
    opterr = 0;
    optind = 0; /* glibc: start afresh */
    for (;;) {
        int at = optind > 0 ? optind : 1;
        int result = getopt_long(argc, argv, ":", long_options, NULL);
        if (result == -1) {
            return *help ? 0 : parse_words(command, request, argv + optind, error);
        }
        if (result < FIRST_VALUE) {
            return explain_refusal(command, result, argv[optind > at ? optind - 1 : at], error);
        }
        int option = result - FIRST_VALUE;
        struct error reason;
        if (seen & COMMAND_TAKES(option)) {
            return error_set(error, "--%s: expected once, got it twice",
                             command_options[option].name);
        }
        seen |= COMMAND_TAKES(option);
        *help = *help || option == COMMAND_OPTION_HELP;
        if (set_option(request, option, optarg, &reason) != 0) {
            return error_set(error, "--%s: %s", command_options[option].name, reason.text);
        }
    }
}

int command_run(int argc, char *argv[])
{
    const struct command *command = argc > 0 ? find(argv[0]) : NULL;
    if (command == NULL) {
        return command_fail(COMMAND_BAD_USAGE, "expected a command (see tasuki --help)");
    }
    /* What supervisors say is UTF-8, whatever the locale; this is for the width of its characters.
     */
    if (setlocale(LC_CTYPE, "C.UTF-8") == NULL) {
        setlocale(LC_CTYPE, "");
    }
    struct command_request request = {.timeout_ms = -1};
    struct error error;
    bool help = false;
    if (parse(command, &request, &help, argc, argv, &error) != 0) {
        return command_fail(COMMAND_BAD_USAGE, "%s: %s", command->name, error.text);
    }
    if (help) {
        print_help(command);
        return COMMAND_DONE;
    }
    setvbuf(stdout, NULL, _IOLBF, BUFSIZ);
    return command->run(&request);
}
