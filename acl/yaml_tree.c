/* Trees of YAML nodes, and how they are built.  All nodes of a tree lie in a few blocks, which go
 * together: a policy has a hundred thousand. */
#include <config.h>

#include "acl/arena.h"
#include "acl/yaml_priv.h"

#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FEW_KEYS 16 /* that are compared each with each */

struct acl_yaml_document {
    struct acl_yaml root;
    bool has_root;
    struct acl_arena arena;
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

/* ---- memory ---- */

void
acl_yaml_destroy(struct acl_yaml *root)
{
    struct acl_yaml_document *document = (struct acl_yaml_document *) root;

    if (document) {
        acl_arena_destroy(&document->arena);
        free(document);
    }
}

void
acl_yaml_abandon(struct acl_yaml_builder *b)
{
    acl_yaml_destroy(b->document ? &b->document->root : NULL);
    b->document = NULL;
}

static bool
begin(struct acl_yaml_builder *b)
{
    if (!b->document) {
        b->document = calloc(1, sizeof *b->document);
    }
    return b->document != NULL;
}

char *
acl_yaml_keep(struct acl_yaml_builder *b, size_t size)
{
    return begin(b) ? acl_arena_take(&b->document->arena, size) : NULL;
}

struct acl_yaml *
acl_yaml_root(const struct acl_yaml_builder *b)
{
    return b->document && b->document->has_root ? &b->document->root : NULL;
}

/* ---- keys ---- */

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

static int
duplicate(const struct acl_yaml *first, const struct acl_yaml *again, struct acl_error *error)
{
    return acl_error_set(error, again->line, again->column,
                         "duplicate key '%.64s' (first on line %u)", again->text, first->line);
}

/* Compares only keys that begin alike, of which there mostly are none. */
static int
check_few(const struct acl_yaml *map, struct acl_error *error)
{
    uint64_t begun[4] = { 0 };

    for (const struct acl_yaml *again = map->child; again; again = again->next->next) {
        uint8_t c = (uint8_t) again->text[0];
        uint64_t bit = UINT64_C(1) << c % 64;

        for (const struct acl_yaml *first = map->child; begun[c / 64] & bit && first != again;
             first = first->next->next) {
            if (first->text[0] == again->text[0] && !strcmp(first->text, again->text)) {
                return duplicate(first, again, error);
            }
        }
        begun[c / 64] |= bit;
    }
    return 0;
}

/* By sorting: a mapping may have as many keys as the text has bytes. */
static int
check_many(const struct acl_yaml *map, struct acl_error *error)
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
            rc = duplicate(keys[i - 1], keys[i], error);
        }
    }
    free(keys);
    return rc;
}

/* ---- nodes ---- */

/* The first is the root. */
static struct acl_yaml *
new_node(struct acl_yaml_builder *b)
{
    if (!begin(b)) {
        return NULL;
    }
    if (!b->document->has_root) {
        b->document->has_root = true;
        return &b->document->root;
    }
    return acl_arena_take(&b->document->arena, sizeof(struct acl_yaml));
}

/* Links a new node into the innermost open container; '*nodep' is the node. */
static int
add_node(struct acl_yaml_builder *b, enum acl_yaml_kind kind, unsigned line, unsigned column,
         struct acl_yaml **nodep)
{
    struct acl_yaml *node = new_node(b);
    unsigned top = b->depth - 1;

    if (!node) {
        return ENOMEM;
    }
    *node = (struct acl_yaml){ .kind = kind, .line = line, .column = column };
    *nodep = node;
    if (!b->depth) {
        return 0;
    }
    *b->tail[top] = node;
    b->tail[top] = &node->next;
    if (b->open[top]->kind == ACL_YAML_MAPPING && b->entries[top] % 2 == 0 &&
        kind != ACL_YAML_SCALAR) {
        return acl_error_set(b->error, line, column, "a key must be plain text");
    }
    b->entries[top]++;
    return 0;
}

int
acl_yaml_open(struct acl_yaml_builder *b, enum acl_yaml_kind kind, unsigned line, unsigned column)
{
    struct acl_yaml *node;
    int rc = add_node(b, kind, line, column, &node);

    if (rc) {
        return rc;
    }
    if (b->depth == ACL_YAML_MAX_DEPTH) {
        return acl_error_set(b->error, line, column, "nested too deeply");
    }
    b->open[b->depth] = node;
    b->tail[b->depth] = &node->child;
    b->entries[b->depth++] = 0;
    return 0;
}

int
acl_yaml_close(struct acl_yaml_builder *b)
{
    struct acl_yaml *node = b->open[--b->depth];
    /* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): what closes was opened */
    bool map = node->kind == ACL_YAML_MAPPING;

    node->n = (uint32_t) (b->entries[b->depth] / (map ? 2 : 1));
    return !map ? 0 : node->n <= FEW_KEYS ? check_few(node, b->error) : check_many(node, b->error);
}

int
acl_yaml_add_known(struct acl_yaml_builder *b, size_t number, unsigned line, unsigned column)
{
    struct acl_yaml *node;
    int rc = add_node(b, ACL_YAML_KNOWN, line, column, &node);

    if (!rc) {
        node->n = (uint32_t) number;
    }
    return rc;
}

struct acl_yaml *
acl_yaml_last(const struct acl_yaml_builder *b)
{
    char *next = (char *) b->tail[b->depth - 1];

    return (struct acl_yaml *) (next - offsetof(struct acl_yaml, next));
}

int
acl_yaml_scalar(struct acl_yaml_builder *b, char *text, unsigned line, unsigned column)
{
    struct acl_yaml *node;
    int rc = add_node(b, ACL_YAML_SCALAR, line, column, &node);

    if (!rc) {
        node->text = text;
    }
    return rc;
}
