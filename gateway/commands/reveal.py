"""`gwanmun reveal`: two people open sealed content, each on a machine of their own.

The private keys are here and never on a gateway. An officer requests; the CPO approves and hands
over what only the officers' key opens; the officer opens, on a terminal and nowhere else.
"""

import base64
import json
import re
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import (
    SECP256R1,
    EllipticCurvePrivateKey,
    generate_private_key,
)
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from gateway import os_words
from gateway.commands.gateway_client import (
    AuthoritiesOption,
    Gateway,
    TokenOption,
    UrlOption,
    plain,
    read_token,
    stop,
)
from gateway.ledger.content import approve as take_off
from gateway.ledger.content import is_meant, open_text
from gateway.ledger.jwe import CannotOpen
from gateway.ledger.reveals import why_text
from gateway.store.content import ContentRow
from gateway.store.private_file import create

PATH = "/v1/audit/reveals"
_LEAST_PASSWORD = 12
_ID = re.compile(r"[0-9a-f]{32}")

app = typer.Typer(
    add_completion=False,
    rich_markup_mode=None,
    help="봉인된 내용을 두 사람이 함께 엽니다 (보안담당자와 개인정보 보호책임자).",
)

KeyOption = Annotated[Path, typer.Option("--key", help="자신의 비밀 키 파일(PEM).")]
FileArgument = Annotated[Path, typer.Argument(metavar="파일", help="앞 사람이 준 파일.")]


@app.callback()
def _reveal() -> None:
    """봉인된 내용을 두 사람이 함께 엽니다."""


@app.command()
def key(
    private: Annotated[Path, typer.Argument(metavar="비밀키", help="만들 비밀 키 파일.")],
    public: Annotated[Path, typer.Argument(metavar="공개키", help="만들 공개 키 파일.")],
) -> None:
    """키 한 쌍(P-256)을 만듭니다. 비밀 키는 암호로 잠급니다. 관문에는 공개 키만 줍니다."""
    password = _password(confirm=True)
    if len(password) < _LEAST_PASSWORD:
        stop(f"암호는 {_LEAST_PASSWORD}자 이상이어야 합니다. (The password is too short.)")
    made = generate_private_key(SECP256R1())
    _write(
        private,
        made.private_bytes(
            Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(password.encode())
        ),
    )
    _write(
        public,
        made.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
    )
    sys.stdout.write(f"{public}을 관문의 운영자에게 주십시오. {private}은 주지 마십시오.\n")


@app.command()
def request(
    file: Annotated[Path, typer.Argument(metavar="파일", help="새로 만들 요청 파일.")],
    records: Annotated[list[str], typer.Option("--record", help="기록의 번호. 20개까지.")],
    url: UrlOption,
    token_file: TokenOption,
    hours: Annotated[int, typer.Option("--hours", min=1, max=72, help="몇 시간 동안.")] = 8,
    ca_file: AuthoritiesOption = None,
) -> None:
    """보안담당자가 기록의 내용을 요청합니다. 사건과 사유는 물어봅니다. 끝값: 0 됨, 2 안 됨."""
    gateway = Gateway(url, read_token(token_file), ca_file)
    case, reason = _why()
    body = {"records": records, "case": case, "reason": reason, "hours": hours}
    told = gateway.post(PATH, body)
    _write(file, _json({**told, "records": records, "case": case, "reason": reason}))
    sys.stdout.write(
        f"요청 {told['request_id']} (기한 {told['expires']})\n"
        f"{file}을 개인정보 보호책임자에게 주십시오.\n"
    )


@app.command()
def approve(
    file: FileArgument,
    to: Annotated[Path, typer.Argument(metavar="승인파일", help="새로 만들 승인 파일.")],
    own_key: KeyOption,
    url: UrlOption,
    token_file: TokenOption,
    ca_file: AuthoritiesOption = None,
) -> None:
    """개인정보 보호책임자가 요청을 보고 승인합니다. 끝값: 0 됨, 2 안 됨."""
    asked = _read(file, ("request_id", "records", "case", "reason", "salt"))
    sys.stdout.write(
        f"요청 {plain(asked['request_id'])}\n사건: {plain(asked['case'])}\n"
        f"사유: {plain(asked['reason'])}\n기록: {plain(', '.join(asked['records']))}\n"
    )
    if _answer("승인하면 '승인'이라고 쓰십시오 (approve)") != "승인":
        stop("승인하지 않았습니다. (Not approved.)")
    private = _private_key(own_key)
    gateway = Gateway(url, read_token(token_file), ca_file)
    told = gateway.post(f"{PATH}/{asked['request_id']}/approve", {})
    why = why_text(asked["case"], asked["reason"])
    if set(told["wrapped"]) != set(asked["records"]) or not is_meant(
        told["reason"], bytes.fromhex(asked["salt"]), why
    ):
        stop(
            "파일의 기록이나 사유가 관문에 요청된 것과 다릅니다. 내어 주지 않았습니다.\n"
            "The file's records or reason are not what was requested; nothing was handed over."
        )
    try:
        inner = {record: take_off(token, private) for record, token in told["wrapped"].items()}
    except CannotOpen:
        stop("이 키로 봉인된 내용이 아닙니다. (Not sealed to this key.)")
    _write(to, _json({"request_id": asked["request_id"], "inner": inner}))
    sys.stdout.write(f"{to}을 요청한 보안담당자에게 주십시오. 기한 {told['expires']}\n")


