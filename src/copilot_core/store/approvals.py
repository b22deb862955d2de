"""Approvals: what a person is asked about, and what they answered. The only place where a yes counts.

An approval is issued by the server for the exact stored calls of one round (their digest), to one
user, until it expires, and is answered once: one compare-and-swap decides, whoever answers, however
often and at whichever process. Nothing that a model, a client or a record says changes a row here.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import uuid4

import orjson
from sqlalchemy import CursorResult, update
from sqlmodel import Session, col, select

from copilot_core.clock import Clock
from copilot_core.errors import ApprovalConflict, Invalid, NotFound
from copilot_core.principal import Principal
from copilot_core.run import CallDecision
from copilot_core.store.database import Database
from copilot_core.store.tables import Approval, Thread

EXPIRES = timedelta(minutes=15)
Calls = Sequence[Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Question:
    """A plan that needs a person.

    Args:
        message_id: of the assistant message whose calls these are; a round asks once.
        calls: ``{callId, action, arguments, ...}`` each, as they would run.
    """

    thread_key: str
    message_id: str
    run_id: str
    question: str
    calls: Calls


class Approvals:
    """The store."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def ask(self, principal: Principal, asked: Question) -> Approval:
        """The approval of this round: a new one, or the one that was issued before, whatever became of it."""

        def write(session: Session) -> Approval:
            known = _of_round(session, asked.thread_key, asked.message_id)
            if known is not None:
                return known
            now = self._clock.now()
            issued = Approval(
                id=str(uuid4()),
                workspace=principal.workspace,
                owner=principal.id,
                thread_key=asked.thread_key,
                message_id=asked.message_id,
                run_id=asked.run_id,
                status="pending",
                digest=digest(asked.calls),
                question=asked.question,
                calls=orjson.dumps(list(asked.calls), default=str).decode(),
                created_at=now,
                expires_at=now + EXPIRES,
            )
            session.add(issued)
            return issued

        return await self._database.transact(write, write=True)

    async def of_round(self, thread_key: str, message_id: str) -> Approval | None:
        """The approval that was issued for the calls of this assistant message, whatever became of it."""
        return await self._database.transact(lambda session: _of_round(session, thread_key, message_id))

    async def find(self, principal: Principal, approval_id: str) -> Approval:
        """The principal's approval of that id; raises `NotFound`."""
        return await self._database.transact(lambda session: _owned(session, principal, approval_id))

    async def list(
        self, principal: Principal, *, status: str | None = None, limit: int = 100
    ) -> list[tuple[Approval, str | None]]:
        """The principal's approvals, the latest first, each with its thread's id."""
        of_thread = col(Thread.key) == col(Approval.thread_key)
        query = select(Approval, Thread.id).join(Thread, of_thread, isouter=True)
        query = query.where(Approval.workspace == principal.workspace, Approval.owner == principal.id)
        if status is not None:
            query = query.where(Approval.status == status)
        if status == "pending":
            query = query.where(col(Approval.expires_at) > self._clock.now())
        query = query.order_by(col(Approval.created_at).desc()).limit(limit)
        return await self._database.transact(lambda session: [(row, thread) for row, thread in session.exec(query)])

    async def is_answered(self, approval_id: str) -> bool:
        """Whether a person has decided."""
        row = await self._database.transact(lambda session: session.get(Approval, approval_id))
        return row is not None and row.status == "answered"

    async def is_open(self, approval_id: str) -> bool:
        """Whether a person can still decide."""
        row = await self._database.transact(lambda session: session.get(Approval, approval_id))
        return row is not None and row.status == "pending" and row.expires_at > self._clock.now()

    async def operate(self, principal: Principal, approval_id: str, *, approved: bool) -> None:
        """The answer of an admin who debugs the graph, to a question of anyone in their workspace."""

        def write(session: Session) -> None:
            known = session.get(Approval, approval_id)
            if known is not None and known.workspace == principal.workspace:
                self._swap(session, known, _for_all(known, [CallDecision("", "approve" if approved else "reject")]))

        await self._database.transact(write, write=True)

    def answer(
        self, session: Session, principal: Principal, thread_key: str, approval_id: str, given: Sequence[CallDecision]
    ) -> None:
        """Decide, within the transaction that begins the run which carries the decision out.

        Raises:
            ApprovalConflict: it is not open any more, or never was this thread's.
            Invalid: the decisions do not fit the calls.
        """
        known = session.get(Approval, approval_id)
        if known is None or (known.workspace, known.owner, known.thread_key) != (
            principal.workspace,
            principal.id,
            thread_key,
        ):
            raise ApprovalConflict("This question is not open any more.")
        decisions = _for_all(known, given)
        if not self._swap(session, known, decisions):
            raise ApprovalConflict("This question is not open any more.")

    def open_of(self, session: Session, thread_key: str) -> Approval | None:
        """The thread's question that can still be answered."""
        query = select(Approval).where(Approval.thread_key == thread_key, Approval.status == "pending")
        return session.exec(query.where(col(Approval.expires_at) > self._clock.now())).first()

    def supersede(self, session: Session, thread_key: str) -> None:
        """The user went on without answering: a no to what is open."""
        open_ones = update(Approval).where(col(Approval.thread_key) == thread_key, col(Approval.status) == "pending")
        session.exec(open_ones.values(status="superseded", answered_at=self._clock.now()))

    async def decided(self, thread_key: str, message_id: str, calls: Calls) -> Mapping[str, CallDecision] | None:
        """What a person decided about exactly these calls of the round; `None` if nobody approved any of it."""
        row = await self.of_round(thread_key, message_id)
        if row is None or row.status != "answered" or row.digest != digest(calls):
            return None
        return {one.call_id: one for one in decisions_of(row)}

    def _swap(self, session: Session, known: Approval, decisions: Sequence[CallDecision]) -> bool:
        now = self._clock.now()
        told = [{"call_id": d.call_id, "decision": d.decision, "arguments": d.arguments} for d in decisions]
        values = {"status": "answered", "answered_at": now, "decisions": orjson.dumps(told).decode()}
        still_open = (col(Approval.id) == known.id, col(Approval.status) == "pending", col(Approval.expires_at) > now)
        done: CursorResult[Any] = session.exec(update(Approval).where(*still_open).values(**values))
        return done.rowcount == 1


