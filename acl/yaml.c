#include <config.h>

#include "acl/yaml.h"

#include <errno.h>
#include <libfyaml.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

struct builder {
    struct acl_yaml *root;
    struct acl_yaml
        *open[ACL_YAML_MAX_DEPTH]; /* containers around the next node, outermost first */
    struct acl_yaml **tail[ACL_YAML_MAX_DEPTH]; /* where its next entry goes */
    size_t entries[ACL_YAML_MAX_DEPTH];         /* keys and values count one each */
    unsigned depth;
    unsigned documents;
    unsigned line, column; /* of the last node that has a place: a value left out has none */
    struct acl_error *error;
};

int
acl_error_set(struct acl_error *error, unsigned line, unsigned column, const char *format, ...)
{
    va_list args;

    error->line = line;
    error->column = column;
    va_start(args, format);
    vsnprintf(error->text, sizeof error->text, format, args);
    va_end(args);
    /* It may quote anything and be cut anywhere, and it ends up in logs and in UTF-8 fields. */
    for (char *c = error->text; *c; c++) {
        if (*c < ' ' || *c > '~') {
            *c = '?';
        }
    }
    return EINVAL;
}

void
acl_yaml_destroy(struct acl_yaml *node)
{
    while (node) {
        struct acl_yaml *next = node->next;

        acl_yaml_destroy(node->child); /* as deep as the text: bounded */
        free(node->text);
        free(node);
        node = next;
    }
}

static int
compare_keys(const void *a_, const void *b_)
{
    const struct acl_yaml *const *a = a_, *const *b = b_;
    int order = strcmp((*a)->text, (*b)->text);

    if (!order) {
        order = (*a)->line != (*b)->line
                    ? ((*a)->line > (*b)->line ? 1 : -1)
                    : ((*a)->column > (*b)->column) - ((*a)->column < (*b)->column);
    }
    return order;
}

/* By sorting: a mapping may have as many keys as the text has bytes. */
static int
check_duplicates(const struct acl_yaml *map, struct acl_error *error)
{
    const struct acl_yaml **keys = malloc((map->n + 1) * sizeof *keys);
    size_t n = 0;
    int rc = 0;

    if (!keys) {
        return ENOMEM;
    }
    for (const struct acl_yaml *key = map->child; key; key = key->next->next) {
        keys[n++] = key;
    }
    qsort(keys, n, sizeof *keys, compare_keys);
    for (size_t i = 1; i < n && !rc; i++) {
        if (!strcmp(keys[i - 1]->text, keys[i]->text)) {
            rc = acl_error_set(error, keys[i]->line, keys[i]->column,
                               "duplicate key '%.64s' (first on line %u)", keys[i]->text,
                               keys[i - 1]->line);
        }
    }
    free(keys);
    return rc;
}

static bool
is_quoted(struct fy_token *token)
{
    enum fy_scalar_style style = fy_token_scalar_style(token);

    return style == FYSS_SINGLE_QUOTED || style == FYSS_DOUBLE_QUOTED;
}

static void
take_place(struct builder *b, struct fy_event *event)
{
    const struct fy_mark *mark = fy_event_start_mark(event);

    if (mark) {
        b->line = (unsigned) mark->line + 1;
        b->column = (unsigned) mark->column + 1;
        /* Of a quoted text libfyaml gives the place behind the quote. */
        if (event->type == FYET_SCALAR && b->column > 1 && is_quoted(event->scalar.value)) {
            b->column--;
        }
    }
}

/* Links a new node into the innermost open container; '*nodep' is the node. */
static int
add_node(struct builder *b, enum acl_yaml_kind kind, struct fy_event *event,
         struct acl_yaml **nodep)
{
    struct acl_yaml *node = calloc(1, sizeof *node);
    unsigned top = b->depth - 1;

    if (!node) {
        return ENOMEM;
    }
    node->kind = kind;
    take_place(b, event);
    node->line = b->line;
    node->column = b->column;
    *nodep = node;
    if (!b->depth) {
        b->root = node;
        return 0;
    }
    *b->tail[top] = node;
    b->tail[top] = &node->next;
    if (b->open[top]->kind == ACL_YAML_MAPPING && b->entries[top] % 2 == 0 &&
        kind != ACL_YAML_SCALAR) {
        return acl_error_set(b->error, node->line, node->column, "a key must be plain text");
    }
    b->entries[top]++;
    return 0;
}

