"""The closed word lists behind the finder of names: surnames, syllables, labels, titles.

Surnames: 통계청, 인구주택총조사 성씨·본관 (those above some hundred bearers). Syllables of given
names: readings in 가족관계의 등록 등에 관한 규칙 별표 1 (인명용 한자) that are usual in names. The
list of words that are no names was written for this project from the words of official letters and
forms.
"""


def grouped(words: str, behind_first: str = "") -> str:
    """An alternation of words, by their first letters: a search then strides over other letters.

    Each word begins with a plain letter; behind that it may be any expression without a bar.
    `behind_first` stands behind each first letter.
    """
    rests: dict[str, list[str]] = {}
    for word in words.split("|"):
        rests.setdefault(word[0], []).append(word[1:])
    return "|".join(f"{first}{behind_first}(?:{'|'.join(rest)})" for first, rest in rests.items())


def begun(words: str) -> str:
    """An alternation of words that no syllable stands before, for searches: as `grouped`.

    A pattern that began with the look behind would be tried at each character of a text.
    """
    return grouped(words, UNJOINED)


UNJOINED = "(?<![가-힣].)"
"""Behind the first letter of a word: no syllable stands before that."""


COMPOUND_SURNAMES = frozenset(
    ("남궁", "황보", "제갈", "사공", "선우", "서문", "독고", "동방", "망절")
)

SURNAMES = frozenset(
    "가간감강견경계고공곽구국권금기길김남노단당도동두라로류마맹명모목문민박반방배백범변복봉부"
    "빈사서석선설성소손송승신심안양어엄여연염예오옥온옹왕용우원위유육윤은음이인임장전정제조좌"
    "주지진차창채천최추탁태팽편표피하한함허현형호홍화황"
)

# Every syllable of a given name must be one of these where only context speaks for a name.
GIVEN = frozenset(
    "가강간갑건결겸경계관광교구국권규균근금기길끝나남녀다단달담대덕도돌동두득라란람랑래려련령례로록루류륜"
    "률리린림마막만말명모무묵문미민배백범벽별병보복봄봉부비빈빛산삼상새서석선설섭성세소솔송수숙순숭"
    "슬승시식신실심아안애양언업여연열엽영예오옥온완용우욱운웅원월유윤율은을음의이익인일임자장"
    "재전점정제조종주준중지진찬창채천철청초춘충치칠탁태택평필하학한해향헌혁현형혜호홍화환황회"
    "효후훈휘흠흥희힘"
)

# Words directly behind a name that say it is a person's. Longest first where one begins another.
_TITLES = (
    "주무관|사무관|서기관|부이사관|이사관|담당관|행정관|감독관|조사관|심사관|보좌관|비서관|연구관"
    "|지도사|연구사|연구원|위원장|조합장|이장|통장|면장|읍장|동장|구청장|군수|시장|도지사|지사"
    "|교육감|장관|차관|청장|국장|과장|실장|팀장|계장|반장|부장|차장|소장|원장|센터장|본부장|단장"
    "|관장|서장|대장|학장|총장|처장|교장|교감|대리|사원|주임|전무|상무|이사장|이사|대표이사|대표"
    "|사장|회장|의장|의원|위원|교수|박사|선생|교사|강사|조교|선임|수석|매니저|변호사|변리사|세무사|회계사|노무사|법무사"
    "|판사|검사|경무관|총경|경정|경감|경위|경사|경장|순경|소방관|소방사|소방장|기자|아나운서"
    "|간호사|의사|약사|대통령|총리|목사|신부|스님|감독|선수|코치|작가|배우|군의관|대위|소령|중령"
    "|대령|중위|소위|상사|중사|하사|병장|상병|일병|이병|어르신|할머니|할아버지|여사|귀하|민원인"
    "|신청인|고객|학생|군|양"
)
TITLES = grouped(_TITLES)
TITLE_INITIALS = "".join(sorted({title[0] for title in _TITLES.split("|")}))
# These follow nouns so often that a name of two syllables before them is not believed, and the
# given name's syllables are checked.
# Of a name of two syllables before a title these alone are believed: nouns seldom stand there.
STRONG_TITLES = frozenset(
    ("주무관", "사무관", "서기관", "귀하", "어르신", "여사", "변호사", "판사", "씨", "선생", "의원")
)
WEAK_TITLES = frozenset(
    (
        "군",
        "양",
        "이사",
        "의사",
        "대리",
        "선수",
        "고객",
        "학생",
        "민원인",
        "신청인",
        "배우",
        "대표",
        "지사",
        "위원",
        "검사",
        "통장",
    )
)

