"""What mappings share: an address is read by the C library where it can, and never taken where Python would not take it."""

from __future__ import annotations

from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rekindle.destinations import shared
from rekindle.model.event import Client


@given(st.ip_addresses().map(str) | st.text("0123456789abcdef:.%/ \x00", max_size=20) | st.text(max_size=10))
@pytest.mark.parametrize("around", ["", " "])
def test_an_address_is_what_python_says_is_one(around: str, text: str) -> None:
    told = shared.address(Client(ip=around + text + around))
    try:
        ip_address(text.strip())
    except ValueError:
        assert told == ""
    else:
        assert told == text.strip()


@pytest.mark.parametrize(
    "text", ["192.168.01.1", "1.2.3", "0x7f.1", "2130706433", "::1.2.3.04", "1.2.3.4\0", "１.2.3.4"]
)
def test_what_some_libraries_would_take_is_no_address(text: str) -> None:
    assert shared.address(Client(ip=text)) == ""
