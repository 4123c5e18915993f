"""The words that end or begin a company's name: what stands in brackets behind them is its own.

Forms of companies: 상법 제170조; 민법 제32조; the words that names end with were written for this
project.
"""

import re

from redaction.recognizers.recognizer import Reading

_COMPANY = re.compile(
    r"(?:(?:주식회사|㈜|\(주\)|유한회사|합자회사|합명회사|재단법인|사단법인|협동조합|\(유\)"
    r"|\(재\)|\(사\))[ ]?[가-힣A-Za-z0-9]{0,12}"
    r"|[가-힣A-Za-z]{1,10}(?:산업|건설|상사|테크|시스템|시스템즈|엔지니어링|전자|물산|개발|환경"
    r"|식품|제약|보험|증권|코리아|홀딩스"
    r"|그룹|상회|공업|통상|무역|에너지|미디어|소프트|네트웍스|급식|운수|물류|화학|중공업|제지"
    r"|섬유|정밀|기업|컴퍼니|종합상사))"
    r"[ ]?[(:,/|][ ]?$|(?:㈜|\((?:주|유|재|사)\))[ ]{1,2}$"
)
_REACH = 32


def behind_company(reading: Reading, start: int) -> bool:
    """Whether a number that starts here stands directly behind a company's name."""
    return _COMPANY.search(reading.text, max(0, start - _REACH), start) is not None
