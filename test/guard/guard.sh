#!/usr/bin/env bash
# guard.sh [--record]: instructions a row, counted by callgrind, against the recorded ones (recorded.txt), so that speed
# does not rot unseen. Counts do not depend on what else the machine does; they do on the compiler, so a compiler has rows of its
# own, and one that has none is held against the nearest with more room. --record writes this compiler's rows anew.
set -euo pipefail
cd "$(dirname "$0")/../.."
top=$PWD
test/deps.sh test
ROOM=5 ROOM_UNKNOWN=25
gcc=gcc-$(gcc -dumpversion | cut -d. -f1)
tmp=$(mktemp -d "${TMPDIR:-/tmp}/tuplecast-guard.XXXXXX")
chmod 755 "$tmp"
as_postgres=() owner=$(id -un)
if [ "$(id -u)" = 0 ]; then as_postgres=(runuser -u postgres --) owner=postgres; fi
running=
stop() { [ -z "$running" ] || "${as_postgres[@]}" "$bin/pg_ctl" -D "$tmp/data" -m immediate stop >/dev/null 2>&1 || true; [ -n "${KEEP:-}" ] || rm -rf "$tmp"; }
trap stop EXIT

# instructions FILE: of a callgrind output
instructions() { awk '/^(summary|totals):/ { n = $2 } END { print n + 0 }' "$1"; }

# ---- the shipper: frames to messages
make -s -C shipper all >/dev/null
cc -O1 -g -std=gnu11 -D_GNU_SOURCE -Wall -Wextra -Ishipper -Idecoder "-I$(pg_config --includedir)" -o "$tmp/shipper_path" test/guard/shipper_path.c \
	-Wl,--wrap=rd_kafka_produce,--wrap=rd_kafka_produceva,--wrap=rd_kafka_last_error shipper/build/libshipper.a $(make -s -C shipper print-ldlibs)
count_shipper()
{
	valgrind --tool=callgrind --toggle-collect=guard_records --callgrind-out-file="$tmp/shipper.$1" "$tmp/shipper_path" "$1" >"$tmp/log" 2>&1 || { cat "$tmp/log"; exit 1; }
	instructions "$tmp/shipper.$1"
}
shipper=$((($(count_shipper 300) - $(count_shipper 100)) / 2000))

# ---- the decoder: changes to frames, in a single-user server
bin=${TUPLECAST_TEST_PG_BINDIR:-}
if [ -z "$bin" ]; then
	make -s all >/dev/null
	mkdir "$tmp/pg"
	bin=$(test/private-postgres.sh "$tmp/pg" 2>"$tmp/log") || { cat "$tmp/log"; exit 1; }
fi
mkdir "$tmp/data" "$tmp/out"
chown "$owner" "$tmp/data" "$tmp/out"
"${as_postgres[@]}" "$bin/initdb" -D "$tmp/data" -A trust -U postgres -E UTF8 --locale=C -N >/dev/null
{
	echo "wal_level = logical
fsync = off
autovacuum = off
max_wal_size = 1GB
listen_addresses = ''
unix_socket_directories = '$tmp/data'"
	settings=$("$bin/postgres" --describe-config)
	! grep -q '^output_plugin_libraries' <<<"$settings" || echo "output_plugin_libraries = 'pgoutput, test_decoding, tuplecast'"
} >>"$tmp/data/postgresql.conf"
"${as_postgres[@]}" "$bin/pg_ctl" -D "$tmp/data" -l "$tmp/data/log" -w start >/dev/null
running=1
psql() { "${as_postgres[@]}" "$bin/psql" -qAtX -v ON_ERROR_STOP=1 -h "$tmp/data" -U postgres "$@"; }
psql >/dev/null <<'SQL'
CREATE TABLE wide (id bigserial PRIMARY KEY, name text, digest text, made_at timestamp, amount numeric(12,2), active boolean,
	extra jsonb, ratio float8);
