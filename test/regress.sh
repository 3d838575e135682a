#!/usr/bin/env bash
# regress.sh BINDIR: pg_regress (sql/, expected/) against a server of its own, started from the installation BINDIR.
set -euo pipefail
cd "$(dirname "$0")/.."
bindir=$1
PG_CONFIG=${PG_CONFIG:-pg_config}
dir=$(mktemp -d "${TMPDIR:-/tmp}/tuplecast-regress.XXXXXX")
chmod 755 "$dir"
as_postgres() { if [ "$(id -u)" = 0 ]; then (cd / && runuser -u postgres -- "$@"); else "$@"; fi; }
cleanup()
{
	as_postgres "$bindir/pg_ctl" -D "$dir/data" -m immediate -w stop >/dev/null 2>&1 || true
	rm -rf "$dir"
}
trap cleanup EXIT

mkdir "$dir/data"
[ "$(id -u)" != 0 ] || chown postgres: "$dir/data" "$dir"
as_postgres "$bindir/initdb" -D "$dir/data" -U postgres -A trust -E UTF8 --locale=C -N >"$dir/initdb.log" 2>&1 || { cat "$dir/initdb.log"; exit 1; }
{
	echo "listen_addresses = ''"
	echo "unix_socket_directories = '$dir'"
	echo "wal_level = logical"
	echo "max_replication_slots = 10"
	echo "fsync = off"
	# so that transactions of the tests are spilled
	echo "logical_decoding_work_mem = '64kB'"
	if "$bindir/postgres" --describe-config | grep '^output_plugin_libraries' >/dev/null; then
		echo "output_plugin_libraries = 'pgoutput, test_decoding, tuplecast'"
	fi
} >>"$dir/data/postgresql.conf"
as_postgres env ${PG_SERVER_PRELOAD:+LD_PRELOAD="$PG_SERVER_PRELOAD"} "$bindir/pg_ctl" -D "$dir/data" -l "$dir/data/server.log" -w start >/dev/null || { cat "$dir/data/server.log"; exit 1; }

status=0
PGHOST=$dir PGUSER=postgres make -s --no-print-directory installcheck PG_CONFIG="$PG_CONFIG" ${REGRESS:+REGRESS="$REGRESS"} || status=$?
if [ $status != 0 ]; then
	[ ! -f regression.diffs ] || cat regression.diffs
	# a server that crashed says why
	grep -E -A 25 'PANIC|TRAP|terminated by signal|ERROR: AddressSanitizer|runtime error' "$dir/data/server.log" || true
fi
exit $status
