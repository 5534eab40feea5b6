#include <config.h>

#include "proto/vlan_list.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct vlan_set {
    bool has[VLAN_LIST_MAX + 2]; /* the last one is never there: it ends every range */
};

/* A number at '*textp', which moves behind it.  0: there is none that is a VLAN. */
static uint32_t
take_vlan(const char **textp)
{
    const char *text = *textp;
    uint32_t vlan = 0;

    while (isdigit((unsigned char) *text) && vlan <= VLAN_LIST_MAX) {
        vlan = vlan * 10 + (*text++ - '0');
    }
    *textp = text;
    return vlan <= VLAN_LIST_MAX ? vlan : 0;
}

static bool
take_range(const char **textp, struct vlan_set *set)
{
    uint32_t first = take_vlan(textp), last = first;

    if (**textp == '-') {
        ++*textp;
        last = take_vlan(textp);
    }
    if (!first || last < first) {
        return false;
    }
    memset(set->has + first, true, last - first + 1);
    return true;
}

static bool
take_list(const char *text, struct vlan_set *set)
{
    while (take_range(&text, set)) {
        if (!*text) {
            return true;
        }
        if (*text++ != ',') {
            break;
        }
    }
    return false;
}

static void
fill(struct vlan_set *set, const uint32_t *vlans, size_t n)
{
    memset(set, 0, sizeof *set);
    for (size_t i = 0; i < n; i++) {
        set->has[vlans[i] <= VLAN_LIST_MAX ? vlans[i] : 0] = true;
    }
}

bool
vlan_list_add(struct vlan_list *list, const char *text)
{
    struct vlan_set set;
    uint32_t *vlans;
    size_t n = 0;

    fill(&set, list->vlans, list->n);
    if (!take_list(text, &set)) {
        return false;
    }
    vlans = malloc(VLAN_LIST_MAX * sizeof *vlans);
    if (!vlans) {
        return false;
    }
    for (uint32_t v = 1; v <= VLAN_LIST_MAX; v++) {
        if (set.has[v]) {
            vlans[n++] = v;
        }
    }
    free(list->vlans);
    list->vlans = vlans;
    list->n = n;
    return true;
}

void
vlan_list_destroy(struct vlan_list *list)
{
    free(list->vlans);
    *list = (struct vlan_list){ .n = 0 };
}

char *
vlan_list_format(const uint32_t *vlans, size_t n)
{
    const char *comma = "";
    struct vlan_set set;
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);

    if (!out) {
        return NULL;
    }
    fill(&set, vlans, n);
    for (uint32_t first = 1; first <= VLAN_LIST_MAX; first++) {
        uint32_t last = first;

        if (!set.has[first]) {
            continue;
        }
        while (set.has[last + 1]) {
            last++;
        }
        fprintf(out, last > first ? "%s%" PRIu32 "-%" PRIu32 : "%s%" PRIu32, comma, first, last);
        comma = ",";
        first = last;
    }
    if (fclose(out)) {
        free(text);
        text = NULL;
    }
    return text;
}
