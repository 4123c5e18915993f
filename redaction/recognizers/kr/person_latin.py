"""Names in Latin letters that a surname's usual spelling gives away: Hong Gil-dong, TRAN VAN MINH.

Korean, Vietnamese, Chinese and Japanese ones, as passports and forms have them. Other names in
Latin letters need a word beside them (person_abroad.py).
"""

import re
from collections.abc import Iterator

from redaction.entity import Span
from redaction.recognizers.kr.name_words import grouped

# Usual spellings of surnames in Latin letters: 문화체육관광부 고시 국어의 로마자 표기법 제3장 제4항
# leaves them to their bearers; these are those of passports. Those that are also English words, or
# very short, are believed only with a hyphen in the given name.
_ROMAN_SURNAMES = grouped(
    "Kim|Gim|Lee|Rhee|Park|Pak|Bak|Choi|Choe|Jung|Jeong|Chung|Cheong|Kang|Gang|Cho|Yoon|Yun|Jang"
    "|Chang|Lim|Yim|Han|Seo|Suh|Shin|Kwon|Gwon|Hwang|Ahn|Jeon|Jun|Chun|Hong|Yoo|Ryu|Koh|Moon"
    "|Mun|Yang|Sohn|Bae|Pae|Baek|Paik|Heo|Hur|Huh|Nam|Shim|Noh|Roh|Kwak|Gwak|Seong|Cha|Joo"
    "|Woo|Koo|Jin|Eom|Chae|Cheon|Hyun|Ham|Byun|Byeon|Yeom|Yeo|Choo|Seok|Seol"
    "|Yeon|Pyo|Myung|Myeong|Wang|Keum|Geum|Yook|Maeng|Tak|Kook|Namgung|Namkoong|Hwangbo|Jegal"
    "|Sagong|Seonwoo|Sunwoo|Dokgo"
)
_SHORT_SURNAMES = grouped(
    "Yi|Jo|Im|Oh|Sin|An|Yu|You|Ko|Go|Son|Sim|No|Ha|Ju|Chu|Wu|Gu|Ku|Na|Ra|Min|Ji|Um"
    "|Song|Moon|Bang|Gong|Kong|Sung|Won|Do|So|Sun|Ma|Gil|Wi|Ki|Gi|Ban|Ok|In|Je|Guk|Chi"
)
# 국어의 로마자 표기법 제2장, and the vowels of older spellings (oo, ee, u).
_SYLLABLE = (
    r"(?:kk|tt|pp|ss|jj|ch|sh|[gkndtrlmbpshj])?"
    r"(?:yae|yeo|yoo|wae|woo|eui|you|ya|ye|yo|yu|yi|wa|we|wi|wo|eo|eu|ae|oe|ui|ee|oo|ou|a|e|i|o|u)"
    r"(?:ng|n|m|l|k|g|b|p|t|h)?"
)
_PAIR = rf"{_SYLLABLE}(?:[ -]{_SYLLABLE}|{_SYLLABLE})"
_HYPHENED = rf"{_SYLLABLE}-{_SYLLABLE}"
_ROMANISED = re.compile(
    rf"(?:(?:{_ROMAN_SURNAMES}),?[ ](?:{_PAIR})"
    rf"|(?:{_SHORT_SURNAMES}),?[ ]{_HYPHENED}"
    rf"|{_HYPHENED}[ ](?:{_ROMAN_SURNAMES}|{_SHORT_SURNAMES})"
    rf"|(?-i:(?=[A-Z][a-z]+[ ][A-Z][a-z]+)(?i:{_SYLLABLE}{_SYLLABLE}[ ](?:{_ROMAN_SURNAMES}))))"
    r"(?![A-Za-z0-9@_-])",
    re.IGNORECASE,
)

# Vietnam's usual surnames and, behind the rarer ones, middle names, without their accents.
_VIETNAMESE_LATIN = re.compile(
    r"(?:(?:Nguyễn|Trần|Lê|Phạm|Hoàng|Huỳnh|Phan|Vũ|Võ|Bùi|Hồ|Ngô|Dương|Lý)"
    r"(?:[ ][A-ZĐ][a-zà-ỹđ]{1,6}){1,3}"
    r"|(?:Nguyen|Tran|Pham|Hoang|Huynh|Duong|Truong|Phan)(?:[ ][A-Z][a-z]{1,6}){1,3}"
    r"|(?:Le|Do|Vu|Vo|Dang|Bui|Ngo|Ho|Ly|Dinh|Trinh)[ ](?:Thi|Van|Duc|Minh|Thanh|Ngoc|Quoc|Xuan)"
    r"(?:[ ][A-Z][a-z]{1,6}){1,2})(?![A-Za-z0-9@_-])",
    re.IGNORECASE,
)

