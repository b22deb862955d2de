"""The sample CRM (`app/web`), as built, with the stock CopilotKit packages: in Chromium, against the real server."""

import asyncio
import json
import re
import shutil
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest
import pytest_asyncio
from playwright.async_api import Browser, Locator, Page, Request, async_playwright, expect

import copilot_calendar
import copilot_content
import copilot_navigation
import copilot_records
from copilot_core import Role
from copilot_core.chat_models import ChatModels
from copilot_core.cli.serving import DEMO_USER, DEMO_WORKSPACE, fill
from copilot_core.clock import FixedClock
from copilot_core.settings import Settings
from copilot_core.testing import opened, served
from copilot_core.testing.openai_server import Call, Say, ScriptedOpenAI, Status
from copilot_core.testing.pytest_plugin import require

expect.set_options(timeout=20_000)  # a busy machine is no failure
pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser"), pytest.mark.asyncio(loop_scope="session")]
PAGE = Path(__file__).parents[2] / "app" / "web" / "dist"
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]
IDLE = ("data-copilotkit-in-progress", "false")
GREETING = "Ask about your records, or say what should change."
NOW = datetime(2026, 11, 20, 22, 30, tzinfo=UTC)
MODULES = {
    "tasks": "Task",
    "deals": "Deal",
    "contacts": "Contact",
    "companies": "Company",
    "projects": "Project",
}
KNOWN = {
    "Current user": {"userId": "dana", "name": "dana", "role": "admin"},
    "Current user information": {"role": "admin"},
    "Modules available in this workspace": [
        {"slug": slug, "name": name, "pluralName": slug.capitalize()} for slug, name in MODULES.items()
    ],
    "Routes of this application": {
        "handlesNavigation": True,
        "routes": [
            {"path": "/", "name": "Dashboard"},
            {"path": "/modules/{module}", "name": "The list of a module"},
            {"path": "/modules/{module}/records/{id}", "name": "A record"},
        ],
    },
    "Current date and time for relative date calculations": {
        "currentDate": "2026-11-20",
        "tomorrow": "2026-11-21",
        "timezone": "Europe/Berlin",
        "dayOfWeek": "Friday",
        "now": "2026-11-20T23:30:00+01:00",
    },
}
"""What the prompt says at `NOW`, besides the page that is open and the fields of the modules."""
WIDER = """() => [document.documentElement, ...document.querySelectorAll(".copilotKitMessages")]
    .filter(({ scrollWidth, clientWidth }) => scrollWidth > clientWidth).length"""


@dataclass(frozen=True, slots=True)
class Crm:
    """The page on a server with the demo's data, signed in as an admin, and the model that the server asks, if any.

    Args:
        asked: the requests by which the chat asks what its conversation holds, and whether it has the answer.
    """

    url: str
    key: str
    page: Page
    model: ScriptedOpenAI | None
    asked: dict[Request, bool]
    clock: FixedClock | None

    @property
    def answers(self) -> Locator:
        """The texts of the copilot."""
        return self.page.locator(".copilotKitAssistantMessage .copilotKitMarkdown")

    @property
    def connected(self) -> bool:
        """Whether the chat has what its conversation holds; the stock chat loses a message before that."""
        thread_id = parse_qs(urlsplit(self.page.url).query)["thread"][0]
        answered = [has for request, has in self.asked.items() if thread_id in (request.post_data or "")]
        return bool(answered) and all(answered)

    async def say(self, text: str) -> None:
        """Send a message as soon as the chat takes one."""
        async with asyncio.timeout(60):
            while not self.connected:
                await self.page.wait_for_event("requestfinished")
            box = self.page.get_by_placeholder("Ask or tell the copilot…")
            await box.fill(text)
            while await box.input_value():
                await expect(self.page.locator("[data-copilotkit-in-progress]")).to_have_attribute(*IDLE)
                await box.press("Enter")
                with suppress(AssertionError):
                    await expect(box).to_have_value("", timeout=200)

    @asynccontextmanager
    async def told(self) -> AsyncIterator[None]:
        """What is clicked meanwhile is told to the server, which has a use for it."""
        async with self.page.expect_response("**/v1/threads/*/events") as answer:
            yield
        assert (await answer.value).status == 204

    async def fits(self) -> None:
        """Neither the page nor the chat is wider than what is seen of it."""
        assert await self.page.evaluate(WIDER) == 0

    def client(self) -> httpx2.AsyncClient:
        return httpx2.AsyncClient(base_url=self.url, headers={"Authorization": f"Bearer {self.key}"}, timeout=30)

    async def records(self, module: str, field: str, value: str) -> list[dict[str, Any]]:
        """The records of the module that have that value, as the server tells them."""
        asked = {"module": module, "filters": [{"field": field, "op": "eq", "value": value}]}
        async with self.client() as http:
            answer = await http.post("/v1/actions/queryRecords", json=asked)
        return list(answer.raise_for_status().json()["data"]["records"])

    def heard(self, role: str) -> list[str]:
        """What the model got in its newest request."""
        assert self.model
        messages = self.model.requests[-1].body["messages"]
        return [str(message["content"]) for message in messages if message["role"] == role]

    def known(self) -> list[tuple[str, Any]]:
        """Description and value of each readable in the newest prompt."""
        [prompt] = self.heard("system")
        lines = re.findall(r'^<data description="(.*?)">(.*)</data>$', prompt, re.MULTILINE)
        return [(description, json.loads(value)) for description, value in lines]

    def results(self) -> list[Any]:
        """What the tools answered, as the model read it."""
        return [json.loads(content) for content in self.heard("tool")]


