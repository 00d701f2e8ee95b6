# syntax=docker/dockerfile:1
# The same base in each build. To take a newer one: docker buildx imagetools inspect node:24-bookworm-slim (docs/docker.md).
ARG NODE_IMAGE=node:24-bookworm-slim@sha256:0e0ff40c39bc087845bfb27465a0df4ea419520094bc35842ff83dd8cbe6f9b6

FROM ${NODE_IMAGE} AS dependencies
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
COPY packages/verifier/package.json packages/verifier/
COPY packages/client/package.json packages/client/
COPY deploy/image/prune.ts ./
RUN npm ci --omit=dev && npm sbom --package-lock-only --omit=dev --sbom-format=cyclonedx | node prune.ts node_modules > sbom.cdx.json

FROM ${NODE_IMAGE} AS program
WORKDIR /app/deploy/image
COPY deploy/image/package.json deploy/image/package-lock.json .npmrc ./
RUN npm ci
WORKDIR /app
COPY --from=dependencies /app/node_modules node_modules
COPY package.json tsconfig.json ./
COPY packages/client/src packages/client/src
COPY src src
COPY deploy/image/bundle.ts deploy/image/
RUN node deploy/image/bundle.ts

FROM ${NODE_IMAGE}
LABEL org.opencontainers.image.title="Mintmark" \
  org.opencontainers.image.description="The token server for machines: OAuth 2.0 client credentials by realm, on PostgreSQL" \
  org.opencontainers.image.licenses="Apache-2.0"
ENV NODE_ENV=production HOST=0.0.0.0 PORT=8080 DATA_DIR=/tmp/mintmark SHUTDOWN_DELAY=5
WORKDIR /app
COPY --from=dependencies /app/node_modules node_modules
COPY --from=dependencies /app/sbom.cdx.json ./
COPY package.json ./
COPY migrations migrations
COPY src/mintmark.js src/health.js src/
COPY --from=program /app/dist dist
RUN ln -s /app/src/mintmark.js /usr/local/bin/mintmark
# By number: Kubernetes cannot tell of a name that it is not root's.
USER 1000:1000
EXPOSE 8080
# That it lives: one that waits for its database is not to be replaced. Readiness is for load balancers.
HEALTHCHECK --interval=15s --timeout=3s --start-period=60s --start-interval=1s --retries=3 CMD ["node", "src/health.js", "live"]
ENTRYPOINT ["node", "--max-semi-space-size=8", "--v8-pool-size=1", "--heap-growing-percent=30", "src/mintmark.js"]
CMD ["serve"]
