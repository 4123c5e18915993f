"""A commitment opens with its own salt and text, and with nothing else."""

from hypothesis import given
from hypothesis import strategies as st

from gateway.ledger.commitment import commit, opens


@given(st.binary(max_size=200), st.binary(max_size=200))
def test_only_its_own_text_and_salt_open_a_commitment(content: bytes, other: bytes) -> None:
    made, again = commit(content), commit(content)
    assert opens(made.value, made.salt, content)
    assert opens(made.value, made.salt, other) is (content == other)
    assert not opens(made.value, again.salt, content)
    assert not opens(made.value, made.salt[:31], content)


def test_the_same_text_is_never_recognised_by_its_commitment() -> None:
    assert len({commit("민원 확인".encode()).value for _ in range(50)}) == 50
    assert "salt" not in repr(commit(b"x"))
