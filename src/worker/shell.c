#include "shell.h"

#include "worker.h"

#include <paths.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* How long it is waited for the shell to be executed: what takes longer is known by its exit
 * status.
 */
#define PATIENCE_MS 90

static pid_t spawn(const struct shell_command *command, char *text, struct error *error)
{
    static const struct listener_set none = {.count = 0};
    char shell[] = _PATH_BSHELL;
    char option[] = "-c";
    char *const argv[] = {shell, option, text, NULL};
    struct worker_command worker = {
        .argv = argv,
        .environment = command->environment,
        .directory = command->directory,
        .listeners = &none,
        .identity = command->identity,
        .extra = {{.fd = command->stdin_fd, .worker_fd = STDIN_FILENO},
                  {.fd = command->stdout_fd, .worker_fd = STDOUT_FILENO},
                  {.fd = command->stderr_fd, .worker_fd = STDERR_FILENO}},
        .extra_count = 3,
        .is_apart = true,
        .own_group = true,
    };
    struct surroundings surroundings;
    if (command->surroundings != NULL) {
        surroundings = *command->surroundings;
        surroundings.stdin_path = NULL; /* the standard streams are the command's own */
        worker.surroundings = &surroundings;
    }
    struct worker_failure failure;
    struct worker_start *start = worker_begin(&worker, &failure);
    if (start == NULL) {
        return error_set(error, "%s", failure.error.text);
    }
    pid_t pid =
        worker_await(start, PATIENCE_MS) ? worker_finish(start, &failure) : worker_let_go(start);
    return pid > 0 ? pid : error_set(error, "%s", failure.error.text);
}

int shell_spawn(const struct shell_command *command, pid_t *pid, struct error *error)
{
    char *text = strdup(command->text);
    *pid = text != NULL ? spawn(command, text, error) : error_set(error, "out of memory");
    free(text);
    if (*pid < 0) {
        *pid = 0;
        return -1;
    }
    return 0;
}
