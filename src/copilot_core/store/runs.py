"""Runs as rows: a thread runs one run at a time, whichever process it is in, and no accepted run is lost.

Every look-up names workspace and owner, so another's run is one that does not exist.
"""

import asyncio
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any, Literal
from uuid import uuid4

import orjson
from pydantic import TypeAdapter
from sqlalchemy import CursorResult, func, update
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, col, select

from copilot_core.clock import Clock
from copilot_core.errors import ApprovalConflict, Invalid, NotFound, RequestError, ThreadBusy
from copilot_core.events import RunFailed, RunFinished
from copilot_core.feed import Feed
from copilot_core.plans import Allowance
from copilot_core.principal import Principal, Role
from copilot_core.run import Answer, CallDecision, Message, Readable, RunInput, plain_answer
from copilot_core.store.approvals import Approvals
from copilot_core.store.credits import Credits
from copilot_core.store.database import Database
from copilot_core.store.log import LIVE, EventLog, append
from copilot_core.store.tables import Approval, LoggedEvents, Run, Thread
from copilot_core.store.threads import new_thread, owned, title_of

Answered = Literal["approved", "rejected", "superseded"]
"""Some of the plan may run, none of it, or the user went on without answering."""
BEAT = timedelta(seconds=1)
LEASE = 4 * BEAT
MOST_TRIES = 3
INTERRUPTED = "The server stopped while it was answering."
_NONE: Mapping[str, int] = {}


@dataclass(frozen=True, slots=True)
class Begun:
    """A run that is stored.

    Args:
        thread_key: the thread's name for the checkpointer.
        run_key: the run's own row.
        given: its input; every message has an id.
        was_waiting: a question of the thread waits for a person's answer.
        looks: the thread may have calls that nobody has answered.
        queued: another run of the thread comes first.
        base: the last sequence number that a run of this id used before.
        resumed: a process that died had begun it.
        attached: it was begun earlier, and this is another look at it.
        answered: what became of the thread's open question.
        refused: why its answers count for nothing; the question stays as it was.
    """

    thread_key: str
    thread_id: str
    run_key: str
    run_id: str
    model: str
    principal: Principal
    given: RunInput
    was_waiting: bool = False
    looks: bool = False
    queued: bool = False
    base: int = 0
    resumed: bool = False
    attached: bool = False
    answered: Answered | None = None
    refused: RequestError | None = None


@dataclass(frozen=True, slots=True)
class _Stored:
    """What a run's row keeps for a process that takes it over."""

    given: RunInput = field(default_factory=lambda: RunInput(()))
    role: Role = Role.VIEWER
    name: str | None = None


_STORED = TypeAdapter(_Stored)


async def told_lately(database: Database, most: int) -> list[Readable]:
    """What pages told in the latest runs of all workspaces, for whoever keeps the server: never for a user."""
    latest = select(Run.input).order_by(col(Run.created_at).desc()).limit(most)
    inputs = await database.transact(lambda session: session.exec(latest).all())
    return [readable for stored in inputs for readable in _STORED.validate_json(stored).given.readables]


_LATEST = (col(Run.created_at).desc(), col(Run.base).desc())


@dataclass(frozen=True, slots=True)
class Beat:
    """What a beat found: run keys to stop, run keys that another process has taken, runs to take up."""

    stop: Sequence[str]
    lost: Sequence[str]
    claimed: Sequence[Begun]


