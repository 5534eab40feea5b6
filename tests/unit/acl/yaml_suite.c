/* The lean reader of YAML against libfyaml: what both read, they read alike. */
#include <config.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "acl/yaml_priv.h"
#include "suites.h"

#define MUTATIONS 20000 /* of each seed */
#define MAX_TEXT 1024

static const char *const seeds[] = {
    "# c\n"
    "a: 1\n"
    "b: { x: 'y', \"z w\": [1, 2, {q: r}], e: {}, l: [] } # t\n"
    "c:\n"
    "- { id: r0, ports: [1024-65535], peer: 2001:db8::/64 }\n"
    "- k: v\n"
    "  m:\n"
    "    n: \"o p\"\n"
    "    q: [a,\n"
    "        b]\n"
    "  s: t u\n"
    "- plain text\n"
    "d:\n"
    "  - x\n"
    "  - 'y'\n"
    "  -   z: 1\n"
    "      w: 2\n"
    "\"e f\": { a: b,\n"
    "  c: d }\n"
    "g: 10.0.0.0/8\n",
    "version: 1\n"
    "groups:\n"
    "  s: { cidrs: [10.9.0.0/16, \"2001:db8::/64\"] }\n"
    "\n"
    "rules:\n"
    "  - { id: web, peer: s, action: allow }\n"
    "  # x\n"
    "  - id: two\n"
    "    peer: [a, b]\n",
    "- a\n- b: c\n  d: e\n",
    "{a: b, c: [d, e]}\n",
    "a: b",
};

static bool
same(const struct acl_yaml *a, const struct acl_yaml *b)
{
    for (; a && b; a = a->next, b = b->next) {
        if (a->kind != b->kind || a->line != b->line || a->column != b->column || a->n != b->n ||
            !a->text != !b->text || (a->text && strcmp(a->text, b->text)) ||
            !same(a->child, b->child)) {
            return false;
        }
    }
    return !a && !b;
}

/* Whether the lean reader reads 'text'; then libfyaml must, too. */
static bool
compare(const char *text, size_t len)
{
    struct acl_error error = { .text = "" };
    struct acl_yaml_builder lean = { .error = &error }, slow = { .error = &error };
    bool reads = !acl_yaml_read_lean(&lean, text, len), ok = true;

    if (reads) {
        ok = !acl_yaml_read(&slow, text, len) && same(acl_yaml_root(&lean), acl_yaml_root(&slow));
        CU_ASSERT(ok);
    }
    if (!ok) {
        printf("\nread differently:\n%.*s\n", (int) len, text);
    }
    acl_yaml_abandon(&lean);
    acl_yaml_abandon(&slow);
    return reads;
}

static size_t
mutate(char *text, size_t n)
{
    static const char significant[] = " \n\n  :::-#,,[]{}'\"&*!|>?%@`ab1.\t~\\\r";
    uint32_t at = test_below((uint32_t) n);

    switch (test_below(3)) {
    case 0:
        text[at] = significant[test_below(sizeof significant - 1)];
        return n;
    case 1:
        memmove(text + at + 1, text + at, n - at);
        text[at] = significant[test_below(sizeof significant - 1)];
        return n + 1;
    default:
        memmove(text + at, text + at + 1, n - at - 1);
        return n - 1;
    }
}

static void
test_mutations(void)
{
    char text[MAX_TEXT];
    size_t n_read = 0;

    for (size_t i = 0; i < sizeof seeds / sizeof seeds[0]; i++) {
        CU_ASSERT_TRUE(compare(seeds[i], strlen(seeds[i])));
        for (unsigned k = 0; k < MUTATIONS; k++) {
            size_t n = strlen(seeds[i]);

            memcpy(text, seeds[i], n);
            for (uint32_t j = test_below(4) + 1; j && n > 1; j--) {
                n = mutate(text, n);
            }
            n_read += compare(text, n);
        }
    }
    CU_ASSERT(n_read > MUTATIONS / 2); /* otherwise nothing was compared */
}

/* What is shipped is written so that it is read fast. */
static void
test_shipped(void)
{
    static const char *const files[] = { "acl/rules/desktop-noise.yaml",
                                         "docs/examples/call-centre.yaml",
                                         "docs/examples/developers.yaml",
                                         "docs/examples/internet-separated.yaml",
                                         "docs/examples/quarantine-tier.yaml" };
    static char text[1 << 16];

    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        const char *top = getenv("top_srcdir");
        char path[4096];
        size_t n;
        FILE *f;

        snprintf(path, sizeof path, "%s/%s", top ? top : "..", files[i]);
        f = fopen(path, "r");
        CU_ASSERT_PTR_NOT_NULL_FATAL(f);
        n = fread(text, 1, sizeof text, f);
        fclose(f);
        CU_ASSERT_TRUE(compare(text, n));
    }
}

/* What it does not read is read all the same. */
static void
test_beyond(void)
{
    static const char *const texts[] = {
        "a:\n",          "a: b\n  c\n",       "a: \"b\\n\"\n", "a: 'it''s'\n",
        "a: |\n  b\n",   "--- \na: b\n",      "a: [b: c]\n",   "a: [b, c,]\n",
        "a: \xc3\xa9\n", "a: b # \xc3\xa9\n", "? a\n: b\n",
    };

    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct acl_error error = { .text = "" };
        struct acl_yaml *root = NULL;

        CU_ASSERT_FALSE(compare(texts[i], strlen(texts[i])));
        CU_ASSERT_EQUAL(acl_yaml_parse(texts[i], strlen(texts[i]), NULL, &root, &error), 0);
        acl_yaml_destroy(root);
    }
}

CU_TestInfo yaml_tests[] = {
    { "mutations of texts", test_mutations },
    { "what is shipped", test_shipped },
    { "what the lean reader leaves to libfyaml", test_beyond },
    CU_TEST_INFO_NULL,
};
