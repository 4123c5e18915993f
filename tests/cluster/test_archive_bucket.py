"""The daily archive in a real bucket with object lock: kept once, locked, found whatever is done.

The attacker of these tests is the account `admin`, who may do everything that the server allows.
"""

import hashlib
import subprocess
import sys
import tracemalloc
import uuid
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from archiving import Vault, day_before, whole_environ, write_on
from botocore.exceptions import ClientError
from keeping import KeptInFile
from parts.holding import holding
from parts.seaweedfs import PLAIN, WORM, RunningSeaweed
from recording import AGENCY, OTHER_AGENCY

from gateway.outward.bucket import Bucket, BucketFailed, BucketServer, Lock

MINE, THEIRS = f"agency-{AGENCY}.jsonl", f"agency-{OTHER_AGENCY}.jsonl"
FILES = sorted([MINE, THEIRS, "platform.jsonl", "manifest.json"])


@pytest.fixture
def vault(seaweed: RunningSeaweed, tmp_path: Path) -> Vault:
    return Vault(KeptInFile(tmp_path / "data"), tmp_path, seaweed.url, f"of/{uuid.uuid4()}")


def test_days_are_archived_locked_and_verified(vault: Vault, seaweed: RunningSeaweed) -> None:
    first, second = day_before(2), day_before(1)
    write_on(vault.kept, first)
    write_on(vault.kept, second)
    done = vault.archive()
    assert done.exit_code == 0, done.output
    assert "담은 날 2일" in done.stdout
    assert vault.archive().stdout.startswith("담은 날 0일")
    client, now = seaweed.client(), datetime.now(UTC)
    for day in (first, second):
        place = f"{vault.prefix}/{day}/"
        versions = seaweed.versions(place)
        assert sorted(versions) == FILES
        assert {len(each) for each in versions.values()} == {1}
        for name in versions:
            found = client.get_object(Bucket=WORM, Key=place + name)
            assert found["ObjectLockMode"] == "COMPLIANCE"
            assert found["ObjectLockRetainUntilDate"] > now + timedelta(days=1, hours=23)
            theirs = {MINE: OTHER_AGENCY, THEIRS: AGENCY}.get(name)
            assert theirs is None or theirs.encode() not in found["Body"].read()
    report = vault.found()
    assert (report["verified"], report["first"], report["days"]) == (True, str(first), 2)
    assert report["surface"] == []
    assert (report["retention"]["mode"], report["retention"]["days"]) == ("COMPLIANCE", 2)
    assert datetime.fromisoformat(report["retention"]["least_until"]) > now + timedelta(days=1)
    assert "검증 완료" in vault.verify().stdout
    assert list((vault.kept.data_dir / "archive-drafts").iterdir()) == [
        vault.kept.data_dir / "archive-drafts" / "lock"
    ]


def test_nobody_deletes_or_shortens_a_locked_day(vault: Vault, seaweed: RunningSeaweed) -> None:
    write_on(vault.kept, day_before(1))
    assert vault.archive().exit_code == 0
    client, place = seaweed.client(), f"{vault.prefix}/{day_before(1)}/"
    versions = seaweed.versions(place)
    assert sorted(versions) == FILES
    for name, (version,) in versions.items():
        at = {"Bucket": WORM, "Key": place + name, "VersionId": version}
        sooner = {"Mode": "COMPLIANCE", "RetainUntilDate": datetime.now(UTC) + timedelta(hours=1)}
        for harm, words in (
            (client.delete_object, {}),
            (client.delete_object, {"BypassGovernanceRetention": True}),
            (client.put_object_retention, {"Retention": sooner}),
        ):
            with pytest.raises(ClientError, match="AccessDenied"):
                harm(**at, **words)
    assert vault.found()["verified"]


@pytest.mark.parametrize("name", [MINE, "manifest.json"])
def test_version_written_over_a_locked_one_is_found_and_hides_nothing(
    vault: Vault, seaweed: RunningSeaweed, name: str
) -> None:
    first = day_before(2)
    write_on(vault.kept, first)
    assert vault.archive_before(first + timedelta(1)) == 1
    key = f"{vault.prefix}/{first}/{name}"
    for _ in range(2):
        seaweed.client().put_object(Bucket=WORM, Key=key, Body=b"{}\n")
    done = vault.archive()  # the chain goes on from the manifest that is locked
    assert "담은 날 1일" in done.stdout, done.output
    report = vault.found()
    told = {"day": str(first), "flaw": "overwritten", "file": name}
    assert (report["problem"], report["surface"], report["days"]) == (told, [told], 2)
    words = vault.verify().stdout
    assert "처음 판은 모두 맞습니다" in words
    assert "[overwritten]" in words