# Labels of form fields that hold a name.
LABELS = (
    "성\\s{0,4}명|성\\s{0,4}함|이\\s{0,4}름|신\\s{0,2}청\\s{0,2}인|신청자|청구인"
    "|민\\s{0,2}원\\s{0,2}인|진정인|고소인|피고소인|고발인|피의자|피해자|예금주|계좌주"
    "|담\\s{0,2}당(?:\\s{0,2}자)?|담당\\s?공무원|담당관|책임자|대표자|대\\s{0,2}표|보호자|친권자"
    "|법정대리인|대리인|위임자|위임인|수임인|세대주|세대원|배우자|부|모|자녀|환자|환자명|수급자"
    "|수급자명|대상자|지원자|응시자|수험자|합격자|당선자|작성자|기안자|검토자|결재권자|발신자"
    "|수신자|수신인|받는\\s?사람|보내는\\s?사람|보호자명|신고인|신고자|납세자|납부자|체납자"
    "|소유자|소유주|임차인|임대인|매도인|매수인|계약자|피보험자|가입자|사용자명|근로자|사업주"
    "|참석자|참고인|증인|원고|피고|학생명|성명\\(한글\\)|한글\\s?성명|고인|사망자|유족|상속인"
    "|채무자|채권자|조사자|상담자|내담자|의뢰인|제보자|문의자|회원명|고객명|직원명|근무자|운전자"
    "|운전자명|동의자|확인자|서명자|제출자|발급대상자|통보자|접수자|처리자|처리담당자"
)
# Of these labels, running text such as "민원인 김철수(…)" names the person without a colon.
RUNNING_LABELS = (
    "신청인|신청자|청구인|민원인|진정인|고소인|피고소인|고발인|피의자|피해자|예금주|담당자|담당"
    "|대표자|대표|보호자|대리인|세대주|배우자|환자|수급자|대상자|작성자|신고인|신고자|납세자"
    "|체납자|소유자|임차인|임대인|매도인|매수인|계약자|근로자|사망자|상속인|채무자|채권자|의뢰인"
    "|제보자|원고|피고|피고인|고인|증인|참고인|응시자|합격자|지원자|운전자"
    "|주무관|사무관|서기관|팀장"
    "|조모|조부|외조모|외조부|시모|시부|장모|장인|계모|계부|과장|국장|실장|판사|검사|변호사|기안자|기안|검토자|검토|확인자|확인|평정자"
    "|결재|전결|서기|간사|수하인"
    "|송하인|수취인|사건본인|신청대리인|소송대리인|세대원|부친|모친|아버지|어머니"
    "|남편|아내|아들|딸|장남|차남"
    "|장녀|차녀|손자|손녀|며느리|사위|동생|형|누나|언니|오빠|삼촌|조카|할머니"
    "|할아버지|주치의|집도의|담임"
    "|구급대원|소방대원|대원|위원|부위원장|수령인|수령자|재무관|제출자"
    "|논문[ ]?제출자|자원봉사자|목격자|접촉자"
    "|제3채무자|경찰관|소방관|이사|감사|당선인|당선자|후보자|내정자|유족|동거인"
    "|입주자|세입자|가해자|실종자"
    "|납세의무자|부양의무자|수급권자|입금자|보증인|공증인|감정인|통역인|진술인"
    "|진술자|면담자|응답자|발표자"
    "|교사|교수|강사|간호사|위원장|의장|이장|통장|조사관|감독관|훈련병|저자|작가|기자|사용자|작업자"
)

# Surnames of Vietnam that are no Korean words, as 외래어 표기법 writes them, and middle names.
VIETNAMESE_SURNAMES = "응우옌|쩐|팜|호앙|후인|부이|즈엉|쯔엉|응오|르엉|레|도|판|보|부|당|딘|호"
VIETNAMESE_MIDDLE = "티|반|탄|꾸옥|득|응옥|쑤언|꽝|히우|바오|뚜|투|홍|낌|민|빅"

