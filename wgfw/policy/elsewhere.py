"""Peers read from somewhere else than where the policy says: what ``--peers [INTERFACE=]FILE`` means."""

from collections.abc import Iterable
from dataclasses import replace

from harden.document.wording import did_you_mean, quote
from harden.errors import UsageError
from wgfw.peers.grammar import valid_interface_name
from wgfw.peers.state import SOURCE
from wgfw.policy.document import Document, InterfaceEntry


def with_peers(document: Document, options: Iterable[str], folder: str) -> Document:
    """The document with the peers of ``options`` in place of its own.

    A relative FILE is relative to ``folder``, the caller's own and not the policy's; ``kernel`` is the running
    interface, as in the policy. Raises UsageError for an interface that the policy does not have or that is named
    twice, and for an option without one where the policy has several.
    """
    entries = dict(document.interfaces)
    given: set[str] = set()
    for option in options:
        entry, file = _split(option, document)
        if entry.name in given:
            raise UsageError(f"--peers {quote(option)}: the peers of {entry.name} are given twice", "leave one out")
        given.add(entry.name)
        entries[entry.name] = replace(entry, peers=file if file == SOURCE else _absolute(file, folder))
    return replace(document, interfaces=entries)


def _split(option: str, document: Document) -> tuple[InterfaceEntry, str]:
    """The interface that is meant, and the file."""
    name, sign, file = option.partition("=")
    if not sign or not valid_interface_name(name):
        name, file = _only_interface(option, document), option
    if name not in document.interfaces:
        raise UsageError(
            f"--peers {quote(option)}: the policy has no interface {quote(name)}"
            f"{did_you_mean(name, document.interfaces)}",
            [
                f"{document.path} has {', '.join(document.interfaces)}",
                f'a file whose name has a "=" in it: --peers ./{option}',
            ],
        )
    if not file or not file.isprintable():
        raise UsageError(f"--peers {quote(option)}: names no file", "--peers wg0=/etc/wireguard/wg0.conf")
    return document.interfaces[name], file


def _only_interface(option: str, document: Document) -> str:
    if len(document.interfaces) > 1:
        raise UsageError(
            f"--peers {quote(option)}: the policy has several interfaces, and this does not say which",
            f"say --peers INTERFACE=FILE for each that you mean: {', '.join(document.interfaces)}",
        )
    return next(iter(document.interfaces))


def _absolute(file: str, folder: str) -> str:
    return file if file.startswith("/") else f"{folder.rstrip('/')}/{file}"
