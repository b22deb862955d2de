"""What LangGraph Studio asks of the development server, without its hosted page."""

import ast
import re
from pathlib import Path
from typing import Any

import httpx2
import pytest
from langgraph_sdk.client import LangGraphClient
from langgraph_sdk.errors import (
    APIStatusError,
    AuthenticationError,
    ConflictError,
    NotFoundError,
    PermissionDeniedError,
)

from copilot_core import events
from copilot_core.run import Message, RunInput
from copilot_core.testing.openai_server import Call, Say

from .conftest import MIA, MODES, Studio

pytestmark = [pytest.mark.studio, pytest.mark.asyncio(loop_scope="module"), pytest.mark.xdist_group("studio")]
PLANNER = {"model": "rule-planner"}
HOSTED = "https://smith.langchain.com"


def asks(text: str) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": text}]}


def texts(values: Any) -> list[str]:
    return [message["content"] for message in values["messages"]]


async def new_thread(client: LangGraphClient) -> str:
    return str((await client.threads.create())["thread_id"])


async def answer(client: LangGraphClient, text: str) -> str:
    """What the planner says to `text`, in a new thread."""
    values: Any = await client.runs.wait(await new_thread(client), "copilot", input=asks(text), context=PLANNER)
    return texts(values)[-1]


async def app_thread(studio: Studio, text: str) -> str:
    """A conversation that a member had with the app; its key."""
    told = await (await studio.app.copilot.start(RunInput([Message("user", text)]), MIA)).all()
    assert isinstance(told[-1], events.RunFinished)
    return (await studio.app.copilot.threads.find(MIA, told[-1].thread_id)).key


@pytest.mark.parametrize(
    ("who", "headers", "refusal"),
    [
        (None, {}, AuthenticationError),
        ("ck_0011223344556677_wrong", {}, AuthenticationError),
        (None, {"x-auth-scheme": "langsmith"}, AuthenticationError),
        ("mia", {}, PermissionDeniedError),
    ],
)
async def test_only_an_admin_gets_in(studio: Studio, who: str | None, headers: dict[str, str], refusal: Any) -> None:
    client = studio.client(who, **headers)

    for request in (client.assistants.search, client.threads.search, client.threads.create):
        with pytest.raises(refusal):
            await request()


async def test_the_graph_is_drawn_with_its_tools(studio: Studio) -> None:
    graph = await studio.client("ada").assistants.get_graph("copilot", xray=True)

    assert {(edge["source"], edge["target"]) for edge in graph["edges"]} >= {
        ("__start__", "think"), ("think", "gate"), ("gate", "act"), ("act", "observe"), ("observe", "think"),
        ("think", "__end__"),
    }  # fmt: skip
    tools = {node["id"]: node.get("metadata", {}).get("__tools") for node in graph["nodes"]}
    assert tools["act"] == list(studio.app.registry.actions)


async def test_the_context_is_a_form(studio: Studio) -> None:
    client = studio.client("ada")
    (assistant,) = await client.assistants.search(graph_id="copilot", metadata={"created_by": "system"})
    schemas = await client.assistants.get_schemas(assistant["assistant_id"])

    form: Any = schemas["context_schema"]["properties"]
    assert list(form) == ["model", "timezone", "max_rounds", "readables", "client_actions"]
    assert form["model"]["enum"] == ["rule-planner", "openai:scripted"]
    assert (form["max_rounds"]["minimum"], form["max_rounds"]["maximum"]) == (1, 50)
    assert schemas["input_schema"]["properties"]["messages"]


async def test_a_run_streams_tokens_tools_and_states(studio: Studio) -> None:
    studio.script += [
        Say("One moment.", calls=[Call("createRecord", {"module": "tasks", "fields": {"title": "Milk"}})]),
        Say("Milk is on the list."),
    ]
    client = studio.client("ada")

    parts = [
        part
        async for part in client.runs.stream(
            await new_thread(client), "copilot", input=asks("Create a task called Milk"),
            context={"model": "openai:scripted"}, stream_mode=MODES, stream_subgraphs=True,
        )
    ]  # fmt: skip

    assert {part.event for part in parts} == {
        "metadata", "messages", "updates", "values", "tasks", "custom", "debug",
    }  # fmt: skip
    said = [p.data[0]["content"] for p in parts if p.event == "messages" and p.data[0]["type"] == "AIMessageChunk"]
    assert [word for word in said if word] == ["One", " moment.", "Milk", " is", " on", " the", " list."]
    assert [p.data["type"] for p in parts if p.event == "custom"] == [
        "InputStored", "ToolCallStarted", "ToolCallArguments", "ToolCallReady", "ToolCallEnded", "ReceiptIssued",
        "InputStored",
    ]  # fmt: skip
    assert [node for p in parts if p.event == "updates" for node in p.data] == [
        "think",
        "gate",
        "act",
        "observe",
        "think",
    ]
    final = [p.data for p in parts if p.event == "values"][-1]
    assert texts(final)[-1] == "Milk is on the list."
    assert '"success": true' in texts(final)[2]


