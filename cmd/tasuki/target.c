#include "target.h"

#include "array.h"
#include "builder.h"
#include "configuration.h"
#include "descriptor.h"

#include <errno.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- all of them -------------------------------------------------------------------------------
 */

static struct target *add(struct target_list *list)
{
    struct target *grown = array_grow(list->targets, list->count, sizeof *grown);
    if (grown == NULL) {
        return NULL;
    }
    list->targets = grown;
    return &grown[list->count];
}

/* A full accept queue (EAGAIN) is a supervisor, too: one that hangs. */
static void try_file(struct target_list *list, const char *file)
{
    char path[CONTROL_PATH_SIZE];
    struct target *target = add(list);
    if (target == NULL || !control_name_of_file(file, target->name, sizeof target->name) ||
        control_path(target->name, path, sizeof path, NULL) != 0) {
        return;
    }
    struct error error;
    int reason = client_connect(&target->client, path, &error);
    if (reason == 0 || reason == EAGAIN) {
        list->count++;
    } else if (reason == EPERM) {
        list->refused = error;
    }
}

static int compare_names(const void *one, const void *other)
{
    return strcmp(((const struct target *)one)->name, ((const struct target *)other)->name);
}

int targets_find(struct target_list *list, struct error *error)
{
    *list = (struct target_list){.count = 0};
    char path[CONTROL_PATH_SIZE];
    if (control_directory(path, sizeof path, error) != 0) {
        return -1;
    }
    AUTO_CLOSEDIR DIR *directory = opendir(path);
    if (directory == NULL && errno != ENOENT) {
        return error_set(error, "cannot read directory %s: %s", path, strerror(errno));
    }
    const struct dirent *entry;
    while (directory != NULL && (entry = readdir(directory)) != NULL) {
        try_file(list, entry->d_name);
    }
    if (list->count > 0) {
        qsort(list->targets, list->count, sizeof list->targets[0], compare_names);
    }
    return 0;
}

void targets_free(struct target_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        client_close(&list->targets[i].client);
    }
    free(list->targets);
    *list = (struct target_list){.count = 0};
}

/* --- one of them -------------------------------------------------------------------------------
 */

static int explain_connection(int reason, const char *name, const struct error *error)
{
    if (reason == ECONNREFUSED || reason == ENOENT) {
        return command_fail(COMMAND_NOT_RUNNING, "no supervisor '%s' is running (%s)", name,
                            error->text);
    }
    return command_fail(reason == EAGAIN ? COMMAND_FAILED : COMMAND_NOT_RUNNING, "%s", error->text);
}

static int choose_socket(struct target *target, const char *path)
{
    char copy[CONTROL_PATH_SIZE];
    snprintf(copy, sizeof copy, "%s", path);
    const char *file = basename(copy);
    if (!control_name_of_file(file, target->name, sizeof target->name)) {
        snprintf(target->name, sizeof target->name, "%.*s", CONTROL_NAME_MAX, file);
    }
    struct error error;
    int reason = client_connect(&target->client, path, &error);
    return reason == 0 ? 0 : explain_connection(reason, target->name, &error);
}

static int choose_name(struct target *target, const char *name)
{
    struct error error;
    char path[CONTROL_PATH_SIZE];
    if (!control_name_is_valid(name)) {
        control_path(name, path, sizeof path, &error);
        return command_fail(COMMAND_BAD_USAGE, "%s", error.text);
    }
    if (control_path(name, path, sizeof path, &error) != 0) {
        return command_fail(COMMAND_NOT_RUNNING, "%s", error.text);
    }
    snprintf(target->name, sizeof target->name, "%s", name);
    int reason = client_connect(&target->client, path, &error);
    return reason == 0 ? 0 : explain_connection(reason, name, &error);
}

static int explain_several(const struct target_list *list)
{
    char names[512];
    struct builder builder = builder_in(names, sizeof names);
    for (size_t i = 0; i < list->count; i++) {
        builder_add(&builder, "%s%s", i > 0 ? ", " : "", list->targets[i].name);
    }
    return command_fail(COMMAND_BAD_USAGE, "several supervisors are running, name one of them: %s",
                        names);
}

static int choose_only_one(struct target *target)
{
    struct target_list list;
    struct error error;
    if (targets_find(&list, &error) != 0) {
        return command_fail(COMMAND_NOT_RUNNING, "%s", error.text);
    }
    int status = 0;
    if (list.count == 0 && list.refused.text[0] != '\0') {
        status = command_fail(COMMAND_NOT_RUNNING, "%s", list.refused.text);
    } else if (list.count == 0) {
        char directory[CONTROL_PATH_SIZE] = "";
        control_directory(directory, sizeof directory, NULL);
        status =
            command_fail(COMMAND_NOT_RUNNING,
                         "no supervisor is running for this user (none listens in %s)", directory);
    } else if (list.count > 1) {
        status = explain_several(&list);
    } else if (list.targets[0].client.fd < 0) {
        status =
            command_fail(COMMAND_FAILED, "supervisor '%s' does not answer", list.targets[0].name);
    } else {
        *target = list.targets[0];
        list.count = 0; /* the client has another owner now */
    }
    targets_free(&list);
    return status;
}

/* By what the file says now. Whatever else is wrong in it is for the supervisor to tell. */
static int choose_by_file(struct target *target, const char *path)
{
    struct error error;
    struct configuration *configuration = configuration_glance(path, &error);
    if (configuration == NULL) {
        return command_fail(COMMAND_BAD_USAGE, "%s", error.text);
    }
    const struct options *options = &configuration->options;
    int status;
    if (options->control != NULL && strcmp(options->control, "off") == 0) {
        status = command_fail(COMMAND_NOT_RUNNING, "%s: control is off", path);
    } else if (options->control != NULL) {
        status = choose_socket(target, options->control);
    } else if (options->name != NULL) {
        status = choose_name(target, options->name);
    } else {
        status =
            command_fail(COMMAND_BAD_USAGE, "%s: expected a name or control in [service]", path);
    }
    configuration_release(configuration);
    return status;
}

int target_choose(struct target *target, const struct command_request *request)
{
    target->client = CLIENT_NONE;
    if (request->config != NULL) {
        return choose_by_file(target, request->config);
    }
    if (request->control != NULL) {
        return choose_socket(target, request->control);
    }
    return request->name != NULL ? choose_name(target, request->name) : choose_only_one(target);
}