# Headers of columns that hold names; matched as whole cells.
COLUMNS = (
    "성[ ]{0,4}명|이[ ]?름|성함|성명\\(한글\\)|신청인명?|신청자명?|민원인명?|담당자명?|담당"
    "|대표자명?|소유자명?|소유주|예금주|계좌주|보호자명?|수급자명?|대상자명?|환자명?|학생명?"
    "|회원명?|고객명?|직원명?|사원명?|작성자|참석자명?|납세자명?|체납자명?|세대주명?|근로자명?"
    "|위원명?|강사명?|응시자명?|합격자|지원자명?|수취인명?|수신자|발신자|상속인|임차인|임대인"
    "|매도인|매수인|피보험자|가입자|관리자|책임자|교사|담임|성명/관계|name|Name|NAME|user_?name"
    "|full_?name|member_?name|customer_?name|person_?name"
)

# Words that begin with a surname and are no names.
_NOT_NAMES = (
    "가격 가결 가구 가능 가능성 가능한 가운데 가입 가입을 가입한 가장 가정 가정의 가정학 가족 "
    "가족과 가족은 가족의 가족이 가지 감독 감독관 감사 감사과 감사관 감사담 감사실 감사원 감사장 "
    "강남 강북 강사 강원 강의 강제경매 강화 개명 "
    "건설 검토자 견적서 결재권 결재자 경기 경남 경력 경북 "
    "경비 경우 경제 경찰 계모 계속 계약 계약금 계약서 계장 계좌 계획 고객 고객님 고객명 고객센 "
    "고객의 고급 고등 고모 고문 고발 고소 고시 고용 "
    "고위 고지 고충 고충민원 공개 공고 공공 공공기 공군 공급가 "
    "공급받 공급자 공동 공동수 공동의 공동인 공동체 공로로 공로패 공무 공무원 공무직 공문 공백을 "
    "공사 공사비 공석이 공식 공영주 공인중 공장 공증인 공지 공지를 공포일 과목명 관계 관련 관리 "
    "관리자 관장 광고 광주 교감 교사 교수 교수님 교육 교육은 교육을 교장 교체 교체를 구단 구단의 "
    "구매 구매자 구민 구분 구비서 구성 구역 구조 구청 구청장 국가 국내 국무 국무총 국민 국민은 "
    "국민의 국세 국세청 국장 국장님 국적은 국적을 국제 "
    "국회 국회의 군민 권고 권리 권한 글씨 근무태도 금액 "
    "금융 금지 기간 기관 기관명 기관은 기관의 기관장 기념 기록 기록을 기본 기부 기술 기술사 기아 "
    "기안자 기업 기자 기자단 기재 기재된 기재한 기존 기준 기준으 기준은 기준일 기타 기타는 기한 "
    "기획 기획과 기획관 기획실 기획팀 길이 길잡이 김치 나머 나머지 날씨 남매 남부 남성 남자 남편 "
    "남편의 노동 노동자 노력 노련한 노모 노선 노인 노인회 노조원 단독 단지 단체 담당부 담당부서 "
    "당사 당사자 당시 대표 대표님 대표로 대표의 데리러 도대체 도로 도민 도시 도시의 도움 도움을 "
    "도의원 도지사 도청 동네 동대표 동민 동사무 동시 동의 동의를 동의서 동의한 동의함 동일 동장 "
    "동호회 돼요 두명의 두분 두사람 두산 로트번호 마감 마을 마을의 마음 마케팅 만기제대 만약 "
    "말씨 명단 명단은 명단을 명배우 명시 명예 명예의 "
    "명의 명의가 명의로 명의를 명의의 명의자 명이 명품 "
    "모녀 모니 모두 모두가 모두에 모두의 모든 모집 모친 모친의 목록 목사님 목적 무기명 무명 "
    "무명의 문서 문의 문의는 문의자 문의처 문의하 문자 문제 문화 문화과 문화원 미기재 미상 "
    "미입력 미정 미지정 민간 민간인 민사 민원 민원인 민주 민주당 반드 반드시 반려 반장 반장님 "
    "발신자 방문 방문객 방문을 방문자 방문하 방문해 방법 방송 방송사 방안 방침 방향 배부 배송 "
    "배우 배우랑 배우의 배우자 배정 배정된 배정을 백만 백신 버스 범위 범죄 변경 변경된 변경은 "
    "변경을 변경하 변동 변론종결 변호 변호사 변호인 보호 보호자 복사 복지 복지과 복지관 복지사 "
    "복지팀 본인 본인과 본인은 본인의 본인이 봉사 봉투 부과 부군수 부녀 부담 부동 부모 부모님 "
    "부부 부분 부사장 부서 부서명 부서장 부시장 부위원 부인 부자 부장 부장님 부재 부재시 부재중 "
    "부처 부친 부터는 분율 불명 비고 비상 빈곤 사건 사고 사람 사망 사망시 사망한 사망후 사무 "
    "사무관 사무소 사무실 사무처 사실 사업 사업비 사업자 사업장 사업주 사용 사용자 사원 사유 "
    "사유는 사유를 사이에 사이의 사장 사장님 사전 사진 "
    "사항 사회 사회복 산업 삼성 상급자 상담 상담사 "
    "상담원 상담을 상동 상병 상세 상속 상속을 상장 상태 상황 생각에 서기 서기관 서류 서면 서명 "
    "서명란 서명은 서명을 서비 서비스 서식 서울 석사 석사과 선거 선거구 선배 선배님 선생 선생님 "
    "선수 선수단 선임 선임자 선정 선택 설계자 설명 설문지 설정 설치 성공한 성과급 성명 성명과 "
    "성명서 성명은 성명을 성명이 성별 성실한 성인 성인은 성장 성적 성함 성함을 세금 세대 세무 "
    "세무사 소개 소견 소견서 소득 소득은 소득이 소명서 소방 소방관 소방서 소비 소비자 소속 "
    "소속과 소속사 소속의 소속팀 소송 소위 소유 소유인 소유자 소유주 소장 소재 소지자 손님 "
    "손님이 손해 솜씨 송금 송달 송달지 수급 수급자 수령 수신자 수임인 수험생 순번 승객은 승인 "
    "승진 승진자 시간 시민 시설 시의원 시작 시장 시장님 시행 시행일 시험 식품 신고 신고서 신고인 "
    "신고자 신규 신규자 신부 신분 신분증 신용 신인 신인의 신임 신임관 신입 신청 신청서 신청은 "
    "신청을 신청인 신청일 신청자 신청한 신청함 실장 실제 심리 심문 심사 심사관 심사원 심사자 "
    "심의 심의관 심전도 심판 심판관 아가 아니라 아니면 아들 아저 안건 안내 안내를 안내문 안내서 "
    "안내원 안내자 안녕 안전 안전과 안전국 안전실 양도 "
    "양도인 양모 양수인 양식 양육 양육자 어느 어떻게 "
    "어떤 어르신 어른 어린 어머니 어제 어제도 엄마 엄마가 업무 업체명 없음 여권 여러명 여러분 "
    "여부 여부는 여부를 여비 여사 여성 여성과 여자 여전히 여주지 여행 역대급 역할 연구 연구관 "
    "연구소 연구원 연금 연금과 연도 연락 연락을 연락이 연락처 연락하 연명부 연번 연장 연체 영문 "
    "영수 영업 예금 예금주 예방 예비비 예산 예산과 예산실 예약 예약자 예정 오늘 오늘은 오시 오전 "
    "오후 오히려 온갖 온라 온라인 온전 왕세자 요구를 요청으 요청을 용도 용역 용역비 용의자 우대 "
    "우리 우리가 우리는 우리도 우리만 우리의 우선 "
    "우선은 우수한 우체국 우편 운영 운동장 운영자 운전 "
    "운전자 원고 원고는 원고의 원본 원수급 원인 원장 원장님 원주민 원칙 원하 위반 위와 위원 "
    "위원장 위원회 위임 위임인 위임장 위촉장 위치 위탁 위한 위해 유가족 유공자 유관기 유권자 "
    "유능한 유류비 유명 유명한 유예기 유의 유의사 유전자 "
    "유족 유족들 유지 유통사 유형 유효 유효기 육군 "
    "육군참 육아 은퇴자 은퇴한 은퇴후 은행 은행명 "
    "은행원 은행장 음식 음성 음악가 의견 의견서 의견은 "
    "의견을 의뢰 의료 의무 의무가 의무를 의사 의사를 의원 의원님 의장 이거나 이고요 이내 이내에 "
    "이동 이동을 이동하 이라고 이라는 이라면 이런 이력 이력서 이력을 이른바 이름 이름과 이름만 "
    "이름은 이름을 이름이 이메 이메일 이면서 이면은 이모 이므로 이미 이번 이번에 이사 이사님 "
    "이사장 이사한 이사회 이상 이상무 이상없 이상의 이수 이신청 이어서 이어야 이었던 이었습 "
    "이에게 이외 이외의 이용 이용자 이유 이유가 이유는 이유로 이의 이의를 이의신 이의없 이의제 "
    "이익 이자 이장 이장님 이재민 이전 이전에 이전의 이제 이주 이주민 이지만 이직 이직을 이체 "
    "이하 이하의 이해 이해관 이행 이행을 이혼 이혼한 이후 이후에 익명 인가 인감 인감도 인감증 "
    "인건비 인근 인근의 인기 인기의 인데요 인사 인사과 인사팀 인사혁신 인솔자 인수자 인원 인적 "
    "인적사 인증 인지는 인지를 인천 인터 인터넷 인하여 인해서 임금 임대 임대인 임명자 임산부 "
    "임시 임신 임용장 임원 임원진 임직원 임차 임차인 입주자 자격 자녀 자동 자료 자원봉 작성 "
    "작성자 작업자 장관 장관님 장기 장기간 장기적 장례 장례식 장모 장소 장소를 장애 장애인 장학 "
    "장학생 재방문 재산 재직 전결자 전공자 전과자 전국 "
    "전기 전달 전국민 전달자 전담 전담자 전문 전문가 "
    "전부 전부를 전산 전산망 전설의 전세 전세입 전송 "
    "전원 전원은 전원이 전임 전임자 전입 전입일 전입자 "
    "전자 전자문 전직 전직의 전체 전체의 전출 전출자 전혀 전화 전화는 전화로 전화를 전화번 "
    "전화해 전환 점수 접수 정관 정규직 정기 정당 정도 정도의 정리 정말 정무 정무직 정보 정보가 "
    "정보과 정보는 정보를 정보의 정보화 정부 정부는 정부의 정비 정비사 정산 정산서 정상 정식 "
    "정신청 정원 정원은 정작 정정 정정을 정지 정책 정책과 정책관 정치 정회 제가 제공 제도 제목 "
    "제보 제보자 제안 제안자 제외 제작사 제조 제조사 제주 제출 제출용 제출을 제출자 제출하 제출한 "
    "제품 제한 조건 조교수 조금 조력자 조례 조모 조부 조사 조사관 조사를 조사자 조선 조연 조연의 "
    "조정 조종사 조직 조치 조치를 조합 조합원 조합장 조회 조회를 조회수 종결 종료 종합 주거 "
    "주거지 주관 주관사 주관자 주로는 주말 주무 주무관 주문 주민 주민들 주민세 주민센 주민은 "
    "주민의 주변 주부 주소 주소는 주소를 주소와 주소지 주식 주연 주연의 주요 주의 주인 주인공 "
    "주임 주임님 주장 주장은 주장을 주장하 주제 주주들 주차 주차비 주차장 주최자 주치의 주택 "
    "주한미 주한미군 준비 중개사 중앙 중요 증명 지금 지급 지급인 지급일 지난 지난해 지도 지도자 "
    "지문 지방 지방청 지배인 지역 지역구 지원 지원과 지원금 지원서 지원자 지원팀 지인의 지점 "
    "지정 지정된 지정을 지정하 지정한 지참자 지체상 지출 지침 지휘 지휘관 직원 직원은 직장 직접 "
    "지금은 진단 진단서 진도 진료 진료과 진술 진술서 진술은 진술을 진정 진정인 진짜 진행 진행자 "
    "차관 차관님 차기 차량 차량은 차이 차장 차장님 차주 차주의 찬성 참고 참석자 창구 창업자 채권 "
    "채권자 채무 채무자 채용 책임 책임자 천안 천안시 천재 천주교 청구 청구인 청년 청년들 청소 "
    "청장 청장님 초과 초등생 총무과 촬영자 최강 최고 최고위 최고의 최근 최대 최대한 최상 최소 "
    "최소한 최악 최종 최종적 최초 추가 추진 추진단 추진팀 추천 추천을 추천인 추후 출산 충분 "
    "카카오뱅크 케이뱅크 탁월 태도 태양 태풍 토스뱅크 통보 통장 특별 팀장 편의 편지 편집자 평가 "
    "평정자 표시 표준 표준화 표창 표창장 품목명 피고 피고인 피의 피의자 피해 피해자 필수 필요 "
    "하고 하나 하나님 하느님 하는 하도 하도급 하며 하수급 하여 하여금 하자담 하자보 하자보수 "
    "하지 학교 학부모 학생 한국 한국의 한국인 한글 한도 한때는 한명의 한명이 한번 한분 한분이 "
    "한문 한사람 한자 한편 한편은 한화 함께 함께한 "
    "합격 해결 해군 해당 해당없음 해당자 해외 해제 행정 "
    "허가 허위 현금 현대 현역 현장 현장의 현재 현재는 현직 현직자 현황 현황은 현황을 협조자 형사 "
    "형사과 형식 형제 형태 호박 호주 호주의 홈페 홍보 홍보과 홍보실 홍보팀 화면 화면의 화재 "
    "화재로 환경 환경과 환급 황당 황색 황제가 회계사 회사 회신 회원 회의 회장 후보 후보자 후원 "
    "공석 오신 가신 하신 사신 우리말 예정대 허용 휴가 휴대 바코드 운송장"
)