async def test_a_breakpoint_stops_before_the_tool_and_goes_on(studio: Studio) -> None:
    client = studio.client("ada")
    thread = await new_thread(client)

    await client.runs.wait(
        thread, "copilot", input=asks("Create a task called Bread"), context=PLANNER, interrupt_before=["act"]
    )
    stopped = await client.threads.get_state(thread)
    assert stopped["next"] == ["act"]

    await client.runs.wait(thread, "copilot", input=None, context=PLANNER)
    state: Any = await client.threads.get_state(thread)
    assert state["next"] == []
    assert "Created task" in texts(state["values"])[-1]


async def test_history_and_a_fork_from_it(studio: Studio) -> None:
    client = studio.client("ada")
    thread = await new_thread(client)
    await client.runs.wait(thread, "copilot", input=asks("Create a task called Salt"), context=PLANNER)

    history: Any = await client.threads.get_history(thread, limit=50)
    assert [state["next"] for state in history] == [
        [],
        ["think"],
        ["observe"],
        ["act"],
        ["gate"],
        ["think"],
        ["__start__"],
    ]

    start = history[-2]
    other = {
        "messages": [
            {"role": "user", "content": "Create a task called Pepper", "id": start["values"]["messages"][0]["id"]}
        ]
    }
    forked = await client.threads.update_state(thread, other, checkpoint=start["checkpoint"])
    await client.runs.wait(thread, "copilot", input=None, checkpoint=forked["checkpoint"], context=PLANNER)
    tasks: Any = (await client.threads.get_state(thread))["tasks"]
    (asked,) = [interrupt for task in tasks for interrupt in task["interrupts"]]
    assert "wrote something already: Created task" in asked["value"]["question"]
    answer = {"resume": {asked["id"]: {"approved": True}}}
    values: Any = await client.runs.wait(thread, "copilot", command=answer, context=PLANNER)

    assert texts(values)[0] == "Create a task called Pepper"
    assert "Pepper" in texts(values)[-1]
    assert "Salt" not in str(values)


async def test_a_deletion_waits_for_a_yes(studio: Studio) -> None:
    client = studio.client("ada")
    await answer(client, "Create a task called Doomed")
    thread = await new_thread(client)

    await client.runs.wait(thread, "copilot", input=asks("Delete the task Doomed"), context=PLANNER)

    assert (await client.threads.get(thread))["status"] == "interrupted"
    tasks: Any = (await client.threads.get_state(thread))["tasks"]
    (asked,) = [interrupt for task in tasks for interrupt in task["interrupts"]]
    assert "Delete 1 task: Doomed." in asked["value"]["question"]
    values: Any = await client.runs.wait(
        thread, "copilot", command={"resume": {asked["id"]: {"approved": True}}}, context=PLANNER
    )
    assert "Deleted" in texts(values)[-1]


async def test_a_conversation_of_the_app_is_opened_and_continued(studio: Studio) -> None:
    key = await app_thread(studio, "Create a task called Lamp")
    client = studio.client("ada")

    await client.threads.create(thread_id=key, if_exists="do_nothing", graph_id="copilot")
    state: Any = await client.threads.get_state(key)
    assert texts(state["values"])[0] == "Create a task called Lamp"
    assert len(await client.threads.get_history(key)) == 7
    copied: Any = await client.threads.copy(key)
    copy: Any = await client.threads.get_state(copied["thread_id"])
    assert copy["values"] == state["values"]

    await client.runs.wait(key, "copilot", input=asks("Create a task called Shade"), context=PLANNER)
    shown = (await studio.app.copilot.conversation(key, MIA))["messages"]
    assert [message["content"] for message in shown if message["role"] == "user"] == [
        "Create a task called Lamp", "Create a task called Shade",
    ]  # fmt: skip


