/*
 * Which held address a server's bind is for: what the sockets of real servers look like, against
 * what an operator may hold.
 */
#include "adoption_match.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

#include <cmocka.h>

#define MPTCP 262

static struct sockaddr_storage raw; /* outlives the address that was read from it */

static socklen_t write_address(int family, const char *host, uint16_t port)
{
    memset(&raw, 0, sizeof raw);
    if (family == AF_INET6) {
        struct sockaddr_in6 ipv6 = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
        assert_int_equal(inet_pton(AF_INET6, host, &ipv6.sin6_addr), 1);
        memcpy(&raw, &ipv6, sizeof ipv6);
        return sizeof ipv6;
    }
    struct sockaddr_in ipv4 = {.sin_family = AF_INET, .sin_port = htons(port)};
    assert_int_equal(inet_pton(AF_INET, host, &ipv4.sin_addr), 1);
    memcpy(&raw, &ipv4, sizeof ipv4);
    return sizeof ipv4;
}

/* An address of a TCP socket; IPv6 if the host has a colon. */
static struct adoption_address tcp(const char *host, uint16_t port)
{
    int family = strchr(host, ':') != NULL ? AF_INET6 : AF_INET;
    struct adoption_address address = {
        .family = family, .type = SOCK_STREAM, .protocol = IPPROTO_TCP};
    assert_true(adoption_address_read(&address, &raw, write_address(family, host, port)));
    return address;
}

static struct adoption_address udp(const char *host, uint16_t port)
{
    struct adoption_address address = tcp(host, port);
    address.type = SOCK_DGRAM;
    address.protocol = IPPROTO_UDP;
    return address;
}

static struct adoption_address v6_only(struct adoption_address address)
{
    address.is_v6_only = true;
    return address;
}

static struct adoption_address file(int type, dev_t device, ino_t inode)
{
    return (struct adoption_address){
        .family = AF_UNIX, .type = type, .device = device, .inode = inode};
}

static struct adoption_address abstract(const char *name, size_t length)
{
    return (struct adoption_address){
        .family = AF_UNIX, .type = SOCK_STREAM, .name = name, .name_length = length};
}

/* The index of the listener that is found, -1: none, -2: only its port fits. */
static int look_up(struct adoption_address wanted, const struct adoption_address *held,
                   size_t count)
{
    size_t index = 0;
    switch (adoption_match(&wanted, held, count, &index)) {
    case MATCH_FOUND:
        return (int)index;
    case MATCH_OTHER_ADDRESS:
        return -2;
    case MATCH_NONE:
        break;
    }
    return -1;
}

#define LOOK_UP(wanted, ...)                                                                       \
    look_up((wanted), (const struct adoption_address[]){__VA_ARGS__},                              \
            sizeof((const struct adoption_address[]){__VA_ARGS__}) /                               \
                sizeof(struct adoption_address))

/* --- internet ----------------------------------------------------------------------------------
 */

static void the_same_address_is_found_among_others(void **state)
{
    (void)state;
    assert_int_equal(LOOK_UP(tcp("127.0.0.1", 80), tcp("0.0.0.0", 80), tcp("127.0.0.2", 80),
                             tcp("127.0.0.1", 81), tcp("127.0.0.1", 80)),
                     3);
    assert_int_equal(LOOK_UP(tcp("::1", 80), tcp("127.0.0.1", 80), tcp("::1", 80)), 1);
}

static void another_port_or_kind_is_not_ours(void **state)
{
    (void)state;
    assert_int_equal(LOOK_UP(tcp("0.0.0.0", 81), tcp("0.0.0.0", 80)), -1);
    assert_int_equal(LOOK_UP(udp("0.0.0.0", 80), tcp("0.0.0.0", 80)), -1);
    assert_int_equal(LOOK_UP(udp("0.0.0.0", 80), tcp("0.0.0.0", 80), udp("0.0.0.0", 80)), 1);
    struct adoption_address sctp = tcp("0.0.0.0", 80);
    sctp.protocol = IPPROTO_SCTP;
    assert_int_equal(LOOK_UP(sctp, tcp("0.0.0.0", 80)), -1);
    assert_int_equal(LOOK_UP(tcp("0.0.0.0", 80), file(SOCK_STREAM, 1, 2)), -1);
}

static void a_wildcard_takes_the_wildcard_of_the_other_family(void **state)
{
    (void)state;
    assert_int_equal(LOOK_UP(tcp("::", 80), tcp("0.0.0.0", 80)), 0);
    assert_int_equal(LOOK_UP(v6_only(tcp("::", 80)), tcp("0.0.0.0", 80)), 0);
    assert_int_equal(LOOK_UP(tcp("0.0.0.0", 80), tcp("::", 80)), 0);
}