SELECT pg_create_logical_replication_slot('few', 'tuplecast');
CREATE PROCEDURE fill(transactions int) LANGUAGE plpgsql AS $$ BEGIN FOR t IN 1..transactions LOOP
	INSERT INTO wide (name, digest, made_at, amount, active, extra, ratio)
		SELECT 'user-' || i, md5(i::text), timestamp '2025-01-01' + i * interval '1 second', (i % 1000) * 1.01, i % 2 = 0,
			jsonb_build_object('n', i, 'tag', 'row', 'list', jsonb_build_array(1, 2, 3)), i * 0.5::float8 + 0.25
		FROM generate_series(t * 10 + 1, t * 10 + 10) i;
	COMMIT; END LOOP; END $$;
CALL fill(20);
SELECT pg_copy_logical_replication_slot('few', 'many');
SELECT pg_replication_slot_advance('few', pg_current_wal_flush_lsn());
CALL fill(100);
SQL
psql -c "SELECT pg_replication_slot_advance('many', pg_current_wal_flush_lsn())" >/dev/null
psql -c "CALL fill(100)" -c CHECKPOINT >/dev/null
"${as_postgres[@]}" "$bin/pg_ctl" -D "$tmp/data" -m fast -w stop >/dev/null
running=
# count_decoder SLOT OPTION...: "few" decodes 200 transactions, "many" the last 100 of them
count_decoder()
{
	local slot=$1 name=$1.${2//\'/}
	local words="'wire', '1', 'topic.prefix', 'guard'${2:+, $2}"
	echo "SELECT count(*), sum(length(data)) FROM pg_logical_slot_peek_binary_changes('$slot', NULL, NULL, $words)" |
		"${as_postgres[@]}" valgrind --tool=callgrind "--toggle-collect=decode_begin" "--toggle-collect=decode_change" "--toggle-collect=decode_commit" \
			--callgrind-out-file="$tmp/out/$name" "$bin/postgres" --single -D "$tmp/data" postgres >"$tmp/log" 2>&1 || { tail -n 30 "$tmp/log" >&2; exit 1; }
	grep -q 'sum = "[1-9]' "$tmp/log" || { tail -n 30 "$tmp/log" >&2; exit 1; }
	instructions "$tmp/out/$name"
}
decode() { echo $((($(count_decoder few "${1:-}") - $(count_decoder many "${1:-}")) / 1000)); }
flat=$(decode)
envelope=$(decode "'format', 'envelope', 'value.schemas.enable', 'true'")

# ---- the verdict
figures="decoder.flat $flat
decoder.envelope $envelope
shipper $shipper"
recorded=$top/test/guard/recorded.txt
if [ "${1:-}" = --record ]; then
	{ grep -v "^$gcc " "$recorded" 2>/dev/null || true; sed "s/^/$gcc /" <<<"$figures"; } | LC_ALL=C sort >"$tmp/new"
	cat "$tmp/new" >"$recorded"
fi
known=$gcc room=$ROOM
grep -q "^$gcc " "$recorded" || { known=$(cut -d' ' -f1 "$recorded" | sort -V | tail -n 1) room=$ROOM_UNKNOWN; echo "guard: $gcc has no recorded figures; held against $known, $room % more allowed"; }
failed=0 passed=0
while read -r what now; do
	was=$(awk -v k="$known" -v w="$what" '$1 == k && $2 == w { print $3 }' "$recorded")
	verdict=ok
	if [ -z "$was" ] || [ "$now" -le 0 ] || [ $((now * 100)) -gt $((was * (100 + room))) ]; then verdict="FAILED: more than $room % above"; failed=$((failed + 1)); else passed=$((passed + 1)); fi
	printf 'guard: %-18s %6d instructions a row, recorded %6s: %s\n' "$what" "$now" "${was:-none}" "$verdict"
done <<<"$figures"
echo "guard: $passed passed, $failed failed"
[ $failed = 0 ]
