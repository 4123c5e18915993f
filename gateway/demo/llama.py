"""llama.cpp's own server on loopback, for a GGUF file: `gwanmun up --engine llama:FILE.gguf`.

`python -m gateway.demo.llama --port N --key-file FILE MODEL.gguf [--context-tokens N] …`. The
server is xllamacpp's (the extra `local`), in a process of its own: it is C++, and a file that it
cannot take may end the process. Its page, its slots and its settings are switched off; only the
API and /health answer, the API only with the key.
"""

import argparse
import signal
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import xllamacpp

HOST: Final = "127.0.0.1"
_PARALLEL: Final = 4
_QUIET: Final = 1  # llama.cpp's common/log.h: errors and warnings; requests are never logged


def parameters(asked: argparse.Namespace) -> xllamacpp.CommonParams:
    """llama.cpp's settings for what the command line says."""
    wanted = xllamacpp.CommonParams()
    wanted.model.path = str(asked.model)
    wanted.model_alias = {asked.model.stem}
    wanted.hostnames = [HOST]
    wanted.port = asked.port
    wanted.api_keys = [asked.key_file.read_text(encoding="ascii").strip()]
    wanted.n_parallel = asked.parallel
    wanted.n_ctx = asked.context_tokens * asked.parallel  # shared by all that run at once
    wanted.offline = True
    wanted.ui = False
    wanted.endpoint_slots = False
    wanted.endpoint_props = False
    wanted.use_jinja = True  # the model's own template, with its tools
    wanted.verbosity = _QUIET
    return wanted


def main(arguments: Sequence[str] | None = None) -> int:
    """Serves until SIGTERM or SIGINT."""
    parser = argparse.ArgumentParser(prog="python -m gateway.demo.llama")
    parser.add_argument("--port", required=True, type=int)
    parser.add_argument("--key-file", required=True, type=Path)
    parser.add_argument("--parallel", type=int, default=_PARALLEL, help="calls at once")
    parser.add_argument(
        "--context-tokens", type=int, default=0, help="of each call; 0 is the model's own"
    )
    parser.add_argument("model", type=Path)
    asked = parser.parse_args(arguments)
    ends = {signal.SIGTERM, signal.SIGINT}
    signal.pthread_sigmask(signal.SIG_BLOCK, ends)  # before its threads: they inherit the mask
    server = xllamacpp.Server(parameters(asked))
    signal.sigwait(ends)
    del server  # stops and joins its threads
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