static void of_two_held_wildcards_each_family_takes_its_own(void **state)
{
    (void)state;
    assert_int_equal(LOOK_UP(tcp("0.0.0.0", 80), tcp("0.0.0.0", 80), tcp("::", 80)), 0);
    assert_int_equal(LOOK_UP(tcp("::", 80), tcp("0.0.0.0", 80), tcp("::", 80)), 1);
    assert_int_equal(LOOK_UP(tcp("0.0.0.0", 80), tcp("::", 80), tcp("0.0.0.0", 80)), 1);
}

static void a_wildcard_takes_a_narrower_address_where_nothing_better_is_held(void **state)
{
    (void)state;
    assert_int_equal(LOOK_UP(tcp("0.0.0.0", 80), tcp("127.0.0.1", 80)), 0);
    assert_int_equal(LOOK_UP(tcp("::", 80), tcp("127.0.0.1", 80)), 0);
    assert_int_equal(LOOK_UP(tcp("::", 80), tcp("127.0.0.1", 80), tcp("::1", 80)), 1);
    assert_int_equal(LOOK_UP(tcp("::", 80), tcp("::1", 80), tcp("0.0.0.0", 80)), 1);
    assert_int_equal(LOOK_UP(v6_only(tcp("::", 80)), tcp("127.0.0.1", 80)), -2);
    assert_int_equal(LOOK_UP(tcp("0.0.0.0", 80), tcp("::1", 80)), -2);
}

static void a_single_address_never_takes_what_is_wider(void **state)
{
    (void)state;
    assert_int_equal(LOOK_UP(tcp("127.0.0.1", 80), tcp("0.0.0.0", 80)), -2);
    assert_int_equal(LOOK_UP(tcp("127.0.0.1", 80), tcp("::", 80)), -2);
    assert_int_equal(LOOK_UP(tcp("::1", 80), tcp("::", 80)), -2);
    assert_int_equal(LOOK_UP(tcp("127.0.0.1", 80), tcp("127.0.0.2", 80)), -2);
}

static void ipv4_in_ipv6_clothes_is_ipv4(void **state)
{
    (void)state;
    assert_int_equal(LOOK_UP(tcp("::ffff:127.0.0.1", 80), tcp("127.0.0.1", 80)), 0);
    assert_int_equal(LOOK_UP(tcp("::ffff:0.0.0.0", 80), tcp("0.0.0.0", 80)), 0);
}

static void a_link_local_address_is_of_one_interface(void **state)
{
    (void)state;
    struct adoption_address held = tcp("fe80::1", 80);
    struct adoption_address wanted = held;
    held.scope = 2;
    wanted.scope = 3;
    assert_int_equal(LOOK_UP(wanted, held), -2);
    wanted.scope = 2;
    assert_int_equal(LOOK_UP(wanted, held), 0);
}

static void a_multipath_socket_takes_a_tcp_listener(void **state)
{
    (void)state;
    struct adoption_address address = {.family = AF_INET, .type = SOCK_STREAM, .protocol = MPTCP};
    assert_true(adoption_address_read(&address, &raw, write_address(AF_INET, "0.0.0.0", 80)));
    assert_int_equal(LOOK_UP(address, tcp("0.0.0.0", 80)), 0);
}

/* --- what is no address ------------------------------------------------------------------------
 */

static bool reads(int family, size_t length)
{
    struct adoption_address address = {.family = family, .type = SOCK_STREAM};
    return adoption_address_read(&address, &raw, length);
}

static void port_0_is_no_address(void **state)
{
    (void)state;
    assert_false(reads(AF_INET, write_address(AF_INET, "0.0.0.0", 0)));
    assert_false(reads(AF_INET6, write_address(AF_INET6, "::", 0)));
}

static void what_is_too_short_or_of_another_family_is_no_address(void **state)
{
    (void)state;
    socklen_t length = write_address(AF_INET, "127.0.0.1", 80);
    assert_true(reads(AF_INET, length));
    assert_false(reads(AF_INET, length - 1));
    assert_false(reads(AF_INET, 0));
    assert_false(reads(AF_INET6, length));
    assert_false(reads(AF_NETLINK, length));
    length = write_address(AF_INET6, "::1", 80);
    assert_true(reads(AF_INET6, length));
    assert_true(reads(AF_INET6, 24)); /* without a scope, as of old */
    assert_false(reads(AF_INET6, 23));
    assert_false(reads(AF_INET, length));
    assert_true(reads(AF_INET6, sizeof raw)); /* longer does no harm */
}

