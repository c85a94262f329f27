/*
 * The supervisor's own lines. Each goes to standard error in one write(2), so that it is never torn
 * by what a worker writes there.
 */
#ifndef LOG_H
#define LOG_H

/* The name that each line begins with; the caller's. */
void log_set_name(const char *name);

/* A line of the course of things, or of something wrong. No newline at the end of `format`. */
void log_info(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_error(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
