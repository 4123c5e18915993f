"""What engine tests share: one vLLM, one detector and one gateway before it for the whole run."""

from collections.abc import AsyncIterator, Iterator
from typing import Any

import openai
import pytest
import pytest_asyncio
from engine_line import EngineLine, open_engine_line
from parts import vllm
from parts.vllm import Vllm

from redaction.pool import Detector, DetectorOptions


@pytest.fixture(scope="session")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Vllm]:
    """The one vLLM of this run."""
    with vllm.serving(tmp_path_factory.mktemp("vllm") / "vllm.log") as running:
        yield running


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def detector() -> AsyncIterator[Detector]:
    """A running detector."""
    async with Detector(DetectorOptions()) as running:
        yield running


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def line(
    engine: Vllm, detector: Detector, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[EngineLine]:
    """A whole gateway in front of it."""
    data_dir: Any = tmp_path_factory.mktemp("gateway") / "data"
    async with open_engine_line(detector, data_dir, engine) as opened:
        yield opened


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def direct(engine: Vllm) -> AsyncIterator[openai.AsyncOpenAI]:
    """The official client, straight to vLLM."""
    async with openai.AsyncOpenAI(
        base_url=f"{engine.url}/v1", api_key=engine.key, max_retries=0, timeout=60
    ) as client:
        yield client
