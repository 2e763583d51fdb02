"""A run whose writer is a coding agent: its briefs, its answers, and the plan at its end."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from planagent.errors import FindingsError, OpenError
from planagent.pipeline import Session, make_plan, outline, read
from planagent.planning.ledger import Ledger
from planagent.settings import Settings
from planagent.workspace import answers_folder
from planagent.writing.host import Desk
from planagent.writing.host_writer import HostWriter
from planagent.writing.run import Run


@contextmanager
def desk_of(settings: Settings, tell: Callable[[str], None]) -> Iterator[Desk]:
    """What is open in a workspace, from its specs as they are now.

    Raises:
        PlanagentError: as reading and planning do.
    """
    session = Session(settings, tell=tell)
    read(session)
    outline(session)
    assert session.outline is not None  # noqa: S101
    answers_folder(settings)
    ledger = Ledger(settings.state, tell)
    try:
        yield Desk(Run(session.outline, HostWriter(), ledger, tell))
    finally:
        ledger.close()


def merge(session: Session) -> Session:
    """Makes the plan of the answers that were handed in.

    Raises:
        OpenError: briefs are open, and the rules are not to fill in.
        PlanagentError: as for any writer.
    """
    session.host = True
    try:
        make_plan(session)
    except OpenError as error:
        with desk_of(session.settings, session.tell) as desk:
            ids = [o.id for o in desk.open()]
        what = f"{len(ids)} briefs are open" if len(ids) > 1 else "One brief is open"
        first = "; the sections follow" if desk.deciding else ""
        raise OpenError(f"{what}: {', '.join(ids)}{first}.", error.remedy) from None
    except FindingsError as error:
        raise FindingsError(
            error.message,
            "Nothing was written. `planagent brief` lists answered briefs too, and prints them with their answers: hand in "
            "what you change, then merge again.",
        ) from error
    with desk_of(session.settings, session.tell) as desk:
        desk.forget_old()
    return session
