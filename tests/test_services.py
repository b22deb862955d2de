"""Services are opened per call, on first use, and closed in reverse with the call's outcome."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from copilot_core import Services
from copilot_core.errors import SetupError


class Engine:
    pass


class Session:
    def __init__(self, engine: Engine) -> None:
        self.engine = engine


def services(log: list[str]) -> Services:
    @asynccontextmanager
    async def open_session(engine: Engine) -> AsyncIterator[Session]:
        log.append("open")
        try:
            yield Session(engine)
            log.append("commit")
        except ValueError:
            log.append("roll back")
            raise

    made = Services()
    made.value(Engine, Engine())
    made.factory(Session, open_session)
    return made


async def test_a_scope_opens_a_service_once_and_closes_it_when_it_is_left() -> None:
    log: list[str] = []

    async with services(log).open({}) as scope:
        assert log == []
        assert await scope.get(Session) is await scope.get(Session)

    assert log == ["open", "commit"]


async def test_two_scopes_have_services_of_their_own_over_one_value() -> None:
    made = services([])

    async with made.open({}) as one, made.open({}) as other:
        first, second = await one.get(Session), await other.get(Session)

    assert (first is second, first.engine is second.engine) == (False, True)


async def test_the_factory_sees_what_the_action_raised() -> None:
    log: list[str] = []

    async def act() -> None:
        async with services(log).open({}) as scope:
            await scope.get(Session)
            raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        await act()

    assert log == ["open", "roll back"]


async def test_a_function_of_services_can_be_called_in_a_scope() -> None:
    async def engine_of(session: Session, engine: Engine) -> bool:
        return session.engine is engine

    async with services([]).open({}) as scope:
        assert await scope.call(engine_of)


def test_what_nobody_provides_is_found_behind_factories_too() -> None:
    @asynccontextmanager
    async def open_session(engine: Engine) -> AsyncIterator[Session]:
        yield Session(engine)

    made = Services()
    made.factory(Session, open_session)

    assert made.missing([Session], given=[]) == [Engine]
    assert made.missing([Session], given=[Engine]) == []


def test_a_service_that_is_provided_twice_stops_the_start() -> None:
    made = services([])

    with pytest.raises(SetupError, match="the service Engine is provided twice"):
        made.value(Engine, Engine())
