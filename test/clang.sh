#!/usr/bin/env bash
# clang.sh [runtime]: prints the clang to use: $CLANG, or the newest here that has libFuzzer; with "runtime" it fails if none has.
fuzzes() { [ -f "$("$1" -print-file-name=libclang_rt.fuzzer-x86_64.a 2>/dev/null)" ] || [ -f "$("$1" -print-file-name=libclang_rt.fuzzer-aarch64.a 2>/dev/null)" ] || [ -f "$("$1" -print-file-name=libclang_rt.fuzzer.a 2>/dev/null)" ]; }
all=$(compgen -c clang- | grep -E '^clang-[0-9]+$' | sort -u -t- -k2,2nr)
for c in ${CLANG:-$all clang}; do
	if command -v "$c" >/dev/null && fuzzes "$c"; then
		echo "$c"
		exit
	fi
done
[ "${1:-}" != runtime ] || exit 1
echo clang
