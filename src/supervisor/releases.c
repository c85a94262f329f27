#include "releases.h"

#include "builder.h"
#include "last_words.h"
#include "log.h"
#include "plan.h"
#include "worker.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>

/* --- which release ------------------------------------------------------------------------------
 */

static struct release *in_force(const struct releases *releases)
{
    return *releases->setup.in_force;
}

const struct options *releases_options(const struct releases *releases)
{
    return release_options(in_force(releases));
}

struct release *releases_of_deploy(const struct releases *releases, uint64_t deploy)
{
    bool is_prepared = releases->prepared != NULL && deploy == releases->prepared_deploy;
    return is_prepared ? releases->prepared : in_force(releases);
}

static void forget_prepared(struct releases *releases)
{
    release_drop(releases->prepared);
    releases->prepared = NULL;
    releases->prepared_deploy = 0;
}

/* A port without a host is a name of its own (SERVER_STARTER_PORT), but says too little here. */
static void log_listener(const struct listener *listener)
{
    const char *host =
        listener->name[strspn(listener->name, "0123456789")] == '\0' ? "0.0.0.0:" : "";
    const char *type = listener->socket_type == SOCK_SEQPACKET ? "seqpacket, "
                       : listener->socket_type == SOCK_STREAM  ? ""
                       : listener->family == AF_UNIX           ? "datagram, "
                                                               : "UDP, ";
    log_info("listening on %s%s (%sfd %d in workers%s)", host, listener->name, type,
             listener->worker_fd, listener->origin == LISTENER_KEPT ? ", kept open" : "");
    if (listener->warning != NULL) {
        log_warning("listening on %s%s: %s", host, listener->name, listener->warning);
    }
}

void releases_log_listeners(const struct releases *releases)
{
    const struct listener_set *listeners = &in_force(releases)->listeners;
    struct error gap;
    for (size_t i = 0; i < listeners->count; i++) {
        log_listener(&listeners->items[i]);
    }
    if (inheritance_has_gap(releases_options(releases)->inherit, listeners, &gap)) {
        log_warning("%s", gap.text);
    }
}

static void announce_closing(const struct listener_set *before, const struct listener_set *now)
{
    for (size_t i = 0; i < before->count; i++) {
        if (!listener_set_has(now, before->items[i].fd)) {
            log_info("closing %s when the last generation that uses it exits",
                     before->items[i].name);
        }
    }
}

/* A generation took over: what it was started from is what the dead are replaced with. */
static void put_in_force(struct releases *releases, uint64_t generation)
{
    const struct family *family = crew_find(releases->setup.crew, generation);
    struct release *before = in_force(releases);
    if (family == NULL || family->release == NULL || family->release == before) {
        return;
    }
    announce_closing(&before->listeners, &family->release->listeners);
    *releases->setup.in_force = release_hold(family->release);
    releases->setup.on_change(releases->setup.context, before);
    release_drop(before);
    listener_set_settle(&family->release->listeners, release_options(family->release)->backlog);
}

void releases_on_report(void *context, const struct lifecycle_action *report)
{
    struct releases *releases = context;
    switch (report->report) {
    case REPORT_READY:
    case REPORT_ROLLED_BACK:
        put_in_force(releases, report->generation);
        break;
    case REPORT_DEPLOY_SUCCEEDED:
    case REPORT_DEPLOY_FAILED:
    case REPORT_DEPLOY_STOPPED:
        if (report->deploy == releases->prepared_deploy) {
            forget_prepared(releases);
        }
        break;
    default:
        break;
    }
}

/* --- answers ---------------------------------------------------------------------------------- */

static void accept_release(const struct releases *releases)
{
    releases->setup.on_checked(releases->setup.context,
                               &(struct lifecycle_event){.kind = EVENT_CHECKED, .ok = true}, "",
                               NULL);
}

static void refuse(const struct releases *releases, enum deploy_failure reason,
                   const char *sentence, const char *words)
{
    releases->setup.on_checked(
        releases->setup.context,
        &(struct lifecycle_event){.kind = EVENT_CHECKED, .ok = false, .reason = reason}, sentence,
        words);
}

static void refuse_for_error(const struct releases *releases, enum deploy_failure reason,
                             const struct error *error)
{
    log_error("%s", error->text);
    refuse(releases, reason, error->text, error->text);
}

