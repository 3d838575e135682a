#!/usr/bin/env bash
# fetch.sh [VERSION]: Debezium's connector and the Kafka Connect it was built for, from Maven Central into
# .cache/debezium-VERSION, once; prints that directory. Of the 2.0 line Maven Central has 2.0.0.Final alone.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
top=$(cd "$here/../.." && pwd)
version=${1:-3.6.1.Final}
case $version in
3.7.*) kafka=4.3.1 ;;
3.6.1.Final) kafka=4.1.2 ;;
2.7.4.Final) kafka=3.7.0 ;;
2.0.0.Final) kafka=3.3.1 ;;
*) echo "fetch.sh: no Kafka Connect is known for Debezium $version" >&2; exit 2 ;;
esac
sum=$( (cat "$here/pom.xml" "$here/Funnel.java"; echo "$kafka") | sha256sum | cut -c1-12)
dir=$top/.cache/debezium-$version
if [ "$(cat "$dir/.sum" 2>/dev/null)" != "$sum" ]; then
	command -v mvn >/dev/null || { echo "fetch.sh: Maven (mvn) is missing; run test/deps.sh" >&2; exit 1; }
	part=$dir.part
	rm -rf "$part" "$dir"
	mkdir -p "$top/.cache"
	log=$(mktemp)
	trap 'rm -f "$log"' EXIT
	if ! mvn -B -q -f "$here/pom.xml" dependency:copy-dependencies -DincludeScope=runtime \
		-Ddebezium.version="$version" -Dkafka.version="$kafka" -DoutputDirectory="$part" >"$log" 2>&1; then
		cat "$log" >&2
		echo "fetch.sh: Maven could not fetch Debezium $version" >&2
		exit 1
	fi
	if ! java -jar "$part"/ecj-*.jar -8 -nowarn -cp "$(echo "$part"/*.jar | tr ' ' ':')" -d "$part/classes" "$here/Funnel.java"; then
		echo "fetch.sh: Funnel.java does not compile against Kafka Connect $kafka" >&2
		exit 1
	fi
	mkdir -p "$part/classes/META-INF/services"
	echo tuplecast.compat.Funnel >"$part/classes/META-INF/services/org.apache.kafka.connect.transforms.Transformation"
	echo "$sum" >"$part/.sum"
	mv "$part" "$dir"
fi
echo "$dir"
