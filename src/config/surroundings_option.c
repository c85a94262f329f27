#include "surroundings_option.h"

#include "ascii.h"
#include "option_value.h"
#include "signal_name.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

/* --- values ------------------------------------------------------------------------------------
 */

static const char *parse_bound(const char *text, rlim_t *bound)
{
    static const char infinity[] = "infinity";
    if (strncmp(text, infinity, sizeof infinity - 1) == 0) {
        *bound = RLIM_INFINITY;
        return text + sizeof infinity - 1;
    }
    const char *end;
    long number = ascii_parse_number(text, LONG_MAX, &end);
    *bound = (rlim_t)number;
    return number >= 0 ? end : NULL;
}

static int parse_limit(const char *text, struct surroundings_limit *limit, struct error *error)
{
    *limit = (struct surroundings_limit){.is_set = true};
    const char *end = parse_bound(text, &limit->soft);
    limit->hard = limit->soft;
    if (end != NULL && *end == ':') {
        end = parse_bound(end + 1, &limit->hard);
    }
    if (end == NULL || *end != '\0') {
        return error_set(error, "expected N, SOFT:HARD or infinity, got '%s'", text);
    }
    return limit->soft <= limit->hard /* infinity is the greatest number */
               ? 0
               : error_set(error, "expected a soft limit no higher than the hard one, got '%s'",
                           text);
}

static int parse_umask(const char *text, mode_t *mask, struct error *error)
{
    size_t length = strspn(text, "01234567");
    *mask = 0;
    for (size_t i = 0; i < length && *mask <= 0777; i++) {
        *mask = *mask * 8 + (mode_t)(text[i] - '0');
    }
    return length > 0 && text[length] == '\0' && *mask <= 0777
               ? 0
               : error_set(error, "expected an octal number from 0 to 777 such as 027, got '%s'",
                           text);
}

static int parse_signed(const char *text, int min, int max, int *number, struct error *error)
{
    const char *end;
    bool is_negative = *text == '-';
    long value = ascii_parse_number(text + (is_negative || *text == '+'),
                                    is_negative ? -(long)min : max, &end);
    if (value < 0 || *end != '\0') {
        return error_set(error, "expected a number from %d to %d, got '%s'", min, max, text);
    }
    *number = (int)(is_negative ? -value : value);
    return 0;
}

/* --- a setter for each option ------------------------------------------------------------------
 */

int set_user(struct options *options, const char *value, struct error *error)
{
    return parse_text(value, "a user's name or number", &options->surroundings.identity.user,
                      error);
}

int set_group(struct options *options, const char *value, struct error *error)
{
    return parse_text(value, "a group's name or number", &options->surroundings.identity.group,
                      error);
}

/* Nothing is a list, too: no groups. */
int set_supplementary_groups(struct options *options, const char *value, struct error *error)
{
    size_t length = strlen(value);
    if (*value == ',' || strstr(value, ",,") != NULL || (length > 0 && value[length - 1] == ',')) {
        return error_set(error, "expected groups with a comma between each two, got '%s'", value);
    }
    options->surroundings.identity.supplementary_groups = value;
    return 0;
}

int set_umask(struct options *options, const char *value, struct error *error)
{
    options->surroundings.has_umask = true;
    return parse_umask(value, &options->surroundings.umask, error);
}

int set_limit_nofile(struct options *options, const char *value, struct error *error)
{
    return parse_limit(value, &options->surroundings.open_files, error);
}

int set_limit_core(struct options *options, const char *value, struct error *error)
{
    return parse_limit(value, &options->surroundings.core, error);
}

int set_nice(struct options *options, const char *value, struct error *error)
{
    options->surroundings.has_nice = true;
    return parse_signed(value, -20, 19, &options->surroundings.nice, error);
}

int set_oom_score_adj(struct options *options, const char *value, struct error *error)
{
    int number;
    options->surroundings.oom_score_adj = value;
    return parse_signed(value, -1000, 1000, &number, error);
}

int set_no_new_privileges(struct options *options, const char *value, struct error *error)
{
    return parse_yes_or_no(value != NULL ? value : "yes", &options->surroundings.no_new_privileges,
                           error);
}

int set_parent_death_signal(struct options *options, const char *value, struct error *error)
{
    options->surroundings.parent_death_signal = signal_parse(value, error);
    return options->surroundings.parent_death_signal > 0 ? 0 : -1;
}

int set_environment(struct options *options, const char *value, struct error *error)
{
    const char *equals = strchr(value, '=');
    if (equals == NULL || equals == value) {
        return error_set(error, "expected NAME=VALUE, got '%s'", value);
    }
    const char **grown = realloc(options->variables, (options->variable_count + 1) * sizeof *grown);
    if (grown == NULL) {
        return error_set(error, "out of memory");
    }
    options->variables = grown;
    grown[options->variable_count++] = value;
    return 0;
}

int set_clear_environment(struct options *options, const char *value, struct error *error)
{
    return parse_yes_or_no(value != NULL ? value : "yes", &options->clear_environment, error);
}

int set_stdin(struct options *options, const char *value, struct error *error)
{
    const char **path = &options->surroundings.stdin_path;
    if (parse_text(value, "null, inherit or a file", path, error) != 0) {
        return -1;
    }
    if (strcmp(value, "null") == 0) {
        *path = "/dev/null";
    } else if (strcmp(value, "inherit") == 0) {
        *path = NULL;
    }
    return 0;
}
