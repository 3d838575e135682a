#!/usr/bin/env bash
# run.sh [quick|selftest|table FILE...|list]: the fault matrix (see chaos.py), or its part for every day with the test of the checker
set -euo pipefail
cd "$(dirname "$0")/../.."
top=$PWD
export PG_CONFIG=${PG_CONFIG:-pg_config} PYTHONDONTWRITEBYTECODE=1
python=$top/.cache/venv/bin/python
test/deps.sh test
case ${1:-} in list | table) exec "$python" test/chaos/chaos.py "$@" ;; esac

tmp=$(mktemp -d "${TMPDIR:-/tmp}/tuplecast-chaos.XXXXXX")
chmod 755 "$tmp"
trap 'rm -rf "$tmp"' EXIT
make -s -j "$(nproc)" all
if [ -z "${TUPLECAST_TEST_PG_BINDIR:-}" ]; then
	mkdir "$tmp/pg"
	TUPLECAST_TEST_PG_BINDIR=$(test/private-postgres.sh "$tmp/pg" 2>"$tmp/install.log") || { cat "$tmp/install.log"; exit 1; }
	export TUPLECAST_TEST_PG_BINDIR
fi
# a build may go on while the matrix runs
cp "${TUPLECAST_TEST_SHIPPER:-shipper/build/tuplecast}" "$tmp/tuplecast"
export TUPLECAST_TEST_SHIPPER=$tmp/tuplecast

selftest()
{
	CPPFLAGS=-DTUPLECAST_MUTANT make -s -j "$(nproc)" -C shipper OUT=build-mutant all
	TUPLECAST_MUTANT_SHIPPER=$top/shipper/build-mutant/tuplecast "$python" test/chaos/chaos.py selftest
}

case ${1:-} in
	selftest) selftest ;;
	quick)
		status=0
		# a fixed seed: a change is judged by itself
		export SEED=${SEED:-1}
		CHAOS_MODE=at-least-once selftest || status=1
		CHAOS_QUICK=1 "$python" test/chaos/chaos.py || status=1
		exit $status
		;;
	'') "$python" test/chaos/chaos.py ;;
	*) echo "usage: run.sh [quick|selftest|table FILE...|list]" >&2; exit 2 ;;
esac
