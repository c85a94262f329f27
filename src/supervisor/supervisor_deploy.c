/*
 * What the supervisor starts generations from: which configuration and which listeners are in
 * force, and what a deploy makes ready before anything is started for it. The configuration file is
 * read, new listeners are bound, then the check runs; what goes wrong on the way is the deploy's
 * failure, and then nothing has changed.
 */
#include "last_words.h"
#include "log.h"
#include "plan.h"
#include "supervisor_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- which release ------------------------------------------------------------------------------
 */

struct release *supervisor_release(const struct supervisor *supervisor)
{
    return *supervisor->setup->release;
}

const struct options *supervisor_options(const struct supervisor *supervisor)
{
    return release_options(supervisor_release(supervisor));
}

struct release *supervisor_release_of_deploy(const struct supervisor *supervisor, uint64_t deploy)
{
    bool is_prepared = supervisor->prepared != NULL && deploy == supervisor->prepared_deploy;
    return is_prepared ? supervisor->prepared : supervisor_release(supervisor);
}

static void forget_prepared(struct supervisor *supervisor)
{
    release_drop(supervisor->prepared);
    supervisor->prepared = NULL;
    supervisor->prepared_deploy = 0;
}

static void announce_closing(const struct listener_set *before, const struct listener_set *now)
{
    for (size_t i = 0; i < before->count; i++) {
        if (!listener_set_has(now, before->items[i].fd)) {
            log_info("%s is closed when the last generation that has it is gone",
                     before->items[i].name);
        }
    }
}

/* A generation took over: what it was started from is what the dead are replaced with. */
static void put_in_force(struct supervisor *supervisor, uint64_t generation)
{
    const struct family *family = supervisor_find_family(supervisor, generation);
    struct release *before = supervisor_release(supervisor);
    if (family == NULL || family->release == NULL || family->release == before) {
        return;
    }
    announce_closing(&before->listeners, &family->release->listeners);
    *supervisor->setup->release = release_hold(family->release);
    supervisor_follow_release(supervisor, before);
    release_drop(before);
    listener_set_settle(&family->release->listeners, release_options(family->release)->backlog);
}

void supervisor_follow_report(struct supervisor *supervisor, const struct lifecycle_action *report)
{
    switch (report->report) {
    case REPORT_READY:
    case REPORT_ROLLED_BACK:
        put_in_force(supervisor, report->generation);
        break;
    case REPORT_DEPLOY_SUCCEEDED:
    case REPORT_DEPLOY_FAILED:
    case REPORT_DEPLOY_STOPPED:
        if (report->deploy == supervisor->prepared_deploy) {
            forget_prepared(supervisor);
        }
        break;
    default:
        break;
    }
}

/* --- making ready ----------------------------------------------------------------------------- */

static void refuse(struct supervisor *supervisor, enum deploy_failure reason, const char *words)
{
    console_set_last_words(supervisor->console, words, NULL);
    driver_post(supervisor->driver,
                &(struct lifecycle_event){.kind = EVENT_CHECKED, .ok = false, .reason = reason});
}

static void refuse_for_error(struct supervisor *supervisor, enum deploy_failure reason,
                             const struct error *error)
{
    log_error("%s", error->text);
    refuse(supervisor, reason, error->text);
}

/* The log has them all, those who wait as many as fit. */
static void refuse_for_mistakes(struct supervisor *supervisor, const struct config_errors *errors)
{
    char words[LAST_WORDS_SIZE] = "";
    size_t length = 0;
    for (size_t i = 0; i < errors->kept; i++) {
        const char *text = errors->items[i].text;
        log_error("%s", text);
        if (length + strlen(text) + 2 < sizeof words) {
            length += (size_t)snprintf(words + length, sizeof words - length, "%s%s",
                                       length > 0 ? "\n" : "", text);
        }
    }
    refuse(supervisor, FAILURE_CONFIGURATION, words);
}

/* What cannot change in a running supervisor is told and left as it is. */
static void tell_fixed_changes(const struct supervisor *supervisor,
                               const struct configuration *next)
{
    char keys[256];
    if (configuration_fixed_changes(supervisor->setup->configuration, next, keys, sizeof keys)) {
        log_warning("%s: what changed of these takes effect at the next start: %s",
                    next->options.config, keys);
    }
}

