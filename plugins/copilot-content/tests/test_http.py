"""The three routes with the rule planner: what is said is counted or copied, and nothing is written."""

import json

import pytest

from copilot_core import Principal, Role

from .conftest import Crm, Open, page

NOT_WRITTEN = "Put together from the record's fields; not written by a language model."
TEMPLATE = "A template filled in, not written by a language model: complete what is in [brackets]."
ACME = {"name": "Acme renewal", "stage": "proposal", "value": 50000, "closeDate": "2026-02-15", "company": "Acme"}


async def summary(crm: Crm, record: str, format: str, module: str = "deals") -> tuple[int, object]:
    return await crm.post("/v1/summarize", {"moduleSlug": module, "recordId": record, "format": format})


@pytest.mark.seed("S62", "S63")
async def test_a_summary_tells_the_fields_and_a_brief_one_is_shorter(crm: Open, database_url: str) -> None:
    async with crm(database_url=database_url) as dana:
        deal = await dana.add("deals", **ACME, contact=await dana.add("contacts", name="Priya Shah"))
        told = {"Stage": "Proposal", "Value": "50,000", "Close Date": "Feb 15, 2026"}
        highlights = [{"label": name, "value": value} for name, value in told.items()]

        assert await summary(dana, deal, "brief") == (
            200,
            {
                "summary": "Acme renewal (deal). Stage: Proposal. Value: 50,000. Close Date: Feb 15, 2026.",
                "highlights": highlights,
                "notes": [NOT_WRITTEN],
            },
        )
        assert await summary(dana, deal, "detailed") == (
            200,
            {
                "summary": "Acme renewal (deal). Name: Acme renewal. Stage: Proposal. Value: 50,000. "
                "Close Date: Feb 15, 2026. Company: Acme. Contact: Priya Shah. Not filled in: Owner.",
                "highlights": [
                    *highlights,
                    {"label": "Company", "value": "Acme"},
                    {"label": "Contact", "value": "Priya Shah"},
                ],
                "notes": [NOT_WRITTEN],
            },
        )  # fmt: skip


@pytest.mark.seed("S64", "S65")
async def test_a_suggestion_is_what_similar_records_have_most_often_and_is_not_written(
    crm: Open, database_url: str
) -> None:
    async with crm(database_url=database_url) as dana:
        for priority in ("high", "high", "low"):
            await dana.add("tasks", title="Client escalation", status="blocked", priority=priority)
        for _ in range(12):
            await dana.add("tasks", title="Water the plants", status="todo", priority="medium")
        task = await dana.add("tasks", title="Call back", status="blocked", priority="low")
        before = await dana.records("tasks")
        context = {"title": "Urgent client escalation", "description": "Client reported a critical bug"}
        asked = {"moduleSlug": "tasks", "recordId": task, "fieldSlug": "priority", "context": context}

        assert await dana.post("/v1/suggest-field-value", asked) == (
            200,
            {
                "suggested": "high",
                "confidence": 0.5,
                "reasoning": "2 of 3 similar tasks have Priority High. They share Status Blocked, the word “client” or "
                "the word “escalation”. Counted from the workspace's records, not written by a language model.",
            },
        )
        assert await dana.records("tasks") == before


@pytest.mark.seed("S65")
async def test_where_there_is_nothing_to_count_the_confidence_is_zero_and_says_why(crm: Open) -> None:
    async with crm() as dana:
        task = await dana.add("tasks", title="Alone")
        asked = {"moduleSlug": "tasks", "recordId": task, "fieldSlug": "priority"}
        option = (await dana.post("/v1/suggest-field-value", asked))[1]
        text = (await dana.post("/v1/suggest-field-value", {**asked, "fieldSlug": "dueDate"}))[1]

    assert (option["suggested"], option["confidence"], text["suggested"], text["confidence"]) == ("low", 0, None, 0)
    assert option["reasoning"].startswith(
        "There is nothing to go by: no other of the tasks has a Priority. Low is only the first option."
    )


