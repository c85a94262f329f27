/*
 * The command line: the first byte chooses the personality, the rest is words with NUL bytes
 * between them. What is taken makes sense as a whole; what is refused says why.
 */
#include "duration.h"
#include "options_check.h"

#include "fuzz.h"

#include <signal.h>

#define WORDS_MAX 64

/* Cuts the text at its NUL bytes. Returns how many words there are, the program's name included. */
static int split(char *text, size_t size, char *argv[WORDS_MAX + 2])
{
    static char program[] = "tasuki";
    int argc = 0;
    argv[argc++] = program;
    for (size_t at = 0; at < size && argc <= WORDS_MAX; at += strlen(text + at) + 1) {
        argv[argc++] = text + at;
    }
    argv[argc] = NULL;
    return argc;
}

static void claim_addresses_in_order(const struct options *options)
{
    for (size_t i = 0; i < options->address_count; i++) {
        const struct address *address = &options->addresses[i];
        bool has_text = address->kind != ADDRESS_ANY && address->kind != ADDRESS_ANY_IPV4;
        CLAIM(!has_text || (address->text != NULL && address->length > 0));
        CLAIM(i == 0 || address_is_unix(address) || !address_is_unix(address - 1));
    }
}

static void claim_descriptors_differ(const struct options *options)
{
    for (size_t i = 0; i < options->address_count; i++) {
        for (size_t j = 0; j < i; j++) {
            CLAIM(options->addresses[i].fd < 0 ||
                  options->addresses[i].fd != options->addresses[j].fd);
        }
    }
}

static void claim_is_duration(const char *text)
{
    int64_t milliseconds;
    CLAIM(text == NULL || duration_parse(text, &milliseconds, NULL) == 0);
}

static void claim_can_run(const struct options *options)
{
    CLAIM(options->command[0] != NULL && options->command[0][0] != '\0');
    CLAIM(!options->daemonize || options->log_file != NULL);
    claim_descriptors_differ(options);
}

static void claim_sensible(const struct options *options, int argc, char *const argv[])
{
    CLAIM(options->command >= argv && options->command <= argv + argc);
    CLAIM(options->interval_ms >= 0 && options->interval_ms <= DURATION_MAX_MS);
    CLAIM(options->signal_on_hup >= 1 && options->signal_on_hup <= SIGRTMAX);
    CLAIM(options->signal_on_term >= 1 && options->signal_on_term <= SIGRTMAX);
    CLAIM(options->backlog >= 0);
    claim_is_duration(options->kill_old_delay);
    claim_is_duration(options->auto_restart_interval);
    claim_addresses_in_order(options);
    switch (options->mode) {
    case MODE_RUN:
        claim_can_run(options);
        break;
    case MODE_RESTART:
        CLAIM(options->pid_file != NULL && options->status_file != NULL);
        break;
    case MODE_STOP:
        CLAIM(options->pid_file != NULL);
        break;
    case MODE_HELP:
    case MODE_VERSION:
        break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0) {
        return 0;
    }
    enum personality personality = data[0] % 2 == 0 ? PERSONALITY_START_SERVER : PERSONALITY_TASUKI;
    char *text = to_string(data + 1, size - 1);
    char *argv[WORDS_MAX + 2];
    int argc = split(text, size - 1, argv);
    struct options options;
    struct error error = {""};
    if (options_parse(&options, personality, argc, argv, &error) == 0) {
        claim_sensible(&options, argc, argv);
    } else {
        claim_said(&error);
    }
    options_free(&options);
    free(text);
    return 0;
}