@asynccontextmanager
async def crm(
    browser: Browser, script: Sequence[Any] | None = None, *, width: int = 1280, now: datetime | None = None
) -> AsyncIterator[Crm]:
    """The page, with a model that follows `script` or, without one, the rule planner; `now` for page and server."""
    problems: list[str] = []
    async with AsyncExitStack() as stack:
        model = None if script is None else await stack.enter_async_context(ScriptedOpenAI(script))
        given = Settings(openai_api_key="x", openai_base_url=model.base_url, _env_file=None) if model else None
        models = ChatModels("openai:scripted", settings=given) if given else ChatModels("rule-planner")
        plugins = (copilot_records, copilot_content, copilot_navigation, copilot_calendar)
        clock = FixedClock(now) if now else None
        ready = await stack.enter_async_context(opened(*plugins, models=models, clock=clock))
        await fill(ready)
        key = await ready.keys.create(workspace=DEMO_WORKSPACE, user=DEMO_USER, role=Role.ADMIN)
        url = await stack.enter_async_context(served(ready, demo_keys={"admin": key}, page=PAGE))

        context = await browser.new_context(viewport={"width": width, "height": 860}, timezone_id="Europe/Berlin")
        stack.push_async_callback(context.close)
        context.set_default_timeout(30_000)
        if now:
            await context.clock.set_fixed_time(now)
        page, asked = await context.new_page(), dict[Request, bool]()
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on("domcontentloaded", lambda _page: asked.clear())
        page.on("request", lambda request: asked.update({request: False} if request.url.endswith("/connect") else {}))
        page.on("requestfinished", lambda request: asked.update({request: True} if request in asked else {}))
        await page.goto(f"{url}/app/")
        await expect(page.get_by_role("heading", name="Dashboard")).to_be_visible()
        yield Crm(url, key, page, model, asked, clock)
    assert problems == []


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def browser() -> AsyncIterator[Browser]:
    require((PAGE / "index.html").exists(), "app/web is not built; see `make web`")
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    require(chromium, "Chromium is not installed")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        yield browser
        await browser.close()


async def test_an_answer_streams_and_a_reload_in_the_middle_shows_the_rest(browser: Browser) -> None:
    go_on, end = asyncio.Event(), asyncio.Event()
    async with crm(browser, [Say("Hello **Dana**, welcome.", wait=go_on), Say("One two three", wait=end)]) as at:
        await at.say("Hello")
        await expect(at.answers).to_have_text([GREETING, "Hello"])
        go_on.set()
        await expect(at.answers).to_have_text([GREETING, "Hello Dana, welcome."])

        await at.say("Count")
        await expect(at.answers).to_have_text([GREETING, "Hello Dana, welcome.", "One"])
        await at.page.reload()
        await expect(at.answers).to_have_text([GREETING, "Hello Dana, welcome.", "One"])
        end.set()
        await expect(at.answers).to_have_text([GREETING, "Hello Dana, welcome.", "One two three"])
        await expect(at.page.locator(".copilotKitUserMessage")).to_have_text(["Hello", "Count"])


