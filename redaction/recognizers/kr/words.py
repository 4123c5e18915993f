"""The words of Korean forms, letters and data that say what a number beside them is.

Written for this project from the field names of public forms (민원 처리에 관한 법률 시행규칙 별지,
행정 효율과 협업 촉진에 관한 규정 별지) and of common data sets. Banks: 금융결제원, 참가기관. A
space in a word may be missing.
"""

from types import MappingProxyType

from redaction.recognizers.labels import Lexicon

_BANKS = (
    "국민은행|KB국민|KB은행|신한은행|우리은행|하나은행|KEB하나|농협|NH농협|기업은행|IBK|산업은행"
    "|KDB|수협|신협|우체국"
    "|새마을금고|MG새마을|카카오뱅크|카뱅|케이뱅크|K뱅크|토스뱅크|SC제일|제일은행|씨티은행"
    "|부산은행|경남은행|대구은행"
    "|iM뱅크|광주은행|전북은행|제주은행|저축은행|산림조합|수출입은행|BNK|은행|뱅크"
)

SUBJECTS = MappingProxyType(
    {
        "resident": "주민 등록 번호|주민 번호|주민번|주민등록|주민 No|주민|민번|민증|등록 번호"
        "|생년월일",
        "foreigner": "외국인 등록 번호|외국인 번호|외국인등록|국내거소신고|거소 신고 번호"
        "|거소신고|거소 번호|거소증",
        "birth": "생 년 월 일|생 년월일|생년 월일|생년|생일|출생 일자|출생일|출생|생 월일|태어난"
        "|태어나",
        "passport": "여권 번호|여권",
        "licence": "운전면허|면허 번호|면허증|면허",
        "card": "신용카드|체크카드|카드 번호|카드|비자|마스터|아멕스|결제",
        "account": f"통장 번호|명의|계좌|통장|입금|송금|이체|환급|예금|{_BANKS}",
        "phone": "전화|연락처|연락|휴대 폰|휴대 전화|핸드폰|휴대 번호|휴대|폰 번호|대표 번호|문의"
        "|내선|번호로|문자"
        "|☎|☏|H.P|C.P|T.|T)|M.|M)|H.|H)|직통|자택|비상 연락|수신 번호|발신 번호",
        "fax": "팩스|F.|F)",
        "business": "사업자 등록 번호|사업자 번호|사업자등록|사업자|고유 번호",
        "corporation": "법인 등록 번호|법인 번호|법인등록",
        "health": "건강 보험증 번호|건강 보험증|건강 보험 번호|건보 번호|보험증 번호|의료 보험증"
        "|증 번호|피보험자 번호",
        "customs": "개인통관고유부호|통관고유부호|개인 통관 부호|통관 부호|통관 번호|개인통관",
        "military": "군번|군 번",
        "plate": "차량 등록 번호|차량 번호|차 번호|자동차 등록 번호|자동차 번호|번호판|차량"
        "|승용차|화물차|자동차|주차|이륜차|오토바이",
        "member": "사번|사원 번호|직원 번호|공무원 번호|공무원증 번호|행정 전산 번호"
        "|개인 식별 번호|교직원 번호|교번"
        "|학번|수험 번호|학생 번호|응시 번호|회원 번호|고객 번호|조합원 번호|가입자 번호"
        "|환자 번호|환자 등록 번호|진료 카드 번호|차트 번호|병록 번호"
        "|등록 환자 번호|수급자 번호|수급자 관리 번호|대상자 번호|보훈 번호|장애인 등록 번호"
        "|장애인 복지 카드 번호|자격증 번호"
        "|복지 카드 번호|유공자 번호|장기 요양 인정 번호|의사 면허 번호|약사 면허 번호"
        "|간호사 면허 번호"
        "|교도소 번호|수용자 번호|수용 번호|수번|순번 대기 번호|이용자 번호|멤버십 번호"
        "|마일리지 번호|증권 번호",
        "email": "이메일|전자 우편|메일 주소|메일",
        "office": "통지서 번호|신청서 번호|결정서 번호|계약서 번호|의견서 번호|보고서 번호"
        "|요청서 번호|제안서 번호|공문서 번호|전표 번호|수표 번호|물건 번호|안건 번호"
        "|문서 번호|접수 번호|관리 번호|공고 번호"
        "|사건 번호|등기 번호|송장 번호|송장"
        "|운송장|주문 번호|승인 번호"
        "|일련 번호|제품 번호|물품|품목|모델|바코드|예산|금액|시행일|고시|자재|재고|해시|타임스탬프"
        "|등기 우편|과제 번호|과제 고유 번호|사업 고유 번호|연구 고유 번호|도면 번호"
        "|계약 번호|입찰 번호|공고|민원 번호|처리 번호|신청 번호|거래 번호"
        "|견적 번호|허가 번호|인증 번호"
        "|국가표준|품번|조달|식별 번호|도서 번호|관보|의안 번호|고유 코드|고지서 번호"
        "|전자 납부 번호|납부 번호|영수증 번호|확인서 번호|증명서 번호|발급 번호|우편 번호|호봉"
        "|총액"
        "|합계|좌표",
        "version": "버전|펌웨어|빌드|릴리스|판번호",
        "address": "주소지|주소|주 소|거주지|거주|소재지|사는 곳|자택|주거지|본적|등록기준지|배송지"
        "|배달지|수령지|집|살고|사는",
        "date": "시행|접수|작성|발급|계약|개최|기한|까지|부터|입사|임용|준공|방문|신청일"
        "|신청 일자|발행|공고일|등록일"
        "|처리일|납부|만료|유효|기간|사망|혼인|전입|퇴사|퇴직|결재|제출|기준일|회의|일시|개정"
        "|제정|공포|고시일|착공|완료"
        "|예정|통보|교부|마감|실시|개통|취득|설립|개업|폐업|검진|진료|수술|입원|퇴원|변경|선고"
        "|체결|인도|배송|수령",
        "secret": "공동현관|현관 번호|도어락|출입 번호"
        "|비밀 번호|비번|패스워드|암호|인증키|인증 키|접속 키|비밀 키|서비스 키|API 키"
        "|액세스 키|액세스 토큰|토큰|핀 번호"
        "|IDENTIFIED BY|PIN 번호|개인 키",
        "ip": "아이피|접속지",
        "mac": "맥 주소|맥주소|물리 주소",
        "coordinates": "위도|경도|좌표|위치 정보|GPS",
        "home": "자택|거주지|주거지|주소지|거주|살고|사는 곳|댁|집|현재 위치|단말|휴대폰 위치"
        "|이동 경로|실종"
        "|신고자|대상자",
        "name": "성명|이름|성 명|성함|예금주|대표자|신청인|민원인|환자|학생|세대주|배우자|자녀"
        "|부친|모친|보호자|피해자"
        "|피의자|피고인|원고|피고|고인|본인",
        "other": "주민등록법|여권법"
        "|주민센터|주민세|주민자치|주민참여|주민공동|주민설명|주민의견|주민대표|주민총회|주민협의"
        "|주민투표|주민소환|주민편의|주민복지|주민지원|주민감사|주민불편|주민제안|주민숙원|주민공청"
        "|주민간담|주민들|집행|집중|집단|집계|집합|집회|사는데"
        "|암호화|토큰화|생일상|출생아|출생률|출생율"
        "|카드뉴스|카드사|은행나무|전화위복|문의사항|예금자보호|입금액|차량기지|주차장|여권발급"
        "|면허시험장",
    }
)

