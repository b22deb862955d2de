"""What the actions do for a user who talks to the server: each line of the checklist through HTTP."""

import json
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx2
import pytest

import copilot_records
from copilot_core import Clock, Principal, Role
from copilot_core.chat_models import ChatModels
from copilot_core.server import Deployment, application
from copilot_core.settings import Settings
from copilot_core.testing import call, opened
from copilot_core.testing.openai_server import Call, Say, ScriptedOpenAI
from copilot_records import Field, Module, OwnRecords

Json = dict[str, Any]
PLANNER = ChatModels("rule-planner")


@dataclass
class User:
    """Somebody who asks the server without a socket, with what is open on their page."""

    http: httpx2.AsyncClient
    ready: Deployment

    async def say(self, words: str, page: Mapping[str, Any] | None = None, thread: str = "t1") -> list[Json]:
        """The messages of the thread after the answer."""
        readables = [{"description": "Current page context", "value": json.dumps(page)}] if page else []
        body = {"messages": [{"role": "user", "content": words}], "threadId": thread, "context": readables}
        assert (await self.http.post("/v1/copilot", json=body)).status_code == 200
        return list((await self.http.get(f"/v1/threads/{thread}/messages")).json()["messages"])

    async def does(self, words: str, page: Mapping[str, Any] | None = None, thread: str = "t1") -> Json:
        """The last result that the thread has then."""
        messages = await self.say(words, page, thread)
        return dict(next(json.loads(m["content"]) for m in reversed(messages) if m["role"] == "tool"))

    async def read(self, action: str, **arguments: Any) -> tuple[int, Json]:
        """Status and body of an action that only reads."""
        answer = await self.http.post(f"/v1/actions/{action}", json=arguments)
        return answer.status_code, answer.json()

    async def other(self, user: str, workspace: str = "acme", role: Role = Role.MEMBER) -> "User":
        key = await self.ready.keys.create(workspace=workspace, user=user, role=role)
        headers = {"Authorization": f"Bearer {key}"}
        web = httpx2.ASGITransport(app=application(self.ready))
        return User(httpx2.AsyncClient(transport=web, base_url="http://crm", headers=headers), self.ready)


Crm = Callable[..., AbstractAsyncContextManager[User]]


@pytest.fixture
def crm(fixed_clock: Clock) -> Crm:
    """``async with crm(script=[...]) as dana``; without a script, with the rule planner."""

    @asynccontextmanager
    async def open_crm(script: Sequence[Any] | None = None, **options: Any) -> AsyncIterator[User]:
        thinks = {"models": PLANNER} if script is None else {"script": script}
        trusting = {"confirm_untrusted": False}  # whose words a write comes from is looked at elsewhere
        async with opened(copilot_records, clock=fixed_clock, settings=trusting, **{**thinks, **options}) as ready:
            yield await User(httpx2.AsyncClient(), ready).other("dana")

    return open_crm


def on(module: str, record: str, name: str = "") -> Json:
    """What a record's page tells."""
    return {"pageType": "moduleRecord", "moduleSlug": module, "recordId": record, "recordName": name}


def create(module: str, *rows: Json) -> Any:
    return call("createMultipleRecords", module=module, records=list(rows))


@pytest.mark.seed("S31")
async def test_a_query_is_filtered_sorted_cut_to_fields_and_followed_page_by_page(crm: Crm) -> None:
    rows = [{"name": f"Deal {n}", "value": n, "stage": "won" if n % 2 else "lost"} for n in range(10)]
    async with crm([create("deals", *rows), "Done."]) as dana:
        await dana.say("Add deals")
        asked = {
            "module": "deals",
            "filters": [{"field": "stage", "op": "eq", "value": "won"}],
            "sortBy": "value",
            "sortOrder": "desc",
            "fields": ["value"],
            "limit": 2,
        }
        pages, offset = [], 0
        while offset is not None:
            _, page = await dana.read("queryRecords", **asked, offset=offset)
            offset = page["data"].get("nextOffset")
            pages.append(page)

    assert [[record["value"] for record in page["data"]["records"]] for page in pages] == [[9, 7], [5, 3], [1]]
    assert set(pages[0]["data"]["records"][0]) == {"id", "title", "link", "value"}
    assert [page["message"] for page in pages] == [
        "5 deals match; here are 1 to 2. There are more from offset 2 on.",
        "5 deals match; here are 3 to 4. There are more from offset 4 on.",
        "5 deals match; here is number 5.",
    ]


