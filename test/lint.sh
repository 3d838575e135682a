#!/usr/bin/env bash
# lint.sh: the rules that keep the source simple. Each is one check with a name; all are run, and any that fails is told.
set -uo pipefail
cd "$(dirname "$0")/.."
PG_CONFIG=${PG_CONFIG:-pg_config}
failed=0 passed=0
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
mapfile -t sources < <(git ls-files -co --exclude-standard 'decoder/*.[ch]' 'shipper/*.[ch]' 'test/*.[ch]' 2>/dev/null || find decoder shipper test -name '*.[ch]')

# check NAME COMMAND...: it holds if the command succeeds; its output is the reason if not
check()
{
	local name=$1
	shift
	if "$@" >"$tmp/out" 2>&1; then
		passed=$((passed + 1))
	else
		failed=$((failed + 1))
		echo "lint: $name"
		sed 's/^/    /' "$tmp/out" | head -n 40
	fi
}

# only WHERE PATTERN FILES...: nobody but WHERE (names separated by |) matches the pattern, comments left out
only()
{
	local where=$1 pattern=$2 f found=0
	shift 2
	for f in "$@"; do
		[[ "|$where|" != *"|$f|"* ]] || continue
		# comments are blanked, lines kept
		if perl -0pe 's{/\*.*?\*/}{ my $c = $&; $c =~ s/[^\n]//g; $c }gse; s{//[^\n]*}{}g' "$f" | grep -nE "$pattern" | sed "s|^|$f:|"; then
			found=1
		fi
	done
	[ $found = 0 ]
}
in_dir() { local f; for f in "${sources[@]}"; do case $f in "$1"/*) echo "$f" ;; esac; done; }
mapfile -t decoder < <(in_dir decoder)
mapfile -t shipper < <(in_dir shipper)
# a rule about a file that does not exist would hold for nothing
there() { local f; for f in "$@"; do [ -f "$f" ] || { echo "$f does not exist"; return 1; }; done; }

headers_compile()
{
	local f status=0
	for f in "${shipper[@]}"; do
		case $f in *.h) gcc -std=gnu11 -fsyntax-only -Wall -Wextra -Werror -D_GNU_SOURCE -DTUPLECAST_VERSION='""' -Ishipper -Idecoder \
			-I"$($PG_CONFIG --includedir)" -include "$f" -x c /dev/null || status=1 ;; esac
	done
	for f in "${decoder[@]}"; do
		case $f in
			# for both halves: it must need no more than C
			decoder/wire.h) gcc -std=c99 -pedantic -fsyntax-only -Wall -Wextra -Werror -include "$f" -x c /dev/null || status=1 ;;
			*.h) gcc -fsyntax-only -Wall -D_GNU_SOURCE -DTUPLECAST_VERSION='""' -Idecoder -I"$($PG_CONFIG --includedir-server)" \
				-include postgres.h -include "$f" -x c /dev/null || status=1 ;;
		esac
	done
	return $status
}

only_wire_h()
{
	grep -nE '#include "(\.\./)*decoder/' "${shipper[@]}" | grep -v 'decoder/wire\.h"' && return 1
	# by plain name: any header that only decoder/ has
	local f base status=0
	for f in "${decoder[@]}"; do
		base=${f##*/}
		case $base in wire.h) continue ;; *.h) ;; *) continue ;; esac
		[ ! -f "shipper/$base" ] || continue
		grep -nE "#include \"$base\"" "${shipper[@]}" && status=1
	done
	return $status
}

format()
{
	local clang_format=clang-format
	[ -x .cache/venv/bin/clang-format ] && clang_format=.cache/venv/bin/clang-format
	"$clang_format" --version | grep -q ' 18\.1\.8' || { echo "clang-format 18.1.8 is not there: test/deps.sh"; return 1; }
	"$clang_format" --dry-run -Werror "${sources[@]}"
}

line_limit() { wc -l "${sources[@]}" $(git ls-files -co --exclude-standard '*.py' '*.sh' '*.sql' 2>/dev/null) | awk '$2 != "total" && $1 > 1000 {print; bad = 1} END {exit bad}'; }

configuration_current()
{
	there shipper/build/tuplecast doc/configuration.md || return 1
	shipper/build/tuplecast config --markdown >"$tmp/configuration.md" || return 1
	diff -u doc/configuration.md "$tmp/configuration.md" || { echo "renew it: shipper/build/tuplecast config --markdown > doc/configuration.md"; return 1; }
}

