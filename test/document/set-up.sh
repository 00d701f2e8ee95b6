#!/usr/bin/env bash
# Fetches what `npm run test:document` wants into MINTMARK_DOCUMENT_TOOLS (~/.cache/mintmark-document): Spectral and openapi-typescript
# from npm, Schemathesis and openapi-python-client from PyPI, oapi-codegen for Go. A step whose tool is not here is passed over.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
tools=${MINTMARK_DOCUMENT_TOOLS:-$HOME/.cache/mintmark-document}
mkdir -p "$tools"
cp "$here/tools/package.json" "$tools/"
npm install --prefix "$tools" --no-audit --no-fund --ignore-scripts
if command -v python3 >/dev/null; then
  python3 -m venv "$tools/python"
  "$tools/python/bin/pip" install -q schemathesis==4.32.5 openapi-python-client==0.29.1
fi
if command -v go >/dev/null; then
  GOBIN="$tools/bin" go install github.com/oapi-codegen/oapi-codegen/v2/cmd/oapi-codegen@v2.8.0
  mkdir -p "$tools/go"
  (cd "$tools/go" && { [ -e go.mod ] || go mod init example.com/client; } && go get github.com/oapi-codegen/runtime@v1.9.0)
fi
