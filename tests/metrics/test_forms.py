from __future__ import annotations

import datetime
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from text2json.metrics.forms import as_text, digits, normal_text, read_date, read_datetime, read_number, read_time

MOMENTS = st.datetimes(datetime.datetime(1000, 1, 2), datetime.datetime(9999, 12, 30)).map(
    lambda moment: moment.replace(microsecond=0)
)


@given(st.text(alphabet=st.characters(codec="latin-1")))
def test_text_in_nfkc_with_single_spaces(text: str) -> None:
    """Latin-1 has no curly quotes, and of the invisible characters the soft hyphen alone."""
    composed = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).replace("\u00ad", ""))
    assert normal_text(text) == " ".join(composed.split())


@given(st.integers(-(10**30), 10**30), st.booleans())
def test_whole_numbers_are_read_exactly_with_or_without_commas(number: int, commas: bool) -> None:
    found = read_number(f"{number:,}" if commas else str(number))
    assert found == number
    assert isinstance(found, int)


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_floats_are_read_as_python_reads_them(number: float) -> None:
    assert read_number(repr(number)) == number
    assert float(digits(number)) == number


@pytest.mark.parametrize("text", ["007", "1.000,00", "1,00", "$5", "5%", "(500)", "1 000", "", "+", "1e", "٣", "0x1"])
def test_what_is_no_plain_number_is_not_guessed_at(text: str) -> None:
    assert read_number(text) is None


@given(st.dates())
def test_both_ways_to_write_a_date_are_one(day: datetime.date) -> None:
    assert read_date(day.isoformat()) == read_date(day.strftime("%4Y%m%d").zfill(8)) == day.isoformat()


@given(
    st.datetimes(datetime.datetime(1000, 1, 2), datetime.datetime(9999, 12, 30)).map(
        lambda t: t.replace(microsecond=0)
    ),
    st.integers(-14 * 60, 14 * 60),
)
def test_moments_are_equal_where_they_are_the_same_instant(moment: datetime.datetime, minutes: int) -> None:
    zone = datetime.timezone(datetime.timedelta(minutes=minutes))
    utc = moment.replace(tzinfo=datetime.timezone.utc)
    assert read_datetime(utc.astimezone(zone).isoformat()) == read_datetime(moment.isoformat() + "Z")
    assert read_datetime(moment.isoformat()) != read_datetime(moment.isoformat() + "Z")


@pytest.mark.parametrize(
    ("one", "other"), [("12:00", "12:00:00"), ("12:00:00.50", "12:00:00.5"), ("12:00Z", "12:00:00+00:00")]
)
def test_times_of_day_are_one_form(one: str, other: str) -> None:
    assert read_time(one) == read_time(other) is not None


@pytest.mark.parametrize("text", ["1:00", "12.00", "noon", "12:00 "])
def test_what_is_no_time_is_not_guessed_at(text: str) -> None:
    assert read_time(text) is None


@given(*[st.text() | st.integers() | st.sampled_from([("bool", "True"), ("list", "[]"), 1.0, 1, "1"])] * 2)
def test_forms_are_equal_as_text_where_they_are_equal(one: str, other: str) -> None:
    assert (as_text(one) == as_text(other)) == (one == other)


def test_a_double_prime_is_a_straight_quote() -> None:
    assert normal_text("27\u2033") == normal_text('27"') == normal_text("27\u201d")
