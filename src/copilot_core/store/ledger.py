"""The ledger: what every writing call was to do, and what became of it. Append-only.

A call's key is workspace, thread, assistant message and call: never its arguments, which models reword,
and never the call id alone, which models use again. `intent` stands before anything happens. Where
the action writes through our session, `result` commits in the same transaction as the effect, so the
effect is there exactly once. Elsewhere a process that dies in between leaves an intent without a
result, and that is told as `outcome_unknown`, never tried again.
"""

import dataclasses
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import NAMESPACE_URL, uuid5

import orjson
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from copilot_core.clock import Clock
from copilot_core.principal import Principal
from copilot_core.receipts import Changes
from copilot_core.store.database import Database
from copilot_core.store.tables import LedgerEntry, ReceiptRow, Thread

Json = dict[str, Any]
UNKNOWN: Json = {
    "success": False,
    "error": "outcome_unknown",
    "message": "The server stopped while this was being done, so nobody knows whether it was. Check before you "
    "repeat it.",
}


@dataclass(frozen=True, slots=True)
class Intent:
    """A writing call that is about to run.

    Args:
        key: names the call for ever.
        turn: id of the user's message that it answers.
        transactional: everything that it does, it does through our session.
        reversible: its action can undo it.
        changes: what it does, as far as it has come.
        approval_id: of the plan that a person approved, where one was asked.
    """

    key: str
    principal: Principal
    thread_key: str
    turn: str
    run_id: str
    call_id: str
    action: str
    arguments: Mapping[str, Any]
    transactional: bool
    reversible: bool
    changes: Changes
    approval_id: str | None = None

    @property
    def receipt_id(self) -> str:
        """The id of its receipt, the same however often it is tried."""
        return _receipt_id(self.key)


@dataclass(frozen=True, slots=True)
class Standing:
    """A write that stands, or may stand, although the answer that it was a part of is not in the thread any more."""

    action: str
    arguments: Mapping[str, Any]
    result: Json

    @property
    def is_known(self) -> bool:
        """Whether it was certainly done."""
        return self.result.get("success") is not False


class Ledger:
    """The store."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def begin(self, intent: Intent) -> Json | None:
        """Write the intent; the result that the call has already, if it was begun before.

        A call that an earlier process left half done has `UNKNOWN` for its result, unless its effect
        cannot be there without one.
        """

        def write(session: Session) -> Json | None:
            result = session.get(LedgerEntry, (intent.key, "result"))
            if result is not None:
                return _loaded(result)
            if session.get(LedgerEntry, (intent.key, "intent")) is None:
                session.add(self._entry(intent, "intent", {"arguments": dict(intent.arguments)}))
                return None
            if intent.transactional:
                return None
            session.add(self._entry(intent, "result", UNKNOWN))
            return UNKNOWN

        return await self._database.transact(write, write=True)

    def settle(self, intent: Intent, result: Json, session: AsyncSession) -> None:
        """Have result and receipt committed with the effect."""
        session.add_all(self._result(intent, result))

    async def record(self, intent: Intent, result: Json, beside: Callable[[Session], None] | None = None) -> Json:
        """The result of a call that did not write through our session, or failed; the one that stands first.

        Args:
            beside: what is written with it.
        """

        def write(session: Session) -> None:
            session.add_all(self._result(intent, result))
            if beside is not None:
                beside(session)

        try:
            await self._database.transact(write, write=True)
        except IntegrityError:
            return await self.known(intent.key) or result
        return result

    async def known(self, key: str) -> Json | None:
        """The result of a call, if it has one."""

        def read(session: Session) -> Json | None:
            entry = session.get(LedgerEntry, (key, "result"))
            return _loaded(entry) if entry is not None else None

        return await self._database.transact(read)

    async def standing(
        self, principal: Principal, thread_key: str, turns: Collection[str], present: Collection[tuple[str, str]]
    ) -> Sequence[Standing]:
        """What answers to these messages of the user wrote that are not in the thread any more.

        A user who has a message answered again, or forks the thread before an answer, does not mean to have
        its writes done twice.

        Args:
            present: message and call id of each call that is in the thread.
        """

        def read(session: Session) -> Sequence[Standing]:
            thread = session.get(Thread, thread_key)
            threads = [*(thread.forked_from.split() if thread is not None else ()), thread_key]
            here = {call_key(principal, key, *call) for key in threads for call in present}
            wanted = select(LedgerEntry).where(
                LedgerEntry.workspace == principal.workspace,
                LedgerEntry.owner == principal.id,
                LedgerEntry.kind == "intent",
                col(LedgerEntry.thread_key).in_(threads),
                col(LedgerEntry.turn).in_(turns),
            )
            gone = [entry for entry in session.exec(wanted) if entry.key not in here]
            found = [_standing(session, entry) for entry in gone]
            return [standing for standing in found if standing is not None]

        return await self._database.transact(read)

    def _result(self, intent: Intent, result: Json) -> list[LedgerEntry | ReceiptRow]:
        entry = self._entry(intent, "result", result)
        if result.get("success") is False:
            return [entry]
        changes = [dataclasses.asdict(change) for change in intent.changes.made]
        receipt = ReceiptRow(
            id=intent.receipt_id,
            key=intent.key,
            workspace=intent.principal.workspace,
            owner=intent.principal.id,
            thread_key=intent.thread_key,
            run_id=intent.run_id,
            call_id=intent.call_id,
            action=intent.action,
            arguments=orjson.dumps(dict(intent.arguments), default=str).decode(),
            changes=orjson.dumps(changes, default=str).decode(),
            message=str(result.get("message", ""))[:1000],
            reversible=intent.reversible,
            approval_id=intent.approval_id,
            at=self._clock.now(),
        )
        return [entry, receipt]

    def _entry(self, intent: Intent, kind: str, body: Json) -> LedgerEntry:
        return LedgerEntry(
            key=intent.key,
            kind=kind,
            workspace=intent.principal.workspace,
            owner=intent.principal.id,
            action=intent.action,
            body=orjson.dumps(body, default=str).decode(),
            thread_key=intent.thread_key,
            turn=intent.turn,
            at=self._clock.now(),
        )


def call_key(principal: Principal, thread_key: str, message_id: str, call_id: str) -> str:
    """Names a call for ever. Never the call id alone: models use one id more than once (design, section 4)."""
    return f"{principal.workspace}:{thread_key}:{message_id}:{call_id}"


def _receipt_id(key: str) -> str:
    return str(uuid5(NAMESPACE_URL, key))


def _standing(session: Session, intent: LedgerEntry) -> Standing | None:
    entry = session.get(LedgerEntry, (intent.key, "result"))
    result = UNKNOWN if entry is None else _loaded(entry)
    receipt = session.get(ReceiptRow, _receipt_id(intent.key))
    failed = result.get("success") is False and result.get("error") != UNKNOWN["error"]
    if failed or (receipt is not None and receipt.undone_at is not None):
        return None
    return Standing(intent.action, _loaded(intent)["arguments"], result)


def _loaded(entry: LedgerEntry) -> Json:
    body: Json = orjson.loads(entry.body)
    return body
