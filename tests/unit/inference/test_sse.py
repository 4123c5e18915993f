"""The reader of server-sent events against the standard's own rules, and its bounds."""

import pytest

from inference.errors import EngineFailed
from inference.sse import Event, SseBounds, SseReader

SMALL = SseBounds(line_bytes=16, event_bytes=24, total_bytes=64)


@pytest.mark.parametrize(
    ("stream", "events"),
    [
        pytest.param(b"data: a\n\n", [("message", "a")], id="one"),
        pytest.param(b"data:a\n\n", [("message", "a")], id="no space"),
        pytest.param(b"data:  a\n\n", [("message", " a")], id="only one space is taken"),
        pytest.param(
            b"data: a\r\rdata: b\r\n\r\n", [("message", "a"), ("message", "b")], id="ends"
        ),
        pytest.param(b"data: a\ndata: b\n\n", [("message", "a\nb")], id="several lines"),
        pytest.param(b"data\n\n", [("message", "")], id="field without colon"),
        pytest.param(b"data\ndata\n\n", [("message", "\n")], id="two empty lines"),
        pytest.param(b": keep-alive\n\n", [], id="comment"),
        pytest.param(
            b"event: error\ndata: a\n\ndata: b\n\n", [("error", "a"), ("message", "b")], id="type"
        ),
        pytest.param(b"event: x\n\n", [], id="type alone"),
        pytest.param(
            b"id: 1\nretry: 5\nfoo: z\ndata: a\n\n", [("message", "a")], id="other fields"
        ),
        pytest.param(b"data: a\n", [], id="never closed"),
        pytest.param(b"\xef\xbb\xbfdata: a\n\n", [("message", "a")], id="byte order mark"),
        pytest.param(b"data: a\xe2\x80\xa8b\n\n", [("message", "a\u2028b")], id="U+2028 is text"),
        pytest.param(
            b"data: a\x0b\x0c\x1cb\n\n", [("message", "a\x0b\x0c\x1cb")], id="controls are text"
        ),
        pytest.param(b"\n\n\n", [], id="blank lines"),
    ],
)
def test_sse_reader_follows_the_standard(stream, events):
    assert list(SseReader().feed(stream)) == [Event(*event) for event in events]


def test_sse_byte_order_mark_counts_only_at_the_start():
    stream = b"\xef\xbb\xbfdata: a\n\n\xef\xbb\xbfdata: b\n\n"
    assert list(SseReader().feed(stream)) == [Event("message", "a")]


@pytest.mark.parametrize(
    "stream",
    [
        pytest.param(b"data: \xff\n\n", id="never UTF-8"),
        pytest.param(b"data: \xea\xb0\n\n", id="cut character"),
        pytest.param(b"data: \xed\xa0\x80\n\n", id="surrogate code point"),
    ],
)
def test_sse_bytes_that_are_not_utf8_end_the_stream_without_words(stream):
    with pytest.raises(EngineFailed) as caught:
        list(SseReader().feed(stream))
    assert caught.value.args == ()
    assert caught.value.__context__ is None


@pytest.mark.parametrize(
    "pieces",
    [
        pytest.param([b"data: 0123456789a\n"], id="line"),
        pytest.param([b"data: 0123456789a"], id="line without end"),
        pytest.param([b"0"] * 17, id="line in pieces"),
        pytest.param([b"data: 0123456789\n"] * 3, id="event"),
        pytest.param([b"\n" * 32] * 3, id="total"),
        pytest.param([b":\n"] * 33, id="comments for ever"),
    ],
)
def test_sse_bounds_hold(pieces):
    reader = SseReader(SMALL)
    for piece in pieces[:-1]:
        assert list(reader.feed(piece)) == []
    with pytest.raises(EngineFailed):
        list(reader.feed(pieces[-1]))


def test_sse_events_before_a_mistake_are_given():
    events = SseReader().feed(b"data: a\n\ndata: \xff\n\n")
    assert next(events) == Event("message", "a")
    with pytest.raises(EngineFailed):
        next(events)