class Runs:
    """The store. One per process: `process` marks the runs that this process answers for."""

    def __init__(self, database: Database, clock: Clock, log: EventLog, approvals: Approvals, credits: Credits) -> None:
        self._database = database
        self._clock = clock
        self._log = log
        self._approvals = approvals
        self._credits = credits
        self._process = uuid4().hex
        self._ours: set[str] = set()

    async def begin(
        self, principal: Principal, given: RunInput, model: str, *, strict: bool = False, free: bool = False
    ) -> Begun:
        """Store a run before anything of it happens, or find the one that has its id.

        What it answers of the thread's open question is decided in the same transaction: once, whoever
        else answers at the same time.

        A run whose process stopped renewing its lease is given up here: its user has moved on. If its
        lease has not yet ended but is overdue, this waits for the end instead of refusing.

        Args:
            strict: answers that count for nothing begin no run.
            free: it costs no credits: it asks no model.

        Raises:
            CreditsExhausted: there is none left for an answer; nothing is stored.
            NotFound: the thread is not this principal's.
            ThreadBusy: a run of it is going on; `details["retryAfter"]` in seconds.
            ApprovalConflict, Invalid: with `strict`, the answers count for nothing.
        """
        given = replace(given, messages=[_named(message) for message in given.messages])
        allowance = None if free else await self._credits.allowance(principal)
        collided = False
        while True:
            try:
                begun = await self._database.transact(
                    lambda session: self._begin(session, principal, given, model, allowance, strict=strict), write=True
                )
            except IntegrityError:  # another process was quicker: look again, at what it has begun
                if collided:
                    raise
                collided = True
                continue
            if isinstance(begun, Begun):
                if not begun.attached:
                    self._ours.add(begun.run_key)
                return begun
            await asyncio.sleep(begun.total_seconds())

    async def promote(self, begun: Begun) -> Begun | None:
        """A queued run's turn, if it has come."""
        try:
            return await self._database.transact(lambda session: self._promote(session, begun), write=True)
        except IntegrityError:
            return None

    async def end(
        self,
        begun: Begun,
        feed: Feed,
        status: str,
        last: RunFinished | RunFailed,
        error: str | None = None,
        *,
        tokens: Mapping[str, int] = _NONE,
        model: str = "",
    ) -> RunFinished | RunFailed | None:
        """The run is over: its whole story is in the log, its credits are settled, its thread takes the next one.

        Args:
            tokens: what the models have taken and said, by kind.
            model: the one that thought last.

        Returns:
            The terminal event, with what the run has cost; `None` if another process has taken or ended the run.
        """
        values = {"status": status, "ended_at": self._clock.now(), "error": error}
        done = isinstance(last, RunFinished) and not (last.waiting or last.client_calls or last.stopped)
        async with self._log.writing():
            first, told = feed.logged + 1, feed.unlogged()

            def write(session: Session) -> RunFinished | RunFailed | None:
                self._ours.discard(begun.run_key)  # not before: while this waits for its turn, the lease is renewed
                run = session.get_one(Run, begun.run_key)
                if run.process != self._process:
                    return None
                credits = self._credits.close(session, run, answered=done, tokens=tokens, model=model or run.model)
                if credits is None:
                    return None
                session.exec(update(Run).where(col(Run.key) == begun.run_key).values(**values, credits=credits))
                ended = replace(last, credits=credits)
                append(session, begun.run_key, first, [*told, ended])
                return ended

            ended = await self._database.transact(write, write=True)
            self._log.close(feed)
        return ended

    async def release(self, begun: Begun) -> None:
        """This process cannot go on with the run: any other may take it up at once."""
        self._ours.discard(begun.run_key)
        values = {"lease_until": self._clock.now() - 2 * BEAT, "tries": Run.tries - 1}
        gone = update(Run).where(col(Run.key) == begun.run_key, col(Run.process) == self._process).values(**values)
        await self._database.transact(lambda session: session.exec(gone), write=True)

    async def beat(self) -> Beat:
        """Renew the leases of this process, and see what has become of others' and ours."""
        return await self._database.transact(self._beat, write=True)

    async def find(self, principal: Principal, run_id: str) -> Run:
        """The principal's run of that id, the latest part of it; raises `NotFound`."""

        def look(session: Session) -> Run | None:
            query = select(Run).where(Run.workspace == principal.workspace, Run.owner == principal.id, Run.id == run_id)
            return session.exec(query.order_by(*_LATEST).limit(1)).first()

        found = await self._database.transact(look)
        if found is None:
            raise NotFound("There is no such run.", details={"field": "runId"})
        return found

    async def latest(self, thread_key: str, run_id: str | None = None) -> Run | None:
        """A thread's latest run, of that id if one is given; one that runs comes before one that is queued."""
        return await self._database.transact(lambda session: _last_run(session, thread_key, run_id))

    def input_of(self, run: Run) -> RunInput:
        """What the run was begun with."""
        return _STORED.validate_json(run.input).given

    async def ask_to_stop(self, run_key: str) -> None:
        """Have the process of the run stop it at its next beat."""
        asked = update(Run).where(col(Run.key) == run_key, col(Run.status).in_(LIVE)).values(stop_asked=True)
        await self._database.transact(lambda session: session.exec(asked), write=True)

    def _begin(
        self,
        session: Session,
        principal: Principal,
        given: RunInput,
        model: str,
        allowance: Allowance | None,
        *,
        strict: bool,
    ) -> Begun | timedelta:
        """The stored run, or how long to wait before trying again."""
        thread = self._thread(session, principal, given)
        known = _same_run(session, thread, given)
        if known is not None and not (given.answers and known.status == "waiting"):
            return replace(_begun(known, thread, principal), attached=True)
        last = _last_run(session, thread.key)
        wait = self._overdue(last, given)
        if wait is not None:
            return wait
        alive = last is not None and last.status in LIVE and last.lease_until > self._clock.now()
        if last is not None and last.status in LIVE and not alive:
            self._give_up(session, last, thread.id)
        if alive and given.on_busy == "interrupt":
            others = (col(Run.thread_key) == thread.key, col(Run.status).in_(LIVE))
            self._credits.subscriptions.current(session, thread.workspace)  # locked before runs, as at a run's end
            session.exec(update(Run).where(*others).values(stop_asked=True))
        base = _logged(session, known) if known is not None else 0
        waits = _asks(session, last)
        decides = waits or (given.answers and not alive)
        answered, refused = self._decide(session, principal, thread.key, given) if decides else (None, None)
        if strict and refused is not None:
            raise refused
        begun = self._insert(
            session, thread, replace(given, model=model), principal, allowance, queued=alive, base=base
        )
        return replace(begun, answered=answered, refused=refused, was_waiting=waits, looks=_may_be_open(last))

    def _decide(
        self, session: Session, principal: Principal, thread_key: str, given: RunInput, *, run_key: str = ""
    ) -> tuple[Answered | None, RequestError | None]:
        """Answer the thread's open question, if that is what the caller does; why not, if it cannot be.

        A yes that the user said earlier, and that the page sends again with its history, answers nothing.
        """
        asked = self._approvals.open_of(session, thread_key)
        spoken = _spoken(given)
        approved = plain_answer(spoken.content) if spoken and not _seen(session, thread_key, spoken, run_key) else None
        try:
            if given.answers:
                decisions = _decisions(given.answers, asked)
                self._approvals.answer(session, principal, thread_key, asked.id if asked else "", decisions)
                return _answered(decisions), None
            if asked is not None and approved is not None:
                decisions = [_whole(approved)]
                self._approvals.answer(session, principal, thread_key, asked.id, decisions)
                return _answered(decisions), None
            if spoken:
                self._approvals.supersede(session, thread_key)
        except (ApprovalConflict, Invalid) as error:
            return None, error
        return ("superseded" if asked is not None and spoken else None), None

    def _thread(self, session: Session, principal: Principal, given: RunInput) -> Thread:
        if given.thread_id is not None:
            try:
                return owned(session, principal, given.thread_id, lock=True)
            except NotFound:
                if not given.opens_thread:
                    raise
        return new_thread(session, principal, given.thread_id, given.said, self._clock.now())

    def _overdue(self, last: Run | None, given: RunInput) -> timedelta | None:
        """How long to wait for a run that seems to have outlived its process; `None` if there is none.

        Raises:
            ThreadBusy: the run's lease was renewed just now, and the caller does not wait.
        """
        if last is None or last.status not in LIVE:
            return None
        left = last.lease_until - self._clock.now()
        if left > LEASE - 2 * BEAT:
            if given.on_busy == "reject":
                raise busy(left)
            return None
        return left if left > timedelta(0) else None

    def _give_up(self, session: Session, run: Run, thread_id: str) -> None:
        """End a run that nobody runs any more."""
        credits = self._credits.close(session, run, answered=False, tokens=_NONE, model=run.model)
        if credits is None:
            return
        run.status, run.error, run.ended_at, run.credits = "failed", "interrupted", self._clock.now(), credits
        told = RunFailed(run.id, thread_id, "internal_error", INTERRUPTED)
        append(session, run.key, _logged(session, run) + 1, [told])
        session.flush()

    def _insert(
        self,
        session: Session,
        thread: Thread,
        given: RunInput,
        principal: Principal,
        allowance: Allowance | None,
        *,
        queued: bool,
        base: int,
    ) -> Begun:
        key, now = str(uuid4()), self._clock.now()
        thread.updated_at = now
        if thread.title is None and given.said:
            thread.title = title_of(given.said)
        run = Run(
            key=key,
            id=given.run_id or key,
            thread_key=thread.key,
            workspace=thread.workspace,
            owner=thread.owner,
            model=given.model or "",
            status="queued" if queued else "running",
            process=self._process,
            lease_until=now + LEASE,
            created_at=now,
            input=_STORED.dump_json(_Stored(given, principal.role, principal.name)).decode(),
            base=base,
        )
        session.add(run)
        session.flush()
        if allowance is not None:
            self._credits.open(session, run, allowance, given.most_credits)
        return replace(_begun(run, thread, principal), queued=queued, given=given)

    def _promote(self, session: Session, begun: Begun) -> Begun | None:
        row = session.get(Run, begun.run_key)
        assert row is not None
        others = select(Run).where(Run.thread_key == begun.thread_key, Run.key != begun.run_key)
        ahead = others.where(col(Run.status).in_(LIVE), col(Run.created_at) < row.created_at)
        now = self._clock.now()
        for other in session.exec(ahead):
            if other.lease_until > now:
                return None
            self._give_up(session, other, begun.thread_id)
        row.status = "running"
        session.flush()
        last = _run_before(session, row)
        waits = _asks(session, last)
        decides = waits or begun.given.answers
        answer = (begun.principal, begun.thread_key, begun.given)
        answered, refused = self._decide(session, *answer, run_key=row.key) if decides else (None, None)
        begun = replace(begun, queued=False, was_waiting=waits, looks=_may_be_open(last))
        return replace(begun, answered=answered, refused=refused)

    def _beat(self, session: Session) -> Beat:
        now, ours = self._clock.now(), list(self._ours)
        stop: list[str] = []
        lost: list[str] = []
        if ours:
            mine = (col(Run.key).in_(ours), col(Run.process) == self._process, col(Run.status).in_(LIVE))
            session.exec(update(Run).where(*mine).values(lease_until=now + LEASE))
            kept = dict(session.exec(select(Run.key, Run.stop_asked).where(*mine)).all())
            stop = [key for key, asked in kept.items() if asked]
            lost = [key for key in ours if key not in kept and key in self._ours]
        return Beat(stop, lost, self._claim(session))

    def _claim(self, session: Session) -> list[Begun]:
        """Runs that nobody renews any more, one compare-and-swap each."""
        now = self._clock.now()
        orphans = select(Run).where(col(Run.status).in_(LIVE), col(Run.lease_until) < now - BEAT).limit(10)
        claimed = []
        for run in session.exec(orphans).all():
            thread = session.get(Thread, run.thread_key)
            assert thread is not None
            if run.tries > MOST_TRIES:
                self._give_up(session, run, thread.id)
                continue
            swap = update(Run).where(col(Run.key) == run.key, col(Run.lease_until) == run.lease_until)
            values = {"process": self._process, "lease_until": now + LEASE, "tries": run.tries + 1}
            done: CursorResult[Any] = session.exec(swap.values(**values))
            if done.rowcount == 1:
                self._ours.add(run.key)
                base, principal = _logged(session, run), _principal(run)
                begun = replace(_begun(run, thread, principal), base=base, resumed=True)
                last = _run_before(session, run)
                was_waiting = last is not None and last.status == "waiting"
                claimed.append(replace(begun, queued=run.status == "queued", was_waiting=was_waiting))
        return claimed


