"""A form is read as the standard library reads one."""

from __future__ import annotations

from urllib.parse import parse_qsl, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from claimhooks.issuer.parameters import FORM, parameters
from claimhooks.issuer.refusals import Malformed

names = st.text(st.characters(codec="utf-8"), min_size=1)
FORM_CHARACTERS = "abc=&+%0129afAF;é\0 "


@given(st.dictionaries(names, st.text(st.characters(codec="utf-8"), min_size=1), max_size=20))
def test_what_a_form_says_is_what_was_written_into_it(fields: dict[str, str]) -> None:
    assert parameters(urlencode(fields).encode(), FORM) == fields


@given(st.text(st.sampled_from(FORM_CHARACTERS), max_size=30))
def test_a_form_is_read_or_refused_as_the_standard_library_does(text: str) -> None:
    body = text.encode()
    try:
        pairs = parse_qsl(body.decode("ascii"), keep_blank_values=True, errors="strict")
    except UnicodeDecodeError:
        pairs = None
    if pairs is None or len(dict(pairs)) != len(pairs):
        with pytest.raises(Malformed):
            parameters(body, FORM)
    else:
        assert parameters(body, FORM) == {name: value for name, value in pairs if value}
