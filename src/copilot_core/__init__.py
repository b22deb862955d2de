"""The plugin author's API. `import copilot_core` loads no engine, no HTTP and no database."""

from copilot_core.actions import Action, Render, action
from copilot_core.capabilities import Capabilities
from copilot_core.clock import Clock
from copilot_core.context import PageContext, module_slugs, timezone_of
from copilot_core.errors import ActionError, CopilotError, Invalid, SetupError, Unauthenticated, UndoConflict
from copilot_core.generate import Generate
from copilot_core.hookspecs import Job, Listener, hookimpl
from copilot_core.notifications import Notification, Notifications
from copilot_core.policies import Allow, Confirm, Decision, Deny, Policy, ProposedCall
from copilot_core.principal import Principal, Role
from copilot_core.protocols import Protocol
from copilot_core.receipts import Change, Changes, Receipt
from copilot_core.run import MODULES, Message, Readable, Readables, RunInput
from copilot_core.services import Injected, Services
from copilot_core.text import cut, plain
from copilot_core.toolcall import Call, Emit, SharedState

__all__ = [
    "MODULES",
    "Action",
    "ActionError",
    "Allow",
    "Call",
    "Capabilities",
    "Change",
    "Changes",
    "Clock",
    "Confirm",
    "CopilotError",
    "Decision",
    "Deny",
    "Emit",
    "Generate",
    "Injected",
    "Invalid",
    "Job",
    "Listener",
    "Message",
    "Notification",
    "Notifications",
    "PageContext",
    "Policy",
    "Principal",
    "ProposedCall",
    "Protocol",
    "Readable",
    "Readables",
    "Receipt",
    "Render",
    "Role",
    "RunInput",
    "Services",
    "SetupError",
    "SharedState",
    "Unauthenticated",
    "UndoConflict",
    "action",
    "cut",
    "hookimpl",
    "module_slugs",
    "plain",
    "timezone_of",
]
__version__ = "0.1.0"
