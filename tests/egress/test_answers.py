"""Waits and words read from platforms' answers."""

from hypothesis import given
from hypothesis import strategies as st

from rekindle.egress.answers import masked, retry_after_ms
from rekindle.egress.connector import Answer


def wait(**headers: str) -> int:
    return retry_after_ms(Answer(429, {name.replace("_", "-"): value for name, value in headers.items()}))


def test_retry_after_in_seconds_and_as_a_date():
    assert wait(retry_after="120") == 120_000
    date = "Tue, 01 Sep 2026 12:00:00 GMT"
    assert wait(retry_after="Tue, 01 Sep 2026 12:01:30 GMT", date=date) == 90_000
    assert wait(retry_after="Tue, 01 Sep 2026 11:00:00 GMT", date=date) == 0
    assert wait(retry_after="soon") == 0
    assert wait() == 0
    assert wait(retry_after="99999999999") == 86_400_000


def test_metas_usage_header_says_when_access_returns():
    usage = '{"123":[{"type":"ads_management","call_count":100,"estimated_time_to_regain_access":7}]}'
    assert wait(x_business_use_case_usage=usage, retry_after="5") == 420_000
    assert wait(x_business_use_case_usage="{broken") == 0


@given(st.text(), st.text())
def test_no_header_upsets_the_reader(first, second):
    assert 0 <= wait(retry_after=first, date=second, x_business_use_case_usage=second) <= 86_400_000


def test_words_keep_the_reason_and_lose_the_person():
    words = masked(
        "Invalid parameter: em anna.kowalska@example.com, ip 203.0.113.7, fbp fb.1.1700000000000.123, phone "
        "+48 601 234 567, token EAAB1234567890abcdefghijklmnop, see https://example.com/?u=anna"
    )
    assert words.startswith("Invalid parameter: em [e-mail]")
    for secret in ("anna", "203.0.113", "fb.1.", "601", "EAAB", "example.com"):
        assert secret not in words


@given(st.text(max_size=2000))
def test_words_are_short_and_printable(text):
    found = masked(text)
    assert len(found) <= 300
    assert found.isprintable()
