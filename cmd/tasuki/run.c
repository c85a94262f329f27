#include "run.h"

#include "adoption_filter.h"
#include "daemon.h"
#include "descriptor.h"
#include "log.h"
#include "log_file.h"
#include "open_files.h"
#include "pid_file.h"
#include "plan.h"
#include "release.h"
#include "service_manager.h"
#include "signals.h"
#include "status_file.h"
#include "supervisor.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { EXIT_SETUP_FAILED = 1, EXIT_BAD_OPTIONS = 2 };

struct service {
    struct configuration *configuration;
    const struct options *options; /* of it */
    struct status_file status_file;
    struct pid_file pid_file;
    struct log_file log_file;
    struct activation activation; /* until the listeners have it */
    struct release *release;      /* the supervisor puts another one here at a deploy */
    struct service_manager manager;
    int report_fd; /* to the foreground process of --daemonize; -1: there is none */
};

/* The supervisor's own descriptors stay clear of the numbers that the listeners take. */
static int descriptor_floor(const struct options *options)
{
    return 3 + (int)listener_count(options->addresses, options->address_count);
}

static void raise_descriptors(struct service *service)
{
    int floor = descriptor_floor(service->options);
    struct log_file *log = &service->log_file;
    service->pid_file.fd = descriptor_raise(service->pid_file.fd, floor);
    log->fd = descriptor_raise(log->fd, floor);
    log->reader_fd = descriptor_raise(log->reader_fd, floor);
    log->stdout_fd = descriptor_raise(log->stdout_fd, floor);
    log->stderr_fd = descriptor_raise(log->stderr_fd, floor);
}

/* A service manager that cannot be spoken to is no reason not to serve. */
static void find_manager(struct service *service)
{
    struct error error;
    if (service_manager_open(&service->manager, descriptor_floor(service->options), &error) != 0) {
        log_warning("%s; continuing without a service manager", error.text);
    }
}

/* --adopt=on fails at once where adoption is impossible. */
static int check_adoption(const struct options *options, struct error *error)
{
    struct adoption_filter filter;
    struct error reason;
    if (options->adopt != ADOPT_ON) {
        return 0;
    }
    adoption_filter_build(&filter, true);
    return adoption_filter_probe(&filter, &reason) == 0
               ? 0
               : error_set(error, "--adopt=on: %s", reason.text);
}

/* What the store had from a supervisor before and nobody asks for any more. */
static void forget_unclaimed(struct service *service)
{
    struct activation *activation = &service->activation;
    struct error error;
    for (size_t i = 0; i < activation->count; i++) {
        struct activated_socket *socket = &activation->items[i];
        if (socket->fd < 0 || socket->stored_name == NULL) {
            continue;
        }
        log_info("closing %s: it was kept open, but is no longer configured", socket->stored_name);
        unix_file_remove(&socket->file, ((struct sockaddr_un *)&socket->address)->sun_path);
        if (service_manager_unstore(&service->manager, socket->stored_name, &error) != 0) {
            log_warning("%s", error.text);
        }
    }
}

static int set_up(struct service *service, struct error *error)
{
    const struct options *options = service->options;
    log_open(&options->log, descriptor_floor(options));
    find_manager(service);
    if (status_file_check(&service->status_file, error) != 0) {
        return -1;
    }
    if (options->pid_file != NULL &&
        pid_file_acquire(&service->pid_file, options->pid_file, error) != 0) {
        return -1;
    }
    if (log_file_open(&service->log_file, options->log_file, error) != 0) {
        return -1;
    }
    raise_descriptors(service);
    if (check_adoption(options, error) != 0) {
        return -1;
    }
    service->release = release_open(service->configuration, &service->activation, error);
    if (service->release == NULL) {
        return -1;
    }
    forget_unclaimed(service);
    if (options->daemonize && daemon_start(&service->report_fd, error) != 0) {
        return -1;
    }
    if (options->daemonize) {
        log_file_detach(&service->log_file);
    }
    if (pid_file_write(&service->pid_file, error) != 0 ||
        log_file_start_command(&service->log_file, error) != 0 ||
        log_file_redirect(&service->log_file, error) != 0) {
        return -1;
    }
    log_follow_stream();
    return 0;
}

/* The pid file last: a client that waits for its lock finds everything else done. */
static void take_down(struct service *service)
{
    status_file_remove(&service->status_file);
    if (service->release != NULL && service_manager_keeps(&service->manager)) {
        listener_set_leave_files(&service->release->listeners);
    }
    release_drop(service->release);
    service_manager_close(&service->manager);
    log_close(); /* before the log command can see the end of its pipe */
    log_file_close(&service->log_file);
    pid_file_release(&service->pid_file);
}

/* The foreground process of --daemonize says it; without one, this one does. */
static void report_failure(struct service *service, int status, const struct error *error)
{
    char message[sizeof error->text + 32];
    snprintf(message, sizeof message, "%s: %s\n", personality_name(service->options->personality),
             error->text);
    if (service->report_fd < 0) {
        fputs(message, stderr);
    } else {
        daemon_report(&service->report_fd, status, message);
    }
}

int run_service(struct configuration *configuration)
{
    const struct options *options = &configuration->options;
    struct service service = {
        .configuration = configuration,
        .options = options,
        .status_file = {.path = options->status_file},
        .pid_file = {.fd = -1},
        .log_file = {.fd = -1, .reader_fd = -1, .stdout_fd = -1, .stderr_fd = -1},
        .manager = {.fd = -1, .marker_fd = -1},
        .report_fd = -1,
    };
    struct error error;
    if (plan_validate(options, &error) != 0 || activation_take(&service.activation, &error) != 0) {
        report_failure(&service, EXIT_BAD_OPTIONS, &error);
        return EXIT_BAD_OPTIONS;
    }
    open_files_raise();
    signals_block(options);
    int status = EXIT_SETUP_FAILED;
    bool is_set_up = set_up(&service, &error) == 0;
    activation_free(&service.activation);
    if (is_set_up) {
        error.text[0] = '\0';
        status = supervisor_run(&(struct supervisor_setup){
            .options = options,
            .configuration = configuration,
            .release = &service.release,
            .status_file = &service.status_file,
            .log_file = &service.log_file,
            .manager = &service.manager,
            .report_fd = &service.report_fd,
            .failure = &error,
        });
    }
    /* Nothing of the service is left when the report comes. */
    take_down(&service);
    if (!is_set_up || service.report_fd >= 0) {
        if (error.text[0] == '\0') { /* which is no failure, but for those who wait for a start */
            error_set(&error, "stopped before a worker was started");
        }
        report_failure(&service, status != EXIT_SUCCESS ? status : EXIT_SETUP_FAILED, &error);
    }
    return status;
}
