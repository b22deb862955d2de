"""Everyday English, told once: what verbs ask for, and which words mean about the same.

Nothing in here names an action. The classes and circles are wide on purpose, because plugins may be
about anything; what narrows a choice is the action's own name, description and schema.
"""

from collections.abc import Mapping
from functools import lru_cache

from copilot_core.planner.words import stem, stem_set, word_set

VERBS: Mapping[str, str] = {
    "create": "create add make new register log insert enter record file generate build start open raise set put "
    "submit establish introduce post save store capture need want track place note jot kick spin draft "
    "write plan onboard issue compose seed populate shoot import report throw stick pop",
    "query": "query did list show get find filter fetch display view see retrieve check look give tell read browse"
    " count pull lookup load what which who whose when how any return provide determine know is are was "
    "were do does have has will can where monitor inspect review enumerate print need want identify "
    "obtain compare sort",
    "search": "search find look hunt locate scan discover seek google lookup where mention grep",
    "update": "update change set edit modify mark move push bump rename assign reassign raise lower increase "
    "decrease reschedule postpone close reopen complete finish resolve adjust correct fix make put give "
    "switch turn flag tag promote demote advance transfer hand extend delay shift acknowledge ack amend "
    "alter replace reduce boost escalate downgrade upgrade link attach convert patch tweak log record win"
    " lose",
    "delete": "delete remove drop erase trash discard purge clear wipe destroy kill scrap eliminate bin nuke dump",
    "navigate": "navigate look see back where go open visit jump switch bring take head redirect route view show "
    "browse direct launch return enter display",
    "remind": "remind reminder remember alert nudge ping forget",
    "schedule": "invite schedule book plan arrange organize organise set put calendar meet slot reserve fix block",
    "send": "send post message notify tell email mail text dm share forward deliver publish broadcast announce "
    "write ping inform drop submit reply respond transmit say let dispatch push shoot",
    "draft": "draft shoot write compose prepare word formulate author generate create produce",
    "summarize": "summarize summarise summary recap tldr overview digest brief outline sum condense gist synopsis "
    "rundown lowdown",
    "suggest": "suggest recommend propose advise should recommendation suggestion guess predict best appropriate "
    "suitable fitting",
    "describe": "describe explain schema structure definition metadata detail inspect info introspect document",
    "discover": "discover explore capability capable overview tour introspect learn structure",
    "book": "book reserve order schedule hire rent buy get purchase make arrange rebook secure hold",
    "cancel": "cancel abort void revoke withdraw undo terminate scrap drop abandon annul rescind delete remove stop"
    " unsubscribe",
    "approve": "approve accept authorize authorise confirm okay ok sign grant allow endorse greenlight permit",
    "reject": "reject decline deny refuse dismiss disapprove",
    "convert": "convert exchange change translate transform turn switch swap conversion worth equal",
    "translate": "translate say translation interpret say render",
    "calculate": "calculate compute estimate figure work evaluate solve determine find quote total sum price get what "
    "how",
    "pay": "pay settle transfer remit wire reimburse charge bill payment send",
    "refund": "refund reimburse return repay credit chargeback",
    "order": "order buy purchase restock procure get reorder request",
    "start": "start begin launch run trigger kick execute activate enable boot fire initiate play deploy commence open",
    "stop": "stop end halt pause disable deactivate shut kill terminate suspend quit finish",
    "restart": "restart reboot reset relaunch bounce cycle",
    "enable": "enable toggle activate turn switch allow unlock start",
    "disable": "disable toggle deactivate turn switch mute lock block stop",
    "set": "set adjust change turn put make configure dim raise lower bring heat cool update crank",
    "lock": "lock secure bolt close",
    "unlock": "unlock open release unbolt",
    "invite": "invite add include ask onboard",
    "assign": "assign give reassign allocate delegate hand put route pass allot",
    "close": "close resolve finish complete end shut finalize",
    "reopen": "reopen",
    "archive": "archive store shelve hide mothball",
    "restore": "restore recover undelete unarchive revert",
    "export": "export get give pull need generate download extract save dump backup",
    "import": "import upload load ingest",
    "upload": "upload attach import add",
    "subscribe": "subscribe enroll enrol register sign join follow",
    "request": "request ask apply submit take need want book put file get file",
    "check": "check verify see look get is are do does how what will any find tell show validate can has "
    "have know test",
    "track": "track trace follow where find locate check status",
    "transfer": "transfer move send ship relocate shift wire reassign",
    "comment": "comment reply note respond say remark annotate add write leave",
    "merge": "merge combine join unify consolidate land",
    "play": "play listen start put queue stream hear",
    "print": "print",
    "deploy": "deploy ship release roll push publish launch",
    "rollback": "rollback revert undo roll",
    "measure": "measure analyze analyse evaluate assess report analyse audit",
    "log": "log record track enter register add note clock book report submit put",
    "report": "report file log submit raise flag",
    "rate": "rate review score grade rank",
    "clean": "clean vacuum sweep mop tidy",
}

