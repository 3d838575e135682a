#!/usr/bin/env bash
# run.sh [quick|all] [--only REGEX] [--seed N] [--rows N] [--report FILE] [--list]: Debezium and tuplecast on one database, compared record by record (run.py).
# TUPLECAST_COMPAT_MUTATE=digit|drop|swap|… spoils tuplecast's records on purpose (mutate.py); the run must fail then.
set -euo pipefail
cd "$(dirname "$0")/../.."
top=$PWD
test/deps.sh test
if [ -z "${TUPLECAST_TEST_PG_BINDIR:-}" ]; then
	tmp=$(mktemp -d "${TMPDIR:-/tmp}/tuplecast-compat-pg.XXXXXX")
	chmod 755 "$tmp"
	trap 'rm -rf "$tmp"' EXIT
	make -s -j "$(nproc)" all >"$tmp/build.log" 2>&1 || { tail -n 50 "$tmp/build.log"; exit 1; }
	TUPLECAST_TEST_PG_BINDIR=$(test/private-postgres.sh "$tmp" 2>"$tmp/install.log") || { cat "$tmp/install.log"; exit 1; }
	export TUPLECAST_TEST_PG_BINDIR
fi
PYTHONDONTWRITEBYTECODE=1 "$top/.cache/venv/bin/python" test/compat/run.py "$@"
