#!/usr/bin/env bash
# run.sh [OPTION...]: the figures, measured on this machine with servers of its own; --help lists the options (BENCH_ARGS through make).
# run.sh plot RESULTS.jsonl [DIRECTORY]: draws them.
# Ends with an error if a figure is worse than it must be.
set -euo pipefail
cd "$(dirname "$0")/../.."
export PG_CONFIG=${PG_CONFIG:-pg_config}
test/deps.sh bench
if [ "${1:-}" = plot ]; then
	venv=.cache/plot
	wanted=$(sha256sum test/bench/requirements.txt)
	if [ "$(cat "$venv/requirements.sha256" 2>/dev/null)" != "$wanted" ]; then
		rm -rf "$venv"
		python3 -m venv "$venv"
		"$venv/bin/pip" install -q --disable-pip-version-check -r test/bench/requirements.txt
		echo "$wanted" >"$venv/requirements.sha256"
	fi
	exec "$venv/bin/python" test/bench/plot.py "$2" "${3:-doc/plots}"
fi
make -s -j "$(nproc)" all >&2
tmp=$(mktemp -d "${TMPDIR:-/tmp}/tuplecast-bench.XXXXXX")
chmod 755 "$tmp"
trap 'rm -rf "$tmp"' EXIT
TUPLECAST_TEST_PG_BINDIR=$(test/private-postgres.sh "$tmp/pg" 2>"$tmp/log") || { cat "$tmp/log" >&2; exit 1; }
export TUPLECAST_TEST_PG_BINDIR
# shellcheck disable=SC2086
PYTHONDONTWRITEBYTECODE=1 .cache/venv/bin/python test/bench/bench.py ${BENCH_ARGS:-} "$@"