CIRCLES: tuple[str, ...] = (
    "weather forecast rain temperature snow umbrella sunny cold hot wind humidity warm storm degrees climate raining "
    "outside rainy windy freezing sun cloudy",
    "todo task chore ticket",
    "contact person client customer lead individual buyer people",
    "company account organization organisation firm business client vendor employer",
    "deal opportunity sale prospect pipeline",
    "incident outage issue problem failure alert bug broken down disruption breakage",
    "calendar event meeting appointment call schedule agenda lunch dinner sync session standup catchup demo interview",
    "reminder remind alarm notification notify forget remember",
    "email mail message letter inbox reply correspondence",
    "message text note dm chat post announcement word",
    "slack channel chat thread",
    "sms text phone message",
    "leave vacation holiday absence pto off sick timeoff day-off sabbatical parental sickness ill",
    "employee staff worker colleague teammate personnel member hire person",
    "salary pay payroll wage compensation payslip earnings",
    "invoice bill receipt billing charge statement",
    "payment pay paid transaction transfer settle",
    "refund reimburse money-back return repay",
    "expense cost spend spending reimbursement receipt claim",
    "currency money exchange rate forex",
    "eur euro euros",
    "usd dollar dollars buck bucks",
    "gbp pound pounds sterling quid",
    "jpy yen",
    "chf franc francs",
    "price cost quote rate fee value worth much expensive tariff",
    "stock inventory quantity availability available warehouse supply item left hand store unit",
    "product item sku article good merchandise",
    "order purchase buy procurement restock reorder",
    "shipment parcel package delivery shipping track consignment courier ship deliver tracking",
    "flight plane airline fly airport ticket trip travel",
    "hotel room accommodation stay lodging night",
    "room meeting-room desk space conference",
    "restaurant table dinner reservation booking eat lunch",
    "reservation booking reserve book appointment",
    "taxi ride cab car uber pickup",
    "issue bug ticket defect problem",
    "repository repo project codebase",
    "pull-request pr merge review",
    "branch fork",
    "deployment deploy release ship rollout",
    "build pipeline ci job workflow",
    "server machine host instance node service",
    "light lamp bulb bright dim lights brightness",
    "thermostat heating temperature heat cool warm ac degrees cooler warmer hvac",
    "door lock gate garage",
    "music song track playlist album tune artist",
    "movie film cinema",
    "recipe cook meal dish food",
    "translate translation language french german spanish english",
    "summary summarize recap tldr overview digest gist",
    "schema field column option property attribute structure",
    "document file doc paper attachment pdf",
    "report analytics statistics stats metric dashboard insight figure chart",
    "user member account profile",
    "password credential login",
    "team group department squad",
    "role permission access right privilege limit",
    "subscription plan membership license",
    "coupon discount promo voucher code",
    "distance route far direction directions mile km kilometer drive map",
    "news headline article story",
    "area surface size square",
    "volume capacity size cubic",
    "speed velocity fast",
    "loan mortgage credit interest",
    "tax vat duty",
    "survey poll questionnaire feedback vote",
    "campaign newsletter blast marketing",
    "shift roster rota",
    "timesheet hours time worked clock",
    "candidate applicant interview",
    "course class training lesson",
    "note memo comment remark",
    "comment reply feedback remark",
    "address location place where",
    "city town place location",
    "date day when",
    "amount sum total quantity number",
    "recipient to addressee",
    "customer client buyer account",
    "supplier vendor provider",
    "priority urgency importance",
    "high urgent important top major hi",
    "critical severe emergency blocker urgent crit sev1",
    "low minor trivial small unimportant",
    "medium normal moderate med mid average",
    "done complete finish close completed closed",
    "resolve solve fix close",
    "open active unresolved ongoing outstanding broken",
    "progress ongoing started wip underway working",
    "pending waiting awaiting",
    "home house start main",
    "settings preference configuration setup",
    "billing subscription payment plan",
    "report analytics insight",
    "profile account myself",
    "brief short quick concise",
    "detailed long full thorough depth comprehensive complete",
    "introduction intro introduce introductory",
    "capital city",
    "find search lookup look locate",
    "vehicle car auto truck",
    "symptom disease medical health doctor patient",
    "book novel author title read",
    "stock share ticker equity market",
    "lawsuit case court legal law",
    "game match score sport player",
    "feature flag toggle",
    "ticket case support helpdesk",
    "assignee owner responsible assign",
    "delete remove erase",
    "vacuum robot clean roomba",
    "budget allowance funds",
    "goal target objective okr kpi",
    "webhook endpoint integration",
    "log record entry",
    "sprint iteration milestone",
    "label tag category",
    "asset equipment device laptop hardware",
    "domain website site url dns",
    "certificate ssl tls",
    "database db backup snapshot",
    "contract agreement nda",
    "signature sign esign",
    "balance account bank funds",
    "card credit debit",
    "menu dish food",
    "alarm timer countdown",
    "photo picture image",
    "video clip recording",
    "podcast episode show",
    "phone number mobile cell telephone",
    "pager oncall call standby duty rotation rota",
    "system application app workspace platform product assistant copilot",
    "capability ability feature offer tour",
    "webpage page site website",
    "engineer developer technician",
)