static void announce_opened(const struct listener_set *before, const struct listener_set *now)
{
    for (size_t i = 0; i < now->count; i++) {
        const struct listener *listener = &now->items[i];
        if (!listener_set_has(before, listener->fd)) {
            supervisor_describe_listener(listener);
        } else if (listener->warning != NULL) {
            log_warning("%s stays open: %s", listener->name, listener->warning);
        }
    }
}

/* A socket that is asked for again may still be that of a generation which was to leave, or never
   got ready: it cannot be bound twice, but shared. */
static struct release *follow(const struct supervisor *supervisor,
                              struct configuration *configuration, struct error *error)
{
    size_t count = 1;
    for (const struct family *one = supervisor->families; one != NULL; one = one->next) {
        count++;
    }
    const struct release **others = calloc(count, sizeof(void *));
    if (others == NULL) {
        error_set(error, "out of memory");
        return NULL;
    }
    others[0] = supervisor_release(supervisor);
    count = 1;
    for (const struct family *one = supervisor->families; one != NULL; one = one->next) {
        if (one->release != NULL) {
            others[count++] = one->release;
        }
    }
    struct release *release = release_follow(configuration, others, count, error);
    free(others);
    return release;
}

/* Reads the configuration anew and opens what is new in it. Returns true when the deploy can go on;
   else it has been refused. */
static bool prepare(struct supervisor *supervisor, uint64_t deploy)
{
    __attribute__((cleanup(config_errors_free))) struct config_errors errors = {.count = 0};
    struct error error;
    forget_prepared(supervisor);
    struct configuration *configuration =
        configuration_read_again(supervisor->setup->configuration, &errors);
    if (configuration == NULL) {
        refuse_for_mistakes(supervisor, &errors);
        return false;
    }
    if (plan_validate(&configuration->options, &error) != 0) {
        refuse_for_error(supervisor, FAILURE_CONFIGURATION, &error);
        configuration_release(configuration);
        return false;
    }
    const struct release *before = supervisor_release(supervisor);
    struct release *release = follow(supervisor, configuration, &error);
    configuration_release(configuration);
    if (release == NULL) {
        refuse_for_error(supervisor, FAILURE_LISTENERS, &error);
        return false;
    }
    tell_fixed_changes(supervisor, release->configuration);
    announce_opened(&before->listeners, &release->listeners);
    supervisor->prepared = release;
    supervisor->prepared_deploy = deploy;
    return true;
}

/* --- the check -------------------------------------------------------------------------------- */

static int start_check(struct supervisor *supervisor, const struct options *options,
                       struct error *error)
{
    __attribute__((cleanup(plan_free))) struct plan plan;
    if (plan_prepare(&plan, options, error) != 0) {
        return -1;
    }
    const struct helper_command command = {.text = options->check,
                                           .directory = options->directory,
                                           .environment = plan.environment.entries,
                                           .surroundings = &options->surroundings,
                                           .identity = &plan.identity,
                                           .capture = true};
    return hooks_start_check(&supervisor->hooks, &command,
                             (double)options->check_timeout_ms / 1000.0, error);
}

/* One that hangs is replaced by what it was: only others have the configuration read. */
void supervisor_check(struct supervisor *supervisor, const struct lifecycle_action *action)
{
    bool is_read = supervisor->setup->configuration->options.config != NULL &&
                   action->deploy != 0 && action->cause != CAUSE_WATCHDOG;
    if (is_read && !prepare(supervisor, action->deploy)) {
        return;
    }
    const struct options *options =
        release_options(supervisor_release_of_deploy(supervisor, action->deploy));
    struct error error;
    if (options->check == NULL) {
        driver_post(supervisor->driver,
                    &(struct lifecycle_event){.kind = EVENT_CHECKED, .ok = true});
        return;
    }
    supervisor_tell(supervisor, &(struct lifecycle_action){.kind = ACTION_REPORT,
                                                           .report = REPORT_CHECK_STARTED,
                                                           .deploy = action->deploy});
    if (start_check(supervisor, options, &error) != 0) {
        log_error("--check: %s", error.text);
        refuse(supervisor, FAILURE_CHECK, error.text);
    }
}
