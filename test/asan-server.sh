#!/usr/bin/env bash
# asan-server.sh: pg_regress (sql/, expected/) with the output plugin built with the address and undefined behaviour
# sanitizers, in a server with their runtime preloaded. REGRESS="a b" for some.
# Memory of the server's allocator is one block to the sanitizer: what it sees is blocks, the stack, globals, and all
# undefined behaviour.
set -euo pipefail
cd "$(dirname "$0")/.."
PG_CONFIG=${PG_CONFIG:-pg_config}
dir=$(mktemp -d "${TMPDIR:-/tmp}/tuplecast-asan.XXXXXX")
chmod 755 "$dir"
trap 'rm -rf "$dir"' EXIT

mkdir "$dir/src" "$dir/pg"
cp -r Makefile META.json decoder "$dir/src/"
rm -f "$dir"/src/decoder/*.o "$dir"/src/decoder/*.bc
make -s -j "$(nproc)" -C "$dir/src" PG_CONFIG="$PG_CONFIG" with_llvm=no tuplecast.so \
	COPT="-fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer -g" >"$dir/build.log" 2>&1 || { cat "$dir/build.log"; exit 1; }
bindir=$(test/private-postgres.sh "$dir/pg" 2>"$dir/install.log") || { cat "$dir/install.log"; exit 1; }
cp "$dir/src/tuplecast.so" "$dir/pg$("$PG_CONFIG" --pkglibdir)/tuplecast.so"
# the preloaded runtime leaves a lock of gettext taken (glibc 2.36), in which bindtextdomain() then waits for ever
cat >"$dir/nogettext.c" <<'EOF'
char *bindtextdomain(const char *domain, const char *dir) { (void) domain; return (char *) dir; }
char *bind_textdomain_codeset(const char *domain, const char *codeset) { (void) domain; return (char *) codeset; }
char *textdomain(const char *domain) { return (char *) domain; }
EOF
cc -shared -fPIC -w -o "$dir/nogettext.so" "$dir/nogettext.c"
preload="$(cc -print-file-name=libasan.so) $(cc -print-file-name=libubsan.so) $dir/nogettext.so"
chmod -R a+rX "$dir"
export PG_SERVER_PRELOAD=$preload
# where a server that is stopped by it says so
export ASAN_OPTIONS=detect_leaks=0:abort_on_error=1:detect_odr_violation=0 UBSAN_OPTIONS=print_stacktrace=1
test/regress.sh "$bindir"
