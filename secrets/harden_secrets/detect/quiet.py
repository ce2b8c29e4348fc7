"""What only looks like a secret: placeholders, templates, references to a value elsewhere, ciphertext, samples.

Every function takes the text of a value, without the quotes around it.
"""

import math
import re
from collections import Counter
from itertools import pairwise

_TEMPLATE = re.compile(
    r"\{\{|\}\}|\$\{|\$\(|\$\[|<%|%>|%\(\w+\)s|\[\[|\]\]|#\{"  # Helm, Jinja, shell, Terraform, ERB, Python, Ruby
    r"|^\$[A-Za-z_]\w*$|^%[A-Za-z_]\w*%$|^@[\w.-]+@$|^@@[\w.-]+@@$|^__\w+__$|^%[sdvq]$|^\{[\w.-]*\}$"
    r"|^<[^<>\n]*>$|<[A-Za-z][\w .:/-]*>"
)
_CIPHERTEXT = re.compile(
    r"^(?:ENC\[|vault:v\d+:|\$ANSIBLE_VAULT|!vault|-----BEGIN (?:PGP MESSAGE|AGE ENCRYPTED)|age-encryption\.org|AgA|AgB"
    r"|\{(?:cipher|AES|RSA)\}|ENC\()"
)
_REFERENCE = re.compile(
    r"^(?:(?:ref\+|vault:|secret:|ssm:|op://|awssm|gcpsm|azkv|arn:|env:|file:|k8s:|secretKeyRef|data\.|var\.|local\."
    r"|module\.|each\.|random_\w+\.|aws_\w+\.|os\.|process\.|env\.|self\.|this\.|config\.|settings\.|lookup\()"
    r"|(?:/|\./|\.\./|~/|[A-Za-z]:\\)[\w./\\ -]*$|https?://[^@\s]*$|id_(?:rsa|dsa|ecdsa|ed25519)(?:\.pub)?$)"
)
_WORDS = re.compile(
    r"(?i)change[-_. ]?(?:me|this|it|in)|replace[-_. ]?(?:me|this|with)|redacted|example|placeholder|removed|dummy"
    r"|your[-_. ]|my[-_. ]?(?:super[-_. ]?)?(?:secret|password|token|api|key|access)|insert[-_. ]|put[-_. ]?your|todo"
    r"|fixme|(?:^|[-_. ])(?:sample|fake|mock|none|null|nil|undefined|test|demo|default|todo|tbd|foo|bar)(?:[-_. ]|$)"
    r"|not[-_. ]?(?:a[-_. ]?)?(?:real|secret|set|used)|supersecret|s3cr3t$"
    r"|p[a@4][s5$]{1,2}w[o0]rd|foobar|lorem|enter[-_. ]"
    r"|x{5,}|X{5,}|\*{3,}|\.{3,}|…|_{5,}|-{5,}|#{3,}|\?{3,}"
)
_LONG_WORDS = re.compile(
    r"(?i)change[-_]?me|replace[-_]?me|redacted|example|placeholder|your[-_]|dummy[-_]|insert[-_]|foobar|notreal"
    r"|not[-_]a[-_]real|x{5,}|\*{3,}|\.{3,}|…|deadbeef"
)
# A part of a name: letters (in camel case too) with a number behind, a number, a version, nothing.
_WORD = re.compile(r"(?:[A-Z]?[a-z]+|[A-Z]+)(?:[A-Z][a-z]+)*\d{0,4}|v?\d{1,4}(?:[a-z]{1,2}\d{0,2})?|")
_COMMON_WORDS = (
    "password passwd passw0rd p@ssw0rd p4ssw0rd pass pwd pw secret secrets s3cr3t token admin "
    "administrator root toor test tester testing guest user username postgres postgresql mysql mariadb "
    "redis mongo mongodb rabbit rabbitmq minio minioadmin elastic changeit hunter letmein qwerty abc abcd "
    "welcome foo bar baz foobar default example sample dummy demo sa api key apikey string value none "
    "null nil true false empty required optional private public hello world mypassword mypass mysecret "
    "secretpassword topsecret verysecret supersecret access basic bearer"
)
_COMMON = frozenset(_COMMON_WORDS.split())
_RUN = 8  # so many neighbours one step apart, or all the same, is nothing that a random generator gives
# Keys that products publish for their emulators and examples: everybody has them.
_PUBLISHED = frozenset(
    {
        # Azurite and the Cosmos DB emulator, from their documentation
        "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==",
        "C2y6yDjf5/R+ob0N8A7Cgv30VRDJIWEHLM+4QDU5DE2nQ9nDuVTqobD4b8mGGyPMbIZnqyMsEcaGQy67XIw/Jw==",
        "gX1fBat3bV",  # of the client in RFC 6749
        "7Fjfp0ZBr1KtDRbnfVdmIw",
        "abcdef.0123456789abcdef",  # `kubeadm config print init-defaults`
        "9a08jv.c0izixklcxtmnze7",
        "07401b.f395accd246ae52d",  # the page on bootstrap tokens in Kubernetes' documentation
    }
)


def is_quiet(value: str) -> bool:
    """Whether the text where a secret could stand is none: empty, a template, a reference, ciphertext, a dummy."""
    text = value.strip()
    return not text or is_template(text) or is_ciphertext(text) or is_reference(text) or is_placeholder(text)


def is_template(value: str) -> bool:
    """Whether something else fills the value in: ``{{ .Values.x }}``, ``${X}``, ``$X``, ``%(x)s``, ``<token>``."""
    return _TEMPLATE.search(value) is not None


