/*
 * The supervisor's own lines. Each goes to standard error in one write(2), so that it is never torn
 * by what a worker writes there.
 */
#ifndef LOG_H
#define LOG_H

#include <stdbool.h>

/* The name that each line begins with; the caller's. */
void log_set_name(const char *name);

/* A line of the course of things, or of something wrong. No newline at the end of `format`. */
void log_info(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_error(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* True if the line that begins here was written by this supervisor. */
bool log_is_own_line(const char *line);

/* A text of several lines, as it is, with a newline at its end if it has none. */
void log_text(const char *text);

#endif
