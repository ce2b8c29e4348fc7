#!/usr/bin/env python3
"""Rotates the one password of a service that reads it from a file: there is no place for two, so no overlap.

Arguments: that file, its user, and a URL that wants user and password (HTTP basic authentication). It needs nothing but
Python's standard library.

    command: [/usr/local/lib/harden/password_file.py, /etc/service/password, app, "https://service.example.org/health"]
"""

import base64
import json
import os
import secrets
import sys
import urllib.error
import urllib.request

DONE, FAILED, NOT_THERE, LATER = 0, 1, 64, 75
FIELD = "password"


class Rotation:
    """A method for each operation; what it returns is said to harden."""

    def __init__(self, path, user, url, question):
        self.path, self.user, self.url = path, user, url
        self.old, self.new = (self.value(question[side]) for side in ("old", "new"))

    @staticmethod
    def value(fields):
        return base64.b64decode(fields[FIELD]["base64"]) if FIELD in fields else None

    def generate(self):
        made = "-".join(secrets.token_hex(4) for _ in range(5)).encode()
        return {"fields": {FIELD: {"base64": base64.b64encode(made).decode()}}}

    def check(self):
        if not os.access(os.path.dirname(self.path), os.W_OK):
            sys.exit(f"{self.path} cannot be replaced")

    def cut_over(self):
        self.write(self.new)
        return {"said": "the file has the new password"}

    def prove(self):
        status = self.status(self.new)
        if status != 200:
            sys.exit(f"the service answers {status} to the new password")
        return {"said": "the service answers 200"}

    def retire(self):
        return {"said": "the file has one password, the new one"}

    def prove_refused(self):
        status = self.status(self.old)
        if status != 401:
            sys.exit(f"the service answers {status} to the old password")
        return {"said": "the service answers 401"}

    def withdraw(self):
        self.write(self.old)

    def write(self, password):
        """Whole or not at all, whenever we are killed; what an earlier attempt left behind is overwritten."""
        if password is None:
            sys.exit("there is no password to write")
        beside = self.path + ".new"
        descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
        with open(descriptor, "wb") as file:
            file.write(password)
            file.flush()
            os.fsync(file.fileno())
        os.replace(beside, self.path)

    def status(self, password):
        """What the service answers; where it cannot be asked, harden is to come again."""
        login = base64.b64encode(self.user.encode() + b":" + password).decode()
        request = urllib.request.Request(self.url, headers={"Authorization": f"Basic {login}"})  # noqa: S310 - ours
        try:
            with urllib.request.urlopen(request, timeout=20) as answer:  # noqa: S310 - ours
                return answer.status
        except urllib.error.HTTPError as error:
            error.close()
            return error.code
        except OSError as error:
            sys.stderr.write(f"{self.url}: {error}\n")
            sys.exit(LATER)


OPERATIONS = ("generate", "check", "cut-over", "prove", "retire", "prove-refused", "withdraw")


def main():
    path, user, url = sys.argv[1:]
    question = json.load(sys.stdin)
    if question["operation"] not in OPERATIONS:
        return NOT_THERE
    answer = getattr(Rotation(path, user, url, question), question["operation"].replace("-", "_"))()
    json.dump(answer or {}, sys.stdout)
    return DONE


if __name__ == "__main__":
    sys.exit(main())
