#include "check.h"

#include "control_path.h"
#include "duration.h"
#include "plan.h"
#include "signal_name.h"

#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

static const char *name_unix_type(int socket_type)
{
    return socket_type == SOCK_STREAM ? "" : socket_type == SOCK_DGRAM ? "datagram " : "seqpacket ";
}

static void print_options(const struct listener_options *options)
{
    for (enum listener_option_id id = 0; id < LISTENER_OPTION_COUNT; id++) {
        const struct listener_value *value = listener_option_get(options, id);
        if (value != NULL) {
            printf(", %s%s%.*s", listener_option_rows[id].name, value->length > 0 ? "=" : "",
                   (int)value->length, value->text);
        }
    }
}

static void print_address(const struct address *address)
{
    const char *type = address->socket_type == SOCK_DGRAM ? "UDP" : "TCP";
    int length = address->length;
    switch (address->kind) {
    case ADDRESS_UNIX:
        printf("listen      unix %ssocket %.*s", name_unix_type(address->socket_type), length,
               address->text);
        break;
    case ADDRESS_ABSTRACT:
        printf("listen      abstract unix %ssocket @%.*s", name_unix_type(address->socket_type),
               length, address->text);
        break;
    case ADDRESS_ANY_IPV4:
        printf("listen      %s port %u, every IPv4 address", type, address->port);
        break;
    case ADDRESS_ANY:
        printf("listen      %s port %u, every IPv4 and IPv6 address", type, address->port);
        break;
    case ADDRESS_IPV6:
        printf("listen      %s [%.*s]:%u", type, length, address->text, address->port);
        break;
    case ADDRESS_HOST:
        printf("listen      %s %.*s:%u", type, length, address->text, address->port);
        break;
    }
    if (address->fd >= 0) {
        printf(", as descriptor %d", address->fd);
    }
    print_options(&address->options);
    putchar('\n');
}

static void print_duration(const char *name, int64_t ms, const char *when_zero)
{
    char text[32];
    printf("%-11s %s\n", name, ms > 0 ? duration_format(ms, text, sizeof text) : when_zero);
}

static void print_adoption(const struct options *options)
{
    if (options->adopt != ADOPT_OFF && options->address_count > 0) {
        printf("adopt       a server that binds these by itself%s\n",
               options->adopt == ADOPT_AUTO ? ", where the system lets it" : "");
    }
}

static void print_readiness(const struct options *options)
{
    switch (options->ready) {
    case READY_DELAY:
        printf("ready       when it has lived for --interval\n");
        break;
    case READY_NOTIFY:
        printf("ready       when it says READY=1 to NOTIFY_SOCKET\n");
        break;
    case READY_LISTEN:
        printf("ready       when it listens on an adopted socket\n");
        break;
    case READY_FD:
        printf("ready       when it writes a newline to descriptor %d\n", options->ready_fd);
        break;
    case READY_EXEC:
        printf("ready       when this exits 0: %s\n", options->ready_command);
        break;
    case READY_SOURCE_AUTO:
        printf("ready       when it says so, if the generation before did; else by --interval\n");
        break;
    }
}

static void print_control(const struct options *options)
{
    char name[CONTROL_NAME_SIZE];
    char path[CONTROL_PATH_SIZE];
    struct error error;
    if (options->control != NULL) {
        printf("control     %s\n", options->control);
        return;
    }
    control_default_name(options->command[0], name, sizeof name);
    if (control_path(options->name != NULL ? options->name : name, path, sizeof path, &error) ==
        0) {
        printf("control     %s\n", path);
    } else {
        printf("control     none: %s\n", error.text);
    }
}

static void print_file(const char *name, const char *path)
{
    if (path != NULL) {
        printf("%-11s %s\n", name, path);
    }
}

static void print_identity(const struct identity *identity)
{
    char user[300];
    if (identity->has_user) {
        printf("runs as     %s, group %u\n", identity_describe_user(identity, user, sizeof user),
               (unsigned)identity->gid);
    } else if (identity->has_group) {
        printf("runs as     group %u\n", (unsigned)identity->gid);
    }
}

static void print_plan(const struct options *options, const struct plan *plan)
{
    const struct lifecycle_settings *settings = &plan->settings;
    printf("command    ");
    for (char *const *word = options->command; *word != NULL; word++) {
        printf(" %s", *word);
    }
    putchar('\n');
    print_identity(&options->identity);
    print_file("directory", options->directory);
    for (size_t i = 0; i < options->address_count; i++) {
        print_address(&options->addresses[i]);
    }
    print_adoption(options);
    print_file("check", options->check);
    print_readiness(options);
    print_duration("interval", settings->interval_ms, "none");
    if (settings->ready_mode != READY_BY_AGE) {
        print_duration("timeout", settings->ready_timeout_ms, "none");
    }
    print_duration("old ones", settings->kill_old_delay_ms, "signalled as soon as it is ready");
    printf("signals     %s to an old generation, %s to all at a TERM\n",
           signal_name(options->signal_on_hup), signal_name(options->signal_on_term));
    print_duration("killed", settings->kill_timeout_ms, "never");
    print_duration("automatic", settings->auto_restart_ms, "no deploys by time");
    print_file("pid file", options->pid_file);
    print_file("status file", options->status_file);
    print_file("log", options->log_file);
    print_control(options);
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
    print_plan(options, &plan);
    return 0;
}