@pytest.mark.seed("S32", "S46", "S34")
async def test_a_record_is_created_and_updated_by_its_id_by_name_and_by_filter(crm: Crm) -> None:
    one = call("createRecord", module="tasks", fields={"title": "Call Ada", "priority": "low"})
    by_id = call("updateRecord", recordId="?", fields={"priority": "high"})
    by_name = call("updateRecords", module="tasks", records=["Call Ada"], fields={"status": "done"})
    by_filter = call(
        "updateRecords",
        module="tasks",
        filters=[{"field": "status", "op": "eq", "value": "done"}],
        fields={"assignee": "me"},
    )
    async with crm([one, "1", by_id, "2", by_name, "3", by_filter, "4"]) as dana:
        made = await dana.does("Create it")
        script = dana.ready.copilot.engine.models.get(None).script
        script[2] = call("updateRecord", recordId=made["recordId"], fields={"priority": "high"})
        told = [await dana.does(str(n)) for n in range(3)]
        _, found = await dana.read("queryRecords", module="tasks")

    assert made["link"] == f"/modules/tasks/records/{made['recordId']}"
    assert [result["message"] for result in told] == ["Updated task “Call Ada”."] * 3
    record = {"title": "Call Ada", "status": "done", "priority": "high", "assignee": "dana"}
    assert found["data"]["records"] == [{"id": made["recordId"], "link": made["link"], **record}]


@pytest.mark.seed("S33")
async def test_each_row_is_told_and_atomic_is_all_or_nothing(crm: Crm) -> None:
    rows = [{"title": "A"}, {"title": "B", "priority": "urgent"}]
    both = call("createMultipleRecords", module="tasks", records=rows, atomic=True)
    async with crm([both, "None.", create("tasks", *rows), "One."]) as dana:
        nothing = await dana.does("All or nothing")
        some = await dana.does("What you can")
        _, found = await dana.read("queryRecords", module="tasks")

    wrong = "The 'priority' field must be one of: low, medium, high"
    assert nothing == {
        "success": False,
        "error": "validation_error",
        "message": f"Nothing was created. record 2: {wrong}",
        "details": {"records[1].priority": wrong},
    }
    assert some["message"] == f"Created 1 of 2 tasks. Not created: record 2: {wrong}."
    assert [row["success"] for row in some["data"]["results"]] == [True, False]
    assert [record["title"] for record in found["data"]["records"]] == ["A"]


@pytest.mark.seed("S35")
async def test_a_module_tells_its_fields_and_which_modules_lead_to_it(crm: Crm) -> None:
    async with crm([]) as dana:
        _, deals = await dana.read("getModuleInfo", module="deals")
        _, contacts = await dana.read("getModuleInfo", module="contacts")

    stage = next(field for field in deals["data"]["fields"] if field["name"] == "stage")
    assert stage == {
        "name": "stage",
        "type": "enum",
        "required": False,
        "options": ["lead", "qualified", "proposal", "negotiation", "won", "lost"],
        "operators": ["eq", "ne", "in", "empty"],
    }
    assert deals["data"]["relatedFrom"] == [{"module": "tasks", "field": "deal"}]
    assert contacts["data"]["relatedFrom"] == [{"module": "deals", "field": "contact"}]


@pytest.mark.seed("S38")
async def test_search_ranks_shows_where_and_keeps_to_the_modules_and_the_workspace(crm: Crm, database_url: str) -> None:
    tasks = [
        {"title": "Budget", "description": "Once. " * 40 + "Then *renewal* came, <b>so</b>."},
        {"title": "Renewal of Acme"},
        {"title": "Notes", "description": "renewal, renewal and a renewal"},
    ]
    script = [create("tasks", *tasks), create("deals", {"name": "Renewals"}), "Done."]
    async with crm(script, database_url=database_url) as dana:
        await dana.say("Create them")
        _, found = await dana.read("searchRecords", query="renewal!", module="tasks")
        _, everywhere = await dana.read("searchRecords", query="renew acme")
        _, nowhere = await (await dana.other("eve", "evil")).read("searchRecords", query="renewal")
        status, wordless = await dana.read("searchRecords", query="*** \" ' -")

    assert [(r["title"], r.get("snippet")) for r in found["data"]["records"]] == [
        ("Renewal of Acme", None),
        ("Notes", "**renewal**, **renewal** and a **renewal**"),
        (
            "Budget",
            r"…" + "Once. " * 9 + r"Then \***renewal**\* came, \<b\>so\</b\>.",
        ),
    ]
    assert [(r["module"], r["title"]) for r in everywhere["data"]["records"]] == [("tasks", "Renewal of Acme")]
    assert nowhere["data"]["records"] == []
    assert (status, wordless["details"]) == (422, {"query": "The 'query' field must have a word in it"})