async def test_what_the_page_knows_is_in_the_prompt_once_and_follows_the_page(browser: Browser) -> None:
    async with crm(browser, [Say("Noted.")] * 4, now=NOW) as at:
        page, places = at.page, list[Any]()

        async def here() -> None:
            await at.say("I am here")
            await expect(at.answers).to_have_text([GREETING, *["Noted."] * (len(places) + 1)])
            known = dict(at.known())
            assert len(known) == len(at.known())
            assert [module["slug"] for module in known.pop("Modules in this workspace")] == [*MODULES]
            places.append(known.pop("Current page and navigation context"))
            assert known == KNOWN

        await here()
        await page.get_by_role("link", name="Deals", exact=True).click()
        await page.get_by_label("Stage").select_option("negotiation")
        await here()
        await page.get_by_role("link", name="Kestrel Air renewal").click()
        await expect(page.get_by_role("heading", name="Kestrel Air renewal")).to_be_visible()
        await here()
        await page.get_by_role("link", name="Dashboard").click()
        await here()

        [deal] = await at.records("deals", "name", "Kestrel Air renewal")
        deals = {"moduleSlug": "deals", "moduleName": "Deals"}
        assert places == [
            {"pageType": "dashboard"},
            {"pageType": "moduleList", **deals, "filters": {"stage": "negotiation"}},
            {"pageType": "moduleRecord", **deals, "recordId": deal["id"], "recordName": "Kestrel Air renewal"},
            {"pageType": "dashboard"},
        ]


async def test_a_created_task_has_a_card_whose_undo_takes_it_back(browser: Browser) -> None:
    async with crm(browser) as at:
        await at.page.get_by_role("link", name="Tasks", exact=True).click()
        await at.say("Create a high priority task called Review Q4 Report")
        card, row = at.page.locator(".card"), at.page.get_by_role("row", name="Review Q4 Report")
        told = "Created task “Review Q4 Report”.TitleReview Q4 ReportPriorityHigh"
        await expect(card).to_have_text(f"{told}Open Undo")
        await expect(row).to_be_visible()
        [task] = await at.records("tasks", "title", "Review Q4 Report")
        assert task == {key: task[key] for key in ("id", "link")} | {"title": "Review Q4 Report", "priority": "high"}

        await card.get_by_role("button", name="Undo").click()
        await expect(card).to_have_text(f"{told}Open Undone")
        await expect(row).to_be_hidden()
        assert await at.records("tasks", "title", "Review Q4 Report") == []
        await at.page.reload()
        await expect(card).to_have_text(f"{told}Open Undone")


async def test_a_deletion_shows_what_would_go_and_waits_for_the_user(browser: Browser) -> None:
    async with crm(browser, now=NOW) as at:
        done = await at.records("tasks", "status", "done")
        approval, receipt = at.page.locator(".card.approval"), at.page.locator(".card.receipt")

        await at.say("Delete all done tasks")
        await expect(approval).to_contain_text("Delete 18 tasks: Plan the team offsite, Update the emergency contact")
        foreseen = approval.get_by_role("listitem")
        await expect(foreseen).to_have_count(6)
        offsite = "StatusDonePriorityMediumDue dateNov 13, 2026AssigneeSam Carter"
        await expect(foreseen.first).to_have_text(
            f"Plan the team offsite{offsite}DescriptionTwo days, by train from everywhere."
        )
        await expect(foreseen.last).to_have_text("and 13 more")
        await approval.get_by_role("button", name="Reject").click()
        refused = "deleteRecords failed: The user did not approve this. It was not done."
        await expect(at.answers).to_have_text([GREETING, refused])
        await expect(approval).to_be_hidden()
        assert await at.records("tasks", "status", "done") == done

        await at.say("Delete all done tasks")
        await expect(approval).to_be_visible()
        await at.page.reload()
        await approval.get_by_role("button", name="Approve").click()
        await expect(receipt.locator("header")).to_have_text("Deleted 18 tasks.")
        await expect(at.page.locator(".tile strong").first).to_have_text("66")
        assert await at.records("tasks", "status", "done") == []
        await receipt.get_by_role("button", name="Undo").click()
        await expect(receipt.locator("footer")).to_have_text("Undone")
        await expect(at.page.locator(".tile strong").first).to_have_text("84")
        assert await at.records("tasks", "status", "done") == done


