"""`chat`: a copilot in a terminal, streamed as it comes; an answer outlives lost connections and restarts."""

import argparse
import asyncio
import contextlib
import unicodedata
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from rich.console import Console
from rich.markup import escape

from copilot_core import events
from copilot_core.client import CopilotClient, Thread
from copilot_core.errors import CopilotError

with contextlib.suppress(ImportError):
    import readline  # noqa: F401 - importing it gives `input` a history and line editing

HELP = """/new            begin a new conversation
/history        list your conversations
/open N         continue conversation N of the list
/actions        what the copilot can do here
/quit           leave (also Ctrl-D); Ctrl-C stops reading an answer"""
T = TypeVar("T")


def chat(parsed: argparse.Namespace) -> int:
    """Ask one message and leave, or talk until the user leaves."""
    if not parsed.key:
        raise CopilotError("no key; pass --key or set COPILOT_KEY (make one with `copilot-core keys create`)")
    with asyncio.Runner() as runner:
        client = CopilotClient(parsed.url, parsed.key)
        conversation = Conversation(client, runner, Console(highlight=False, soft_wrap=True), parsed.conversation)
        try:
            conversation.look()
            if parsed.message:
                return conversation.ask(" ".join(parsed.message))
            return Terminal(conversation).talk()
        finally:
            runner.run(client.close())


class Conversation:
    """One conversation with a server, printed as it happens."""

    def __init__(self, client: CopilotClient, runner: asyncio.Runner, console: Console, identifier: str | None) -> None:
        self._runner = runner
        self._printed = False
        self.client = client
        self.console = console
        self.id = identifier

    def wait(self, answer: Coroutine[Any, Any, T]) -> T:
        """What `answer` comes to; the terminal is nobody else's meanwhile."""
        return self._runner.run(answer)

    def look(self) -> None:
        """Refused, unreachable or no such conversation: say so before anything is asked."""
        self.wait(self.client.conversation(self.id) if self.id else self.client.threads(limit=1))

    def ask(self, message: str) -> int:
        """Send a message and print the answer; 1 if it ended in an error."""
        self._printed = False
        last = self.wait(self._answer(message))
        self.console.print()
        return int(isinstance(last, events.RunFailed))

    async def _answer(self, message: str) -> events.Event | None:
        event = None
        async with contextlib.aclosing(self.client.ask(message, thread_id=self.id)) as told:
            async for event in told:
                self._print(event)
        return event

    def _print(self, event: events.Event) -> None:
        match event:
            case events.RunStarted():
                self.id = event.thread_id
            case events.ToolCallStarted():
                self._tool("[dim]…[/dim]", event.name)
            case events.ToolCallEnded():
                self._tool("[green]✓[/green]" if event.ok else "[red]✗[/red]", event.name)
            case events.TextDelta():
                self._say(event.delta)
            case events.ApprovalRequested():
                self._say(event.question)
            case events.SourcesUsed():
                labels = " · ".join(source.label for source in event.sources)
                self._line(f"[dim]sources: {_safe(labels)}[/dim]")
            case events.MessagesSnapshot():
                self._line("[dim]The server was restarted, and begins this part again.[/dim]")
            case events.RunFailed():
                self._line(f"[red]{_safe(event.message)}[/red]")

    def _say(self, text: str) -> None:
        self._printed = True
        self.console.print(_plain(text), end="", markup=False)

    def _tool(self, mark: str, name: str) -> None:
        self._line(f"{mark} [dim]{_safe(name)}[/dim]")

    def _line(self, text: str) -> None:
        """A line of its own, whatever was printed before it."""
        if self._printed:
            self.console.print()
        self._printed = False
        self.console.print(text)


class Terminal:
    """The prompt, and its commands."""

    def __init__(self, conversation: Conversation) -> None:
        self._conversation = conversation
        self._client = conversation.client
        self._console = conversation.console
        self._threads: list[Thread] = []
        self._commands: dict[str, Callable[[str], None]] = {
            "/new": self._new,
            "/history": self._history,
            "/open": self._open,
            "/actions": self._actions,
            "/help": lambda _: self._console.print(HELP),
        }

    def talk(self) -> int:
        """Read and answer until the user leaves."""
        self._console.print("[dim]Ask for something, or /help.[/dim]")
        while True:
            try:
                line = self._console.input("[bold green]› [/bold green]").strip()
            except (EOFError, KeyboardInterrupt):
                self._console.print()
                return 0
            if line in {"/quit", "/exit"}:
                return 0
            if line:
                self._answer(line)

    def _answer(self, line: str) -> None:
        command, _, rest = line.partition(" ")
        try:
            if command.startswith("/"):
                self._commands.get(command, self._commands["/help"])(rest.strip())
            else:
                self._conversation.ask(line)
        except KeyboardInterrupt:
            self._console.print("\n[dim]Stopped reading; the answer will be in the conversation.[/dim]")
        except CopilotError as error:
            self._console.print(f"[red]{_safe(str(error))}[/red]")

    def _new(self, _rest: str) -> None:
        self._conversation.id = None
        self._console.print("[dim]A new conversation.[/dim]")

    def _history(self, _rest: str) -> None:
        self._threads = self._conversation.wait(self._client.threads())
        for number, thread in enumerate(self._threads, 1):
            when = f"{thread.updated_at:%Y-%m-%d %H:%M}"
            self._console.print(f"{number:3}  [dim]{when}[/dim]  {_safe(thread.title or '')}")

    def _open(self, rest: str) -> None:
        if not (rest.isdigit() and 0 < int(rest) <= len(self._threads)):
            raise CopilotError("say /history first, then /open with a number of that list")
        self._conversation.id = thread_id = self._threads[int(rest) - 1].id
        for message in self._conversation.wait(self._client.messages(thread_id)):
            if message["content"] and message["role"] in {"user", "assistant"}:
                mark = "[bold green]› [/bold green]" if message["role"] == "user" else ""
                self._console.print(mark + _safe(message["content"]))

    def _actions(self, _rest: str) -> None:
        for action in self._conversation.wait(self._client.actions()):
            first = action["description"].split(". ")[0]
            self._console.print(f"[bold]{action['name']}[/bold]  [dim]{_safe(first)}[/dim]")


def _plain(text: str) -> str:
    """`text` without what would command the terminal: a record may hold an escape sequence."""
    return "".join(character for character in text if character == "\n" or unicodedata.category(character) != "Cc")


def _safe(text: str) -> str:
    """`text` as it is put between rich's markup."""
    return escape(_plain(text))