@pytest.mark.seed("S38")
async def test_search_of_a_page_finds_nothing_in_modules_that_it_does_not_list(crm: Crm) -> None:
    made = [create("tasks", {"title": "Secret plan"}), create("deals", {"name": "Secret deal"})]
    async with crm([made, "Done.", call("searchRecords", query="secret"), "One."]) as dana:
        await dana.say("Create them")
        listed = [{"slug": "deals", "name": "Deals", "pluralName": "Deals"}]
        context = [{"description": "Modules", "value": json.dumps(listed)}]
        body = {"messages": [{"role": "user", "content": "Search"}], "threadId": "t1", "context": context}
        await dana.http.post("/v1/copilot", json=body)
        messages = (await dana.http.get("/v1/threads/t1/messages")).json()["messages"]

    found = json.loads(messages[-2]["content"])
    assert [record["title"] for record in found["data"]["records"]] == ["Secret deal"]


@pytest.mark.seed("S16")
async def test_a_task_that_is_created_on_a_deals_page_is_linked_to_the_deal_and_found_from_it(
    crm: Crm, database_url: str
) -> None:
    task, many = call("createRecord", module="tasks", fields={"title": "Call"}), create("tasks", {"title": "A"})
    none = call("createRecord", module="tasks", fields={"title": "Alone", "deal": ""})
    script = [call("createRecord", module="deals", fields={"name": "Acme"}), "1", task, "2", many, "3", none, "4"]
    async with crm([*script, create("deals", {"name": "B"}), "5"], database_url=database_url) as dana:
        deal = (await dana.does("Create the deal"))["recordId"]
        page = on("deals", deal, "Acme")
        called, several, alone, not_itself = [await dana.does(str(n), page) for n in range(4)]
        by_id = {"field": "deal", "op": "eq", "value": deal}
        _, related = await dana.read("queryRecords", module="tasks", filters=[by_id])

    assert (called["data"]["deal"], called["data"]["dealId"]) == ("Acme", deal)
    assert called["message"] == "Created task “Call”, linked to the open deal “Acme”."
    assert several["message"] == "Created task “A”, linked to the open deal “Acme”."
    assert (alone["message"], "dealId" in alone["data"]) == ("Created task “Alone”.", False)
    assert not_itself["message"] == "Created deal “B”."
    assert [record["title"] for record in related["data"]["records"]] == ["A", "Call"]


@pytest.mark.seed("S16")
async def test_what_a_person_approves_on_a_page_is_linked_as_they_were_shown(crm: Crm) -> None:
    async with crm([call("createRecord", module="deals", fields={"name": "Acme"}), "1"]) as dana:
        deal = (await dana.does("Create the deal"))["recordId"]
        admin = await dana.other("root", role=Role.ADMIN)
        await admin.http.put("/v1/workspace/policies", json={"confirm": ["createRecord"]})
        script = dana.ready.copilot.engine.models.get(None).script
        script += [call("createRecord", module="tasks", fields={"title": "Call"}), "Made."]
        await dana.say("Create a task", on("deals", deal))
        [asked] = (await dana.http.get("/v1/approvals?status=pending")).json()["approvals"]
        answer = await dana.http.post(f"/v1/approvals/{asked['id']}", json={"decision": "approve"})
        await dana.http.get(answer.json()["events"])
        _, found = await dana.read("queryRecords", module="tasks")

    shown = asked["calls"][0]["preview"]["changes"][0]["fields"]
    assert shown == {"title": {"after": "Call"}, "deal": {"after": "Acme"}}
    assert [(r["title"], r["dealId"]) for r in found["data"]["records"]] == [("Call", deal)]


