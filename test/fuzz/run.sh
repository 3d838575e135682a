#!/usr/bin/env bash
# run.sh [TARGET...]: runs the fuzzers (all, or those named), two at a time, each for FUZZ_SECONDS (1800) from the seeds in
# corpus/. What it finds stays in build/crashes, and the run fails. FUZZ_SEED fixes the random numbers; an input may take FUZZ_TIMEOUT (10) seconds.
# run.sh --minimise [TARGET...]: puts what the last run learned into corpus/, made as small as possible.
set -uo pipefail
cd "$(dirname "$0")"
seconds=${FUZZ_SECONDS:-1800}
jobs=${FUZZ_JOBS:-2}
minimise=false
[ "${1:-}" != --minimise ] || { minimise=true; shift; }
make -s all || exit 1
[ $# -gt 0 ] || set -- $(make -s print-targets)
mkdir -p build/crashes build/dict

# words that a fuzzer would not guess: the names of options and properties, and their values
sed -n 's/^OPTION([a-z]*, [a-z_0-9]*, "\([^"]*\)".*/"\1"/p' ../../decoder/options.def | sort -u >build/dict/options
grep -ohE '"[a-z]+(-[a-z]+)*"' ../../decoder/transform.c | sort -u >>build/dict/options
grep -ohE '[a-z.|]+\|[a-z.|]+' ../../decoder/transform.c | tr '|' '\n' | sed '/./s/.*/"&"/' | sort -u >>build/dict/options
grep -ohE '"[A-Za-z][A-Za-z.$]{3,60}"' ../../shipper/config*.[ch] ../../shipper/config.def | sort -u >build/dict/config
printf '"%s"\n' 'true' 'false' 'null' '\\u00' '\\ud83d\\ude00' '{' '}' '[' ']' '\"' '1e308' >build/dict/document

fuzz()
{
	local t=$1 log=build/$1.log dict=()
	[ ! -f "build/dict/$t" ] || dict=(-dict="build/dict/$t")
	mkdir -p "build/corpus/$t" "corpus/$t"
	if build/"$t" -max_total_time="$seconds" -seed="${FUZZ_SEED:-0}" -timeout="${FUZZ_TIMEOUT:-10}" -rss_limit_mb=1024 -print_final_stats=1 \
		-artifact_prefix="build/crashes/$t-" "${dict[@]}" "build/corpus/$t" "corpus/$t" >"$log" 2>&1; then
		echo "$t: $(sed -n 's/^stat::number_of_executed_units: *//p' "$log") inputs, nothing found"
	else
		echo "$t: FAILED"
		grep -aE 'does not hold|ERROR: |runtime error|Test unit written|^    #[0-9] .*\.c:' "$log" | head -n 12
		return 1
	fi
}

minimise_one()
{
	local t=$1 new
	new=$(mktemp -d build/merge.XXXXXX)
	build/"$t" -set_cover_merge=1 -max_len=2048 "$new" "corpus/$t" "build/corpus/$t" >"build/$t.merge.log" 2>&1 || { tail -n 5 "build/$t.merge.log"; return 1; }
	rm -rf "corpus/$t"
	mv "$new" "corpus/$t"
	echo "$t: $(find "corpus/$t" -type f | wc -l) inputs, $(du -sb "corpus/$t" | cut -f1) bytes"
}

failed=0 running=0
for t in "$@"; do
	[ -x "build/$t" ] || { echo "run.sh: no fuzzer \"$t\"" >&2; exit 2; }
	if $minimise; then
		minimise_one "$t" || failed=1
		continue
	fi
	[ "$running" -lt "$jobs" ] || { wait -n || failed=$((failed + 1)); running=$((running - 1)); }
	fuzz "$t" &
	running=$((running + 1))
done
while [ "$running" -gt 0 ]; do
	wait -n || failed=$((failed + 1))
	running=$((running - 1))
done
[ "$failed" = 0 ] || { echo "$failed fuzzers found something: inputs in test/fuzz/build/crashes, logs in test/fuzz/build/"; exit 1; }
