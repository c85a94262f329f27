#include "process_limit.h"

#include "open_files.h"

#include <errno.h>

const char *process_limit_reason(int reason)
{
    return reason == EAGAIN
               ? "too many processes (see ulimit -u, and pids.max of the control group)"
               : open_files_reason(reason);
}