meta_json()
{
	python3 - <<'PY'
import json, re, sys
meta = json.load(open("META.json"))
version = re.search(r"^default_version *= *'(.*)'", open("decoder/tuplecast.control").read(), re.M)[1]
for key in ("name", "version", "abstract", "maintainer", "license", "provides", "meta-spec"):
    assert key in meta, f"META.json has no {key}"
assert re.fullmatch(r"\d+\.\d+\.\d+", meta["version"]), meta["version"]
assert meta["version"] == version, (meta["version"], version)
assert meta["meta-spec"]["version"] == "1.0.0"
for name, provided in meta["provides"].items():
    assert provided["version"] == version
    import os.path
    for key in ("file", "docfile"):
        assert os.path.exists(provided[key]), f"META.json: {provided[key]} does not exist"
PY
}

scripts()
{
	local f status=0
	for f in $(grep -lE '^#!.*\bbash' -r test .ci deploy examples 2>/dev/null | grep -v -e /node_modules/ -e .cache); do
		bash -n "$f" || status=1
		[ -x "$f" ] || { echo "$f is not executable"; status=1; }
	done
	return $status
}

no_trailing_space() { ! grep -nE '[ 	]+$' "${sources[@]}" test/*.sh test/e2e/*.py test/e2e/harness/*.py; }
python_compiles() { python3 -m compileall -q test/e2e examples; }
# each path that the documents name exists
documents() { python3 - <<'PY'
import os, re, subprocess, sys
bad = 0
for name in ["README.md", *(f"doc/{f}" for f in os.listdir("doc") if f.endswith(".md"))]:
    if not os.path.exists(name):
        print(f"{name} does not exist"); bad = 1; continue
    for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", open(name).read()):
        if not os.path.exists(os.path.join(os.path.dirname(name), target)):
            print(f"{name}: {target} does not exist"); bad = 1
sys.exit(bad)
PY
}

check "the files of these rules exist" there decoder/compat.h decoder/frame_writer.c shipper/tracker.c shipper/source_stream.c shipper/main.c shipper/core.c
check "only frame_writer.c writes output" only 'decoder/frame_writer.c' '\bOutputPluginWrite\b' "${decoder[@]}"
check "PG_VERSION_NUM only in decoder/compat.h" only 'decoder/compat.h' '\bPG_VERSION_NUM\b' "${decoder[@]}"
check "rdkafka.h only in kafka_* files" bash -c '! grep -lE "#include .*rdkafka" "$@" | grep -vE "^shipper/kafka_"' _ "${shipper[@]}"
check "exit() only in main.c" only 'shipper/main.c' '\b(_?exit|quick_exit)[[:space:]]*\(' "${shipper[@]}"
check "only tracker.c computes the LSN to confirm" only 'shipper/tracker.c|shipper/tracker.h|shipper/core.c|shipper/core_position.c' '\btracker_confirmable\b' "${shipper[@]}"
check "what the core confirms is what the tracker computed" bash -c 'grep -A 4 "^core_confirmable" shipper/core.c | grep -q "return tracker_confirmable("'
check "only source_stream.c sends the status update" only 'shipper/source_stream.c' '\bPQputCopyData\b' "${shipper[@]}"
check "the core does no input or output and asks no clock" only '' '\b(PQ[a-z]|rd_kafka|poll *\(|read *\(|write *\(|clock_gettime|time *\(|gettimeofday|fopen|printf)' shipper/core.c shipper/core_position.c shipper/tracker.c
check "shipper/ includes nothing of decoder/ but wire.h" only_wire_h
check "decoder/ includes nothing of shipper/" bash -c '! grep -nE "#include .*shipper/" "$@"' _ "${decoder[@]}"
check "only wire.h knows byte offsets" only 'shipper/http.c' '\b(ntohl|htonl|ntohs|htons|be(16|32|64)toh|htobe(16|32|64))\b' "${shipper[@]}"
check "no sleep, select or blocking call in the shipper" only '' '\b(sleep|usleep|nanosleep|select)[[:space:]]*\(' "${shipper[@]}"
check "no rd_kafka_flush outside its thread" only 'shipper/kafka_flusher.c' '\brd_kafka_flush\b' "${shipper[@]}"
check "no string functions without a bound" only '' '\b(strcpy|strcat|sprintf|vsprintf|gets|strtok)[[:space:]]*\(' "${decoder[@]}" "${shipper[@]}"
check "no number is read without a check" only '' '\b(atoi|atol|atoll|atof)[[:space:]]*\(' "${shipper[@]}"
check "every header compiles alone" headers_compile
check "clang-format" format
check "no file over 1000 lines" line_limit
check "no white space at the ends of lines" no_trailing_space
check "doc/configuration.md is what the program prints" configuration_current
check "META.json" meta_json
check "scripts parse and are executable" scripts
check "Python compiles" python_compiles
check "paths in the documents exist" documents

echo "lint: $passed checks passed, $failed failed"
[ $failed = 0 ]
