"""What people call the tables and columns of a database somebody else has designed."""

import re
from collections.abc import Iterable, Mapping, Sequence

from copilot_records.text import squeeze

LEAST_VARIETY = 0.9
_IRREGULAR = {"person": "people", "child": "children", "man": "men", "woman": "women", "movie": "movies"}
_SINGULAR = {plural: one for one, plural in _IRREGULAR.items()}
_TITLES = ("name", "title", "fullname", "displayname")
_LATER_TITLES = ("subject", "label", "headline", "summary", "email", "username", "login", "code", "sku", "description")
_PAIRS = (("firstname", "lastname"), ("givenname", "familyname"), ("forename", "surname"), ("firstname", "surname"))


def spoken(name: str) -> str:
    """``InvoiceLine``, ``invoice_line`` and ``[Invoice Line]`` are all "invoice line"."""
    apart = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", " ", name)
    return " ".join(re.findall(r"[^\W_]+", apart)).lower() or name


def slug(name: str) -> str:
    """The name in an address: ``Order Details`` is ``order_details``."""
    return spoken(name).replace(" ", "_")


def singular(words: str) -> str:
    """``order details`` -> ``order detail``; a word that is none stays as it is."""
    *first, last = words.split(" ")
    return " ".join([*first, _singular(last)])


def plural(words: str) -> str:
    """``order detail`` -> ``order details``; a plural stays as it is."""
    *first, last = words.split(" ")
    one = _singular(last)
    if one in _IRREGULAR:
        return " ".join([*first, _IRREGULAR[one]])
    if re.search(r"[^aeiou]y$", one):
        return " ".join([*first, one[:-1] + "ies"])
    return " ".join([*first, one + ("es" if re.search(r"(s|x|z|ch|sh)$", one) else "s")])


def _singular(word: str) -> str:
    if word in _SINGULAR:
        return _SINGULAR[word]
    if re.search(r"(ss|us|is)$", word) or not word.endswith("s") or len(word) < 4:
        return word
    if word.endswith("ies"):
        return word[:-3] + "y"
    return word[:-2] if re.search(r"(ss|us|x|z|ch|sh)es$", word) else word[:-1]


def without_id(column: str) -> str:
    """The name of what a foreign key leads to: ``customer_id`` and ``CustomerId`` without their end."""
    return re.sub(r"(?<=[a-z0-9])(_id|Id|ID|_ID|_fk| id| ID| Id)$", "", column)


def title_columns(table: str, texts: Sequence[str], variety: Mapping[str, float]) -> tuple[str, ...]:
    """The column, or the first and last name, that people call a row by; none if no column will do.

    Args:
        texts: the text columns in their order.
        variety: how many of the sampled values of a column differ, from 0 to 1.
    """
    by_key = {squeeze(column): column for column in texts}
    own = squeeze(singular(spoken(table)))
    for first, last in _PAIRS:
        if first in by_key and last in by_key and "name" not in by_key:
            return (by_key[first], by_key[last])
    for key in (*_TITLES, f"{own}name", f"{own}title"):
        if key in by_key:
            return (by_key[key],)
    telling = [column for column in texts if variety.get(column, 0) >= LEAST_VARIETY]
    ends = [c for c in telling if squeeze(c).endswith(("name", "title"))]
    later = [by_key[key] for key in _LATER_TITLES if by_key.get(key) in telling]
    return tuple((ends + later + telling)[:1])


def free(name: str, taken: Iterable[str]) -> str:
    """`name`, or the first of ``name_2``, ``name_3``... that is not taken."""
    used = set(taken)
    number = 1
    while (candidate := name if number == 1 else f"{name}_{number}") in used:
        number += 1
    return candidate
