"""think: ask the model what to do next."""

import logging
from collections.abc import Sequence
from functools import lru_cache

from cachetools import LRUCache
from langchain_core.language_models import BaseChatModel, LanguageModelInput
from langchain_core.messages import AIMessage, AnyMessage, BaseMessage, HumanMessage, SystemMessage
from langchain_core.runnables import Runnable
from langgraph.runtime import Runtime

from copilot_core import speech
from copilot_core.budget import thin, told_cuts
from copilot_core.choosing import terms_said
from copilot_core.engine import Engine
from copilot_core.errors import ModelUnavailable, RateLimited
from copilot_core.graph.history import all_call_ids, called_actions, repaired, told_actions
from copilot_core.graph.memory import EARLIER, Recalled, recalled, summed_up
from copilot_core.graph.running import Running, running
from copilot_core.graph.state import Context, State, Summary
from copilot_core.principal import Principal
from copilot_core.prompts import gathered, system_message
from copilot_core.run import Readable
from copilot_core.schema import Json
from copilot_core.settings import RULE_PLANNER

log = logging.getLogger("copilot_core.context")
Bound = Runnable[LanguageModelInput, AIMessage]
MOST_BOUND = 64
"""How many sets of tools stay bound."""
REMEMBERED = 3
"""Of how many of the user's messages the words choose what is offered."""
FALLBACK = "modelFallback"
"""The `Custom` event that tells which model stands in for one that does not answer: ``{from, to, code}``."""
CUT = "contextCut"
"""The `Custom` event that lists what of the context the model was not told."""
SHARED_STATE = "State shared with the page"
GAVE_UP = "I stopped here: this took more steps than I may take for one answer. Ask me to go on."


