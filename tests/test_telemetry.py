"""Traces and metrics, as a collector receives them: one trace for a plan, one span for each call, no prompt unless asked."""

from __future__ import annotations

import gzip
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from bench.simulated_server import SimulatedServer

pytest.importorskip("opentelemetry.sdk")
pytest.importorskip("opentelemetry.exporter.otlp.proto.http")


class Collector:
    """Takes what is sent by OTLP over HTTP."""

    def __init__(self) -> None:
        self.bodies: list[tuple[str, bytes]] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if self.headers.get("Content-Encoding") == "gzip":
                    body = gzip.decompress(body)
                outer.bodies.append((self.path, body))
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()

    def spans(self) -> list[Any]:
        from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

        found = []
        for path, body in self.bodies:
            if path == "/v1/traces":
                for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
                    found += [s for scope in resource.scope_spans for s in scope.spans]
        return found

    def metrics(self) -> dict[str, Any]:
        from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest

        return {
            m.name: m
            for path, body in self.bodies
            if path == "/v1/metrics"
            for resource in ExportMetricsServiceRequest.FromString(body).resource_metrics
            for scope in resource.scope_metrics
            for m in scope.metrics
        }


@pytest.fixture
def collector() -> Iterator[Collector]:
    running = Collector()
    yield running
    running.close()


def plan(workspace: Path, server: SimulatedServer, **variables: str) -> int:
    environment = {**os.environ, "OPENAI_BASE_URL": server.url, "OPENAI_API_KEY": "test-key", "PLANAGENT_MODEL": "simulated", **variables}
    command = [sys.executable, "-m", "planagent", "plan", "-w", str(workspace)]
    return subprocess.run(command, env=environment, capture_output=True, check=False).returncode


def values(span: Any) -> dict[str, Any]:
    return {a.key: getattr(a.value, a.value.WhichOneof("value")) for a in span.attributes}


def test_a_plan_is_one_trace_with_a_span_for_each_call(workspace: Path, server: SimulatedServer, collector: Collector) -> None:
    assert plan(workspace, server, OTEL_EXPORTER_OTLP_ENDPOINT=collector.url) == 0
    spans = collector.spans()
    root = next(s for s in spans if s.name == "plan")
    calls = [s for s in spans if s.name == "chat simulated"]
    assert len(calls) == len(server.requests) == values(root)["planagent.calls"]
    assert {s.trace_id for s in spans} == {root.trace_id}
    assert {s.parent_span_id for s in calls} == {root.span_id}
    told = values(calls[0])
    assert told["gen_ai.operation.name"] == "chat"
    assert told["gen_ai.request.model"] == "simulated"
    assert told["gen_ai.usage.input_tokens"] > 100
    assert told["gen_ai.usage.output_tokens"] > 10
    assert told["server.address"] == "127.0.0.1"
    assert calls[0].kind == 3, "a client's"
    assert not any("messages" in key for s in spans for key in values(s))
    assert b"# Lines to read" not in b"".join(body for _, body in collector.bodies)
    usage = collector.metrics()["gen_ai.client.token.usage"].histogram.data_points
    assert {a.value.string_value for p in usage for a in p.attributes if a.key == "gen_ai.token.type"} == {"input", "output"}
    assert sum(p.count for p in collector.metrics()["gen_ai.client.operation.duration"].histogram.data_points) == len(calls)


def test_prompts_are_recorded_only_when_asked_for(workspace: Path, server: SimulatedServer, collector: Collector) -> None:
    capture = {"OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT": "true"}
    assert plan(workspace, server, OTEL_EXPORTER_OTLP_ENDPOINT=collector.url, **capture) == 0
    told = values(next(s for s in collector.spans() if s.name.startswith("chat")))
    assert "# Lines to read" in told["gen_ai.input.messages"]
    assert told["gen_ai.output.messages"]


def test_a_failed_call_and_plan_say_so(workspace: Path, collector: Collector) -> None:
    with SimulatedServer() as server:
        gone = server.url
    environment = {"OPENAI_BASE_URL": gone, "PLANAGENT_RETRIES": "0", "OTEL_EXPORTER_OTLP_ENDPOINT": collector.url}
    command = [sys.executable, "-m", "planagent", "plan", "-w", str(workspace)]
    more = {"OPENAI_API_KEY": "k", "PLANAGENT_MODEL": "simulated"}
    done = subprocess.run(command, env={**os.environ, **environment, **more}, capture_output=True, check=False)
    assert done.returncode == 6
    spans = collector.spans()
    assert values(next(s for s in spans if s.name.startswith("chat")))["error.type"] == "APIConnectionError"
    assert {s.status.code for s in spans} == {2}


@pytest.mark.parametrize("variables", [{}, {"OTEL_SDK_DISABLED": "true", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9"}])
def test_nothing_is_loaded_where_it_is_not_configured(workspace: Path, variables: dict[str, str]) -> None:
    code = (
        "import sys; from planagent.cli import run; from planagent.telemetry import flush; "
        "run(['plan', '--offline', '-w', sys.argv[1]]); flush(); print('opentelemetry' in sys.modules)"
    )
    clean = {k: v for k, v in os.environ.items() if not k.startswith("OTEL_")}
    done = subprocess.run([sys.executable, "-c", code, str(workspace)], env=clean | variables, capture_output=True, text=True, check=True)
    assert done.stdout.strip().endswith("False")


def test_a_collector_that_is_gone_does_not_stop_a_plan(workspace: Path, server: SimulatedServer) -> None:
    variables = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9", "OTEL_EXPORTER_OTLP_TIMEOUT": "1"}
    assert plan(workspace, server, **variables) == 0
