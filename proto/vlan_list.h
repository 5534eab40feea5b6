/* Lists of VLANs as people write them: "10,20-29". */
#ifndef PROTO_VLAN_LIST_H
#define PROTO_VLAN_LIST_H 1

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define VLAN_LIST_MAX 4094 /* IEEE 802.1Q-2018, 9.6 */

/* The VLANs of a list, each once, in the order of their numbers; freed by vlan_list_destroy().  All
 * zero: empty. */
struct vlan_list {
    uint32_t *vlans;
    size_t n;
};

/* Adds those of 'text': numbers from 1 to VLAN_LIST_MAX and ranges of them, with commas between.
 * False when it is no such thing (or memory is short), and nothing was added. */
bool vlan_list_add(struct vlan_list *, const char *text);
void vlan_list_destroy(struct vlan_list *);
/* The text of a list in any order; the caller frees it.  NULL: no memory. */
char *vlan_list_format(const uint32_t *vlans, size_t n);

#endif
