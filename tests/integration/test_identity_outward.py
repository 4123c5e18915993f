"""The outbound rule on real sockets: named destinations, verified TLS, no redirects, bounds."""

import asyncio
import datetime
import ipaddress
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from gateway.outward.http import Outward, OutwardFailed, origin_of

Answering = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def saying(head: bytes, body: bytes = b"{}", seen: list[bytes] | None = None) -> Answering:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            request = await reader.readuntil(b"\r\n\r\n")
            if seen is not None:
                seen.append(request)
            writer.write(head + b"\r\nconnection: close\r\n\r\n" + body)
            await writer.drain()
            writer.close()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass

    return answer


@asynccontextmanager
async def server(answer: Answering, tls: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    running = await asyncio.start_server(answer, "127.0.0.1", 0, ssl=tls)
    async with running:
        yield running.sockets[0].getsockname()[1]


async def reason(url: str, *allowed: str, **options: float) -> str:
    async with Outward(allowed or [url], **options) as outward:  # type: ignore[arg-type]
        with pytest.raises(OutwardFailed) as failed:
            await outward.get(url)
    assert str(failed.value) == failed.value.reason
    return failed.value.reason


async def status(url: str, authority: Path | None = None) -> int:
    async with Outward([url], private_ca_file=authority) as outward:
        return (await outward.get(url)).status


def certificates(folder: Path, name: str) -> tuple[Path, ssl.SSLContext]:
    """A private authority's file, and a server's TLS context with a certificate for `name`."""
    authority, key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    now, hour = datetime.datetime.now(datetime.UTC), datetime.timedelta(hours=1)
    issuer = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "test authority")])

    def build(
        subject: x509.Name, holder: ec.EllipticCurvePrivateKey, *extensions: x509.ExtensionType
    ) -> bytes:
        builder = x509.CertificateBuilder(
            issuer,
            subject,
            holder.public_key(),
            x509.random_serial_number(),
            now - hour,
            now + hour,
        )
        for extension in extensions:
            builder = builder.add_extension(
                extension, critical=isinstance(extension, x509.BasicConstraints)
            )
        return builder.sign(authority, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)

    try:
        entry: x509.GeneralName = x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        entry = x509.DNSName(name)
    root = build(
        issuer,
        authority,
        x509.BasicConstraints(ca=True, path_length=None),
        x509.SubjectKeyIdentifier.from_public_key(authority.public_key()),
    )
    leaf = build(
        x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)]),
        key,
        x509.SubjectAlternativeName([entry]),
        x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.public_key()),
    )
    (folder / "ca.pem").write_bytes(root)
    (folder / "leaf.pem").write_bytes(
        leaf
        + key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(folder / "leaf.pem")
    return folder / "ca.pem", tls


async def test_named_destination_answers_with_its_own_name() -> None:
    seen: list[bytes] = []
    async with server(saying(b"HTTP/1.1 404 Not Found", b'{"a":1}', seen)) as port:
        url = f"http://localhost:{port}/x?y=1"
        async with Outward([f"http://localhost:{port}"]) as outward:
            answer = await outward.get(url)
        assert (answer.status, answer.json()) == (404, {"a": 1})
        assert f"\r\nhost: localhost:{port}\r\n".encode() in seen[0].lower()
        assert b"accept-encoding: identity" in seen[0].lower()


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:1/",
        "https://localhost:443/",
        "ftp://localhost/",
        "http://user@localhost:80/",
        "//localhost/",
        "",
    ],
)
async def test_destination_that_is_not_named_is_refused(url: str) -> None:
    assert await reason(url, "http://localhost:80") == "destination_not_allowed"


@pytest.mark.parametrize(
    "url",
    [
        "http://169.254.169.254/latest/",
        "https://169.254.169.254/",
        "https://[fe80::1]/",
        "https://[::ffff:169.254.169.254]/",
        "https://0.0.0.0/",
        "https://224.0.0.1/",
        "http://192.0.2.1/",
    ],
    ids=["metadata", "metadata TLS", "link-local", "mapped", "unspecified", "multicast", "no TLS"],
)
async def test_address_that_no_issuer_has_is_refused_though_named(url: str) -> None:
    assert await reason(url) == "destination_not_allowed"


async def test_redirect_is_an_answer_and_not_followed() -> None:
    async with server(saying(b"HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1/")) as port:
        assert await status(f"http://127.0.0.1:{port}/") == 302


@pytest.mark.parametrize(
    ("head", "body", "word"),
    [
        (b"HTTP/1.1 200 OK", b"x" * 5_000, "too_large"),
        (b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip", b"x", "encoded"),
        (b"nonsense", b"", "unreachable"),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 90", b"cut", "unreachable"),
    ],
    ids=["too large", "compressed", "not HTTP", "cut off"],
)
async def test_unfit_answer_is_told_by_its_word(head: bytes, body: bytes, word: str) -> None:
    async with server(saying(head, body)) as port:
        assert await reason(f"http://127.0.0.1:{port}/", max_bytes=4_000) == word


async def test_slow_answer_ends_in_time() -> None:
    async def drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        try:
            while True:
                writer.write(b"x")
                await writer.drain()
                await asyncio.sleep(0.05)
        except (ConnectionError, asyncio.CancelledError):
            writer.close()

    async with server(drip) as port:
        assert await reason(f"http://127.0.0.1:{port}/", total_seconds=0.4) == "timeout"


@pytest.mark.parametrize("body", [b"", b"[]", b"7", b"{", b'"x"', b"\xff"])
async def test_body_that_is_no_object_is_not_json(body: bytes) -> None:
    async with server(saying(b"HTTP/1.1 200 OK", body)) as port:
        async with Outward([f"http://127.0.0.1:{port}"]) as outward:
            answer = await outward.get(f"http://127.0.0.1:{port}/")
        with pytest.raises(OutwardFailed, match="not_json"):
            answer.json()


async def test_environment_has_no_say_in_the_way_out(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    async with server(saying(b"HTTP/1.1 200 OK")) as port:
        assert await status(f"http://127.0.0.1:{port}/") == 200


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
async def test_private_authority_is_trusted_only_where_named(tmp_path: Path, host: str) -> None:
    authority, tls = certificates(tmp_path, host)
    async with server(saying(b"HTTP/1.1 200 OK"), tls) as port:
        url = f"https://{host}:{port}/"
        assert await status(url, authority) == 200
        assert await reason(url) == "unreachable"


async def test_certificate_for_another_name_is_refused(tmp_path: Path) -> None:
    authority, tls = certificates(tmp_path, "other.example")
    async with server(saying(b"HTTP/1.1 200 OK"), tls) as port:
        url = f"https://localhost:{port}/"
        async with Outward([url], private_ca_file=authority) as outward:
            with pytest.raises(OutwardFailed, match="unreachable"):
                await outward.get(url)


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("HTTPS://Issuer.Example/realms/x", "https://issuer.example:443"),
        ("http://127.0.0.1:8081", "http://127.0.0.1:8081"),
        ("http://[::1]:80/", "http://::1:80"),
        ("issuer.example", ""),
        ("https://", ""),
        ("https://user:pass@issuer.example", ""),
    ],
)
def test_origin_is_spelt_in_one_way(url: str, origin: str) -> None:
    assert origin_of(url) == origin
