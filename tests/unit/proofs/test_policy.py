"""c2sp.org/tlog-policy: what is read, what is refused, and who makes a quorum."""

import itertools
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gateway.proofs.note import Kind, NoteKey
from gateway.proofs.policy import Policy, PolicyInvalid

LOG = NoteKey.of("log.example.go.kr/1", Ed25519PrivateKey.generate())
P256 = NoteKey.of("log.example.go.kr/1", ec.generate_private_key(ec.SECP256R1()))
HOSTS = {
    "X1": "x.example.go.kr/1",
    "X2": "x.example.go.kr/2",
    "X3": "X.example.go.kr/3",
    "Y1": "y.example.go.kr/1",
    "Y2": "y.example.go.kr/2",
    "Z1": "z.example.go.kr",
}
KEYS = {
    name: NoteKey(host, Ed25519PrivateKey.generate().public_key(), Kind.COSIGNATURE)
    for name, host in HOSTS.items()
}
WITNESSES = "".join(f"witness {name} {key}\n" for name, key in KEYS.items())


def holding(policy: Policy) -> set[str]:
    """Every least set of witnesses that is a quorum, as "X1 Y1"."""
    found: list[set[str]] = []
    for count in range(len(KEYS) + 1):
        for names in itertools.combinations(KEYS, count):
            if policy.holds([KEYS[name] for name in names]) and not any(
                least <= set(names) for least in found
            ):
                found.append(set(names))
    return {" ".join(sorted(names)) for names in found}


@pytest.mark.parametrize(
    ("lines", "quorums"),
    [
        ("quorum none\n", set()),
        ("quorum X1\n", {"X1"}),
        ("group g any X1 Y1\nquorum g\n", {"X1", "Y1"}),
        ("group g all X1 Y1 Z1\nquorum g\n", {"X1 Y1 Z1"}),
        ("group g 2 X1 Y1 Z1\nquorum g\n", {"X1 Y1", "X1 Z1", "Y1 Z1"}),
        (
            "group X any X1 X2 X3\ngroup Y any Y1 Y2\ngroup g 2 X Y Z1\nquorum g\n",
            {f"{one} {two}" for one in ("X1", "X2", "X3") for two in ("Y1", "Y2", "Z1")}
            | {"Y1 Z1", "Y2 Z1"},
        ),
        (
            "group X 2 X1 X2 X3\ngroup Y any Y1 Y2\ngroup g all X Y\nquorum g\n",
            {
                f"{one} {two} {other}"
                for one, two in (("X1", "X2"), ("X1", "X3"), ("X2", "X3"))
                for other in ("Y1", "Y2")
            },
        ),
    ],
    ids=["none", "one", "any", "all", "two", "two administrations", "the specification's example"],
)
def test_quorum_counts_as_the_format_says(lines: str, quorums: set[str]) -> None:
    policy = Policy.parse(WITNESSES + lines)
    assert holding(policy) == quorums
    assert policy.least == min((len(names.split()) for names in quorums), default=0)


@pytest.mark.parametrize(
    "lines",
    [
        "group g 2 X1 X2 Y1\nquorum g\n",
        "group g all X1 X3 Y1\nquorum g\n",
        "group a any X1 Y1\ngroup b any X2 Z1\ngroup g all a b\nquorum g\n",
        "group X 2 X1 X2\ngroup g 2 X X3 Y1\nquorum g\n",
    ],
)
def test_quorum_in_which_one_administration_counts_twice_is_refused(lines: str) -> None:
    with pytest.raises(PolicyInvalid, match="count twice"):
        Policy.parse(WITNESSES + lines)


@pytest.mark.parametrize(
    "text",
    [
        "",
        WITNESSES,
        "quorum X1\n" + WITNESSES,
        WITNESSES + "quorum X1\nquorum X1\n",
        WITNESSES + "group g 3 X1 Y1\nquorum g\n",
        WITNESSES + "group g 0 X1 Y1\nquorum g\n",
        WITNESSES + "group g 01 X1 Y1\nquorum g\n",
        WITNESSES + "group g any\nquorum g\n",
        WITNESSES + "group g any X1 none\nquorum g\n",
        WITNESSES + "group g any X1 X1\nquorum g\n",
        WITNESSES + "group g any X1\ngroup h any X1\nquorum h\n",
        WITNESSES + "group g any h\ngroup h any X1\nquorum g\n",
        WITNESSES + "group X1 any Y1\nquorum X1\n",
        WITNESSES + f"witness none {KEYS['X1']}\nquorum none\n",
        WITNESSES + f"witness again {KEYS['X1']}\nquorum none\n",
        f"witness W {LOG}\nquorum W\n",
        f"witness W {P256}\nquorum W\n",
        f"log {LOG}\nlog {LOG}\nquorum none\n",
        f"log {KEYS['X1']}\nquorum none\n",
        f"log {LOG} https://a.example b\nquorum none\n",
        "witness W garbage\nquorum W\n",
        "quorum none\x00\n",
        "quorum\u00a0none\n",
        "# " + "x" * 70_000 + "\nquorum none\n",
    ],
    ids=itertools.count(),  # their keys are other ones each time
)
def test_what_is_no_policy_is_refused(text: str) -> None:
    with pytest.raises(PolicyInvalid):
        Policy.parse(text)


def test_comments_blanks_tabs_and_urls_are_read(tmp_path: Path) -> None:
    path = tmp_path / "policy"
    path.write_text(
        f"# 정책\n\n \t log {LOG} https://log.example.go.kr/log\nlog {P256}\n"
        f"witness\t지역 {KEYS['X1']}  https://x.example.go.kr/w \n  # more\nquorum 지역"
    )
    policy = Policy.read(path)
    assert policy.logs == (LOG, P256)
    assert policy.witnesses["지역"].url == "https://x.example.go.kr/w"
    assert policy.witnesses["지역"].administration == "x.example.go.kr"
    assert policy.holds([KEYS["X1"]])
    policy.check_log([LOG])


def test_policy_of_another_log_or_with_the_log_as_its_witness_is_refused() -> None:
    policy = Policy.parse(f"log {LOG}\nquorum none\n")
    with pytest.raises(PolicyInvalid, match="another log"):
        policy.check_log([P256])
    witness = NoteKey(LOG.name, LOG.public_key, Kind.COSIGNATURE)
    policy = Policy.parse(f"witness W {witness}\nquorum W\n")
    with pytest.raises(PolicyInvalid, match="log itself"):
        policy.check_log([LOG])


def test_file_that_cannot_be_read_is_no_policy(tmp_path: Path) -> None:
    (tmp_path / "latin").write_bytes(b"# \xff\nquorum none\n")
    for path in (tmp_path / "none", tmp_path / "latin", tmp_path):
        with pytest.raises(PolicyInvalid):
            Policy.read(path)