async def test_the_model_moves_the_page_asks_on_it_and_reads_what_came_of_it(browser: Browser) -> None:
    options = [{"id": "rec_a", "label": "Acme, of June"}, {"id": "rec_b", "label": "Acme, of July"}]
    script = [
        Call("goToModule", {"module": "deals"}),
        Call("setFilter", {"moduleSlug": "deals", "field": "stage", "value": "won"}),
        Say("These are won."),
        Call("openRecord", {"record": "Kestrel Air renewal"}),
        Call("navigateTo", {"route": "/modules/deals/../planets"}),
        Call("chooseRecord", {"question": "Which Acme?", "options": options}),
        Say("The one of July."),
        Status(400),
    ]
    async with crm(browser, script) as at:
        await at.say("Which deals are won?")
        await expect(at.answers).to_have_text([GREETING, "These are won."])
        await expect(at.page).to_have_url(re.compile("#/modules/deals[?]stage=won$"))
        won = await at.records("deals", "stage", "won")
        await expect(at.page.locator("main tbody td:nth-child(2)")).to_have_text(["Won"] * len(won))

        await at.say("Open the renewal, and Acme")
        await expect(at.page.get_by_role("heading", name="Kestrel Air renewal")).to_be_visible()
        await at.page.get_by_role("button", name="Acme, of July").click()
        await expect(at.answers).to_have_text([GREETING, "These are won.", "The one of July."])
        allowed = ["/", "/modules/{module}", "/modules/{module}/records/{id}"]
        refused = f"There is no route '/modules/deals/../planets' here. Allowed are: {', '.join(allowed)}"
        assert at.results() == [
            {"success": True, "handled": True, "link": "/modules/deals", "message": "The page opens Deals."},
            {"success": True, "message": "Stage is filtered: won."},
            {"success": True, "message": "The deal “Kestrel Air renewal” is open."},
            {
                "success": False,
                "error": "route_not_allowed",
                "message": refused,
                "details": {"route": refused, "allowed": allowed},
            },
            options[1],
        ]

        await at.say("Fail")
        problem = at.page.get_by_role("alert")
        await expect(problem).to_have_text("The model provider rejected the request.")
        await problem.get_by_role("button", name="Dismiss").click()
        await expect(problem).to_be_hidden()


@pytest.mark.seed("S36", "S37")
async def test_the_page_goes_where_plain_words_lead(browser: Browser) -> None:
    async with crm(browser) as at:
        await at.say("Go to deals")
        await expect(at.page.get_by_role("heading", name="Deals", exact=True)).to_be_visible()
        await at.say("Take me to the dashboard")
        await expect(at.page.get_by_role("heading", name="Dashboard")).to_be_visible()
        await expect(at.answers).to_have_text([GREETING, "The page opens Deals.", "The page opens Dashboard."])
        await at.say("Show my tasks")
        await expect(at.page.locator(".card:has(.row) header")).to_contain_text("Tasks")


async def test_a_list_and_a_draft_are_cards_and_what_is_done_in_them_is_told(browser: Browser) -> None:
    todo = {"module": "tasks", "filters": [{"field": "status", "op": "eq", "value": "todo"}], "sortBy": "title"}
    mail = {"subject": "Your renewal", "body": "Hello Ada,\n\nshall we talk?"}
    script = [
        Call("queryRecords", {**todo, "limit": 6}),
        Say("There they are."),
        Call("draftEmail", {"type": "follow_up", "recipientName": "Ada", "context": "the renewal"}),
        Call("answer", mail),
        Say("Drafted."),
        Say("Yes."),
    ]
    async with crm(browser, script, now=NOW) as at:
        listed, draft = at.page.locator(".card:has(.row)"), at.page.locator(".card.email")
        await at.say("What is to do?")
        await expect(listed.locator("header")).to_have_text("Tasks6 of 39")
        await expect(listed.locator(".row")).to_have_count(5)
        await listed.get_by_role("button", name="Show 1 more").click()
        await expect(listed.locator(".row")).to_have_count(6)
        first = listed.locator(".row").first
        await expect(first).to_have_text("Agree on retention periodsTodoNov 22, 2026Lena Fischer")
        await expect(at.answers).to_have_text([GREETING, "There they are."])
        async with at.told():
            await first.click()
        await expect(at.page.get_by_role("heading", name="Agree on retention periods")).to_be_visible()

        await at.say("Write to Ada")
        await expect(draft).to_have_text("E-mail draftYour renewalHello Ada,\n\nshall we talk?SendEdit")
        await expect(at.answers).to_have_text([GREETING, "There they are.", "Drafted."])
        await draft.get_by_role("button", name="Edit").click()
        await draft.get_by_label("Subject").fill("Renewal")
        async with at.told():
            await draft.get_by_role("button", name="Keep").click()
        async with at.told():
            await draft.get_by_role("button", name="Send").click()
        await expect(draft.locator("footer")).to_have_text("Handed over for sending.")

        await at.say("Did you see?")
        await expect(at.answers).to_have_text([GREETING, "There they are.", "Drafted.", "Yes."])
        reported = [said for said in at.heard("user") if said.startswith("[The page reports")]
        clicked = at.results()[0]["data"]["records"][0]["id"]
        assert [json.loads(said[said.index("{") : -1]) for said in reported] == [
            {"component": "RecordList", "event": "onTaskClick", "payload": {"id": clicked}},
            {"component": "EmailPreview", "event": "onEdit", "payload": {**mail, "subject": "Renewal"}},
            {"component": "EmailPreview", "event": "onSend", "payload": {**mail, "subject": "Renewal"}},
        ]


