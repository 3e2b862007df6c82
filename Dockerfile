# syntax=docker/dockerfile:1
# Built and started by docker-compose.yml. tests/it/compose.rs checks what can be checked without a docker daemon.

FROM rust:1.95.0-slim-bookworm AS build
WORKDIR /src
# The image's own toolchain: rust-toolchain.toml also names rustfmt and clippy, which would be downloaded for nothing.
ENV RUSTUP_TOOLCHAIN=1.95.0
COPY . .
RUN --mount=type=cache,target=/usr/local/cargo/registry --mount=type=cache,target=/src/target \
    cargo build --release --locked --package essink && cp target/release/essink /essink

# Debian and not distroless: its bash is what asks /live below, since no image this small has curl.
FROM debian:12.12-slim
# rustls reads the system's certificates; the build image has them, this one does not.
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
COPY --from=build --chown=root:root --chmod=0755 /essink /usr/local/bin/essink
# Nothing is written but standard output, unless --state file: or --dead-letters dir: name a volume this user may write.
USER 65532:65532
# A port that is published must listen on more than the container's own loopback.
ENV ESSINK_HTTP_LISTEN=0.0.0.0:9464
EXPOSE 9464
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s --retries=3 \
    CMD ["bash", "-c", "exec 3<>/dev/tcp/127.0.0.1/9464 && printf 'GET /live HTTP/1.0\\r\\n\\r\\n' >&3 && read -r _ status _ <&3 && [ \"$status\" = 200 ]"]
ENTRYPOINT ["/usr/local/bin/essink"]
CMD ["run"]