@pytest.mark.parametrize("names", [[THEIRS], FILES], ids=["a file", "all of a day"])
def test_delete_marker_is_found_and_hides_nothing(
    vault: Vault, seaweed: RunningSeaweed, names: list[str]
) -> None:
    first, second = day_before(3), day_before(2)
    write_on(vault.kept, first)
    write_on(vault.kept, second)
    assert vault.archive().exit_code == 0
    client = seaweed.client()
    for day in (first, day_before(1)):
        for name in names if day == first else ["manifest.json"]:
            client.delete_object(Bucket=WORM, Key=f"{vault.prefix}/{day}/{name}")
    report = vault.found()
    assert report["days"] == 3
    assert [(each["day"], each["file"], each["flaw"]) for each in report["surface"]] == [
        *((str(first), name, "marked_deleted") for name in names),
        (str(day_before(1)), "manifest.json", "marked_deleted"),
    ]
    assert vault.archive().stdout.startswith("담은 날 0일"), "the last day is known all the same"


@pytest.mark.parametrize("puts", [1, 3], ids=["one file there", "all but the manifest"])
def test_upload_that_was_killed_goes_on_and_makes_no_second_version(
    vault: Vault, seaweed: RunningSeaweed, puts: int
) -> None:
    first = day_before(2)
    place = f"{vault.prefix}/{first}/"
    write_on(vault.kept, day_before(3))
    assert vault.archive_before(first) == 1
    write_on(vault.kept, first)
    with holding(seaweed.port, puts) as proxy:
        url = f"http://127.0.0.1:{proxy.port}"
        program = "from gateway.cli import main; main()"
        command = [sys.executable, "-c", program, "audit", *vault.archive_words()]
        environ = whole_environ(vault.environ("writer", endpoint_url=url))
        process = subprocess.Popen(command, env=environ)
        try:
            assert proxy.held.wait(60)
        finally:
            process.kill()
            process.wait(30)
    before = seaweed.versions(place)
    assert len(before) == puts
    assert "manifest.json" not in before
    report = vault.found()
    assert (report["problem"]["flaw"], report["days"]) == ("missing", 1)
    write_on(vault.kept, first)  # committed late: belongs to the next day, not to this one
    done = vault.archive()
    assert done.exit_code == 0, done.output
    assert "담은 날 2일" in done.stdout
    after = seaweed.versions(place)
    assert sorted(after) == FILES
    assert {name: after[name] for name in before} == before
    assert {len(each) for each in after.values()} == {1}
    report = vault.found()
    assert (report["verified"], report["days"], report["surface"]) == (True, 3, [])


@pytest.mark.parametrize("name", [MINE, "stranger"])
def test_other_content_in_a_days_place_is_refused_and_not_written_over(
    vault: Vault, seaweed: RunningSeaweed, name: str
) -> None:
    place = f"{vault.prefix}/{day_before(1)}/"
    write_on(vault.kept, day_before(1))
    note = {"gwanmun-upto": "3"}
    seaweed.client().put_object(Bucket=WORM, Key=place + name, Body=b"{}\n", Metadata=note)
    done = vault.archive()
    assert done.exit_code == 2
    assert "the bucket holds other content" in done.stderr
    assert set(map(len, seaweed.versions(place).values())) == {1}
    assert "manifest.json" not in seaweed.versions(place)


def test_same_content_that_is_not_locked_is_refused(vault: Vault, seaweed: RunningSeaweed) -> None:
    write_on(vault.kept, day_before(1))
    assert vault.archive().exit_code == 0
    client, place = seaweed.client(), f"{vault.prefix}/{day_before(1)}/"
    twin = Vault(vault.kept, vault.folder, vault.endpoint_url, f"{vault.prefix}-twin")
    held = client.get_object(Bucket=WORM, Key=place + MINE)
    client.put_object(
        Bucket=WORM,
        Key=f"{twin.prefix}/{day_before(1)}/{MINE}",
        Body=held["Body"].read(),
        Metadata=held["Metadata"],
    )
    done = twin.archive()
    assert done.exit_code == 2
    assert "is locked for less time" in done.stderr


def test_file_that_no_manifest_names_is_found(vault: Vault, seaweed: RunningSeaweed) -> None:
    write_on(vault.kept, day_before(1))
    assert vault.archive().exit_code == 0
    key = f"{vault.prefix}/{day_before(1)}/more/of.it"
    seaweed.client().put_object(Bucket=WORM, Key=key, Body=b"")
    problem = vault.found()["problem"]
    assert (problem["flaw"], problem["file"]) == ("file_unknown", "more/of.it")


def test_days_without_a_manifest_are_not_there(vault: Vault, seaweed: RunningSeaweed) -> None:
    write_on(vault.kept, day_before(1))
    for day in ("1990-01-01", "2999-01-01"):
        seaweed.client().put_object(Bucket=WORM, Key=f"{vault.prefix}/{day}/of.it", Body=b"")
    assert "담은 날 1일" in vault.archive().stdout
    report = vault.found()
    assert (report["verified"], report["first"]) == (True, str(day_before(1)))


