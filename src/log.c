#include "log.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define LINE_MAX_BYTES 4096 /* PIPE_BUF: a longer line into a pipe could be torn (pipe(7)) */

static const char *program = "tasuki";

void log_set_name(const char *name)
{
    program = name;
}

/* A log that is stalled must not stall the service: a line that would block is dropped. A pipe that
   polls writable takes PIPE_BUF bytes. */
static void write_line(const char *line, size_t length)
{
    struct pollfd target = {.fd = STDERR_FILENO, .events = POLLOUT};
    if (poll(&target, 1, 0) == 1 && (target.revents & POLLOUT) != 0) {
        while (write(STDERR_FILENO, line, length) < 0 && errno == EINTR) {
        }
    }
}

bool log_is_own_line(const char *line)
{
    char prefix[64];
    int length = snprintf(prefix, sizeof prefix, "%s[%d]: ", program, (int)getpid());
    return strncmp(line, prefix, (size_t)length) == 0;
}

static void log_line(const char *level, const char *format, va_list arguments)
{
    char line[LINE_MAX_BYTES];
    int prefix = snprintf(line, sizeof line, "%s[%d]: %s", program, (int)getpid(), level);
    int length = vsnprintf(line + prefix, sizeof line - (size_t)prefix - 1, format, arguments);
    size_t total = strnlen(line, sizeof line - 2);
    if (length >= 0) {
        line[total++] = '\n';
        write_line(line, total);
    }
}

void log_info(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    log_line("", format, arguments);
    va_end(arguments);
}

void log_error(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    log_line("error: ", format, arguments);
    va_end(arguments);
}

void log_text(const char *text)
{
    while (*text != '\0') {
        char line[LINE_MAX_BYTES];
        size_t length = strcspn(text, "\n");
        size_t kept = length < sizeof line - 1 ? length : sizeof line - 1;
        memcpy(line, text, kept);
        line[kept] = '\n';
        write_line(line, kept + 1);
        text += length;
        text += *text == '\n';
    }
}
