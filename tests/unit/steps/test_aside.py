import threading

import pytest

from gateway.steps.aside import LARGE_CHARACTERS, aside


@pytest.mark.parametrize(
    ("characters", "beside"),
    [pytest.param(LARGE_CHARACTERS, False, id="small"), pytest.param(10**6, True, id="large")],
)
async def test_large_input_is_worked_on_beside_the_loop(characters, beside):
    thread = await aside(characters, threading.get_ident)
    assert (thread != threading.get_ident()) is beside


async def test_what_the_step_raises_comes_through():
    with pytest.raises(ZeroDivisionError):
        await aside(10**6, divmod, 1, 0)
