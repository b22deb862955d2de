"""The tables of the server itself; plugins bring their own. Columns are plain, times are UTC.

Every row belongs to a workspace, and what a user owns also names the user: look-ups always ask for
both, so that another's row answers as one that does not exist.
"""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import BigInteger, DateTime, Dialect, Index, TypeDecorator, UniqueConstraint, text
from sqlmodel import Field, SQLModel


class Instant(TypeDecorator[datetime]):
    """An aware instant, kept in UTC; SQLite forgets the zone, so it is put back here."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        """To UTC."""
        return value and value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        """From UTC."""
        return value and (value if value.tzinfo else value.replace(tzinfo=UTC))


def instant(*, nullable: bool = False) -> Any:
    """A column of instants."""
    return Field(default=None, sa_type=Instant, nullable=nullable)


class ApiKey(SQLModel, table=True):
    """A key `ck_<id>_<random>`: only the SHA-256 of the random part is stored.

    An operator's administers all workspaces.
    """

    __tablename__ = "copilot_api_key"
    id: str = Field(primary_key=True)
    digest: str
    workspace: str = Field(index=True)
    user: str
    role: str
    name: str | None = None
    operator: bool = False
    created_at: datetime = instant()
    expires_at: datetime | None = instant(nullable=True)
    revoked_at: datetime | None = instant(nullable=True)


class Thread(SQLModel, table=True):
    """A conversation. `key` names it for the checkpointer, `id` for its owner, who may have chosen it.

    `forked_from` has the keys of the threads it was forked from, the nearest last, with spaces between.
    """

    __tablename__ = "copilot_thread"
    __table_args__ = (UniqueConstraint("workspace", "owner", "id"),)
    key: str = Field(primary_key=True)
    id: str
    workspace: str
    owner: str
    title: str | None = None
    forked_from: str = ""
    created_at: datetime = instant()
    updated_at: datetime = instant()
    archived_at: datetime | None = instant(nullable=True)


class Run(SQLModel, table=True):
    """One run of a thread. The partial index allows one running run per thread, across processes.

    `status` is queued, running, finished, waiting (for a person), stopped or failed; `lease_until` is
    renewed while the owning process lives, so a run that has outlived it can be told from one that goes
    on, and be taken over (`tries` counts). `input` is what a process that takes over needs to begin. Two
    runs of a thread may have one `id`: a client resumes an interrupted run under its name, and `base`
    is then the last sequence number of the part before. `reserved` are credits that it may still use, `most` what
    it may cost in all, and `credits` what it has cost, once it has ended.
    """

    __tablename__ = "copilot_run"
    __table_args__ = (
        Index("copilot_latest_run_of_thread", "thread_key", "created_at"),
        Index("copilot_run_by_id", "workspace", "owner", "id"),
        Index("copilot_run_by_lease", "status", "lease_until"),
        Index(
            "copilot_one_run_per_thread",
            "thread_key",
            unique=True,
            sqlite_where=text("status = 'running'"),
            postgresql_where=text("status = 'running'"),
        ),
    )
    key: str = Field(primary_key=True)
    id: str
    thread_key: str = Field(foreign_key="copilot_thread.key")
    workspace: str
    owner: str
    model: str
    status: str
    process: str
    lease_until: datetime = instant()
    created_at: datetime = instant()
    ended_at: datetime | None = instant(nullable=True)
    error: str | None = None
    input: str
    base: int = 0
    tries: int = 1
    stop_asked: bool = False
    reserved: int = 0
    most: int = 0
    credits: int = 0


class LoggedEvents(SQLModel, table=True):
    """Events of a run, `first` to `last` by sequence number; `body` is a JSON list of them."""

    __tablename__ = "copilot_event"
    run_key: str = Field(primary_key=True, foreign_key="copilot_run.key")
    first: int = Field(primary_key=True)
    last: int
    body: str


class LedgerEntry(SQLModel, table=True):
    """What a writing call was to do (`intent`) or what became of it (`result`); `body` is JSON. Append-only.

    `turn` is the id of the user's message that it answers, in the thread of `thread_key`.
    """

    __tablename__ = "copilot_ledger"
    __table_args__ = (
        Index("copilot_ledger_of_owner", "workspace", "owner", "at"),
        Index("copilot_ledger_of_turn", "thread_key", "turn"),
    )
    key: str = Field(primary_key=True)
    kind: str = Field(primary_key=True)
    workspace: str
    owner: str
    action: str
    body: str
    thread_key: str | None = None
    turn: str | None = None
    at: datetime = instant()


class Approval(SQLModel, table=True):
    """A plan that a person is asked about. `status` is pending, answered or superseded; it changes once.

    `calls` and `decisions` are JSON; `digest` is of the exact calls.
    """

    __tablename__ = "copilot_approval"
    __table_args__ = (
        UniqueConstraint("thread_key", "message_id"),
        Index("copilot_approval_of_owner", "workspace", "owner", "status"),
    )
    id: str = Field(primary_key=True)
    workspace: str
    owner: str
    thread_key: str
    message_id: str
    run_id: str
    status: str
    digest: str
    question: str
    calls: str
    decisions: str | None = None
    created_at: datetime = instant()
    expires_at: datetime = instant()
    answered_at: datetime | None = instant(nullable=True)


class ReceiptRow(SQLModel, table=True):
    """What a writing call did; `approval_id` if a person was asked. `arguments` and `changes` are JSON."""

    __tablename__ = "copilot_receipt"
    __table_args__ = (Index("copilot_receipt_of_run", "workspace", "owner", "run_id"),)
    id: str = Field(primary_key=True)
    key: str = Field(unique=True)
    workspace: str
    owner: str
    thread_key: str
    run_id: str
    call_id: str
    action: str
    arguments: str
    changes: str
    message: str
    reversible: bool
    approval_id: str | None = None
    undone_at: datetime | None = instant(nullable=True)
    at: datetime = instant()


class ResultRow(SQLModel, table=True):
    """A result that was too large for the model, whole; `body` is JSON. Gone with its thread."""

    __tablename__ = "copilot_result"
    handle: str = Field(primary_key=True)
    workspace: str
    owner: str
    thread_key: str = Field(index=True)
    body: str


class WorkspaceRow(SQLModel, table=True):
    """What the admins of a workspace have set; `confirm` and `deny` are JSON lists of action names.

    `limits` is JSON ``{"roles": {role: credits}, "users": {user: credits}}``, of each user and month.
    """

    __tablename__ = "copilot_workspace"
    workspace: str = Field(primary_key=True)
    confirm_rows: int | None = None
    confirm: str = "[]"
    deny: str = "[]"
    limits: str = "{}"
    changed_by: str
    changed_at: datetime = instant()


class Subscription(SQLModel, table=True):
    """A workspace's plan, and its credits of the period that goes on.

    `used` is what ended runs have cost, `reserved` what those that go on may cost. `prices`, which is JSON
    ``{action: credits}``, `models`, a JSON list, and `most`, credits of one run, stand in place of the server's where
    they are set.
    """

    __tablename__ = "copilot_subscription"
    workspace: str = Field(primary_key=True)
    plan: str
    included: int
    billing_mode: str
    period_start: datetime = instant()
    period_end: datetime = instant()
    used: int = 0
    reserved: int = 0
    prices: str = "{}"
    models: str = "[]"
    most: int | None = None


class CreditEntry(SQLModel, table=True):
    """Why credits were used, once for each operation: `key` is the call's own. Append-only; negative gives back.

    `action` is empty for the answer of a run, which has the run's tokens and costs only where no operation does;
    `run_key` is empty for a call outside any run.
    """

    __tablename__ = "copilot_credit"
    __table_args__ = (
        Index("copilot_credit_of_period", "workspace", "period"),
        Index("copilot_credit_of_run", "run_key"),
    )
    key: str = Field(primary_key=True)
    workspace: str
    owner: str
    run_key: str
    action: str
    model: str
    credits: int
    input_tokens: int = 0
    output_tokens: int = 0
    period: datetime = instant()
    day: str
    at: datetime = instant()


class CreditHold(SQLModel, table=True):
    """Credits that a call outside any run may use until it ends; worth nothing any more after `expires_at`."""

    __tablename__ = "copilot_credit_hold"
    key: str = Field(primary_key=True)
    workspace: str = Field(index=True)
    owner: str
    credits: int
    expires_at: datetime = instant()


class AuditRow(SQLModel, table=True):
    """What somebody changed in how a workspace is set up; `detail` is JSON. Append-only."""

    __tablename__ = "copilot_audit"
    __table_args__ = (Index("copilot_audit_of_workspace", "workspace", "at"),)
    id: str = Field(primary_key=True)
    workspace: str
    by: str
    did: str
    detail: str
    at: datetime = instant()


class RateCount(SQLModel, table=True):
    """Requests of a user, or of a whole workspace, in the window of that number."""

    __tablename__ = "copilot_rate"
    name: str = Field(primary_key=True)
    window: int = Field(sa_type=BigInteger)
    count: int


class NotificationRow(SQLModel, table=True):
    """What a user is told outside a run; `data` is JSON."""

    __tablename__ = "copilot_notification"
    __table_args__ = (Index("copilot_notification_of_owner", "workspace", "owner", "at"),)
    id: str = Field(primary_key=True)
    workspace: str
    owner: str
    kind: str
    title: str
    body: str
    data: str
    at: datetime = instant()
    seen_at: datetime | None = instant(nullable=True)
