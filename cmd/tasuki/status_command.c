#include "command.h"

#include "display.h"
#include "event_text.h"
#include "status_view.h"
#include "target.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* An answer comes at once, unless the supervisor is stopped or hangs. */
enum { ANSWER_PATIENCE_MS = 10000, WIDTH_MAX = 100 };

static double real_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* Lines longer than this are no easier to read. */
static int view_width(void)
{
    int width = display_width();
    return width < WIDTH_MAX ? width : WIDTH_MAX;
}

/* The status of a supervisor that has been asked for it, to be released; NULL if it gives none. */
static json_t *receive_status(struct target *target, int64_t deadline)
{
    if (target->client.fd < 0) {
        return NULL;
    }
    while (client_next(&target->client, deadline) == CLIENT_REPLY) {
        json_t *status = json_object_get(target->client.object, "status");
        if (json_is_object(status)) {
            return json_incref(status);
        }
        if (json_object_get(target->client.object, "result") != NULL) {
            return NULL;
        }
    }
    return NULL;
}

static void print_json(const json_t *status)
{
    char *text = json_dumps(status, JSON_COMPACT | JSON_REAL_PRECISION(13));
    puts(text != NULL ? text : "{}");
    free(text);
}

static int show_one(struct target *target, bool json)
{
    client_ask(&target->client, "status");
    json_t *status = receive_status(target, client_now() + ANSWER_PATIENCE_MS);
    if (status == NULL) {
        return command_fail(
            COMMAND_FAILED, "%s: %s", target->name,
            field_text(target->client.object, "message", "the supervisor does not answer"));
    }
    if (json) {
        print_json(status);
    } else {
        status_view_print(status, real_now(), view_width());
    }
    json_decref(status);
    return COMMAND_DONE;
}

/* All are asked before the first is waited for: those that hang take their time together. */
static int show_all(struct target_list *list, bool json)
{
    struct table table = TABLE(status_view_columns);
    int64_t deadline = client_now() + ANSWER_PATIENCE_MS;
    int exit_status = COMMAND_DONE;
    for (size_t i = 0; i < list->count; i++) {
        client_ask(&list->targets[i].client, "status");
    }
    for (size_t i = 0; i < list->count; i++) {
        struct target *target = &list->targets[i];
        json_t *status = receive_status(target, deadline);
        if (status == NULL) {
            status_view_add_silent(&table, target->name);
            exit_status =
                command_fail(COMMAND_FAILED, "%s: the supervisor does not answer", target->name);
        } else if (json) {
            print_json(status);
        } else {
            status_view_add(&table, target->name, status, real_now());
        }
        json_decref(status);
    }
    if (!json) {
        table_print(&table, stdout, 0, view_width());
    }
    table_free(&table);
    return exit_status;
}

static int show(const struct command_request *request)
{
    struct target target;
    int status = target_choose(&target, request);
    if (status == 0) {
        status = show_one(&target, request->json);
    }
    client_close(&target.client);
    return status;
}

/* Whether there are several decides the form; one, or none, is as if it had been named. */
static int show_whatever_runs(const struct command_request *request)
{
    struct target_list list;
    int status;
    if (targets_find(&list, NULL) == 0 && list.count > 1) {
        status = show_all(&list, request->json);
    } else if (list.count == 1 && list.targets[0].client.fd >= 0) {
        status = show_one(&list.targets[0], request->json);
    } else {
        status = show(request);
    }
    targets_free(&list);
    return status;
}

int status_command(const struct command_request *request)
{
    int status = request->name != NULL || request->control != NULL || request->config != NULL
                     ? show(request)
                     : show_whatever_runs(request);
    if (fflush(stdout) != 0 || ferror(stdout)) {
        return command_fail(COMMAND_FAILED, "cannot write to standard output: %s", strerror(errno));
    }
    return status;
}
