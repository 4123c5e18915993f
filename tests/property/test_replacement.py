"""replace(c + d) extends replace(c); nothing detected is left; numbers mean one value each."""

from hypothesis import given
from hypothesis import strategies as st
from test_restoration import NAMES, POLICY, build, drawn_field

from redaction.entity import COVER_RULE, Field, Findings, Span
from redaction.replace import replace


def covered(fields: list[Field], findings: Findings) -> Findings:
    """What detection over a conversation adds: each revealed name covers its equal occurrences."""
    revealed = {
        field.text[span.start : span.end]
        for field, spans in zip(fields, findings.spans, strict=True)
        for span in spans
        if span.entity == "PERSON"
    }
    all_spans = []
    for field, spans in zip(fields, findings.spans, strict=True):
        found = list(spans)
        for name in sorted(revealed, key=len, reverse=True):
            at = field.text.find(name)
            while at >= 0:
                span = Span(at, at + len(name), "PERSON", 0.7, COVER_RULE)
                if all(span.end <= s.start or span.start >= s.end for s in found):
                    found.append(span)
                at = field.text.find(name, at + 1)
        all_spans.append(tuple(sorted(found)))
    return Findings(tuple(all_spans), "test")


segments_with_hidden_names = st.lists(drawn_field, min_size=1, max_size=4)
hidden = st.lists(st.tuples(st.integers(0, 3), st.sampled_from(NAMES)), max_size=3)


def conversation(drawn, hidden_names):
    fields, findings = build(drawn)
    fields = [
        Field(
            field.text + "".join(f" {name} " for k, name in hidden_names if k == where),
            field.origin,
            field.joins_previous and where > 0,
        )
        for where, field in enumerate(fields)
    ]
    return fields, findings


@given(segments_with_hidden_names, st.lists(drawn_field, max_size=3), hidden)
def test_a_longer_conversation_never_renumbers_a_shorter_one(before, after, names):
    after = [(segments, origin, False) for segments, origin, _ in after]
    c, own_c = conversation(before, names)
    d, own_d = build(after)
    own = Findings(own_c.spans + own_d.spans, "test")
    short, long = covered(c, own_c), covered([*c, *d], own)
    first = replace(c, short, POLICY)
    second = replace([*c, *d], long, POLICY)
    named = {value.name: value for value in second.mapping.values if value.name}
    for value in first.mapping.values:
        assert named[value.name].original == value.original
        assert named[value.name].surrogate == value.surrogate
    for k, text in enumerate(first.texts):
        if short.spans[k] == long.spans[k]:
            assert second.texts[k] == text


@given(segments_with_hidden_names, hidden)
def test_nothing_found_is_left_and_one_name_means_one_value(drawn, names):
    fields, own = conversation(drawn, names)
    findings = covered(fields, own)
    texts, mapping = replace(fields, findings, POLICY)
    issued = [value.name for value in mapping.values if value.name]
    assert len(issued) == len(set(issued))
    for field, spans, text in zip(fields, findings.spans, texts, strict=True):
        kept, at = "", 0
        for span in spans:
            kept, at = kept + field.text[at : span.start] + "\0", span.end
        kept += field.text[at:]
        for span in spans:
            original = field.text[span.start : span.end]
            if original not in kept:
                assert original not in text
