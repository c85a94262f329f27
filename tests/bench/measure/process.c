#include "process.h"

#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

static FILE *open_in_proc(pid_t pid, const char *file)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, file);
    FILE *stream = fopen(path, "re");
    if (stream == NULL) {
        err(1, "cannot read %s", path);
    }
    return stream;
}

bool process_has_ended(pid_t child)
{
    siginfo_t ended = {.si_pid = 0};
    return waitid(P_PID, (id_t)child, &ended, WEXITED | WNOHANG | WNOWAIT) == 0 &&
           ended.si_pid == child;
}

bool process_is_asleep(pid_t pid)
{
    char line[256] = "";
    FILE *stream = open_in_proc(pid, "stat");
    const char *name_end = fgets(line, sizeof line, stream) != NULL ? strrchr(line, ')') : NULL;
    fclose(stream);
    return name_end != NULL && strncmp(name_end, ") S", 3) == 0;
}

long process_number(pid_t pid, const char *file, const char *key)
{
    char line[256];
    long value = -1;
    size_t length = strlen(key);
    FILE *stream = open_in_proc(pid, file);
    while (value < 0 && fgets(line, sizeof line, stream) != NULL) {
        if (strncmp(line, key, length) == 0 && line[length] == ':') {
            value = strtol(line + length + 1, NULL, 10);
        }
    }
    fclose(stream);
    return value;
}
