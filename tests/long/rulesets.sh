#!/bin/bash
# The tables against the naive evaluator (acl/oracle.c) and against a walk over addresses: 10,500,000
# headers, each by both, from another seed each time.  To repeat one: rulesets.sh SEED
set -euo pipefail

top=${FUSUMA_TOP:-$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)}
seed=${1:-$(date +%s%N)}

echo "seed $seed"
top_srcdir=$top exec "${FUSUMA_BUILD:-$top/build}/tests/unit/acl/diff_rulesets" -n 1050000 -e 1 -s "$seed"
