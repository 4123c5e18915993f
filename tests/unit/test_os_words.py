"""The operating system's reasons: in Korean where the table knows them, never without words."""

import errno
import os
import socket

import pytest

from gateway import os_words


@pytest.mark.parametrize(
    "number",
    [
        errno.ENOSPC,
        errno.EROFS,
        errno.EACCES,
        errno.ENOENT,
        errno.EEXIST,
        errno.ENOTDIR,
        errno.EADDRINUSE,
    ],
    ids=errno.errorcode.get,
)
def test_common_reasons_are_told_in_both_languages(number: int) -> None:
    error = OSError(number, "with more words of Python's own")
    assert not os_words.korean(error).isascii()
    assert os_words.english(error) == os.strerror(number)


@pytest.mark.parametrize(
    "error",
    [OSError(errno.EXDEV, "crossing"), socket.gaierror(-2, "no such name"), OSError()],
    ids=["unlisted", "negative", "bare"],
)
def test_other_reasons_keep_their_own_words(error: OSError) -> None:
    assert os_words.korean(error) == os_words.english(error) == (error.strerror or "OSError")