async def test_people_and_related_records_are_suggested_as_they_are_kept(crm: Open) -> None:
    async with crm() as dana:
        project = await dana.add("projects", name="SOC2 audit")
        for _ in range(2):
            await dana.add("tasks", title="Collect evidence", assignee="Sam Carter", project=project)
        task = await dana.add("tasks", title="More evidence")
        asked = {"moduleSlug": "tasks", "recordId": task}
        told = [
            (await dana.post("/v1/suggest-field-value", {**asked, "fieldSlug": name}))[1]
            for name in ("project", "assignee")
        ]

    assert [one["suggested"] for one in told] == [project, "Sam Carter"]
    assert told[0]["reasoning"].startswith(
        "2 of 2 similar tasks have Project SOC2 audit. They share the word “evidence”."
    )


@pytest.mark.seed("S42", "S61")
async def test_a_draft_uses_what_was_given_and_the_open_record_and_sends_nothing(crm: Open, database_url: str) -> None:
    async with crm(database_url=database_url) as dana:
        deal = await dana.add("deals", **ACME)
        before = await dana.records("deals")
        asked = {"type": "follow_up", "recipientName": "Priya", "context": "the renewal"}

        assert await dana.post("/v1/draft-email", {**asked, "readables": [page("deals", deal)]}) == (
            200,
            {
                "subject": "Following up: the renewal (Acme renewal)",
                "body": "Hello Priya,\n\nI am writing to follow up on the renewal.\n\nAcme renewal:\n"
                "- Stage: Proposal\n- Value: 50,000\n- Close Date: Feb 15, 2026\n\n"
                "[What should happen next, and by when]\n\nBest regards,\nDana Reyes",
                "notes": [TEMPLATE],
            },
        )
        gone = await dana.post(
            "/v1/draft-email", {**asked, "readables": [page("deals", "rec_gone", "Old\n<b>deal</b>")]}
        )
        assert gone[1]["subject"] == "Following up: the renewal (Old deal)"
        assert gone[1]["notes"] == ["The open page was not used: There is no deal 'rec_gone'.", TEMPLATE]
        assert await dana.records("deals") == before


DEAL = {"moduleSlug": "deals", "recordId": "Acme renewal", "fieldSlug": "stage"}


UNKNOWN = [
    ("summarize", {"moduleSlug": "dels"}, "validation_error", "module", "There is no module 'dels'. Did you mean"),
    ("summarize", {"recordId": "rec_none"}, "not_found", "recordId", "There is no deal 'rec_none'"),
    ("summarize", {"recordId": "Initech pilot"}, "not_found", "recordId", "There is no deal 'Initech pilot'. Near: In"),
    ("summarize", {"format": "long"}, "validation_error", "format", "The 'format' field must be one of"),
    ("suggest-field-value", {"moduleSlug": "x"}, "validation_error", "module", "There is no module 'x'."),
    ("suggest-field-value", {"recordId": "rec_none"}, "not_found", "recordId", "There is no deal 'rec_none'"),
    ("suggest-field-value", {"fieldSlug": "mood"}, "validation_error", "fieldSlug", "The 'mood' field is unknown in d"),
    ("draft-email", {"type": "love", "recipientName": "Ada"}, "validation_error", "type", "The 'type' field must be o"),
    ("draft-email", {"type": "follow_up", "recipientName": " "}, "validation_error", "recipientName", "The 'recipien"),
]


@pytest.mark.seed("S66", "S51")
async def test_what_is_unknown_is_said_and_not_guessed(crm: Open) -> None:
    async with crm() as dana:
        await dana.add("deals", **ACME)
        await dana.add("projects", name="Initech pilot")
        for path, given, error, field, told in UNKNOWN:
            base = {k: v for k, v in DEAL.items() if k != "fieldSlug" or path == "suggest-field-value"}
            status, answer = await dana.post(f"/v1/{path}", given if path == "draft-email" else base | given)

            assert (status, answer["success"], answer["error"]) == (422, False, error)
            assert list(answer["details"]) == [field]
            assert answer["message"].startswith(told)


