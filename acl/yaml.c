#include <config.h>

#include "acl/yaml_priv.h"

#include <errno.h>
#include <libfyaml.h>
#include <stdlib.h>

struct reader {
    struct acl_yaml_builder *b;
    unsigned documents;
    unsigned line, column; /* of the last node that has a place: a value left out has none */
};

static bool
is_quoted(struct fy_token *token)
{
    enum fy_scalar_style style = fy_token_scalar_style(token);

    return style == FYSS_SINGLE_QUOTED || style == FYSS_DOUBLE_QUOTED;
}

static void
take_place(struct reader *r, struct fy_event *event)
{
    const struct fy_mark *mark = fy_event_start_mark(event);

    if (mark) {
        r->line = (unsigned) mark->line + 1;
        r->column = (unsigned) mark->column + 1;
        /* Of a quoted text libfyaml gives the place behind the quote. */
        if (event->type == FYET_SCALAR && r->column > 1 && is_quoted(event->scalar.value)) {
            r->column--;
        }
    }
}

static int
on_open(struct reader *r, enum acl_yaml_kind kind, struct fy_event *event)
{
    take_place(r, event);
    return acl_yaml_open(r->b, kind, r->line, r->column);
}

static int
on_scalar(struct reader *r, struct fy_event *event)
{
    size_t len = 0;
    const char *text = event->scalar.value ? fy_token_get_text(event->scalar.value, &len) : NULL;
    char *copy;

    take_place(r, event);
    if (len && memchr(text, '\0', len)) {
        return acl_error_set(r->b->error, r->line, r->column, "NUL character in text");
    }
    copy = acl_yaml_keep(r->b, len + 1);
    if (!copy) {
        return ENOMEM;
    }
    if (len) {
        memcpy(copy, text, len);
    }
    copy[len] = '\0';
    return acl_yaml_scalar(r->b, copy, r->line, r->column);
}

static int
refuse(struct reader *r, struct fy_event *event, const char *what)
{
    take_place(r, event);
    return acl_error_set(r->b->error, r->line, r->column, "%s are not supported", what);
}

static int
on_event(struct reader *r, struct fy_event *event)
{
    switch (event->type) {
    case FYET_DOCUMENT_START:
        return r->documents++ ? refuse(r, event, "several documents in one text") : 0;
    case FYET_MAPPING_START:
        if (event->mapping_start.anchor || event->mapping_start.tag) {
            return refuse(r, event, "anchors and tags");
        }
        return on_open(r, ACL_YAML_MAPPING, event);
    case FYET_SEQUENCE_START:
        if (event->sequence_start.anchor || event->sequence_start.tag) {
            return refuse(r, event, "anchors and tags");
        }
        return on_open(r, ACL_YAML_SEQUENCE, event);
    case FYET_MAPPING_END:
    case FYET_SEQUENCE_END:
        return acl_yaml_close(r->b);
    case FYET_SCALAR:
        if (event->scalar.anchor || event->scalar.tag) {
            return refuse(r, event, "anchors and tags");
        }
        return on_scalar(r, event);
    case FYET_ALIAS:
        return refuse(r, event, "aliases");
    default:
        return 0;
    }
}

/* libfyaml prints its diagnostics unless they are taken from it. */
static void
swallow(struct fy_diag *diag, void *user, const char *buf, size_t len)
{
    (void) diag;
    (void) user;
    (void) buf;
    (void) len;
}

static struct fy_diag *
create_diag(void)
{
    struct fy_diag_cfg cfg;
    struct fy_diag *diag;

    fy_diag_cfg_default(&cfg);
    cfg.fp = NULL;
    cfg.output_fn = swallow;
    cfg.colorize = false;
    diag = fy_diag_create(&cfg);
    if (diag) {
        fy_diag_set_collect_errors(diag, true);
    }
    return diag;
}

static int
syntax_error(struct fy_diag *diag, struct acl_error *error)
{
    void *iter = NULL;
    const struct fy_diag_error *e = fy_diag_errors_iterate(diag, &iter);

    if (!e) {
        return acl_error_set(error, 0, 0, "not valid YAML");
    }
    return acl_error_set(error, e->line > 0 ? (unsigned) e->line : 0,
                         e->column > 0 ? (unsigned) e->column : 0, "%.200s", e->msg);
}