/* The log has them all, those who wait as many as fit. */
static void refuse_for_config_errors(const struct releases *releases,
                                     const struct config_errors *errors)
{
    char words[LAST_WORDS_SIZE];
    struct builder builder = builder_in(words, sizeof words);
    for (size_t i = 0; i < errors->kept; i++) {
        const char *text = errors->items[i].text;
        log_error("%s", text);
        builder_add(&builder, "%s%s", builder.length > 0 ? "\n" : "", text);
    }
    refuse(releases, FAILURE_CONFIGURATION, words, words);
}

/* --- the check -------------------------------------------------------------------------------- */

static int start_check(struct releases *releases, const struct options *options,
                       struct error *error)
{
    __attribute__((cleanup(environment_free))) struct environment environment;
    struct error envdir_problem; /* is told at the start */
    if (plan_make_environment(&environment, options, &envdir_problem, error) != 0) {
        return -1;
    }
    const struct helper_command command = {.text = options->check,
                                           .directory = options->directory,
                                           .environment = environment.entries,
                                           .surroundings = &options->surroundings,
                                           .identity = &options->identity,
                                           .capture = true};
    return hooks_start_check(releases->setup.hooks, &command,
                             (double)options->check_timeout_ms / 1000.0, error);
}

static void check(struct releases *releases, uint64_t deploy)
{
    const struct options *options = release_options(releases_of_deploy(releases, deploy));
    struct error error;
    if (options->check == NULL) {
        accept_release(releases);
        return;
    }
    releases->setup.on_report(releases->setup.context,
                              &(struct lifecycle_action){.kind = ACTION_REPORT,
                                                         .report = REPORT_CHECK_STARTED,
                                                         .deploy = deploy});
    if (start_check(releases, options, &error) != 0) {
        log_error("--check: %s", error.text);
        refuse(releases, FAILURE_CHECK, error.text, error.text);
    }
}

void releases_on_check_exited(struct releases *releases, int status, const char *words)
{
    struct error error;
    char ending[64];
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0) {
        accept_release(releases);
        return;
    }
    error_set(&error, "the check %s", worker_describe_exit(status, ending, sizeof ending));
    log_error("%s", error.text);
    log_text(LOG_LEVEL_ERROR, "check: ", words);
    refuse(releases, FAILURE_CHECK, error.text, words);
}

/* --- preparing ----------------------------------------------------------------------------------
 */

/* What cannot change in a running supervisor is told and left as it is. */
static void tell_fixed_changes(const struct releases *releases, const struct configuration *next)
{
    char keys[256];
    if (configuration_fixed_changes(releases->setup.configuration, next, keys, sizeof keys)) {
        log_warning("%s: changes to these options take effect after a stop and start: %s",
                    next->options.config, keys);
    }
}

static void announce_opened(const struct listener_set *before, const struct listener_set *now)
{
    for (size_t i = 0; i < now->count; i++) {
        const struct listener *listener = &now->items[i];
        if (!listener_set_has(before, listener->fd)) {
            log_listener(listener);
        } else if (listener->warning != NULL) {
            log_warning("%s stays open: %s", listener->name, listener->warning);
        }
    }
}

/* A socket that is asked for again may still be that of a generation which was to leave, or never
   got ready: it cannot be bound twice, but shared. */
static struct release *follow(const struct releases *releases, struct configuration *configuration,
                              struct error *error)
{
    size_t count = 1;
    for (const struct family *one = releases->setup.crew->families; one != NULL; one = one->next) {
        count++;
    }
    const struct release **others = calloc(count, sizeof(void *));
    if (others == NULL) {
        error_set(error, "out of memory");
        return NULL;
    }
    others[0] = in_force(releases);
    count = 1;
    for (const struct family *one = releases->setup.crew->families; one != NULL; one = one->next) {
        if (one->release != NULL) {
            others[count++] = one->release;
        }
    }
    struct release *release = release_follow(configuration, others, count, error);
    free(others);
    return release;
}

static void forget_preparation(struct releases *releases)
{
    struct preparation *preparation = &releases->preparation;
    aside_cancel(&preparation->aside);
    lookup_free(preparation->lookup);
    configuration_release(preparation->configuration);
    *preparation = (struct preparation){.deploy = 0};
}

