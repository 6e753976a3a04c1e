"""People, sessions and keys: what opens, what does not, and for how long."""

from __future__ import annotations

import argon2
import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from rekindle.engines.database import Database
from rekindle.workspace.access import (
    ACTIONS,
    ApiKeys,
    LoginRefused,
    LoginThrottled,
    NameTaken,
    PasswordLogin,
    Sessions,
    Users,
    WeakPassword,
    _tables,
    can,
)
from tests.conftest import FakeClock

GOOD = "correct horse battery"
CHEAP = argon2.PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)


@pytest.fixture
def users(database: Database, clock: FakeClock) -> Users:
    return Users(database, clock, hasher=CHEAP)


def test_a_password_opens_and_is_stored_as_argon2id(users: Users, database: Database) -> None:
    made = users.create("Ola", GOOD, {"shop": "owner"})
    assert users.check(" OLA ", GOOD) == made
    assert users.check("ola", GOOD + "!") is None
    assert users.check("nobody", GOOD) is None
    with database.read() as connection:
        stored = connection.execute(sa.select(_tables.users.c.password_hash)).scalar_one()
    assert stored.startswith("$argon2id$")
    assert GOOD not in stored


@pytest.mark.parametrize("password", ["short", "a" * 20, "ola", "x" * 300, ""])
def test_weak_passwords_are_refused(users: Users, password: str) -> None:
    with pytest.raises(WeakPassword):
        users.create("ola", password, {"shop": "owner"})
    assert users.find("ola") is None


def test_names_are_unique_and_roles_known(users: Users) -> None:
    users.create("ola", GOOD, {"shop": "owner"})
    with pytest.raises(NameTaken):
        users.create("OLA", GOOD, {})
    with pytest.raises(ValueError, match="role 'king'"):
        users.create("jan", GOOD, {"shop": "king"})
    with pytest.raises(ValueError, match="user name"):
        users.create("a b", GOOD, {})


def test_a_role_belongs_to_one_workspace(users: Users) -> None:
    user = users.create("ola", GOOD, {"one": "owner"})
    users.grant(user.id, "two", "auditor")
    users.grant(user.id, "two", "analyst")
    found = users.get(user.id)
    assert found is not None
    assert found.roles == {"one": "owner", "two": "analyst"}
    assert [u.roles for u in users.of("two")] == [{"two": "analyst"}]
    users.withdraw(user.id, "one")
    assert users.of("one") == []


def test_roles_deny_by_default() -> None:
    assert all(can("owner", action) for action in ACTIONS)
    assert not any(can("stranger", action) for action in ACTIONS)
    assert can("auditor", "view_ledger")
    assert not can("auditor", "manage_keys")
    assert not can("analyst", "view_events")


def test_hashes_are_renewed_when_the_parameters_grow(users: Users, database: Database, clock: FakeClock) -> None:
    users.create("ola", GOOD, {})
    stronger = Users(database, clock, hasher=argon2.PasswordHasher(time_cost=2, memory_cost=16, parallelism=1))
    assert stronger.check("ola", GOOD)
    with database.read() as connection:
        stored = connection.execute(sa.select(_tables.users.c.password_hash)).scalar_one()
    assert "t=2" in stored
    assert stronger.check("ola", GOOD)


def test_guessing_is_slowed_even_with_the_right_password(users: Users, database: Database, clock: FakeClock) -> None:
    users.create("ola", GOOD, {})
    login = PasswordLogin(database, users, clock)
    for _ in range(5):
        with pytest.raises(LoginRefused):
            login.authenticate("ola", "wrong", "192.0.2.1")
    with pytest.raises(LoginThrottled) as caught:
        login.authenticate("ola", GOOD, "192.0.2.1")
    assert login.authenticate("ola", GOOD, "192.0.2.2").name == "ola"  # her own address is not locked
    clock.advance(caught.value.retry_ms)
    assert login.authenticate("ola", GOOD, "192.0.2.1").name == "ola"


def test_one_address_cannot_try_many_names(users: Users, database: Database, clock: FakeClock) -> None:
    login = PasswordLogin(database, users, clock)
    for number in range(20):
        with pytest.raises(LoginRefused):
            login.authenticate(f"name{number}", "wrong", "2001:db8::1")
    with pytest.raises(LoginThrottled):
        login.authenticate("another", "wrong", "2001:db8::2")  # the same /64
    with database.read() as connection:
        kept = " ".join(connection.execute(sa.select(_tables.attempts.c.bucket)).scalars())
    assert "2001" not in kept
    assert "name1" not in kept


