import pytest
from recording import person, refused

from gateway.domain import PeerOrigin
from gateway.ledger.events import AuthRefused, RequestRefused
from gateway.ledger.refusals import MOST_KEYS, MOST_NETWORKS, Refusals, network

AT = 1_800_000_000.0


def stranger(address: str, reason: str = "expired") -> RequestRefused:
    return refused(origin=PeerOrigin(address=address, surface="openai.chat"), reason=reason)


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("192.0.2.17", "192.0.2.0/24"),
        ("2001:db8:1:2:3::4", "2001:db8:1:2::/64"),
        ("::ffff:192.0.2.17", "192.0.2.0/24"),
        ("fe80::1%eth0", "fe80::/64"),
        ("", "unknown"),
        ("unix:", "unknown"),
    ],
    ids=["v4", "v6", "mapped", "scoped", "none", "socket"],
)
def test_network_is_what_one_site_usually_has(address: str, expected: str) -> None:
    assert network(PeerOrigin(address=address, surface="x")) == expected


def test_strangers_of_a_minute_become_one_event() -> None:
    refusals = Refusals()
    for number in range(1_000):
        event = stranger(f"192.0.2.{number % 250}", "expired" if number % 4 else "signature")
        assert refusals.add(event, AT + number / 100) is None
    assert refusals.ended(AT + 59) == []
    (event,) = refusals.ended(AT + 60)
    assert isinstance(event, AuthRefused)
    assert event.networks == (
        ("expired", "192.0.2.0/24", 750),
        ("signature", "192.0.2.0/24", 250),
    )
    assert refusals.ended(AT + 120) == []


def test_networks_and_reasons_of_a_minute_are_bounded() -> None:
    refusals = Refusals()
    for number in range(5_000):
        refusals.add(stranger(f"10.{number // 250}.{number % 250}.1", f"word-{number % 40}"), AT)
    (event,) = refusals.flush(AT)
    assert isinstance(event, AuthRefused)
    assert len({row.network for row in event.networks}) == MOST_NETWORKS + 1
    assert "other" in {row.network for row in event.networks}
    assert sum(row.times for row in event.networks) == 5_000


def test_a_known_caller_is_written_once_and_then_counted() -> None:
    refusals, who = Refusals(), person()
    first = refused(who, code="limit_exceeded")
    assert refusals.add(first, AT) is first
    assert all(refusals.add(refused(who, code="limit_exceeded"), AT) is None for _ in range(7))
    other = refused(who, code="permission_denied")
    assert refusals.add(other, AT) is other
    (rest,) = refusals.flush(AT)
    assert isinstance(rest, RequestRefused)
    assert (rest.count, rest.code) == (7, "limit_exceeded")
    assert rest.record_id != first.record_id


def test_a_known_caller_is_written_again_in_the_next_minute() -> None:
    refusals, who = Refusals(), person()
    refusals.add(refused(who), AT)
    assert refusals.ended(AT + 60) == []
    assert refusals.add(refused(who), AT + 60) is not None


def test_what_finds_no_place_is_counted_in_the_next_aggregate() -> None:
    refusals = Refusals()
    for number in range(MOST_KEYS + 3):
        refusals.add(refused(person(subject=f"s{number}")), AT)
    refusals.drop(2)
    (event,) = refusals.flush(AT)
    assert isinstance(event, AuthRefused)
    assert (event.networks, event.dropped) == ((), 5)


def test_nothing_refused_is_nothing_written() -> None:
    refusals = Refusals()
    assert refusals.ended(AT) == refusals.flush(AT) == []