static int
run(struct reader *r, struct fy_parser *parser, struct fy_diag *diag)
{
    struct fy_event *event;
    int rc = 0;

    while (!rc && (event = fy_parser_parse(parser))) {
        rc = on_event(r, event);
        fy_parser_event_free(parser, event);
    }
    if (!rc && (fy_parser_get_stream_error(parser) || fy_diag_got_error(diag))) {
        rc = syntax_error(diag, r->b->error);
    }
    if (!rc && !acl_yaml_root(r->b)) {
        rc = acl_error_set(r->b->error, 1, 1, "the text is empty");
    }
    return rc;
}

/* Length of the UTF-8 character at 's' if YAML allows it in a text, else 0. */
static size_t
character_length(const uint8_t *s, size_t left)
{
    static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
    size_t n = s[0] < 0x80 ? 1 : s[0] >> 5 == 6 ? 2 : s[0] >> 4 == 14 ? 3 : s[0] >> 3 == 30 ? 4 : 0;
    uint32_t c;

    if (n == 1) {
        return (s[0] >= ' ' && s[0] != 0x7f) || s[0] == '\t' || s[0] == '\n' || s[0] == '\r';
    }
    if (!n || n > left) {
        return 0;
    }
    c = s[0] & (0x7fu >> n);
    for (size_t i = 1; i < n; i++) {
        if (s[i] >> 6 != 2) {
            return 0;
        }
        c = c << 6 | (s[i] & 0x3f);
    }
    if (c < least[n] || (c < 0xa0 && c != 0x85) || (c >= 0xd800 && c < 0xe000) ||
        (c >= 0xfffe && c < 0x10000) || c > 0x10ffff) {
        return 0;
    }
    return n;
}

/* libfyaml ends its input quietly at what it cannot decode: rules behind it would be lost. */
static int
check_text(const char *text, size_t len, struct acl_error *error)
{
    unsigned line = 1, column = 1;
    size_t n;

    for (size_t i = 0; i < len; i += n) {
        n = character_length((const uint8_t *) text + i, len - i);
        if (!n) {
            return acl_error_set(error, line, column,
                                 "byte 0x%02x: not UTF-8, or a control character",
                                 (uint8_t) text[i]);
        }
        column = text[i] == '\n' ? 1 : column + 1;
        line += text[i] == '\n';
    }
    return 0;
}

int
acl_yaml_read(struct acl_yaml_builder *b, const char *text, size_t len)
{
    struct reader r = { .b = b, .line = 1, .column = 1 };
    struct fy_parse_cfg cfg = { .flags = FYPCF_DEFAULT_VERSION_1_2 | FYPCF_JSON_NONE };
    struct fy_parser *parser = NULL;
    int rc = check_text(text, len, b->error);

    if (rc) {
        return rc;
    }
    rc = ENOMEM;
    cfg.diag = create_diag();
    if (cfg.diag) {
        parser = fy_parser_create(&cfg);
    }
    /* An empty text is no text to libfyaml, and not an error. */
    if (parser && !fy_parser_set_string(parser, len ? text : " ", len ? len : 1)) {
        rc = run(&r, parser, cfg.diag);
    }
    if (parser) {
        fy_parser_destroy(parser);
    }
    if (cfg.diag) {
        fy_diag_destroy(cfg.diag);
    }
    return rc;
}

int
acl_yaml_parse(const char *text, size_t len, const struct acl_yaml_known *known,
               struct acl_yaml **rootp, struct acl_error *error)
{
    struct acl_yaml_builder b = { .known = known, .error = error };
    int rc = acl_yaml_read_lean(&b, text, len);

    if (rc == EINVAL) {
        acl_yaml_abandon(&b);
        b = (struct acl_yaml_builder){ .error = error };
        rc = acl_yaml_read(&b, text, len);
    }
    if (rc == ENOMEM) {
        acl_error_set(error, 0, 0, "out of memory");
    }
    if (rc) {
        acl_yaml_abandon(&b);
        return rc;
    }
    *rootp = acl_yaml_root(&b);
    return 0;
}