static int
on_open(struct builder *b, enum acl_yaml_kind kind, struct fy_event *event)
{
    struct acl_yaml *node;
    int rc = add_node(b, kind, event, &node);

    if (rc) {
        return rc;
    }
    if (b->depth == ACL_YAML_MAX_DEPTH) {
        return acl_error_set(b->error, node->line, node->column, "nested too deeply");
    }
    b->open[b->depth] = node;
    b->tail[b->depth] = &node->child;
    b->entries[b->depth++] = 0;
    return 0;
}

static int
on_close(struct builder *b)
{
    struct acl_yaml *node = b->open[--b->depth];
    /* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): what closes was opened */
    bool map = node->kind == ACL_YAML_MAPPING;

    node->n = b->entries[b->depth] / (map ? 2 : 1);
    return map ? check_duplicates(node, b->error) : 0;
}

static int
on_scalar(struct builder *b, struct fy_event *event)
{
    struct acl_yaml *node;
    size_t len = 0;
    const char *text = event->scalar.value ? fy_token_get_text(event->scalar.value, &len) : NULL;
    int rc = add_node(b, ACL_YAML_SCALAR, event, &node);

    if (rc) {
        return rc;
    }
    if (len && memchr(text, '\0', len)) {
        return acl_error_set(b->error, node->line, node->column, "NUL character in text");
    }
    node->text = strndup(len ? text : "", len);
    return node->text ? 0 : ENOMEM;
}

static int
refuse(struct builder *b, struct fy_event *event, const char *what)
{
    take_place(b, event);
    return acl_error_set(b->error, b->line, b->column, "%s are not supported", what);
}

static int
on_event(struct builder *b, struct fy_event *event)
{
    switch (event->type) {
    case FYET_DOCUMENT_START:
        return b->documents++ ? refuse(b, event, "several documents in one text") : 0;
    case FYET_MAPPING_START:
        if (event->mapping_start.anchor || event->mapping_start.tag) {
            return refuse(b, event, "anchors and tags");
        }
        return on_open(b, ACL_YAML_MAPPING, event);
    case FYET_SEQUENCE_START:
        if (event->sequence_start.anchor || event->sequence_start.tag) {
            return refuse(b, event, "anchors and tags");
        }
        return on_open(b, ACL_YAML_SEQUENCE, event);
    case FYET_MAPPING_END:
    case FYET_SEQUENCE_END:
        return on_close(b);
    case FYET_SCALAR:
        if (event->scalar.anchor || event->scalar.tag) {
            return refuse(b, event, "anchors and tags");
        }
        return on_scalar(b, event);
    case FYET_ALIAS:
        return refuse(b, event, "aliases");
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
run(struct builder *b, struct fy_parser *parser, struct fy_diag *diag)
{
    struct fy_event *event;
    int rc = 0;

    while (!rc && (event = fy_parser_parse(parser))) {
        rc = on_event(b, event);
        fy_parser_event_free(parser, event);
    }
    if (!rc && (fy_parser_get_stream_error(parser) || fy_diag_got_error(diag))) {
        rc = syntax_error(diag, b->error);
    }
    if (!rc && !b->root) {
        rc = acl_error_set(b->error, 1, 1, "the text is empty");
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
acl_yaml_parse(const char *text, size_t len, struct acl_yaml **rootp, struct acl_error *error)
{
    struct builder b = { .line = 1, .column = 1, .error = error };
    struct fy_parse_cfg cfg = { .flags = FYPCF_DEFAULT_VERSION_1_2 | FYPCF_JSON_NONE };
    struct fy_parser *parser = NULL;
    int rc = check_text(text, len, error);

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
        rc = run(&b, parser, cfg.diag);
    }
    if (rc == ENOMEM) {
        acl_error_set(error, 0, 0, "out of memory");
    }
    if (parser) {
        fy_parser_destroy(parser);
    }
    if (cfg.diag) {
        fy_diag_destroy(cfg.diag);
    }
    if (rc) {
        acl_yaml_destroy(b.root);
        return rc;
    }
    *rootp = b.root;
    return 0;
}
