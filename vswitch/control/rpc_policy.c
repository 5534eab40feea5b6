#include <config.h>

#include <stdlib.h>

#include "acl/services.h"
#include "control/gate.h"
#include "control/message.h"
#include "control/policy_message.h"
#include "control/rpc.h"
#include "util.h"

#define CONFIRM_MAX_S 86400
#define SOURCES_MAX 64

/* ---- requests ---- */

struct state_policy *
policy_text_from_sources(struct rpc_call *call, Fusuma__V1__PolicySource *const *sources, size_t n)
{
    struct state_policy *text;

    if (n > SOURCES_MAX) {
        rpc_call_fail(call, RPC_INVALID_ARGUMENT, "sources: %zu are more than %d", n, SOURCES_MAX);
        return NULL;
    }
    text = xzalloc(sizeof *text);
    text->n_sources = n;
    text->sources = xcalloc(n, sizeof *text->sources);
    for (size_t i = 0; i < n; i++) {
        text->sources[i].name = xstrdup(sources[i]->name);
        text->sources[i].yaml = xstrdup(sources[i]->yaml);
    }
    return text;
}

struct state_policy *
policy_nothing(void)
{
    struct state_source source = { .name = (char *) "", .yaml = (char *) "version: 1\n" };
    struct state_policy none = { .sources = &source, .n_sources = 1 };

    return state_policy_copy_sources(&none);
}

/* The request's texts; NULL, and the call has failed. */
static struct state_policy *
text_of(const struct control *c, struct rpc_call *call, const Fusuma__V1__ApplyPolicyRequest *r)
{
    Fusuma__V1__PolicySource anonymous = FUSUMA__V1__POLICY_SOURCE__INIT, *only = &anonymous;
    Fusuma__V1__PolicySource *const *sources = r->n_sources ? r->sources : &only;
    struct state_policy *text;

    anonymous.yaml = r->yaml;

    if (r->n_sources && r->yaml[0]) {
        rpc_call_fail(call, RPC_INVALID_ARGUMENT, "yaml: there are sources, too");
        return NULL;
    }
    text = policy_text_from_sources(call, sources, r->n_sources ? r->n_sources : 1);
    for (size_t i = 0; text && i < text->n_sources; i++) {
        const char *digest = gate_text_digest(c->gate, sources[i]->yaml);

        ovs_strlcpy(text->sources[i].sha256, digest ? digest : "", sizeof text->sources[i].sha256);
    }
    if (text) {
        text->who = access_who(&c->config.access, rpc_call_peer(call));
        text->comment = xstrdup(r->comment);
    }
    return text;
}

static bool
takes_time(struct rpc_call *call, uint32_t confirm_within_s)
{
    if (confirm_within_s > CONFIRM_MAX_S) {
        rpc_call_fail(call, RPC_INVALID_ARGUMENT, "confirm_within_s: %" PRIu32 " is above %d",
                      confirm_within_s, CONFIRM_MAX_S);
        return false;
    }
    return true;
}

static void
applied(struct control *c, enum rpc_status status, const char *error,
        const struct policy_outcome *outcome, void *call)
{
    if (status) {
        rpc_call_fail(call, status, "%s", error);
    } else {
        rpc_reply_with(call, policy_applied_message(c, outcome));
    }
}

static void
apply(struct rpc_call *call, const Fusuma__V1__ApplyPolicyRequest *r, struct control *c,
      bool dry_run)
{
    struct policy_options options = { .dry_run = dry_run,
                                      .has_expected = r->has_expected || r->expected_version,
                                      .expected = r->expected_version,
                                      .confirm_within_s = r->confirm_within_s,
                                      .asked_us = rpc_call_asked_us(call) };
    struct state_policy *text = takes_time(call, r->confirm_within_s) ? text_of(c, call, r) : NULL;

    if (text) {
        policies_apply(c, text, &options, applied, call);
    }
}

void
rpc_apply_policy(struct rpc_call *call, const ProtobufCMessage *request, void *control)
{
    apply(call, (const Fusuma__V1__ApplyPolicyRequest *) request, control, false);
}

void
rpc_check_policy(struct rpc_call *call, const ProtobufCMessage *request, void *control)
{
    apply(call, (const Fusuma__V1__ApplyPolicyRequest *) request, control, true);
}

