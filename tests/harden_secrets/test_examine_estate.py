"""Files as people have them: one finding a value, by the name that says most of it."""

import json
from collections.abc import Callable

import pytest

from harden_secrets.detect import DETECTORS
from harden_secrets.examine import Sighting, Unexamined, examine
from harden_secrets.firstpass import FirstPass
from harden_secrets.material import Material
from tests.harden_secrets.tokens.alphabet import ALNUM, mixed, text
from tests.harden_secrets.tokens.contexts import private_pem
from tests.harden_secrets.tokens.standing import github, service_account


def seen(content: str | bytes, file: str, first_pass: FirstPass) -> list[tuple[Material, int]]:
    """Kind and line of everything that is seen; nothing is left out."""
    raw = content.encode() if isinstance(content, str) else content
    observations = list(examine(raw, file, DETECTORS, first_pass=first_pass))
    assert not [one for one in observations if isinstance(one, Unexamined)]
    return [(one.detection.material, one.line) for one in observations if isinstance(one, Sighting)]


def test_the_token_of_a_kubeconfig_is_one_finding(first_pass: FirstPass) -> None:
    """And is called that, not a token of a service account."""
    content = f"apiVersion: v1\nkind: Config\nusers:\n- name: ci\n  user:\n    token: {service_account()}\n"
    assert seen(content, "config", first_pass) == [(Material.KUBECONFIG, 6)]


def test_the_key_of_a_google_account_is_one_finding(first_pass: FirstPass) -> None:
    """And is called a credential of a cloud, not a key of TLS."""
    account = {"type": "service_account", "private_key": private_pem().decode(), "client_email": "x@y.example"}
    assert seen(json.dumps(account, indent=2), "key.json", first_pass) == [(Material.CLOUD_CREDENTIAL, 3)]


LAYOUTS: dict[str, tuple[str, Callable[[list[str]], str]]] = {
    "java": ("K.java", lambda lines: "String k = " + " +\n    ".join(f'"{line}\\n"' for line in lines) + ";\n"),
    "python": ("k.py", lambda lines: "KEY = (\n" + "\n".join(f'    "{line}\\n"' for line in lines) + "\n)\n"),
    "javascript": ("k.js", lambda lines: "const k = [\n" + ",\n".join(f"'{line}'" for line in lines) + "\n]\n"),
    "xml": ("k.xml", lambda lines: f"<k>{'&#10;'.join(lines)}</k>\n"),
    "html": ("k.html", lambda lines: f"<pre>{'<br>'.join(lines)}</pre>\n"),
    "html closed": ("k.html", lambda lines: f"<pre>{'<br />'.join(lines)}</pre>\n"),
    "markdown": ("k.md", lambda lines: "".join(f"> {line}\n" for line in lines)),
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_key_in_pieces_is_one_key(layout: str, first_pass: FirstPass) -> None:
    """A line of it, decoded by itself, is no other key."""
    file, lay_out = LAYOUTS[layout]
    found = seen(lay_out(_sec1().decode().splitlines()), file, first_pass)
    assert [material for material, _ in found] == [Material.TLS_PRIVATE_KEY]


def _sec1() -> bytes:
    from cryptography.hazmat.primitives.serialization import (  # noqa: PLC0415 - here only
        Encoding,
        NoEncryption,
        PrivateFormat,
        load_pem_private_key,
    )

    key = load_pem_private_key(private_pem(), None)
    return key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())


def test_a_password_with_an_escape_in_it_is_one_finding(first_pass: FirstPass) -> None:
    """It is not found once more with the escape undone."""
    content = f"DB_PASSWORD=a{mixed(8)}%41{mixed(12)}\nX=1\n"
    assert seen(content, ".env", first_pass) == [(Material.PASSWORD, 1)]


def test_values_of_a_state_file_are_seen(first_pass: FirstPass) -> None:
    """Outputs by their own names, generated passwords by the resource that made them."""
    made = f"{text(3, ALNUM)}*4&{mixed(12)}"
    state = {
        "version": 4,
        "outputs": {
            "db_password": {"value": mixed(20), "type": "string", "sensitive": True},
            "address": {"value": "10.0.20.10:8200/ui1", "type": "string"},
        },
        "resources": [{"type": "random_password", "name": "p", "instances": [{"attributes": {"result": made}}]}],
    }
    content = json.dumps(state, indent=1)
    lines = [number for number, line in enumerate(content.splitlines(), 1) if '"value"' in line or '"result"' in line]
    assert seen(content, "terraform.tfstate", first_pass) == [
        (Material.PASSWORD, line) for line in (lines[0], lines[2])
    ]


def test_the_key_that_an_external_secret_names_is_none(first_pass: FirstPass) -> None:
    """In its manifest the field says where in the Secret the value goes."""
    spec = "spec:\n  data:\n  - secretKey: db_pa55w_prod1\n    remoteRef: {key: db}\n"
    content = f"apiVersion: external-secrets.io/v1\nkind: ExternalSecret\nmetadata: {{name: x}}\n{spec}"
    assert seen(content, "x.yaml", first_pass) == []


def test_a_kubeconfig_in_a_program_ends_somewhere(first_pass: FirstPass) -> None:
    """A password far below it is another's."""
    content = "C = 'kind: Config\\nusers:\\n- name: a'\n" + "x = 1\n" * 300 + f'y = {{"password": "{mixed(20)}"}}\n'
    assert seen(content, "test_it.py", first_pass) == []


def test_a_checksum_of_a_secret_is_none(first_pass: FirstPass) -> None:
    """Charts note it in an annotation, so that a change restarts the pods."""
    content = f"metadata:\n  annotations:\n    checksum/secret: {text(64, '0123456789abcdef')}\n"
    assert seen(content, "values.yaml", first_pass) == []


def test_a_program_is_no_document(first_pass: FirstPass) -> None:
    """What looks like the beginning of one in it is not taken apart, and not missed; a token is seen all the same."""
    content = (
        b'\x7fELF\0\0\n\na: b\nkind: Secret\ndata: [{\nresource "a" "b" '
        + b"{[" * 500
        + b"\n\0"
        + github().encode()
        + b"\0"
    )
    assert [material for material, _ in seen(content, "tool", first_pass)] == [Material.VCS_TOKEN]


def test_the_rules_of_a_scanner_hold_samples(first_pass: FirstPass) -> None:
    """Its examples are no findings."""
    rules = f"rules:\n  - id: x\n    pattern: '(ghp_[a-z]{{36}})'\n    examples:\n      - {github()}\n"
    assert seen(rules, "github.yml", first_pass) == []


def test_alerts_are_no_rules_of_a_scanner(first_pass: FirstPass) -> None:
    """They have patterns and severities as well, and what is secret in them counts."""
    alerts = f"rules:\n- alert: Down\n  regex: '[a-z]+'\n  severity: page\n  token: {github()}\n"
    assert seen(alerts, "alerts.yml", first_pass) == [(Material.VCS_TOKEN, 5)]


@pytest.mark.parametrize(
    ("file", "line"),
    [
        ("wp-config.php", "define( 'DB_PASSWORD', '@@' );"),
        ("app/settings.py", 'DATABASES = {"default": {"USER": "x", "PASSWORD": "@@"}}'),
    ],
)
def test_programs_that_are_settings_have_passwords(file: str, line: str, first_pass: FirstPass) -> None:
    """Those of WordPress and Django, by the names that these give them."""
    assert seen(f"# x\n{line.replace('@@', mixed(20))}\n", file, first_pass) == [(Material.PASSWORD, 2)]
