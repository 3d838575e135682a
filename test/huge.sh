#!/usr/bin/env bash
# huge.sh: one transaction of ROWS rows (20,000,000), shipper and walsender killed in the middle of it; prints what it took.
# It needs about 300 bytes of disk a row under TMPDIR, three times over.
set -euo pipefail
cd "$(dirname "$0")/.."
export TUPLECAST_HUGE_ROWS=${ROWS:-20000000}
PYTEST_ARGS="test_huge.py -k one_huge_transaction -s" exec test/run.sh e2e
