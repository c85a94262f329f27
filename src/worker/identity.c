#include "identity.h"

#include "ascii.h"
#include "user_database.h"

#include <errno.h>
#include <limits.h>
#include <linux/capability.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/* (uid_t)-1 means "leave it as it is" to the system calls. */
#define ID_MAX (INT64_C(4294967295) - 1)

/* --- in the process aside ----------------------------------------------------------------------
 */

/* What the C library says for "not found" (getpwnam(3)). */
static int fail(struct error *error, const char *option, const char *kind, const char *place,
                const char *name, int reason)
{
    if (reason == 0 || reason == ENOENT || reason == ESRCH || reason == EBADF || reason == EPERM) {
        return error_set(error, "--%s: there is no %s '%.80s'%s", option, kind, name, place);
    }
    return error_set(error, "--%s: cannot look up %s '%.80s': %s", option, kind, name,
                     strerror(reason));
}

static int refuse_count(const char *option, struct error *error)
{
    return error_set(error, "--%s: expected at most %d groups (the limit of Linux)", option,
                     IDENTITY_GROUPS_MAX);
}

/* A word of digits is a number, also where somebody has such a name. */
static bool parse_id(const char *word, int64_t *id)
{
    const char *end;
    *id = ascii_parse_number(word, ID_MAX, &end);
    return *id >= 0 && *end == '\0';
}

static int look_up_group(const char *option, const char *name, gid_t *gid, struct error *error)
{
    int64_t number;
    if (parse_id(name, &number)) {
        *gid = (gid_t)number;
        return 0;
    }
    errno = 0;
    const struct group *entry = user_database_find_group(name);
    if (entry == NULL) {
        return fail(error, option, "group", user_database_place_of_groups(), name, errno);
    }
    *gid = entry->gr_gid;
    return 0;
}

static int look_up_groups(struct identity_lookup *lookup, const char *list, struct error *error)
{
    char name[256];
    lookup->group_count = 0;
    while (*list != '\0') {
        size_t length = strcspn(list, ",");
        snprintf(name, sizeof name, "%.*s", (int)length, list);
        if (lookup->group_count == IDENTITY_GROUPS_MAX) {
            return refuse_count("supplementary-groups", error);
        }
        if (look_up_group("supplementary-groups", name, &lookup->groups[lookup->group_count++],
                          error) != 0) {
            return -1;
        }
        list += length + (list[length] == ',');
    }
    return 0;
}

static int take_entry(struct identity_lookup *lookup, const struct passwd *entry,
                      struct error *error)
{
    lookup->has_name = true;
    lookup->uid = entry->pw_uid;
    snprintf(lookup->name, sizeof lookup->name, "%s", entry->pw_name);
    snprintf(lookup->home, sizeof lookup->home, "%s", entry->pw_dir);
    snprintf(lookup->shell, sizeof lookup->shell, "%s", entry->pw_shell);
    if (lookup->names.group == NULL) {
        lookup->gid = entry->pw_gid;
    }
    int count =
        user_database_list_groups(lookup->name, lookup->gid, lookup->groups, IDENTITY_GROUPS_MAX);
    if (count < 0) {
        return refuse_count("user", error);
    }
    lookup->group_count = (size_t)count;
    return 0;
}

static int look_up_user(struct identity_lookup *lookup, const char *name, struct error *error)
{
    int64_t number;
    bool is_number = parse_id(name, &number);
    errno = 0;
    const struct passwd *entry =
        is_number ? user_database_find_uid((uid_t)number) : user_database_find_name(name);
    if (entry != NULL) {
        return take_entry(lookup, entry, error);
    }
    if (!is_number) {
        return fail(error, "user", "user", user_database_place_of_users(), name, errno);
    }
    lookup->uid = (uid_t)number;
    if (lookup->names.group == NULL) {
        return error_set(error, "--user: user %s is not in the user database: --group is needed",
                         name);
    }
    return 0;
}

int identity_look_up(struct identity_lookup *lookup, struct error *error)
{
    const struct identity_names *names = &lookup->names;
    if (names->group != NULL && look_up_group("group", names->group, &lookup->gid, error) != 0) {
        return -1;
    }
    if (names->user != NULL && look_up_user(lookup, names->user, error) != 0) {
        return -1;
    }
    return names->supplementary_groups != NULL
               ? look_up_groups(lookup, names->supplementary_groups, error)
               : 0;
}

/* --- in the supervisor -------------------------------------------------------------------------
 */

static bool has_capability(int capability)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {{0}};
    return syscall(SYS_capget, &header, data) == 0 &&
           (data[capability / 32].effective & (1U << (capability % 32))) != 0;
}

static bool is_among(gid_t gid, const gid_t *groups, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (groups[i] == gid) {
            return true;
        }
    }
    return false;
}

/* Where groups were named they must be exactly these; where they come with the user, having fewer
   does no harm. The primary group counts as one of them. */
