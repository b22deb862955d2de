"""What this process has done, as Prometheus counts it (docs/reference/metrics.md).

A run is counted by one observer that hears its events, where it runs: whoever follows it elsewhere counts
nothing. Nothing is heard of its single tokens. No label has what a user, a page or a model could make up.
"""

from collections.abc import Callable, Container
from time import perf_counter

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector
from prometheus_client.exposition import choose_encoder

from copilot_core import events
from copilot_core.events import Event, RunFailed, RunFinished

ANSWER = "answer"
"""What is charged for an answer without any charged call, in place of an action."""
OTHER = "other"
"""Every action that is not the server's: a page's own, or one that a model made up."""
_OUTCOMES = {
    "forbidden": "denied",
    "not_run": "denied",
    "declined": "refused",
    "cancelled": "stopped",
    "interrupted": "stopped",
    "unknown_action": "failed",
}
"""What became of a call that was not made, by its result's error; with any other error it was made and failed."""
_FAST = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
_LONG = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600)


class Metrics:
    """The metrics of one server, in a registry of their own.

    Args:
        actions: names of the server's actions.
        going_on: how many runs there are just now.
    """

    def __init__(self, actions: Container[str], going_on: Callable[[], int]) -> None:
        self.registry = CollectorRegistry()
        self._actions = actions
        ProcessCollector(registry=self.registry)

        def counter(name: str, told: str, *labels: str) -> Counter:
            return Counter(f"copilot_{name}", told, labels, registry=self.registry)

        def seconds(name: str, told: str, buckets: tuple[float, ...], *labels: str) -> Histogram:
            return Histogram(f"copilot_{name}_seconds", told, labels, buckets=buckets, registry=self.registry)

        self.runs = counter("runs", "Runs that came to their end", "status", "model")
        self.run_errors = counter("run_errors", "Runs that failed", "code")
        running = Gauge("copilot_runs_going_on", "Runs of this process that have not ended", registry=self.registry)
        running.set_function(going_on)
        self.run_seconds = seconds("run", "From a run's acceptance to its end", _LONG, "model")
        self.first_token = seconds("first_token", "From a run's acceptance to its first text", _FAST, "model")
        self.rounds = counter("rounds", "Answers of models in runs", "model")
        self.tokens = counter("model_tokens", "Tokens of models in runs", "kind", "model")
        self.credits = counter("credits", "Credits charged", "action", "model")
        self.calls = counter("action_calls", "Calls of actions", "action", "outcome")
        self.call_seconds = seconds("action", "From a call's last argument to its result", _FAST, "action")
        self.approvals = counter("approvals", "Plans put to a person, and what became of them", "outcome")
        self._refused = counter("requests_refused", "Requests answered with an error", "code")
        self.responses = seconds(
            "http_response", "From a request to the start of its response", _FAST, "route", "status"
        )

    def told(self, accept: str) -> tuple[bytes, str]:
        """All of it, and its content type: Prometheus' text, or OpenMetrics for who accepts that."""
        encode, content_type = choose_encoder(accept)
        return encode(self.registry), content_type

    def run(self, model: str, *, whole: bool) -> Callable[[Event], None]:
        """Who hears a run's events, all but the deltas.

        Args:
            whole: it begins here; of one that was taken over, nobody knows here when it was accepted.
        """
        return _Heard(self, model, whole=whole).hear

    def refused(self, code: str) -> None:
        """A request was answered with an error."""
        self._refused.labels(code).inc()

    def answered(self, outcome: str | None) -> None:
        """What became of a plan that a run found open, if it found one."""
        if outcome is not None:
            self.approvals.labels(outcome).inc()

    def call(self, action: str, model: str, outcome: str, *, credits: int = 0, seconds: float | None = None) -> None:
        """A call has its result."""
        name = action if action in self._actions else OTHER
        self.calls.labels(name, outcome).inc()
        if seconds is not None:
            self.call_seconds.labels(name).observe(seconds)
        if credits:
            self.credits.labels(name, model).inc(credits)


class _Heard:
    """One run as its events tell it."""

    def __init__(self, metrics: Metrics, model: str, *, whole: bool) -> None:
        self._metrics = metrics
        self._model = model
        self._whole = whole
        self._spoke = False
        self._charged = 0
        self._ready: dict[str, float] = {}
        self._began = perf_counter()

    def hear(self, event: Event) -> None:
        match event:
            case events.TextStarted() if self._whole and not self._spoke:
                self._spoke = True
                self._metrics.first_token.labels(self._model).observe(perf_counter() - self._began)
            case events.ToolCallReady():
                self._ready[event.call_id] = perf_counter()
            case events.ToolCallEnded():
                self._called(event)
            case events.ApprovalRequested():
                self._metrics.approvals.labels("asked").inc()
            case RunFinished() | RunFailed():
                self._ended(event)

    def _called(self, event: events.ToolCallEnded) -> None:
        error = "" if event.ok else str(event.result.get("error"))
        outcome = "ok" if event.ok else _OUTCOMES.get(error, "failed")
        ready = self._ready.pop(event.call_id, None)
        seconds = None if ready is None or error in _OUTCOMES else perf_counter() - ready
        self._charged += event.credits
        self._metrics.call(event.name, self._model, outcome, credits=event.credits, seconds=seconds)

    def _ended(self, event: RunFinished | RunFailed) -> None:
        metrics, model = self._metrics, self._model
        metrics.runs.labels(_status(event), model).inc()
        if isinstance(event, RunFailed):
            metrics.run_errors.labels(event.code).inc()
        metrics.rounds.labels(model).inc(event.rounds)
        for kind in ("input", "output"):
            metrics.tokens.labels(kind, model).inc(event.usage.get(f"{kind}_tokens", 0))
        if self._whole:  # else the rest was charged by the process that had begun it
            metrics.run_seconds.labels(model).observe(perf_counter() - self._began)
            if event.credits > self._charged:
                metrics.credits.labels(ANSWER, model).inc(event.credits - self._charged)


def _status(event: RunFinished | RunFailed) -> str:
    """As `GET /v1/runs/{id}` tells it."""
    if isinstance(event, RunFailed):
        return "failed"
    return "waiting" if event.waiting else "stopped" if event.stopped else "finished"
