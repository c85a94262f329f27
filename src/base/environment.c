#include "environment.h"

#include "array.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char **find(const struct environment *environment, const char *name)
{
    size_t length = strlen(name);
    for (size_t i = 0; i < environment->count; i++) {
        const char *entry = environment->entries[i];
        if (strncmp(entry, name, length) == 0 && entry[length] == '=') {
            return &environment->entries[i];
        }
    }
    return NULL;
}

/* Takes over `entry`, which may be NULL when there was no memory for it. */
static int append(struct environment *environment, char *entry, struct error *error)
{
    size_t items = environment->entries != NULL ? environment->count + 1 : 0; /* with the NULL */
    char **grown = entry != NULL ? array_grow(environment->entries, items, sizeof *grown) : NULL;
    if (grown == NULL) {
        free(entry);
        return error_set(error, "out of memory for the worker's environment");
    }
    environment->entries = grown;
    environment->entries[environment->count++] = entry;
    environment->entries[environment->count] = NULL;
    return 0;
}

int environment_copy(struct environment *environment, char *const *entries, struct error *error)
{
    *environment = (struct environment){.count = 0};
    for (; *entries != NULL; entries++) {
        if (append(environment, strdup(*entries), error) != 0) {
            environment_free(environment);
            return -1;
        }
    }
    return 0;
}

int environment_set(struct environment *environment, const char *name, const char *value,
                    struct error *error)
{
    char *entry = NULL;
    if (asprintf(&entry, "%s=%s", name, value) < 0) {
        entry = NULL;
    }
    char **existing = find(environment, name);
    if (existing == NULL || entry == NULL) {
        return append(environment, entry, error);
    }
    free(*existing);
    *existing = entry;
    return 0;
}

int environment_put(struct environment *environment, const char *entry, struct error *error)
{
    size_t length = strcspn(entry, "=");
    char *name = strndup(entry, length);
    if (name == NULL) {
        return append(environment, NULL, error);
    }
    int result = environment_set(environment, name, entry + length + 1, error);
    free(name);
    return result;
}

int environment_set_number(struct environment *environment, const char *name, uint64_t number,
                           struct error *error)
{
    char text[24];
    snprintf(text, sizeof text, "%" PRIu64, number);
    return environment_set(environment, name, text, error);
}

static void remove_entry(struct environment *environment, char **entry)
{
    free(*entry);
    *entry = environment->entries[--environment->count]; /* the order means nothing */
    environment->entries[environment->count] = NULL;
}

void environment_unset(struct environment *environment, const char *name)
{
    char **entry = find(environment, name);
    if (entry != NULL) {
        remove_entry(environment, entry);
    }
}

void environment_unset_all(struct environment *environment, const char *beginning)
{
    size_t length = strlen(beginning);
    for (size_t i = environment->count; i > 0; i--) {
        if (strncmp(environment->entries[i - 1], beginning, length) == 0) {
            remove_entry(environment, &environment->entries[i - 1]);
        }
    }
}

const char *environment_get(const struct environment *environment, const char *name)
{
    char *const *entry = find(environment, name);
    return entry != NULL ? *entry + strlen(name) + 1 : NULL;
}

void environment_free(struct environment *environment)
{
    for (size_t i = 0; i < environment->count; i++) {
        free(environment->entries[i]);
    }
    free(environment->entries);
    *environment = (struct environment){.count = 0};
}
