"""An OpenAI-compatible chat server on loopback that answers as it is told, faults included.

It answers each kind of brief as a diligent model without style would: every line claimed, every statement planned, every exact
value said (`bench/diligent.py`). A `script` of faults is played back, one per request; `edit` may change every good answer.
Time to first token and tokens per second can be set, so that a benchmark sees the waiting of a real model.

    with SimulatedServer() as server:
        ... OPENAI_BASE_URL=server.url ...
"""

from __future__ import annotations

import json
import random
import re
import socket
import struct
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from bench.diligent import answer_to, kind_of
from bench.simulated_batches import Batches

CHARACTERS = 4
"""A token, roughly."""
BLOCK = 128 * CHARACTERS
PIECE = 4 * CHARACTERS
"""Characters of one event of a stream."""


def _blocks(prompt: str) -> list[int]:
    """A hash of each beginning of a prompt, in steps of a block."""
    return [hash(prompt[:end]) for end in range(BLOCK, len(prompt) + 1, BLOCK)]


@dataclass(frozen=True, slots=True)
class Fault:
    """One misbehaviour. `kind`: status, reset, hang, trickle, garbage, empty, half, length, refusal, filter, think, fence,
    no-choices, html, no-message, odd-usage, list-content; in the middle of a stream: stall, cut, error, comments."""

    kind: str
    status: int = 500
    retry_after: str = ""
    seconds: float = 0.0


@dataclass(slots=True)
class Request:
    """What was asked: the JSON body, and when."""

    body: dict[str, Any]
    at: float
    ended: float = 0.0
    cached: int = 0
    written: int = 0
    """Tokens of the answer."""
    batched: bool = False

    @property
    def prompt(self) -> str:
        return "\n".join(m["content"] for m in self.body["messages"])

    @property
    def kind(self) -> str:
        """Which kind of brief this is."""
        return kind_of(self.prompt)

    @property
    def tasks(self) -> set[str]:
        """Keys of the tasks that a writing brief asks for."""
        return set(re.findall(r"(?m)^## (\S+)$", self.prompt.rpartition("# Tasks to write")[2])) if self.kind == "write" else set()


