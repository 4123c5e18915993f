"""What `gwanmun up` tells people once everything answers: where, who, and lines to paste."""

import json
import shlex
import sys
from pathlib import Path

from gateway.demo.people import PEOPLE, SERVICES, Account

_QUESTION = (
    "민원인 김철수(900101-1234567, 010-1234-5678)에게 보낼 안내문을 써 줘"  # invented, no one's
)


def welcome(*, url: str, link: str, model: str, token_command: str, rehearsal: bool) -> str:
    """The text, in Korean."""
    engine = (
        "리허설 엔진(모델이 아닙니다. 받은 글을 보여 주며 답하는 시험용 엔진입니다)"
        if rehearsal
        else "사용자가 지정한 엔진"
    )
    people = "\n".join(map(_account, PEOPLE))
    services = "\n".join(map(_account, SERVICES))
    return f"""
관문이 준비되었습니다.

  시작 링크(한 번만 열림, 열면 사람을 고르는 화면이 나옵니다)
    {link}

  주소      {url}
  모델      {model} · {engine}

시연용 사람 (시작 링크를 연 브라우저에서 골라 로그인합니다)
{people}

시연용 행정시스템
{services}

명령줄에서 물어보기
{curl_line(url, model, token_command)}

파이썬 openai 클라이언트 (pip install openai)
{openai_snippet(url, model, token_command)}

멈추려면 Ctrl-C를 누르십시오.
"""


def token_command(data_dir: Path, *, default: bool) -> str:
    """The command that prints a token, as the user's shell finds it."""
    beside = Path(sys.executable).with_name("gwanmun")
    name = str(beside) if beside.exists() else "gwanmun"
    command = [name, "demo", "token", "minsu"]
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
