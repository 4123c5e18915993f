"""The Korean packs: all kinds of this folder, and the versions that findings and records name.

`kr-offices` adds to `kr` what that leaves on purpose: telephones and addresses of public offices.
"""

from redaction.recognizers.kr.account import ACCOUNT
from redaction.recognizers.kr.address import ADDRESS, OFFICE_ADDRESS
from redaction.recognizers.kr.address_english import ENGLISH_ADDRESS
from redaction.recognizers.kr.birth import BIRTH_DATE
from redaction.recognizers.kr.business import BRN
from redaction.recognizers.kr.card import CARD
from redaction.recognizers.kr.coordinates import COORDINATES
from redaction.recognizers.kr.corporation import CRN
from redaction.recognizers.kr.driving import DRIVER_LICENSE
from redaction.recognizers.kr.email import EMAIL
from redaction.recognizers.kr.labelled import (
    CUSTOMS_CODE,
    HEALTH_INSURANCE,
    MEMBER_NUMBER,
    MILITARY_NUMBER,
)
from redaction.recognizers.kr.network import IP_ADDRESS, MAC_ADDRESS
from redaction.recognizers.kr.passport import PASSPORT
from redaction.recognizers.kr.person import PERSON
from redaction.recognizers.kr.phone import OFFICE_PHONE, PHONE
from redaction.recognizers.kr.plate import PLATE
from redaction.recognizers.kr.resident import FRN, RRN
from redaction.recognizers.kr.secret import SECRET
from redaction.recognizers.recognizer import Pack

KR = Pack(
    name="kr",
    version="7",
    recognizers=(
        *(RRN, FRN, PASSPORT, DRIVER_LICENSE, SECRET, CARD, ACCOUNT, PHONE, EMAIL),
        *(HEALTH_INSURANCE, CUSTOMS_CODE, MILITARY_NUMBER, MEMBER_NUMBER, BRN, CRN, PLATE),
        *(ADDRESS, ENGLISH_ADDRESS, BIRTH_DATE, COORDINATES, IP_ADDRESS, MAC_ADDRESS),
        PERSON,
    ),
)

KR_OFFICES = Pack(name="kr-offices", version="1", recognizers=(OFFICE_PHONE, OFFICE_ADDRESS))
