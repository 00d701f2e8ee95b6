#!/usr/bin/env bash
# Builds the Ory Hydra that `npm run test:hydra` runs, into MINTMARK_PEERS (~/.cache/mintmark-peers): minutes of two cores.
set -euo pipefail
version=v2.3.0
peers=${MINTMARK_PEERS:-$HOME/.cache/mintmark-peers}
mkdir -p "$peers/hydra"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
go mod init lab
go get -tool "github.com/ory/hydra/v2@$version"
# Hydra builds with a pop of its own: its module names it by `replace`, which counts only in the main module.
go mod edit -replace github.com/gobuffalo/pop/v6=github.com/ory/pop/v6@v6.2.1-0.20241121111754-e5dfc0f3344b
CGO_ENABLED=0 go build -mod=mod -o "$peers/hydra/hydra" github.com/ory/hydra/v2
"$peers/hydra/hydra" version