def is_ciphertext(value: str) -> bool:
    """Whether the value is encrypted by SOPS, ansible-vault, Vault's transit engine, Sealed Secrets, jasypt, age."""
    return _CIPHERTEXT.search(value) is not None


def is_reference(value: str) -> bool:
    """Whether the value says where the secret is: a path, a URL, an attribute of something, a secret manager's name."""
    return _REFERENCE.search(value) is not None


def is_placeholder(value: str) -> bool:
    """Whether it was written to be replaced, or as a dummy: ``changeme``, ``xxxxx``, ``<password>``, ``12345678``."""
    return value in _PUBLISHED or _WORDS.search(value) is not None or is_monotonous(value)


def is_dummy_token(value: str) -> bool:
    """The same for a token of a known format, where short words occur by chance and count for nothing."""
    return value in _PUBLISHED or _LONG_WORDS.search(value) is not None or is_monotonous(value)


def is_weak(password: str, user: str = "") -> bool:
    """Whether it is the user's name or one that documentation uses everywhere: the value is no secret to anybody."""
    bare = password.lower().rstrip("0123456789!.?@#$")
    return bare in _COMMON or password.lower() == user.lower() or bare in {"", user.lower()}


def is_strong(password: str) -> bool:
    """Whether it is a password and nothing else: neither a word nor the name of a thing, long and mixed."""
    if len(password) < 8 or any(map(str.isspace, password)) or is_quiet(password) or is_weak(password):
        return False
    letters = any(map(str.isalpha, password))
    digits = any(map(str.isdigit, password))
    return letters and entropy(password) >= 2.5 and not _is_name(password) and (digits or _mixes_cases(password))


def _is_name(value: str) -> bool:
    """``my-app-v2``, ``vault_token``, ``com.example.Thing``, ``2024-01-31``: words and numbers with signs between."""
    parts = re.split(r"[-_./:@+, ]", value)
    if len(parts) == 1:
        return _WORD.fullmatch(value) is not None
    words = [_WORD.fullmatch(part) is not None for part in parts]
    generated = value.islower() and len(parts) >= 3 and all(part.isalpha() for part in parts[:2]) and all(words[:2])
    return all(words) or generated  # `my-app-6b7f8d9c4d-x2x1z`: what Kubernetes calls what it makes


def _mixes_cases(value: str) -> bool:
    kinds = [_kind(char) for char in value]
    changes = sum(one != other for one, other in pairwise(kinds))
    return {"lower", "upper"} <= set(kinds) and len(value) >= 12 and changes >= len(value) * 0.3


def is_monotonous(value: str) -> bool:
    """Whether it repeats itself, counts up or down, or has hardly any different characters."""
    if not value:
        return True
    if len(value) >= 6 and (value + value).find(value, 1) < len(value):  # some part over and over
        return True
    return _longest_run(value) >= min(_RUN, len(value)) or len(set(value)) < min(5, len(value) / 3)


def entropy(value: str) -> float:
    """Shannon entropy of the characters' frequencies, in bits a character."""
    total = len(value)
    return -sum(count / total * math.log2(count / total) for count in Counter(value).values()) if total else 0.0


def looks_random(value: str) -> bool:
    """Whether a generator may have made it: no words, many different characters, their classes mixed.

    Of a million random texts of 20 characters or more (hexadecimal: 32) it refuses hardly one.
    """
    if is_dummy_token(value):
        return False
    least = 2.6 if len(value) >= 20 else math.log2(max(len(value), 2)) * 0.6
    return entropy(value) >= least and not _is_prose(value)


def _is_prose(value: str) -> bool:
    """Whether letters of one case stand together in words, where a generator would mix cases."""
    kinds = [_kind(char) for char in value]
    if not {"lower", "upper"} <= set(kinds):
        return False
    changes = sum(one != other for one, other in pairwise(kinds))
    return len(value) >= 16 and changes < len(value) * 0.15


def _kind(char: str) -> str:
    if char.isdigit():
        return "digit"
    if char.isalpha():
        return "upper" if char.isupper() else "lower"
    return "sign"


def _longest_run(value: str) -> int:
    """The length of the longest stretch in which each character is the one before plus a fixed 0, 1 or -1."""
    best = run = 1
    step: int | None = None
    for before, after in pairwise(value):
        now = ord(after) - ord(before)
        run = run + 1 if now == step else 2 if now in {0, 1, -1} else 1
        step = now if now in {0, 1, -1} else None
        best = max(best, run)
    return best


_RULE_BOOK = re.compile(
    rb"(?m)^\s{0,8}(?:-\s)?(?:\[\[rules\]\]|rules:|\"?rules\"?\s*:|detectors:|patterns:|rspecKey:)", re.IGNORECASE
)
_RULE = re.compile(  # with a class of characters soon after
    rb"(?m)^\s{0,12}(?:-\s)?[\"']?(?:regex|pattern|regexes)[\"']?\s*[:=][^\[]{0,300}\[\^?[A-Za-z0-9\\]", re.IGNORECASE
)
_RULE_SAMPLES = re.compile(
    rb"(?m)^\s{0,12}(?:-\s)?[\"']?(?:(?:non_)?examples?|negative_examples|keywords|min_entropy|entropy|secretGroup)"
    rb"[\"']?\s*[:=]",
    re.IGNORECASE,
)


def is_scanner_rules(content: bytes) -> bool:
    """Whether the file tells a scanner what secrets look like; the tokens in it are its samples."""
    head = content[:200_000]
    lower = head.lower()
    if not any(word in lower for word in (b"rule", b"detectors:", b"patterns:", b"rspeckey:")):
        return False  # in nearly all files, and much sooner
    return bool(_RULE_BOOK.search(head) and _RULE.search(head) and _RULE_SAMPLES.search(head))
