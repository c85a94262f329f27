#include "process_limit.h"

#include "aside.h"
#include "error.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h> /* last: it needs the headers above it */

#define NOBODY 65534
#define TOO_MANY "too many processes (see ulimit -u, and pids.max of the control group)"

static void the_limit_of_processes_is_told(void **state)
{
    (void)state;
    assert_string_equal(process_limit_reason(EAGAIN), TOO_MANY);
    assert_string_equal(process_limit_reason(ENOMEM), strerror(ENOMEM));
}

static void do_nothing(void *memory)
{
    (void)memory;
}

/* In a process of its own, for neither the limit nor the user can be taken back. Root has no limit.
 */
static void it_is_what_a_process_that_cannot_be_made_says(void **state)
{
    (void)state;
    int status;
    pid_t pid = fork();
    if (pid == 0) {
        const struct rlimit none = {0, 0};
        struct error error = {.text = ""};
        bool is_limited = setrlimit(RLIMIT_NPROC, &none) == 0 &&
                          (geteuid() != 0 || setresuid(NOBODY, NOBODY, NOBODY) == 0);
        _exit(is_limited && aside_run(do_nothing, NULL, &error) == -1 &&
                      strcmp(error.text, "cannot start a process: " TOO_MANY) == 0
                  ? EXIT_SUCCESS
                  : EXIT_FAILURE);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_limit_of_processes_is_told),
        cmocka_unit_test(it_is_what_a_process_that_cannot_be_made_says),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
