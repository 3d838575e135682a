#!/usr/bin/env bash
# deps.sh [demo|test|bench]: what the demo, the tests (by default) or the comparison with others needs. Says nothing when nothing is missing.
# On Debian and Ubuntu as root it installs; elsewhere it names what is missing and fails.
set -euo pipefail
set_wanted=${1:-test}
case $set_wanted in demo | test | bench) ;; *) echo "usage: deps.sh [demo|test|bench]" >&2; exit 2 ;; esac
top=$(cd "$(dirname "$0")/.." && pwd)
PG_CONFIG=${PG_CONFIG:-pg_config}
export DEBIAN_FRONTEND=noninteractive

have() { command -v "$1" >/dev/null 2>&1; }
header() { have gcc && echo "#include <$1>" | gcc -E -x c ${2:+-I"$2"} - >/dev/null 2>&1; }
# a header alone does not link: its package is there if the header is
pg() { "$PG_CONFIG" "$1" 2>/dev/null; }

# Each thing: a test, then the Debian package (@ stands for the server's major version)
missing=()
need() { local package=$1; shift; "$@" || missing+=("$package"); }

pg_extensions_build() { local mk; mk=$(pg --pgxs) && [ -f "$mk" ] && [ -f "$(pg --includedir-server)/postgres.h" ]; }
pg_server() { local bin; bin=$(pg --bindir) && [ -x "$bin/postgres" ] && [ -x "$bin/initdb" ]; }
libpq() { header libpq-fe.h "$(pg --includedir || echo /usr/include/postgresql)"; }
# grep reads to the end: under pipefail a broken pipe would be a missing clang
have_clang() { compgen -c clang | grep -E '^clang(-[0-9]+)?$' >/dev/null; }
fuzzer_runtime() { "$top/test/clang.sh" runtime >/dev/null; }
# of the clang that is here, or else the suite's own
clang_major()
{
	{ "$("$top/test/clang.sh")" -dumpversion 2>/dev/null || apt-cache depends clang 2>/dev/null | sed -n 's/.*Depends: clang-\([0-9]*\)$/\1/p'; } | head -n 1 | cut -d. -f1
}
java17() { have java && [ "$(java -version 2>&1 | sed -n 's/.*version "\([0-9]*\).*/\1/p')" -ge 17 ] 2>/dev/null; }
postgis() { local dir; dir=$(pg --sharedir) && [ -f "$dir/extension/postgis.control" ]; }
pg_library() { [ -f "$(pg --pkglibdir)/$1.so" ]; }
shared_library() { ldconfig -p | grep -F "$1 " >/dev/null; }
venv_module() { python3 -c 'import venv, ensurepip' 2>/dev/null; }

find_missing()
{
	missing=()
	need gcc have gcc
	need libc6-dev header stdlib.h
	need make have make
	need postgresql-server-dev-@ pg_extensions_build
	need postgresql-@ pg_server
	need libpq-dev libpq
	need librdkafka-dev header librdkafka/rdkafka.h
	need libjansson-dev header jansson.h
	[ "${WITH_HTTP:-yes}" = no ] || need libmicrohttpd-dev header microhttpd.h
	need kcat have kcat
	if [ "$set_wanted" != demo ]; then
		need libmicrohttpd-dev header microhttpd.h
		need libcmocka-dev header_cmocka
		need valgrind have valgrind
		need clang have_clang
		need "libclang-rt-$(clang_major)-dev" fuzzer_runtime
		need libssl-dev header openssl/evp.h
		need default-jre-headless java17
		need maven have mvn
		need python3 have python3
		need python3-venv venv_module
		need procps have ps
		need iproute2 have ip
		need locales have localedef
		need postgresql-@-postgis-3 postgis
	fi
	if [ "$set_wanted" = bench ]; then
		need postgresql-@-wal2json pg_library wal2json
		need postgresql-@-decoderbufs pg_library decoderbufs
		need postgresql-contrib have pgbench
		need libjemalloc2 shared_library libjemalloc.so.2
	fi
}
header_cmocka() { echo '#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>' | gcc -E -x c - >/dev/null 2>&1; }

# The major version whose packages the suite has, or which is already being built for.
pg_major()
{
	local v
	v=$(pg --version | sed -n 's/^PostgreSQL \([0-9]*\).*/\1/p') || true
	if [ -n "$v" ] && apt-cache show "postgresql-server-dev-$v" >/dev/null 2>&1; then
		echo "$v"
		return
	fi
	apt-cache depends postgresql 2>/dev/null | sed -n 's/.*Depends: postgresql-\([0-9][0-9]*\)$/\1/p' | head -n 1
}

fail_missing()
{
	echo "deps.sh: $1" >&2
	echo "These packages (Debian's names) are missing:" >&2
	printf '    %s\n' "${missing[@]//-@/-VERSION}" >&2
	exit 1
}

apt_quiet()
{
	local log
	log=$(mktemp)
	if ! apt-get -y -qq -o Dpkg::Use-Pty=0 "$@" >"$log" 2>&1; then
		cat "$log" >&2
		rm -f "$log"
		return 1
	fi
	rm -f "$log"
}

# Debian starts a cluster of its own with the first server package; nobody here asked for one.
no_main_cluster()
{
	local conf=/etc/postgresql-common/createcluster.conf
	dpkg-query -W -f '${Status}' postgresql-common 2>/dev/null | grep -q 'install ok installed' ||
		apt_quiet install --no-install-recommends postgresql-common
	cp "$conf" "$conf.tuplecast"
	trap 'mv -f /etc/postgresql-common/createcluster.conf.tuplecast /etc/postgresql-common/createcluster.conf' EXIT
	sed -i 's/^#* *create_main_cluster.*/create_main_cluster = false/' "$conf"
	grep -q '^create_main_cluster = false' "$conf" || echo 'create_main_cluster = false' >>"$conf"
}

install_missing()
{
	local major packages
	have apt-get || fail_missing "this is not Debian or Ubuntu: install what is missing by hand."
	[ "$(id -u)" = 0 ] || fail_missing "not root, so nothing was installed (sudo make deps installs it)."
	echo "deps.sh: installing ${missing[*]}" >&2
	major=$(pg_major)
	if [ -z "$major" ] || ! apt-cache show "${missing[@]//-@/-$major}" >/dev/null 2>&1; then
		apt_quiet update
		major=$(pg_major)
	fi
	[ -n "$major" ] || fail_missing "apt knows no package \"postgresql\"."
	packages=("${missing[@]//-@/-$major}")
	case " ${packages[*]} " in *" postgresql-$major "*) no_main_cluster ;; esac
	apt_quiet install --no-install-recommends "${packages[@]}" ||
		{ apt_quiet update && apt_quiet install --no-install-recommends "${packages[@]}"; } ||
		fail_missing "apt-get could not install them."
}

find_missing
if [ ${#missing[@]} -gt 0 ]; then
	install_missing
	hash -r
	find_missing
	[ ${#missing[@]} = 0 ] || fail_missing "installed, and still something is missing."
fi
[ "$set_wanted" != demo ] || exit 0

# Python's part, in a directory of its own
wanted=$(sha256sum <"$top/test/e2e/requirements.txt")
venv=$top/.cache/venv
if [ "$(cat "$venv/requirements.sha256" 2>/dev/null)" != "$wanted" ] || ! "$venv/bin/python" -c '' 2>/dev/null; then
	echo "deps.sh: making .cache/venv" >&2
	rm -rf "$venv"
	mkdir -p "$top/.cache"
	python3 -m venv "$venv"
	"$venv/bin/pip" install -q --disable-pip-version-check -r "$top/test/e2e/requirements.txt" >&2
	echo "$wanted" >"$venv/requirements.sha256"
fi
"$top/test/kafka/fetch.sh" >/dev/null
