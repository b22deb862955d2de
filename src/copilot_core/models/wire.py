"""Reads a streamed chat completion from bytes, with no I/O of its own.

Lines end at b"\\n" and nowhere else: a text may contain U+2028, at which `str.splitlines` and the
HTTP clients' line iterators break a chunk in two (reliability finding F18).
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import orjson

from copilot_core.models.calls import CallArguments, CallStarted, Drafts


class Text(NamedTuple):
    """The answer's text goes on."""

    delta: str


Delta = Text | CallStarted | CallArguments


class Answer:
    """What has arrived of one answer. Feed it bytes, and it says what is new.

    Args:
        taken_ids: ids of calls in earlier answers.

    Attributes:
        ended: nothing more is to be read: the provider said so, or sent garbage.
        garbled: why what followed is lost, where the provider sent garbage.
        info: what LangChain calls generation info; empty while there is no finish reason.
        usage: the chunk that counts the tokens.
    """

    def __init__(self, taken_ids: Iterable[str] = ()) -> None:
        self.calls = Drafts(taken_ids)
        self.ended = False
        self.garbled: Exception | None = None
        self.info: dict[str, Any] = {}
        self.usage: Mapping[str, Any] = {}
        self._rest = b""
        self._text: list[str] = []
        self._untold: list[str] = []
        self._told: list[Delta] = []

    @property
    def text(self) -> str:
        """All text so far."""
        return "".join(self._text)

    def feed(self, block: bytes) -> Sequence[Delta]:
        """Take what one network read brought; texts with nothing between them come as one.

        Garbage is not raised but kept in `garbled`, so that what came before it is not lost.
        """
        *lines, self._rest = (self._rest + block).split(b"\n")
        self._told = []
        try:
            for line in lines:
                if line.startswith(b"data:"):
                    self._event(line[5:].strip())
        except (AttributeError, LookupError, TypeError, ValueError) as error:
            self.garbled, self.ended = error, True
        self._tell_text()
        return self._told

    def _event(self, data: bytes) -> None:
        if data == b"[DONE]":
            self.ended = True
            return
        chunk = orjson.loads(data)
        if chunk.get("error"):
            raise ValueError(f"the provider reports in its stream: {chunk['error']}")
        if chunk.get("usage"):
            self.usage = chunk
        if choices := chunk.get("choices"):
            self._choice(choices[0])
            if reason := choices[0].get("finish_reason"):
                self.info = {"finish_reason": reason, **_provenance(chunk)}

    def _choice(self, choice: Mapping[str, Any]) -> None:
        delta = choice.get("delta") or {}
        if text := delta.get("content"):
            self._untold.append(text)
        for fragment in delta.get("tool_calls") or ():
            self._tell_text()
            self._told.extend(self.calls.add(fragment))

    def _tell_text(self) -> None:
        if self._untold:
            text = "".join(self._untold)
            self._untold.clear()
            self._text.append(text)
            self._told.append(Text(text))


_PROVENANCE = {"model": "model_name", "system_fingerprint": "system_fingerprint", "service_tier": "service_tier"}


def _provenance(chunk: Mapping[str, Any]) -> dict[str, Any]:
    return {name: chunk[key] for key, name in _PROVENANCE.items() if chunk.get(key)}
