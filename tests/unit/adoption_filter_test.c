/*
 * The filter of a worker: which calls it reports, found by running it over every call's number as
 * the kernel would.
 */
#include "adoption_filter.h"

#include <linux/audit.h>
#include <linux/seccomp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include <cmocka.h>

#if defined(__x86_64__)
#define NATIVE AUDIT_ARCH_X86_64
#define FOREIGN AUDIT_ARCH_I386
#else
#define NATIVE AUDIT_ARCH_AARCH64
#define FOREIGN AUDIT_ARCH_ARM
#endif

/* Beyond every number that a call has. */
#define NUMBERS 1024

/* The part of the machine that the filter uses; anything else fails the test. */
static unsigned run(const struct adoption_filter *filter, const struct seccomp_data *data)
{
    uint32_t accumulator = 0;
    for (size_t at = 0; at < filter->length; at++) {
        const struct sock_filter *instruction = &filter->instructions[at];
        switch (instruction->code) {
        case BPF_LD | BPF_W | BPF_ABS:
            assert_true(instruction->k % 4 == 0 && instruction->k < sizeof *data);
            memcpy(&accumulator, (const char *)data + instruction->k, sizeof accumulator);
            break;
        case BPF_JMP | BPF_JEQ | BPF_K:
            at += accumulator == instruction->k ? instruction->jt : instruction->jf;
            break;
        case BPF_JMP | BPF_JGE | BPF_K:
            at += accumulator >= instruction->k ? instruction->jt : instruction->jf;
            break;
        case BPF_RET | BPF_K:
            return instruction->k;
        default:
            fail_msg("instruction %zu has the code %u", at, instruction->code);
        }
    }
    fail_msg("the filter has no end");
    return 0;
}

static bool reports(const struct adoption_filter *filter, unsigned architecture, long call)
{
    const struct seccomp_data data = {
        .nr = (int)call, .arch = architecture, .args = {3, SHUT_RDWR, 0}};
    unsigned action = run(filter, &data);
    assert_true(action == SECCOMP_RET_ALLOW || action == SECCOMP_RET_USER_NOTIF);
    return action == SECCOMP_RET_USER_NOTIF;
}

static int count_reported(const struct adoption_filter *filter)
{
    int count = 0;
    for (long call = 0; call < NUMBERS; call++) {
        count += reports(filter, NATIVE, call);
    }
    return count;
}

static void without_paths_three_calls_are_reported(void **state)
{
    (void)state;
    struct adoption_filter filter;
    adoption_filter_build(&filter, false);
    assert_true(filter.length <= ADOPTION_FILTER_MAX);
    assert_true(reports(&filter, NATIVE, SYS_bind));
    assert_true(reports(&filter, NATIVE, SYS_listen));
    assert_true(reports(&filter, NATIVE, SYS_shutdown));
    assert_int_equal(count_reported(&filter), 3);
}

static void with_paths_what_changes_them_is_reported(void **state)
{
    (void)state;
    static const long calls[] = {
        SYS_bind,     SYS_listen, SYS_shutdown, SYS_unlinkat, SYS_renameat2,
        SYS_fchmodat, 452,        SYS_fchownat,
#ifdef SYS_renameat
        SYS_renameat,
#endif
#ifdef SYS_unlink
        SYS_unlink,   SYS_rename, SYS_chmod,    SYS_chown,    SYS_lchown,
#endif
    };
    struct adoption_filter filter;
    adoption_filter_build(&filter, true);
    assert_true(filter.length <= ADOPTION_FILTER_MAX);
    for (size_t i = 0; i < sizeof calls / sizeof calls[0]; i++) {
        assert_true(reports(&filter, NATIVE, calls[i]));
    }
    assert_int_equal(count_reported(&filter), sizeof calls / sizeof calls[0]);
}

/* Between the installation and the worker's first instruction the supervisor cannot answer. */
static void what_a_child_calls_before_it_is_the_worker_is_not_reported(void **state)
{
    (void)state;
    static const long calls[] = {SYS_execve,    SYS_sendmsg, SYS_close,   SYS_openat,
                                 SYS_read,      SYS_prctl,   SYS_seccomp, SYS_exit_group,
                                 SYS_faccessat, SYS_setuid,  SYS_setgid,  SYS_setgroups};
    struct adoption_filter filter;
    adoption_filter_build(&filter, true);
    for (size_t i = 0; i < sizeof calls / sizeof calls[0]; i++) {
        assert_false(reports(&filter, NATIVE, calls[i]));
    }
}

static void the_end_of_sending_is_not_reported(void **state)
{
    (void)state;
    struct adoption_filter filter;
    struct seccomp_data data = {.nr = SYS_shutdown, .arch = NATIVE, .args = {3, SHUT_WR}};
    adoption_filter_build(&filter, false);
    assert_int_equal(run(&filter, &data), SECCOMP_RET_ALLOW);
    data.args[1] = SHUT_RD;
    assert_int_equal(run(&filter, &data), SECCOMP_RET_USER_NOTIF);
    data.args[1] = (UINT64_C(1) << 32) | SHUT_RDWR; /* the kernel looks at the lower half alone */
    assert_int_equal(run(&filter, &data), SECCOMP_RET_USER_NOTIF);
}

static void calls_of_other_abis_are_let_through(void **state)
{
    (void)state;
    struct adoption_filter filter;
    adoption_filter_build(&filter, true);
    for (long call = 0; call < NUMBERS; call++) {
        assert_false(reports(&filter, FOREIGN, call));
        assert_false(reports(&filter, NATIVE, call | 0x40000000L)); /* x32 */
    }
    assert_false(reports(&filter, NATIVE, -1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_paths_three_calls_are_reported),
        cmocka_unit_test(with_paths_what_changes_them_is_reported),
        cmocka_unit_test(what_a_child_calls_before_it_is_the_worker_is_not_reported),
        cmocka_unit_test(the_end_of_sending_is_not_reported),
        cmocka_unit_test(calls_of_other_abis_are_let_through),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
