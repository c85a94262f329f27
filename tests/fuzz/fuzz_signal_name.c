/*
 * Signal names. What is taken is a signal's number, whatever the letters' case, and its name leads
 * back to it.
 */
#include "signal_name.h"

#include "fuzz.h"

#include <ctype.h>
#include <signal.h>

static void claim_case_does_not_matter(char *text, int number)
{
    for (char *at = text; *at != '\0'; at++) {
        *at = (char)(isupper((unsigned char)*at) ? tolower((unsigned char)*at)
                                                 : toupper((unsigned char)*at));
    }
    CLAIM(signal_parse(text, NULL) == number);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = to_string(data, size);
    struct error error = {""};
    int number = signal_parse(text, &error);
    CLAIM(number == -1 || (number >= 1 && number <= SIGRTMAX));
    if (number == -1) {
        claim_said(&error);
    } else {
        const char *name = signal_name(number);
        CLAIM(strcmp(name, "signal") == 0 || signal_parse(name, &error) == number);
    }
    claim_case_does_not_matter(text, number);
    free(text);
    return 0;
}
