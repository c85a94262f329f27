#include "lookup.h"

#include "endpoint.h"
#include "envdir.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

struct lookup {
    const struct options *options; /* the process has a copy of them */
    size_t size;
    enum lookup_failure failure;
    struct error error;
    char step[ADDRESS_HOST_MAX + 64]; /* what is being done, for one that takes too long */
    enum lookup_failure step_failure;
    struct identity_lookup identity;
    struct address_lookup addresses[]; /* one for each of the options' */
};

/* --- in the process aside ----------------------------------------------------------------------
 */

static void begin(struct lookup *lookup, enum lookup_failure failure, const char *what, int length,
                  const char *name)
{
    lookup->step_failure = failure;
    snprintf(lookup->step, sizeof lookup->step, "%s %.*s", what, length, name);
}

/* The directory is what bind(2) and unlink(2) wait for. */
static void reach_path(const struct address *address)
{
    char path[ADDRESS_PATH_MAX + 1];
    struct stat status;
    snprintf(path, sizeof path, "%.*s", address->length, address->text);
    (void)!lstat(path, &status);
}

static int look_up_addresses(struct lookup *lookup)
{
    const struct options *options = lookup->options;
    for (size_t i = 0; i < options->address_count; i++) {
        const struct address *address = &options->addresses[i];
        begin(lookup, LOOKUP_OF_LISTENERS,
              address->kind == ADDRESS_HOST ? "cannot resolve host" : "cannot reach",
              address->length, address->text);
        if (endpoint_look_up(address, &lookup->addresses[i], &lookup->error) != 0) {
            return -1;
        }
        if (address->kind == ADDRESS_UNIX) {
            reach_path(address);
        }
    }
    return 0;
}

static void read_envdir(struct lookup *lookup)
{
    static char *nothing[] = {NULL};
    const char *path = lookup->options->envdir != NULL ? lookup->options->envdir : getenv("ENVDIR");
    struct environment environment;
    struct error ignored;
    if (path != NULL && *path != '\0' && environment_copy(&environment, nothing, &ignored) == 0) {
        begin(lookup, LOOKUP_OF_WORKER, "cannot read envdir", 200, path);
        (void)!envdir_read(path, &environment, &ignored);
    }
}

static int look_up_identity(struct lookup *lookup)
{
    lookup->identity.names = lookup->options->surroundings.identity;
    begin(lookup, LOOKUP_OF_WORKER, "cannot read", 200, "the user database");
    return identity_look_up(&lookup->identity, &lookup->error);
}

/* Nothing after it: the process is somebody else then. */
static int try_surroundings(struct lookup *lookup)
{
    const struct surroundings *surroundings = &lookup->options->surroundings;
    struct identity identity;
    begin(lookup, LOOKUP_OF_WORKER, "cannot test", 200,
          "the worker's user, limits and standard input");
    return identity_take(&identity, &lookup->identity, &lookup->error) == 0
               ? surroundings_try(surroundings, &identity, &lookup->error)
               : -1;
}

void lookup_perform(void *memory)
{
    struct lookup *lookup = memory;
    read_envdir(lookup);
    if (look_up_identity(lookup) != 0 || look_up_addresses(lookup) != 0 ||
        try_surroundings(lookup) != 0) {
        lookup->failure = lookup->step_failure;
    }
}

/* --- in the supervisor -------------------------------------------------------------------------
 */

bool lookup_is_needed(const struct options *options)
{
    for (size_t i = 0; i < options->address_count; i++) {
        if (endpoint_needs_lookup(&options->addresses[i])) {
            return true;
        }
    }
    return surroundings_are_asked_for(&options->surroundings);
}

struct lookup *lookup_new(const struct options *options)
{
    size_t size = sizeof(struct lookup) + options->address_count * sizeof(struct address_lookup);
    struct lookup *lookup = aside_memory(size);
    if (lookup != NULL) {
        lookup->options = options;
        lookup->size = size;
        begin(lookup, LOOKUP_OF_WORKER, "cannot look up", 200, "hosts and users");
    }
    return lookup;
}

static enum lookup_failure take(const struct lookup *lookup, struct options *options,
                                struct error *error)
{
    for (size_t i = 0; i < options->address_count; i++) {
        options->addresses[i].lookup = lookup->addresses[i];
    }
    return identity_take(&options->identity, &lookup->identity, error) == 0 ? LOOKUP_SUCCEEDED
                                                                            : LOOKUP_OF_WORKER;
}

enum lookup_failure lookup_take(const struct lookup *lookup, const struct error *problem,
                                struct options *options, struct error *error)
{
    if (problem != NULL) {
        error_set(error, "%s: %.100s", lookup->step, problem->text);
        return lookup->step_failure;
    }
    if (lookup->failure != LOOKUP_SUCCEEDED) {
        *error = lookup->error;
        return lookup->failure;
    }
    return take(lookup, options, error);
}

void lookup_free(struct lookup *lookup)
{
    if (lookup != NULL) {
        aside_free(lookup, lookup->size);
    }
}

enum lookup_failure lookup_now(struct options *options, struct error *error)
{
    if (!lookup_is_needed(options)) {
        return LOOKUP_SUCCEEDED;
    }
    struct lookup *lookup = lookup_new(options);
    if (lookup == NULL) {
        error_set(error, "out of memory for a lookup");
        return LOOKUP_OF_WORKER;
    }
    struct error problem;
    bool is_done = aside_run(lookup_perform, lookup, &problem) == 0;
    enum lookup_failure failure = lookup_take(lookup, is_done ? NULL : &problem, options, error);
    lookup_free(lookup);
    return failure;
}
