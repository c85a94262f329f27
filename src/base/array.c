#include "array.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

/* The least room that an array has, a power of two. */
#define FIRST_COUNT 4

/* There is room for FIRST_COUNT items, or for the power of two that is not below the count. So room
   runs out where the count is one. */
void *array_grow(void *items, size_t count, size_t item_size)
{
    bool is_full = count == 0 || (count >= FIRST_COUNT && (count & (count - 1)) == 0);
    size_t room = count == 0 ? FIRST_COUNT : count * 2;
    if (!is_full) {
        return items;
    }
    return room <= SIZE_MAX / 2 / item_size ? realloc(items, room * item_size) : NULL;
}
