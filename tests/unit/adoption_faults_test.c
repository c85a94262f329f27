/*
 * The installation of a worker's filter where a descriptor is lacking on the way. Each runs in a
 * child, since a filter stays.
 */
#include "faults.h"

#include "adoption_filter.h"
#include "sandbox.h"

#include <sys/resource.h>

#define FLOOR 10

static struct adoption_filter filter;

/* Nothing is left of the channel, whatever came over it. */
static int end(struct adoption_installation *installation, size_t before, bool expects_descriptor)
{
    adoption_installation_close(installation);
    bool has_descriptor = installation->notify_fd >= 0;
    if (has_descriptor) {
        close(installation->notify_fd);
    }
    return has_descriptor == expects_descriptor && count_open_descriptors() == before
               ? CHILD_PASSED
               : CHILD_FAILED;
}

static int install(void *context)
{
    const char *failing = context;
    struct adoption_installation installation = {.filter = &filter};
    size_t before = count_open_descriptors();
    if (adoption_installation_open(&installation, FLOOR) != 0) {
        return CHILD_FAILED;
    }
    if (adoption_installation_perform(&installation) != 0) {
        return CHILD_SKIPPED;
    }
    faults_arm(failing, 1, 0);
    return end(&installation, before, strcmp(failing, "nothing") == 0);
}

/* The kernel cuts off a descriptor for which the receiver has no number left, and says MSG_CTRUNC.
 */
static int install_without_room(void *context)
{
    (void)context;
    struct adoption_installation installation = {.filter = &filter};
    size_t before = count_open_descriptors();
    if (adoption_installation_open(&installation, FLOOR) != 0) {
        return CHILD_FAILED;
    }
    if (adoption_installation_perform(&installation) != 0) {
        return CHILD_SKIPPED;
    }
    struct rlimit limit = {.rlim_cur = 0, .rlim_max = 1024};
    struct rlimit usual = {.rlim_cur = 1024, .rlim_max = 1024};
    if (setrlimit(RLIMIT_NOFILE, &limit) != 0) {
        return CHILD_FAILED;
    }
    adoption_installation_close(&installation);
    setrlimit(RLIMIT_NOFILE, &usual);
    return end(&installation, before, false);
}

static int fail_to_send(void *context)
{
    (void)context;
    struct adoption_installation installation = {.filter = &filter};
    if (adoption_installation_open(&installation, FLOOR) != 0) {
        return CHILD_FAILED;
    }
    faults_arm("sendmsg", 1, ENOBUFS);
    int result = adoption_installation_perform(&installation);
    if (faults_disarm() == NULL) {
        return CHILD_SKIPPED;
    }
    return result == -1 && installation.reason == ENOBUFS ? CHILD_PASSED : CHILD_FAILED;
}

static void assert_passes(int (*body)(void *context), void *context)
{
    int status = run_in_child(body, context);
    if (status == CHILD_SKIPPED) {
        skip();
    }
    assert_int_equal(status, CHILD_PASSED);
}

static void a_filter_s_descriptor_comes_over(void **state)
{
    (void)state;
    assert_passes(install, (char[]){"nothing"});
}

static void a_descriptor_that_cannot_be_received_leaves_nothing_behind(void **state)
{
    (void)state;
    assert_passes(install, (char[]){"recvmsg"});
}

static void a_descriptor_without_a_number_to_go_to_leaves_nothing_behind(void **state)
{
    (void)state;
    assert_passes(install_without_room, NULL);
}

static void a_descriptor_that_cannot_be_sent_is_told(void **state)
{
    (void)state;
    assert_passes(fail_to_send, NULL);
}

static int open_channel(void *context, struct error *error)
{
    (void)context;
    struct adoption_installation installation = {.filter = &filter};
    if (adoption_installation_open(&installation, FLOOR) != 0) {
        return error_set(error, "%s", strerror(installation.reason));
    }
    adoption_installation_close(&installation);
    return 0;
}

/* A descriptor that cannot be moved out of the way stays where it is. */
static void a_channel_is_made_or_nothing_is_left_of_it(void **state)
{
    (void)state;
    assert_true(faults_sweep(open_channel, NULL, "fcntl recvmsg") >= 2);
}

static int probe(void *context, struct error *error)
{
    (void)context;
    return adoption_filter_probe(&filter, error);
}

static void a_probe_that_cannot_be_started_is_told(void **state)
{
    (void)state;
    struct error error;
    if (adoption_filter_probe(&filter, &error) != 0) {
        skip();
    }
    assert_true(faults_sweep(probe, NULL, "") >= 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_filter_s_descriptor_comes_over),
        cmocka_unit_test(a_descriptor_that_cannot_be_received_leaves_nothing_behind),
        cmocka_unit_test(a_descriptor_without_a_number_to_go_to_leaves_nothing_behind),
        cmocka_unit_test(a_descriptor_that_cannot_be_sent_is_told),
        cmocka_unit_test(a_channel_is_made_or_nothing_is_left_of_it),
        cmocka_unit_test(a_probe_that_cannot_be_started_is_told),
    };
    adoption_filter_build(&filter, false);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
