/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "unit.h"

#include <apr_network_io.h>
#include <apr_optional.h>
#include <apr_optional_hooks.h>
#include <apr_strings.h>

#include <ap_listen.h>

#include "mod_smtp.h"
#include "queue_conf_stub.h"

ap_listen_rec *ap_listeners;

static int smtp_engine_is_on(const server_rec *s)
{
    return s->is_virtual;
}

/** A world of listeners and virtual hosts. */
typedef struct world_t {
    apr_pool_t *p;
    queue_conf_t conf;
} world_t;

static world_t world_begin(apr_pool_t *p)
{
    world_t world = { .p = p };

    /* APR remembers for the life of the process. */
    if (apr_hook_global_pool == NULL) {
        assert_int_equal(apr_pool_create(&apr_hook_global_pool, NULL),
                         APR_SUCCESS);
        APR_REGISTER_OPTIONAL_FN(smtp_engine_is_on);
    }
    ap_listeners = NULL;
    world.conf.vhosts = apr_array_make(p, 1, sizeof(queue_vhost_t *));
    return world;
}

static apr_sockaddr_t *sockaddr(apr_pool_t *p, const char *ip,
                                apr_port_t port)
{
    apr_sockaddr_t *address;

    assert_int_equal(apr_sockaddr_info_get(&address, ip, APR_UNSPEC, port, 0,
                                           p), APR_SUCCESS);
    return address;
}

static void listen_on(world_t *world, const char *ip, apr_port_t port)
{
    ap_listen_rec *listener = apr_pcalloc(world->p, sizeof(*listener));

    listener->bind_addr = sockaddr(world->p, ip, port);
    listener->next = ap_listeners;
    ap_listeners = listener;
}

/** <VirtualHost ip:port> with SMTPEngine On. */
static server_rec *vhost_add(world_t *world, const char *name,
                             const char *ip, apr_port_t port)
{
    queue_vhost_t *vhost = stub_vhost(world->p, name);
    server_addr_rec *address = apr_pcalloc(world->p, sizeof(*address));

    address->host_addr = sockaddr(world->p, ip, port);
    address->host_port = port;
    vhost->s->addrs = address;
    vhost->s->is_virtual = 1;
    vhost->s->names = apr_array_make(world->p, 1, sizeof(const char *));
    APR_ARRAY_PUSH(world->conf.vhosts, queue_vhost_t *) = vhost;
    return vhost->s;
}

static int has_name(const smtp_mx_self_t *self, const char *name)
{
    int i;

    for (i = 0; i < self->names->nelts; i++) {
        if (strcmp(APR_ARRAY_IDX(self->names, i, const char *), name) == 0) {
            return 1;
        }
    }
    return 0;
}

static int has_address(const smtp_mx_self_t *self, const char *ip)
{
    smtp_dns_address_t address;
    int i;

    assert_int_equal(smtp_dns_address_parse(ip, &address), APR_SUCCESS);
    for (i = 0; i < self->addresses->nelts; i++) {
        if (smtp_dns_address_is_equal(&APR_ARRAY_IDX(self->addresses, i,
                                                     smtp_dns_address_t),
                                      &address)) {
            return 1;
        }
    }
    return 0;
}

static void we_are_what_speaks_smtp_on_port_25(void **state)
{
    world_t world = world_begin(*state);
    smtp_mx_self_t self;
    server_rec *s;

    listen_on(&world, "192.0.2.1", 25);
    listen_on(&world, "192.0.2.2", 80);
    s = vhost_add(&world, "MX.example.com", "192.0.2.1", 25);
    APR_ARRAY_PUSH(s->names, const char *) = "alias.example.com";
    vhost_add(&world, "www.example.com", "192.0.2.2", 80)->is_virtual = 0;
    queue_conf_self_get(*state, &world.conf, 25, &self);
    assert_true(has_name(&self, "mx.example.com"));
    assert_true(has_name(&self, "alias.example.com"));
    assert_false(has_name(&self, "www.example.com"));
    assert_true(has_address(&self, "192.0.2.1"));
    assert_false(has_address(&self, "192.0.2.2"));
    assert_false(self.is_loopback_foreign);
}

