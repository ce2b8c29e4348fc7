"""Completion for shells: the scripts that ``harden completion`` prints, and the answers that these scripts ask for.

What can be completed where is decided by typer, from the tree of commands that ``--help`` shows too. Here is only the
way to the shell and back: the words of the line and the number of the one to complete come in two environment
variables, and a third, ``_HARDEN_COMPLETE``, says for which shell; every suggestion goes back on a line of its own,
with a tab and a description for the shells that show one. Nothing that goes back is run or expanded by a shell, and
where harden has nothing to say, a shell completes names of files.
"""

import os
from collections.abc import Mapping
from typing import Any, Literal

from typer._click.shell_completion import CompletionItem, ShellComplete, add_completion_class, split_arg_string

Shell = Literal["bash", "zsh", "fish"]

_BASH = """\
# Completion of harden for bash, to be installed as /etc/bash_completion.d/harden
_harden() {
    local IFS=$'\\n'
    mapfile -t COMPREPLY < <(
        COMP_WORDS="${COMP_WORDS[*]}" COMP_CWORD=$COMP_CWORD _HARDEN_COMPLETE=complete_bash "$1" 2>/dev/null
    )
    [[ -n ${COMPREPLY[0]} ]] || COMPREPLY=()
}
complete -o default -F _harden harden
"""

_ZSH = """\
#compdef harden
# Completion of harden for zsh, to be installed as _harden in a folder of $fpath
_harden() {
    local line
    local -a answer found
    answer=("${(@f)$(COMP_WORDS="${(pj:\\n:)words}" COMP_CWORD=$((CURRENT - 1)) \\
        _HARDEN_COMPLETE=complete_zsh ${~words[1]} 2>/dev/null)}")
    for line in $answer; do
        found+=("${${line%%$'\\t'*}//:/\\\\:}:${line#*$'\\t'}")
    done
    if (( $#found )); then
        _describe -V harden found
    else
        _files
    fi
}
if [[ $funcstack[1] == _harden ]]; then
    _harden "$@"
else
    compdef _harden harden
fi
"""

_FISH = """\
# Completion of harden for fish, to be installed as ~/.config/fish/completions/harden.fish
function __harden_completions
    set -l before (commandline -opc)
    set -l words $before (commandline -ct)
    set -lx COMP_WORDS (string join \\n -- $words | string collect -N)
    set -lx COMP_CWORD (count $before)
    set -lx _HARDEN_COMPLETE complete_fish
    set -l answer ($before[1] 2>/dev/null)
    if test -n "$answer"
        printf '%s\\n' $answer
    else
        __fish_complete_path (commandline -ct)
    end
end
complete --command harden --no-files --arguments '(__harden_completions)'
"""

SCRIPTS: Mapping[Shell, str] = {"bash": _BASH, "zsh": _ZSH, "fish": _FISH}


class Lines(ShellComplete):
    """Answers a shell: reads the words that it sends, gives a suggestion a line."""

    source_template = ""  # the scripts are above

    def source_vars(self) -> dict[str, Any]:
        """Nothing: the scripts have no variables."""
        return {}

    def get_completion_args(self) -> tuple[list[str], str]:
        """The words before the one to complete, without the command's own, and that one as far as it is there."""
        words = os.environ["COMP_WORDS"].split("\n")
        current = int(os.environ["COMP_CWORD"])
        before = [_unquoted(word) for word in words[1:current]]
        return before, _unquoted(words[current]) if current < len(words) else ""

    def get_completions(self, args: list[str], incomplete: str) -> list[CompletionItem]:
        """What typer suggests, but for its advice to complete a file's name, which shells follow by themselves."""
        return [item for item in super().get_completions(args, incomplete) if item.type == "plain"]

    def format_completion(self, item: CompletionItem) -> str:
        """The suggestion, a tab and what it is for."""
        return f"{item.value}\t{' '.join((item.help or '').split())}"


class Bash(Lines):
    """bash shows no descriptions. It takes ``--format=text`` for three words."""

    name = "bash"

    def get_completion_args(self) -> tuple[list[str], str]:
        """As for all, without the words that are only an equals sign."""
        before, incomplete = super().get_completion_args()
        return [word for word in before if word != "="], incomplete

    def format_completion(self, item: CompletionItem) -> str:
        """The suggestion."""
        return str(item.value)


class WholeWords(Lines):
    """For zsh and fish, which take ``--format=text`` for one word, and want all of it back."""

    def get_completions(self, args: list[str], incomplete: str) -> list[CompletionItem]:
        """As for all, with the option before the value where both are one word."""
        option, equals, _ = incomplete.partition("=")
        before = option + equals if equals and option.startswith("-") else ""
        found = super().get_completions(args, incomplete)
        return [CompletionItem(f"{before}{item.value}", help=item.help) for item in found]


def answer_shells() -> None:
    """From here on typer answers the shells that :data:`SCRIPTS` are for. Only needed where one asks."""
    add_completion_class(Bash, "bash")
    add_completion_class(WholeWords, "zsh")
    add_completion_class(WholeWords, "fish")


def _unquoted(word: str) -> str:
    """A word of the command line as the command would get it; a quote that is still open ends with the word."""
    return "".join(split_arg_string(word)) if word else ""
