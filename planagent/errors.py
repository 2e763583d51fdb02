"""The exception tree. Every message says what happened and where; `remedy` says what to do next.

PlanagentError            (never raised itself)
├── UsageError            exit 2  a wrong flag, setting or argument
├── FindingsError         exit 1  the plan or a draft breaks a rule
├── StaleError            exit 3  what it rests on has changed
├── OpenError             exit 9  something else comes first: briefs, or tasks that are needed
├── WaitingError          exit 9  a batch is with the provider
├── NoBackendError        exit 4  the specs describe no backend
├── CorpusError           exit 5  no specs, or a file that cannot be read
├── ModelError           exit 6  the model failed (server, key, answer)
│   ├── CeilingError      exit 8  a ceiling on calls, tokens or cost is met
│   ├── StoppedError      exit 130 the run was asked to stop between two calls
│   ├── TransportError            the server could not be reached or kept failing
│   └── AnswerError               the server answered, but with nothing usable
└── WorkspaceError        exit 7  a file cannot be written, or specs changed while planning
"""

from __future__ import annotations

from typing import ClassVar


class PlanagentError(Exception):
    """Base of every error that planagent raises on purpose.

    Args:
        message: what happened, and where.
        remedy: what the reader should do next; empty only where nothing can be done.
    """

    exit_code: ClassVar[int] = 70

    def __init__(self, message: str, remedy: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy


class UsageError(PlanagentError):
    exit_code = 2


class FindingsError(PlanagentError):
    exit_code = 1


class StaleError(PlanagentError):
    exit_code = 3


class OpenError(PlanagentError):
    exit_code = 9


class WaitingError(PlanagentError):
    """The provider has what was asked, and answers later; what is accepted is kept."""

    exit_code = 9


class NoBackendError(PlanagentError):
    exit_code = 4


class CorpusError(PlanagentError):
    exit_code = 5


class ModelError(PlanagentError):
    exit_code = 6


class CeilingError(ModelError):
    """The next call could go beyond a ceiling of the run."""

    exit_code = 8


class TransportError(ModelError):
    """The server could not be reached, refused, or kept failing after all retries."""


class StoppedError(ModelError):
    """Somebody asked the run to stop: no call is sent any more, and accepted answers are kept."""

    exit_code = 130


class AnswerError(ModelError):
    """The server answered, but the answer is cut off, refused, filtered, empty or not JSON.

    `kind` is one of "length", "refusal", "content_filter", "empty", "invalid".
    """

    def __init__(self, message: str, remedy: str = "", *, kind: str = "invalid") -> None:
        super().__init__(message, remedy)
        self.kind = kind


class WorkspaceError(PlanagentError):
    exit_code = 7
