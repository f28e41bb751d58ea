"""Bytes become text as browsers make it; what is declared, what is used, and whether they agree are known."""

from __future__ import annotations

import codecs

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seo_engine.engine.site.document.encoding import PRESCANNED_BYTES, decode

GERMAN = "<title>Töpfe für Gärten</title>"


@pytest.mark.parametrize(
    ("data", "used", "declared", "declared_in"),
    [
        (b"\xef\xbb\xbf" + GERMAN.encode(), "utf-8", "utf-8", "mark"),
        (GERMAN.encode("utf-16"), "utf-16le", "utf-16le", "mark"),
        (codecs.BOM_UTF16_BE + GERMAN.encode("utf-16-be"), "utf-16be", "utf-16be", "mark"),
        (f"<meta charset=latin1>{GERMAN}".encode("windows-1252"), "windows-1252", "latin1", "meta"),
        (f"<META CHARSET='UTF-8'>{GERMAN}".encode(), "utf-8", "UTF-8", "meta"),
        (
            f'<meta http-equiv="content-type" content="text/html; charset=iso-8859-15">{GERMAN}'.encode("iso-8859-15"),
            "iso-8859-15",
            "iso-8859-15",
            "meta",
        ),
        (
            f"<?xml version='1.0' encoding='iso-8859-2'?>{GERMAN}".encode("iso-8859-2"),
            "iso-8859-2",
            "iso-8859-2",
            "XML",
        ),
        (f"<meta charset=utf-16>{GERMAN}".encode(), "utf-8", "utf-16", "meta"),
        (GERMAN.encode(), "utf-8", "", ""),
        (f"<meta charset=no-such>{GERMAN}".encode(), "utf-8", "no-such", "meta"),
    ],
)
def test_a_declaration_is_obeyed_where_browsers_do(data: bytes, used: str, declared: str, declared_in: str) -> None:
    decoded = decode(data)
    assert GERMAN in decoded.text
    assert (decoded.used, decoded.declared, decoded.declared_in) == (used, declared, declared_in)
    assert decoded.replaced == 0


def test_the_first_of_mark_transport_and_meta_counts() -> None:
    data = f"<meta charset=koi8-r>{GERMAN}".encode()
    assert decode(data, "utf-8").declared_in == "transport"
    assert decode(b"\xef\xbb\xbf" + data, "koi8-r").declared_in == "mark"
    assert decode(data, "no-such").declared_in == "meta"


@pytest.mark.parametrize(("distance", "where"), [(0, "meta"), (PRESCANNED_BYTES, "late meta")])
def test_a_declaration_that_comes_late_is_obeyed_and_noted(distance: int, where: str) -> None:
    decoded = decode(f"<!--{'-' * distance}--><meta charset=koi8-r><title>Горшки</title>".encode("koi8-r"))
    assert "Горшки" in decoded.text
    assert decoded.declared_in == where


@pytest.mark.parametrize(
    "hidden",
    [
        "<!-- <meta charset=koi8-r> -->",
        "<script>'<meta charset=koi8-r>'</script>",
        "<style><meta charset=koi8-r></style>",
        "<p title='<meta charset=koi8-r>'>",
        "<metadata charset=koi8-r>",
        "<meta name=charset content=koi8-r>",
    ],
)
def test_what_declares_nothing_in_a_browser_declares_nothing(hidden: str) -> None:
    decoded = decode(f"{hidden}{GERMAN}".encode())
    assert GERMAN in decoded.text
    assert decoded.declared == ""


def test_japanese_in_euc_has_the_signs_that_browsers_know() -> None:
    # "㈱山田陶器 ①" by the standard's table; Python's own lacks two of them.
    decoded = decode(b"<meta charset=euc-jp><title>\xad\xea" + "山田陶器 ".encode("euc_jp") + b"\xad\xa1\xfe\xfe.\xa4")
    assert decoded.text.endswith("㈱山田陶器 ①\ufffd.\ufffd")
    assert decoded.replaced == 2


def test_a_stray_quote_hides_no_declaration() -> None:
    assert decode('<html lang="zh""><head><meta charset="gb2312"><title>价格'.encode("gbk")).text.endswith("价格")


def test_what_is_declared_and_what_can_be_read_are_compared() -> None:
    assert decode(f"<meta charset=utf-8>{GERMAN}".encode()).agrees
    wrong = decode(f"<meta charset=utf-8>{GERMAN}".encode("windows-1252"))
    assert (wrong.agrees, wrong.replaced) == (False, 3)
    assert not decode(GERMAN.encode()).agrees


def test_a_few_bad_bytes_are_replaced_and_counted() -> None:
    decoded = decode(GERMAN.encode() + b"<p>\xff\xfe tail \xc3")
    assert GERMAN in decoded.text
    assert (decoded.used, decoded.replaced) == ("utf-8", 3)


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("Съешь же ещё этих мягких французских булок, да выпей чаю. Наши горшки из красной глины.", "windows-1251"),
        ("私たちの鉢は手作りです。窯で二度焼いています。どうぞご覧ください。", "euc-jp"),
        ("우리 화분은 손으로 만들고 가마에서 두 번 굽습니다.", "euc-kr"),
        (
            "Nasze doniczki są ręcznie robione i dwukrotnie wypalane w piecu za sklepem. Możesz je zamówić.",
            "iso-8859-2",
        ),
        ("Größe", "windows-1252"),
        ("Unsere Töpfe werden von Hand gedreht und für Gärten gebrannt; größere auf Wunsch.", "windows-1252"),
    ],
)
def test_what_is_declared_nowhere_is_guessed_from_the_text(text: str, encoding: str) -> None:
    decoded = decode(f"<html><head><script>var a = 'only English here';</script><p>{text}".encode(encoding))
    assert text in decoded.text
    assert decoded.declared_in == ""


@pytest.mark.parametrize("label", ["utf-7", "unicode_escape", "raw_unicode_escape", "idna", "rot13", "base64", "zlib"])
def test_no_codec_that_only_python_knows_is_run(label: str) -> None:
    text = r"<title>A+AD4-B \n \x41 QUJD</title>"
    decoded = decode(f"<meta charset={label}>{text}".encode())
    assert text in decoded.text
    assert decoded.used == "utf-8" and not decoded.agrees


@given(st.binary(max_size=400), st.sampled_from(["", "utf-8", "shift_jis", "iso-2022-jp", "no-such"]))
def test_any_bytes_become_text(data: bytes, label: str) -> None:
    assert isinstance(decode(data, label).text, str)
