/* Mixing of 64-bit values for the hash tables and digests of this directory.  Not for untrusted
 * input that could aim at collisions: every user compares contents, or only reports the value. */
#ifndef ACL_HASH_H
#define ACL_HASH_H 1

#include <stdint.h>
#include <string.h>

/* 'value' folded into 'hash' (the finaliser of splitmix64). */
static inline uint64_t
acl_hash_mix(uint64_t hash, uint64_t value)
{
    uint64_t x = hash * 0x9e3779b97f4a7c15u + value + 0x9e3779b97f4a7c15u;

    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    return x ^ (x >> 31);
}

/* Eight bytes at a time; their order in a word does not matter. */
static inline uint64_t
acl_hash_text(const char *text)
{
    size_t left = strlen(text);
    uint64_t hash = left;

    while (left) {
        size_t n = left < 8 ? left : 8;
        uint64_t word = 0;

        memcpy(&word, text, n);
        hash = acl_hash_mix(hash, word);
        text += n;
        left -= n;
    }
    return hash;
}

#endif
