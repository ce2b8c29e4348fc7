#!/usr/bin/env python3
"""Rotates a deploy key at a git forge that speaks Gitea's API (Forgejo and Gitea; GitHub's differs in its addresses).

Arguments: the API's address of the repository, the file with a token that may change its keys, the repository's address
over SSH, and a known_hosts file with the forge's host key. Needs git, ssh and ssh-keygen. Old and new key stand beside
one another at the forge. The fields are `private_key` and `public_key`.

    command: [/usr/local/lib/harden/deploy_key.py, "https://git.example.org/api/v1/repos/infra/site",
              /etc/harden/forge-token, "ssh://git@git.example.org/infra/site.git", /etc/harden/forge-hosts]
"""

import base64
import json
import os
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request

DONE, NOT_THERE, LATER = 0, 64, 75
MEMORY = "/dev/shm"  # noqa: S108 - a folder of our own is made in it
REFUSED = "Permission denied"
SSH = (
    "ssh -F none -o BatchMode=yes -o IdentitiesOnly=yes -o IdentityAgent=none -o ControlPath=none"
    " -o StrictHostKeyChecking=yes -o GlobalKnownHostsFile=none -o ConnectTimeout=15"
)


class Rotation:
    """A method for each operation; what it returns is said to harden."""

    def __init__(self, api, token_file, address, hosts, question):
        self.api, self.token_file, self.address, self.hosts = api, token_file, address, hosts
        self.name = f"{question['secret']} {question['rotation']}"
        self.old, self.new = (self.fields(question[side]) for side in ("old", "new"))

    @staticmethod
    def fields(given):
        return {name: base64.b64decode(field["base64"]) for name, field in given.items()}

    def check(self):
        self.keys()

    def generate(self):
        with private_folder() as folder:
            path = os.path.join(folder, "key")
            run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "deploy", "-f", path], check=True)
            made = {"private_key": read(path), "public_key": read(path + ".pub")}
        return {"fields": {name: {"base64": base64.b64encode(value).decode()} for name, value in made.items()}}

    def install(self):
        if self.ids(self.new):
            return {"said": "the forge has the new key already"}
        key = {"title": self.name, "key": self.new["public_key"].decode().strip(), "read_only": True}
        self.ask("POST", "/keys", key)
        return {"said": "the forge has both keys"}

    def prove(self):
        status, said = self.list_remote(self.new)
        if status != 0:
            sys.exit(f"git cannot read the repository with the new key: {said}")
        return {"said": "git reads the repository with the new key"}

    def retire(self):
        return self.remove(self.old)

    def prove_refused(self):
        status, said = self.list_remote(self.old)
        if status == 0:
            sys.exit("git still reads the repository with the old key")
        if REFUSED not in said:
            sys.stderr.write(f"whether the old key is refused does not show: {said}\n")
            sys.exit(LATER)
        return {"said": "the forge refuses the old key"}

    def withdraw(self):
        return self.remove(self.new)

    def remove(self, fields):
        found = self.ids(fields)
        for number in found:
            self.ask("DELETE", f"/keys/{int(number)}")
        return {"said": f"{len(found)} taken out"}

    def ids(self, fields):
        """The forge's numbers of a key, which is known by its blob: titles and comments are anybody's."""
        blob = fields["public_key"].split()[1].decode()
        return [one["id"] for one in self.keys() if blob in one["key"].split()]

    def keys(self):
        return self.ask("GET", "/keys?limit=50")

    def ask(self, method, path, body=None):
        token = read(self.token_file).decode().strip()
        headers = {"Authorization": f"token {token}", "Content-Type": "application/json"}
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.api + path, data, headers, method=method)  # noqa: S310 - ours
        try:
            with urllib.request.urlopen(request, timeout=20) as answer:  # noqa: S310 - ours
                said = answer.read()
        except urllib.error.HTTPError as error:
            error.close()
            sys.exit(f"{method} {self.api}: the forge answers {error.code}")
        except OSError as error:
            sys.stderr.write(f"{self.api}: {error}\n")
            sys.exit(LATER)
        return json.loads(said) if said else None

    def list_remote(self, fields):
        """How `git ls-remote` ends with that key and no other, and what it says."""
        with private_folder() as folder:
            path = os.path.join(folder, "key")
            write(path, fields["private_key"])
            write(os.path.join(folder, "hosts"), read(self.hosts))
            # git hands this to a shell; the folder's name is ours, and nothing else in it came from outside
            command = f"{SSH} -i {path} -o UserKnownHostsFile={folder}/hosts"
            environment = {**os.environ, "GIT_SSH_COMMAND": command, "GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C"}
            done = run(["git", "ls-remote", "--exit-code", "--", self.address], env=environment)
        return done.returncode, done.stderr.decode(errors="replace")


def private_folder():
    """In memory where there is such a place; gone at the end."""
    return tempfile.TemporaryDirectory(dir=MEMORY if os.path.isdir(MEMORY) else None)


def run(arguments, check=False, env=None):
    return subprocess.run(arguments, capture_output=True, stdin=subprocess.DEVNULL, timeout=45, check=check, env=env)


def read(path):
    with open(path, "rb") as file:
        return file.read()


def write(path, content):
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(content)


OPERATIONS = ("check", "generate", "install", "prove", "retire", "prove-refused", "withdraw")


def main():
    question = json.load(sys.stdin)
    if question["operation"] not in OPERATIONS:
        return NOT_THERE
    answer = getattr(Rotation(*sys.argv[1:], question), question["operation"].replace("-", "_"))()
    json.dump(answer or {}, sys.stdout)
    return DONE


if __name__ == "__main__":
    sys.exit(main())