@pytest.mark.seed("S16")
async def test_no_link_is_made_to_what_is_not_there(crm: Crm) -> None:
    pages = [on("deals", "rec_gone"), on("nowhere", "rec_1"), {"pageType": "dashboard"}]
    async with crm([call("createRecord", module="tasks", fields={"title": "Call"}), "Made."] * 3) as dana:
        made = [await dana.does("Create", page, f"t{n}") for n, page in enumerate(pages)]

    assert [result["message"] for result in made] == ["Created task “Call”."] * 3


@pytest.mark.seed("S16")
async def test_the_rule_planner_makes_a_follow_up_task_and_shows_related_tasks(crm: Crm) -> None:
    async with crm() as dana:
        deal = (await dana.does("create a deal called Acme"))["recordId"]
        page = on("deals", deal, "Acme")
        asked = await dana.say("Create a follow-up task", page)
        made = await dana.does("Call Priya", page)
        related = await dana.does("Show related tasks", page)

    assert asked[-1]["content"] == "What is the title of the new task?"
    assert (made["data"]["title"], made["data"]["dealId"]) == ("Call Priya", deal)
    assert [record["title"] for record in related["data"]["records"]] == ["Call Priya"]


SAMPLES = [{"title": f"Sample task {n}", "status": "todo"} for n in (1, 2, 3)]


