"""What stands at the top of every paper."""

from __future__ import annotations

import base64

import pytest

from erp.admin.papers import LARGEST_LOGO, letterhead
from erp.errors import ErpError

PIXEL = base64.b64decode("R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7")


@pytest.mark.option("erp.company_address")
def test_papers_have_the_name_and_the_address_of_the_company(app, set_option):
    assert letterhead().address == ()
    set_option("erp.company_name", "Lumen & Sons")
    set_option("erp.company_address", "Nordring 12; 20095 Hamburg;;Germany")
    assert (letterhead().name, letterhead().address) == (
        "Lumen & Sons",
        ("Nordring 12", "20095 Hamburg", "Germany"),
    )


@pytest.mark.option("erp.company_logo")
def test_papers_have_the_logo_that_the_options_name(app, set_option, tmp_path):
    assert letterhead().logo == ""
    (tmp_path / "logo.PNG").write_bytes(PIXEL)
    set_option("erp.company_logo", str(tmp_path / "logo.PNG"))
    assert letterhead().logo == f"data:image/png;base64,{base64.b64encode(PIXEL).decode()}"


def test_a_logo_that_is_not_there_or_too_large_is_left_out_and_the_paper_says_why(app, set_option, tmp_path):
    set_option("erp.company_logo", str(tmp_path / "gone.png"))
    assert letterhead().logo == ""
    assert "cannot be read: No such file" in letterhead().problem
    (tmp_path / "gone.png").write_bytes(b"x" * (LARGEST_LOGO + 1))
    assert "larger than 1000 kB" in letterhead().problem


def test_a_logo_is_an_image(app, set_option):
    with pytest.raises(ErpError, match="ends with .png"):
        set_option("erp.company_logo", "/etc/passwd")