def digest(calls: Calls) -> str:
    """What identifies the exact calls: id, action and arguments of each, in order."""
    exact = [[call["callId"], call["action"], call["arguments"]] for call in calls]
    return hashlib.sha256(orjson.dumps(exact, option=orjson.OPT_SORT_KEYS, default=str)).hexdigest()


def calls_of(approval: Approval) -> list[dict[str, Any]]:
    """The calls that the approval is about."""
    calls: list[dict[str, Any]] = orjson.loads(approval.calls)
    return calls


def decisions_of(approval: Approval) -> list[CallDecision]:
    """What was decided; empty while nothing is."""
    return [CallDecision(**told) for told in orjson.loads(approval.decisions or "[]")]


def _for_all(approval: Approval, given: Sequence[CallDecision]) -> list[CallDecision]:
    """A decision for each call: one without a call id is for all of them, and what is not named is not approved."""
    known = [str(call["callId"]) for call in calls_of(approval)]
    for index, decision in enumerate(given):
        if decision.call_id and decision.call_id not in known:
            told = f"The plan has no call '{decision.call_id[:64]}'."
            raise Invalid(told, details={"field": f"decisions[{index}].callId"})
    for_all = next((decision for decision in given if not decision.call_id), None)
    named = {decision.call_id: decision for decision in given}
    default = CallDecision("", "reject") if for_all is None else for_all
    return [named.get(call_id) or CallDecision(call_id, default.decision) for call_id in known]


def _of_round(session: Session, thread_key: str, message_id: str) -> Approval | None:
    query = select(Approval).where(Approval.thread_key == thread_key, Approval.message_id == message_id)
    return session.exec(query).first()


def _owned(session: Session, principal: Principal, approval_id: str) -> Approval:
    found = session.get(Approval, approval_id)
    if found is None or (found.workspace, found.owner) != (principal.workspace, principal.id):
        raise NotFound("There is no such approval.", details={"field": "id"})
    return found