class Think:
    """The node. Keeps each model bound to the tools: binding them anew costs more than a turn."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._bound: LRUCache[tuple[int, bool, tuple[str, ...]], tuple[BaseChatModel, Bound]] = LRUCache(MOST_BOUND)

    async def __call__(self, state: State, *, runtime: Runtime[Context]) -> State:
        run, context = running(runtime), runtime.context or Context()
        last = state.get("rounds", 0) >= context.max_rounds or self._has_spent(run)
        run.stream.stored(len(state["messages"]))
        run.stream.calls_so_far(all_call_ids(state["messages"]))
        known = await self._engine.readables(run.principal)
        page = offered_tools(self._engine, context)
        thread = await self._recalled(state, context, run)
        if state.get("shared"):
            known.append(Readable(SHARED_STATE, state["shared"]))
        system = self._system(run, context, known, thread.summary, first=not state.get("rounds"))
        prompt = [SystemMessage(system), *repaired(thread.tail)]
        chain = self._engine.models.chain(run.stream.model or self._engine.models.name(context.model))
        token = speech.listener.set(run.stream if run.listens else None)
        try:
            message = None
            while message is None:
                model = await self._model(chain[0], run.principal, state["messages"], known, page, last=last)
                message = await self._said(model, prompt, chain, run)
                chain = chain[1:]
        finally:
            speech.listener.reset(token)
        message = _without_calls(message) if last else run.stream.renamed(message)
        if run.listens:
            run.stream.message(message)
        update: State = {"messages": [message]}
        return update if thread.summary is None else {**update, "summary": thread.summary}

    def _has_spent(self, run: Running) -> bool:
        """Whether the run's tokens are used up; then it may only say what it has."""
        most = self._engine.run_tokens
        return most is not None and run.stream.usage.get("total_tokens", 0) >= most

    async def _said(
        self, model: Bound, prompt: Sequence[BaseMessage], chain: Sequence[str], run: Running
    ) -> AIMessage | None:
        """What the first model of the chain says; `None` if it is not there, nobody has heard a word of it and
        another one can stand in for it."""
        run.stream.model = chain[0]
        try:
            return await model.ainvoke(prompt)
        except (ModelUnavailable, RateLimited) as error:
            if len(chain) == 1 or run.stream.unfinished is not None:
                raise
            log.warning(
                "run %s: %s does not answer, %s is asked instead", run.stream.run_id, *chain[:2], exc_info=error
            )
            run.stream.custom(FALLBACK, {"from": chain[0], "to": chain[1], "code": error.code})
            return None

    async def _recalled(self, state: State, context: Context, run: Running) -> Recalled:
        """What of the thread the model reads; the beginning of a long one is summed up."""
        thread = recalled(state, self._engine.history_tokens)
        if not thread.old:
            return thread
        name = self._engine.models.name(context.model)
        summary, message = await summed_up(thread, None if name == RULE_PLANNER else self._engine.models.get(name))
        if message is not None:
            run.stream.spent(message)
        return Recalled(thread.tail, summary)

    def _system(
        self,
        run: Running,
        context: Context,
        known: Sequence[Readable],
        summary: Summary | None,
        *,
        first: bool,
    ) -> str:
        """What the client tells stands in place of what the server would say of the same (S19, S20).

        Args:
            first: the run begins; then what was cut, or tells too little, is reported.
        """
        page = [Readable(str(r["description"]), r["value"]) for r in context.readables]
        notes: list[str] = []
        told = self._engine.budget.sanitized(page, notes)
        now = self._engine.clock.now()
        found = gathered(run.principal, now, known, told, timezone=context.timezone)
        found = self._engine.budget.fitted(found, notes)
        if summary is not None:
            found.append(Readable(EARLIER, summary["text"]))
        if notes:
            found.append(told_cuts(notes))
        if first:
            _report(run, page, notes)
        return system_message(found)

    async def _model(
        self,
        name: str,
        principal: Principal,
        messages: Sequence[AnyMessage],
        known: Sequence[Readable],
        page: Sequence[Json],
        *,
        last: bool,
    ) -> Bound:
        """The model of that name with the tools; on the last round it must answer without them.

        Args:
            page: what the caller's page can do.
        """
        model = self._engine.models.get(name)
        names = await self._names(name, principal, messages, known)
        choice = "none" if last else None
        if page:
            return model.bind_tools([*(self._engine.tools[name] for name in names), *page], tool_choice=choice)
        key = (id(model), last, names)
        if key not in self._bound:
            bound: Bound = model
            if names:
                bound = model.bind_tools([self._engine.tools[name] for name in names], tool_choice=choice)
            self._bound[key] = (model, bound)
        return self._bound[key][1]

    async def _names(
        self, model: str, principal: Principal, messages: Sequence[AnyMessage], known: Sequence[Readable]
    ) -> tuple[str, ...]:
        """What the caller may call, as much of it as a prompt holds. The rule planner, which is ours, knows all
        actions, those too that the caller may not call: to refuse them in words."""
        if model == RULE_PLANNER:
            return tuple(self._engine.tools)
        permitted = await self._engine.permitted(principal)
        catalogue = self._engine.catalogue
        if len(permitted) <= catalogue.most:
            return tuple(action.name for action in permitted)
        said = [message.text for message in messages if isinstance(message, HumanMessage)][-REMEMBERED:]
        told = told_actions(messages, catalogue.most // 2, self._engine.tools.keys())
        return catalogue.chosen(permitted, terms_said(said, known), [*told, *called_actions(messages)])


def _report(run: Running, page: Sequence[Readable], notes: Sequence[str]) -> None:
    """To the client as a `Custom` event, and to the log: what was cut, and what tells too little (S83, S85)."""
    if notes:
        run.stream.custom(CUT, list(notes))
        log.info("run %s: %d cuts in its context, the first: %s", run.stream.run_id, len(notes), notes[0])
    for readable in page:
        why = thin(readable)
        if why is not None:
            _warn(readable.description, why)


@lru_cache(maxsize=1024)
def _warn(description: str, why: str) -> None:
    """Once for each: pages tell the same again and again."""
    log.warning("the readable %r is thin: %s", description[:100], why)


def offered_tools(engine: Engine, context: Context) -> list[Json]:
    """What the page can do, without what would shadow an action of the server (checklist S29)."""
    return [
        {"type": "function", "function": offered}
        for offered in context.client_actions
        if engine.action(offered["name"]) is None
    ]


def _without_calls(message: AIMessage) -> AIMessage:
    """The final answer, even of a model that calls on although it was told not to."""
    if not message.tool_calls and not message.invalid_tool_calls:
        return message
    text = message.text or GAVE_UP
    return message.model_copy(
        update={"content": text, "tool_calls": [], "invalid_tool_calls": [], "additional_kwargs": {}}
    )
