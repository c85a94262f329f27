#include "command.h"

#include "follow.h"
#include "human.h"
#include "text.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- the outcome for people --------------------------------------------------------------------
 */

static void print_success(const struct following *following, const json_t *result)
{
    char ready[64] = "";
    char seconds[HUMAN_SIZE];
    const struct progress *progress = &following->progress;
    int64_t generation = field_number(result, "generation", 0);
    if (progress->ready_after >= 0 && progress->generation == generation) {
        snprintf(ready, sizeof ready, ", ready after %s",
                 human_seconds(progress->ready_after, seconds));
    }
    printf("%s: deploy %" PRId64 " succeeded: generation %" PRId64 " is serving%s, done in %s\n",
           following->target.name, field_number(result, "deploy", 0), generation, ready,
           human_seconds(field_seconds(result, "seconds", 0), seconds));
}

/* What the worker said is text of any length and kind: made harmless a line at a time. */
static void print_last_words(const char *words)
{
    char *copy = strdup(words);
    char *rest = copy;
    char *line;
    while (copy != NULL && (line = strsep(&rest, "\n")) != NULL) {
        text_clean(line);
        if (*line != '\0') {
            fprintf(stderr, "    %s\n", line);
        }
    }
    free(copy);
}

static void print_failure(const struct following *following, const json_t *result)
{
    int64_t generation = field_number(result, "generation", 0);
    const char *words = field_text(result, "last_words", "");
    const char *output = field_text(result, "output", "");
    command_fail(0, "%s: deploy %" PRId64 " failed: %s", following->target.name,
                 field_number(result, "deploy", 0),
                 field_text(result, "reason", "no reason given"));
    if (words[strspn(words, " \n\t\r")] != '\0') {
        fputs("  Its last words:\n", stderr);
        print_last_words(words);
    } else if (*output != '\0') {
        command_fail(0, "%s: its output went to %s", following->target.name, output);
    }
    if (generation > 0) {
        command_fail(0, "%s: generation %" PRId64 " is still serving", following->target.name,
                     generation);
    } else {
        command_fail(0, "%s: no generation is serving", following->target.name);
    }
}

/* --- the outcome for scripts -------------------------------------------------------------------
 */

static int fail_for_stop(const char *name)
{
    return command_fail(COMMAND_OVERTAKEN, "%s: the deploy was cancelled: the service is stopping",
                        name);
}

static int conclude(const struct following *following, const json_t *result)
{
    const char *outcome = field_text(result, "result", "");
    const char *name = following->target.name;
    if (strcmp(outcome, "succeeded") == 0) {
        if (!following->json) {
            print_success(following, result);
        }
        return COMMAND_DONE;
    }
    if (strcmp(outcome, "failed") == 0) {
        if (!following->json) {
            print_failure(following, result);
        }
        return COMMAND_FAILED;
    }
    return strcmp(outcome, "stopped") == 0 ? fail_for_stop(name)
                                           : command_fail_by_reply(name, result);
}

/* The supervisor closed the connection without a result. */
static int conclude_without_result(const struct following *following)
{
    const char *name = following->target.name;
    return following->saw_stop ? fail_for_stop(name)
                               : command_fail(COMMAND_NOT_RUNNING,
                                              "%s: the supervisor exited during the deploy", name);
}

int restart_command(const struct command_request *request)
{
    struct following following;
    int status = follow(&following, request, "restart", "the deploy");
    if (status == 0) {
        const json_t *result = following.target.client.object;
        status =
            result != NULL ? conclude(&following, result) : conclude_without_result(&following);
    }
    follow_close(&following);
    return status;
}