def test_weaker_or_shorter_locks_than_the_settings_say_are_named(
    vault: Vault, seaweed: RunningSeaweed
) -> None:
    write_on(vault.kept, day_before(1))
    assert vault.archive(retention_mode="GOVERNANCE").exit_code == 0
    assert vault.found(retention_mode="GOVERNANCE")["verified"]
    for changed in ({"retention_mode": "COMPLIANCE"}, {"retention_days": 5}):
        report = vault.found(**{"retention_mode": "GOVERNANCE", **changed})
        assert {each["flaw"] for each in report["surface"]} == {"retention"}
        assert sorted(each["file"] for each in report["surface"]) == FILES
        assert report["days"] == 1
    place = f"{vault.prefix}/{day_before(1)}/"
    (version,) = seaweed.versions(place)[MINE]
    seaweed.client().delete_object(
        Bucket=WORM, Key=place + MINE, VersionId=version, BypassGovernanceRetention=True
    )
    problem = vault.found(retention_mode="GOVERNANCE")["problem"]
    assert (problem["flaw"], problem["file"]) == ("file_missing", MINE)


@pytest.mark.parametrize(
    ("bucket", "account", "words"),
    [
        (PLAIN, "writer", "object lock or versioning off"),
        ("nowhere", "writer", "There is no such bucket"),
        (WORM, "stranger", "refused the credentials (InvalidAccessKeyId)"),
        (WORM, "auditor", "refused the credentials (AccessDenied)"),
    ],
)
def test_bucket_that_does_not_lock_or_let_in_is_refused(
    vault: Vault, bucket: str, account: str, words: str
) -> None:
    write_on(vault.kept, day_before(1))
    done = vault.archive(account, f"s3://{bucket}/{vault.prefix}")
    assert (done.exit_code, done.stdout) == (2, "")
    assert words in done.stderr


def test_wrong_secret_is_refused(vault: Vault) -> None:
    write_on(vault.kept, day_before(1))
    wrong = vault.folder / "wrong"
    wrong.touch(mode=0o600)
    wrong.write_text("wrong")
    for done in (
        vault.archive(secret_access_key_file=wrong),
        vault.verify(secret_access_key_file=wrong),
    ):
        assert done.exit_code == 2
        assert "refused the credentials (SignatureDoesNotMatch)" in done.stderr


def test_tls_is_verified_with_the_authority_of_the_settings(
    vault: Vault, seaweed: RunningSeaweed
) -> None:
    write_on(vault.kept, day_before(1))
    done = vault.archive(endpoint_url=seaweed.tls_url)
    assert done.exit_code == 2
    assert "cannot be reached (SSLError)" in done.stderr
    given = {"endpoint_url": seaweed.tls_url, "ca_file": seaweed.ca_file}
    assert vault.archive(**given).exit_code == 0
    assert vault.found(**given)["verified"]


def bucket_of(seaweed: RunningSeaweed) -> Bucket:
    server = BucketServer(
        endpoint_url=seaweed.url,
        region="us-east-1",
        ca_file=None,
        key_id="writer-id",
        secret="writer-secret",
    )
    return Bucket(server, WORM)


def test_server_refuses_a_file_that_has_another_sha256(
    vault: Vault, seaweed: RunningSeaweed, tmp_path: Path
) -> None:
    path, key = tmp_path / "file", f"{vault.prefix}/file"
    path.write_bytes(b"what was sent")
    lock = Lock("COMPLIANCE", datetime.now(UTC) + timedelta(minutes=5))
    with pytest.raises(BucketFailed, match=r"BadDigest|InvalidDigest"):
        bucket_of(seaweed).add(key, path, b"s" * 32, lock, ("gwanmun-upto", "1"))
    assert seaweed.versions(key) == {}


def test_nothing_is_put_where_something_is(
    vault: Vault, seaweed: RunningSeaweed, tmp_path: Path
) -> None:
    path, key = tmp_path / "file", f"{vault.prefix}/file"
    path.write_bytes(b"first")
    lock, note = Lock("COMPLIANCE", datetime.now(UTC) + timedelta(minutes=5)), ("gwanmun-upto", "1")
    bucket = bucket_of(seaweed)
    assert bucket.add(key, path, hashlib.sha256(b"first").digest(), lock, note)
    path.write_bytes(b"other")
    assert not bucket.add(key, path, hashlib.sha256(b"other").digest(), lock, note)
    assert len(seaweed.versions(key)[""]) == 1


def test_large_object_is_read_in_pieces(
    vault: Vault, seaweed: RunningSeaweed, tmp_path: Path
) -> None:
    key, size = f"{vault.prefix}/large", 48 << 20
    seaweed.client().put_object(Bucket=WORM, Key=key, Body=bytes(size))
    (version,) = seaweed.versions(key)[""]
    bucket = bucket_of(seaweed)
    assert list(bucket.folders("nothing/")) == []  # boto3's own tables are read now
    tracemalloc.start()
    try:
        with bucket.reading(key, version) as reading:
            assert sum(map(len, reading.pieces())) == size
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < size // 6
