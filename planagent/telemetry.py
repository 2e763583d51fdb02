"""Traces and metrics through OpenTelemetry, where its SDK is installed and configured: one trace for a plan, one span for
each call, named as the conventions for generative AI have it. Nothing is loaded where it is not configured.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, Any

from planagent import __version__

if TYPE_CHECKING:
    from opentelemetry.trace import Span

_CONFIGURED = (
    "OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT",
    "OTEL_TRACES_EXPORTER", "OTEL_METRICS_EXPORTER",
)  # fmt: skip
_CONTENT = "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT"
_FLUSH_MILLISECONDS = 5_000


class Call:
    """One call of a model; tells its span what came of it."""

    def __init__(self, span: Span | None) -> None:
        self._span = span
        self.tokens: dict[str, int] = {}
        self.response_model = ""

    def answered(self, *, model: str, reason: str, input_tokens: int, output_tokens: int, text: str) -> None:
        """
        Args:
            model: the model's name as the server gives it.
            reason: why the answer ended (`stop`, `length`).
            text: the answer; it is recorded only where content is asked for.
        """
        self.tokens = {"input": input_tokens, "output": output_tokens}
        self.response_model = model
        if self._span is None:
            return
        self._span.set_attributes(
            {
                "gen_ai.response.model": model,
                "gen_ai.response.finish_reasons": [reason],
                "gen_ai.usage.input_tokens": input_tokens,
                "gen_ai.usage.output_tokens": output_tokens,
            }
        )
        if _captures_content():
            part = {"role": "assistant", "parts": [{"type": "text", "content": text}], "finish_reason": reason}
            self._span.set_attribute("gen_ai.output.messages", json.dumps([part], ensure_ascii=False))


@contextmanager
def plan_span(attributes: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The span of one plan; what is put into the yielded dictionary becomes attributes of it."""
    if not _enabled():
        yield {}
        return
    from opentelemetry import trace

    more: dict[str, Any] = {}
    with trace.get_tracer("planagent", __version__).start_as_current_span("plan", attributes=attributes) as span:
        try:
            yield more
        finally:
            span.set_attributes(more)


@contextmanager
def call_span(
    *, model: str, base_url: str, max_tokens: int, temperature: float, brief: str, messages: list[dict[str, str]]
) -> Iterator[Call]:
    """The span of one call, with its duration and tokens as metrics. Prompts are left out unless they are asked for by
    `OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT=true`."""
    if not _enabled():
        yield Call(None)
        return
    from opentelemetry import trace

    common = {"gen_ai.operation.name": "chat", "gen_ai.provider.name": "openai", "gen_ai.request.model": model}
    more: dict[str, Any] = {
        "gen_ai.request.max_tokens": max_tokens,
        "gen_ai.request.temperature": temperature,
        "planagent.brief": brief,
        **_server(base_url),
    }
    if _captures_content():
        parts = [{"role": m["role"], "parts": [{"type": "text", "content": m["content"]}]} for m in messages]
        more["gen_ai.input.messages"] = json.dumps(parts, ensure_ascii=False)
    started = time.monotonic()
    failed: dict[str, str] = {}
    tracer = trace.get_tracer("planagent", __version__)
    with tracer.start_as_current_span(f"chat {model}", kind=trace.SpanKind.CLIENT, attributes={**common, **more}) as span:
        call = Call(span)
        try:
            yield call
        except BaseException as error:
            failed = {"error.type": type(error).__qualname__}
            span.set_attributes(failed)
            raise
        finally:
            duration, usage = _instruments()
            shared = {**common, **_server(base_url)}
            duration.record(time.monotonic() - started, {**shared, **failed})
            for kind, count in call.tokens.items():
                usage.record(count, {**shared, "gen_ai.token.type": kind, "gen_ai.response.model": call.response_model})


def flush() -> None:
    """Hands over what is recorded; a process that ends at once would take it along."""
    if not _enabled():
        return
    from opentelemetry import metrics, trace

    for provider in (trace.get_tracer_provider(), metrics.get_meter_provider()):
        if hasattr(provider, "force_flush"):
            provider.force_flush(_FLUSH_MILLISECONDS)


@cache
def _enabled() -> bool:
    """True when the environment configures OpenTelemetry and the SDK is there; sets it up where nobody else did."""
    if os.environ.get("OTEL_SDK_DISABLED", "").lower() == "true" or not any(map(os.environ.get, _CONFIGURED)):
        return False
    try:
        _set_up()
    except ImportError:  # no SDK, or no exporter of the wanted kind: planning does not depend on it
        return False
    return True


def _set_up() -> None:
    from opentelemetry import metrics, trace
    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.trace import TracerProvider

    traces, measures = (os.environ.get(f"OTEL_{n}_EXPORTER") for n in ("TRACES", "METRICS"))
    if traces != "none" and not isinstance(trace.get_tracer_provider(), TracerProvider):
        trace.set_tracer_provider(_tracer_provider())
    if measures != "none" and not isinstance(metrics.get_meter_provider(), MeterProvider):
        metrics.set_meter_provider(_meter_provider())


def _tracer_provider() -> Any:
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor, ConsoleSpanExporter

    provider = TracerProvider(resource=_resource(), shutdown_on_exit=False)
    if os.environ.get("OTEL_TRACES_EXPORTER") == "console":
        provider.add_span_processor(BatchSpanProcessor(ConsoleSpanExporter(out=_stderr())))
    else:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

        provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    return provider


def _meter_provider() -> Any:
    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.metrics.export import ConsoleMetricExporter, PeriodicExportingMetricReader

    if os.environ.get("OTEL_METRICS_EXPORTER") == "console":
        reader = PeriodicExportingMetricReader(ConsoleMetricExporter(out=_stderr()))
    else:
        from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter

        reader = PeriodicExportingMetricReader(OTLPMetricExporter())
    return MeterProvider([reader], resource=_resource(), shutdown_on_exit=False)


def _resource() -> Any:
    from opentelemetry.sdk.resources import Resource

    name = os.environ.get("OTEL_SERVICE_NAME", "planagent")
    return Resource.create({"service.name": name, "service.version": __version__})


def _stderr() -> Any:
    import sys

    return sys.stderr


@cache
def _instruments() -> tuple[Any, Any]:
    from opentelemetry import metrics

    meter = metrics.get_meter("planagent", __version__)
    duration = meter.create_histogram("gen_ai.client.operation.duration", "s", "How long a call took.")
    return duration, meter.create_histogram("gen_ai.client.token.usage", "{token}", "Tokens of a call.")


def _captures_content() -> bool:
    return os.environ.get(_CONTENT, "").lower() in ("true", "1")


def _server(base_url: str) -> dict[str, Any]:
    from urllib.parse import urlsplit

    parts = urlsplit(base_url or "https://api.openai.com/v1")
    port = parts.port or (443 if parts.scheme == "https" else 80)
    return {"server.address": parts.hostname or "", "server.port": port}
