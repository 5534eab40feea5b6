#include <config.h>

#include "ctl/limits.h"

#include <inttypes.h>
#include <string.h>

#include "ctl/ctl.h"
#include "openvswitch/dynamic-string.h"
#include "openvswitch/util.h"
#include "util.h"

#define PPS_MAX 100000000
#define PPS_OFF UINT32_MAX

static const struct storm_class {
    const char *name;
    size_t offset; /* of its uint32_t */
} classes[] = {
    { "broadcast", offsetof(Fusuma__V1__StormLimits, broadcast_pps) },
    { "multicast", offsetof(Fusuma__V1__StormLimits, multicast_pps) },
    { "unknown-unicast", offsetof(Fusuma__V1__StormLimits, unknown_unicast_pps) },
};

static uint32_t *
field(const Fusuma__V1__StormLimits *m, const struct storm_class *class)
{
    return (uint32_t *) ((char *) m + class->offset);
}

static bool
take_pps(const char *word, const char *text, uint32_t *pps)
{
    unsigned long long number;

    if (!strcmp(text, "off")) {
        *pps = PPS_OFF;
        return true;
    }
    if (text[strspn(text, "0123456789")] || !str_to_ullong(text, 10, &number) || !number ||
        number > PPS_MAX) {
        ctl_error("--storm: '%s': packets a second are a whole number from 1 to %d, or 'off'", word,
                  PPS_MAX);
        return false;
    }
    *pps = number;
    return true;
}

static bool
take_word(const char *word, Fusuma__V1__StormLimits *m)
{
    size_t length = strcspn(word, "=");

    for (size_t i = 0; word[length] && i < ARRAY_SIZE(classes); i++) {
        if (strlen(classes[i].name) == length && !strncmp(word, classes[i].name, length)) {
            if (*field(m, &classes[i])) {
                ctl_error("--storm: '%s' was given twice", classes[i].name);
                return false;
            }
            return take_pps(word, word + length + 1, field(m, &classes[i]));
        }
    }
    ctl_error("--storm: '%s' is not CLASS=PPS (classes: broadcast, multicast, unknown-unicast)",
              word);
    return false;
}

bool
limits_storm(const struct args *args, Fusuma__V1__StormLimits *m)
{
    const struct svec *words = &args->values[OPT_STORM];

    for (size_t i = 0; i < words->n; i++) {
        if (!take_word(words->names[i], m)) {
            return false;
        }
    }
    return true;
}

char *
limits_storm_text(const Fusuma__V1__StormLimits *m)
{
    struct ds s = DS_EMPTY_INITIALIZER;

    for (size_t i = 0; m && i < ARRAY_SIZE(classes); i++) {
        uint32_t pps = *field(m, &classes[i]);

        ds_put_format(&s, "%s%s ", i ? ", " : "", classes[i].name);
        if (pps == PPS_OFF) {
            ds_put_cstr(&s, "off");
        } else {
            ds_put_format(&s, "%" PRIu32, pps);
        }
    }
    return ds_steal_cstr(&s);
}
