#!/usr/bin/env bash
# demo.sh: rows changed in a PostgreSQL of its own, arriving as records in a broker. Leaves nothing behind.
set -euo pipefail
top=$(cd "$(dirname "$0")/.." && pwd)
cd "$top"
if [ -t 1 ]; then bold=$'\e[1m' dim=$'\e[2m' plain=$'\e[0m'; else bold='' dim='' plain=''; fi
say() { printf '%s\n' "$bold$*$plain"; }

dir='' server='' shipper=''
cleanup()
{
	local status=$?
	trap - EXIT INT TERM
	[ -z "$shipper" ] || { kill "$shipper" && wait "$shipper"; } 2>/dev/null || true
	[ -z "$server" ] || as_postgres "$server/pg_ctl" -D "$dir/data" -m immediate -w stop >/dev/null 2>&1 || true
	if [ $status != 0 ] && [ -n "$dir" ]; then
		echo >&2
		echo "The demo failed. The last lines of its logs:" >&2
		tail -n 20 "$dir"/*.log >&2 || true
	fi
	[ -z "$dir" ] || rm -rf "$dir"
	exit $status
}
trap cleanup EXIT
trap 'exit 130' INT TERM

# PostgreSQL does not run as root
as_postgres() { if [ "$(id -u)" = 0 ]; then (cd / && runuser -u postgres -- "$@"); else "$@"; fi; }
query() { PGOPTIONS='-c client_min_messages=warning' "$server/psql" -X -q -v ON_ERROR_STOP=1 -h "$dir" -U postgres -d shop "$@"; }
# wait_for SECONDS WHAT COMMAND...: until the command succeeds
wait_for()
{
	local end=$((SECONDS + $1)) what=$2
	shift 2
	until "$@"; do
		kill -0 "$shipper" 2>/dev/null || { echo "tuplecast ended before $what" >&2; return 1; }
		[ $SECONDS -lt $end ] || { echo "timed out waiting until $what" >&2; return 1; }
		read -rt 0.1 <> <(:) || true
	done
}

test/deps.sh demo
dir=$(mktemp -d "${TMPDIR:-/tmp}/tuplecast-demo.XXXXXX")
chmod 755 "$dir"

say "Building tuplecast"
make -s -j "$(nproc)" all >"$dir/build.log" 2>&1
server=$(test/private-postgres.sh "$dir/pg" 2>"$dir/install.log")
tuplecast=$server/tuplecast

say "Starting a PostgreSQL of its own, and tuplecast with a broker inside its process"
mkdir "$dir/data"
[ "$(id -u)" != 0 ] || chown postgres: "$dir/data" "$dir"
as_postgres "$server/initdb" -D "$dir/data" -U postgres -A trust -E UTF8 --locale=C -N >"$dir/initdb.log" 2>&1
{
	echo "listen_addresses = ''"
	echo "unix_socket_directories = '$dir'"
	echo "wal_level = logical"
	echo "fsync = off"
	# servers since August 2026 load no other output plugins, older ones do not know the setting
	if "$server/postgres" --describe-config | grep '^output_plugin_libraries' >/dev/null; then
		echo "output_plugin_libraries = 'pgoutput, test_decoding, tuplecast'"
	fi
} >>"$dir/data/postgresql.conf"
as_postgres "$server/pg_ctl" -D "$dir/data" -l "$dir/data/server.log" -w start >/dev/null
"$server/psql" -X -q -h "$dir" -U postgres -d postgres -c 'CREATE DATABASE shop'

"$tuplecast" run --source "host=$dir user=postgres dbname=shop" --kafka embedded --prefix demo \
	--http.listen=off >"$dir/tuplecast.log" 2>&1 &
shipper=$!
broker_known() { broker=$(sed -n 's/.*embedded broker.* address=\([0-9.:]*\).*/\1/p' "$dir/tuplecast.log"); [ -n "$broker" ]; }
streaming() { [ "$(query -At -c "SELECT count(*) FROM pg_replication_slots WHERE active AND slot_name = 'tuplecast'")" = 1 ]; }
wait_for 20 "its broker was up" broker_known
wait_for 20 "the slot was streamed" streaming

cat >"$dir/demo.sql" <<'SQL'
CREATE TABLE users (id serial PRIMARY KEY, name varchar(100), email varchar(100), created_at timestamp DEFAULT current_timestamp);
CREATE TABLE orders (id serial PRIMARY KEY, user_id int REFERENCES users, product text, price numeric(8,2), tags text[]);
INSERT INTO users (name, email) VALUES ('Jane Smith', 'jane@example.com'), ('Zoë "Zed" Brown', NULL);
INSERT INTO orders (user_id, product, price, tags) VALUES (1, 'Tea', 12.50, '{green,loose}');
UPDATE users SET email = 'zoe@example.com' WHERE id = 2;
UPDATE orders SET price = 11.00 WHERE id = 1;
DELETE FROM orders WHERE id = 1;
UPDATE users SET id = 1002 WHERE id = 2;
SQL
echo
say "What was done in the database"
while IFS= read -r statement; do
	printf '  %s\n' "$statement"
	query -c "$statement"
done <"$dir/demo.sql"

# users: two inserts, an update, a changed key (delete, tombstone, insert); orders: insert, update, delete, tombstone
echo
say "What came out of the broker (key, then value)"
for topic in demo.public.users=6 demo.public.orders=4; do
	printf '  %s\n' "$dim${topic%=*}$plain"
	if ! timeout 20 kcat -C -q -b "$broker" -t "${topic%=*}" -o beginning -c "${topic#*=}" -Z \
		-f '%k  %s\n' >"$dir/records.txt" 2>"$dir/kcat.log"; then
		echo "${topic%=*}: not all of the ${topic#*=} records arrived:" >&2
		cat "$dir/records.txt" >&2
		exit 1
	fi
	sed 's/^/    /' "$dir/records.txt"
done
kill -TERM "$shipper"
wait "$shipper"
shipper=''

cat <<END

${bold}Everything is stopped and removed again. With your own database and broker:$plain
  make install
  tuplecast check --source postgres://USER@HOST/DATABASE --kafka HOST:9092 --prefix customers
  tuplecast run   --source postgres://USER@HOST/DATABASE --kafka HOST:9092 --prefix customers
END
