"""`draftEmail`: subject and body for a person to send, or not."""

from collections.abc import Sequence
from typing import Annotated, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, StringConstraints
from pydantic import Field as Told

from copilot_content.sheets import LONGEST_TITLE, Json, Line, Sheet, answer, record_named, sheet_of
from copilot_content.summaries import PATIENCE, telling
from copilot_content.text import Cuts
from copilot_core import (
    ActionError,
    Clock,
    Generate,
    Injected,
    PageContext,
    Principal,
    Readable,
    Readables,
    Render,
    action,
    cut,
    plain,
)
from copilot_records import RecordStore

Kind: TypeAlias = Literal["follow_up", "introduction", "proposal"]
LONGEST_NAME = 100
LONGEST_CONTEXT = 4_000
LONGEST_PAGE = 6_000
LONGEST_SUBJECT = 150
FROM_TEMPLATE = "A template filled in, not written by a language model: complete what is in [brackets]."
INSTRUCTIONS = {
    "follow_up": "Draft an e-mail that follows up on what was said before.",
    "introduction": "Draft an e-mail in which the sender introduces themselves to the recipient.",
    "proposal": "Draft an e-mail that proposes something to the recipient.",
}
RULES = """\
 It goes from the sender to the recipient. The purpose says what it is about; the record and the page are for your
understanding, so leave out what the recipient should not read, such as notes and chances. Write plain text in the
language of the purpose, with greeting and closing. Put [brackets] where you would have to invent something."""
_SUBJECTS = {"follow_up": "Following up: {}", "introduction": "Introduction: {}", "proposal": "Proposal: {}"}
_SENTENCES = {
    "follow_up": "I am writing to follow up on {}.",
    "introduction": "I would like to introduce myself. I am writing about {}.",
    "proposal": "I would like to make you a proposal about {}.",
}
_NEXT = {
    "follow_up": "[What should happen next, and by when]",
    "introduction": "[Who you are, and what you would like to talk about]",
    "proposal": "[What you propose, at what price, and until when]",
}


class Mail(BaseModel):
    """A draft."""

    model_config = ConfigDict(extra="forbid")
    subject: Annotated[
        str, StringConstraints(strip_whitespace=True, min_length=1, max_length=LONGEST_SUBJECT, pattern=r"^[^\r\n]*$")
    ]
    body: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=5_000)]


@action(
    credits=5,
    timeout=PATIENCE,
    source="",
    examples=["draft a follow-up email to Dana about the renewal", "write an introduction mail to Priya"],
    render=Render("EmailPreview", props=Mail, events={"onSend": Mail, "onEdit": Mail}),
)
async def draft_email(
    type: Annotated[Kind, Told(description="What kind of e-mail")],  # noqa: A002 - the seed's name
    recipient_name: Annotated[
        str, StringConstraints(strip_whitespace=True, min_length=1), Told(description="Name of the recipient")
    ],
    principal: Injected[Principal],
    clock: Injected[Clock],
    store: Injected[RecordStore],
    generate: Injected[Generate],
    page: Injected[PageContext],
    readables: Injected[Readables],
    context: Annotated[str, Told(description="What the e-mail is about")] = "",
) -> Json:
    """Draft an e-mail for the user to read, change and send. Sends nothing."""
    cuts = Cuts()
    recipient = cut(cuts.text("The name", recipient_name, LONGEST_NAME), LONGEST_NAME)
    purpose = cuts.text("The context", context, LONGEST_CONTEXT)
    sheet = await _open_record(store, page, readables, cuts)
    sender = principal.name or principal.id
    about = {"kind": type, "sender": sender, "recipient": recipient, "purpose": purpose}
    facts = [
        Readable("E-mail", {**about, "date": clock.now().date().isoformat()}),
        *([sheet.facts] if sheet else []),
        *_page(readables, cuts),
    ]
    made = await generate(INSTRUCTIONS[type] + RULES, facts, Mail)
    if made is None:
        cuts.notes.append(FROM_TEMPLATE)
        record = sheet.title if sheet else cut(plain(page.record_name or ""), LONGEST_TITLE)
        made = _filled(type, recipient, sender, purpose, record, telling(sheet, 3) if sheet else ())
    return answer(made.model_dump(), f"“{made.subject}”, a draft to {recipient}. Nothing was sent.", cuts)


async def _open_record(store: RecordStore, page: PageContext, readables: Readables, cuts: Cuts) -> Sheet | None:
    """What the page has open, if it is there: a page may be older than the data."""
    if page.module_slug is None or page.record_id is None:
        return None
    modules = await store.modules()
    try:
        module = modules.named(page.module_slug)
        record = await record_named(store, modules, module, page.record_id)
    except ActionError as error:
        cuts.notes.append(f"The open page was not used: {error.message}.")
        return None
    return await sheet_of(store, modules, module, record, readables, cuts)


def _page(readables: Readables, cuts: Cuts) -> Sequence[Readable]:
    """What the page tells, as long as it is of use."""
    left, taken = LONGEST_PAGE, list[Readable]()
    for readable in readables:
        left -= len(str(readable.value)) + len(readable.description)
        if left < 0:
            cuts.notes.append("The page tells much: not all of it was read.")
            break
        taken.append(readable)
    return taken


def _filled(kind: Kind, recipient: str, sender: str, purpose: str, record: str, lines: Sequence[Line]) -> Mail:
    """The draft without a model: what was given, and brackets for the rest."""
    topic = purpose.rstrip(".") or record or "[topic]"
    known = [f"- {line.label}: {cut(line.text, LONGEST_TITLE)}" for line in lines]
    parts = [
        f"Hello {recipient},",
        _SENTENCES[kind].format(topic),
        "\n".join([f"{record}:", *known]) if known else "",
        _NEXT[kind],
        f"Best regards,\n{sender}",
    ]
    about = topic if record in topic else f"{cut(topic, 60)} ({cut(record, 60)})"
    subject = _SUBJECTS[kind].format(cut(about, LONGEST_SUBJECT - 20))
    return Mail(subject=subject, body="\n\n".join(part for part in parts if part))
