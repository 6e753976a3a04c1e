"""People who may log in to the console, and their role in each workspace."""

from __future__ import annotations

import base64
import secrets
import unicodedata
from collections.abc import Callable, Mapping

import argon2
import msgspec
import sqlalchemy as sa

from rekindle.engines.database import Database
from rekindle.engines.database.core import upsert
from rekindle.model.clock import Clock
from rekindle.workspace.access import _tables as t
from rekindle.workspace.access.roles import ROLES

RandomBytes = Callable[[int], bytes]

MIN_PASSWORD = 12  # characters; OWASP ASVS 5.0 6.2.1 asks for at least 8 and recommends 15
MAX_PASSWORD = 256  # so that nobody makes the hash function chew a megabyte


class WeakPassword(ValueError):
    """The password cannot be used; the message says why and what would do."""


class NameTaken(ValueError):
    """There is already a user of this name."""


class User(msgspec.Struct, frozen=True):
    """One person; ``roles`` maps workspace to role."""

    id: str
    name: str
    roles: Mapping[str, str]
    disabled: bool = False
    created_ms: int = 0


class Users:
    """Accounts, with passwords as argon2id (RFC 9106) hashes."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        random: RandomBytes = secrets.token_bytes,
        hasher: argon2.PasswordHasher | None = None,
    ) -> None:
        self._database = database
        self._clock = clock
        self._random = random
        self._hasher = hasher or argon2.PasswordHasher()
        # Checked against when there is no such user, so that the answer takes as long.
        self._nobody = self._hasher.hash(base64.b64encode(random(32)).decode())

    def create(self, name: str, password: str, roles: Mapping[str, str]) -> User:
        """Add a person. Raises `WeakPassword`, `NameTaken`, or `ValueError` for a bad name or role."""
        name = canonical_name(name)
        _check_roles(roles)
        hashed = self._hasher.hash(usable_password(password, name))
        now = self._clock()
        user = User(_identifier(self._random), name, dict(roles), created_ms=now)
        with self._database.begin() as connection:
            if connection.execute(sa.select(t.users.c.id).where(t.users.c.name == name)).first():
                raise NameTaken(f"there is already a user {name!r}; choose another name or change that user's password")
            connection.execute(
                t.users.insert().values(
                    id=user.id,
                    name=name,
                    password_hash=hashed,
                    disabled=False,
                    created_ms=now,
                    password_changed_ms=now,
                )
            )
            for workspace, role in roles.items():
                connection.execute(t.grants.insert().values(workspace=workspace, user_id=user.id, role=role))
        return user

    def grant(self, user_id: str, workspace: str, role: str) -> None:
        """Give (or change) the role of a person in one workspace. Raises `ValueError` for an unknown role."""
        _check_roles({workspace: role})
        statement = upsert(t.grants, self._database.dialect).values(workspace=workspace, user_id=user_id, role=role)
        with self._database.begin() as connection:
            connection.execute(
                statement.on_conflict_do_update(index_elements=["workspace", "user_id"], set_={"role": role})
            )

    def withdraw(self, user_id: str, workspace: str) -> None:
        """Take away a person's role in one workspace."""
        with self._database.begin() as connection:
            connection.execute(
                t.grants.delete().where(t.grants.c.user_id == user_id, t.grants.c.workspace == workspace)
            )

    def get(self, user_id: str) -> User | None:
        """Return a user with all roles, or None."""
        return self._one(t.users.c.id == user_id)

    def find(self, name: str) -> User | None:
        """Return the user of that login name, or None."""
        return self._one(t.users.c.name == name.strip().casefold())

    def of(self, workspace: str) -> list[User]:
        """Return the people who hold a role in ``workspace``; they show that role only."""
        query = (
            sa.select(t.users, t.grants.c.role)
            .join(t.grants, t.grants.c.user_id == t.users.c.id)
            .where(t.grants.c.workspace == workspace)
            .order_by(t.users.c.name)
        )
        with self._database.read() as connection:
            rows = connection.execute(query).all()
        return [User(row.id, row.name, {workspace: row.role}, row.disabled, row.created_ms) for row in rows]

    def check(self, name: str, password: str) -> User | None:
        """Return the user when the password is right; takes as long when there is no such user."""
        with self._database.read() as connection:
            row = connection.execute(sa.select(t.users).where(t.users.c.name == name.strip().casefold())).one_or_none()
        try:
            self._hasher.verify(row.password_hash if row else self._nobody, _normal(password)[: MAX_PASSWORD * 4])
        except argon2.exceptions.VerificationError:
            return None
        if row is None or row.disabled:
            return None
        if self._hasher.check_needs_rehash(row.password_hash):
            self._store_hash(row.id, _normal(password), row.password_changed_ms)
        return self.get(row.id)

    def check_strength(self, name: str, password: str) -> None:
        """Raise `WeakPassword` when ``password`` would be refused for the user ``name``."""
        usable_password(password, name)

    def set_password(self, user_id: str, password: str) -> None:
        """Replace a password. Raises `WeakPassword`. Sessions are the caller's to revoke."""
        user = self.get(user_id)
        if user is None:
            raise ValueError("there is no such user")
        self._store_hash(user_id, usable_password(password, user.name), self._clock())

    def _store_hash(self, user_id: str, password: str, changed_ms: int) -> None:
        hashed = self._hasher.hash(password)
        with self._database.begin() as connection:
            connection.execute(
                t.users.update()
                .where(t.users.c.id == user_id)
                .values(password_hash=hashed, password_changed_ms=changed_ms)
            )

    def _one(self, condition: sa.ColumnElement[bool]) -> User | None:
        with self._database.read() as connection:
            row = connection.execute(sa.select(t.users).where(condition)).one_or_none()
            if row is None:
                return None
            roles = connection.execute(
                sa.select(t.grants.c.workspace, t.grants.c.role)
                .where(t.grants.c.user_id == row.id)
                .order_by(t.grants.c.workspace)
            ).all()
        return User(row.id, row.name, {row.workspace: row.role for row in roles}, row.disabled, row.created_ms)


def canonical_name(name: str) -> str:
    """Return the login name as it is stored. Raises `ValueError`."""
    name = name.strip().casefold()
    if not 1 <= len(name) <= 100 or any(unicodedata.category(letter)[0] in "CZ" for letter in name):
        raise ValueError(f"user name {name[:40]!r} cannot be used; give 1 to 100 characters without spaces")
    return name


def usable_password(password: str, name: str) -> str:
    """Return the password in the form that is hashed (NFKC). Raises `WeakPassword`."""
    password = _normal(password)
    if len(password) < MIN_PASSWORD:
        raise WeakPassword(f"the password has {len(password)} characters; use at least {MIN_PASSWORD}")
    if len(password) > MAX_PASSWORD:
        raise WeakPassword(f"the password has {len(password)} characters; use at most {MAX_PASSWORD}")
    if len(set(password)) < 5 or password.casefold() in (name, name[::-1], name * 2):
        raise WeakPassword("the password is easy to guess; use several words or a password manager")
    return password


def _normal(password: str) -> str:
    return unicodedata.normalize("NFKC", password)


def _check_roles(roles: Mapping[str, str]) -> None:
    for workspace, role in roles.items():
        if role not in ROLES:
            raise ValueError(f"role {role!r} for workspace {workspace!r} is unknown; use one of {', '.join(ROLES)}")


def _identifier(random: RandomBytes) -> str:
    return base64.b32encode(random(10)).decode().lower()
