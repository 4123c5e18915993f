"""The Korean pack: all kinds of this folder, and the version that findings and records name."""

from redaction.recognizers.kr.account import ACCOUNT
from redaction.recognizers.kr.business import BRN
from redaction.recognizers.kr.card import CARD
from redaction.recognizers.kr.driving import DRIVER_LICENSE
from redaction.recognizers.kr.email import EMAIL
from redaction.recognizers.kr.passport import PASSPORT
from redaction.recognizers.kr.person import PERSON
from redaction.recognizers.kr.phone import PHONE
from redaction.recognizers.kr.resident import FRN, RRN
from redaction.recognizers.recognizer import Pack

KR = Pack(
    name="kr",
    version="2",
    recognizers=(RRN, FRN, PASSPORT, DRIVER_LICENSE, CARD, ACCOUNT, PHONE, EMAIL, BRN, PERSON),
)
