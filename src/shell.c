#include "shell.h"

#include <errno.h>
#include <paths.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int set_actions(const struct shell_command *command, posix_spawn_file_actions_t *actions)
{
    int result = posix_spawn_file_actions_adddup2(actions, command->stdin_fd, STDIN_FILENO);
    if (result == 0) {
        result = posix_spawn_file_actions_adddup2(actions, command->stdout_fd, STDOUT_FILENO);
    }
    if (result == 0) {
        result = posix_spawn_file_actions_adddup2(actions, command->stderr_fd, STDERR_FILENO);
    }
    if (result == 0 && command->directory != NULL) {
        result = posix_spawn_file_actions_addchdir_np(actions, command->directory);
    }
    return result;
}

static void set_attributes(posix_spawnattr_t *attributes)
{
    sigset_t every;
    sigset_t none;
    sigfillset(&every);
    sigemptyset(&none);
    posix_spawnattr_setsigdefault(attributes, &every);
    posix_spawnattr_setsigmask(attributes, &none);
    posix_spawnattr_setflags(attributes, POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK |
                                             POSIX_SPAWN_SETPGROUP);
}

static int spawn(const struct shell_command *command, char *text, pid_t *pid)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    char name[] = "sh";
    char option[] = "-c";
    char *const argv[] = {name, option, text, NULL};
    posix_spawn_file_actions_init(&actions);
    posix_spawnattr_init(&attributes);
    set_attributes(&attributes);
    int result = set_actions(command, &actions);
    if (result == 0) {
        result = posix_spawn(pid, _PATH_BSHELL, &actions, &attributes, argv, command->environment);
    }
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    return result;
}

int shell_spawn(const struct shell_command *command, pid_t *pid)
{
    char *text = strdup(command->text);
    int result = text != NULL ? spawn(command, text, pid) : ENOMEM;
    free(text);
    return result;
}
