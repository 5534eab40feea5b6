#!/bin/bash
# Policy verdicts against nftables: ten million packets by random policies, from another seed each
# time.  To repeat one: nftables.sh SEED
set -euo pipefail

seed=${1:-$(date +%s%N)}

echo "seed $seed"
exec "$(dirname "${BASH_SOURCE[0]}")/../system/test_nftables.sh" -n 10000000 -s "$seed"
