"""However the bytes of a stream are cut, the same events come out; none is wrong in a new way."""

import itertools

from hypothesis import given
from hypothesis import strategies as st

from inference.sse import Event, SseReader

LINE_END = st.sampled_from([b"\n", b"\r", b"\r\n"])
# Characters that str.splitlines would split at, and those that UTF-8 writes in 1 to 4 bytes.
TEXT = st.text(
    alphabet=st.sampled_from("a: 가[]_1\u2028\u2029\x85\x0b\x0c\x1c\U0001f600\ufeff"), max_size=12
)
FIELD = st.sampled_from(["data", "event", "id", "retry", "", "dat", "data "])


@st.composite
def streams(draw):
    """A stream of well-formed lines with any mixture of line ends."""
    lines = draw(
        st.lists(
            st.one_of(
                st.just(""),
                st.builds(lambda name, text: f"{name}:{text}", FIELD, TEXT),
                st.builds(lambda name, text: f"{name}: {text}", FIELD, TEXT),
                FIELD,
            ),
            max_size=12,
        )
    )
    mark = b"\xef\xbb\xbf" if draw(st.booleans()) else b""
    return mark + b"".join(line.encode() + draw(LINE_END) for line in lines)


@given(streams(), st.lists(st.integers(0, 400), max_size=12))
def test_sse_any_split_gives_the_same_events(stream, cuts):
    at_once = list(SseReader().feed(stream))
    places = [0, *sorted(min(cut, len(stream)) for cut in cuts), len(stream)]
    pieces = [stream[a:b] for a, b in itertools.pairwise(places)]
    reader = SseReader()
    assert [event for piece in pieces for event in reader.feed(piece)] == at_once


@given(streams())
def test_sse_byte_by_byte_gives_the_same_events(stream):
    reader = SseReader()
    one_by_one = [event for byte in stream for event in reader.feed(bytes([byte]))]
    assert one_by_one == list(SseReader().feed(stream))


@given(st.lists(TEXT.filter(lambda text: "\n" not in text), min_size=1, max_size=8), LINE_END)
def test_sse_data_survives_its_writing(texts, end):
    stream = b"".join(b"data: " + text.encode() + end + end for text in texts)
    assert list(SseReader().feed(stream)) == [Event("message", text) for text in texts]
