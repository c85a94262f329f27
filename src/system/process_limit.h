/*
 * The limits of processes: RLIMIT_NPROC and a control group's pids.max. It owns nothing; it has the
 * words for a process that could not be made.
 */
#ifndef PROCESS_LIMIT_H
#define PROCESS_LIMIT_H

/* strerror(3) for what it takes to make a process: EAGAIN and EMFILE with the limit. Good until the
   next call. */
const char *process_limit_reason(int reason);

#endif