/* The last step: binds what is new. Takes the configuration over. */
static void open_release(struct releases *releases, uint64_t deploy,
                         struct configuration *configuration)
{
    struct error error;
    const struct release *before = in_force(releases);
    struct release *release = follow(releases, configuration, &error);
    configuration_release(configuration);
    if (release == NULL) {
        refuse_for_error(releases, FAILURE_LISTENERS, &error);
        return;
    }
    tell_fixed_changes(releases, release->configuration);
    announce_opened(&before->listeners, &release->listeners);
    releases->prepared = release;
    releases->prepared_deploy = deploy;
    check(releases, deploy);
}

static void on_looked_up(void *context, enum aside_outcome outcome)
{
    struct releases *releases = context;
    struct preparation *preparation = &releases->preparation;
    struct configuration *configuration = configuration_hold(preparation->configuration);
    struct error problem;
    struct error error;
    bool is_done = outcome == ASIDE_DONE;
    if (!is_done) {
        aside_explain(outcome, ASIDE_SECONDS, &problem);
    }
    enum lookup_failure failure = lookup_take(preparation->lookup, is_done ? NULL : &problem,
                                              &configuration->options, &error);
    uint64_t deploy = preparation->deploy;
    forget_preparation(releases);
    if (failure == LOOKUP_SUCCEEDED && plan_validate(&configuration->options, &error) == 0) {
        open_release(releases, deploy, configuration);
        return;
    }
    configuration_release(configuration);
    refuse_for_error(releases,
                     failure == LOOKUP_OF_LISTENERS ? FAILURE_LISTENERS : FAILURE_CONFIGURATION,
                     &error);
}

static void read_configuration(struct releases *releases)
{
    __attribute__((cleanup(config_errors_free))) struct config_errors errors = {.count = 0};
    struct preparation *preparation = &releases->preparation;
    struct error error;
    preparation->configuration = configuration_read_again(releases->setup.configuration, &errors);
    if (preparation->configuration == NULL) {
        forget_preparation(releases);
        refuse_for_config_errors(releases, &errors);
        return;
    }
    preparation->lookup = lookup_new(&preparation->configuration->options);
    if (preparation->lookup == NULL) {
        error_set(&error, "out of memory");
    }
    if (preparation->lookup == NULL ||
        aside_start(&preparation->aside, releases->setup.loop, lookup_perform, preparation->lookup,
                    ASIDE_SECONDS, on_looked_up, releases, &error) != 0) {
        forget_preparation(releases);
        refuse_for_error(releases, FAILURE_CONFIGURATION, &error);
    }
}

static void on_reached(void *context, enum aside_outcome outcome)
{
    struct releases *releases = context;
    struct error problem;
    struct error error;
    if (outcome == ASIDE_DONE) {
        read_configuration(releases);
        return;
    }
    aside_explain(outcome, ASIDE_SECONDS, &problem);
    error_set(&error, "cannot read %.300s: %.100s", releases->setup.configuration->options.config,
              problem.text);
    forget_preparation(releases);
    refuse_for_error(releases, FAILURE_CONFIGURATION, &error);
}

/* Whether it is there and makes sense is found out later. */
static void reach_file(void *path)
{
    char *text;
    size_t size;
    struct error ignored;
    if (config_file_read(path, &text, &size, &ignored) == 0) {
        free(text);
    }
}

/* A file system that does not answer holds up a process aside, and not the service. */
static void prepare(struct releases *releases, uint64_t deploy)
{
    struct error error;
    const char *path = releases->setup.configuration->options.config;
    forget_prepared(releases);
    forget_preparation(releases);
    releases->preparation.deploy = deploy;
    if (path == NULL) {
        read_configuration(releases);
    } else if (aside_start(&releases->preparation.aside, releases->setup.loop, reach_file,
                           (void *)path, ASIDE_SECONDS, on_reached, releases, &error) != 0) {
        refuse_for_error(releases, FAILURE_CONFIGURATION, &error);
    }
}

void releases_check(struct releases *releases, const struct lifecycle_action *action)
{
    if (action->is_read) {
        prepare(releases, action->deploy);
    } else {
        check(releases, action->deploy);
    }
}

void releases_cancel_check(struct releases *releases)
{
    forget_preparation(releases);
    hooks_cancel_check(releases->setup.hooks);
}

void releases_init(struct releases *releases, const struct releases_setup *setup)
{
    *releases = (struct releases){.setup = *setup};
}

void releases_close(struct releases *releases)
{
    forget_preparation(releases);
    forget_prepared(releases);
}