_NOUNS = frozenset(_NOT_NAMES.split())


def is_noun(word: str) -> bool:
    """Whether a word that looks like a name is known to be none."""
    return word in _NOUNS


def is_closed(syllable: str) -> bool:
    """Whether a syllable ends with a consonant (Unicode 3.12: composition of Hangul syllables)."""
    return (ord(syllable) - 0xAC00) % 28 != 0


def built_like_name(word: str) -> bool:
    """Whether a word is a surname of one syllable and syllables that given names are made of."""
    return word[0] in SURNAMES and GIVEN.issuperset(word[1:])


def spaced_noun(text: str, start: int, letters: str) -> bool:
    """Whether spaced-out letters that begin there are a noun, or with the one before (위 임 장)."""
    before = text[start - 2] if start > 1 and text[start - 1] == " " else ""
    return is_noun(letters) or is_noun(before + letters)


def may_be_name(word: str) -> bool:
    """Whether a word of three syllables or more, where a person may stand, can be a name."""
    known = word[0] in SURNAMES or word[:2] in COMPOUND_SURNAMES
    return len(word) >= 3 and not is_noun(word) and (known or GIVEN.issuperset(word[1:]))


def is_usual_name(word: str) -> bool:
    """Whether a word of three syllables or more is a surname and a usual given name, no noun."""
    return built_like_name(word) and may_be_name(word)


