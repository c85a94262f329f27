#include "account.h"

#include "ascii.h"
#include "aside.h"
#include "user_database.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

/* Above every number that means somebody: (uid_t)-1 is "leave it as it is" (chown(2)). */
#define NUMBER_MAX ((long)UINT32_MAX - 1)
/* The longest name that is looked up, with its NUL. */
#define NAME_SIZE 256

struct lookup {
    char name[NAME_SIZE];
    uint32_t number;
    bool is_found;
    int reason; /* an errno */
};

static void look_up_user(void *memory)
{
    struct lookup *lookup = memory;
    errno = 0;
    const struct passwd *found = user_database_find_name(lookup->name);
    lookup->reason = errno;
    lookup->is_found = found != NULL;
    lookup->number = found != NULL ? found->pw_uid : 0;
}

static void look_up_group(void *memory)
{
    struct lookup *lookup = memory;
    errno = 0;
    const struct group *found = user_database_find_group(lookup->name);
    lookup->reason = errno;
    lookup->is_found = found != NULL;
    lookup->number = found != NULL ? found->gr_gid : 0;
}

/* getpwnam(3) lists what the C library says for "not found". */
static int explain(const char *kind, const char *place, const struct lookup *lookup,
                   struct error *error)
{
    int reason = lookup->reason;
    bool is_absent =
        reason == 0 || reason == ENOENT || reason == ESRCH || reason == EBADF || reason == EPERM;
    return is_absent ? error_set(error, "there is no %s '%s' here%s", kind, lookup->name, place)
                     : error_set(error, "cannot look up %s '%s': %s", kind, lookup->name,
                                 strerror(reason));
}

/* The databases are asked in a process aside, so that none of their libraries stay here. */
static int find(const char *kind, const char *place, void (*look_up)(void *), const char *text,
                uint32_t *number, struct error *error)
{
    const char *end;
    struct error reason;
    long value = ascii_parse_number(text, NUMBER_MAX, &end);
    if (value >= 0 && *end == '\0') {
        *number = (uint32_t)value;
        return 0;
    }
    struct lookup *lookup = aside_memory(sizeof *lookup);
    if (lookup == NULL) {
        return error_set(error, "out of memory to look up %s '%s'", kind, text);
    }
    snprintf(lookup->name, sizeof lookup->name, "%s", text);
    int result = aside_run(look_up, lookup, &reason);
    if (result != 0) {
        error_set(error, "cannot look up %s '%s': %.300s", kind, text, reason.text);
    } else if (!lookup->is_found) {
        result = explain(kind, place, lookup, error);
    }
    *number = lookup->number;
    aside_free(lookup, sizeof *lookup);
    return result;
}

int account_find_user(const char *text, uid_t *user, struct error *error)
{
    return find("user", user_database_place_of_users(), look_up_user, text, user, error);
}

int account_find_group(const char *text, gid_t *group, struct error *error)
{
    return find("group", user_database_place_of_groups(), look_up_group, text, group, error);
}
