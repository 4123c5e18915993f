"""Policy documents: YAML in, validated and versioned, what redaction does with each kind out.

A document says two things that the rest of the package keeps apart: how detection reads (packs,
an agency's words and formats) and what becomes of what was found (operators per kind and grade).
`read_policy` refuses a document with all that is wrong in it; nothing below the floor of
`redaction.policy` can be read. docs/policies.md explains every entry, docs/adr/0013 the choices.
"""

import difflib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from importlib.resources import files
from types import MappingProxyType
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from redaction.entity import ENTITIES
from redaction.normalize import normalize
from redaction.policy import Operator, Policy
from redaction.policy_words import Place, PolicyRefused, Problem, of_validation
from redaction.policy_yaml import Tree, read_tree
from redaction.recognizers.agency import LEAST_TERM, FormatFinder, PatternRefused
from redaction.recognizers.packs import PACK_NAMES
from redaction.vocabulary import Format, Vocabulary

SHIPPED: Mapping[str, str] = MappingProxyType(
    {"기본": "basic.yaml", "엄격": "strict.yaml", "공개": "open.yaml"}
)
"""The documents that come with the package: name and file."""

GRADES = ("O", "S", "C")
"""Data grades of N2SF, which a document may treat differently."""

HOME_PACK = "kr"
OFFICES_PACK = "kr-offices"
_MOST_TERMS = 20_000  # of a list; a table of them takes some megabytes in each detector
_MOST_FORMATS = 100
_LONGEST_TERM = 100
_UNDER_FLOOR = (Operator.ALLOW, Operator.HASH)

_Name = Annotated[str, StringConstraints(pattern=r"^[\w-]+$", max_length=40)]
_Term = Annotated[str, StringConstraints(min_length=LEAST_TERM, max_length=_LONGEST_TERM)]
_Terms = Annotated[list[_Term], Field(max_length=_MOST_TERMS)]
_Sentence = Annotated[str, StringConstraints(min_length=1, max_length=1_000)]
_Operator = Annotated[Operator, Field(strict=False)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, hide_input_in_errors=True)


class _Tests(_Part):
    matches: list[_Sentence] = Field(min_length=1, max_length=100)
    rejects: list[_Sentence] = Field(min_length=1, max_length=100)


class _Format(_Part):
    name: _Name
    entity: str = "AGENCY_NUMBER"
    pattern: Annotated[str, StringConstraints(min_length=1, max_length=1_000)]
    keywords: list[_Term] = Field([], max_length=50)
    requires_keyword: bool = False
    tests: _Tests

    def plain(self) -> Format:
        return Format(
            self.name,
            self.entity,
            self.pattern,
            tuple(self.keywords),
            self.requires_keyword,
            tuple(self.tests.matches),
            tuple(self.tests.rejects),
        )


class _Grade(_Part):
    operators: dict[str, _Operator] = {}
    fallback: _Operator | None = None


class _Document(_Part):
    name: _Name
    version: int = Field(ge=1)
    description: Annotated[str, StringConstraints(max_length=2_000)] = ""
    language: Literal["ko", "en"] = "ko"
    packs: list[str] = Field([HOME_PACK], min_length=1, max_length=20)
    offices: Literal["keep", "replace"] = "keep"
    operators: dict[str, _Operator] = {}
    fallback: _Operator = Operator.REPLACE
    grades: dict[Literal["O", "S", "C"], _Grade] = {}
    tools_from_results: list[_Name] = Field([], max_length=1_000)
    always: dict[str, _Terms] = {}
    never: _Terms = []
    formats: list[_Format] = Field([], max_length=_MOST_FORMATS)


@dataclass(frozen=True, slots=True)
class PolicyDocument:
    """A document that has been read and holds.

    `digest` is the SHA-256 of its bytes in hexadecimal: `sha256sum FILE` gives the same. `packs`
    and `vocabulary` are for the detector; `operators` holds every known kind's operator per grade.
    """

    name: str
    version_number: int
    digest: str
    description: str
    language: str
    packs: tuple[str, ...]
    vocabulary: Vocabulary
    operators: Mapping[str, Mapping[str, Operator]]
    tools_from_results: frozenset[str]
    tree: Tree = field(repr=False)

    @property
    def version(self) -> str:
        """What records name: name, version and digest, so that no two documents share it."""
        return f"{self.name}-{self.version_number}@sha256:{self.digest}"

    @property
    def hashes(self) -> bool:
        """Whether it needs the agency's key of `hash`."""
        return any(Operator.HASH in kinds.values() for kinds in self.operators.values())

    def located(self, problems: Iterable[Problem]) -> tuple[Problem, ...]:
        """Problems that were found later, with their lines."""
        return tuple(_located(problems, self.tree))

    def policy(self, grade: str, hash_key: bytes | None = None) -> Policy:
        """The policy of a grade (O, S or C).

        Raises:
            ValueError: the document hashes and the key is missing or short.
        """
        return Policy(
            version=self.version,
            operators=self.operators[grade],
            fallback=Operator.REPLACE,
            language=self.language,
            tools_from_results=self.tools_from_results,
            hash_key=hash_key,
        )