# Endings of offices and bodies: what stands before a title with one of these is where, not who.
BODY_ENDINGS = frozenset("과팀실청처국소부")

# What may stand directly behind a name in running Korean.
PARTICLES = grouped(
    "입니다|이라고|이라는|이에요|예요|에게서|에게는|에게도|에게|께서는|께서|으로부터|으로서|으로"
    "|로부터|로서|에서|한테서|한테|이랑|까지|부터|마저|조차|처럼|보다|이며|이고|이나|하고|외|등|가|이"
    "|은|는|을|를|의|와|과|도|만|께|로|랑|며|고|야|아|님|씨|군|양"
)

# Members' names in JSON and columns of tables, as systems of agencies write them: what they end
# with, and what may stand before `name`.
ENGLISH_LABELS = (
    "name|nm|applicant|petitioner|recipient|receiver|sender|patient"
    "|guardian|spouse|citizen|assignee"
    "|contact[ _-]?person|account[ _-]?holder|owner|holder|buyer|seller"
    "|payee|payer|author|requester"
)
ENGLISH_OWNERS = (
    "emp|cust|usr|mem|rep|ceo|own|full|user|member|customer|client|patient|student|employee"
    "|staff|manager|owner|sender|recipient"
    "|receiver|applicant|petitioner|contact|holder|kor|korean|real|guardian|father|mother|spouse"
    "|person|author|writer|teacher|doctor|citizen|resident"
)