@pytest.mark.seed("S39")
@pytest.mark.parametrize("width", [1280, 390])
async def test_a_reminder_that_is_due_is_a_notice_until_it_is_dismissed(browser: Browser, width: int) -> None:
    async with crm(browser, now=NOW, width=width) as at:
        assert at.clock
        notice = at.page.get_by_role("region", name="Notices").get_by_role("listitem")
        if width == 390:
            await at.page.locator(".copilotKitButton").click()
        await at.say("Remind me in 10 minutes to call <b>Ada</b>")
        await expect(at.answers.last).to_contain_text("I will remind you on Friday, 20 November 2026 at 23:40")
        await expect(notice).to_have_count(0)

        at.clock.instant = NOW + timedelta(minutes=10)
        await expect(notice).to_have_text(re.compile("^call <b>Ada</b>Reminder · Nov 20, 2026, 11:40.PM$"))
        await at.fits()
        await notice.get_by_role("button", name="Dismiss").click()
        await expect(notice).to_have_count(0)
        async with at.client() as http:
            told = (await http.get("/v1/notifications")).json()["notifications"]
        assert [(each["title"], each["seenAt"] is not None) for each in told] == [("call <b>Ada</b>", True)]
        await at.page.reload()
        async with at.page.expect_response("**/v1/notifications?seen=false") as answer:
            pass
        assert await (await answer.value).json() == {"notifications": []}


async def test_conversations_are_begun_listed_renamed_opened_and_deleted(browser: Browser) -> None:
    async with crm(browser, [Say("Hello."), Say("Good day.")]) as at:
        listed = at.page.locator(".threads li")
        await at.say("What is new?")
        await expect(at.answers).to_have_text([GREETING, "Hello."])
        await expect(listed).to_have_text(["What is new?"])
        await at.page.get_by_title("New conversation").click()
        await expect(at.answers).to_have_text([GREETING])
        await at.say("And now?")
        await expect(at.answers).to_have_text([GREETING, "Good day."])
        await expect(listed).to_have_text(["And now?", "What is new?"])
        assert at.heard("user") == ["And now?"]

        await listed.last.hover()
        await listed.last.get_by_title("Rename").click()
        await at.page.get_by_label("Title").fill("News")
        await at.page.get_by_label("Title").press("Enter")
        await expect(listed).to_have_text(["And now?", "News"])
        await at.page.get_by_role("button", name="News").click()
        await expect(at.answers).to_have_text([GREETING, "Hello."])
        await at.page.go_back()
        await expect(at.answers).to_have_text([GREETING, "Good day."])

        await listed.first.hover()
        await listed.first.get_by_title("Delete").click()
        await listed.first.get_by_role("button", name="Delete").click()
        await expect(listed).to_have_text(["News"])
        await expect(at.answers).to_have_text([GREETING])
        async with at.client() as http:
            kept = (await http.get("/v1/threads")).json()["threads"]
        assert [(thread["title"], thread["archived"]) for thread in kept] == [("News", False)]


async def test_a_phone_shows_every_page_and_card_without_scrolling_sideways(browser: Browser) -> None:
    async with crm(browser, width=390) as at:
        await at.fits()
        for slug in MODULES:
            await at.page.get_by_role("button", name="Menu", exact=True).click()
            await at.fits()
            await at.page.get_by_role("link", name=slug.capitalize(), exact=True).click()
            await expect(at.page.get_by_role("heading", name=slug.capitalize())).to_be_visible()
            await at.page.locator("main tbody a").first.click()
            await expect(at.page.locator("dl.fields")).to_be_visible()
            await at.fits()
            await at.page.go_back()
            await expect(at.page.locator("main tbody a").first).to_be_visible()
            await at.fits()

        await at.page.locator(".copilotKitButton").click()
        for said, card in (
            ("Show all high priority tasks", ".card:has(.row)"),
            ("Create a task called Review Q4 Report", ".card.receipt"),
            ("Draft a proposal email to Priya about the renewal", ".card.email"),
            ("Delete all done tasks", ".card.approval"),
        ):
            await at.say(said)
            await expect(at.page.locator(card)).to_be_visible()
            await at.fits()
