#include "commands.h"

#include "help.h"
#include "signal_name.h"

#include <locale.h>
#include <stdio.h>
#include <string.h>

/* --- parsing ---------------------------------------------------------------------------------- */

/* [SIGNAL] [NAME], ended by a NULL. */
static int take_words(const struct command *command, struct command_request *request,
                      char *const *words, struct error *error)
{
    if (command->takes_signal) {
        if (*words == NULL) {
            return error_set(error, "missing signal; usage: tasuki %s SIGNAL [NAME]",
                             command->name);
        }
        request->signal = *words++;
        if (signal_parse(request->signal, error) < 0) {
            return -1;
        }
    }
    request->name = *words;
    if (*words != NULL && words[1] != NULL) {
        return error_set(error, "expected one name, got '%s' too", words[1]);
    }
    return (request->name != NULL) + (request->control != NULL) + (request->config != NULL) > 1
               ? error_set(error, "expected only one of NAME, --control and --config")
               : 0;
}

/* Options may stand between the words, which are moved to the front of `rest`. */
static int parse(const struct command *command, struct command_request *request, char **rest,
                 struct error *error)
{
    const struct option_table table = command_options(command);
    const char *given[COMMAND_OPTIONS] = {NULL};
    char **words = rest;
    char **word = words;
    bool is_past_options = false;
    while (*rest != NULL) {
        char *const *at = rest;
        if (is_past_options || !option_is_word(*rest)) {
            *word++ = *rest++;
        } else if (strcmp(*rest, "--") == 0) {
            is_past_options = true;
            rest++;
        } else if (option_take(&table, request, given, &at, error) != 0) {
            return -1;
        } else {
            rest += at - rest;
        }
    }
    *word = NULL;
    return request->help ? 0 : take_words(command, request, words, error);
}

int command_run(const struct command *command, char *arguments[])
{
    /* What supervisors say is UTF-8, whatever the locale; this is for the width of its characters.
     */
    if (setlocale(LC_CTYPE, "C.UTF-8") == NULL) {
        setlocale(LC_CTYPE, "");
    }
    struct command_request request = {.timeout_ms = -1};
    struct error error;
    if (parse(command, &request, arguments, &error) != 0) {
        return command_fail(COMMAND_BAD_USAGE, "%s: %s", command->name, error.text);
    }
    if (request.help) {
        help_print_command(command);
        return COMMAND_DONE;
    }
    setvbuf(stdout, NULL, _IOLBF, BUFSIZ);
    return command->run(&request);
}
