"""JSON by the platform's rules: what it says of what it can't read, and what becomes of numbers."""

import json
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.http.jsontext import (
    LONG_TEXT,
    PIECE,
    Malformed,
    Reader,
    compact,
    pretty,
    utf8,
    value_from_json,
)

WRONG = [
    (
        b"",
        "Unexpected end-of-input at input index 0 (line 1, position 1),"
        " expected JSON Value:\n\n^\n",
    ),
    (
        b"{oops",
        "Unexpected character 'o' at input index 1 (line 1, position 2),"
        " expected '\"':\n{oops\n ^\n",
    ),
    (
        b"{",
        "Unexpected end-of-input at input index 1 (line 1, position 2), expected '\"':\n{\n ^\n",
    ),
    (
        b"[1,]",
        "Unexpected character ']' at input index 3 (line 1, position 4),"
        " expected JSON Value:\n[1,]\n   ^\n",
    ),
    (
        b"[1 2]",
        "Unexpected character '2' at input index 3 (line 1, position 4),"
        " expected ']':\n[1 2]\n   ^\n",
    ),
    (
        b'{"a" 1}',
        "Unexpected character '1' at input index 5 (line 1, position 6),"
        " expected ':':\n{\"a\" 1}\n     ^\n",
    ),
    (
        b"1x",
        "Unexpected character 'x' at input index 1 (line 1, position 2),"
        " expected end-of-input:\n1x\n ^\n",
    ),
    (
        b"01",
        "Unexpected character '1' at input index 1 (line 1, position 2),"
        " expected end-of-input:\n01\n ^\n",
    ),
    (
        b"-",
        "Unexpected end-of-input at input index 1 (line 1, position 2), expected DIGIT:\n-\n ^\n",
    ),
    (
        b"1.",
        "Unexpected end-of-input at input index 2 (line 1, position 3), expected DIGIT:\n1.\n  ^\n",
    ),
    (
        b"1e+",
        "Unexpected end-of-input at input index 3 (line 1, position 4),"
        " expected DIGIT:\n1e+\n   ^\n",
    ),
    (
        b"trap",
        "Unexpected character 'a' at input index 0 (line 1, position 1),"
        " expected JSON Value:\ntrap\n^\n",
    ),
    (
        b"NaN",
        "Unexpected character 'N' at input index 0 (line 1, position 1),"
        " expected JSON Value:\nNaN\n^\n",
    ),
    (
        b'"\\x"',
        "Unexpected character 'x' at input index 2 (line 1, position 3),"
        " expected JSON escape sequence:\n"
        '"\\x"\n  ^\n',
    ),
    (
        b'"\\u12x4"',
        "Unexpected character 'x' at input index 5 (line 1, position 6),"
        ' expected hex digit:\n"\\u12x4"\n     ^\n',
    ),
    (
        b'"a\nb"',
        "Unexpected character '\\u000a' at input index 2 (line 1, position 3),"
        " expected '\"':\n\"a\n  ^\n",
    ),
    (
        b"[\n1,\n}]",
        "Unexpected character '}' at input index 5 (line 3, position 1),"
        " expected JSON Value:\n}]\n^\n",
    ),
    (
        b'{"k":"\xe9"}',
        "Unexpected end-of-input at input index 9 (line 1, position 10),"
        ' expected \'"\':\n{"k":"\ufffd\n         ^\n',
    ),
    (
        b"[" * 1001,
        "JSON input nested too deeply:JSON input was nested more"
        " deeply than the configured limit of maxNesting = 1000",
    ),
    (
        b"9" * 101,
        "Number too long:The number starting with '99999999999999999999' had 101 "
        "characters which is more than the"
        " allowed limit maxNumberCharacters = 100. If this is legit input "
        "consider increasing the limit.",
    ),
]


@pytest.mark.parametrize(
    "data, message", [pytest.param(*row, id=repr(row[0][:12])) for row in WRONG]
)
def test_what_is_wrong_is_said_as_the_platform_says_it(data, message):
    with pytest.raises(Malformed) as caught:
        value_from_json(data)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    "text, written",
    [
        *[
            (text, text)
            for text in ("1.50", "0.1", "-1.25", "1", "-7", "1.0", "123456789012345678901234567890")
        ],
        *[
            ("1e400", "1E+400"),
            ("1e2", "1E+2"),
            ("1E-7", "1E-7"),
            ("-0.0", "0.0"),
            ("-0", "0"),
            ("1e-400", "1E-400"),
        ],
        *[
            ("0.00000001", "1E-8"),
            ("0.000001", "0.000001"),
            ("12345678901234567.5", "12345678901234567.5"),
        ],
    ],
)
def test_a_number_leaves_as_java_writes_it(text, written):
    value = value_from_json(f"[{text}]".encode())
    assert (compact(value), pretty(value)) == (f"[{written}]", f"[{written}]")


def test_an_exponent_beyond_java_is_no_number():
    with pytest.raises(Malformed):
        value_from_json(b"[1e99999999999]")


def test_the_last_of_two_equal_keys_counts():
    assert value_from_json(b'{"a":1,"a":2}') == {"a": 2}


def test_a_thousand_levels_are_read():
    assert compact_depth(value_from_json(b"[" * 999 + b"1" + b"]" * 999)) == 999


def compact_depth(value):
    depth = 0
    while isinstance(value, list):
        value, depth = value[0], depth + 1
    return depth


def test_brackets_in_texts_nest_nothing():
    text = "[" * 2000
    assert value_from_json(json.dumps([text]).encode()) == [text]


@pytest.mark.parametrize(
    "value, written",
    [
        ({}, "{\n\n}"),
        ([], "[]"),
        ({"b": 1, "a": [1, {"z": None}]}, '{\n  "a": [1, {\n    "z": null\n  }],\n  "b": 1\n}'),
        ({"\uff5e": 1, "\U0001f600": 2}, '{\n  "\U0001f600": 2,\n  "\uff5e": 1\n}'),
        ({"a": Decimal("1.50"), "b": True}, '{\n  "a": 1.50,\n  "b": true\n}'),
    ],
)
def test_pretty(value, written):
    assert pretty(value) == written


def test_half_a_character_becomes_a_question_mark():
    assert utf8(compact(value_from_json(b'["\\ud800x"]'))) == b'["?x"]'


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**30), 10**30)
    | st.text(st.characters(blacklist_categories=["Cs"])),
    lambda inner: (
        st.lists(inner)
        | st.dictionaries(st.text(st.characters(blacklist_categories=["Cs"])), inner)
    ),
)


@settings(deadline=None)
@given(VALUES)
def test_the_careful_reader_reads_what_the_quick_one_reads(value):
    data = compact(value).encode("utf-8")
    assert Reader(data).value_alone() == value_from_json(data) == value


@pytest.mark.parametrize("place", ["exec", "value"])
def test_an_actions_code_is_written_in_pieces_and_is_the_same(place, monkeypatch):
    code = '"\\\n\u00e9\ud83d\x01' * (LONG_TEXT // 4)
    value = {"name": "a", place: {"code": code, "binary": False}, "limits": [1, None]}
    expected = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    written = []
    dumps = json.dumps

    def noted(value, **options):
        written.append(len(value) if isinstance(value, (str, dict)) else 0)
        return dumps(value, **options)

    monkeypatch.setattr(json, "dumps", noted)
    assert compact(value) == expected
    assert max(written) == PIECE