def shipped(name: str) -> PolicyDocument:
    """A document that comes with the package.

    Raises:
        KeyError: there is none of that name.
    """
    resource = files("redaction") / "policies" / SHIPPED[name]
    return read_policy(resource.read_bytes(), name)


def read_policy(raw: bytes, source: str = "policy") -> PolicyDocument:
    """The document that stands in these bytes; `source` names it in errors.

    Its formats are tried on their own sentences; the whole detector is not: `gwanmun policy check`
    does that.

    Raises:
        PolicyRefused: with everything that is wrong.
    """
    tree = read_tree(raw, source)
    try:
        document = _Document.model_validate(tree.root)
    except ValidationError as error:
        raise PolicyRefused(source, _located(_of_pydantic(error), tree)) from None
    if problems := list(_problems(document)):
        raise PolicyRefused(source, _located(problems, tree))
    packs = dict.fromkeys(document.packs)
    if document.offices == "replace":
        packs[OFFICES_PACK] = None
    return PolicyDocument(
        name=document.name,
        version_number=document.version,
        digest=sha256(raw).hexdigest(),
        description=document.description,
        language=document.language,
        packs=tuple(packs),
        vocabulary=_vocabulary(document),
        operators=MappingProxyType(
            {grade: MappingProxyType(_operators(document, grade)) for grade in GRADES}
        ),
        tools_from_results=frozenset(document.tools_from_results),
        tree=tree,
    )


def _vocabulary(document: _Document) -> Vocabulary:
    return Vocabulary(
        MappingProxyType(
            {entity: tuple(terms) for entity, terms in document.always.items() if terms}
        ),
        tuple(document.never),
        tuple(item.plain() for item in document.formats),
    )


def _operators(document: _Document, grade: str) -> dict[str, Operator]:
    """What is named counts, of the grade before the document's; the floor's kinds never fall back.

    A kind of the floor that a document does not name is withheld where the fallback would let it
    pass, and 고유식별정보 in any case: a kind that a later version adds is never weaker than that.
    """
    own = document.grades.get(grade, _Grade())  # type: ignore[call-overload]
    fallback = own.fallback or document.fallback
    found: dict[str, Operator] = {}
    for name, entity in ENTITIES.items():
        below = entity.floor and fallback in _UNDER_FLOOR
        otherwise = Operator.WITHHOLD if entity.unique_identifier or below else fallback
        found[name] = own.operators.get(name) or document.operators.get(name) or otherwise
    return found


def _of_pydantic(error: ValidationError) -> Iterator[Problem]:
    for found in error.errors(include_input=False, include_url=False):
        # pydantic marks a wrong key of a mapping with a step of its own.
        place = tuple(step for step in found["loc"] if step != "[key]")
        yield of_validation(found["type"], place, found.get("ctx", {}))


def _located(problems: Iterable[Problem], tree: Tree) -> list[Problem]:
    return sorted(
        (problem._replace(line=tree.line(problem.place)) for problem in problems),
        key=lambda problem: problem.line,
    )


def _problems(document: _Document) -> Iterator[Problem]:
    """What no type can say: names that do not exist, the floor, patterns and their tests."""
    yield from _operator_problems(document.operators, document.fallback, ())
    for grade, part in document.grades.items():
        yield from _operator_problems(
            part.operators, part.fallback or document.fallback, ("grades", grade)
        )
    yield from _pack_problems(document.packs)
    for entity, terms in document.always.items():
        yield from _entity_problems(entity, ("always", entity))
        yield from _term_problems(terms, ("always", entity))
    yield from _term_problems(document.never, ("never",))
    names: set[str] = set()
    for number, item in enumerate(document.formats):
        yield from _format_problems(item, ("formats", number))
        if item.name in names:
            yield Problem(
                "policy_twice",
                ("formats", number, "name"),
                f"{item.name}: 같은 이름의 양식이 또 있습니다.",
                "Another format has the same name.",
            )
        names.add(item.name)


