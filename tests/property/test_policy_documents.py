"""Whatever a policy document says: it is refused, or the floor holds at every grade."""

from contextlib import suppress

import yaml
from hypothesis import given
from hypothesis import strategies as st

from redaction.entity import ENTITIES
from redaction.policy import Operator
from redaction.policy_document import GRADES, read_policy
from redaction.policy_words import PolicyRefused

OPERATORS = st.sampled_from([operator.value for operator in Operator])
CHOICES = st.dictionaries(st.sampled_from(sorted(ENTITIES)), OPERATORS, max_size=8)
PART = st.fixed_dictionaries({}, optional={"operators": CHOICES, "fallback": OPERATORS})
DOCUMENTS = st.fixed_dictionaries(
    {"name": st.just("x"), "version": st.just(1)},
    optional={
        "operators": CHOICES,
        "fallback": OPERATORS,
        "grades": st.dictionaries(st.sampled_from(GRADES), PART),
        "packs": st.lists(st.sampled_from(["kr", "eu", "us"])),
        "offices": st.sampled_from(["keep", "replace"]),
    },
)
# Trees as YAML can hold them, in and out of place.
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8) | st.dates(),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["name", "version", "operators", "formats", "never", "tests", "x"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(DOCUMENTS)
def test_document_that_can_be_read_holds_the_floor_at_every_grade(tree):
    raw = yaml.safe_dump(tree, allow_unicode=True).encode()
    try:
        document = read_policy(raw)
    except PolicyRefused:
        return
    assert "kr" in document.packs
    for grade in GRADES:
        policy = document.policy(grade, b"k" * 32)
        for name, entity in ENTITIES.items():
            operator = policy.operator(name)
            if entity.floor:
                assert operator not in (Operator.ALLOW, Operator.HASH)
            named = (
                tree.get("grades", {})
                .get(grade, {})
                .get("operators", {})
                .get(name, tree.get("operators", {}).get(name))
            )
            if named is not None:
                assert operator == named
            elif entity.unique_identifier:
                assert operator is Operator.WITHHOLD


@given(st.binary(max_size=200) | ANYTHING.map(lambda tree: yaml.safe_dump(tree).encode()))
def test_whatever_stands_in_a_file_is_refused_or_read(raw):
    with suppress(PolicyRefused):
        read_policy(raw)
