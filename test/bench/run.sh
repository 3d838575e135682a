#!/usr/bin/env bash
# run.sh [OPTION...]: the figures, measured on this machine with servers of its own; --help lists the options (BENCH_ARGS through make).
# run.sh plot RESULTS.jsonl... [DIRECTORY]: draws them.
# run.sh tables RESULTS.jsonl...: writes them into doc/performance.md.
# run.sh duplicates [KILLS]: records that come twice after kill -9.
# Ends with an error if a figure is worse than it must be.
set -euo pipefail
cd "$(dirname "$0")/../.."
export PG_CONFIG=${PG_CONFIG:-pg_config}
case ${1:-} in
plot | tables)
	mode=$1
	shift
	# nothing but Python: figures are drawn where there is no server
	PYTHONDONTWRITEBYTECODE=1 exec python3 "test/bench/$mode.py" "$@"
	;;
esac
test/deps.sh bench
make -s -j "$(nproc)" all >&2
tmp=$(mktemp -d "${TMPDIR:-/tmp}/tuplecast-bench.XXXXXX")
chmod 755 "$tmp"
trap 'rm -rf "$tmp"' EXIT
TUPLECAST_TEST_PG_BINDIR=$(test/private-postgres.sh "$tmp/pg" 2>"$tmp/log") || { cat "$tmp/log" >&2; exit 1; }
export TUPLECAST_TEST_PG_BINDIR
if [ "${1:-}" = duplicates ]; then
	PYTHONDONTWRITEBYTECODE=1 .cache/venv/bin/python test/bench/duplicates.py "${@:2}"
	exit
fi
# shellcheck disable=SC2086
PYTHONDONTWRITEBYTECODE=1 .cache/venv/bin/python test/bench/bench.py ${BENCH_ARGS:-} "$@"
