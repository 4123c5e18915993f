# Sourced by ./run and ./test. Sets PYTHON to an interpreter that can make the virtual environment,
# or says what is missing and ends with status 2. Needs nothing but sh.

can_run() { # the interpreter starts and is new enough
    "$1" -I -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1
}

can_make_venv() { # Debian keeps venv and ensurepip in a package of their own
    "$1" -I -c 'import ensurepip, venv' >/dev/null 2>&1
}

say_missing() { # $1: what was found; $2: "sudo " or nothing
    cat >&2 <<MESSAGE

Python 3.11 이상과 venv 모듈이 필요합니다. $1
(Python 3.11 or newer with its venv module is needed.)

Debian 12·Ubuntu 24.04 이상에서는 다음 한 줄로 설치합니다.

    ${2}apt-get install python3 python3-venv

설치한 뒤 같은 명령을 다시 실행하십시오.
Python이 다른 곳에 있으면 이렇게 알려 주십시오: PYTHON=/경로/python3.12 $0
MESSAGE
    exit 2
}

find_python() {
    found=""
    no_venv=""
    for candidate in ${PYTHON:+"$PYTHON"} .venv/bin/python python3 python3.13 python3.12 python3.11; do
        command -v "$candidate" >/dev/null 2>&1 || continue
        if ! can_run "$candidate"; then
            version=$("$candidate" --version 2>&1) || version=""
            case "$version" in "Python "*) found=${found:-$version} ;; esac
        elif ! can_make_venv "$candidate"; then
            no_venv=$candidate
        else
            PYTHON=$candidate
            return 0
        fi
    done
    sudo="sudo "
    [ "$(id -u)" != 0 ] || sudo=""
    if [ -n "$no_venv" ]; then
        say_missing "${no_venv}에 venv 모듈이 없습니다." "$sudo"
    elif [ -n "$found" ]; then
        say_missing "찾은 것은 ${found}입니다." "$sudo"
    else
        say_missing "python3를 찾지 못했습니다." "$sudo"
    fi
}
