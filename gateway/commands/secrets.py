"""`gwanmun secrets`: every secret of an installation on one machine, made once and never shown.

deploy/compose.yaml mounts one folder for each service, and each folder holds what that service
needs and nothing else, readable by the user that it runs as. What two services share (a password,
say) stands in both. The authority's key is mounted nowhere.
"""

import hashlib
import os
import re
import secrets
import shutil
import sys
from pathlib import Path
from typing import Annotated, Final, NoReturn

import typer

from gateway import os_words
from gateway.commands.certificates import (
    SERVER_DAYS,
    Authority,
    make_authority,
    read_authority,
    server_certificate,
)
from gateway.identity.keyfile import NAMES, KeyFileError, read_or_create_key
from gateway.ledger.keys import SEALER_FILE, WRITER_FILE, KeysUnusable, make_keys
from gateway.proofs.trust import FILE_NAME

FAILED: Final = 2
OURS: Final = 10_001
AUTHORITY: Final = "authority"
CA_FILE: Final = "ca.pem"
KEYS: Final = "keys"
_AUTHORITY_KEY: Final = "authority.key"
_BYTES: Final = 32

# Folder → the user of the service that reads it; deploy/compose.yaml names the same.
OWNERS: Final[dict[str, tuple[int, int]]] = {
    "gateway": (OURS, OURS),
    "sealer": (OURS, OURS),
    "migrate": (OURS, OURS),
    "audit": (OURS, OURS),
    "archive": (OURS, OURS),
    "prune": (OURS, OURS),
    "postgres": (999, 999),
    "valkey": (999, 999),
    "keycloak": (1_000, 0),
    "vllm": (10_002, 10_002),
    "proxy": (99, 99),
}
# One random password each → the files that hold it.
PASSWORDS: Final[tuple[tuple[str, ...], ...]] = (
    ("postgres/postgres-superuser-password",),
    ("postgres/postgres-owner-password", "migrate/postgres-owner-password"),
    (
        "postgres/postgres-writer-password",
        "gateway/postgres-writer-password",
        "sealer/postgres-writer-password",
        "archive/postgres-writer-password",
    ),
    ("postgres/postgres-reader-password", "audit/postgres-reader-password"),
    ("postgres/postgres-pruner-password", "prune/postgres-pruner-password"),
    ("postgres/postgres-keycloak-password", "keycloak/postgres-keycloak-password"),
    ("keycloak/admin-password",),
    ("keycloak/web-secret", "gateway/web-secret"),
    ("valkey/valkey-password", "gateway/valkey-password"),
    ("vllm/engine-key", "gateway/engine-key"),
)
# Of the keys that `gwanmun keys init` makes, who is given which: a gateway cannot seal, a sealer
# cannot write, and who verifies holds no secret.
KEY_FILES: Final[dict[str, tuple[str, ...]]] = {
    "gateway": (FILE_NAME, WRITER_FILE, *NAMES),
    "sealer": (FILE_NAME, SEALER_FILE),
    "audit": (FILE_NAME,),
    "archive": (FILE_NAME, WRITER_FILE),
    "prune": (FILE_NAME, WRITER_FILE),
}
_TRUSTING: Final = (
    "gateway",
    "sealer",
    "migrate",
    "audit",
    "archive",
    "prune",
    "keycloak",
    "valkey",
)
_LABEL: Final = "[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"  # RFC 1123 section 2.1
_HOST: Final = re.compile(rf"(?=.{{1,253}}\Z){_LABEL}(\.{_LABEL})*")

app = typer.Typer(
    add_completion=False, rich_markup_mode=None, help="설치 하나의 비밀과 인증서를 만듭니다."
)

FolderArgument = Annotated[Path, typer.Argument(metavar="디렉터리", help="비밀을 두는 디렉터리.")]
HostOption = Annotated[str, typer.Option("--host", help="관문의 호스트 이름.")]
LoginOption = Annotated[str, typer.Option("--login-host", help="Keycloak의 호스트 이름.")]


class SecretsRefused(Exception):
    """Nothing was made; the message says why, in Korean and English."""


@app.callback()
def _secrets() -> None:
    """설치 하나의 비밀과 인증서를 만듭니다."""


@app.command()
def init(directory: FolderArgument, host: HostOption, login_host: LoginOption) -> None:
    """모든 비밀·키·인증서를 한 번 만듭니다. 있으면 만들지 않습니다. 끝값: 0 됨, 2 안 됨."""
    try:
        make(directory, host, login_host)
    except (SecretsRefused, KeysUnusable, KeyFileError) as refused:
        _stop(str(refused))
    except OSError as error:
        _stop(_os_words(error))
    _told_about_owners()
    sys.stdout.write(
        f"비밀을 만들었습니다: {directory}\n"
        f"{directory / AUTHORITY / _AUTHORITY_KEY}는 인증서를 새로 만들 때만 씁니다. "
        "따로 보관하고 여기서는 지우는 것이 좋습니다.\n"
        f"{directory / 'audit' / KEYS}의 trust.json은 기록을 검증할 사람에게 따로 전해 두십시오.\n"
    )


