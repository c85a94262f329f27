#include "control_path.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SUFFIX ".sock"
#define NAME_CHARACTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-@+"

/* The base directory specification of freedesktop.org has a relative path ignored. */
static const char *get_directory_variable(const char *name)
{
    const char *value = getenv(name);
    return value != NULL && value[0] == '/' ? value : NULL;
}

static int check_length(int length, size_t size, const char *what, struct error *error)
{
    return length >= 0 && (size_t)length < size && length < CONTROL_PATH_SIZE
               ? 0
               : error_set(error, "the path of the %s is longer than %d bytes", what,
                           CONTROL_PATH_SIZE - 1);
}

int control_directory(char *buffer, size_t size, struct error *error)
{
    const char *own = get_directory_variable("TASUKI_RUNTIME_DIR");
    const char *session = get_directory_variable("XDG_RUNTIME_DIR");
    int length;
    if (own != NULL) {
        length = snprintf(buffer, size, "%s", own);
    } else if (geteuid() == 0) {
        length = snprintf(buffer, size, "/run/tasuki");
    } else if (session != NULL) {
        length = snprintf(buffer, size, "%s/tasuki", session);
    } else {
        return error_set(
            error,
            "no directory for the control socket: XDG_RUNTIME_DIR is not set (use --control=PATH)");
    }
    return check_length(length, size, "directory of control sockets", error);
}

static bool is_made_of_name_characters(const char *name)
{
    while (*name != '\0' && strchr(NAME_CHARACTERS, *name) != NULL) {
        name++;
    }
    return *name == '\0';
}

bool control_name_is_valid(const char *name)
{
    size_t length = strlen(name);
    return length > 0 && length <= CONTROL_NAME_MAX && *name != '.' && *name != '-' &&
           is_made_of_name_characters(name);
}

int control_path(const char *name, char *buffer, size_t size, struct error *error)
{
    if (!control_name_is_valid(name)) {
        return error_set(error,
                         "expected a service name of 1 to %d letters, digits and . _ - @ +, not "
                         "beginning with . or -, got '%.80s'",
                         CONTROL_NAME_MAX, name);
    }
    char directory[CONTROL_PATH_SIZE];
    if (control_directory(directory, sizeof directory, error) != 0) {
        return -1;
    }
    int length = snprintf(buffer, size, "%s/%s" SUFFIX, directory, name);
    return check_length(length, size, "control socket", error);
}

bool control_name_of_file(const char *file, char *buffer, size_t size)
{
    size_t length = strlen(file);
    size_t suffix = sizeof SUFFIX - 1;
    if (length <= suffix || length - suffix >= size ||
        strcmp(file + length - suffix, SUFFIX) != 0) {
        return false;
    }
    snprintf(buffer, size, "%.*s", (int)(length - suffix), file);
    return control_name_is_valid(buffer);
}

void control_default_name(const char *command, char *buffer, size_t size)
{
    size_t end = strlen(command);
    while (end > 0 && command[end - 1] == '/') {
        end--;
    }
    size_t start = end;
    while (start > 0 && command[start - 1] != '/') {
        start--;
    }
    size_t length = end - start < CONTROL_NAME_MAX ? end - start : CONTROL_NAME_MAX;
    snprintf(buffer, size, "%.*s", (int)length, command + start);
    for (char *c = buffer; *c != '\0'; c++) {
        bool belongs =
            strchr(NAME_CHARACTERS, *c) != NULL && (c != buffer || (*c != '.' && *c != '-'));
        if (!belongs) {
            *c = '_';
        }
    }
    if (buffer[0] == '\0') {
        snprintf(buffer, size, "_");
    }
}
