/*
 * --port and --path. What is taken is within its limits and, written down in the plain spelling and
 * parsed again, is the same.
 */
#include "address.h"

#include "fuzz.h"

#include <sys/socket.h>

static void claim_within_limits(const struct address *address)
{
    bool has_host = address->kind == ADDRESS_HOST || address->kind == ADDRESS_IPV6;
    CLAIM(address->socket_type == SOCK_STREAM || address->socket_type == SOCK_DGRAM);
    CLAIM(address->fd >= -1);
    CLAIM(address->kind != ADDRESS_UNIX);
    CLAIM(address->kind != ADDRESS_ANY || address->fd == -1);
    CLAIM(address->length <= ADDRESS_HOST_MAX);
    CLAIM(has_host == (address->length > 0));
    if (has_host) {
        bool has_colon = memchr(address->text, ':', address->length) != NULL;
        CLAIM((address->kind == ADDRESS_IPV6) == has_colon);
        for (size_t i = 0; i < address->length; i++) {
            CLAIM(address->text[i] != '\0' && strchr(";,=[] \t\n/", address->text[i]) == NULL);
        }
    }
}

/* Every option that was given applies here, and has a value within its limits. */
static void claim_options(const struct address *address, const char *text)
{
    for (int i = 0; i < LISTENER_OPTION_COUNT; i++) {
        enum listener_option_id id = (enum listener_option_id)i;
        const struct listener_option_row *row = &listener_option_rows[i];
        const struct listener_value *value = listener_option_get(&address->options, id);
        CLAIM(address_check_option(address, id, NULL) == 0);
        CLAIM(address_has_same_option(address, address, id));
        if (value != NULL) {
            CLAIM(value->length <= strlen(text));
            CLAIM(row->most == 0 || value->number <= row->most);
        }
    }
    CLAIM(address_is_same(address, address));
}

static void write_plainly(const struct address *address, char *buffer, size_t size)
{
    const char *udp = address->socket_type == SOCK_DGRAM ? "u" : "";
    char fd[16] = "";
    char host[ADDRESS_HOST_MAX + 4] = "";
    int length = address->length;
    if (address->fd >= 0) {
        snprintf(fd, sizeof fd, "=%d", address->fd);
    }
    if (address->kind == ADDRESS_IPV6) {
        snprintf(host, sizeof host, "[%.*s]:", length, address->text);
    } else if (address->kind == ADDRESS_HOST) {
        snprintf(host, sizeof host, "%.*s:", length, address->text);
    } else if (address->kind == ADDRESS_ANY) {
        snprintf(host, sizeof host, "*:");
    }
    snprintf(buffer, size, "%s%s%u%s", host, udp, address->port, fd);
}

static void claim_same(const struct address *one, const struct address *other)
{
    CLAIM(one->kind == other->kind);
    CLAIM(one->socket_type == other->socket_type);
    CLAIM(one->port == other->port);
    CLAIM(one->fd == other->fd);
    CLAIM(address_is_same(one, other));
}

static void try_port(const char *text)
{
    struct address address;
    struct address again;
    struct error error = {""};
    if (address_parse_port(text, &address, &error) != 0) {
        claim_said(&error);
        return;
    }
    char plain[512];
    claim_within_limits(&address);
    claim_options(&address, text);
    write_plainly(&address, plain, sizeof plain);
    CLAIM(address_parse_port(plain, &again, &error) == 0);
    claim_same(&address, &again);
}

static void try_path(const char *text)
{
    struct address address;
    struct error error = {""};
    if (address_parse_path(text, &address, &error) != 0) {
        claim_said(&error);
        return;
    }
    CLAIM(address_is_unix(&address));
    CLAIM((address.kind == ADDRESS_ABSTRACT) == (*text == '@'));
    CLAIM(address.text == text + (*text == '@'));
    CLAIM(address.length > 0 && address.length <= ADDRESS_PATH_MAX);
    CLAIM(memchr(address.text, ';', address.length) == NULL);
    CLAIM(address.options.given != 0 || strlen(address.text) == address.length);
    claim_options(&address, text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = to_string(data, size);
    try_port(text);
    try_path(text);
    free(text);
    return 0;
}
