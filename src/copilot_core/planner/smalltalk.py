"""Words that want no action."""

import re

_SOCIAL = re.compile(
    r"(?:(?:hi|hey|hello|howdy|yo|greetings|good (?:morning|afternoon"
    r"|evening|night|day)|thanks?|thank you|thx|ty|cheers|ok(?:ay)?"
    r"|cool|great"
    r"|nice|awesome|perfect|wonderful|excellent|amazing|brilliant|super"
    r"|sweet|lol|haha+|hmm+|wow|sorry|oops|bye|goodbye|see you|later"
    r"|never ?mind|forget it|nothing|no(?:pe)?|yes|yeah|yep|sure|got"
    r" it|good|fine|well done|good job|great job|nice work|good work"
    r"|that(?:['’]s| is| was)|you(?:['’]re| are)|so much|a lot|a bunch"
    r"|very much|again|there|everyone|all|team|buddy|mate|copilot|bot"
    r"|then|man|dude"
    r"|how are you(?: doing)?(?: today)?|how(?:['’]s| is) it going"
    r"|what(?:['’]s| is) up|today|helpful|for (?:that|your help|the"
    r" help|everything)"
    r"|the best|really|very|just|it|all good|no worries|no problem"
    r"|please|my friend|to you too|have a (?:nice|good|great) (?:day"
    r"|one|weekend|evening))"
    r"[\s,.!?😀-🙏👍🎉❤️]*)+",
    re.IGNORECASE,
)
_CHAT = re.compile(
    r"(?:(?:great|good|nice|awesome|excellent|amazing|fantastic) (?:work|job|one|stuff|going)\b"
    r"|(?:do|are|were|have|would|did|what do|how do|why do) you (?:like"
    r"|think|love|feel|enjoy|believe|prefer|dream|hate|want|really"
    r"|a |an |real|human|sentient|alive|happy|sad|single|married)"
    r"|(?:who|what) (?:are|made|created|built|trained|is) you\b|are you\b(?!.*\b(?:able|going) to)).*",
    re.IGNORECASE | re.DOTALL,
)
THANKS = re.compile(
    r"\b(?:thanks?|thank you|thx|ty|cheers|great|perfect|awesome|nice"
    r"|excellent|well done|brilliant|good job)\b",
    re.IGNORECASE,
)
FAREWELL = re.compile(
    r"\b(?:ok(?:ay)?|cool|never ?mind|forget it|got it|fine|sure|no"
    r" worries|all good|bye|goodbye|later|nothing)\b",
    re.IGNORECASE,
)


def is_smalltalk(text: str) -> bool:
    """Whether `text` is nothing but pleasantries."""
    stripped = text.strip()
    return (
        not re.search(r"\w", stripped)
        or _SOCIAL.fullmatch(stripped) is not None
        or _CHAT.fullmatch(stripped) is not None
    )
