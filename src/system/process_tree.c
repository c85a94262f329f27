#include "process_tree.h"

#include "array.h"
#include "ascii.h"
#include "descriptor.h"
#include "proc_file.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Deeper than any tree of processes is in earnest: the walk up ends, whatever /proc says. */
#define DEPTH_MAX 1024
/* A tree that has more processes is not looked at: who watches must not take longer than that. */
#define PROCESSES_MAX ((size_t)16384)

/* --- up ------------------------------------------------------------------------------------------
 */

/* Reads what follows the command's name in /proc/PID/stat (proc_pid_stat(5)). The name may contain
   anything, a ")" too; nothing that follows does. */
static bool read_state(pid_t pid, char *state, pid_t *parent)
{
    char text[512];
    if (proc_file_read(pid, "stat", text, sizeof text) < 0) {
        return false;
    }
    const char *end_of_name = strrchr(text, ')');
    if (end_of_name == NULL || strlen(end_of_name) < sizeof ") S 1" - 1) {
        return false;
    }
    *state = end_of_name[2];
    *parent = (pid_t)proc_file_number(end_of_name + 3);
    return *parent >= 0;
}

/* "self" is the number that this process has in the namespace that /proc was mounted for. */
bool process_proc_is_ours(void)
{
    char own[32];
    char self[32];
    snprintf(own, sizeof own, "%d", (int)getpid());
    ssize_t length = readlink("/proc/self", self, sizeof self - 1);
    self[length > 0 ? length : 0] = '\0';
    return strcmp(self, own) == 0;
}

bool process_is_within(pid_t pid, pid_t ancestor)
{
    if (pid <= 0 || ancestor <= 0) {
        return false;
    }
    if (pid == ancestor) {
        return true;
    }
    if (!process_proc_is_ours()) {
        return false;
    }
    char state;
    for (int i = 0; i < DEPTH_MAX && pid > 0; i++) {
        if (pid == ancestor) {
            return true;
        }
        if (!read_state(pid, &state, &pid)) {
            return false;
        }
    }
    return false;
}

char process_state(pid_t pid)
{
    char state;
    pid_t parent;
    if (!read_state(pid, &state, &parent)) {
        state = '\0';
    }
    return state;
}

bool process_has_ended(pid_t pid)
{
    char state = process_state(pid);
    return state == '\0' || state == 'Z' || state == 'X';
}

/* --- down ----------------------------------------------------------------------------------------
 */

/* Linux lists children only if it was built with CONFIG_PROC_CHILDREN. In a /proc that is not ours
   this process has another number, so the file is not there either. */
static bool are_children_listed(void)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/self/task/%d/children", (int)getpid());
    return access(path, R_OK) == 0;
}

static int append(struct process_list *list, pid_t pid)
{
    if (list->count == PROCESSES_MAX) {
        return -1;
    }
    pid_t *items = array_grow(list->items, list->count, sizeof *items);
    if (items == NULL) {
        return -1;
    }
    list->items = items;
    items[list->count++] = pid;
    return 0;
}

/* A child belongs to the thread that made it. A thread that is gone has none. */
static int append_children_of_thread(pid_t pid, const char *thread, struct process_list *list)
{
    char path[sizeof "/proc//task//children" + 32 + NAME_MAX];
    snprintf(path, sizeof path, "/proc/%d/task/%s/children", (int)pid, thread);
    AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
    char text[256];
    pid_t child = 0;
    ssize_t length;
    while (fd >= 0 && (length = read(fd, text, sizeof text)) > 0) {
        for (ssize_t i = 0; i < length; i++) {
            if (ascii_is_digit(text[i])) { /* a number may be cut in two by the buffer's end */
                child = child * 10 + (text[i] - '0');
            } else if (child > 0 && append(list, child) != 0) {
                return -1;
            } else {
                child = 0;
            }
        }
    }
    return 0;
}

static int append_children(pid_t pid, struct process_list *list)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/task", (int)pid);
    AUTO_CLOSEDIR DIR *threads = opendir(path);
    const struct dirent *entry;
    while (threads != NULL && (entry = readdir(threads)) != NULL) {
        if (ascii_is_digit(entry->d_name[0]) &&
            append_children_of_thread(pid, entry->d_name, list) != 0) {
            return -1;
        }
    }
    return 0;
}

int process_list_below(pid_t root, struct process_list *list)
{
    *list = (struct process_list){.count = 0};
    if (root <= 0 || !are_children_listed() || process_has_ended(root) || append(list, root) != 0) {
        return -1;
    }
    for (size_t i = 0; i < list->count; i++) {
        if (append_children(list->items[i], list) != 0) {
            return -1;
        }
    }
    return 0;
}

void process_list_free(struct process_list *list)
{
    free(list->items);
    *list = (struct process_list){.count = 0};
}
