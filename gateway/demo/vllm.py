"""Keeps `vllm serve` on loopback, with what `gwanmun up` always wants of it.

`python -m gateway.demo.vllm --port N --key-file FILE VLLM MODEL_DIR -- FLAGS …`. The key goes in
vLLM's environment and never on a command line, which every user of the machine can read. Nothing is
asked of a model hub, nothing is reported to anybody, and requests are not logged.

vLLM has processes of its own, which do not notice when their first one is killed. So this process
stays above them: told to stop, or when the supervisor has died, it asks vLLM to end and then ends
every process of the group.
"""

import argparse
import os
import signal
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from gateway.demo.leash import die_with_parent

HOST: Final = "127.0.0.1"
_GRACE_SECONDS: Final = 8  # the supervisor itself waits for ten
# vLLM's and the Hugging Face hub's documentation, "Environment Variables" and "Usage Stats".
_ENVIRON: Final = {
    "VLLM_NO_USAGE_STATS": "1",
    "DO_NOT_TRACK": "1",
    "HF_HUB_OFFLINE": "1",
    "TRANSFORMERS_OFFLINE": "1",
}
_FLAGS: Final = ("--no-enable-log-requests", "--enable-prompt-tokens-details")


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs until vLLM has ended; gives its exit status."""
    parser = argparse.ArgumentParser(prog="python -m gateway.demo.vllm")
    parser.add_argument("--port", required=True)
    parser.add_argument("--key-file", required=True, type=Path)
    parser.add_argument("program")
    parser.add_argument("model")
    parser.add_argument("flags", nargs="*")
    asked = parser.parse_args(arguments)
    for name, value in _ENVIRON.items():
        os.putenv(name, value)
    os.putenv("VLLM_API_KEY", asked.key_file.read_text(encoding="ascii").strip())
    place = ["serve", asked.model, "--host", HOST, "--port", asked.port]
    return _keep([asked.program, *place, *_FLAGS, *asked.flags])


def _keep(command: Sequence[str]) -> int:
    ended: list[int] = []

    def stop(number: int, _: object) -> None:
        ended.append(number)
        signal.alarm(_GRACE_SECONDS)
        if engine is not None:
            engine.terminate()

    def end(*_: object) -> None:
        os.killpg(0, signal.SIGKILL)  # the group is this child's own (`Children` makes it so)

    engine: subprocess.Popen[bytes] | None = None
    signal.signal(signal.SIGALRM, end)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    die_with_parent(signal.SIGTERM)
    try:
        engine = subprocess.Popen(command)  # noqa: S603 the user's own vllm, no shell
    except OSError as error:
        raise SystemExit(f"{command[0]}: {error.strerror}") from None
    if ended:  # told to before there was anything to tell
        end()
    status = engine.wait()
    if ended:
        end()
    return status if status >= 0 else 128 - status


if __name__ == "__main__":
    raise SystemExit(main())