static void no_family_with_the_wildcard_is_ipv4(void **state)
{
    (void)state;
    socklen_t length = write_address(AF_INET, "0.0.0.0", 80);
    raw.ss_family = AF_UNSPEC;
    assert_true(reads(AF_INET, length));
    length = write_address(AF_INET, "127.0.0.1", 80);
    raw.ss_family = AF_UNSPEC;
    assert_false(reads(AF_INET, length));
}

/* --- unix --------------------------------------------------------------------------------------
 */

static void a_unix_socket_is_known_by_its_file(void **state)
{
    (void)state;
    assert_int_equal(LOOK_UP(file(SOCK_STREAM, 1, 3), file(SOCK_STREAM, 1, 2),
                             file(SOCK_STREAM, 2, 3), file(SOCK_STREAM, 1, 3)),
                     2);
    assert_int_equal(LOOK_UP(file(SOCK_DGRAM, 1, 3), file(SOCK_STREAM, 1, 3)), -1);
    assert_int_equal(LOOK_UP(file(SOCK_SEQPACKET, 1, 3), file(SOCK_SEQPACKET, 1, 3)), 0);
    assert_int_equal(LOOK_UP(file(0, 1, 3), file(SOCK_SEQPACKET, 1, 3)), 0);
    assert_int_equal(LOOK_UP(file(SOCK_STREAM, 0, 0), file(SOCK_STREAM, 0, 0)), -1);
}

static void of_an_abstract_name_every_byte_counts(void **state)
{
    (void)state;
    assert_int_equal(LOOK_UP(abstract("a", 1), abstract("b", 1), abstract("a", 1)), 1);
    assert_int_equal(LOOK_UP(abstract("a\0b", 3), abstract("a\0c", 3), abstract("a\0b", 3)), 1);
    assert_int_equal(LOOK_UP(abstract("a\0", 2), abstract("a", 1)), -1);
    assert_int_equal(LOOK_UP(abstract("a", 1), file(SOCK_STREAM, 1, 3)), -1);
    assert_int_equal(LOOK_UP(file(SOCK_STREAM, 1, 3), abstract("a", 1)), -1);
}

static void unix_addresses_are_read_in_their_three_forms(void **state)
{
    (void)state;
    struct adoption_address address = {.family = AF_UNIX, .type = SOCK_STREAM};
    struct sockaddr_un local = {.sun_family = AF_UNIX};
    size_t start = offsetof(struct sockaddr_un, sun_path);
    memset(&raw, 0, sizeof raw);
    memcpy(local.sun_path, "\0name", 5);
    memcpy(&raw, &local, sizeof local);
    assert_true(adoption_address_read(&address, &raw, start + 5));
    assert_int_equal(address.name_length, 4);
    assert_memory_equal(address.name, "name", 4);
    memcpy(local.sun_path, "/path", 6);
    memcpy(&raw, &local, sizeof local);
    address = (struct adoption_address){.family = AF_UNIX, .type = SOCK_STREAM};
    assert_true(adoption_address_read(&address, &raw, start + 6));
    assert_int_equal(address.name_length, 0);
    assert_false(adoption_address_read(&address, &raw, start)); /* asks for any name */
    assert_false(adoption_address_read(&address, &raw, sizeof local + 1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_same_address_is_found_among_others),
        cmocka_unit_test(another_port_or_kind_is_not_ours),
        cmocka_unit_test(a_wildcard_takes_the_wildcard_of_the_other_family),
        cmocka_unit_test(of_two_held_wildcards_each_family_takes_its_own),
        cmocka_unit_test(a_wildcard_takes_a_narrower_address_where_nothing_better_is_held),
        cmocka_unit_test(a_single_address_never_takes_what_is_wider),
        cmocka_unit_test(ipv4_in_ipv6_clothes_is_ipv4),
        cmocka_unit_test(a_link_local_address_is_of_one_interface),
        cmocka_unit_test(a_multipath_socket_takes_a_tcp_listener),
        cmocka_unit_test(port_0_is_no_address),
        cmocka_unit_test(what_is_too_short_or_of_another_family_is_no_address),
        cmocka_unit_test(no_family_with_the_wildcard_is_ipv4),
        cmocka_unit_test(a_unix_socket_is_known_by_its_file),
        cmocka_unit_test(of_an_abstract_name_every_byte_counts),
        cmocka_unit_test(unix_addresses_are_read_in_their_three_forms),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