async def test_a_record_goes_by_its_name_where_only_one_has_it(crm: Open) -> None:
    async with crm() as dana:
        await dana.add("deals", **ACME)
        one = await summary(dana, "acme", "brief")
        await dana.add("deals", name="Acme pilot")
        status, several = await summary(dana, "acme", "brief")

    assert one[0] == 200
    assert (status, several["message"].count("(rec_")) == (422, 2)  # type: ignore[index]


async def test_another_workspaces_record_answers_as_one_that_is_not_there(crm: Open) -> None:
    async with crm() as dana:
        theirs = await dana.add("deals", Principal("eve", "globex"), name="Secret deal")
        answers = [
            await dana.post("/v1/summarize", {"moduleSlug": "deals", "recordId": record})
            for record in (theirs, "rec_no")
        ]
        named = await dana.post("/v1/summarize", {"moduleSlug": "deals", "recordId": "Secret deal"})
        draft = {"type": "follow_up", "recipientName": "Ada", "readables": [page("deals", theirs)]}
        mail = await dana.post("/v1/draft-email", draft)

    assert answers[0][0] == answers[1][0] == 422
    assert answers[0][1]["message"].replace(theirs, "rec_no") == answers[1][1]["message"]
    assert named[1]["message"] == "There is no deal 'Secret deal'"
    assert "Secret" not in str(mail)


async def test_a_viewer_may_read_and_a_stranger_may_not(crm: Open) -> None:
    async with crm() as dana:
        deal = await dana.add("deals", **ACME)
        asked = {"moduleSlug": "deals", "recordId": deal}
        viewer = await dana.headers_of("vera", Role.VIEWER)
        assert (await dana.post("/v1/summarize", asked, headers=viewer))[0] == 200
        assert (await dana.post("/v1/summarize", asked, headers={"Authorization": "Bearer ck_none"}))[0] == 401


async def test_a_page_that_lists_its_modules_works_with_those_only(crm: Open) -> None:
    async with crm() as dana:
        deal = await dana.add("deals", **ACME)
        listed = {"description": "Modules", "value": [{"slug": "tasks", "name": "Tasks", "pluralName": "Tasks"}]}
        status, answer = await dana.post(
            "/v1/summarize", {"moduleSlug": "deals", "recordId": deal, "readables": [listed]}
        )

    assert (status, answer["error"], answer["details"]["allowed"]) == (422, "module_not_allowed", ["tasks"])


async def test_without_the_plugin_the_routes_are_not_there(crm: Open) -> None:
    async with crm(plugins=()) as dana:
        for path in ("/v1/summarize", "/v1/suggest-field-value", "/v1/draft-email"):
            status, answer = await dana.post(path, {})
            assert (status, answer["error"]["code"]) == (404, "not_found")


async def test_wrong_readables_are_refused_by_name(crm: Open) -> None:
    async with crm() as dana:
        status, answer = await dana.post("/v1/draft-email", {"readables": [{"value": 1}]})

    assert (status, answer["error"]["details"]) == (422, {"field": "readables[0].description"})


SENTENCES = [
    ("Summarize the Acme deal", "summarize", {"recordId": "Acme", "moduleSlug": "deals"}),
    (
        "Draft a follow-up email to Dana about the renewal",
        "draftEmail",
        {"type": "follow_up", "recipientName": "Dana", "context": "the renewal"},
    ),
    (
        "Suggest a priority for this task",
        "suggestFieldValue",
        {"fieldSlug": "priority", "recordId": "rec_open", "moduleSlug": "tasks"},
    ),
]


async def test_the_rule_planner_understands_a_sentence(crm: Open) -> None:
    async with crm() as dana:
        for number, (said, name, arguments) in enumerate(SENTENCES):
            asked = {"threadId": f"t{number}", "messages": [{"role": "user", "content": said}]}
            await dana.http.post("/v1/copilot", json={**asked, "readables": [page("tasks", "rec_open", "Call Ada")]})
            answer = (await dana.http.get(f"/v1/threads/t{number}/messages")).json()
            [made] = [made["function"] for message in answer["messages"] for made in message.get("toolCalls", [])]

            assert (made["name"], json.loads(made["arguments"])) == (name, arguments)
