# One image for every command of Gwanmun. docs/install.md says how it is built and run.
#
# BASE is any image with Python 3.11 or newer: the build needs neither pip nor a compiler nor a
# network, only the wheels that deploy/image/build.sh put into dist/wheels. Pin it by digest.
ARG BASE=python:3.11-slim-bookworm

FROM ${BASE} AS packages
WORKDIR /build
COPY requirements/bootstrap.lock requirements/run.lock requirements/
COPY dist/wheels/ wheels/
COPY deploy/image/stage.py ./
RUN ["python3", "-I", "stage.py", "packages", "/opt/gwanmun"]

FROM packages AS project
COPY pyproject.toml README.md LICENSE NOTICE ./
COPY redaction/ redaction/
COPY inference/ inference/
COPY gateway/ gateway/
RUN ["python3", "-I", "stage.py", "project", "/opt/gwanmun"]

FROM ${BASE} AS root
WORKDIR /build
COPY deploy/image/stage.py ./
RUN ["python3", "-I", "stage.py", "root", "/build/root"]

# Made of a copy, not derived from BASE: what was taken out is in no layer below either.
FROM scratch
COPY --from=root /build/root/ /
COPY --from=project /opt/gwanmun /opt/gwanmun
# PYTHONSAFEPATH: the working directory holds data, and no data is ever imported as code.
ENV PATH=/opt/gwanmun/bin:/usr/local/bin:/usr/bin:/bin \
    LANG=C.UTF-8 \
    HOME=/var/lib/gwanmun \
    PYTHONSAFEPATH=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    GWANMUN_CONFIG=/etc/gwanmun/config.yaml \
    GWANMUN_STORE__DATA_DIR=/var/lib/gwanmun
WORKDIR /var/lib/gwanmun
USER 10001:10001
EXPOSE 8080 8083
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=15s --timeout=10s --start-period=60s --retries=3 CMD ["gwanmun", "healthcheck"]
ENTRYPOINT ["gwanmun"]
CMD ["serve"]
ARG VERSION=0.1.0
ARG REVISION=unknown
ARG CREATED=1970-01-01T00:00:00Z
ARG BASE
LABEL org.opencontainers.image.title="Gwanmun" \
      org.opencontainers.image.description="Private LLM serving gateway for government" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.vendor="The Gwanmun authors" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.created="${CREATED}" \
      org.opencontainers.image.base.name="${BASE}"
