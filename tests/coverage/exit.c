/*
 * _exit(2) for the build that measures coverage: what has been counted is written first, which the
 * C library does at exit(3) only. A child of vfork(2) counts in its parent's memory, so the counts
 * begin anew and are added up in the file. That they are written is not for the tests of faults to
 * see.
 */
#include <gcov.h>
#include <stddef.h>

_Noreturn void __real__exit(int status);
_Noreturn void __wrap__exit(int status);

/* Of tests/unit/faults.h, where they are linked. */
void faults_pause(void) __attribute__((weak));
void faults_resume(void) __attribute__((weak));

_Noreturn void __wrap__exit(int status)
{
    if (faults_pause != NULL) {
        faults_pause();
    }
    __gcov_dump();
    __gcov_reset();
    if (faults_resume != NULL) {
        faults_resume();
    }
    __real__exit(status);
}