def _decisions(answers: Sequence[Answer], asked: Approval | None) -> list[CallDecision]:
    """What the answers say about the calls of the question that is open.

    Raises:
        ApprovalConflict: an answer is to another question.
        Invalid: an answer is neither yes nor no.
    """
    if asked is None or any(answer.id not in {asked.id, ""} for answer in answers):
        raise ApprovalConflict("This question is not open any more.")
    decisions: list[CallDecision] = []
    for index, answer in enumerate(answers):
        if not answer.decisions and answer.approved is None:
            field = f"resume[{index}].payload"
            forms = '{"approved": true}, {"approved": false} or {"decisions": [...]}'
            told = f"The '{field}' field must be {forms}."
            raise Invalid(told, details={"field": field})
        decisions += answer.decisions or [_whole(bool(answer.approved))]
    return decisions


def _answered(decisions: Sequence[CallDecision]) -> Answered:
    return "approved" if any(decision.decision != "reject" for decision in decisions) else "rejected"


def _spoken(given: RunInput) -> Message | None:
    """What the user says in this run; nothing where the page brings results of its calls."""
    told = [message for message in given.messages if message.role in {"user", "assistant", "tool"}]
    return told[-1] if told and told[-1].role == "user" else None


def _seen(session: Session, thread_key: str, message: Message, run_key: str) -> bool:
    """Whether another run of the thread was sent this message, too."""
    others = select(Run.key).where(Run.thread_key == thread_key, Run.key != run_key)
    named = f'"id":{orjson.dumps(message.id).decode()}'
    return session.exec(others.where(col(Run.input).contains(named, autoescape=True)).limit(1)).first() is not None