@app.command()
def renew(directory: FolderArgument, host: HostOption, login_host: LoginOption) -> None:
    """서버 인증서만 새로 만듭니다. 비밀번호와 기록의 키는 그대로입니다. 끝값: 0 됨, 2 안 됨."""
    try:
        _check_hosts(host, login_host)
        place = directory / AUTHORITY
        authority = read_authority(
            (place / CA_FILE).read_bytes(), (place / _AUTHORITY_KEY).read_bytes()
        )
        _write_certificates(directory, authority, host, login_host)
        _own(directory)
    except SecretsRefused as refused:
        _stop(str(refused))
    except ValueError:
        _stop(f"{place}: 인증 기관의 파일이 아닙니다. ({place}: not an authority's files.)")
    except OSError as error:
        _stop(_os_words(error))
    _told_about_owners()
    sys.stdout.write(f"{SERVER_DAYS}일짜리 인증서를 만들었습니다. 서비스를 다시 시작하십시오.\n")


def make(directory: Path, host: str, login_host: str) -> None:
    """Makes everything, or nothing: a folder that is not whole never gets its name.

    Raises:
        SecretsRefused: some of it is there already, or a host name is none.
        OSError: it cannot be written.
    """
    _check_hosts(host, login_host)
    names = (AUTHORITY, *OWNERS)
    if any((directory / name).exists() for name in names):
        raise SecretsRefused(
            f"{directory}: 이미 비밀이 있습니다. 바꾸면 있던 자료를 더 읽을 수 없으므로 만들지 "
            f"않았습니다.\n{directory}: there are secrets already; nothing was made, since what "
            "they open could not be opened any more."
        )
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = directory / f".new-{secrets.token_hex(4)}"
    draft.mkdir(mode=0o700)
    try:
        _fill(draft, host, login_host)
        for name in names:
            (draft / name).rename(directory / name)
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def _fill(draft: Path, host: str, login_host: str) -> None:
    for folder in (AUTHORITY, *OWNERS):
        (draft / folder).mkdir(mode=0o700)
    for places in PASSWORDS:
        password = secrets.token_urlsafe(_BYTES)
        for place in places:
            _write(draft / place, f"{password}\n".encode())
    # valkey.io/topics/acl: `#` is the SHA-256 of a password. Only what counting needs is allowed.
    password = (draft / "valkey/valkey-password").read_text(encoding="ascii").strip()
    digest = hashlib.sha256(password.encode()).hexdigest()
    rights = "~* &* +@all -@admin -@dangerous"
    _write(draft / "valkey/users.acl", f"user default on #{digest} {rights}\n".encode())
    _share_keys(draft)
    authority = make_authority("Gwanmun private authority")
    _write(draft / AUTHORITY / CA_FILE, authority.pem)
    _write(draft / AUTHORITY / _AUTHORITY_KEY, authority.key_pem)
    for folder in _TRUSTING:
        _write(draft / folder / CA_FILE, authority.pem)
    _write_certificates(draft, authority, host, login_host)
    _own(draft)


def _share_keys(draft: Path) -> None:
    made = draft / KEYS
    make_keys(made)
    for name in NAMES:
        read_or_create_key(made / name)
    for service, names in KEY_FILES.items():
        (draft / service / KEYS).mkdir(mode=0o700)
        for name in names:
            _write(draft / service / KEYS / name, (made / name).read_bytes())
    shutil.rmtree(made)


def _write_certificates(folder: Path, authority: Authority, host: str, login_host: str) -> None:
    for service in ("postgres", "valkey"):
        made = server_certificate(authority, (service, "localhost", "127.0.0.1"))
        _write(folder / service / "server.crt", made.pem)
        _write(folder / service / "server.key", made.key_pem)
    made = server_certificate(authority, tuple(dict.fromkeys((host, login_host))))
    _write(folder / "proxy/server.pem", made.pem + authority.pem + made.key_pem)


def _write(path: Path, content: bytes) -> None:
    """The whole file or none, for its owner alone."""
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    draft.rename(path)


def _own(folder: Path) -> None:
    """Gives each service's folder to the user that it runs as; only root can.

    An installation made by an older version may lack the folder of a service that came later.
    """
    if os.geteuid() != 0:
        return
    for name, (user, group) in OWNERS.items():
        if not (folder / name).exists():
            continue
        for path in (folder / name, *(folder / name).rglob("*")):
            os.chown(path, user, group, follow_symlinks=False)


def _told_about_owners() -> None:
    if os.geteuid() != 0:
        sys.stderr.write(
            "주의: root가 아니어서 파일의 주인을 서비스의 사용자로 바꾸지 못했습니다. 컨테이너가 "
            "읽지 못할 수 있습니다.\n(Not root: the files stay yours, and containers may not be "
            "able to read them.)\n"
        )


def _check_hosts(*hosts: str) -> None:
    for host in hosts:
        if not _HOST.fullmatch(host):
            raise SecretsRefused(
                f"{host!r}: 소문자로 쓴 호스트 이름이 아닙니다. (Not a host name in lower case.)"
            )


def _os_words(error: OSError) -> str:
    return f"{error.filename}: {os_words.korean(error)}. ({os_words.english(error)}.)"


def _stop(message: str) -> NoReturn:
    sys.stderr.write(f"{message}\n")
    raise typer.Exit(FAILED)
