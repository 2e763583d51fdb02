"""`--model gguf:PATH`: llama.cpp's own server inside this process, through the optional extra `local`."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from planagent.errors import ModelError, UsageError

CONTEXT = 8192
"""Tokens; a small brief with its answer stays under 4,000, the common part under 3,000."""


@dataclass(frozen=True, slots=True)
class LocalServer:
    base_url: str
    model: str
    stop: Callable[[], None]


def serve(path: Path, context: int = CONTEXT) -> LocalServer:
    """Loads a GGUF file and serves it on loopback, one slot, until `stop` is called.

    Raises:
        UsageError: the file does not exist, or the extra is not installed.
        ModelError: llama.cpp cannot load the file.
    """
    if not path.is_file():
        raise UsageError(f"{path}: no such file.", "Give the path of a GGUF file after `gguf:`.")
    try:
        import xllamacpp
    except ImportError as error:
        raise UsageError("The extra for local models is not installed.", "Install it: pip install 'planagent[local]'.") from error
    parameters = xllamacpp.CommonParams()
    parameters.model.path = str(path)
    parameters.model_alias = {path.stem}
    parameters.n_ctx, parameters.n_parallel, parameters.port = context, 1, 0
    parameters.hostnames = ["127.0.0.1"]
    parameters.cpuparams.n_threads = parameters.cpuparams_batch.n_threads = os.cpu_count() or 2
    parameters.use_jinja, parameters.ui = True, False
    # Answers repeat much of the draft in their brief: guessing ahead from it gives the same text, measured 1.3 to
    # 1.7 times as fast on a 1.5B model with two cores.
    parameters.speculative.types = [xllamacpp.common_speculative_type.COMMON_SPECULATIVE_TYPE_NGRAM_SIMPLE]
    parameters.verbosity = -1  # llama.cpp's log is not our reader's business
    try:
        server = xllamacpp.Server(parameters)
    except Exception as error:
        raise ModelError(
            f"{path}: llama.cpp cannot load it ({error}).", "Check that the file is a whole GGUF model and fits into memory."
        ) from error
    holder = [server]
    return LocalServer(f"{server.listening_address}/v1", path.stem, holder.clear)
