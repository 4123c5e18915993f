"""How officers' commands speak with a running gateway: one POST with an access token, bounded."""

import asyncio
import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Final, NoReturn

import typer

from gateway import os_words
from gateway.outward.http import Answer, Outward, OutwardFailed, TrustUnusable

FAILED: Final = 2
_SECONDS: Final = 60.0
_MAX_BYTES: Final = 64 * 1024 * 1024  # twenty records with prompt and answer, in Base64

UrlOption = Annotated[str, typer.Option("--url", help="관문의 주소. 예: https://gwanmun.example")]
TokenOption = Annotated[Path, typer.Option("--token-file", help="자신의 접근 토큰이 든 파일.")]
AuthoritiesOption = Annotated[
    Path | None, typer.Option("--ca-file", help="관문의 TLS를 확인할 CA 인증서 파일.")
]


@dataclass(frozen=True, slots=True)
class Gateway:
    """A gateway's address, and who asks."""

    url: str
    token: str = field(repr=False)
    ca_file: Path | None = None

    def post(self, path: str, body: Mapping[str, object]) -> dict[str, Any]:
        """What the gateway answers.

        Raises:
            typer.Exit: it refuses, or gives no answer; standard error says so.
        """
        try:
            answer = asyncio.run(self._post(path, json.dumps(body).encode()))
            told = answer.json()
        except TrustUnusable as error:
            stop(str(error))
        except OutwardFailed as error:
            stop(f"관문에 물을 수 없습니다. (The gateway gave no answer: {error.reason}.)")
        if answer.status != 200:
            stop(_refusal(told))
        return told

    async def _post(self, path: str, body: bytes) -> Answer:
        async with Outward(
            [self.url],
            private_ca_file=self.ca_file,
            total_seconds=_SECONDS,
            max_bytes=_MAX_BYTES,
        ) as outward:
            headers = {"authorization": f"Bearer {self.token}"}
            return await outward.post_json(self.url.rstrip("/") + path, body, headers)


def read_token(path: Path) -> str:
    """The access token of a file.

    Raises:
        typer.Exit: there is none; standard error says so.
    """
    try:
        token = path.read_text(encoding="ascii").strip()
    except OSError as error:
        stop(
            f"{path}: 접근 토큰을 읽을 수 없습니다 ({os_words.korean(error)}).\n"
            f"{path}: the access token cannot be read ({os_words.english(error)})."
        )
    except UnicodeDecodeError:
        token = ""
    if not token or len(token.split()) != 1:
        stop(f"{path}: 접근 토큰이 아닙니다. (Not an access token.)")
    return token


def plain(value: object, *, lines: bool = True) -> str:
    """A text that cannot steer the reader's terminal; lines stay lines, unless there may be one."""
    kept = "\n" if lines else ""
    return "".join(
        character if character.isprintable() or character in kept else "\N{REPLACEMENT CHARACTER}"
        for character in str(value)
    )


def stop(message: str) -> NoReturn:
    """Ends the command with its reason on standard error."""
    sys.stderr.write(f"{message}\n")
    raise typer.Exit(FAILED)


def _refusal(told: Mapping[str, Any]) -> str:
    error = told.get("error")
    if not isinstance(error, dict):
        return "관문이 아닙니다. (Not a gateway.)"
    return f"{plain(error.get('message'))} [{plain(error.get('code'))}]"