def _whole(approved: bool) -> CallDecision:
    """A yes or no to all calls."""
    return CallDecision("", "approve" if approved else "reject")


def _named(message: Message) -> Message:
    """With an id, so that the run's input can be told from what the thread has."""
    return message if message.id else replace(message, id=f"msg_{uuid4().hex}")


def _begun(run: Run, thread: Thread, principal: Principal) -> Begun:
    given = _STORED.validate_json(run.input).given
    return Begun(thread.key, thread.id, run.key, run.id, run.model, principal, given, base=run.base)


def _principal(run: Run) -> Principal:
    """Who began the run, with the rights that they had then."""
    by = _STORED.validate_json(run.input)
    return Principal(run.owner, run.workspace, by.role, by.name)


def _same_run(session: Session, thread: Thread, given: RunInput) -> Run | None:
    if given.run_id is None:
        return None
    query = select(Run).where(Run.thread_key == thread.key, Run.id == given.run_id)
    return session.exec(query.order_by(*_LATEST).limit(1)).first()


def _last_run(session: Session, thread_key: str, run_id: str | None = None) -> Run | None:
    running_first = (col(Run.status) == "running").desc()
    query = select(Run).where(Run.thread_key == thread_key).order_by(running_first, *_LATEST)
    query = query if run_id is None else query.where(Run.id == run_id)
    return session.exec(query.limit(1)).first()