LATIN = MappingProxyType(
    {
        "resident": "RRN|RRNO|SSN|ihidnum|jumin|juminno|resident|ARC|FRN",
        "birth": "DOB|birth|birthday|birthdate|birthdt|bday|brthdy",
        "passport": "passport|pspt|psptno|psprtno",
        "licence": "licence|license|driver|lcns|drvlcns",
        "card": "card|visa|master|mastercard|amex|cardno",
        "account": "account|acct|bank|acctno|accountno|acnt|acntno|actno",
        "phone": "tel|telno|phone|mobile|hp|cell|telephone|handphone|cellphone|contact|mbtlno"
        "|ext|call",
        "fax": "fax|faxno",
        "business": "brn|bizno|brno|biz|business|bizr|bizrno",
        "corporation": "crn|crno|jurirno|corpno|corp|corporate|corporation",
        "customs": "pccc|customs",
        "health": "insurance|nhis|insno",
        "military": "military|mil|service_no|army",
        "plate": "plate|vehicle|carno|car|vhrno|vhclno|vhcl",
        "member": "empno|stdno|memberno|userno",
        "member_key": "employee|emp|student|member|patient|user|uid|userid|login|customer",
        "office": "isbn|ean|issn|sku|doi|timestamp|hash|invoice|order|barcode|uuid|md|sha|epoch"
        "|serial|doc",
        "version": "version|ver|v|build|release|firmware",
        "address": "address|addr",
        "email": "email|mail|mailto",
        "key": "key|keys",
        "secret": "password|passwd|pwd|pw|passphrase|secret|token|apikey|passcode|pin|credential"
        "|credentials|authorization|bearer",
        "ip": "ip|ipaddr|host|client|remote|ipv|src|dst",
        "mac": "mac|macaddr|bssid|ethernet|hwaddr|ether",
        "coordinates": "lat|lng|lon|latitude|longitude|gps|coords",
        "home": "home",
        "name": "name",
    }
)

WORDS = Lexicon(SUBJECTS, LATIN)
