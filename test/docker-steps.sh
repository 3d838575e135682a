#!/usr/bin/env bash
# docker-steps.sh: the steps of deploy/Dockerfile in chroots made by debootstrap, where there is no container engine: FROM is a new
# Debian (with PostgreSQL from Debian, of its own major version), RUN runs in it, COPY copies. Then both results are tried: the server
# loads the extension, and the shipper runs as 65532. Needs root and debootstrap, and some minutes. Not part of make test.
set -euo pipefail
cd "$(dirname "$0")/.."
[ "$(id -u)" = 0 ] || { echo "docker-steps.sh: needs root" >&2; exit 1; }
command -v debootstrap >/dev/null || { echo "docker-steps.sh: debootstrap is missing" >&2; exit 1; }
suite=bookworm major=15
work=$(mktemp -d "${TMPDIR:-/tmp}/tuplecast-docker.XXXXXX")
chmod 755 "$work"
mounted=()
cleanup()
{
	local m
	for m in "${mounted[@]}"; do umount -l "$m" || true; done
	rm -rf --one-file-system "$work"
}
trap cleanup EXIT

base=$work/base
debootstrap --variant=minbase --include=ca-certificates "$suite" "$base" >/dev/null
cp /etc/resolv.conf "$base/etc/"
[ ! -d /usr/local/share/ca-certificates ] || cp -r /usr/local/share/ca-certificates/. "$base/usr/local/share/ca-certificates/"
chroot "$base" update-ca-certificates >/dev/null 2>&1
# what PostgreSQL's image has already; its version is Debian's here
debian_postgres="apt-get update -qq && apt-get install -y -qq --no-install-recommends postgresql-common >/dev/null &&
	sed -i 's/^#* *create_main_cluster.*/create_main_cluster = false/' /etc/postgresql-common/createcluster.conf &&
	apt-get install -y -qq --no-install-recommends postgresql-$major >/dev/null"

inside() { chroot "$1" env -i HOME=/root PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin DEBIAN_FRONTEND=noninteractive "${@:2}"; }

begin_stage()
{
	stage=$2 workdir=/
	cp -a "$base" "$work/$stage"
	mount -t proc proc "$work/$stage/proc"
	mounted+=("$work/$stage/proc")
	case $1 in postgres:*) inside "$work/$stage" sh -c "$debian_postgres" >/dev/null 2>&1 ;; esac
	echo "-- FROM $1 AS $2"
}

copy()
{
	local from=$PWD to
	if [[ $1 == --from=* ]]; then from=$work/${1#--from=}; shift; fi
	to=$work/$stage$2
	if [ "$1" = . ]; then
		mkdir -p "$to"
		git ls-files -z | tar -c --null -T - | tar -x -C "$to"
	else
		case $2 in */) mkdir -p "$to"; cp -r "$from$1". "$to" ;; *) cp "$from$1" "$to" ;; esac
	fi
}

# lines that end in a backslash go on
sed -e ':a' -e '/\\$/N; s/\\\n//; ta' deploy/Dockerfile >"$work/steps"
while read -r word rest <&9; do
	rest=${rest//'${PG_MAJOR}'/$major}
	rest=${rest//'${DEBIAN}'/$suite}
	case $word in
		FROM) begin_stage "${rest%% *}" "${rest##* }" ;;
		RUN)
			echo "-- RUN $rest"
			inside "$work/$stage" sh -c "cd $workdir && $rest" >"$work/log" 2>&1 </dev/null || { cat "$work/log"; exit 1; }
			;;
		COPY)
			# shellcheck disable=SC2086
			copy $rest
			;;
		WORKDIR) workdir=$rest ;;
		'#'* | '' | ARG | ENV | USER | EXPOSE | STOPSIGNAL | ENTRYPOINT | CMD) ;;
		*) echo "docker-steps.sh: does not know $word" >&2; exit 1 ;;
	esac
done 9<"$work/steps"

echo "-- the shipper as 65532"
preload=$(sed -n 's/^ENV LD_PRELOAD=//p' deploy/Dockerfile)
loaded=$(chroot --userspec=65532:65532 "$work/shipper" env LD_PRELOAD="$preload" /usr/local/bin/tuplecast version 2>&1)
echo "$loaded"
if [[ $loaded == *ld.so* ]]; then exit 1; fi
if chroot --userspec=65532:65532 "$work/shipper" /usr/local/bin/tuplecast run >"$work/log" 2>&1; then
	echo "run without settings must fail" >&2
	exit 1
fi
grep -q 'source' "$work/log" || { cat "$work/log"; exit 1; }

echo "-- the server with the extension"
inside "$work/postgres" runuser -u postgres -- bash -c "
	set -e
	cd /tmp
	bin=/usr/lib/postgresql/$major/bin
	\$bin/initdb -D data -A trust -N >/dev/null
	options=\"-c listen_addresses='' -c unix_socket_directories=/tmp -c wal_level=logical\"
	if \$bin/postgres --describe-config | grep '^output_plugin_libraries' >/dev/null; then
		options=\"\$options -c output_plugin_libraries=pgoutput,test_decoding,tuplecast\"
	fi
	\$bin/pg_ctl -D data -l server.log -o \"\$options\" -w start >/dev/null
	trap '\$bin/pg_ctl -D data -m immediate stop >/dev/null' EXIT
	psql -h /tmp -qAtX -v ON_ERROR_STOP=1 <<'SQL'
CREATE EXTENSION tuplecast;
SELECT 1 FROM pg_create_logical_replication_slot('s', 'tuplecast');
CREATE TABLE t (id int PRIMARY KEY);
INSERT INTO t VALUES (1);
SELECT data FROM pg_logical_slot_get_changes('s', NULL, NULL, 'topic.prefix', 'image');
SELECT 1 FROM pg_drop_replication_slot('s');
SQL" >"$work/log" 2>&1 || { cat "$work/log"; exit 1; }
grep -F '"topic":"image.public.t"' "$work/log"
echo "docker-steps.sh: passed"