@dataclass(slots=True)
class SimulatedServer:
    """Runs in threads of this process; `requests` holds everything that was asked."""

    script: list[Fault] = field(default_factory=list)
    edit: Callable[[dict[str, Any], Request], Any] | None = None
    before_end: Callable[[Request], Any] | None = None
    """Called before the last piece of a streamed answer is sent; may wait there."""
    first_token: float = 0.0
    jitter: float = 0.0
    """Up to so many seconds more to the first token, at random."""
    tokens_per_second: float = 0.0
    supports: tuple[str, ...] = ("json_schema", "json_object")
    bounded_schemas: bool = True
    needs_completion_tokens: bool = False
    takes_temperature: bool = True
    streams: bool = True
    """False for a server that answers in one piece though it is asked to stream."""
    refuses_streams: bool = False
    takes_cache_key: bool = True
    most_under_way: int = 0
    """Beyond so many at once it answers 429; 0 for no limit."""
    slots: int = 0
    """Says, as llama.cpp does, that it works on so many at once; 0 for a server that says nothing."""
    refused: int = 0
    per_minute: int = 0
    """Requests beyond so many in any minute are answered 429 with the seconds to wait; 0 for no limit."""
    host: str = "127.0.0.1"
    remembers: bool = False
    """Counts the longest beginning that a prompt shares with an answered one as cached, in blocks as providers do."""
    _prefixes: set[int] = field(default_factory=set)
    batches: Batches = field(default_factory=Batches)
    requests: list[Request] = field(default_factory=list)
    most_at_once: int = 0
    _under_way: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _server: ThreadingHTTPServer | None = None

    def __enter__(self) -> SimulatedServer:
        owner = self

        class Handler(_Handler):
            simulation = owner

        self._server = _Listener((self.host, 0), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._server:
            self._server.shutdown()
            self._server.server_close()

    @property
    def port(self) -> int:
        assert self._server is not None
        return int(self._server.server_address[1])

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    def begin(self, body: dict[str, Any]) -> tuple[Request, Fault | None]:
        with self._lock:
            request = Request(body, time.monotonic())
            self.requests.append(request)
            self._under_way += 1
            self.most_at_once = max(self.most_at_once, self._under_way)
            if self.most_under_way and self._under_way > self.most_under_way:
                self.refused += 1
                return request, Fault("status", 429)
            lately = [r for r in self.requests[-self.per_minute - 1 : -1] if request.at - r.at < 60]
            if self.per_minute and len(lately) >= self.per_minute:
                self.refused += 1
                self.requests.pop()
                return request, Fault("status", 429, f"{60 - (request.at - lately[0].at):.2f}")
            if self.remembers:
                request.cached = self._count_cached(request.prompt)
            return request, self.script.pop(0) if self.script else None

    def end(self, request: Request) -> None:
        with self._lock:
            self._under_way -= 1
            request.ended = time.monotonic()
            if self.remembers:
                self._prefixes.update(_blocks(request.prompt))

    def _count_cached(self, prompt: str) -> int:
        count = 0
        for known in _blocks(prompt):
            if known not in self._prefixes:
                break
            count += 1
        return count * BLOCK // CHARACTERS

    def complete(self, body: dict[str, Any]) -> dict[str, Any]:
        """The answer to a request of a batch."""
        request = Request(body, time.monotonic(), batched=True)
        self.requests.append(request)
        text = self.answer(request)
        request.ended = time.monotonic()
        message = {"role": "assistant", "content": text, "refusal": None}
        return {
            "id": "simulated", "object": "chat.completion", "created": 0, "model": body["model"],
            "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
            "usage": {"prompt_tokens": len(request.prompt) // CHARACTERS, "completion_tokens": len(text) // CHARACTERS, "total_tokens": 0},
        }  # fmt: skip

    def answer(self, request: Request) -> str:
        """The diligent answer, as the owner of this server edits it."""
        value: Any = answer_to(request.prompt)
        if self.edit:
            value = self.edit(value, request)
        return value if isinstance(value, str) else json.dumps(value)

    def refusal_of(self, body: dict[str, Any]) -> str:
        """Why this server does not take the request, '' when it does."""
        if self.needs_completion_tokens and "max_tokens" in body:
            return "Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens' instead."
        if not self.takes_temperature and "temperature" in body:
            return "Unsupported value: 'temperature' does not support 0.2 with this model."
        if not self.takes_cache_key and "prompt_cache_key" in body:
            return "Extra inputs are not permitted: prompt_cache_key"
        if self.refuses_streams and "stream_options" in body:
            return "Unknown parameter: 'stream_options'."
        form = body.get("response_format", {}).get("type")
        if form and form not in self.supports:
            return f"response_format type {form} is not supported"
        if form == "json_schema" and not self.bounded_schemas and "maxLength" in json.dumps(body["response_format"]):
            return "Invalid schema for response_format: 'maxLength' is not permitted"
        return ""


class _Listener(ThreadingHTTPServer):
    def handle_error(self, *_: Any) -> None:
        """A client that dies in the middle of a call is what some tests are about."""

    request_queue_size = 2048  # or connections of a wide fan-out are dropped, and come again a second later


class _Handler(BaseHTTPRequestHandler):
    simulation: SimulatedServer
    protocol_version = "HTTP/1.1"

    def version_string(self) -> str:
        return "llama.cpp" if self.simulation.slots else "simulated"

    def do_GET(self) -> None:
        simulation, path = self.simulation, self.path.partition("?")[0].removeprefix("/v1")
        if simulation.slots and self.path == "/props":
            self._send(200, {"total_slots": simulation.slots})
        else:
            self._send_any(*simulation.batches.get(path, simulation.complete))

    def _send_any(self, status: int, value: Any) -> None:
        if isinstance(value, bytes):
            self._send_bytes(status, value, {"content-type": "application/octet-stream"})
        else:
            self._send(status, value)

    def log_message(self, *_: Any) -> None:
        return None

    def do_POST(self) -> None:
        simulation = self.simulation
        data, path = self.rfile.read(int(self.headers.get("content-length", 0))), self.path.removeprefix("/v1")
        if path in ("/files", "/batches"):
            self._send_any(*simulation.batches.post(path, data, self.headers["content-type"]))
            return
        body = json.loads(data)
        request, fault = simulation.begin(body)
        try:
            self._reply(simulation, request, fault)
        except (BrokenPipeError, ConnectionResetError):
            pass
        finally:
            simulation.end(request)

    def _reply(self, simulation: SimulatedServer, request: Request, fault: Fault | None) -> None:
        kind = fault.kind if fault else ""
        refused = simulation.refusal_of(request.body)
        if fault and kind == "status":
            self._send(
                fault.status,
                {"error": {"message": "simulated", "type": "simulated"}},
                {"retry-after": fault.retry_after} if fault.retry_after else {},
            )
            return
        if kind == "reset":
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.connection.close()
            self.close_connection = True
            return
        if fault and kind == "hang":
            time.sleep(fault.seconds)
        if fault and kind == "trickle":
            self._trickle(fault.seconds)
            return
        if refused:
            self._send(400, {"error": {"message": refused, "type": "invalid_request_error"}})
            return
        text = simulation.answer(request)
        finish = "stop"
        if kind == "garbage":
            text = "I would be glad to help with your plan! First of all"
        elif kind == "empty":
            text = ""
        elif kind == "half":
            text = text[: len(text) // 2]
        elif kind == "length":
            text, finish = text[: len(text) // 2], "length"
        elif kind == "filter":
            text, finish = "", "content_filter"
        elif kind == "think":
            text = "<think>Let me see {what} they want.</think>\n" + text
        elif kind == "fence":
            text = f"Here it is:\n```json\n{text}\n```\nHope that helps."
        message: dict[str, Any] | None = {"role": "assistant", "content": text, "refusal": "I cannot" if kind == "refusal" else None}
        spent = request.written = len(text) // CHARACTERS
        time.sleep(simulation.first_token + random.uniform(0, simulation.jitter))  # noqa: S311  (no secret)
        if kind == "html":
            self._send_bytes(200, b"<html><body>Sign in to the proxy</body></html>", {"content-type": "text/html"})
            return
        if kind == "no-message":
            message = None
        elif kind == "list-content":
            message = {"role": "assistant", "content": [{"type": "text", "text": text}]}
        usage: dict[str, Any] = {
            "prompt_tokens": len(request.prompt) // CHARACTERS,
            "completion_tokens": spent,
            "total_tokens": 0,
            "prompt_tokens_details": {"cached_tokens": request.cached},
        }
        if kind == "odd-usage":
            usage = {"prompt_tokens": "many", "completion_tokens": None}
        choice = None if kind == "no-choices" else {"index": 0, "message": message, "finish_reason": finish}
        if request.body.get("stream") and simulation.streams:
            self._stream(simulation, request, choice, usage, fault)
            return
        time.sleep(spent / simulation.tokens_per_second if simulation.tokens_per_second else 0.0)
        self._send(200, {**self._head(request, "chat.completion"), "choices": [choice] if choice else [], "usage": usage})

    @staticmethod
    def _head(request: Request, what: str) -> dict[str, Any]:
        return {"id": "simulated", "object": what, "created": 0, "model": request.body["model"]}

    def _stream(
        self, simulation: SimulatedServer, request: Request, choice: dict[str, Any] | None, usage: dict[str, Any], fault: Fault | None
    ) -> None:
        """The answer as server-sent events, some tokens in each, at the speed that is set."""
        kind = fault.kind if fault else ""
        head = self._head(request, "chat.completion.chunk")
        self.send_response(200)
        self.send_header("content-type", "text/event-stream; charset=utf-8")
        self.send_header("connection", "close")
        self.end_headers()
        self.close_connection = True
        begun = time.monotonic()
        message = choice["message"] if choice else None
        text = message["content"] if message and isinstance(message["content"], str) else ""
        for start in range(0, len(text), PIECE):
            if kind in ("stall", "cut", "error", "comments") and start >= len(text) // 2:
                self._break(fault)
                return
            self._event({**head, "choices": [{"index": 0, "delta": {"content": text[start : start + PIECE]}, "finish_reason": None}]})
            if simulation.tokens_per_second:
                due = begun + min(start + PIECE, len(text)) / CHARACTERS / simulation.tokens_per_second
                time.sleep(max(0.0, due - time.monotonic()))
        if simulation.before_end:
            simulation.before_end(request)
        rest = message if message and not text else {"refusal": message["refusal"]} if message and message.get("refusal") else {}
        last = {"index": 0, "delta": rest if choice and message is not None else None, "finish_reason": choice and choice["finish_reason"]}
        self._event({**head, "choices": [last] if choice else []})
        self._event({**head, "choices": [], "usage": usage})
        self.wfile.write(b"data: [DONE]\n\n")

    def _break(self, fault: Fault | None) -> None:
        """What a stream does in its middle, as it is told."""
        if fault and fault.kind == "error":
            self._event({"error": {"message": "the model is overloaded", "type": "server_error"}})
        elif fault and fault.kind == "stall":
            time.sleep(fault.seconds)
        elif fault and fault.kind == "comments":
            until = time.monotonic() + fault.seconds
            while time.monotonic() < until:
                self.wfile.write(b": still working\n\n")
                time.sleep(0.2)
        self.connection.shutdown(socket.SHUT_RDWR)

    def _event(self, value: dict[str, Any]) -> None:
        self.wfile.write(b"data: " + json.dumps(value).encode() + b"\n\n")

    def _trickle(self, seconds: float) -> None:
        """Begins an answer and never ends it, byte by byte."""
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", "1000000")
        self.end_headers()
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            self.wfile.write(b" ")
            self.wfile.flush()
            time.sleep(0.2)
        self.close_connection = True

    def _send(self, status: int, value: dict[str, Any], headers: dict[str, str] | None = None) -> None:
        self._send_bytes(status, json.dumps(value).encode(), {"content-type": "application/json", **(headers or {})})

    def _send_bytes(self, status: int, data: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        self.send_header("content-length", str(len(data)))
        for name, text in headers.items():
            self.send_header(name, text)
        self.end_headers()
        self.wfile.write(data)
