#include "plan.h"

#include "duration.h"
#include "envdir.h"
#include "inheritance.h"
#include "span.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define DEFAULT_AUTO_RESTART_MS INT64_C(360000)
#define DEFAULT_AUTO_KILL_OLD_DELAY_MS INT64_C(5000)
/* Where Debian and its like look for programs. */
#define CLEAR_PATH "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

/* Whether a deploy reads anew what it starts from: the configuration file, and who the workers'
   user is by now. */
static bool is_read_anew(const struct options *options)
{
    return options->config != NULL || identity_is_asked_for(&options->surroundings.identity);
}

struct lifecycle_settings plan_initial_settings(const struct options *options)
{
    return (struct lifecycle_settings){
        .interval_ms = options->interval_ms,
        .deploy_attempts = (unsigned)options->deploy_attempts,
        .backoff = options->backoff,
        .ready_mode = options->ready == READY_DELAY         ? READY_BY_AGE
                      : options->ready == READY_SOURCE_AUTO ? READY_AUTO
                                                            : READY_BY_REPORT,
        .ready_timeout_ms = options->ready_timeout_ms,
        .watchdog_ms = options->watchdog_ms,
        .kill_timeout_ms = options->kill_timeout_ms,
        .max_old = (unsigned)options->max_old,
        .stop_timeout_ms = options->stop_timeout_ms,
        .exit_with_worker = options->exit_with_worker,
        .start_limit = options->start_limit,
        .start_limit_ms = options->start_limit_ms,
        .has_check = options->check != NULL,
        .is_read = is_read_anew(options),
        .retire_signal = options->signal_on_hup,
    };
}

/* Server::Starter hands these options on as variables, and an envdir may set them anew. */
static int export_options(const struct options *options, struct environment *environment,
                          struct error *error)
{
    const struct {
        const char *name;
        const char *value;
    } exported[] = {
        {"ENVDIR", options->envdir},
        {"ENABLE_AUTO_RESTART", options->enable_auto_restart},
        {"AUTO_RESTART_INTERVAL", options->auto_restart_interval},
        {"KILL_OLD_DELAY", options->kill_old_delay},
    };
    for (size_t i = 0; i < sizeof exported / sizeof exported[0]; i++) {
        if (exported[i].value != NULL &&
            environment_set(environment, exported[i].name, exported[i].value, error) != 0) {
            return -1;
        }
    }
    return 0;
}

static void read_envdir(struct environment *environment, struct error *problem)
{
    const char *variable = environment_get(environment, "ENVDIR");
    problem->text[0] = '\0';
    if (variable == NULL || *variable == '\0') {
        return;
    }
    char path[4096]; /* a copy: the directory may set ENVDIR itself */
    snprintf(path, sizeof path, "%s", variable);
    struct error reason;
    if (envdir_read(path, environment, &reason) != 0) {
        error_set(problem, "envdir %.200s: %.280s", path, reason.text);
    }
}

/* --clear-environment leaves PATH, without which little works, and the variables that are options
   of this program. */
static int keep_little(struct environment *environment, struct error *error)
{
    static const char *const kept[] = {"ENVDIR", "ENABLE_AUTO_RESTART", "AUTO_RESTART_INTERVAL",
                                       "KILL_OLD_DELAY"};
    static char *const nothing[] = {NULL};
    if (environment_copy(environment, nothing, error) != 0 ||
        environment_set(environment, "PATH", CLEAR_PATH, error) != 0) {
        return -1;
    }
    for (size_t i = 0; i < sizeof kept / sizeof kept[0]; i++) {
        const char *value = getenv(kept[i]);
        if (value != NULL && environment_set(environment, kept[i], value, error) != 0) {
            return -1;
        }
    }
    return 0;
}

static int set_given(const struct options *options, struct environment *environment,
                     struct error *error)
{
    for (size_t i = 0; i < options->variables.count; i++) {
        if (environment_put(environment, options->variables.items[i], error) != 0) {
            return -1;
        }
    }
    return 0;
}

int plan_make_environment(struct environment *environment, const struct options *options,
                          struct error *envdir_problem, struct error *error)
{
    int result = options->clear_environment ? keep_little(environment, error)
                                            : environment_copy(environment, environ, error);
    inheritance_clear(environment); /* and not what the operator says below */
    if (result != 0 || identity_write(&options->identity, environment, error) != 0 ||
        set_given(options, environment, error) != 0 ||
        export_options(options, environment, error) != 0) {
        environment_free(environment);
        return -1;
    }
    read_envdir(environment, envdir_problem);
    return 0;
}

/* True if the variable is set and not empty; then `milliseconds` has its value, unless that made no
   sense and the problem was noted. */
static bool read_duration(struct plan *plan, const char *name, int64_t *milliseconds)
{
    const char *value = environment_get(&plan->environment, name);
    if (value == NULL || *value == '\0') {
        return false;
    }
    struct error reason;
    if (duration_parse(value, milliseconds, &reason) != 0) {
        error_set(&plan->settings_problem, "%s: %.400s", name, reason.text);
    }
    return true;
}

/* Anything but nothing, 0 and the words for no means yes. */
static bool read_yes(const struct plan *plan, const char *name)
{
    const char *value = environment_get(&plan->environment, name);
    return value != NULL && *value != '\0' && span_parse_answer(span_of(value)) != 0;
}

static void read_settings(struct plan *plan, const struct lifecycle_settings *before,
                          int64_t probation_ms)
{
    bool is_automatic = read_yes(plan, "ENABLE_AUTO_RESTART");
    int64_t every = before->auto_restart_ms > 0 ? before->auto_restart_ms : DEFAULT_AUTO_RESTART_MS;
    if (!read_duration(plan, "AUTO_RESTART_INTERVAL", &every) || every == 0) {
        every = DEFAULT_AUTO_RESTART_MS;
    }
    plan->settings.auto_restart_ms = is_automatic ? every : 0;
    plan->settings.kill_old_delay_ms = before->kill_old_delay_ms;
    if (!read_duration(plan, "KILL_OLD_DELAY", &plan->settings.kill_old_delay_ms)) {
        plan->settings.kill_old_delay_ms = is_automatic ? DEFAULT_AUTO_KILL_OLD_DELAY_MS : 0;
    }
    if (plan->settings.kill_old_delay_ms < probation_ms) {
        plan->settings.kill_old_delay_ms = probation_ms;
    }
}

int plan_make(struct plan *plan, const struct options *options,
              const struct listener_set *listeners, uint64_t generation,
              const struct lifecycle_settings *settings_before, struct error *error)
{
    *plan = (struct plan){.settings = plan_initial_settings(options)};
    if (plan_make_environment(&plan->environment, options, &plan->envdir_problem, error) != 0) {
        return -1;
    }
    read_settings(plan, settings_before, options->probation_ms);
    if (inheritance_write(options->inherit, listeners, generation, &plan->environment, error) !=
        0) {
        plan_free(plan);
        return -1;
    }
    return 0;
}

int plan_validate(const struct options *options, struct error *error)
{
    const struct listener_set none = {.count = 0};
    const struct lifecycle_settings settings = plan_initial_settings(options);
    __attribute__((cleanup(plan_free))) struct plan plan;
    if (plan_make(&plan, options, &none, 1, &settings, error) != 0) {
        return -1;
    }
    return plan.settings_problem.text[0] == '\0'
               ? 0
               : error_set(error, "%s", plan.settings_problem.text);
}

void plan_free(struct plan *plan)
{
    environment_free(&plan->environment);
}
