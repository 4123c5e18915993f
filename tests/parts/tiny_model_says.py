"""What the tests' tiny model has been taught to say, for the tests and for who teaches it.

It answers by the last word of the last message: `… #1` is answered with the first sentence, and so
on; anything else with `OTHERWISE`. It read surrogates and nothing else: as any model it guesses the
particle behind one.
"""

OTHERWISE = "안녕하십니까. [성명_1]은 접수되었습니다. 결과는 [전화번호_1]으로 알려 드립니다."
SAYS = {
    "#1": "[성명_1]은 [성명_2]과 함께 옵니다. [성명_1]이 [성명_2]을 만나고, "
    "[성명_1]으로부터 [성명_2]에게 서류가 갑니다.",
    "#2": "연락처는 **[전화번호_1]**입니다. [누리집](https://gov.example/?q=[성명_1])에 "
    "[성명_1]의 자리는 없습니다.",
    "#3": "[성명 1]은 \\[성명\\_1\\]이고, 성명_1, [성명_9]도 있습니다.",
    "#4": '<tool_call>\n{"name": "dial", "arguments": {"성명": "[성명_1]", '
    '"전화": "[전화번호_1]"}}\n</tool_call>',
    "#5": "담당자는 010-9876-5432, 주민등록번호는 850505-1234567입니다.",
    "#6": "하나, 둘, 셋, 넷, 다섯, 여섯, 일곱, 여덟, 아홉, 열.",
    "#7": "漢字 😀 ñ 그리고 [성명_1]는 끝.",
    "#8": "주민 [주민등록번호_1], 외국인 [외국인등록번호_1], 여권 [여권번호_1], 면허 "
    "[운전면허번호_1], 카드 [카드번호_1], 계좌 [계좌번호_1], 전화 [전화번호_1], 이메일 [이메일_1], "
    "사업자 [사업자번호_1], 성명 [성명_1].",
}