@app.command("open")
def open_content(
    file: FileArgument,
    own_key: KeyOption,
    url: UrlOption,
    token_file: TokenOption,
    ca_file: AuthoritiesOption = None,
) -> None:
    """요청한 보안담당자가 승인된 내용을 화면에서 봅니다. 파일로는 쓰지 않습니다.

    끝값: 0 됨, 2 안 됨.
    """
    if not sys.stdout.isatty():
        stop("내용은 화면에만 보여 줍니다. (Content is shown on a terminal alone.)")
    approval = _read(file, ("request_id", "inner"))
    private = _private_key(own_key)
    gateway = Gateway(url, read_token(token_file), ca_file)
    told = gateway.post(f"{PATH}/{approval['request_id']}/open", {})
    try:
        for part in told["parts"]:
            row = ContentRow(
                part["record_id"],
                part["part"],
                told["agency"],
                "",
                0.0,
                b"",
                base64.b64decode(part["body"]),
            )
            inner = approval["inner"][part["record_id"]]
            opened = open_text(inner, private, row, part["commitment"])
            sys.stdout.write(f"── {row.record_id} {row.part}\n{plain(opened.text)}\n")
            if opened.truncated:
                sys.stdout.write("… 여기서 잘렸습니다 (truncated)\n")
    except (CannotOpen, KeyError):
        stop("열 수 없거나 기록과 다른 내용입니다. (Cannot be opened, or not what was recorded.)")


def _private_key(path: Path) -> EllipticCurvePrivateKey:
    try:
        data = path.read_bytes()
    except OSError as error:
        stop(f"{path}: {os_words.korean(error)}. ({os_words.english(error)}.)")
    try:
        found = load_pem_private_key(data, _password().encode())
    except (ValueError, TypeError, UnsupportedAlgorithm):
        found = None
    if not isinstance(found, EllipticCurvePrivateKey) or not isinstance(found.curve, SECP256R1):
        stop(f"{path}: 암호가 틀렸거나 비밀 키가 아닙니다. (Wrong password, or no private key.)")
    return found


def _password(*, confirm: bool = False) -> str:
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\n")
    return str(
        typer.prompt(
            "비밀 키의 암호 (password)", hide_input=True, confirmation_prompt=confirm, err=True
        )
    )


def _why() -> tuple[str, str]:
    return _answer("사건 번호 (case)"), _answer("사유 (reason)")


def _answer(question: str) -> str:
    """A line of the terminal, or of standard input."""
    if sys.stdin.isatty():
        return str(typer.prompt(question, err=True)).strip()
    return sys.stdin.readline().strip()


def _read(path: Path, names: tuple[str, ...]) -> dict[str, Any]:
    try:
        told = json.loads(path.read_bytes())
    except OSError as error:
        stop(f"{path}: {os_words.korean(error)}. ({os_words.english(error)}.)")
    except ValueError:
        told = None
    whole = isinstance(told, dict) and set(names) <= told.keys()
    if not isinstance(told, dict) or not whole or not _ID.fullmatch(str(told["request_id"])):
        stop(f"{path}: 앞 단계의 파일이 아닙니다. (Not the file of the step before.)")
    return told


def _json(value: dict[str, Any]) -> bytes:
    return json.dumps(value, ensure_ascii=False, indent=1).encode()


def _write(path: Path, content: bytes) -> None:
    """A new file for its owner alone."""
    try:
        with create(path) as file:
            file.write(content)
    except OSError as error:
        stop(f"{path}: {os_words.korean(error)}. ({os_words.english(error)}.)")