def _operator_problems(
    operators: Mapping[str, Operator], fallback: Operator, place: Place
) -> Iterator[Problem]:
    if fallback is Operator.BLOCK:
        yield Problem(
            "policy_wrong_value",
            (*place, "fallback"),
            "막을 종류는 하나하나 적으십시오. 모두 막는 정책은 쓸 수 없습니다.",
            "Name the kinds to block; a policy that blocks everything is of no use.",
        )
    for entity, operator in operators.items():
        yield from _entity_problems(entity, (*place, "operators", entity))
        known = ENTITIES.get(entity)
        if known is not None and known.floor and operator in _UNDER_FLOOR:
            yield Problem(
                "policy_below_floor",
                (*place, "operators", entity),
                f"{known.label}: {operator}는 쓸 수 없습니다. 고유식별정보·카드·계좌·비밀은 그대로 "
                "두거나(allow) 해시할(hash) 수 없습니다.",
                f"{operator} lies below the floor: unique identifiers, cards, accounts and secrets "
                "are never allowed or hashed.",
            )


def _entity_problems(entity: str, place: Place) -> Iterator[Problem]:
    if entity in ENTITIES:
        return
    near = difflib.get_close_matches(entity, ENTITIES, n=1)
    hint = f" 혹시 {near[0]}입니까?" if near else ""
    meant = f" Did you mean {near[0]}?" if near else ""
    yield Problem(
        "policy_unknown_entity",
        place,
        f"그런 개인정보 종류는 없습니다.{hint}",
        f"There is no such kind of personal data.{meant}",
    )


def _pack_problems(packs: list[str]) -> Iterator[Problem]:
    for number, pack in enumerate(packs):
        if pack not in PACK_NAMES:
            yield Problem(
                "policy_unknown_pack",
                ("packs", number),
                f"그런 탐지 묶음은 없습니다. 있는 것: {', '.join(PACK_NAMES)}.",
                f"There is no such pack; there is {', '.join(PACK_NAMES)}.",
            )
    if HOME_PACK not in packs:
        yield Problem(
            "policy_below_floor",
            ("packs",),
            f"{HOME_PACK}는 뺄 수 없습니다. 고유식별정보를 찾는 묶음입니다.",
            f"{HOME_PACK} cannot be left out: it finds unique identifiers.",
        )


def _term_problems(terms: list[str], place: Place) -> Iterator[Problem]:
    for number, term in enumerate(terms):
        if len(normalize(term).text.strip()) < LEAST_TERM:
            yield Problem(
                "policy_wrong_value",
                (*place, number),
                f"빈칸과 보이지 않는 글자를 빼고 {LEAST_TERM}자 이상이어야 합니다.",
                f"Must have {LEAST_TERM} characters or more that can be seen.",
            )


_REFUSED = MappingProxyType(
    {
        "syntax": (
            "RE2로 실행할 수 없는 식입니다. 앞뒤 살펴보기와 되가리키기는 쓸 수 없습니다",
            "RE2 cannot run this pattern; it knows no look-around and no backward references",
        ),
        "empty": ("아무 글자도 없는 자리와 맞습니다", "It matches where nothing stands"),
        "large": ("식이 너무 큽니다", "The pattern is too large"),
    }
)


def _format_problems(item: _Format, place: Place) -> Iterator[Problem]:
    yield from _entity_problems(item.entity, (*place, "entity"))
    if item.requires_keyword and not item.keywords:
        yield Problem(
            "policy_missing",
            (*place, "keywords"),
            "requires_keyword가 true이면 keywords가 있어야 합니다.",
            "requires_keyword needs keywords.",
        )
        return
    try:
        finder = FormatFinder(item.plain())
    except PatternRefused as refused:
        korean, english = _REFUSED[refused.reason]
        detail = f": {refused.detail}" if refused.detail else ""
        yield Problem(
            "policy_pattern_refused",
            (*place, "pattern"),
            f"{korean}.",
            f"{english}{detail}.",
        )
        return
    for number, text in enumerate(item.tests.matches):
        if not any(finder.find(normalize(text).text)):
            yield Problem(
                "policy_test_failed",
                (*place, "tests", "matches", number),
                "이 글에서 찾아야 하는데 찾지 못합니다.",
                "It must be found here and is not.",
            )
    for number, text in enumerate(item.tests.rejects):
        if any(finder.find(normalize(text).text)):
            yield Problem(
                "policy_test_failed",
                (*place, "tests", "rejects", number),
                "이 글에서는 찾지 않아야 하는데 찾습니다.",
                "It must not be found here and is.",
            )
