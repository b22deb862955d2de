"""The modules that a workspace has until it defines its own."""

from copilot_records.fields import Field
from copilot_records.modules import Module

TASKS = Module(
    "tasks",
    "Tasks",
    "task",
    "title",
    (
        Field("title", required=True),
        Field("status", "enum", options=("todo", "in_progress", "blocked", "done")),
        Field("priority", "enum", options=("low", "medium", "high")),
        Field("dueDate", "date"),
        Field("assignee", "user"),
        Field("description", "text"),
        Field("project", "relation", module="projects"),
        Field("deal", "relation", module="deals"),
    ),
)
DEALS = Module(
    "deals",
    "Deals",
    "deal",
    "name",
    (
        Field("name", required=True),
        Field("stage", "enum", options=("lead", "qualified", "proposal", "negotiation", "won", "lost")),
        Field("value", "number"),
        Field("closeDate", "date"),
        Field("owner", "user"),
        Field("company"),
        Field("contact", "relation", module="contacts"),
    ),
)
CONTACTS = Module(
    "contacts",
    "Contacts",
    "contact",
    "name",
    (
        Field("name", required=True),
        Field("email", "email"),
        Field("phone", "phone"),
        Field("company"),
        Field("jobTitle"),
        Field("lifecycle", "enum", options=("lead", "customer", "churned")),
    ),
)
COMPANIES = Module(
    "companies",
    "Companies",
    "company",
    "name",
    (
        Field("name", required=True),
        Field("industry", "enum", options=("software", "manufacturing", "retail", "healthcare", "finance")),
        Field("employees", "number"),
        Field("city"),
        Field("website", "url"),
    ),
)
PROJECTS = Module(
    "projects",
    "Projects",
    "project",
    "name",
    (
        Field("name", required=True),
        Field("status", "enum", options=("planned", "active", "paused", "finished")),
        Field("lead", "user"),
        Field("startDate", "date"),
        Field("endDate", "date"),
        Field("company"),
        Field("tags", "enum[]", options=("internal", "customer", "compliance", "growth")),
        Field("summary", "text"),
    ),
)
STANDARD = (TASKS, DEALS, CONTACTS, COMPANIES, PROJECTS)
