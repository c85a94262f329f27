#include "restart_option.h"

#include "command.h"
#include "file_client.h"
#include "target.h"

#include <stdio.h>

/* The control socket on which that process listens: its name, or false. */
static bool find_control(pid_t pid, char name[CONTROL_NAME_SIZE])
{
    struct target_list list;
    bool is_found = false;
    if (targets_find(&list, &(struct error){.text = ""}) != 0) {
        return false;
    }
    for (size_t i = 0; i < list.count && !is_found; i++) {
        is_found = list.targets[i].client.pid == pid;
        if (is_found) {
            snprintf(name, CONTROL_NAME_SIZE, "%s", list.targets[i].name);
        }
    }
    targets_free(&list);
    return is_found;
}

/* The files tell when a deploy has succeeded, but not that one has failed. The control socket tells
   both, so it is asked where the supervisor has one. */
int restart_by_files(const struct options *options, struct error *error)
{
    pid_t pid;
    char name[CONTROL_NAME_SIZE];
    if (file_client_find(options->pid_file, options->status_file, &pid, error) != 0) {
        return -1;
    }
    if (!find_control(pid, name)) {
        return file_client_restart(options->pid_file, options->status_file, error);
    }
    error_set(error, "%s", "");
    return restart_command(&(struct command_request){.name = name, .timeout_ms = -1}) == 0 ? 0 : -1;
}
