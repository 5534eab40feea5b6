#include <config.h>

#include "telemetry/reasons.h"

#include <string.h>

#define REASON_NAME(SYMBOL, NAME, TEXT) [SYMBOL] = NAME,
#define REASON_TEXT(SYMBOL, NAME, TEXT) [SYMBOL] = TEXT,

static const char *const names[N_DROP_REASONS] = { DROP_REASONS(REASON_NAME) };
static const char *const texts[N_DROP_REASONS] = { DROP_REASONS(REASON_TEXT) };
static const char *const tx_names[N_TX_DROP_REASONS] = { TX_DROP_REASONS(REASON_NAME) };

const char *
drop_reason_name(enum drop_reason reason)
{
    return (unsigned) reason < N_DROP_REASONS ? names[reason] : "?";
}

const char *
drop_reason_text(enum drop_reason reason)
{
    return (unsigned) reason < N_DROP_REASONS ? texts[reason] : "?";
}

const char *
tx_drop_reason_name(enum tx_drop_reason reason)
{
    return (unsigned) reason < N_TX_DROP_REASONS ? tx_names[reason] : "?";
}

enum drop_reason
drop_reason_from_name(const char *name)
{
    for (unsigned i = 0; i < N_DROP_REASONS; i++) {
        if (!strcmp(names[i], name)) {
            return i;
        }
    }
    return DROP_NONE;
}
