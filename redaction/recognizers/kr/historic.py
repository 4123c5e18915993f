"""Persons of history and of tales whose names identify nobody alive: they are no personal data.

개인정보 보호법 제2조 제1호 protects living persons. The list holds names that official letters
mention as history, exhibitions and places do; a living bearer of the same name is found where a
form's label says so.
"""

import re

_KNOWN = (
    "세종대왕 광개토대왕 광개토왕 장수왕 근초고왕 진흥왕 무열왕 문무왕 의자왕 단군 단군왕검 "
    "동명성왕 박혁거세 김수로왕 이성계 정몽주 이방원 강감찬 을지문덕 연개소문 김유신 장보고 "
    "대조영 최무선 이순신 곽재우 신사임당 율곡이이 퇴계이황 정약용 허난설헌 장영실 황진이 김삿갓 "
    "임꺽정 홍경래 흥선대원군 명성황후 안중근 윤봉길 유관순 성춘향 이몽룡 심청이 흥부 놀부 콩쥐 "
    "팥쥐 변강쇠 토끼전 석가모니 부처 예수 소크라테스 플라톤 아리스토텔레스 나폴레옹 링컨 간디 "
    "콜럼버스 아인슈타인 뉴턴 다윈 에디슨 베토벤 모차르트 바흐 쇼팽 피카소 고흐 셰익스피어 "
    "칭기즈칸 진시황 도요토미 히로부미 데카르트 칸트 니체 마르크스 프로이트"
)
# People of today have these names, too: only such a word behind them tells.
_SHARED = (
    "세종 태조 태종 문종 단종 세조 예종 성종 중종 명종 선조 인조 효종 숙종 영조 정조 순조 헌종 "
    "철종 고종 순종 최영 서희 원효 의상 일연 온조 주몽 이이 이황 정선 허준 허균 황희 김정호 김구 "
    "안창호 이준 김좌진 한용운 윤동주 박지원 심청 춘향 홍련 장화 정도전 신윤복 김홍도 권율 논개 "
    "김옥균 서재필 손병희 방정환 나운규 이회영 주시경 최제우 최시형 전봉준 박제가 정약전 이육사 "
    "신채호 홍범도 이봉창 마리아 이토 히데요시 장자 노자 공자 맹자 율곡 퇴계 계백 견훤 궁예 왕건 "
    "김시습 김부식 문익점"
)
_NAMES = frozenset(_KNOWN.split())
_NAMES_IF_TITLED = frozenset(_SHARED.split())
_TITLED = re.compile(
    "[ ]?(?:장군|선생|의사|열사|대왕|대감|화백|동상|기념|생가|사당|묘|왕릉|시집|초상|전기|탄신)"
)


def is_historic(name: str, text: str, end: int) -> bool:
    """Whether a name that ends at a position of a text is of history or of a tale."""
    if name in _NAMES:
        return True
    return name in _NAMES_IF_TITLED and _TITLED.match(text, end) is not None