PHRASES: Mapping[str, str] = {
    "get rid of": "delete",
    "do away with": "delete",
    "throw away": "delete",
    "throw out": "delete",
    "look up": "lookup",
    "look for": "search",
    "search for": "search",
    "find out": "find",
    "call off": "cancel",
    "time off": "vacation",
    "day off": "vacation",
    "days off": "vacation",
    "sick day": "sick leave",
    "sick days": "sick leave",
    "sum up": "summarize",
    "tl;dr": "summarize",
    "tl dr": "summarize",
    "run me through": "summarize",
    "walk me through": "summarize",
    "fill me in": "summarize",
    "catch me up": "summarize",
    "bring me up to speed": "summarize",
    "get me up to speed": "summarize",
    "boil down": "summarize",
    "what's new with": "summarize",
    "let me forget": "remind",
    "wake me": "alarm",
    "take me": "navigate",
    "bring me": "navigate",
    "go to": "navigate",
    "get me to": "navigate",
    "go back": "navigate",
    "head over": "navigate",
    "switch over": "navigate",
    "jump to": "navigate",
    "set up": "create",
    "sign up": "register",
    "write up": "create",
    "write down": "record",
    "put down": "record",
    "fill out": "submit",
    "put off": "postpone",
    "push back": "postpone",
    "hand over": "reassign",
    "turn on": "enable",
    "switch on": "enable",
    "turn off": "disable",
    "switch off": "disable",
    "shut down": "stop",
    "shut off": "disable",
    "turn up": "raise",
    "turn down": "lower",
    "work out": "calculate",
    "add up": "calculate",
    "figure out": "calculate",
    "how far": "distance",
    "how much is": "price convert",
    "how much does": "price",
    "pull request": "pr",
    "roll back": "rollback",
    "pay back": "refund",
    "money back": "refund",
    "give back": "refund",
    "check in": "checkin",
    "drop a line": "email",
    "write to": "draft email",
    "shoot an email": "send email",
    "reach out to": "email",
    "let everyone know": "announce message",
    "let the team know": "announce message",
    "what can you do": "discover capability",
    "what can i do": "discover capability",
    "what may i do": "discover capability",
    "what am i allowed to do": "discover capability",
    "up to speed": "summarize",
    "makes sense": "suggest",
    "make sense": "suggest",
    "would fit": "suggest",
    "fits best": "suggest",
}

STOP = word_set(
    "a an the of to for from in on at by with and or but is are was were be been am i me my mine we us our you your "
    "he she it its they them their this that these those there here do does did have has had will would can could "
    "should shall may might must please just so if then also too now as into onto about than very any some all every "
    "each what which who whom whose when where why how not no don't dont i'm it's let's lets i'd i'll what's "
    "who's where's there's up out over off again ok okay hey hello right yes get got want need like"
)
# Words that an action's name uses for "whatever it is about": they identify nothing.
GENERIC = stem_set(
    "record records data item items entry entries object objects info information all multiple batch bulk many new "
    "value values list detail details result results by of the a an to for from in on with and or given based "
    "name text type id number specific particular using current natural language user"
)
# Verbs that say nothing about the thing: with these, the noun decides.
LIGHT_CLASSES = word_set("create query search update delete navigate send check set request")
READING_CLASSES = word_set(
    "query search navigate summarize suggest describe discover calculate convert translate check track measure"
)


@lru_cache(maxsize=1)
def _verb_table() -> Mapping[str, frozenset[str]]:
    table: dict[str, set[str]] = {}
    for name, verbs in VERBS.items():
        for verb in (name, *verbs.split()):
            table.setdefault(stem(verb), set()).add(name)
    return {verb: frozenset(names) for verb, names in table.items()}


@lru_cache(maxsize=1)
def _circle_table() -> Mapping[str, frozenset[int]]:
    table: dict[str, set[int]] = {}
    for number, circle in enumerate(CIRCLES):
        for word in circle.split():
            table.setdefault(stem(word), set()).add(number)
    return {word: frozenset(numbers) for word, numbers in table.items()}


def classes_of(word: str) -> frozenset[str]:
    """What the verb `word` may ask for; empty if it is no verb that is known here."""
    return _verb_table().get(stem(word), frozenset())


@lru_cache(maxsize=1)
def _plain_verbs() -> frozenset[str]:
    return frozenset(verb for name, verbs in VERBS.items() for verb in (name, *verbs.split()))


def is_imperative(word: str) -> bool:
    """Whether `word` is a verb in the form that begins a command."""
    return word in _plain_verbs()


def circles_of(word_stem: str) -> frozenset[int]:
    """The circles of meaning that a stem belongs to."""
    return _circle_table().get(word_stem, frozenset())


def similar(left: str, right: str) -> float:
    """How much alike two stems mean: 1 the same, 0.9 one begins the other, 0.6 one circle, else 0."""
    if left == right:
        return 1.0
    short, long = sorted((left, right), key=len)
    if len(short) >= 4 and long.startswith(short) and len(long) - len(short) <= 4:
        return 0.9
    return 0.6 if circles_of(left) & circles_of(right) else 0.0