def _run_before(session: Session, run: Run) -> Run | None:
    """The last run on the thread that has ended, but for this one."""
    before = select(Run).where(Run.thread_key == run.thread_key, Run.key != run.key)
    ended = before.where(col(Run.status).not_in(LIVE)).order_by(*_LATEST)
    return session.exec(ended.limit(1)).first()


def _asks(session: Session, last: Run | None) -> bool:
    """Whether a question waits on the thread whose last run is `last`: its own, or one that it left open."""
    if last is None or last.status not in {"waiting", "stopped", "failed"}:
        return False
    asked = select(Approval.id).where(Approval.thread_key == last.thread_key, Approval.status == "pending")
    return session.exec(asked.limit(1)).first() is not None


def _may_be_open(last: Run | None) -> bool:
    """Whether a call may wait for somebody: only a client that speaks of the thread's messages has calls of its own."""
    return last is not None and (last.status != "finished" or '"opens_thread":true' in last.input)


def _logged(session: Session, run: Run) -> int:
    """The last sequence number of a run that is in the log."""
    last = session.exec(select(func.max(LoggedEvents.last)).where(LoggedEvents.run_key == run.key)).one()
    return last if last is not None else run.base


def busy(left: timedelta) -> ThreadBusy:
    """The refusal of a second run, with the time after which to try again."""
    seconds = max(1, math.ceil(left.total_seconds()))
    return ThreadBusy("This conversation is still answering another message.", details={"retryAfter": seconds})
