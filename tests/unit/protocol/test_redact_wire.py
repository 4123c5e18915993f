"""POST /v1/redact on the wire: what is read, what is refused, and what an answer holds."""

import orjson
import pytest

from gateway.errors import (
    BadRequest,
    InvalidBody,
    InvalidParameter,
    TooComplex,
    UnsupportedParameter,
)
from gateway.protocol.redact_wire import Head, Texts, read_redact, redact_body
from gateway.settings import BoundSettings
from redaction.policy import Operator
from redaction.report import Reported

BOUNDS = BoundSettings(texts=3, characters=10)


@pytest.mark.parametrize(
    ("given", "texts"),
    [
        pytest.param("안녕", ["안녕"], id="one"),
        pytest.param("", [""], id="empty"),
        pytest.param(["가", "", "나"], ["가", "", "나"], id="list"),
    ],
)
def test_texts_are_read_each_by_itself(given, texts):
    read = read_redact(orjson.dumps({"input": given}), BOUNDS)
    assert [item.text for item in read.fields] == texts
    assert not any(item.joins_previous for item in read.fields)
    assert Texts.composed(read.compose(texts)) == texts


@pytest.mark.parametrize(
    ("body", "kind", "param"),
    [
        pytest.param(b"", InvalidBody, None, id="nothing"),
        pytest.param(b'"text"', InvalidBody, None, id="no-object"),
        pytest.param(b'{"input": "\xff"}', InvalidBody, None, id="not-utf-8"),
        pytest.param(b'{"input": "\\ud800"}', InvalidBody, None, id="half-a-character"),
        pytest.param(b"{}", InvalidParameter, "input", id="no-input"),
        pytest.param(b'{"input": null}', InvalidParameter, "input", id="null"),
        pytest.param(b'{"input": []}', InvalidParameter, "input", id="empty-list"),
        pytest.param(b'{"input": [1]}', InvalidParameter, "input", id="token-ids"),
        pytest.param(b'{"input": [["a"]]}', InvalidParameter, "input", id="nested"),
        pytest.param(b'{"input": ["a","b","c","d"]}', TooComplex, "input", id="many"),
        pytest.param(b'{"input": "01234567890"}', TooComplex, "input", id="long"),
        pytest.param(
            b'{"input": "a", "policy": "x"}', UnsupportedParameter, "policy", id="own-policy"
        ),
        pytest.param(
            '{"input": "a", "홍길동": 1}'.encode(), UnsupportedParameter, None, id="free-name"
        ),
    ],
)
def test_what_is_no_request_is_refused(body, kind, param):
    with pytest.raises(BadRequest) as refused:
        read_redact(body, BOUNDS)
    assert type(refused.value) is kind
    assert refused.value.param == param


def test_answer_has_one_result_for_each_text():
    span = Reported(0, 3, "PERSON", 0.9, Operator.REPLACE, "[성명_1]", "person.title")
    head = Head("id", "p", "d", "S")
    body = orjson.loads(redact_body(head, ["[성명_1]", ""], [(span,), ()]))
    assert body["object"] == "gwanmun.redaction"
    assert body["results"] == [
        {
            "redacted": "[성명_1]",
            "spans": [
                {
                    "start": 0,
                    "end": 3,
                    "entity": "PERSON",
                    "label": "성명",
                    "score": 0.9,
                    "operator": "replace",
                    "surrogate": "[성명_1]",
                }
            ],
        },
        {"redacted": "", "spans": []},
    ]