/* Another server may have port 25 then, with the mail of our own domain. */
static void a_host_for_submission_alone_is_not_us(void **state)
{
    static const apr_port_t ports[] = { 587, 465 };
    size_t i;

    for (i = 0; i < UNIT_ROWS(ports); i++) {
        world_t world = world_begin(*state);
        smtp_mx_self_t self;

        listen_on(&world, "192.0.2.1", ports[i]);
        vhost_add(&world, "mail.example.com", "192.0.2.1", ports[i]);
        queue_conf_self_get(*state, &world.conf, 25, &self);
        assert_int_equal(self.names->nelts, 0);
        assert_int_equal(self.addresses->nelts, 0);
    }
}

/* In a container port 25 of the world is another one. */
static void a_name_counts_on_other_ports_too_an_address_does_not(void **state)
{
    world_t world = world_begin(*state);
    smtp_mx_self_t self;

    listen_on(&world, "192.0.2.1", 2525);
    vhost_add(&world, "mx.example.com", "192.0.2.1", 2525);
    queue_conf_self_get(*state, &world.conf, 25, &self);
    assert_true(has_name(&self, "mx.example.com"));
    assert_false(has_address(&self, "192.0.2.1"));
    queue_conf_self_get(*state, &world.conf, 2525, &self);
    assert_true(has_address(&self, "192.0.2.1"));
}

static void whoever_listens_everywhere_is_at_each_address(void **state)
{
    world_t world = world_begin(*state);
    smtp_mx_self_t self;

    listen_on(&world, "0.0.0.0", 25);
    vhost_add(&world, "mx.example.com", "0.0.0.0", 25);
    queue_conf_self_get(*state, &world.conf, 25, &self);
    assert_true(has_address(&self, "127.0.0.1"));
}

static void a_virtual_host_has_its_own_address_only(void **state)
{
    world_t world = world_begin(*state);
    smtp_mx_self_t self;

    listen_on(&world, "0.0.0.0", 25);
    vhost_add(&world, "mx.example.com", "192.0.2.1", 25);
    queue_conf_self_get(*state, &world.conf, 25, &self);
    assert_true(has_address(&self, "192.0.2.1"));
    assert_false(has_address(&self, "127.0.0.1"));
}

static void own_hosts_are_us_too(void **state)
{
    static const char *const hosts[] =
        { "nat.example.com", "[192.0.2.77]", "[ipv6:2001:db8::77]" };
    world_t world = world_begin(*state);
    apr_array_header_t *own = apr_array_make(*state, 3,
                                             sizeof(const char *));
    smtp_mx_self_t self;
    size_t i;

    for (i = 0; i < UNIT_ROWS(hosts); i++) {
        APR_ARRAY_PUSH(own, const char *) = hosts[i];
    }
    world.conf.own_hosts = own;
    world.conf.loopback_is_foreign = 1;
    queue_conf_self_get(*state, &world.conf, 25, &self);
    assert_true(has_name(&self, "nat.example.com"));
    assert_int_equal(self.names->nelts, 1);
    assert_true(has_address(&self, "192.0.2.77"));
    assert_true(has_address(&self, "2001:db8::77"));
    assert_true(self.is_loopback_foreign);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_TEST(we_are_what_speaks_smtp_on_port_25),
        UNIT_TEST(a_host_for_submission_alone_is_not_us),
        UNIT_TEST(a_name_counts_on_other_ports_too_an_address_does_not),
        UNIT_TEST(whoever_listens_everywhere_is_at_each_address),
        UNIT_TEST(a_virtual_host_has_its_own_address_only),
        UNIT_TEST(own_hosts_are_us_too)
    };

    return UNIT_RUN(tests);
}
