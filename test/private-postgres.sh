#!/usr/bin/env bash
# private-postgres.sh DIR: a PostgreSQL installation in DIR (links to the installed one) with what the source tree has
# just built, so that demo and tests neither need nor change the machine's own. Prints the directory of its programs.
# The server finds its files relative to its own place, so a copy of the programs is enough.
set -euo pipefail
dir=$1
top=$(cd "$(dirname "$0")/.." && pwd)
PG_CONFIG=${PG_CONFIG:-pg_config}
bindir=$($PG_CONFIG --bindir)
mkdir -p "$dir$bindir"
cp -L "$bindir"/{postgres,initdb,pg_ctl,psql,pg_recvlogical,pg_controldata,pg_dump} "$dir$bindir/"
for part in "$($PG_CONFIG --sharedir)" "$($PG_CONFIG --pkglibdir)"; do
	mkdir -p "$dir$part"
	cp -as "$part/." "$dir$part/"
done
find "$dir" -mindepth 1 -depth -name 'tuplecast*' -exec rm -rf {} +
make -s --no-print-directory -C "$top" install DESTDIR="$dir" PG_CONFIG="$PG_CONFIG" >&2
chmod -R a+rX "$dir"
echo "$dir$bindir"
