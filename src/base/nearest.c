#include "nearest.h"

#include <string.h>

static unsigned least(unsigned one, unsigned other)
{
    return one < other ? one : other;
}

/* Three rows of the table of distances between the beginnings of both words are enough: an edit
   looks back one row, a swap two. */
unsigned nearest_distance(const char *one, const char *other)
{
    unsigned rows[3][NEAREST_WORD_MAX + 1];
    size_t height = strlen(one);
    size_t width = strlen(other);
    if (height > NEAREST_WORD_MAX || width > NEAREST_WORD_MAX) {
        return NEAREST_WORD_MAX + 1;
    }
    for (size_t j = 0; j <= width; j++) {
        rows[0][j] = (unsigned)j;
    }
    for (size_t i = 1; i <= height; i++) {
        unsigned *row = rows[i % 3];
        const unsigned *above = rows[(i + 2) % 3];
        const unsigned *before = rows[(i + 1) % 3];
        row[0] = (unsigned)i;
        for (size_t j = 1; j <= width; j++) {
            unsigned changed = above[j - 1] + (one[i - 1] != other[j - 1]);
            row[j] = least(changed, least(above[j], row[j - 1]) + 1);
            if (i > 1 && j > 1 && one[i - 1] == other[j - 2] && one[i - 2] == other[j - 1]) {
                row[j] = least(row[j], before[j - 2] + 1);
            }
        }
    }
    return rows[height % 3][width];
}

/* A third of the word may be wrong, and of a short one a letter. */
struct nearest nearest_begin(const char *word)
{
    unsigned letters = (unsigned)strnlen(word, NEAREST_WORD_MAX);
    return (struct nearest){.word = word, .distance = (letters < 6 ? 1 : letters / 3) + 1};
}

void nearest_offer(struct nearest *nearest, const char *candidate)
{
    unsigned distance = nearest_distance(nearest->word, candidate);
    if (distance < nearest->distance) {
        nearest->distance = distance;
        nearest->found = candidate;
    }
}
