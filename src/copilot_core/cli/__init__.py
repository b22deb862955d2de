"""The command line. `--help` imports no engine: each command loads what it needs when it runs."""

import argparse
import os
import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path

from copilot_core.errors import CopilotError

_PAGE = "also serve this folder of static files, such as a built app/web, under /app/"
_CONNECT = "reflect an existing database into modules, read-only unless --writable"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; the exit status is 0, 1 for a problem that is told, 2 for a wrong call."""
    os.environ.setdefault("LANGGRAPH_STRICT_MSGPACK", "true")  # read when langgraph is imported
    parsed = parser().parse_args(arguments)
    module, function = parsed.run
    try:
        return int(getattr(import_module(f"copilot_core.cli.{module}"), function)(parsed) or 0)
    except CopilotError as error:
        print(f"copilot-core: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


def parser() -> argparse.ArgumentParser:
    """The whole command line."""
    whole = argparse.ArgumentParser(prog="copilot-core", description="The open copilot server.")
    commands = whole.add_subparsers(metavar="command", required=True)
    _serving(commands)
    _chat(commands)
    _plugins(commands)
    _keys(commands)
    _workspaces(commands)
    _upkeep(commands)
    return whole


_Commands = argparse._SubParsersAction  # noqa: SLF001 - argparse has no public name for it


def _command(commands: "_Commands[argparse.ArgumentParser]", name: str, told: str, run: str) -> argparse.ArgumentParser:
    command = commands.add_parser(name, help=told, description=told)
    command.set_defaults(run=tuple(run.split(":")))
    return command


def _serving(commands: "_Commands[argparse.ArgumentParser]") -> None:
    demo = _command(commands, "demo", "a server with sample data and ready-to-paste keys", "serving:demo")
    demo.add_argument("--port", type=int, default=8000)
    demo.add_argument("--database-url", default="sqlite:///./copilot-demo.db")
    demo.add_argument("--json", action="store_true", help="print {url, workspace, keys} as one line, then serve")
    demo.add_argument("--page", metavar="DIR", type=Path, default=None, help=_PAGE)
    serve = _command(commands, "serve", "serve the copilot", "serving:serve")
    serve.add_argument("--host", default=None)
    serve.add_argument("--port", type=int, default=None)
    serve.add_argument("--database-url", default=None)
    serve.add_argument("--model", default=None, help="rule-planner or openai:<name>")
    serve.add_argument("--connect", metavar="URL", default=None, help=_CONNECT)
    serve.add_argument("--writable", action="store_true", help="let the copilot write to the connected database")
    serve.add_argument("--page", metavar="DIR", type=Path, default=None, help=_PAGE)
    serve.add_argument("--skip-broken", action="store_true", help="leave out plugins that fail instead of stopping")


def _chat(commands: "_Commands[argparse.ArgumentParser]") -> None:
    chat = _command(commands, "chat", "talk to a server from the terminal", "chat:chat")
    chat.add_argument("message", nargs="*", help="ask this and leave; without it, a conversation")
    chat.add_argument("--url", default=os.environ.get("COPILOT_URL", "http://127.0.0.1:8000"))
    chat.add_argument("--key", default=os.environ.get("COPILOT_KEY"), help="an API key or JWT (or COPILOT_KEY)")
    chat.add_argument("--conversation", metavar="ID", default=None, help="continue this conversation")


def _plugins(commands: "_Commands[argparse.ArgumentParser]") -> None:
    plugins = commands.add_parser("plugins", help="what is installed").add_subparsers(metavar="what", required=True)
    listed = _command(plugins, "list", "plugins with version, hooks and actions", "plugins:show")
    listed.add_argument("--json", action="store_true")


def _keys(commands: "_Commands[argparse.ArgumentParser]") -> None:
    keys = commands.add_parser("keys", help="API keys").add_subparsers(metavar="what", required=True)
    create = _command(keys, "create", "make a key and print it, once", "keys:create")
    create.add_argument("--workspace", required=True)
    create.add_argument("--user", required=True)
    create.add_argument("--role", required=True, choices=["admin", "member", "contributor", "viewer"])
    create.add_argument("--name", default=None, help="how the user is called in texts")
    create.add_argument("--operator", action="store_true", help="it administers all workspaces, too")
    create.add_argument("--days", type=int, default=None, help="after how many days it expires")
    listed = _command(keys, "list", "all keys, without their secrets", "keys:show")
    listed.add_argument("--workspace", default=None)
    revoke = _command(keys, "revoke", "make a key invalid", "keys:revoke")
    revoke.add_argument("id", help="as `keys list` shows it")
    for command in (create, listed, revoke):
        command.add_argument("--database-url", default=None)
        command.add_argument("--json", action="store_true")


def _workspaces(commands: "_Commands[argparse.ArgumentParser]") -> None:
    what = commands.add_parser("workspaces", help="who uses the server").add_subparsers(metavar="what", required=True)
    listed = _command(what, "list", "all workspaces with their plans and usage", "workspaces:show")
    create = _command(what, "create", "make a workspace and the key of its first admin", "workspaces:create")
    create.add_argument("--admin", required=True, metavar="USER")
    terms = _command(what, "terms", "give a workspace terms of its own", "workspaces:terms")
    terms.add_argument("--price", action="append", default=[], metavar="ACTION=CREDITS", help="again for each action")
    terms.add_argument("--allow-model", action="append", default=[], metavar="NAME", help="again for each model")
    terms.add_argument("--run-credits", type=int, default=None, help="what one run may cost")
    what = commands.add_parser("plans", help="what is sold").add_subparsers(metavar="what", required=True)
    plans = _command(what, "list", "the plans as they are sold", "workspaces:plans")
    sell = _command(what, "set", "give a workspace a plan", "workspaces:sell")
    usage = _command(commands, "usage", "what a workspace has used of its month", "workspaces:usage")
    usage.add_argument("--by", choices=["action", "day", "model", "run", "user"], default=None)
    usage.add_argument("--csv", action="store_true", help="with --by, as a table")
    for command in (create, terms, sell, usage):
        command.add_argument("--workspace", required=True)
    for command in (listed, create, terms, plans, sell, usage):
        command.add_argument("--database-url", default=None)
        command.add_argument("--json", action="store_true")
    for command, default in ((create, "free"), (sell, None)):
        names = ["free", "starter", "growth", "enterprise"]
        command.add_argument("--plan", required=default is None, default=default, choices=names)
        command.add_argument("--included", type=int, default=None, help="credits a month, where not the plan's own")
        command.add_argument("--billing-mode", choices=["soft_limit", "hard_limit"], default=None)


def _upkeep(commands: "_Commands[argparse.ArgumentParser]") -> None:
    migrate = _command(commands, "migrate", "bring the database up to date", "upkeep:migrate")
    migrate.add_argument("--database-url", default=None)
    doctor = _command(commands, "doctor", "look for mistakes in the set-up", "upkeep:doctor")
    doctor.add_argument("--database-url", default=None)
    studio = _command(commands, "studio", "open the graph in LangGraph Studio", "studio:studio")
    studio.add_argument("--port", type=int, default=2024)
    studio.add_argument("--database-url", default=None)
