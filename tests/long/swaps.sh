#!/bin/bash
# A million swaps of policies under traffic; see test_swap.c.
set -euo pipefail

top=${FUSUMA_TOP:-$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)}
exec "${FUSUMA_BUILD:-$top/build}/tests/unit/datapath/test_swap" 1000000