def test_waits_grow_and_are_forgotten(users: Users, database: Database, clock: FakeClock) -> None:
    login = PasswordLogin(database, users, clock)
    waits = []
    for _ in range(12):
        try:
            login.authenticate("ola", "wrong", "192.0.2.1")
        except LoginThrottled as throttled:
            waits.append(throttled.retry_ms)
            clock.advance(throttled.retry_ms)
        except LoginRefused:
            pass
    assert waits == sorted(waits)
    assert waits[-1] > waits[0]
    clock.advance(61 * 60_000)
    with pytest.raises(LoginRefused):
        login.authenticate("ola", "wrong", "192.0.2.1")


def test_a_session_lives_by_activity_and_ends_absolutely(users: Users, database: Database, clock: FakeClock) -> None:
    user = users.create("ola", GOOD, {})
    sessions = Sessions(database, clock, idle_ms=1_000_000, absolute_ms=3_000_000)
    token = sessions.start(user.id).token
    with database.read() as connection:
        assert token not in str(connection.execute(sa.select(_tables.sessions)).all())
    for _ in range(3):
        clock.advance(900_000)
        assert sessions.check(token)
    clock.advance(300_000)
    assert sessions.check(token) is None  # absolute
    second = sessions.start(user.id).token
    clock.advance(1_000_000)
    assert sessions.check(second) is None  # idle


def test_login_rotates_and_revocation_is_at_once(users: Users, database: Database, clock: FakeClock) -> None:
    user = users.create("ola", GOOD, {})
    sessions = Sessions(database, clock)
    planted = sessions.start(user.id).token
    fresh = sessions.start(user.id, replacing=planted).token
    assert fresh != planted
    assert sessions.check(planted) is None
    other = sessions.start(user.id).token
    sessions.revoke(other)
    assert sessions.check(other) is None
    assert sessions.revoke_all(user.id) == 1
    assert sessions.check(fresh) is None
    assert sessions.check("") is None


def test_an_api_key_is_shown_once_and_scoped(database: Database, clock: FakeClock) -> None:
    keys = ApiKeys(database, clock)
    made = keys.create("shop", "erp", ["events:write"], "ola")
    assert made.text.startswith("rk_")
    assert keys.verify(made.text) == made.key
    assert made.text not in repr(made)
    with database.read() as connection:
        assert made.text not in str(connection.execute(sa.select(_tables.api_keys)).all())
    assert not keys.revoke("other", made.key.id)
    assert keys.verify(made.text)
    assert keys.revoke("shop", made.key.id)
    assert keys.verify(made.text) is None
    assert [key.revoked_ms for key in keys.of("shop")] == [clock.now_ms]
    assert keys.of("other") == []


def test_an_api_key_expires_also_while_remembered(database: Database, clock: FakeClock) -> None:
    keys = ApiKeys(database, clock)
    made = keys.create("shop", "erp", ["read"], "ola", expires_ms=clock.now_ms + 1000)
    assert keys.verify(made.text)
    clock.advance(1000)
    assert keys.verify(made.text) is None
    with pytest.raises(ValueError, match="expired"):
        keys.create("shop", "erp", ["read"], "ola", expires_ms=clock.now_ms)
    with pytest.raises(ValueError, match="scopes"):
        keys.create("shop", "erp", ["all"], "ola")
    with pytest.raises(ValueError, match="key name"):
        keys.create("shop", " ", ["read"], "ola")


def test_another_process_sees_a_revocation_within_seconds(database: Database, clock: FakeClock) -> None:
    here, there = ApiKeys(database, clock), ApiKeys(database, clock)
    made = here.create("shop", "erp", ["read"], "ola")
    assert there.verify(made.text)
    here.revoke("shop", made.key.id)
    clock.advance(5000)
    assert there.verify(made.text) is None


@given(st.data())
def test_a_changed_letter_fails_the_checksum(data: st.DataObject) -> None:
    text = "rk_00000000001_" + "a" * 43
    from rekindle.workspace.access import keys as module

    text += module._checksum(text)
    at = data.draw(st.integers(0, len(text) - 1))
    letter = data.draw(st.sampled_from(module._DIGITS).filter(lambda found: found != text[at]))
    changed = text[:at] + letter + text[at + 1 :]
    form = module._FORM.fullmatch(changed)
    assert form is None or module._checksum(form[1]) != form[3]
