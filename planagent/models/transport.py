"""Retries of the transport, by a table of error kinds. The SDK's own retries are off."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from tenacity import AsyncRetrying, RetryCallState, retry_if_exception, wait_random_exponential

from planagent.errors import ModelError, TransportError
from planagent.models.gate import Gate
from planagent.models.response import BrokenStreamError

if TYPE_CHECKING:
    import openai

Result = TypeVar("Result")

LONGEST_WAIT = 60.0
"""Seconds; a server that asks for more is asked to be patient by ending the run instead."""


def _status(error: BaseException) -> int:
    return int(getattr(error, "status_code", 0) or 0)


def is_transient(error: BaseException) -> bool:
    """429 (but not an empty account), 408, 409, 5xx, timeouts, lost connections."""
    import openai

    if isinstance(error, openai.APIConnectionError | TimeoutError | BrokenStreamError):
        return True
    if isinstance(error, openai.RateLimitError):
        return "insufficient_quota" not in str(getattr(error, "body", "")) + str(error)
    return isinstance(error, openai.APIStatusError) and (_status(error) in (408, 409) or _status(error) >= 500)


def _retry_after(error: BaseException) -> float | None:
    response: Any = getattr(error, "response", None)
    value = response.headers.get("retry-after") if response is not None else None
    try:
        return min(max(float(value), 0.0), LONGEST_WAIT) if value else None
    except ValueError:
        return None


def _is_refusal(error: BaseException | None) -> bool:
    """True for 429: the server works, and is asked too much."""
    return _status(error) == 429 if error else False


def _wait(state: RetryCallState) -> float:
    error = state.outcome.exception() if state.outcome else None
    told = _retry_after(error) if error else None
    grown = wait_random_exponential(multiplier=0.5, max=LONGEST_WAIT / 2)(state)
    if told is None:
        return grown
    # Some jitter, or all that were refused come back in one moment; more each time that the server asks for too little.
    return told + min(grown, 1.0) if state.attempt_number < 3 else max(told, grown)


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a call is tried: `attempts` for failures; for 429, until nothing got through for `seconds`."""

    attempts: int
    seconds: float


async def with_retries(
    call: Callable[[], Awaitable[Result]], patience: Patience, gate: Gate, on_retry: Callable[[], None], what: str
) -> Result:
    """Runs a call again while its errors are transient; a server that says 429 is asked more slowly.

    Raises:
        TransportError: the attempts are used up.
        ModelError: the server refused for good (key, model, request).
        openai.BadRequestError: left to the caller, who may ask in another form.
    """
    import openai

    failures = 0
    began = first = time.monotonic()

    def used_up(state: RetryCallState) -> bool:
        nonlocal failures
        if _is_refusal(state.outcome.exception() if state.outcome else None):
            return time.monotonic() - max(first, gate.last_success) > patience.seconds
        failures += 1
        return failures >= patience.attempts

    def before(state: RetryCallState) -> None:
        on_retry()
        error = state.outcome.exception() if state.outcome else None
        # A call that waits too long stands in a queue that is too long.
        if _is_refusal(error) or isinstance(error, openai.APITimeoutError | TimeoutError):
            gate.slow_down(began, state.next_action.sleep if state.next_action else 0.0)

    try:
        async for attempt in AsyncRetrying(
            retry=retry_if_exception(is_transient), stop=used_up, wait=_wait, before_sleep=before, reraise=True
        ):
            with attempt:
                began = time.monotonic()
                result = await call()
                gate.went_well()
                return result
    except (openai.BadRequestError, openai.UnprocessableEntityError):
        raise
    except (openai.OpenAIError, TimeoutError, BrokenStreamError) as error:
        raise explain(error, what) from error
    raise AssertionError("unreachable: the retry loop returns or raises")


def explain(error: openai.OpenAIError | TimeoutError | BrokenStreamError, what: str) -> ModelError:
    """The SDK's error in words with a remedy; never with the key in it."""
    import openai

    if isinstance(error, openai.AuthenticationError | openai.PermissionDeniedError):
        return ModelError(f"{what}: the server refused the key ({_status(error)}).", "Check OPENAI_API_KEY, or plan with --offline.")
    if isinstance(error, openai.NotFoundError):
        return ModelError(
            f"{what}: the server does not know this model or path (404).",
            "Check PLANAGENT_MODEL and OPENAI_BASE_URL (it usually ends in /v1).",
        )
    if isinstance(error, openai.APITimeoutError | TimeoutError):
        return TransportError(
            f"{what}: no answer in time.",
            "Raise `timeout` (seconds until an answer begins) or `idle_timeout` (between two pieces of it), lower `concurrency`, or try again: "
            "accepted answers are kept.",
        )
    if isinstance(error, BrokenStreamError):
        return TransportError(
            f"{what}: an answer broke off ({error}).", "Check the server and what stands between; accepted answers are kept: run again."
        )
    if isinstance(error, openai.APIConnectionError):
        return TransportError(
            f"{what}: cannot reach the server ({error.__cause__ or error}).",
            "Check OPENAI_BASE_URL and that the server runs; accepted answers are kept.",
        )
    if isinstance(error, openai.RateLimitError):
        return TransportError(
            f"{what}: the rate limit holds (429).", "Wait, raise `patience`, or check the account; accepted answers are kept."
        )
    return TransportError(f"{what}: the server failed ({_status(error) or type(error).__name__}).", "Try again: accepted answers are kept.")