async def check_links(dana: User, messages: Sequence[Json]) -> None:
    """The summary has a link for each of the three tasks, and each leads to its task."""
    links = {part.split(")")[0] for part in messages[-1]["content"].split("](")[1:]}
    assert len(links) == 3
    for link in links:
        page = await dana.http.get(link)
        _, found = await dana.read(
            "queryRecords", module="tasks", filters=[{"field": "id", "op": "eq", "value": link.rsplit("/", 1)[1]}]
        )
        assert (page.status_code, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
        assert [record["link"] for record in found["data"]["records"]] == [link]


def called(messages: Sequence[Json]) -> list[str]:
    """The actions that were called, in order."""
    return [c["function"]["name"] for message in messages for c in message.get("toolCalls", ())]


@pytest.mark.seed("S47", "S49")
async def test_a_model_asks_what_tasks_are_creates_three_and_links_them(crm: Crm) -> None:
    def summary(body: Json) -> Say:
        told = json.loads(body["messages"][-1]["content"])["data"]["results"]
        return Say("Created " + ", ".join(f"[{row['title']}]({row['link']})" for row in told) + ".")

    script: list[Any] = [
        Call("getModuleInfo", {"module": "tasks"}),
        Call("createMultipleRecords", {"module": "tasks", "records": SAMPLES}),
        summary,
    ]
    async with ScriptedOpenAI(script) as model:
        names = {"OPENAI_API_KEY": "sk-secret", "OPENAI_BASE_URL": model.base_url}
        models = ChatModels("openai:test", settings=Settings(_env_file=None, **names))
        async with crm([], models=models) as dana:
            messages = await dana.say("Create 3 sample tasks for the project")
            await check_links(dana, messages)

    results = [json.loads(m["content"]) for m in messages if m["role"] == "tool"]
    assert called(messages) == ["getModuleInfo", "createMultipleRecords"]
    status = next(field for field in results[0]["data"]["fields"] if field["name"] == "status")
    assert status["options"] == ["todo", "in_progress", "blocked", "done"]
    described = {tool["function"]["name"]: tool["function"]["description"] for tool in model.requests[0].body["tools"]}
    assert "Call it before writing to a module whose fields you do not know." in described["getModuleInfo"]
    assert "with the links that the results contain" in model.requests[0].body["messages"][0]["content"]


@pytest.mark.seed("S47", "S49")
async def test_the_rule_planner_creates_three_tasks_for_the_open_project_and_links_them(crm: Crm) -> None:
    async with crm() as dana:
        project = (await dana.does("create a project called Moon"))["recordId"]
        messages = await dana.say("Create 3 sample tasks for the project", on("projects", project, "Moon"), "t2")
        await check_links(dana, messages)
        _, found = await dana.read("queryRecords", module="tasks")

    assert called(messages) == ["createMultipleRecords"]
    assert [record["projectId"] for record in found["data"]["records"]] == [project] * 3


WRONG: Sequence[tuple[str, object, str]] = [
    ("text", {"a": 1}, "must be a text"),
    ("number", "many", "must be a number, not 'many'"),
    ("currency", "€5", "must be a number, not '€5'"),
    ("date", "10.02.2026", "must be a date (YYYY-MM-DD)"),
    ("datetime", "tomorrow", "must be a date and time (YYYY-MM-DDThh:mm:ss)"),
    ("boolean", "maybe", "must be true or false"),
    ("enum", "urgent", "must be one of: low, medium, high"),
    ("enum[]", ["low", "urgent"], "must be one of: low, medium, high"),
    ("user", ["Sam"], "must be a text"),
    ("email", "sam at acme", "must be an e-mail address"),
    ("phone", "call me", "must be a phone number"),
    ("url", "not a place", "must be a web address (https://...)"),
    ("relation", "Atlantis", "names no room: there is none called 'Atlantis'"),
]
RIGHT: Mapping[str, tuple[object, object]] = {
    "text": ("long", "long"),
    "number": ("1,200.5", 1200.5),
    "currency": (50, 50),
    "date": ("2026-02-28", "2026-02-28"),
    "datetime": ("2026-02-28T10:00:00+01:00", "2026-02-28T09:00:00Z"),
    "boolean": ("yes", True),
    "enum": ("High", "high"),
    "enum[]": (["high", "LOW"], ["low", "high"]),
    "user": ("me", "dana"),
    "email": (" sam@acme.example ", "sam@acme.example"),
    "phone": ("+49 30 1234", "+49 30 1234"),
    "url": ("acme.example/x", "https://acme.example/x"),
    "relation": ("First", "First"),
}


@pytest.mark.seed("S23", "S32", "S34", "S51")
async def test_a_field_of_every_type_takes_what_fits_and_tells_what_does_not(crm: Crm, fixed_clock: Clock) -> None:
    names = {kind: f"{kind.removesuffix('[]')}{'s' if kind == 'enum[]' else ''}Field" for kind, *_ in WRONG}
    options = ("low", "medium", "high")
    fields = [
        Field(name, kind, options=options if "enum" in kind else (), module="rooms" if kind == "relation" else None)
        for kind, name in names.items()
    ]
    wrong = {names[kind]: value for kind, value, _ in WRONG}
    details = {names[kind]: f"The '{names[kind]}' field {told}" for kind, _, told in WRONG}
    right = {names[kind]: given for kind, (given, _) in RIGHT.items()}
    script = [
        call("createRecord", module="rooms", fields={"name": "First"}),
        call("createRecord", module="rooms", fields={"name": "R", **wrong}),
        call("updateRecords", module="rooms", records=["First"], fields=wrong),
        call("createRecord", module="rooms", fields={"name": "R", **right}),
    ]
    async with crm([step for one in script for step in (one, "Next.")]) as dana:
        rooms = Module("rooms", "Rooms", "room", "name", (Field("name", required=True), *fields))
        async with dana.ready.database.session(write=True) as session:
            await OwnRecords(session, Principal("dana", "acme"), fixed_clock).define([rooms])
        _, created, updated, made = [await dana.does(str(n)) for n in range(4)]
        filters = [
            {"field": names[kind], "op": "eq", "value": value[0] if isinstance(value, list) else value}
            for kind, (_, value) in RIGHT.items()
        ]
        _, found = await dana.read("queryRecords", module="rooms", filters=filters)
        bad = [k for k, *_ in WRONG if k in ("number", "currency", "date", "datetime", "boolean", "enum")]
        asked = [{"field": names[kind], "op": "eq", "value": wrong[names[kind]]} for kind in bad]
        status, refused = await dana.read("queryRecords", module="rooms", filters=asked)

    assert (created["error"], created["details"]) == ("validation_error", details)
    assert updated["details"] == details
    kept = {name: value for name, value in made["data"].items() if name in names.values()}
    assert kept == {names[kind]: value for kind, (_, value) in RIGHT.items()}
    assert [record["title"] for record in found["data"]["records"]] == ["R"]
    assert (status, refused["details"]) == (422, {names[kind]: details[names[kind]] for kind in bad})
