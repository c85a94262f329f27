#include "helper.h"

#include "descriptor.h"
#include "shell.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* Appending, so that what several processes write through openings of their own (/dev/stderr) does
   not overwrite each other. */
static int open_output(struct helper *helper)
{
    helper->output_fd = memfd_create("helper output", MFD_CLOEXEC);
    return helper->output_fd >= 0 && fcntl(helper->output_fd, F_SETFL, O_APPEND) == 0 ? 0 : -1;
}

static int start(struct helper *helper, struct shell_command *command, struct error *error)
{
    AUTO_CLOSE int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (null < 0) {
        return error_set(error, "cannot open /dev/null: %s", strerror(errno));
    }
    command->stdin_fd = null;
    return shell_spawn(command, &helper->pid, error);
}

int helper_start(struct helper *helper, const struct helper_command *command, struct error *error)
{
    *helper = (struct helper){.output_fd = -1};
    if (command->capture && open_output(helper) != 0) {
        error_set(error, "cannot start '%.150s': cannot make a memory file for its output: %s",
                  command->text, strerror(errno));
        helper_finish(helper);
        return -1;
    }
    int output = command->capture ? helper->output_fd : STDERR_FILENO;
    struct shell_command shell = {.text = command->text,
                                  .directory = command->directory,
                                  .environment = command->environment,
                                  .surroundings = command->surroundings,
                                  .identity = command->identity,
                                  .stdout_fd = output,
                                  .stderr_fd = output};
    struct error reason;
    if (start(helper, &shell, &reason) != 0) {
        helper_finish(helper);
        return error_set(error, "cannot start '%.150s': %.300s", command->text, reason.text);
    }
    return 0;
}

void helper_kill(const struct helper *helper)
{
    if (helper->pid > 0) { /* 0 would be the supervisor's own group */
        kill(-helper->pid, SIGKILL);
    }
}

static off_t output_size(const struct helper *helper)
{
    struct stat status;
    return helper->output_fd >= 0 && fstat(helper->output_fd, &status) == 0 ? status.st_size : 0;
}

void helper_trim(const struct helper *helper)
{
    off_t surplus = output_size(helper) - HELPER_OUTPUT_KEPT;
    if (surplus > 0) {
        (void)fallocate(helper->output_fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, surplus);
    }
}

size_t helper_output(const struct helper *helper, char *buffer, size_t size)
{
    size_t most = size - 1 < HELPER_OUTPUT_KEPT ? size - 1 : HELPER_OUTPUT_KEPT;
    off_t end = output_size(helper);
    off_t start_at = end > (off_t)most ? end - (off_t)most : 0;
    ssize_t length = end > 0 ? pread(helper->output_fd, buffer, most, start_at) : 0;
    size_t result = length > 0 ? (size_t)length : 0;
    for (size_t i = 0; i < result; i++) {
        if (buffer[i] == '\0') {
            buffer[i] = ' ';
        }
    }
    buffer[result] = '\0';
    return result;
}

void helper_forget(struct helper *helper)
{
    descriptor_close(&helper->output_fd);
    *helper = (struct helper){.output_fd = -1};
}

void helper_finish(struct helper *helper)
{
    helper_kill(helper);
    helper_forget(helper);
}
