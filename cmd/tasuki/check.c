#include "check.h"

#include "control_path.h"
#include "duration.h"
#include "plan.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

/* Each line begins with the name of its option, in a column as wide as the longest. */
#define NAME_FORMAT "%-22s"

static void print_line(const char *name, const char *value)
{
    printf(NAME_FORMAT "%s\n", name, value);
}

static void print_duration(const char *name, int64_t ms)
{
    char text[32];
    print_line(name, ms > 0 ? duration_format(ms, text, sizeof text) : "0");
}

static void print_command(const struct options *options)
{
    printf(NAME_FORMAT "%s", "command", options->command[0]);
    for (char *const *word = options->command + 1; *word != NULL; word++) {
        printf(" %s", *word);
    }
    putchar('\n');
}

/* --- addresses -------------------------------------------------------------------------------- */

static void print_listener_options(const struct listener_options *options)
{
    for (enum listener_option_id id = 0; id < LISTENER_OPTION_COUNT; id++) {
        const struct listener_value *value = listener_option_get(options, id);
        if (value != NULL) {
            printf(", %s%s%.*s", listener_option_rows[id].name, value->length > 0 ? "=" : "",
                   (int)value->length, value->text);
        }
    }
}

static const char *name_unix_type(int socket_type)
{
    return socket_type == SOCK_STREAM ? "" : socket_type == SOCK_DGRAM ? "datagram " : "seqpacket ";
}

static void print_address(const struct address *address)
{
    const char *type = address->socket_type == SOCK_DGRAM ? "UDP" : "TCP";
    int length = address->length;
    printf(NAME_FORMAT, "listen");
    switch (address->kind) {
    case ADDRESS_UNIX:
        printf("unix %ssocket %.*s", name_unix_type(address->socket_type), length, address->text);
        break;
    case ADDRESS_ABSTRACT:
        printf("abstract unix %ssocket @%.*s", name_unix_type(address->socket_type), length,
               address->text);
        break;
    case ADDRESS_ANY_IPV4:
        printf("%s port %u, every IPv4 address", type, address->port);
        break;
    case ADDRESS_ANY:
        printf("%s port %u, every IPv4 and IPv6 address", type, address->port);
        break;
    case ADDRESS_IPV6:
        printf("%s [%.*s]:%u", type, length, address->text, address->port);
        break;
    case ADDRESS_HOST:
        printf("%s %.*s:%u", type, length, address->text, address->port);
        break;
    }
    if (address->fd >= 0) {
        printf(", fd %d in workers", address->fd);
    }
    print_listener_options(&address->options);
    putchar('\n');
}

static void print_addresses(const struct options *options)
{
    for (size_t i = 0; i < options->address_count; i++) {
        print_address(&options->addresses[i]);
    }
}

/* --- options ---------------------------------------------------------------------------------- */

static void print_identity(const struct identity *identity)
{
    char user[300];
    char text[350];
    if (identity->has_user) {
        snprintf(text, sizeof text, "%s, group %u",
                 identity_describe_user(identity, user, sizeof user), (unsigned)identity->gid);
        print_line("runs as", text);
    } else if (identity->has_group) {
        snprintf(text, sizeof text, "group %u", (unsigned)identity->gid);
        print_line("runs as", text);
    }
}

static void print_control(const struct options *options)
{
    char name[CONTROL_NAME_SIZE];
    char path[CONTROL_PATH_SIZE];
    struct error error;
    control_default_name(options->command[0], name, sizeof name);
    if (options->control != NULL) {
        print_line("control", options->control);
    } else if (control_path(options->name != NULL ? options->name : name, path, sizeof path,
                            &error) == 0) {
        print_line("control", path);
    } else {
        printf(NAME_FORMAT "none: %s\n", "control", error.text);
    }
}

/* What was given, or the default. */
static void print_plain(const struct options *options, const struct option *option, int id)
{
    const char *field = (const char *)options + option->offset;
    if (option->kind == OPTION_DURATION) {
        print_duration(option->name, *(const int64_t *)(const void *)field);
    } else if (option->kind == OPTION_LIST) {
        const struct text_list *list = (const void *)field;
        for (size_t i = 0; i < list->count; i++) {
            print_line(option->name, list->items[i]);
        }
    } else if (options->values[id] != NULL) {
        print_line(option->name, options->values[id]);
    }
}

/* What the environment and the envdir say counts, too; the plan knows. */
static void print_option(const struct options *options, const struct plan *plan, int id)
{
    switch (id) {
    case OPTION_port:
        print_addresses(options);
        break;
    case OPTION_user:
        print_identity(&options->identity);
        break;
    case OPTION_kill_old_delay:
        print_duration("kill-old-delay", plan->settings.kill_old_delay_ms);
        break;
    case OPTION_auto_restart_interval:
        if (plan->settings.auto_restart_ms > 0) {
            print_duration("auto-restart-interval", plan->settings.auto_restart_ms);
        }
        break;
    case OPTION_control:
        print_control(options);
        break;
    case OPTION_path:
    case OPTION_group:
    case OPTION_enable_auto_restart:
        break; /* said with another */
    default:
        print_plain(options, &options_table.rows[id], id);
    }
}

int check_service(const struct options *options)
{
    const struct listener_set none = {.count = 0};
    const struct lifecycle_settings settings = plan_initial_settings(options);
    __attribute__((cleanup(plan_free))) struct plan plan;
    struct error error;
    if (plan_make(&plan, options, &none, 1, &settings, &error) != 0) {
        fprintf(stderr, "tasuki: %s\n", error.text);
        return 2;
    }
    if (plan.settings_problem.text[0] != '\0') {
        fprintf(stderr, "tasuki: %s\n", plan.settings_problem.text);
        return 2;
    }
    print_command(options);
    for (int id = 0; id < OPTION_COUNT; id++) {
        print_option(options, &plan, id);
    }
    return 0;
}