async def test_the_samples_of_the_page_open_a_conversation(studio: Studio) -> None:
    conversation_id = await app_thread(studio, "Create a task called Vase")
    page = (Path(__file__).parents[2] / "docs" / "how-to" / "langgraph-studio.md").read_text()
    names: dict[str, Any] = {"conversation_id": conversation_id}

    for sample in re.findall(r"^```python\n(.*?)^```", page, re.MULTILINE | re.DOTALL):
        code = sample.replace("http://127.0.0.1:2024", studio.url).replace("ck_...", studio.keys["ada"])
        running = eval(compile(code, "langgraph-studio.md", "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT), names)
        if running is not None:
            await running

    state: Any = await names["client"].threads.get_state(conversation_id)
    await names["client"].aclose()
    assert texts(state["values"])[0] == "Create a task called Vase"


async def test_a_conversation_of_the_app_is_safe_from_studio(studio: Studio) -> None:
    key = await app_thread(studio, "Create a task called Chair")
    client = studio.client("ada")
    await client.threads.create(thread_id=key, if_exists="do_nothing", graph_id="copilot")

    with pytest.raises(PermissionDeniedError):
        await client.threads.delete(key)
    runs = studio.app.copilot.runs
    begun = await runs.begin(MIA, RunInput([Message("user", "hi")], thread_id=key), "rule-planner")
    with pytest.raises(ConflictError):
        await client.runs.create(key, "copilot", input=asks("hello"), context=PLANNER)
    await runs.release(begun)


async def test_another_workspace_does_not_exist(studio: Studio) -> None:
    key = await app_thread(studio, "Create a task called Secret")
    ada, eve = studio.client("ada"), studio.client("eve")
    mine = str((await ada.assistants.create("copilot", name="mine", metadata={"created_by": "system"}))["assistant_id"])

    async def nothing_to_eve() -> None:
        for request in (
            lambda: eve.threads.get(key),
            lambda: eve.threads.get_state(key),
            lambda: eve.threads.get_history(key),
            lambda: eve.threads.update_state(key, asks("hello")),
            lambda: eve.threads.copy(key),
            lambda: eve.threads.update(key, metadata={"workspace": "evil"}),
            lambda: eve.threads.delete(key),
            lambda: eve.runs.list(key),
            lambda: eve.runs.create(key, "copilot", input=asks("hello"), context=PLANNER, if_not_exists="create"),
            lambda: eve.threads.create(thread_id=key, graph_id="copilot", metadata={"workspace": "acme"}),
        ):
            with pytest.raises((NotFoundError, ConflictError)):
                await request()

    await nothing_to_eve()
    await ada.threads.create(thread_id=key, graph_id="copilot")
    await nothing_to_eve()
    own = await new_thread(ada)

    seen = {thread["thread_id"] for thread in await eve.threads.search(metadata={"workspace": "acme"}, limit=100)}
    assert seen & {key, own} == set()
    assert mine not in {found["assistant_id"] for found in await eve.assistants.search()}
    with pytest.raises(NotFoundError):
        await eve.assistants.update(mine, name="hers")
    assert "Secret" not in await answer(eve, "list tasks")


async def test_a_client_cannot_say_who_it_is(studio: Studio) -> None:
    eve = {"id": "eve", "workspace": "evil", "role": "admin"}
    forged = {
        "langgraph_auth_user": {"identity": "evil/eve", "principal": eve, **eve},
        "langgraph_auth_user_id": "evil/eve",
    }
    client = studio.client("ada", **{"x-langgraph_auth_user": str(forged)})
    assistant = str((await client.assistants.create("copilot", config={"configurable": forged}))["assistant_id"])

    for number, (graph, options) in enumerate(
        [
            ("copilot", {"config": {"configurable": forged}}),
            ("copilot", {"context": {**PLANNER, **forged}}),
            ("copilot", {"metadata": forged, "config": {"metadata": forged}}),
            (assistant, {}),
        ]
    ):
        asked: Any = {"input": asks(f"Create a task called Fake{number}"), **options}
        values: Any = await client.runs.wait(await new_thread(client), graph, **asked)
        assert '"success": true' in texts(values)[2]

    listed = await answer(client, "list tasks")
    assert [f"Fake{number}" in listed for number in range(4)] == [True] * 4
    assert "Fake" not in await answer(studio.client("eve"), "list tasks")


async def test_what_studio_does_not_need_is_closed(studio: Studio) -> None:
    client = studio.client("ada")

    for request in (
        lambda: client.store.put_item(("notes",), "a", {"b": 1}),
        lambda: client.store.search_items(("notes",)),
        lambda: client.crons.create("copilot", schedule="0 0 1 1 *", input=asks("hi")),
        lambda: client.http.post("/mcp", json={"jsonrpc": "2.0", "id": 1, "method": "tools/list"}),
        lambda: client.http.post("/a2a/copilot", json={"jsonrpc": "2.0", "id": 1, "method": "message/send"}),
    ):
        with pytest.raises(APIStatusError) as refused:
            await request()
        assert refused.value.status_code in {403, 404}


@pytest.mark.parametrize(("origin", "status"), [(HOSTED, 200), ("https://evil.example", 400)])
async def test_browsers_may_call_from_studio_only(studio: Studio, origin: str, status: int) -> None:
    headers = {
        "Origin": origin,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization",
    }
    async with httpx2.AsyncClient() as http:
        answered = await http.options(f"{studio.url}/threads/search", headers=headers)

    assert answered.status_code == status
    assert answered.headers.get("access-control-allow-origin") == (origin if status == 200 else None)


async def test_it_leaves_nothing_behind_and_keeps_no_key(studio: Studio) -> None:
    assert "BlockingError" not in studio.log.read_text()
    assert f"{HOSTED}/studio/?baseUrl={studio.url}" in studio.log.read_text()
    assert {path.name.split("-")[0] for path in studio.folder.iterdir()} == {"app.db", "log"}
    kept = b"".join(path.read_bytes() for path in studio.folder.iterdir())
    for key in studio.keys.values():
        assert key.encode() not in kept
