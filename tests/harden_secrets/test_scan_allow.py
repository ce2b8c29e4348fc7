"""Comments that allow a secret: what they are about, and when they allow nothing."""

import pytest

from harden_secrets.material import Material
from harden_secrets.scan.allow import allowances


def reason(text: str, value: str, material: Material = Material.PASSWORD) -> str | None:
    """What a comment in the text says of the value in it."""
    content = text.encode()
    start = content.index(value.encode())
    line = content.count(b"\n", 0, start) + 1
    return allowances(content).reason_for(material, line, start, start + len(value))


@pytest.mark.parametrize(
    "text",
    [
        "password: s3cret  # harden: allow password -- a test\n",
        "# harden: allow password -- a test\npassword: s3cret\n",
        '// harden: allow password -- a test\n"password": "s3cret"\n',
        '  "password": "s3cret" /* harden: allow password -- a test */\n',
        "<!-- harden: allow password -- a test -->\n<password>s3cret</password>\n",
        "; harden: allow password -- a test\nPASSWD = s3cret\n",
        "a: 1\r\n#harden: allow api-token, password -- a test\r\npassword: s3cret\r\n",
        "# harden: allow password -- a test\nkey: |\n  s3cret\n",
        "key: |-  # harden: allow password -- a test\n  s3cret\n",
        "# harden: allow password -- a test\nkey = <<EOT\ns3cret\nEOT\n",
        "password: 's3cret'  # harden: allow password -- a test",
    ],
)
def test_a_comment_with_kind_and_reason_allows(text: str) -> None:
    """Behind the value, or alone on the line before it, in every comment syntax."""
    assert reason(text, "s3cret") == "a test"


@pytest.mark.parametrize(
    "text",
    [
        "password: s3cret\n# harden: allow password -- after it\n",
        "# harden: allow password -- two before\n\npassword: s3cret\n",
        "user: x  # harden: allow password -- of another line\npassword: s3cret\n",
        "password: s3cret  # harden: allow api-token -- of another kind\n",
        "password: s3cret  # harden: allow password\n",
        "password: s3cret  # harden: allow password -- \n",
        "password: s3cret  # harden: allow -- no kind\n",
        "password: s3cret  # harden: allow everything -- an unknown kind\n",
        "{note: '# harden: allow password -- quoted', password: s3cret}\n",
    ],
)
def test_anything_else_allows_nothing(text: str) -> None:
    """A comment elsewhere, for something else, without a reason, or that is part of a value."""
    assert reason(text, "s3cret") is None


def test_a_value_cannot_allow_itself() -> None:
    """What stands inside the value that was found is no comment."""
    assert reason("password: abc#harden: allow password -- x\n", "abc#harden: allow password -- x") is None


@pytest.mark.parametrize(
    ("comment", "remark"),
    [
        ("# harden: allow password", "reason"),
        ("# harden: allow -- why", "kind"),
        ("# harden: allow passwords -- why", "'passwords'"),
    ],
)
def test_a_comment_that_fails_is_remarked_upon(comment: str, remark: str) -> None:
    """With its line, and what is missing."""
    (found,) = allowances(f"a: 1\n{comment}\n".encode()).remarks
    assert found.line == 2
    assert remark in found.text
