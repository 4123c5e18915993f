"""What libraries log in the gateway's process: their names, never their words, and no harm."""

import io
import json
import logging
from collections.abc import Iterator

import pytest

from gateway.telemetry import make_log


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    """A stream that the process's log goes to; the root logger is put back afterwards."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    found = io.StringIO()
    make_log("info", found)
    yield found
    root.handlers[:] = handlers
    root.setLevel(level)


def test_a_library_is_named_without_its_words(stream: io.StringIO) -> None:
    try:
        raise ValueError("홍길동")
    except ValueError:
        logging.getLogger("httpx").exception("about %s", "홍길동")
    logging.getLogger("httpx").info("홍길동")
    (line,) = stream.getvalue().splitlines()
    said = json.loads(line)
    assert (said["event"], said["logger"]) == ("library.error", "httpx")
    assert said["error"].startswith("ValueError at test_telemetry.py:")
    assert "홍길동" not in line


def test_a_library_goes_on_where_its_complaint_cannot_be_written(stream: io.StringIO) -> None:
    stream.close()
    logging.getLogger("httpx").error("nobody listens")