void
rpc_confirm_policy(struct rpc_call *call, const ProtobufCMessage *request, void *control)
{
    policies_confirm(control, ((const Fusuma__V1__ConfirmPolicyRequest *) request)->version,
                     applied, call);
}

/* ---- earlier versions ---- */

struct rollback {
    struct rpc_call *call;
    char *comment;
    struct policy_options options;
};

static void
roll_back(struct control *c, uint64_t version, struct rollback *r)
{
    char *who = access_who(&c->config.access, rpc_call_peer(r->call));

    policies_rollback(c, version, who, r->comment, &r->options, applied, r->call);
    free(who);
    free(r->comment);
    free(r);
}

/* The newest that is older than the one in force. */
static void
roll_back_one(struct control *c, enum rpc_status status, const char *error,
              const struct state_policy *versions, size_t n, void *rollback)
{
    uint64_t present = c->publisher.policy ? c->publisher.policy->text->version : 0;
    struct rollback *r = rollback;
    size_t i = 0;

    while (i < n && versions[i].version >= present) {
        i++;
    }
    if (!status && i < n) {
        roll_back(c, versions[i].version, r);
        return;
    }
    rpc_call_fail(r->call, status ? status : RPC_NOT_FOUND, "%s",
                  status ? error : "there is no version before the one in force");
    free(r->comment);
    free(r);
}

void
rpc_rollback_policy(struct rpc_call *call, const ProtobufCMessage *request, void *control)
{
    const Fusuma__V1__RollbackPolicyRequest *m =
        (const Fusuma__V1__RollbackPolicyRequest *) request;
    struct rollback *r;

    if (!takes_time(call, m->confirm_within_s)) {
        return;
    }
    r = xzalloc(sizeof *r);
    r->call = call;
    r->comment = xstrdup(m->comment);
    r->options = (struct policy_options){ .has_expected = m->has_expected || m->expected_version,
                                          .expected = m->expected_version,
                                          .confirm_within_s = m->confirm_within_s,
                                          .asked_us = rpc_call_asked_us(call) };
    if (m->version) {
        roll_back(control, m->version, r);
    } else {
        policies_list(control, roll_back_one, r);
    }
}

static void
listed(struct control *c, enum rpc_status status, const char *error,
       const struct state_policy *versions, size_t n, void *call)
{
    Fusuma__V1__ListPolicyVersionsResponse *reply;

    if (status) {
        rpc_call_fail(call, status, "%s", error);
        return;
    }
    reply = message_new(&fusuma__v1__list_policy_versions_response__descriptor);
    for (size_t i = 0; i < n; i++) {
        message_append(reply->versions, reply->n_versions, policy_version_message(c, &versions[i]));
    }
    rpc_reply_with(call, reply);
}

void
rpc_list_policy_versions(struct rpc_call *call, const ProtobufCMessage *request OVS_UNUSED,
                         void *control)
{
    policies_list(control, listed, call);
}

/* ---- questions ---- */

static void
found(struct control *c, enum rpc_status status, const char *error, const struct state_policy *text,
      void *call)
{
    if (status) {
        rpc_call_fail(call, status, "%s", error);
    } else {
        rpc_reply_with(call, policy_message(c, text, NULL));
    }
}

void
rpc_get_policy(struct rpc_call *call, const ProtobufCMessage *request, void *control)
{
    uint64_t version = ((const Fusuma__V1__GetPolicyRequest *) request)->version;
    struct control *c = control;
    const struct policy *p = c->publisher.policy;

    if (version && (!p || version != p->text->version)) {
        policies_fetch(c, version, found, call);
    } else {
        rpc_reply_with(call, policy_message(c, p ? p->text : NULL, p));
    }
}

void
rpc_list_services(struct rpc_call *call, const ProtobufCMessage *request OVS_UNUSED,
                  void *control OVS_UNUSED)
{
    Fusuma__V1__ListServicesResponse *reply =
        message_new(&fusuma__v1__list_services_response__descriptor);

    for (size_t i = 0; i < acl_n_shipped_services; i++) {
        message_append(reply->services, reply->n_services,
                       policy_service_message(&acl_shipped_services[i]));
    }
    rpc_reply_with(call, reply);
}
