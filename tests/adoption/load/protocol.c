#include "protocol.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

void exchange_begin(struct exchange *exchange, uint64_t number, bool asks_to_keep,
                    long expected_size)
{
    exchange->number = number;
    exchange->asks_to_keep = asks_to_keep;
    exchange->expected_size = expected_size;
    exchange->received = 0;
    exchange->head_length = 0;
    exchange->closes = false;
}

void exchange_take(struct exchange *exchange, const char *data, size_t length)
{
    if (exchange->head_length == 0 && exchange->received < HEAD_MAX) {
        size_t room = HEAD_MAX - exchange->received;
        size_t taken = length < room ? length : room;
        memcpy(exchange->head + exchange->received, data, taken);
        exchange->head[exchange->received + taken] = '\0';
    }
    exchange->received += length;
}

/* --- HTTP --------------------------------------------------------------------------------------
 */

static size_t ask_http(const struct exchange *exchange, char *room, size_t size)
{
    return (size_t)snprintf(room, size, "GET / HTTP/1.1\r\nHost: localhost\r\n%s\r\n",
                            exchange->asks_to_keep ? "" : "Connection: close\r\n");
}

/* The value of a field of the head, or NULL. */
static const char *field(const char *head, const char *name)
{
    size_t length = strlen(name);
    for (const char *line = strstr(head, "\r\n"); line != NULL; line = strstr(line, "\r\n")) {
        line += 2;
        if (strncasecmp(line, name, length) == 0 && line[length] == ':') {
            return line + length + 1 + strspn(line + length + 1, " ");
        }
    }
    return NULL;
}

/* Whether the head is one of an answer that this program can read: 200, and no chunks. */
static bool read_head(struct exchange *exchange, char *end)
{
    exchange->head_length = (size_t)(end - exchange->head) + strlen("\r\n\r\n");
    end[2] = '\0'; /* the last line keeps its end */
    const char *length = field(exchange->head, "Content-Length");
    const char *kept = field(exchange->head, "Connection");
    exchange->has_body_length = length != NULL;
    exchange->body_length = length != NULL ? strtoul(length, NULL, 10) : 0;
    exchange->closes = kept != NULL ? strncasecmp(kept, "close", strlen("close")) == 0
                                    : strncmp(exchange->head, "HTTP/1.0", strlen("HTTP/1.0")) == 0;
    return strncmp(exchange->head + strlen("HTTP/1.1"), " 200", strlen(" 200")) == 0 &&
           field(exchange->head, "Transfer-Encoding") == NULL;
}

static enum progress read_body(const struct exchange *exchange)
{
    size_t body = exchange->received - exchange->head_length;
    bool has_expected_size = exchange->expected_size < 0 || body == (size_t)exchange->expected_size;
    if (!exchange->has_body_length) {
        return has_expected_size ? COMPLETE_AT_END : MORE;
    }
    if (body < exchange->body_length) {
        return MORE;
    }
    return has_expected_size ? COMPLETE : NO_ANSWER;
}

static enum progress read_http(struct exchange *exchange)
{
    if (exchange->head_length == 0) {
        char *end = strstr(exchange->head, "\r\n\r\n");
        if (end == NULL) {
            return exchange->received < HEAD_MAX ? MORE : NO_ANSWER;
        }
        if (!read_head(exchange, end)) {
            return NO_ANSWER;
        }
    }
    return read_body(exchange);
}

/* --- redis -------------------------------------------------------------------------------------
 */

static size_t ask_redis(const struct exchange *exchange, char *room, size_t size)
{
    (void)exchange;
    return (size_t)snprintf(room, size, "PING\r\n");
}

static enum progress read_redis(struct exchange *exchange)
{
    static const char pong[] = "+PONG\r\n";
    if (exchange->received < strlen(pong)) {
        return MORE;
    }
    return strcmp(exchange->head, pong) == 0 ? COMPLETE : NO_ANSWER;
}

/* --- datagrams ---------------------------------------------------------------------------------
 */

static size_t ask_udp(const struct exchange *exchange, char *room, size_t size)
{
    return (size_t)snprintf(room, size, "datagram %llu", (unsigned long long)exchange->number);
}

/* An echo of an earlier request came too late to count, and is passed over. */
static enum progress read_udp(struct exchange *exchange)
{
    char expected[64];
    ask_udp(exchange, expected, sizeof expected);
    exchange->received = 0;
    return strcmp(exchange->head, expected) == 0 ? COMPLETE : MORE;
}

/* --- all ---------------------------------------------------------------------------------------
 */

static const struct protocol protocols[] = {
    {"http", SOCK_STREAM, ask_http, read_http},
    {"redis", SOCK_STREAM, ask_redis, read_redis},
    {"udp", SOCK_DGRAM, ask_udp, read_udp},
};

const struct protocol *protocol_by_name(const char *name)
{
    for (size_t i = 0; i < sizeof protocols / sizeof protocols[0]; i++) {
        if (strcmp(protocols[i].name, name) == 0) {
            return &protocols[i];
        }
    }
    return NULL;
}
