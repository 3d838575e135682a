#!/usr/bin/env bash
# run.sh [STAGE...]: builds and tests everything, or the stages named (see "stages" below; e2e takes pytest's arguments from PYTEST_ARGS).
# Needs nothing prepared: it installs what is missing, and starts servers and brokers of its own.
set -uo pipefail
cd "$(dirname "$0")/.."
top=$PWD
export WERROR=-Werror PG_CONFIG=${PG_CONFIG:-pg_config}
stages=(build lint unit fuzz sim regress nohttp e2e chaos compat sanitize guard)
# on request
more_stages=(slow)
jobs=$(nproc)
passed=0 failed=0 results=()

tmp=$(mktemp -d "${TMPDIR:-/tmp}/tuplecast-test.XXXXXX")
chmod 755 "$tmp"
trap 'rm -rf "$tmp"' EXIT

# quiet COMMAND...: its output only if it fails
quiet()
{
	"$@" >"$tmp/quiet.log" 2>&1 || { local status=$?; tail -n 100 "$tmp/quiet.log"; return $status; }
}

# counts PASSED FAILED: what a stage that knows adds up; other stages count as one
counts() { stage_passed=$1 stage_failed=$2; }

stage_build() { quiet make -s -j "$jobs" all; }
stage_lint() { test/lint.sh; }

# the shipper's tests without a server: each program of test/unit
unit_counts()
{
	# cmocka names a failed test twice
	counts "$(grep -cE '\[ +OK +\]' "$1")" "$(grep -E '^\[ +FAILED +\] [a-z_]' "$1" | sort -u | wc -l)"
}
stage_unit()
{
	make -s -j "$jobs" -C test/unit >"$tmp/unit.log" 2>&1
	local status=$?
	[ $status = 0 ] || cat "$tmp/unit.log"
	unit_counts "$tmp/unit.log"
	[ "$stage_passed" -gt 0 ] || { cat "$tmp/unit.log"; echo "no unit test ran"; return 1; }
	return $status
}

# the core among servers and brokers that fail in every way; `make sim SEED=n` replays an episode
stage_sim()
{
	test/sim/run.sh >"$tmp/sim.log" 2>&1
	local status=$?
	if [ $status = 0 ]; then grep 'no violation$' "$tmp/sim.log"; else cat "$tmp/sim.log"; fi
	counts "$(grep -cE 'no violation$|: caught: ' "$tmp/sim.log")" "$(grep -cE '^VIOLATION|: FAILED' "$tmp/sim.log")"
	return $status
}

# each fuzzer for half a minute from its corpus; `make fuzz` runs them for longer
stage_fuzz()
{
	FUZZ_SECONDS=${FUZZ_SECONDS:-30} FUZZ_SEED=1 test/fuzz/run.sh >"$tmp/fuzz.log" 2>&1
	local status=$?
	[ $status = 0 ] || cat "$tmp/fuzz.log"
	counts "$(grep -c 'nothing found$' "$tmp/fuzz.log")" "$(grep -c ': FAILED$' "$tmp/fuzz.log")"
	[ "$stage_passed" -gt 0 ] || { cat "$tmp/fuzz.log"; echo "no fuzzer ran"; return 1; }
	return $status
}

private_postgres()
{
	[ -n "${TUPLECAST_TEST_PG_BINDIR:-}" ] && return
	mkdir -p "$tmp/pg"
	local out
	out=$(test/private-postgres.sh "$tmp/pg" 2>"$tmp/install.log") || { cat "$tmp/install.log"; return 1; }
	export TUPLECAST_TEST_PG_BINDIR=$out
}

stage_regress()
{
	private_postgres || return 1
	test/regress.sh "$TUPLECAST_TEST_PG_BINDIR" >"$tmp/regress.log" 2>&1
	local status=$?
	[ $status = 0 ] || cat "$tmp/regress.log"
	counts "$(grep -cE '^(ok [0-9]|test .*\.\.\. ok)' "$tmp/regress.log")" "$(grep -cE '^(not ok [0-9]|test .*FAILED)' "$tmp/regress.log")"
	[ "$stage_passed" -gt 0 ] || { cat "$tmp/regress.log"; echo "no regression test ran"; return 1; }
	return $status
}

# without the HTTP server: PGXS, libpq, librdkafka and the JSON reader alone
stage_nohttp()
{
	quiet make -s -j "$jobs" -C shipper WITH_HTTP=no OUT=build-nohttp all || return 1
	if ldd shipper/build-nohttp/tuplecast | grep -q microhttpd; then
		echo "built with WITH_HTTP=no, and still linked to libmicrohttpd"
		return 1
	fi
	shipper/build-nohttp/tuplecast version >/dev/null
}

run_pytest()
{
	(cd test/e2e && PYTHONDONTWRITEBYTECODE=1 "$top/.cache/venv/bin/pytest" --color=no -q --durations=10 "$@") 2>&1 | tee "$tmp/pytest.log"
	local status=${PIPESTATUS[0]} line
	line=$(tail -n 1 "$tmp/pytest.log")
	number() { sed -n "s/.*\b\([0-9][0-9]*\) $1.*/\1/p" <<<"$line"; }
	local skipped errors
	skipped=$(number skipped) errors=$(number error)
	counts "$(number passed)" "$(($(number failed) + ${errors:-0} + ${skipped:-0}))"
	[ -n "$stage_passed" ] || stage_passed=0
	# a test that does not run has not passed
	[ -z "$skipped" ] || { echo "$skipped tests were skipped"; status=1; }
	return "$status"
}
stage_e2e()
{
	private_postgres || return 1
	# shellcheck disable=SC2086
	run_pytest ${PYTEST_ARGS:-}
}