static bool compare_groups(const struct identity *identity, bool are_named)
{
    gid_t gid = identity->has_group ? identity->gid : getegid();
    int count = getgroups(0, NULL);
    gid_t *own = calloc((size_t)(count > 0 ? count : 0) + 1, sizeof *own);
    bool may_keep = own != NULL && count >= 0 && (count = getgroups(count, own)) >= 0;
    for (int i = 0; may_keep && i < count; i++) {
        may_keep = own[i] == gid || is_among(own[i], identity->groups, identity->group_count);
    }
    for (size_t i = 0; may_keep && are_named && i < identity->group_count; i++) {
        may_keep = identity->groups[i] == gid || is_among(identity->groups[i], own, (size_t)count);
    }
    free(own);
    return may_keep;
}

static int check_rights(const struct identity *identity, struct error *error)
{
    char user[300];
    uid_t uid = geteuid();
    if (identity->has_user && (identity->uid != uid || identity->uid != getuid()) &&
        !(has_capability(CAP_SETUID) && has_capability(CAP_KILL))) {
        return error_set(error,
                         "--user: running workers as %s needs root (CAP_SETUID and CAP_KILL); the "
                         "supervisor runs as user %u",
                         identity_describe_user(identity, user, sizeof user), (unsigned)uid);
    }
    if (identity->has_group && (identity->gid != getegid() || identity->gid != getgid()) &&
        !has_capability(CAP_SETGID)) {
        return error_set(error,
                         "--group: running workers with group %u needs root (CAP_SETGID); the "
                         "supervisor runs as user %u with group %u",
                         (unsigned)identity->gid, (unsigned)uid, (unsigned)getegid());
    }
    if (identity->has_groups && !identity->may_keep_groups && !has_capability(CAP_SETGID)) {
        return error_set(error,
                         "--supplementary-groups: changing them needs root (CAP_SETGID); the "
                         "supervisor runs as user %u with other groups",
                         (unsigned)uid);
    }
    return 0;
}

static char *copy_text(const char *text, bool *is_complete)
{
    char *copy = strdup(text);
    *is_complete = *is_complete && copy != NULL;
    return copy;
}

static int take_over(struct identity *identity, const struct identity_lookup *lookup,
                     struct error *error)
{
    const struct identity_names *names = &lookup->names;
    bool is_complete = true;
    *identity = (struct identity){.uid = lookup->uid,
                                  .gid = lookup->gid,
                                  .has_user = names->user != NULL,
                                  .has_group = names->user != NULL || names->group != NULL,
                                  .group_count = lookup->group_count};
    bool changes_group = names->group != NULL && lookup->gid != getegid();
    identity->has_groups =
        identity->has_user || changes_group || names->supplementary_groups != NULL;
    identity->groups = calloc(lookup->group_count + 1, sizeof *identity->groups);
    is_complete = identity->groups != NULL;
    if (is_complete) {
        memcpy(identity->groups, lookup->groups, lookup->group_count * sizeof *lookup->groups);
    }
    if (lookup->has_name) {
        identity->name = copy_text(lookup->name, &is_complete);
        identity->home = copy_text(lookup->home, &is_complete);
        identity->shell = copy_text(lookup->shell, &is_complete);
    }
    if (!is_complete) {
        return error_set(error, "out of memory for the worker's user and groups");
    }
    identity->may_keep_groups = compare_groups(identity, names->supplementary_groups != NULL);
    return 0;
}

bool identity_is_asked_for(const struct identity_names *names)
{
    return names->user != NULL || names->group != NULL || names->supplementary_groups != NULL;
}

int identity_take(struct identity *identity, const struct identity_lookup *lookup,
                  struct error *error)
{
    *identity = (struct identity){.has_user = false};
    if (!identity_is_asked_for(&lookup->names)) {
        return 0;
    }
    if (take_over(identity, lookup, error) == 0 && check_rights(identity, error) == 0) {
        return 0;
    }
    identity_free(identity);
    return -1;
}

int identity_write(const struct identity *identity, struct environment *environment,
                   struct error *error)
{
    const struct {
        const char *name;
        const char *value;
    } variables[] = {
        {"USER", identity->name},
        {"LOGNAME", identity->name},
        {"HOME", identity->home},
        {"SHELL", identity->shell},
    };
    for (size_t i = 0; identity->has_user && i < sizeof variables / sizeof variables[0]; i++) {
        if (variables[i].value == NULL) {
            environment_unset(environment, variables[i].name);
        } else if (environment_set(environment, variables[i].name, variables[i].value, error) !=
                   0) {
            return -1;
        }
    }
    return 0;
}

const char *identity_describe_user(const struct identity *identity, char *buffer, size_t size)
{
    if (identity->name != NULL) {
        snprintf(buffer, size, "user %s (%u)", identity->name, (unsigned)identity->uid);
    } else {
        snprintf(buffer, size, "user %u", (unsigned)identity->uid);
    }
    return buffer;
}

void identity_free(struct identity *identity)
{
    free(identity->groups);
    free(identity->name);
    free(identity->home);
    free(identity->shell);
    *identity = (struct identity){.has_user = false};
}
