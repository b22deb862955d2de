"""`chat`: the six-event wire in a terminal, streamed as it comes."""

import argparse
import contextlib
import json
import unicodedata
from collections.abc import Callable, Iterator
from typing import Any

import httpx2
from rich.console import Console
from rich.markup import escape

from copilot_core.errors import CopilotError

with contextlib.suppress(ImportError):
    import readline  # noqa: F401 - importing it gives `input` a history and line editing

HELP = """/new            begin a new conversation
/history        list your conversations
/open N         continue conversation N of the list
/actions        what the copilot can do here
/quit           leave (also Ctrl-D); Ctrl-C stops reading an answer"""
Event = dict[str, Any]


def chat(parsed: argparse.Namespace) -> int:
    """Ask one message and leave, or talk until the user leaves."""
    if not parsed.key:
        raise CopilotError("no key; pass --key or set COPILOT_KEY (make one with `copilot-core keys create`)")
    headers = {"Authorization": f"Bearer {parsed.key}"}
    with httpx2.Client(base_url=parsed.url, headers=headers, timeout=httpx2.Timeout(10, read=None)) as http:
        conversation = Conversation(http, Console(highlight=False, soft_wrap=True), parsed.conversation)
        if parsed.message:
            return conversation.ask(" ".join(parsed.message))
        return Terminal(conversation).talk()


class Conversation:
    """One conversation with a server, printed as it happens."""

    def __init__(self, http: httpx2.Client, console: Console, identifier: str | None) -> None:
        self._http = http
        self._printed = False
        self.console = console
        self.id = identifier

    def ask(self, message: str) -> int:
        """Send a message and print the answer; 1 if it ended in an error."""
        kind, self._printed = "", False
        for event in self._events(message):
            self._print(event)
            kind = event["type"]
        self.console.print()
        if kind not in {"done", "error"}:
            raise CopilotError("the answer broke off before it was complete")
        return int(kind == "error")

    def get(self, path: str) -> Any:
        """The JSON at `path`; raises `CopilotError` with the server's own words."""
        with _told(self._http):
            answer = self._http.get(path)
        return _json(answer)

    def _events(self, message: str) -> Iterator[Event]:
        body = {"message": message, "conversationId": self.id}
        with _told(self._http), self._http.stream("POST", "/api/copilot/chat", json=body) as answer:
            if answer.status_code != 200:
                answer.read()
                _json(answer)
            left = b""
            for chunk in answer.iter_raw():
                *lines, left = (left + chunk).split(b"\n")
                yield from (json.loads(line[6:]) for line in lines if line.startswith(b"data: "))

    def _print(self, event: Event) -> None:
        match event["type"]:
            case "start":
                self.id = event["conversationId"]
            case "tool_use":
                self._line(_tool(event))
            case "token":
                self._printed = True
                self.console.print(_plain(event["content"]), end="", markup=False)
            case "sources":
                labels = " · ".join(source["label"] for source in event["sources"])
                self._line(f"[dim]sources: {_safe(labels)}[/dim]")
            case "error":
                self._line(f"[red]{_safe(event['error'])}[/red]")

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
        self._console = conversation.console
        self._threads: list[Event] = []
        self._commands: dict[str, Callable[[str], None]] = {
            "/new": self._new,
            "/history": self._history,
            "/open": self._open,
            "/actions": self._actions,
            "/help": lambda _: self._console.print(HELP),
        }

    def talk(self) -> int:
        """Read and answer until the user leaves."""
        self._conversation.get("/v1/threads")  # refused or unreachable: say so before the first prompt
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
        self._threads = self._conversation.get("/v1/threads")["threads"]
        for number, thread in enumerate(self._threads, 1):
            when = thread["updatedAt"][:16].replace("T", " ")
            self._console.print(f"{number:3}  [dim]{when}[/dim]  {_safe(thread['title'] or '')}")

    def _open(self, rest: str) -> None:
        if not (rest.isdigit() and 0 < int(rest) <= len(self._threads)):
            raise CopilotError("say /history first, then /open with a number of that list")
        self._conversation.id = self._threads[int(rest) - 1]["id"]
        for message in self._conversation.get(f"/v1/threads/{self._conversation.id}/messages")["messages"]:
            if message["content"] and message["role"] in {"user", "assistant"}:
                mark = "[bold green]› [/bold green]" if message["role"] == "user" else ""
                self._console.print(mark + _safe(message["content"]))

    def _actions(self, _rest: str) -> None:
        for action in self._conversation.get("/v1/actions")["actions"]:
            first = action["description"].split(". ")[0]
            self._console.print(f"[bold]{action['name']}[/bold]  [dim]{_safe(first)}[/dim]")


def _plain(text: str) -> str:
    """`text` without what would command the terminal: a record may hold an escape sequence."""
    return "".join(character for character in text if character == "\n" or unicodedata.category(character) != "Cc")


def _safe(text: str) -> str:
    """`text` as it is put between rich's markup."""
    return escape(_plain(text))


def _tool(event: Event) -> str:
    mark = {"calling": "[dim]…[/dim]", "done": "[green]✓[/green]", "error": "[red]✗[/red]"}[event["toolStatus"]]
    return f"{mark} [dim]{_safe(event['tool'])}[/dim]"


def _json(answer: httpx2.Response) -> Any:
    try:
        told = answer.json()
        if answer.status_code != 200:
            raise CopilotError(f"{told['error']['message']} ({told['error']['code']})")
    except (ValueError, LookupError, TypeError) as error:
        raise CopilotError(f"{answer.url} answered {answer.status_code}, and not as a copilot does") from error
    return told


@contextlib.contextmanager
def _told(http: httpx2.Client) -> Iterator[None]:
    """A connection that fails is told with the address that was tried."""
    try:
        yield
    except httpx2.TransportError as error:
        raise CopilotError(f"{http.base_url} does not answer: {error or type(error).__name__}") from error