# what takes long by its size
stage_slow()
{
	private_postgres || return 1
	run_pytest -m slow
}

# Debezium beside tuplecast; all of it is `make compat`. A fixed seed: a change is judged by itself
stage_compat()
{
	private_postgres || return 1
	test/compat/run.sh quick --seed 1 >"$tmp/compat.log" 2>&1
	local status=$?
	if [ $status = 0 ]; then tail -n 1 "$tmp/compat.log"; else tail -n 60 "$tmp/compat.log"; fi
	counts "$(sed -n 's/^[0-9]* records in \([0-9]*\) combinations.*/\1/p' "$tmp/compat.log")" 0
	[ "${stage_passed:-0}" -gt 0 ] || { stage_passed=0; echo "nothing was compared"; return 1; }
	return $status
}

# a part of the fault matrix, and the test of its checker; all of it is `make chaos`
stage_chaos()
{
	private_postgres || return 1
	test/chaos/run.sh quick >"$tmp/chaos.log" 2>&1
	local status=$?
	[ $status = 0 ] || cat "$tmp/chaos.log"
	local sums
	sums=$(sed -n 's/^chaos.*: \([0-9]*\) passed, \([0-9]*\) failed.*/\1 \2/p' "$tmp/chaos.log" | awk '{p += $1; f += $2} END {print p + 0, f + 0}')
	counts "${sums% *}" "${sums#* }"
	[ "${stage_passed:-0}" -gt 0 ] || { stage_passed=0; echo "no fault was tried"; return 1; }
	return $status
}

# unit tests, end to end whatever passes many bytes, and pg_regress, with the address and undefined behaviour sanitizers
stage_sanitize()
{
	private_postgres || return 1
	export ASAN_OPTIONS=detect_leaks=1:abort_on_error=0:exitcode=99 UBSAN_OPTIONS=print_stacktrace=1
	local status=0
	make -s -j "$jobs" -C test/unit SANITIZE=address,undefined >"$tmp/unit-asan.log" 2>&1 || { cat "$tmp/unit-asan.log"; status=1; }
	unit_counts "$tmp/unit-asan.log"
	local unit_passed=$stage_passed unit_failed=$stage_failed
	quiet make -s -j "$jobs" -C shipper SANITIZE=address,undefined OUT=build-asan all || return 1
	TUPLECAST_TEST_SHIPPER=$top/shipper/build-asan/tuplecast run_pytest -m sanitize || status=1
	# the encoder in a server; of records as large as memory allows it would take minutes
	REGRESS=$(cd sql && printf '%s\n' *.sql | sed 's/\.sql$//; /^oversize$/d' | xargs) test/asan-server.sh >"$tmp/asan-server.log" 2>&1 ||
		{ cat "$tmp/asan-server.log"; status=1; }
	counts $((unit_passed + stage_passed + $(grep -cE '^(ok [0-9]|test .*\.\.\. ok)' "$tmp/asan-server.log"))) \
		$((unit_failed + stage_failed + $(grep -cE '^(not ok [0-9]|test .*FAILED)' "$tmp/asan-server.log")))
	return $status
}

# instructions a row against the recorded ones
stage_guard()
{
	private_postgres || return 1
	test/guard/guard.sh >"$tmp/guard.log" 2>&1
	local status=$?
	cat "$tmp/guard.log"
	counts "$(grep -c ': ok$' "$tmp/guard.log")" "$(grep -c ': FAILED' "$tmp/guard.log")"
	return $status
}

run_stage()
{
	local name=$1 start=$SECONDS status
	stage_passed='' stage_failed=''
	echo "== $name"
	"stage_$name"
	status=$?
	[ -n "$stage_passed" ] || { [ $status = 0 ] && counts 1 0 || counts 0 1; }
	[ -n "$stage_failed" ] || stage_failed=0
	# a stage that fails fails, whatever it counted
	[ $status = 0 ] || [ "$stage_failed" -gt 0 ] || stage_failed=1
	passed=$((passed + stage_passed)) failed=$((failed + stage_failed))
	results+=("$(printf '%-10s %4d s   %4d passed, %d failed' "$name" $((SECONDS - start)) "$stage_passed" "$stage_failed")")
	return $status
}

test/deps.sh test || exit 1
[ $# -gt 0 ] || set -- "${stages[@]}"
for stage in "$@"; do
	[[ " ${stages[*]} ${more_stages[*]} " == *" $stage "* ]] || { echo "run.sh: no stage \"$stage\"; there are: ${stages[*]} ${more_stages[*]}" >&2; exit 2; }
done
[ "$1" = build ] || set -- build "$@"
for stage in "$@"; do
	run_stage "$stage" || [ "$stage" != build ] || break
done

echo
printf '%s\n' "${results[@]}"
echo
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
