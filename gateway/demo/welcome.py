"""What `gwanmun up` tells people once everything answers: where, who, and lines to paste."""

import json
import shlex
import sys
from dataclasses import dataclass
from pathlib import Path

from gateway.demo.people import PEOPLE, SERVICES, Account

_QUESTION = (
    "민원인 김철수(900101-1234567, 010-1234-5678)에게 보낼 안내문을 써 줘"  # invented, no one's
)


@dataclass(frozen=True, slots=True)
class Entrance:
    """How people log in: what they are shown first, and what is said beside their names."""

    words: str
    beside: str


def link_entrance(link: str) -> Entrance:
    """By the demo provider's one-time link."""
    return Entrance(
        f"""  시작 링크(한 번만 열림, 열면 사람을 고르는 화면이 나옵니다)
    {link}""",
        "시작 링크를 연 브라우저에서 골라 로그인합니다",
    )


def password_entrance(password: str, issuer: str) -> Entrance:
    """By name and password at a real Keycloak."""
    return Entrance(
        f"""  비밀번호(이번 실행에서만, 아래 모든 사람에게 같습니다. 다시 시작하면 바뀝니다)
    {password}

  Keycloak  {issuer}""",
        "아래 주소를 열고 이름과 비밀번호로 로그인합니다",
    )


REHEARSAL = "리허설 엔진(모델이 아닙니다. 받은 글을 보여 주며 답하는 시험용 엔진입니다)"


def welcome(*, url: str, entrance: Entrance, model: str, token_command: str, engine: str) -> str:
    """The text, in Korean; `engine` says what stands behind the model's name."""
    people = "\n".join(map(_account, PEOPLE))
    services = "\n".join(map(_account, SERVICES))
    return f"""
관문이 준비되었습니다.

{entrance.words}

  주소      {url}
  모델      {model} · {engine}

시연용 사람 ({entrance.beside})
{people}

시연용 행정시스템
{services}

명령줄에서 물어보기
{curl_line(url, model, token_command)}

파이썬 openai 클라이언트 (pip install openai)
{openai_snippet(url, model, token_command)}

멈추려면 Ctrl-C를 누르십시오.
"""


def token_command(data_dir: Path, *, name: str, default: bool) -> str:
    """The command that prints a token, as the user's shell finds it."""
    beside = Path(sys.executable).with_name("gwanmun")
    program = str(beside) if beside.exists() else "gwanmun"
    command = [program, "demo", "token", name]
    if not default:
        command += ["--data", str(data_dir)]
    return shlex.join(command)


def curl_line(url: str, model: str, token_command: str) -> str:
    """A line for the shell that asks and streams the answer."""
    message = {"role": "user", "content": _QUESTION}
    body = json.dumps({"model": model, "stream": True, "messages": [message]}, ensure_ascii=False)
    return (
        f"curl -sSN {url}/v1/chat/completions \\\n"
        f'  -H "Authorization: Bearer $({token_command})" \\\n'
        f"  -H 'Content-Type: application/json' \\\n"
        f"  -d {shlex.quote(body)}"
    )


def openai_snippet(url: str, model: str, token_command: str) -> str:
    """The same with the official client."""
    return f"""OPENAI_API_KEY="$({token_command})" python3 - <<'끝'
from openai import OpenAI

client = OpenAI(base_url="{url}/v1")
stream = client.chat.completions.create(
    model={model!r},
    stream=True,
    messages=[{{"role": "user", "content": "{_QUESTION}"}}],
)
for part in stream:
    if part.choices:
        print(part.choices[0].delta.content or "", end="", flush=True)
print()
끝"""


def _account(account: Account) -> str:
    return (
        f"  {account.key:<12} {account.name} · {account.duty} · {account.agency.name} · "
        f"등급 {account.ceiling.name}까지"
    )