# ISO 7098 (拼音): frequent surnames of China that are no English words, and any syllables.
_CHINESE_SURNAMES = grouped(
    "Wang|Zhang|Liu|Zhao|Huang|Zhou|Xu|Zhu|Guo|Gao|Luo|Zheng|Liang|Xie|Deng|Feng|Cao|Peng|Zeng"
    "|Xiao|Tian|Yuan|Cai|Jiang|Cheng|Wei|Ding|Shen|Zhong|Cui|Liao|Jia|Xia|Zou|Xiong|Meng|Qin|Qiu"
    "|Hou|Xue|Yan|Duan|Lei|Qian|Dai|Shao|Kong|Xiang|Jin|Zhai|Shi|Gu|Yao|Ouyang|Sima|Zhuge"
)
_PINYIN = (
    r"(?:zh|ch|sh|[bpmfdtnlgkhjqxrzcsyw])?"
    r"(?:iang|iong|uang|ang|eng|ing|ong|uai|iao|ian|uan|van|ai|ei|ao|ou|an|en|in|un|ia|ie|iu|ua|uo"
    r"|ui|ue|er|a|o|e|i|u|v)"
)
_CHINESE_LATIN = re.compile(
    rf"(?:{_CHINESE_SURNAMES}),?[ ]{_PINYIN}(?:[ -]?{_PINYIN})?(?![A-Za-z0-9@_-])", re.IGNORECASE
)
# Hepburn's spelling: frequent surnames of Japan, and given names of its syllables.
_JAPANESE_SURNAMES = grouped(
    "Sato|Suzuki|Takahashi|Tanaka|Watanabe|Ito|Yamamoto|Nakamura|Kobayashi|Kato|Yoshida|Yamada"
    "|Sasaki|Yamaguchi|Matsumoto|Inoue|Kimura|Hayashi|Shimizu|Yamazaki|Yamasaki|Mori|Abe|Ikeda"
    "|Hashimoto|Yamashita|Ishikawa|Nakajima|Nakashima|Maeda|Fujita|Ogawa|Goto|Okada|Hasegawa"
    "|Murakami|Kondo|Ishii|Saito|Sakamoto|Endo|Aoki|Fujii|Nishimura|Fukuda|Ota|Miura|Fujiwara"
    "|Okamoto|Matsuda|Nakagawa|Nakano|Harada|Ono|Tamura|Takeuchi|Kaneko|Wada|Nakayama|Ishida|Ueda"
    "|Morita|Hara|Shibata|Sakai|Kudo|Yokoyama|Miyazaki|Miyamoto|Uchida|Takagi|Ando|Taniguchi|Ohno"
    "|Maruyama|Imai|Kono|Fujimoto|Murata|Takeda|Ueno|Sugiyama|Masuda|Sugawara|Hirano|Otsuka|Kojima"
    "|Chiba|Kubo|Matsui|Iwasaki|Sakurai|Kinoshita|Noguchi|Matsuo|Nomura|Kikuchi|Sano|Onishi"
    "|Sugimoto|Arai|Hamada|Ichikawa|Furukawa|Mizuno|Komatsu|Shimada|Koyama|Nishida|Kitamura"
)
_ROMAJI = r"(?:ky|gy|sh|ch|ts|hy|by|py|my|ny|ry|[kgsztdnhbpmyrwjf])?[aiueo](?:n(?![aiueoy]))?"
_JAPANESE_LATIN = re.compile(
    rf"(?:{_JAPANESE_SURNAMES}),?[ ](?:{_ROMAJI}){{2,5}}(?![A-Za-z0-9@_-])", re.IGNORECASE
)
# And whether the surname must be in capitals, as on passports: China's and Japan's are places,
# goods and firms as well.
_SPELLINGS = (
    (_ROMANISED, False),
    (_VIETNAMESE_LATIN, False),
    (_CHINESE_LATIN, True),
    (_JAPANESE_LATIN, True),
)

# Where one of these names may begin: a word, and behind a space the next one.
_CAPITAL = re.compile(r"[A-Z](?<![A-Za-z0-9._@/-].)(?=[^ ,가-힣]{1,20},?[ ][^\W\d_가-힣])")


def in_latin(text: str) -> Iterator[Span]:
    """Such names in normalised text, in linear time."""
    for capital in _CAPITAL.finditer(text):
        for pattern, in_capitals in _SPELLINGS:
            match = pattern.match(text, capital.start())
            if match is None or not _capitals(match[0]):
                continue
            if not in_capitals or match[0].split(" ", 1)[0].isupper():
                yield Span(*match.span(), "PERSON", 0.85, "person.latin")
                break


def _capitals(name: str) -> bool:
    """Whether each word is written with a capital, or the whole in capitals."""
    return all(word[0].isupper() for word in name.replace(",", " ").split())
