"""The operating system's reasons in Korean: the one table for every message that names one."""

import errno
import os
from collections.abc import Mapping
from typing import Final

_KOREAN: Final[Mapping[int, str]] = {
    errno.EACCES: "권한이 없습니다",
    errno.EADDRINUSE: "다른 프로그램이 쓰고 있는 주소입니다",
    errno.EADDRNOTAVAIL: "이 기계의 주소가 아닙니다",
    errno.EEXIST: "같은 이름이 이미 있습니다",
    errno.EIO: "입출력 오류가 났습니다",
    errno.EISDIR: "파일이 아니라 디렉터리입니다",
    errno.EMFILE: "열 수 있는 파일의 수를 넘었습니다",
    errno.ENOENT: "그런 파일이나 디렉터리가 없습니다",
    errno.ENOSPC: "디스크에 빈 공간이 없습니다",
    errno.ENOTDIR: "디렉터리가 아닙니다",
    errno.EPERM: "허용되지 않은 일입니다",
    errno.EROFS: "읽기만 할 수 있는 파일 시스템입니다",
}


def korean(error: OSError) -> str:
    """The reason in Korean; the system's own words where the table has none."""
    return _KOREAN.get(error.errno or 0) or english(error)


def english(error: OSError) -> str:
    """The reason as the system words it, without what Python adds to it."""
    known = error.errno if error.errno in _KOREAN else None
    return os.strerror(known) if known else error.strerror or type(error).__name__
