#!/bin/sh
# Builds the image: downloads the locked wheels with this machine's own pip settings, then builds
# without a network. Needs sh, python3 with pip, and buildah, podman or docker.
set -eu
cd -- "$(dirname -- "$0")/../.."

usage() {
    cat <<'MESSAGE'
사용법: deploy/image/build.sh [--base IMAGE] [--tag NAME] [--wheels-only | --no-download]

  --base IMAGE     바탕 이미지 (Python 3.11 이상). 다이제스트로 고정하십시오: NAME@sha256:…
  --tag NAME       만들 이미지의 이름. 기본값 gwanmun:버전
  --wheels-only    패키지 파일만 dist/wheels에 받고 끝냅니다 (인터넷이 있는 곳에서)
  --no-download    dist/wheels에 있는 파일만 씁니다 (인터넷이 없는 곳에서)

환경 변수: BUILDER (buildah, podman, docker), PYTHON (pip이 있는 python3),
PYTHON_VERSION (바탕 이미지의 Python, 기본값 3.11), WHEELS (패키지 파일을 두는 곳, 기본값 dist/wheels),
SOURCE_DATE_EPOCH (기본값: 마지막 커밋의 시각)

Downloads the wheels that the lock files pin into dist/wheels, checks their hashes, then builds with
no network. --wheels-only and --no-download are the two halves for a place without internet.
MESSAGE
}

base=""
tag=""
download=yes
build=yes
while [ $# -gt 0 ]; do
    case "$1" in
    --base | --tag)
        if [ $# -lt 2 ]; then
            usage >&2
            exit 2
        fi
        [ "$1" = --base ] && base=$2 || tag=$2
        shift
        ;;
    --wheels-only) build="" ;;
    --no-download) download="" ;;
    -h | --help)
        usage
        exit 0
        ;;
    *)
        usage >&2
        exit 2
        ;;
    esac
    shift
done

version=$(sed -n 's/^version = "\(.*\)"$/\1/p' pyproject.toml)
tag=${tag:-gwanmun:$version}
python_version=${PYTHON_VERSION:-3.11}
wheels=${WHEELS:-dist/wheels}

download_wheels() {
    # Markers are cut off: pip would read them for the Python that downloads, not for the image's.
    machine=$(uname -m)
    draft=$wheels.draft
    rm -rf "$draft"
    mkdir -p "$draft"
    for lock in bootstrap run; do
        sed 's/ ; [^\\]*\\$/ \\/' "requirements/$lock.lock" >"$draft/$lock.txt"
    done
    set --
    for level in 2_5 2_12 2_17 2_24 2_26 2_27 2_28 2_31 2_34; do
        set -- "$@" --platform "manylinux_${level}_$machine"
    done
    for old in 1 2010 2014; do set -- "$@" --platform "manylinux${old}_$machine"; done
    for lock in bootstrap run; do
        "${PYTHON:-python3}" -m pip download --quiet --require-hashes --no-deps \
            --only-binary :all: --implementation cp --python-version "$python_version" "$@" \
            -r "$draft/$lock.txt" -d "$draft"
        rm "$draft/$lock.txt"
    done
    rm -rf "$wheels"
    mv "$draft" "$wheels"
}

if [ -n "$download" ]; then
    echo "── 패키지 파일을 받습니다 (wheels)" >&2
    download_wheels
fi
if [ -z "$build" ]; then
    echo "$wheels: $(find "$wheels" -name '*.whl' | wc -l)개, $(du -sh "$wheels" | cut -f1)"
    exit 0
fi
if [ ! -d "$wheels" ]; then
    echo "$wheels이(가) 없습니다. 인터넷이 있는 곳에서 --wheels-only로 받아 옮기십시오." >&2
    echo "($wheels is missing: fill it with --wheels-only where there is internet.)" >&2
    exit 1
fi

if [ "$wheels" != dist/wheels ]; then # the builder sees only what is below this folder
    rm -rf dist/wheels
    mkdir -p dist
    cp -R "$wheels" dist/wheels
fi

builder=${BUILDER:-}
for candidate in buildah podman docker; do
    [ -z "$builder" ] && command -v "$candidate" >/dev/null 2>&1 && builder=$candidate
done
if [ -z "$builder" ]; then
    echo "buildah, podman, docker 가운데 하나가 필요합니다. (One of them is needed.)" >&2
    exit 1
fi
default=$(sed -n 's/^ARG BASE=//p' Dockerfile)
case "${base:-$default}" in
*@sha256:*) ;;
*)
    echo "주의: ${base:-$default}는 다이제스트로 고정되지 않은 바탕 이미지입니다." >&2
    echo "(The base image is not pinned by digest.)" >&2
    ;;
esac

if [ -z "${SOURCE_DATE_EPOCH:-}" ]; then
    SOURCE_DATE_EPOCH=$(git log -1 --format=%ct 2>/dev/null) || SOURCE_DATE_EPOCH=0
fi
revision=$(git rev-parse HEAD 2>/dev/null) || revision=unknown
export SOURCE_DATE_EPOCH
created=$(date -u -d "@$SOURCE_DATE_EPOCH" +%Y-%m-%dT%H:%M:%SZ)

layers=${BUILDAH_LAYERS:-true}
set -- --build-arg "VERSION=$version" --build-arg "REVISION=$revision" \
    --build-arg "CREATED=$created" --tag "$tag"
[ -z "$base" ] || set -- "$@" --build-arg "BASE=$base"
echo "── 이미지를 만듭니다 (image): $tag, $builder" >&2
case "$builder" in
# The docker format alone keeps HEALTHCHECK; one time for all files makes equal builds equal.
*buildah) exec "$builder" bud --pull=false --format docker "--layers=$layers" --timestamp "$SOURCE_DATE_EPOCH" "$@" . ;;
*podman) exec "$builder" build --pull=false --format docker "--layers=$layers" --timestamp "$SOURCE_DATE_EPOCH" "$@" . ;;
*) exec "$builder" build --network none "$@" . ;;
esac
