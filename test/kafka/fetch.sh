#!/usr/bin/env bash
# fetch.sh: the Kafka broker of the tests, from Maven Central into .cache/kafka/VERSION, once; prints that directory.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
top=$(cd "$here/../.." && pwd)
sum=$(sha256sum <"$here/pom.xml" | cut -c1-12)
version=$(sed -n 's:.*<kafka.version>\(.*\)</kafka.version>.*:\1:p' "$here/pom.xml")
dir=$top/.cache/kafka/$version-$sum
if [ ! -d "$dir" ]; then
	command -v mvn >/dev/null || { echo "fetch.sh: Maven (mvn) is missing; run test/deps.sh" >&2; exit 1; }
	mkdir -p "$top/.cache/kafka"
	part=$dir.part
	rm -rf "$part"
	log=$(mktemp)
	trap 'rm -f "$log"' EXIT
	if ! mvn -B -q -f "$here/pom.xml" dependency:copy-dependencies \
		-DincludeScope=runtime -DoutputDirectory="$part" >"$log" 2>&1; then
		cat "$log" >&2
		echo "fetch.sh: Maven could not fetch Kafka $version" >&2
		exit 1
	fi
	mv "$part" "$dir"
fi
echo "$dir"
