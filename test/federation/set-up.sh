#!/usr/bin/env bash
# Fetches the issuers that `npm run test:federation` runs: test/federation/set-up.sh [STEP…], default all.
# They go to MINTMARK_PEERS (~/.cache/mintmark-peers). SPIRE and Kubernetes are built, which takes minutes of two cores.
set -euo pipefail
peers=${MINTMARK_PEERS:-$HOME/.cache/mintmark-peers}
mkdir -p "$peers/bin"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# SPIRE's server and agent.
spire() {
  cd "$work"
  go mod init lab
  go get -tool github.com/spiffe/spire/cmd/spire-server@v1.13.3 github.com/spiffe/spire/cmd/spire-agent@v1.13.3
  go build -o "$peers/bin/spire-server" github.com/spiffe/spire/cmd/spire-server
  go build -o "$peers/bin/spire-agent" github.com/spiffe/spire/cmd/spire-agent
}

# The API server of Kubernetes. Its module takes its parts from folders of its own repository, so they are named here.
kubernetes() {
  local version=1.36.3
  cd "$work"
  {
    echo 'module lab'
    echo 'go 1.26'
    echo "require k8s.io/kubernetes v$version"
    for part in api apiextensions-apiserver apimachinery apiserver cli-runtime client-go cloud-provider cluster-bootstrap \
      code-generator component-base component-helpers controller-manager cri-api cri-client cri-streaming \
      csi-translation-lib dynamic-resource-allocation endpointslice externaljwt kms kube-aggregator \
      kube-controller-manager kube-proxy kube-scheduler kubectl kubelet metrics mount-utils pod-security-admission \
      sample-apiserver sample-cli-plugin sample-controller streaming; do
      echo "replace k8s.io/$part => k8s.io/$part v0${version#1}"
    done
  } > go.mod
  printf '//go:build tools\npackage lab\nimport _ "k8s.io/kubernetes/cmd/kube-apiserver"\n' > tools.go
  go mod tidy
  go build -o "$peers/bin/kube-apiserver" k8s.io/kubernetes/cmd/kube-apiserver
}

# Keycloak, as Maven has it.
keycloak() {
  mvn -q -B org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy \
    -Dartifact=org.keycloak:keycloak-quarkus-dist:26.4.0:zip -DoutputDirectory="$work"
  rm -rf "$peers/keycloak"
  (cd "$work" && jar xf keycloak-quarkus-dist-26.4.0.zip)
  mv "$work/keycloak-26.4.0" "$peers/keycloak"
  chmod +x "$peers/keycloak/bin/kc.sh"
}

if [ $# -eq 0 ]; then set -- spire kubernetes keycloak; fi
for step; do
  echo "== $step"
  ("$step")
done
echo "From the machine's packages, where you want them: etcd-server kubernetes-client openssl"
