"""`gwanmun healthcheck`: does the gateway beside this process answer? For container engines.

Asks the internal listener that the settings name, by loopback where it binds every address. An
image without curl can so look after itself. No proxy, no name but the settings' own.
"""

import http.client
import sys
from contextlib import closing
from typing import Annotated

import typer

from gateway.commands.config import ConfigOption, load
from gateway.settings import ServerSettings

UNHEALTHY = 1
_LOOPBACK = {"0.0.0.0": "127.0.0.1", "": "127.0.0.1", "::": "::1"}  # noqa: S104 what is bound
_MOST_BYTES = 4_096


def healthcheck(
    config: ConfigOption = None,
    ready: Annotated[
        bool, typer.Option("--ready", help="새 요청을 받을 수 있는지도 봅니다 (/readyz).")
    ] = False,
    timeout_seconds: Annotated[
        float, typer.Option("--timeout", min=0.1, max=60, help="기다리는 초.")
    ] = 5.0,
) -> None:
    """관문의 내부 리스너에 묻습니다. 끝값: 0 답함, 1 답하지 않음, 2 설정이 틀림."""
    server = load(config).server
    path = "/readyz" if ready else "/healthz"
    status, said = ask(server, path, timeout_seconds)
    sys.stdout.write(f"{said}\n")
    if status != http.client.OK:
        raise typer.Exit(UNHEALTHY)


def ask(server: ServerSettings, path: str, timeout_seconds: float) -> tuple[int, str]:
    """The status of the internal listener's answer and its first words; 0 if it gave none."""
    host = _LOOPBACK.get(server.internal_host, server.internal_host)
    asked = http.client.HTTPConnection(host, server.internal_port, timeout=timeout_seconds)
    with closing(asked):
        try:
            asked.request("GET", path)
            answer = asked.getresponse()
            text = answer.read(_MOST_BYTES).decode("utf-8", "replace")
        except (OSError, http.client.HTTPException):
            return 0, (
                f"{host}:{server.internal_port}이(가) 답하지 않습니다. "
                f"({host}:{server.internal_port} does not answer.)"
            )
    return answer.status, "".join(each if each.isprintable() else " " for each in text).strip()
