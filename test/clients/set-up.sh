#!/usr/bin/env bash
# Fetches what `npm run test:clients` wants: packages of PyPI into MINTMARK_CLIENTS (~/.cache/mintmark-clients), those of Maven and
# Go into their own caches. A step whose tool is not here is passed over.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
clients=${MINTMARK_CLIENTS:-$HOME/.cache/mintmark-clients}
mkdir -p "$clients"
if command -v python3 >/dev/null; then
  python3 -m venv "$clients/python"
  "$clients/python/bin/pip" install -q authlib==1.9.10 requests==2.34.2 requests-oauth2client==1.8.0
fi
if command -v go >/dev/null; then (cd "$here/golang-jwt" && go mod download); fi
if command -v mvn >/dev/null; then
  rm -rf "$clients/spring" && cp -r "$here/spring" "$clients/spring"
  (cd "$clients/spring" && mvn -q -B compile dependency:build-classpath -Dmdep.outputFile=classpath)
fi
