# docker build --build-arg VERSION=0.1.0 --build-arg COMMIT=$(git rev-parse HEAD) -t saveris-bridge:0.1.0 .
# For several machines: docker buildx build --platform linux/amd64,linux/arm64 …
# The same source, VERSION and COMMIT give the same binary, bit for bit. The same image comes with SOURCE_DATE_EPOCH and buildx:
#   SOURCE_DATE_EPOCH=$(git log -1 --format=%ct) docker buildx build --output type=image,rewrite-timestamp=true …
FROM --platform=$BUILDPLATFORM golang:1.26.8 AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN --mount=type=cache,target=/go/pkg/mod go mod download
COPY . .
ARG VERSION=dev
ARG COMMIT=
ARG TARGETOS
ARG TARGETARCH
RUN --mount=type=cache,target=/go/pkg/mod --mount=type=cache,target=/root/.cache/go-build \
    CGO_ENABLED=0 GOOS=$TARGETOS GOARCH=$TARGETARCH GOFLAGS=-mod=readonly \
    go build -trimpath -buildvcs=false -ldflags "-s -w -buildid= -X main.version=$VERSION -X main.commit=$COMMIT" -o /out/bridge ./cmd/bridge \
 && mkdir /out/data

FROM scratch
ARG VERSION=dev
ARG COMMIT=
LABEL org.opencontainers.image.title="saveris-bridge" \
      org.opencontainers.image.description="Testo Saveris readings and alarms as CloudEvents on NATS JetStream, exactly once" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="$VERSION" \
      org.opencontainers.image.revision="$COMMIT"
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
COPY --from=build /out/bridge /bridge
COPY --from=build --chown=65532:65532 /out/data /data
USER 65532:65532
WORKDIR /data
# Only the embedded NATS server writes: its store is /data/bridge-data.
VOLUME /data
EXPOSE 8080 4222
# No HEALTHCHECK: there is no shell to run one, and whoever runs containers asks /livez and /readyz himself.
ENTRYPOINT ["/bridge"]
CMD ["run"]
