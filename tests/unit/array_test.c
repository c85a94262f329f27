/*
 * Arrays that grow: their items stay, and their room follows from the count.
 */
#include "array.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

/* The sanitizer sees an item that is written where there is no room. */
static void items_stay_while_it_grows_and_shrinks(void **state)
{
    (void)state;
    int *items = NULL;
    size_t count = 0;
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < 100; i++) {
            int *grown = array_grow(items, count, sizeof *grown);
            assert_non_null(grown);
            items = grown;
            items[count] = (int)count;
            count++;
        }
        for (size_t i = 0; i < count; i++) {
            assert_int_equal(items[i], i);
        }
        count = round == 0 ? 3 : 16;
    }
    free(items);
}

static void more_than_there_can_be_is_refused(void **state)
{
    (void)state;
    assert_null(array_grow(NULL, (size_t)1 << 62, sizeof(int)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(items_stay_while_it_grows_and_shrinks),
        cmocka_unit_test(more_than_there_can_be_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
