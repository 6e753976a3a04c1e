"""The condition language: what it means, what it refuses, and that text stays text."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rekindle.feeds import _sql
from rekindle.feeds.conditions import ConditionError, compile_condition

ENGINE = _sql.connect()
ENGINE.execute("CREATE TABLE item (title VARCHAR, price VARCHAR, brand VARCHAR, gtin VARCHAR)")
ENGINE.execute("INSERT INTO item VALUES ('Red Sofa cover', '129.00 PLN', 'O''Neill', NULL)")


def resolve(name: str) -> str:
    if name not in ("title", "price", "brand", "gtin"):
        raise LookupError(f"no attribute {name}")
    return _sql.name(name)


def holds(condition: str) -> bool:
    row = ENGINE.execute(f"SELECT {compile_condition(condition, resolve)} FROM item").fetchone()
    assert row is not None
    assert isinstance(row[0], bool), "a condition is true or false, never unknown"
    return row[0]


@pytest.mark.parametrize(
    ("condition", "answer"),
    [
        ("price > 100", True),
        ("price >= 129 and price <= 129.00", True),
        ("price = 129", True),
        ("price < 100 or title contains 'sofa'", True),
        ("not title contains 'SOFA'", False),
        ("title not contains 'chair'", True),
        ("brand = 'O\\'Neill'", True),
        ('brand = "O\'Neill"', True),
        ("brand in ('A', \"O'Neill\")", True),
        ("brand not in ('A', 'B')", True),
        ("gtin is missing", True),
        ("gtin is not missing", False),
        ("gtin = '1'", False),
        ("gtin != '1'", True),
        ("not gtin = '1'", True),
        ("title matches '^Red\\s+[A-Z]'", True),
        ("title starts with 'Red' and title ends with 'cover'", True),
        ("(price > 200 or brand = 'x') and title contains 'red'", False),
        ("price > 200 or brand = 'x' and title contains 'red'", False),
        ("'PLN' = 'PLN'", True),
    ],
)
def test_meaning(condition: str, answer: bool) -> None:
    assert holds(condition) is answer


@pytest.mark.parametrize(
    ("condition", "message"),
    [
        ("", "empty"),
        ("price >", "character 8: the end"),
        ("prize > 1", "character 1: no attribute prize"),
        ("price > 1 banana", "character 11: `banana`"),
        ("title contains 'sofa", "no closing '"),
        ("title matches '(?=x)'", "no RE2 expression"),
        ("title = 'a'; DROP TABLE item", "character 12: ';' has no meaning"),
        ("price in ()", "character 11"),
        ("title contains", "the end"),
        ("(" * 60 + "price > 1" + ")" * 60, "nested"),
        ("price > 1 " + "or price > 1 " * 1000, "at most"),
    ],
)
def test_refusals_name_place_and_remedy(condition: str, message: str) -> None:
    with pytest.raises(ConditionError, match=message.replace("(", r"\(").replace(")", r"\)")):
        compile_condition(condition, resolve)


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=80) | st.lists(st.sampled_from(
    ["price", "title", "and", "or", "not", "(", ")", "'a'", "12", "=", "<", "in", "contains", "is", "missing", ",", "matches"]
)).map(" ".join))  # fmt: skip
def test_the_parser_raises_its_own_error_only(condition: str) -> None:
    try:
        sql = compile_condition(condition, resolve)
    except ConditionError:
        return
    row = ENGINE.execute(f"SELECT {sql} FROM item").fetchone()
    assert row is not None
    assert row[0] in (True, False)


@settings(deadline=None)
@given(
    st.text(st.characters(exclude_categories=["Cs", "Cc"]))
    | st.sampled_from(["'; DROP TABLE item; --", "' OR 1=1 --", "\\' OR ''='"])
)
def test_text_stays_text(value: str) -> None:
    quoted = '"' + value.replace("\\", "").replace('"', '\\"') + '"'
    plain = value.replace("\\", "")
    sql = compile_condition(f"title = {quoted}", resolve)
    row = ENGINE.execute(f"SELECT {sql} FROM (SELECT ? AS title)", [plain]).fetchone()
    assert row == (True,)
    assert ENGINE.execute("SELECT count(*) FROM item").fetchone() == (1,)
