"""Markup: text of a file is no tag."""

from zoo.drawing.markup import Markup, render, tag


def test_markup_escapes_all_but_markup() -> None:
    assert tag("p", "a < b", Markup("<br>")) == "<p>a &lt; b<br></p>"
    assert tag("p", title='"x"', class_="y", data_z=1.25) == (
        '<p title="&quot;x&quot;" class="y" data-z="1.2"></p>'
    )
    assert tag("input", checked=True, disabled=False, id=None) == "<input checked>"
    assert render("a\tb\x00") == "a b\N{REPLACEMENT CHARACTER}"
